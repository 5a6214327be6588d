// SPDX-License-Identifier: MPL-2.0
// What this tab remembers of a sign-in: gone with the tab, and with the life of the credentials.

const CREDENTIALS = "tooltool.credentials";
const ATTEMPT = "tooltool.attempt";

/** Returns the credentials of this tab, or null. */
export function current() {
  const session = read(CREDENTIALS);
  if (session && Date.parse(session.expires) > Date.now()) {
    return session.credentials;
  }
  end();
  return null;
}

/** Keeps credentials until `expires`. */
export function begin(credentials, expires) {
  sessionStorage.setItem(CREDENTIALS, JSON.stringify({ credentials, expires }));
}

/** Forgets the credentials. */
export function end() {
  sessionStorage.removeItem(CREDENTIALS);
}

/** Keeps what a sign-in was begun with while the browser is away. */
export function attempt(details) {
  sessionStorage.setItem(ATTEMPT, JSON.stringify(details));
}

/** Returns what the sign-in was begun with, once. */
export function takeAttempt() {
  const details = read(ATTEMPT);
  sessionStorage.removeItem(ATTEMPT);
  return details;
}

function read(name) {
  try {
    return JSON.parse(sessionStorage.getItem(name));
  } catch {
    return null;
  }
}
