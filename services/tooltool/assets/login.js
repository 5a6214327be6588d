// SPDX-License-Identifier: MPL-2.0
// The end of a sign-in: Taskcluster sends the browser back with a code, which becomes a token, which becomes
// credentials. They stay in this tab.
import * as session from "./session.js";

const page = document.getElementById("login");
const outcome = document.getElementById("outcome");

async function finish() {
  const answer = new URLSearchParams(location.search);
  // The code must not stay in the history.
  history.replaceState(null, "", location.pathname);
  const attempt = session.takeAttempt();
  if (!attempt || answer.get("state") !== attempt.state) {
    throw new Error("this sign-in was not begun here");
  }
  if (answer.has("error")) {
    throw new Error(answer.get("error_description") || answer.get("error"));
  }
  const { root, client } = page.dataset;
  const token = await read(`${root}/login/oauth/token`, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      code: answer.get("code"),
      redirect_uri: attempt.redirectUri,
      client_id: client,
    }),
  });
  const { credentials, expires } = await read(`${root}/login/oauth/credentials`, {
    headers: { Authorization: `Bearer ${token.access_token}` },
  });
  session.begin(credentials, expires);
  location.replace(samePlace(attempt.back));
}

/** Returns where the sign-in began, when that is a page of ours. */
function samePlace(address) {
  const here = new URL("index.html", location.href);
  const back = new URL(address, here);
  return back.origin === here.origin ? back : here;
}

async function read(url, options) {
  const answer = await fetch(url, { credentials: "omit", cache: "no-store", ...options });
  if (!answer.ok) {
    throw new Error(`Taskcluster answered ${answer.status}`);
  }
  return answer.json();
}

finish().catch((error) => {
  outcome.textContent = `The sign-in failed: ${error.message}.`;
});
