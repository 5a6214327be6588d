// SPDX-License-Identifier: MPL-2.0
// What this tab remembers of a sign-in: gone with the tab, and with the life of the credentials.

const CREDENTIALS = "tooltool.credentials";

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

function read(name) {
  try {
    return JSON.parse(sessionStorage.getItem(name));
  } catch {
    return null;
  }
}
