// SPDX-License-Identifier: MPL-2.0
// What the page tells people: alerts, quiet sentences, questions.

const SAID = "treestatus.said";

/** Makes an element with a text. */
export function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, value);
  }
  return made;
}

/** Shows a problem until it is closed or another one comes. Screen readers say it at once. */
export function alert(text) {
  const place = document.getElementById("alert");
  const box = document.createElement("div");
  const close = element("button", "Close", { type: "button", class: "calm" });
  close.addEventListener("click", () => place.replaceChildren());
  box.append(element("p", text), close);
  place.replaceChildren(box);
  place.scrollIntoView({ block: "nearest" });
}

/** Takes away what was said before. */
export function calm() {
  say("");
  document.getElementById("alert").replaceChildren();
}

/** Says what was done. */
export function say(text) {
  document.getElementById("said").textContent = text;
}

/** Says it on the next page. */
export function sayNext(text) {
  sessionStorage.setItem(SAID, text);
}

/** Says what the last page left. */
export function sayLeft() {
  const text = sessionStorage.getItem(SAID);
  sessionStorage.removeItem(SAID);
  if (text) {
    // After the page has been announced, so that this is not lost.
    setTimeout(() => say(text), 100);
  }
}

/** Runs something that may fail and shows why it did. Returns whether it went well. */
export async function showing(work) {
  calm();
  try {
    await work();
    return true;
  } catch (error) {
    alert(error.message);
    return false;
  }
}

/** Asks a question with details in lines; resolves to true when the answer is yes. */
export function ask(question, lines, yes) {
  const dialog = document.getElementById("ask");
  document.getElementById("question").textContent = question;
  const list = document.createElement("ul");
  list.append(...lines.map((line) => element("li", line)));
  document.getElementById("details").replaceChildren(list);
  document.getElementById("yes").textContent = yes;
  dialog.returnValue = "";
  dialog.showModal();
  document.getElementById("yes").focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
