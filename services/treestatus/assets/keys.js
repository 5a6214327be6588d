// SPDX-License-Identifier: MPL-2.0
// Single keys for everything that a sheriff does often; the help of the page lists them. They can be switched off:
// speech input types letters too.
import { undo } from "./changes.js";
import * as list from "./list.js";
import { say } from "./notice.js";
import { may } from "./rights.js";

const OFF = "treestatus.keys";
const HOME = "/static/ui/treestatus/";

const help = () => document.getElementById("help").showModal();

/** Goes to the form, with a status chosen already. */
function go(status) {
  const trees = list.concerned();
  if (!may("update")) {
    say("This needs somebody who is signed in and may update trees.");
  } else if (trees.length === 0) {
    say("You need to select some trees.");
  } else {
    const query = new URLSearchParams(trees.map((tree) => ["tree", tree]));
    if (status) {
      query.set("status", status);
    }
    location.assign(`${HOME}update?${query}`);
  }
}

const ALWAYS = {
  "?": help,
  "/": () => document.getElementById("q")?.focus(),
  g: () => location.assign(HOME),
  u: () => (may("revert") ? undo() : say("This needs somebody who is signed in and may undo changes.")),
};
const ON_TREES = {
  c: () => go("closed"),
  o: () => go("open"),
  e: () => go(""),
};
const ON_LIST = {
  j: () => list.move(1),
  k: () => list.move(-1),
  x: list.toggle,
  a: list.toggleAll,
};

/** Returns whether letters belong to what has the focus. */
function isWriting({ target }) {
  if (target.closest("textarea, select, [contenteditable]")) {
    return true;
  }
  const input = target.closest("input");
  return input !== null && !["checkbox", "radio", "button", "submit"].includes(input.type);
}

/** Begins; `hasList` says whether the page shows the list of trees. */
export function prepare(hasList) {
  const hasTrees = hasList || document.querySelector("h1[data-tree]") !== null;
  const keys = { ...ALWAYS, ...(hasTrees && ON_TREES), ...(hasList && ON_LIST) };
  const isOn = document.getElementById("keys-on");
  isOn.checked = localStorage.getItem(OFF) !== "off";
  isOn.addEventListener("change", () => localStorage.setItem(OFF, isOn.checked ? "on" : "off"));
  document.getElementById("show-help").addEventListener("click", help);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || document.querySelector("dialog[open]")) {
      return;
    }
    if (event.key === "Escape" && isWriting(event)) {
      event.target.blur();
      return;
    }
    const act = Object.hasOwn(keys, event.key) ? keys[event.key] : null;
    if (act && isOn.checked && !isWriting(event)) {
      event.preventDefault();
      act();
    }
  });
}
