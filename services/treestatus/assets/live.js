// SPDX-License-Identifier: MPL-2.0
// Follows the change feed. `fetch` is used and not `EventSource`, because that hides the lines by which the service
// shows that it is still there: without them a network that went away in silence looks like a quiet night.

/** The service says something every 15 seconds. */
const SILENCE_MS = 40_000;
const PAUSES_MS = [500, 1000, 2000, 4000, 8000, 15_000];

/**
 * Follows the feed from the place `last` on. `news(event)` is called with what happened to a tree, or null when it is not
 * known what did; `connected(isAgain)` and `lost(since)` when the connection is there or not; `since` is the time of
 * the last sign of life.
 */
export function follow({ last, news, connected, lost }) {
  const feed = { last, heard: Date.now(), failures: 0, stop: null, wake: null, news, connected, lost };
  addEventListener("offline", () => {
    feed.stop?.();
    lost(feed.heard);
  });
  addEventListener("online", () => wake(feed));
  document.addEventListener("visibilitychange", () => {
    // Browsers allow few connections to one server: tabs that nobody looks at give theirs back.
    if (document.hidden) {
      feed.stop?.();
    } else {
      wake(feed);
    }
  });
  setInterval(() => {
    if (Date.now() - feed.heard > SILENCE_MS) {
      feed.stop?.();
    }
  }, 5000);
  run(feed);
}

function wake(feed) {
  feed.failures = 0;
  feed.wake?.();
}

async function run(feed) {
  for (;;) {
    if (!document.hidden) {
      try {
        await listen(feed);
      } catch {
        feed.failures += 1;
      }
    }
    if (document.hidden) {
      await sleep(feed, null);
      continue;
    }
    // A process that ends closes its streams: another one is asked before anybody is alarmed.
    if (feed.failures > 0) {
      feed.lost(feed.heard);
    }
    const pause = PAUSES_MS[Math.min(feed.failures, PAUSES_MS.length - 1)];
    await sleep(feed, pause * (0.5 + Math.random() / 2));
  }
}

/** Waits, or until somebody comes back. */
function sleep(feed, milliseconds) {
  return new Promise((resolve) => {
    feed.wake = resolve;
    if (milliseconds !== null) {
      setTimeout(resolve, milliseconds);
    }
  });
}

async function listen(feed) {
  const controller = new AbortController();
  feed.stop = () => controller.abort();
  const patience = setTimeout(feed.stop, SILENCE_MS);
  try {
    const answer = await fetch("/events", {
      headers: { "Last-Event-ID": feed.last },
      credentials: "omit",
      cache: "no-store",
      signal: controller.signal,
    });
    clearTimeout(patience);
    if (!answer.ok) {
      throw new Error(`the feed answered ${answer.status}`);
    }
    feed.heard = Date.now();
    await feed.connected();
    feed.failures = 0;
    await readAll(feed, answer.body.pipeThrough(new TextDecoderStream()).getReader());
  } finally {
    clearTimeout(patience);
    feed.stop = null;
  }
}

async function readAll(feed, reader) {
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    feed.heard = Date.now();
    text += value;
    const blocks = text.split("\n\n");
    text = blocks.pop();
    blocks.forEach((block) => take(feed, block));
  }
}

/** Takes one event apart. */
function take(feed, block) {
  const fields = {};
  for (const line of block.split("\n")) {
    const colon = line.indexOf(": ");
    if (colon > 0) {
      fields[line.slice(0, colon)] = line.slice(colon + 2);
    }
  }
  feed.last = fields.id ?? feed.last;
  if (fields.event === "tree") {
    feed.news(JSON.parse(fields.data));
  } else if (fields.event === "reset") {
    feed.news(null);
  } else if (fields.event === "stale") {
    // The service is there, but its database is not: nobody knows what happens meanwhile.
    feed.lost(feed.heard);
  } else if (fields.event === "fresh") {
    feed.connected().catch(() => feed.stop?.());
  }
}
