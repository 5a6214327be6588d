// SPDX-License-Identifier: MPL-2.0
// The list of trees: filter as you type, and which trees are selected. What is selected stays so when the list is
// exchanged for a fresh one.

const selected = new Set();
const filter = document.getElementById("q");

const rows = () => Array.from(document.querySelectorAll("tr[data-tree]"));
const boxOf = (row) => row.querySelector("input[type=checkbox]");

/** Returns the rows that the filter leaves. */
export function shown() {
  return rows().filter((row) => !row.hidden);
}

/** Returns the row with the focus. */
export function current() {
  return document.activeElement?.closest("tr[data-tree]");
}

/** Returns the names that an action is about: the selected trees, or the one that the focus is at. */
export function concerned() {
  const page = document.querySelector("h1[data-tree]");
  if (page) {
    return [page.dataset.tree];
  }
  const at = current();
  return selected.size || !at ? Array.from(selected) : [at.dataset.tree];
}

/** Moves the focus down or up the list. */
export function move(by) {
  const list = shown();
  const at = list.indexOf(current());
  const next = at < 0 ? (by > 0 ? 0 : list.length - 1) : Math.min(Math.max(at + by, 0), list.length - 1);
  list[next]?.querySelector("a").focus();
}

/** Selects the tree with the focus, or unselects it. */
export function toggle() {
  const row = current();
  if (row) {
    choose([row], !boxOf(row).checked);
  }
}

/** Selects all trees that are shown; when they all are, none. */
export function toggleAll() {
  const list = shown();
  choose(list, !list.every((row) => boxOf(row).checked));
}

function choose(list, is) {
  for (const row of list) {
    boxOf(row).checked = is;
    selected[is ? "add" : "delete"](row.dataset.tree);
  }
  tell();
}

/** Shows how many are selected; what needs a selection works only with one. */
function tell() {
  const count = selected.size;
  const names = Array.from(selected).sort().join(", ");
  const text = count === 0 ? "You need to select some trees" : `${count} selected: ${names}`;
  document.getElementById("selected").textContent = text;
  for (const id of ["update", "delete"]) {
    document.getElementById(id).disabled = count === 0;
  }
}

/** Hides what the filter does not leave. */
function sift() {
  const wanted = filter.value.trim().toLowerCase();
  for (const row of rows()) {
    row.hidden = !row.dataset.tree.toLowerCase().includes(wanted);
  }
  for (const group of document.querySelectorAll(".group")) {
    group.hidden = !group.querySelector("tr[data-tree]:not([hidden])");
  }
  document.getElementById("none-like-that").hidden = rows().length === 0 || shown().length > 0;
}

/** Puts selection and filter on a fresh list. */
function apply() {
  const there = new Set(rows().map((row) => row.dataset.tree));
  for (const name of selected) {
    if (!there.has(name)) {
      selected.delete(name);
    }
  }
  rows().forEach((row) => (boxOf(row).checked = selected.has(row.dataset.tree)));
  sift();
  tell();
}

/** Begins. Returns whether this page has a list. */
export function prepare() {
  const form = document.getElementById("trees");
  if (!form) {
    return false;
  }
  // A browser that comes back to this page has kept the marks.
  rows().filter((row) => boxOf(row).checked).forEach((row) => selected.add(row.dataset.tree));
  form.addEventListener("change", ({ target }) => {
    const row = target.closest("tr[data-tree]");
    if (row) {
      choose([row], target.checked);
    }
  });
  document.getElementById("select-all").addEventListener("click", () => choose(shown(), true));
  document.getElementById("select-none").addEventListener("click", () => choose(rows(), false));
  filter.addEventListener("input", () => {
    const query = filter.value ? `?${new URLSearchParams({ q: filter.value })}` : "";
    history.replaceState(null, "", location.pathname + query);
    sift();
  });
  document.getElementById("filter").addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("refreshed", apply);
  apply();
  return true;
}
