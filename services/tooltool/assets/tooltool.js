// SPDX-License-Identifier: MPL-2.0
// Sign-in, downloads of internal files and administration. Everything else works without this script.
import { signedFetch, signedUrl } from "./hawk.js";
import * as session from "./session.js";
import { begin } from "./sign-in.js";

const SCOPES = "project:releng:services/tooltool/api/*";
const MANAGE = "project:releng:services/tooltool/api/manage";
// A link that is followed at once; the clocks of browsers are wrong by minutes.
const LINK_SECONDS = 300;

const account = document.getElementById("account");
const who = document.getElementById("who");

function say(text) {
  who.textContent = text;
}

function signIn() {
  const { root, client } = account.dataset;
  const redirectUri = new URL("login.html", location.href).href;
  failing(begin({ root, client, scope: SCOPES, expires: "1 hour", redirectUri, back: location.href }));
}

function signOut() {
  session.end();
  location.reload();
}

/** Asks the service what the credentials are worth and shows it. */
async function show(credentials) {
  const signOutButton = document.getElementById("sign-out");
  document.getElementById("sign-in").hidden = credentials !== null;
  signOutButton.hidden = credentials === null;
  if (credentials === null) {
    return;
  }
  say(credentials.clientId);
  const answer = await signedFetch(credentials, "GET", "../init");
  if (!answer.ok) {
    say(`The service cannot check who you are now (${answer.status}).`);
    return;
  }
  const { user } = await answer.json();
  if (user.type === "anonymous") {
    session.end();
    say("Your sign-in does not hold any more.");
    document.getElementById("sign-in").hidden = false;
    signOutButton.hidden = true;
    return;
  }
  const names = user.permissions.map((permission) => permission.name);
  who.title = user.permissions.map((permission) => permission.doc).join("\n") || "No permissions here";
  const manage = document.getElementById("manage");
  if (manage && names.includes(MANAGE)) {
    manage.hidden = false;
  }
}

/** Follows a link to an internal file with a signature in the address: a redirect takes no headers along. */
async function download(event) {
  const link = event.target.closest("a[data-internal]");
  if (!link) {
    return;
  }
  event.preventDefault();
  const credentials = session.current();
  if (credentials === null) {
    say("Internal files are for people who are signed in.");
    return;
  }
  location.assign(await signedUrl(credentials, link.href, LINK_SECONDS));
}

/** Sends operations about the file of this page. */
async function change(operations) {
  const outcome = document.getElementById("outcome");
  const credentials = session.current();
  if (credentials === null) {
    outcome.textContent = "Sign in again.";
    return;
  }
  outcome.textContent = "…";
  const { digest } = document.getElementById("manage").dataset;
  const answer = await signedFetch(credentials, "PATCH", `../file/sha512/${digest}`, operations);
  if (answer.ok) {
    location.reload();
    return;
  }
  const problem = await answer.json().catch(() => ({}));
  outcome.textContent = problem.title || `The service answered ${answer.status}.`;
}

function prepareManagement() {
  document.getElementById("visibility-form")?.addEventListener("submit", (event) => {
    event.preventDefault();
    const visibility = new FormData(event.target).get("visibility");
    failing(change([{ op: "set_visibility", visibility }]));
  });
  document.getElementById("delete-form")?.addEventListener("submit", (event) => {
    event.preventDefault();
    failing(change([{ op: "delete_instances" }]));
  });
}

/** Tells people what went wrong instead of keeping it in the console. */
function failing(promise) {
  promise.catch((error) => say(`That did not work: ${error.message}`));
}

if (account) {
  account.hidden = false;
  if (globalThis.crypto?.subtle === undefined) {
    // Browsers hide it from pages that came without TLS.
    say("Signing in needs HTTPS.");
    document.getElementById("sign-in").hidden = true;
  } else {
    document.getElementById("sign-in").addEventListener("click", signIn);
    document.getElementById("sign-out").addEventListener("click", signOut);
    document.addEventListener("click", (event) => failing(download(event)));
    prepareManagement();
    failing(show(session.current()));
  }
}
