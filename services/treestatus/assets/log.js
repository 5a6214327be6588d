// SPDX-License-Identifier: MPL-2.0
// The log of a tree: "Load more" adds to what is shown. The address says how much that is, so that it is still shown
// after a reload and when the page is made fresh.
import { showing } from "./notice.js";
import { refresh } from "./page.js";

const STEP = 50;
/** Most entries of one page. */
const MOST = 1000;

async function loadMore() {
  const entries = () => document.querySelectorAll("[data-entry]").length;
  const before = entries();
  const url = new URL(location.href);
  url.searchParams.set("limit", before + STEP);
  const old = location.href;
  history.replaceState(null, "", url);
  if (!(await showing(refresh))) {
    history.replaceState(null, "", old);
    return;
  }
  // Those who read with the keyboard go on with the first entry that is new.
  const first = document.querySelectorAll("[data-entry]")[before];
  first?.setAttribute("tabindex", "-1");
  first?.focus({ preventScroll: true });
}

/** Begins. */
export function prepare() {
  document.addEventListener("click", (event) => {
    const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    const isMore = event.target.closest("#more") !== null;
    if (isPlain && isMore && document.querySelectorAll("[data-entry]").length + STEP <= MOST) {
      event.preventDefault();
      loadMore();
    }
  });
}
