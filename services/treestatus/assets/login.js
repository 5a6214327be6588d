// SPDX-License-Identifier: MPL-2.0
// `/static/login.html?action=login` sends people to Taskcluster, which sends them back here with a code.
import * as session from "./session.js";
import { begin, finish, samePlace } from "./sign-in.js";

const HOME = "/static/ui/treestatus/";
const { taskclusterRootUrl: root, loginClientId: client, loginScopes } = document.body.dataset;

function say(text) {
  const outcome = document.getElementById("outcome");
  if (outcome) {
    outcome.textContent = text;
  }
}

/** Leaves for Taskcluster. Links may name what this page is set up for, and nothing else. */
async function leave(wanted) {
  const named = wanted.get("taskcluster_url");
  if (named && named.replace(/\/+$/, "") !== root) {
    throw new Error(`this page signs in at ${root} only`);
  }
  if (wanted.has("client_id") && wanted.get("client_id") !== client) {
    throw new Error(`this page is known as ${client}`);
  }
  say("Going to Taskcluster.");
  const redirectUri = new URL(location.pathname, location.href).href;
  const back = samePlace(wanted.get("return_url"), HOME).href;
  const scope = wanted.get("scope") || loginScopes;
  await begin({ root, client, scope, expires: "1 week", redirectUri, back });
}

async function arrive() {
  say("Fetching your credentials from Taskcluster.");
  const { credentials, expires, back } = await finish({ root, client });
  session.begin(credentials, expires);
  location.replace(samePlace(back, HOME));
}

async function run() {
  if (!globalThis.crypto?.subtle) {
    // Browsers hide it from pages that came without TLS.
    throw new Error("it needs HTTPS");
  }
  const wanted = new URLSearchParams(location.search);
  if (wanted.get("action") === "login") {
    await leave(wanted);
  } else if (wanted.has("code") || wanted.has("error") || wanted.has("state")) {
    await arrive();
  } else {
    await leave(new URLSearchParams());
  }
}

if (root) {
  run().catch((error) => say(`The sign-in failed: ${error.message}.`));
}
