// SPDX-License-Identifier: MPL-2.0
// Keeps the page fresh: the server renders it again, and the parts that are marked as live are exchanged. What
// people are doing stays: focus, open lists, forms that are being filled in.
import { alert } from "./notice.js";

let running = null;
let again = false;

/** Exchanges the live parts. Calls while one is under way lead to one more. Throws when the service does not answer. */
export function refresh() {
  if (running) {
    again = true;
    return running;
  }
  running = (async () => {
    try {
      do {
        again = false;
        await once();
      } while (again);
    } finally {
      running = null;
    }
  })();
  return running;
}

/** The list is filtered here, so all of it is wanted. */
function address() {
  return document.getElementById("filter") ? location.pathname : location.pathname + location.search;
}

async function once() {
  const answer = await fetch(address(), { headers: { Accept: "text/html" }, credentials: "omit", cache: "no-store" });
  if (answer.status === 404) {
    alert("There is no such tree any more.");
    return;
  }
  if (!answer.ok) {
    throw new Error(`The service answered ${answer.status}.`);
  }
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  exchange(fresh);
  document.title = fresh.title;
  document.dispatchEvent(new Event("refreshed"));
}

function exchange(fresh) {
  const focused = document.activeElement?.dataset?.focus;
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
    if (!next) {
      continue;
    }
    const editors = takeEditors(part);
    const open = Array.from(part.querySelectorAll("details[open]"), ({ id }) => id);
    part.replaceChildren(...document.adoptNode(next).childNodes);
    for (const id of open) {
      part.querySelector(`#${id}`)?.setAttribute("open", "");
    }
    putEditors(part, editors);
  }
  if (focused && document.activeElement === document.body) {
    document.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }
}

/** Returns the forms that are being filled in, where they belong, and where the cursor is. */
function takeEditors(part) {
  return Array.from(part.querySelectorAll("form.editor"), (form) => {
    const active = form.contains(document.activeElement) ? document.activeElement : null;
    const range = active?.selectionStart === undefined ? null : [active?.selectionStart, active?.selectionEnd];
    form.remove();
    return { form, of: form.dataset.of, active, range };
  });
}

function putEditors(part, editors) {
  for (const { form, of, active, range } of editors) {
    const place = part.querySelector(of);
    if (!place) {
      alert("What you were editing is not there any more: somebody restored, discarded or deleted it.");
      continue;
    }
    place.append(form);
    active?.focus({ preventScroll: true });
    if (range && active.setSelectionRange) {
      active.setSelectionRange(...range);
    }
  }
}
