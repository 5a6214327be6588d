// SPDX-License-Identifier: MPL-2.0
// Requests to the API of this service.
import { signedFetch } from "./hawk.js";
import * as session from "./session.js";

/** Clocks that differ by more than this make signatures fail. */
const SKEW_MS = 14 * 60 * 1000;

/** A refusal: `status`, and what the service said about it. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail || `The service answered ${status}.`);
    this.status = status;
    this.problem = problem;
  }
}

/** Sends a signed change. Throws `Refused`, or an error that says that nothing is known about the outcome. */
export async function change(method, path, body) {
  const credentials = session.current();
  if (!credentials) {
    throw new Error("You are not signed in any more: sign in again.");
  }
  let answer;
  try {
    answer = await signedFetch(credentials, method, path, body);
  } catch {
    throw new Error("The service cannot be reached. Whether this was done is not known: look at the trees before you try again.");
  }
  if (!answer.ok) {
    throw await refused(answer);
  }
}

/** Reads `result` of a public answer. */
export async function read(path) {
  const answer = await fetch(path, { credentials: "omit", cache: "no-store" });
  if (!answer.ok) {
    throw await refused(answer);
  }
  return (await answer.json()).result;
}

async function refused(answer) {
  const problem = await answer.json().catch(() => ({}));
  if (answer.status === 401) {
    const now = Date.parse(answer.headers.get("date"));
    const skew = Math.abs(Date.now() - now);
    problem.detail = `${problem.detail || "Not allowed"}. `;
    problem.detail +=
      skew > SKEW_MS
        ? `The clock of this computer is wrong by ${Math.round(skew / 60000)} minutes, so its signatures do not hold.`
        : "You may not do this, or your sign-in does not hold any more.";
  }
  return new Refused(answer.status, problem);
}

/** Returns the address of a tree in the API. */
export function treePath(name) {
  return `/trees/${encodeURIComponent(name)}`;
}
