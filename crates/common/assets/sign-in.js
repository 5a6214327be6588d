// SPDX-License-Identifier: MPL-2.0
// Taskcluster's sign-in for web applications: the browser goes there and comes back with a code, which becomes a
// token, which becomes credentials. What the way back needs stays in this tab.
import { randomText } from "./hawk.js";

const ATTEMPT = "sign-in.attempt";

/**
 * Leaves for Taskcluster at `root`, which knows this application as `client`. `redirectUri` is where it sends the browser
 * back to, `back` the page where people go on, `expires` how long the credentials are wanted, such as "1 hour".
 */
export async function begin({ root, client, scope, expires, redirectUri, back }) {
  const attempt = { state: randomText(24), verifier: randomText(32), redirectUri, back };
  sessionStorage.setItem(ATTEMPT, JSON.stringify(attempt));
  const url = new URL(`${root}/login/oauth/authorize`);
  url.search = new URLSearchParams({
    response_type: "code",
    client_id: client,
    redirect_uri: redirectUri,
    scope,
    state: attempt.state,
    expires,
    // Deployments that do not know the proof of possession pass it over.
    code_challenge: await challenge(attempt.verifier),
    code_challenge_method: "S256",
  });
  location.assign(url);
}

/** Ends what `begin` began, on the page that Taskcluster sent the browser back to. */
export async function finish({ root, client }) {
  const answer = new URLSearchParams(location.search);
  // The code must not stay in the history.
  history.replaceState(null, "", location.pathname);
  const attempt = takeAttempt();
  if (!attempt || answer.get("state") !== attempt.state) {
    throw new Error("this sign-in was not begun here");
  }
  if (answer.has("error")) {
    throw new Error(answer.get("error_description") || answer.get("error"));
  }
  const token = await read(`${root}/login/oauth/token`, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      code: answer.get("code") ?? "",
      redirect_uri: attempt.redirectUri,
      client_id: client,
      code_verifier: attempt.verifier,
    }),
  });
  const { credentials, expires } = await read(`${root}/login/oauth/credentials`, {
    headers: { Authorization: `Bearer ${token.access_token}` },
  });
  return { credentials, expires, back: attempt.back };
}

/** Returns `address` when it is a page of this origin, else `fallback`. */
export function samePlace(address, fallback) {
  const home = new URL(fallback, location.href);
  const there = URL.canParse(address ?? "", home) ? new URL(address, home) : home;
  return there.origin === home.origin ? there : home;
}

/** Returns what the sign-in was begun with, once. */
function takeAttempt() {
  const text = sessionStorage.getItem(ATTEMPT);
  sessionStorage.removeItem(ATTEMPT);
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Returns what RFC 7636 calls S256 of a secret. */
async function challenge(verifier) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const text = btoa(String.fromCharCode(...new Uint8Array(digest)));
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

async function read(url, options) {
  const answer = await fetch(url, { credentials: "omit", cache: "no-store", ...options });
  if (!answer.ok) {
    throw new Error(`Taskcluster answered ${answer.status}`);
  }
  return answer.json();
}
