#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""v0_bot.py BASE TREE: prints what a chat bot says of a tree, from the flat answers of the first API.

Lines: the tree as /v0/trees lists it, how often it was closed, the newest log entries, oldest first. Ends with an error
when the two flat answers differ or the log is not in the order of time.

    services/treestatus/tests/clients/v0_bot.py http://127.0.0.1:8020 demo-central
"""
import json
import sys
import urllib.parse
import urllib.request


def get(url):
    with urllib.request.urlopen(url, timeout=20) as answer:
        return json.load(answer)


def main(base, tree):
    name = urllib.parse.quote(tree, safe="")
    state = get(f"{base}/v0/trees/{name}?format=json")
    if get(f"{base}/v0/trees?format=json")[tree] != state:
        sys.exit("the two flat answers differ")
    print(f"{tree} is {state['status']}" + (f": {state['reason']}" if state["reason"] else ""))
    log = get(f"{base}/trees/{name}/logs?all=1")["result"]
    times = [entry["when"].split("+")[0] for entry in log]
    times = [when if "." in when else f"{when}.000000" for when in times]
    if times != sorted(times, reverse=True):
        sys.exit("the log is not in the order of time")
    print(f"closed {sum(entry['status'] == 'closed' for entry in log)} times")
    for entry in reversed(get(f"{base}/trees/{name}/logs")["result"]):
        print(f"{entry['when'][:10]} {entry['who']}: {entry['status']} ({entry['reason']})")


if __name__ == "__main__":
    main(*sys.argv[1:])
