// SPDX-License-Identifier: MPL-2.0
// What this browser remembers of a sign-in, for all its tabs, until the credentials end. Nothing of it is sent anywhere.

const PREFIX = "taskcluster_login_";
const NAMES = ["client_id", "access_token", "certificate", "expires"];

/** Returns the credentials, or null. */
export function current() {
  const [clientId, accessToken, certificate, expires] = NAMES.map((name) => localStorage.getItem(PREFIX + name));
  if (!clientId || !accessToken) {
    return null;
  }
  if (!(Date.parse(expires) > Date.now())) {
    end();
    return null;
  }
  return { clientId, accessToken, certificate, expires };
}

/** Keeps credentials until `expires`. */
export function begin({ clientId, accessToken, certificate }, expires) {
  end();
  keep("client_id", clientId);
  keep("access_token", accessToken);
  keep("expires", expires);
  if (certificate) {
    keep("certificate", typeof certificate === "string" ? certificate : JSON.stringify(certificate));
  }
}

/** Forgets the credentials. */
export function end() {
  for (const name of NAMES) {
    localStorage.removeItem(PREFIX + name);
  }
}

/** Calls `changed` when another tab signs in or out. */
export function watch(changed) {
  addEventListener("storage", ({ key }) => {
    if (key === null || key.startsWith(PREFIX)) {
      changed();
    }
  });
}

function keep(name, value) {
  localStorage.setItem(PREFIX + name, value);
}
