#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""treeherder.py BASE TREE [ORIGIN]: prints what a dashboard in a browser shows for a watched repository.

A browser hands an answer to the page of another origin only if its CORS headers allow it; without them the page sees a
network error, whatever the status was. 404 is "unsupported" (it stops asking), anything else that fails is "error".

    services/treestatus/tests/clients/treeherder.py http://127.0.0.1:8020 demo-central https://treeherder.example.com
"""
import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request


def fetch(base, tree, origin):
    """Returns status and body as a browser gives them to a script, or None for a network error."""
    url = f"{base}/trees/{urllib.parse.quote(tree, safe='')}"
    request = urllib.request.Request(url, headers={"Origin": origin, "Accept": "application/json"})
    try:
        answer = urllib.request.urlopen(request, timeout=20)
    except urllib.error.HTTPError as error:
        answer = error
    except OSError:
        return None
    with answer:
        if answer.headers.get("Access-Control-Allow-Origin") not in ("*", origin):
            return None
        return answer.status, answer.read()


def linked(text):
    return re.sub(r"[Bb]ug (\d+)", r"[\g<0>](https://bugzilla.mozilla.org/show_bug.cgi?id=\1)", text)


def main(base, tree, origin="https://treeherder.example.com"):
    answer = fetch(base, tree, origin)
    if answer is None:
        return "error: the browser blocks the answer"
    status, body = answer
    if status == 404:
        return "unsupported"
    if status != 200:
        return f"error: {status}"
    result = json.loads(body)["result"]
    shown = [f"{result['tree']}: {result['status']}"]
    shown += [linked(result[name]) for name in ("reason", "message_of_the_day") if result[name]]
    return " | ".join(shown)


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
