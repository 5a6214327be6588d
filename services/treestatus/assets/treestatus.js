// SPDX-License-Identifier: MPL-2.0
// Brings the pages to life: who is signed in, what they may do, and what happens elsewhere meanwhile.
import * as changes from "./changes.js";
import * as forms from "./forms.js";
import * as keys from "./keys.js";
import * as list from "./list.js";
import * as live from "./live.js";
import * as log from "./log.js";
import { alert, say, sayLeft } from "./notice.js";
import { refresh } from "./page.js";
import * as rights from "./rights.js";
import * as session from "./session.js";

const { body } = document;
const signIn = document.getElementById("sign-in");
const signOut = document.getElementById("sign-out");
const who = document.getElementById("who");
/** Longest time that a timer can wait. */
const TIMER_MS = 2 ** 31 - 1;
const RETRY_MS = 2000;
let ending;

/** Shows who is signed in, and asks what they may do. */
async function showAccount() {
  if (!signIn) {
    return;
  }
  const credentials = session.current();
  clearTimeout(ending);
  signIn.hidden = credentials !== null;
  signOut.hidden = credentials === null;
  who.textContent = credentials?.clientId ?? "";
  if (credentials === null) {
    rights.show([]);
    return;
  }
  const left = Date.parse(credentials.expires) - Date.now();
  ending = setTimeout(expire, Math.min(left, TIMER_MS));
  rights.show(rights.known(credentials));
  let may;
  try {
    may = await rights.ask(credentials);
  } catch {
    alert("Taskcluster does not answer: whether you may change trees is not known. Reload the page to ask again.");
    return;
  }
  if (may === null) {
    rights.forget();
    await showAccount();
    alert("Your sign-in does not hold any more. Sign in again.");
    return;
  }
  rights.show(may);
  if (may.length === 0) {
    alert(`${credentials.clientId} may look at trees, but not change them.`);
  }
}

function expire() {
  if (session.current() === null) {
    rights.forget();
    alert("Your sign-in has expired. Sign in again.");
  }
  showAccount();
}

function prepareAccount() {
  document.getElementById("account").hidden = false;
  if (!signIn) {
    return;
  }
  if (!globalThis.crypto?.subtle) {
    // Browsers hide it from pages that came without TLS.
    who.textContent = "Signing in needs HTTPS.";
    signIn.hidden = true;
    return;
  }
  signIn.addEventListener("click", () => {
    const url = new URL(signIn.href);
    url.searchParams.set("return_url", location.pathname + location.search);
    signIn.href = url.href;
  });
  signOut.addEventListener("click", () => {
    rights.forget();
    showAccount();
    say("You are signed out.");
    signIn.focus();
  });
  session.watch(showAccount);
  showAccount();
}

function showConnected() {
  document.getElementById("lost").textContent = "";
  document.getElementById("connection").textContent = "Live";
  body.classList.remove("stale");
  body.classList.add("live");
}

function showLost(since) {
  const time = new Date(since).toISOString().slice(11, 16);
  document.getElementById("lost").textContent = `Connection lost: this is the state of ${time} UTC.`;
  document.getElementById("connection").textContent = "";
  body.classList.add("stale");
  body.classList.remove("live");
}

/** Says what happened to a tree that this page shows. */
function tell({ happened, tree }) {
  const shown = document.querySelector(`[data-tree="${CSS.escape(tree.tree)}"]`);
  if (happened === "deleted") {
    say(`${tree.tree} was deleted.`);
  } else if (happened === "created") {
    say(`${tree.tree} was added.`);
  } else if (shown && shown.dataset.status !== tree.status) {
    say(`${tree.tree} is now ${tree.status}.`);
  }
}

let wish;
/** Fetches the page again; a change of many trees leads to one fetch. Without an answer what is shown is old, and said to be. */
function refreshSoon(since = Date.now()) {
  clearTimeout(wish);
  wish = setTimeout(async () => {
    try {
      await refresh();
      if (body.classList.contains("stale")) {
        showConnected();
      }
    } catch {
      showLost(since);
      wish = setTimeout(refreshSoon, RETRY_MS, since);
    }
  }, 50 + Math.random() * 200);
}

function followFeed() {
  let isFirst = true;
  live.follow({
    last: body.dataset.feed,
    news: (event) => {
      if (event) {
        if (!changes.isActing()) {
          tell(event);
        }
        document.dispatchEvent(new CustomEvent("news", { detail: event.tree }));
      }
      refreshSoon();
    },
    connected: async () => {
      // The page itself is newer than the place in the feed that it began at.
      if (!isFirst) {
        await Promise.all([refresh(), forms.look()]);
      }
      isFirst = false;
      showConnected();
    },
    lost: showLost,
  });
}

changes.prepare();
const hasList = list.prepare();
keys.prepare(hasList);
log.prepare();
prepareAccount();
forms.prepare();
sayLeft();
followFeed();
// A page that a browser has kept, or a list that the server has filtered already, is not all there is.
if (hasList && location.search) {
  refreshSoon();
}
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) {
    refreshSoon();
    showAccount();
  }
});
