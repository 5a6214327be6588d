// SPDX-License-Identifier: MPL-2.0
// What the one who is signed in may do here: Taskcluster says which scopes the credentials have.
import { signedFetch } from "./hawk.js";
import * as session from "./session.js";

const KNOWN = "treestatus.rights";
const SCOPES = {
  update: "trees/update",
  create: "trees/create",
  delete: "trees/delete",
  revert: "recent_changes/revert",
};

/** Returns the names of what these scopes allow; each prefix that the service accepts counts. */
export function allowed(held, prefixes) {
  const satisfied = (wanted) =>
    held.some((scope) => (scope.endsWith("*") ? wanted.startsWith(scope.slice(0, -1)) : scope === wanted));
  return Object.keys(SCOPES).filter((right) => prefixes.some((prefix) => satisfied(prefix + SCOPES[right])));
}

/** Returns what was found out last for these credentials, so that buttons need not wait; else nothing. */
export function known({ clientId, expires }) {
  try {
    const { of, rights } = JSON.parse(sessionStorage.getItem(KNOWN));
    return of === clientId + expires ? rights : [];
  } catch {
    return [];
  }
}

/** Asks Taskcluster. Returns null when the credentials do not hold any more. */
export async function ask(credentials) {
  const { taskclusterRootUrl: root, scopePrefixes } = document.body.dataset;
  const answer = await signedFetch(credentials, "GET", `${root}/api/auth/v1/scopes/current`);
  if (answer.status === 401 || answer.status === 403) {
    return null;
  }
  if (!answer.ok) {
    throw new Error(`Taskcluster answered ${answer.status}`);
  }
  const { scopes } = await answer.json();
  const rights = allowed(scopes, scopePrefixes.split(" "));
  sessionStorage.setItem(KNOWN, JSON.stringify({ of: credentials.clientId + credentials.expires, rights }));
  return rights;
}

/** Shows what these rights allow; an empty list hides everything. */
export function show(rights) {
  const { classList } = document.body;
  for (const right of Object.keys(SCOPES)) {
    classList.toggle(`may-${right}`, rights.includes(right));
  }
  classList.toggle("may-select", rights.includes("update") || rights.includes("delete"));
  classList.toggle("may-any", rights.length > 0);
}

/** Returns whether something is allowed as far as is known. */
export function may(right) {
  return document.body.classList.contains(`may-${right}`);
}

/** Ends a sign-in here. */
export function forget() {
  session.end();
  sessionStorage.removeItem(KNOWN);
  show([]);
}
