// SPDX-License-Identifier: MPL-2.0
// Recent changes: restore, correct, discard. Entries of a log: correct.
import { change, read } from "./api.js";
import { ask, say, showing } from "./notice.js";
import { refresh } from "./page.js";

/** Returns a remembered change as it is now, and what a restore of it would do. */
async function look(id) {
  const [changes, trees] = await Promise.all([read("/stack"), read("/trees")]);
  const found = changes.find((entry) => entry.id === id);
  if (!found) {
    throw new Error("Somebody has restored or discarded this change already.");
  }
  const lines = found.trees.map(({ tree, last_state: state }) => {
    const now = trees[tree];
    if (!now) {
      return `${tree} is not there any more`;
    }
    const reason = state.reason ? ` (“${state.reason}”)` : "";
    const since = now.log_id === state.current_log_id ? "" : " — it was changed again since then";
    return `${tree}: ${now.status} → ${state.status}${reason}${since}`;
  });
  return { lines, names: found.trees.map(({ tree }) => tree).join(", ") };
}

async function restore(id) {
  const { lines, names } = await look(id);
  if (await ask("Undo this change?", lines, "Restore")) {
    await change("DELETE", `/stack2/restore/${id}`);
    say(`Restored ${names}.`);
  }
}

async function discard(id) {
  const { names } = await look(id);
  if (await ask("Forget this change? The trees stay as they are.", [names], "Discard")) {
    await change("DELETE", `/stack2/discard/${id}`);
    say("Discarded.");
  }
}

/** Restores the newest change. */
export async function undo() {
  const newest = document.querySelector("[data-change]");
  if (newest) {
    await acting(() => restore(Number(newest.dataset.change)));
  } else {
    say("There is no change that could be undone.");
  }
}

let own = 0;

/** Returns whether this page is changing something itself: what the feed says then is no news. */
export function isActing() {
  return own > 0;
}

/** Acts, and shows what has become of everything, also when it failed: then somebody else was faster. */
async function acting(work) {
  own += 1;
  await showing(async () => {
    try {
      await work();
    } finally {
      await refresh().catch(() => {});
    }
  });
  own -= 1;
}

/** Opens a form at `of`, a selector, and sends what was edited in it to `path`. */
function edit(button, of, { reason, tag }, path) {
  document.querySelector("form.editor")?.remove();
  const form = document.getElementById("editor").content.cloneNode(true).querySelector("form");
  form.dataset.of = of;
  const { reason: text, category } = form.elements;
  text.value = reason;
  if (!Array.from(category.options).some((option) => option.value === tag)) {
    category.add(new Option(tag, tag));
  }
  category.value = tag;
  const back = button.dataset.focus;
  const close = () => {
    form.remove();
    document.querySelector(`[data-focus="${CSS.escape(back)}"]`)?.focus();
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const body = {};
    if (text.value !== reason) {
      body.reason = text.value;
    }
    if (category.value !== tag) {
      body.tags = category.value ? [category.value] : [];
    }
    const isDone = await showing(() => change("PATCH", path, body));
    if (isDone) {
      close();
      say("Saved.");
      await refresh().catch(() => {});
    }
  });
  form.querySelector("[data-action=cancel]").addEventListener("click", close);
  form.addEventListener("keydown", ({ key }) => {
    if (key === "Escape") {
      close();
    }
  });
  document.querySelector(of).append(form);
  text.focus();
}

function act(button) {
  const { action } = button.dataset;
  const item = button.closest("[data-change], [data-entry]");
  const id = Number(item?.dataset.change ?? item?.dataset.entry);
  if (action === "restore") {
    acting(() => restore(id));
  } else if (action === "discard") {
    acting(() => discard(id));
  } else if (action === "edit-change") {
    edit(button, `[data-change="${id}"]`, item.dataset, `/stack/${id}`);
  } else if (action === "edit-entry") {
    edit(button, `[data-entry="${id}"] .why`, item.dataset, `/log/${id}`);
  }
}

/** Begins. */
export function prepare() {
  document.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-action]");
    if (button) {
      act(button);
    }
  });
}
