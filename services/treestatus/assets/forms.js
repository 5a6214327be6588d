// SPDX-License-Identifier: MPL-2.0
// The pages that add, update and delete trees.
import { change, read, treePath } from "./api.js";
import { element, sayNext, showing } from "./notice.js";

const HOME = "/static/ui/treestatus/";

const chosen = () => Array.from(document.querySelectorAll("[data-chosen]"));
const names = () => chosen().map((row) => row.dataset.chosen);

/** Sends a form once, however often somebody presses the button. */
function sending(form, send) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = document.getElementById("submit");
    if (button.disabled) {
      return;
    }
    button.disabled = true;
    const isDone = await showing(() => send(form));
    button.disabled = false;
    if (isDone) {
      location.assign(HOME);
    }
  });
}

/** Marks a field and stops. */
function wrong(id, text) {
  const field = document.getElementById(id);
  field.setAttribute("aria-invalid", "true");
  (field.matches("fieldset") ? field.querySelector("input") : field).focus();
  throw new Error(text);
}

function forgive(form) {
  form.querySelectorAll("[aria-invalid]").forEach((field) => field.removeAttribute("aria-invalid"));
}

async function add(form) {
  forgive(form);
  const tree = form.elements.namedItem("name").value.trim();
  if (!tree) {
    wrong("name", "A tree needs a name.");
  }
  const body = { tree, status: "closed", reason: "new tree", message_of_the_day: "" };
  await change("PUT", treePath(tree), body);
  sayNext(`Added ${tree}. It is closed.`);
}

async function remove(form) {
  forgive(form);
  if (!form.elements.namedItem("sure").checked) {
    wrong("sure", "You need to confirm to be able to delete tree(s).");
  }
  const trees = names();
  await change("DELETE", "/trees2", { trees });
  sayNext(`Deleted ${trees.join(", ")}.`);
}

/** Returns what `PATCH /trees` is to do. Only what somebody has filled in is sent. */
function wanted(form) {
  const { status, category, reason, motd, remember } = form.elements;
  const body = { trees: names() };
  if (status.value === "closed" && !category.value) {
    wrong("category", "Closing needs a reason category.");
  }
  if (status.value === "closed" && !reason.value.trim()) {
    wrong("reason", "Closing needs a reason.");
  }
  if (status.value || reason.value.trim()) {
    body.reason = reason.value.trim();
    body.tags = category.value ? [category.value] : [];
  } else if (category.value) {
    wrong("reason", "A reason category needs a reason or a status.");
  }
  if (status.value) {
    body.status = status.value;
    body.remember = remember.checked;
  }
  if (motd && motd.value !== motd.defaultValue) {
    body.message_of_the_day = motd.value;
  }
  if (Object.keys(body).length === 1) {
    wrong("status", "Nothing is to be changed yet: choose a status, or write a reason.");
  }
  // What was seen when the form was opened, or taken into account since.
  body.if_log_ids = Object.fromEntries(chosen().map((row) => [row.dataset.chosen, Number(row.dataset.logId)]));
  return body;
}

async function update(form) {
  forgive(form);
  const body = wanted(form);
  try {
    await change("PATCH", "/trees", body);
  } catch (error) {
    if (error.status === 412) {
      Object.values(error.problem.trees ?? {}).forEach((tree) => warn(tree));
      throw new Error(`Nothing was done: ${error.message}.`);
    }
    throw error;
  }
  const done = { closed: "Closed", open: "Opened", "approval required": "Approval is now required for" }[body.status];
  sayNext(`${done ?? "Updated"} ${body.trees.join(", ")}.${body.remember ? " Press u to undo it." : ""}`);
}

/** Tells that a selected tree is not what it was when the form was opened, and what is different. */
async function warn(tree) {
  const row = chosen().find((row) => row.dataset.chosen === tree.tree);
  if (!row) {
    return;
  }
  const isGone = tree.log_id === undefined;
  const differences = isGone ? ["it was deleted"] : compare(row.dataset, tree);
  if (differences.length === 0) {
    return;
  }
  const place = document.getElementById("changed");
  const box = document.createElement("div");
  box.dataset.of = tree.tree;
  const text = element("p", `${tree.tree} has changed since you opened this form: ${differences.join("; ")}.`);
  const go = element("button", "Go on with that", { type: "button", class: "calm" });
  go.addEventListener("click", () => {
    accept(row, tree, isGone);
    box.remove();
    document.getElementById("submit")?.focus();
  });
  box.append(text, go);
  Array.from(place.children).find((old) => old.dataset.of === tree.tree)?.remove();
  place.append(box);
  if (!isGone && Number(row.dataset.logId) !== (tree.log_id ?? 0)) {
    // Who it was comes later: the warning does not wait for it.
    const newest = (await read(`${treePath(tree.tree)}/logs`).catch(() => [])).find(({ id }) => id === tree.log_id);
    if (newest) {
      text.append(` By ${newest.who} at ${newest.when.slice(11, 16)} UTC.`);
    }
  }
}

function compare(seen, tree) {
  const differences = [];
  if (seen.status !== tree.status) {
    differences.push(`${seen.status} → ${tree.status}`);
  }
  if (seen.reason !== tree.reason) {
    differences.push(`the reason is now “${tree.reason}”`);
  }
  if (seen.motd !== tree.message_of_the_day) {
    differences.push(`the message of the day is now “${tree.message_of_the_day}”`);
  }
  if (differences.length === 0 && Number(seen.logId) !== (tree.log_id ?? 0)) {
    differences.push("somebody set the same again");
  }
  return differences;
}

/** Takes what happened into account. */
function accept(row, tree, isGone) {
  if (isGone) {
    row.remove();
    return;
  }
  const { logId, status, reason, motd } = {
    logId: tree.log_id ?? 0,
    status: tree.status,
    reason: tree.reason,
    motd: tree.message_of_the_day,
  };
  Object.assign(row.dataset, { logId, status, reason, motd });
  const badge = { open: "good", closed: "bad", "approval required": "warn" }[status] ?? "none";
  row.cells[1].replaceChildren(element("span", status, { class: `badge ${badge}` }));
  row.cells[2].textContent = reason;
}

/** Begins on the pages with forms. */
export function prepare() {
  const forms = { "add-form": add, "delete-form": remove, "update-form": update };
  for (const [id, send] of Object.entries(forms)) {
    const form = document.getElementById(id);
    if (form) {
      sending(form, send);
    }
  }
  const form = document.getElementById("update-form");
  if (!form) {
    document.getElementById("name")?.focus();
    return;
  }
  const { status, category, remember } = form.elements;
  const fit = () => (remember.disabled = !status.value);
  status.addEventListener("change", fit);
  fit();
  document.addEventListener("news", ({ detail }) => warn(detail));
  // Who has pressed c has chosen the status already.
  (status.value === "closed" ? category[0] : status.value ? form.elements.namedItem("reason") : status).focus();
}

/** Looks whether the trees of the form are still what they were: after the network was away. */
export async function look() {
  if (!document.getElementById("update-form")) {
    return;
  }
  const trees = await read("/trees");
  for (const name of names()) {
    warn(trees[name] ?? { tree: name });
  }
}
