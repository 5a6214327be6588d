#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""landoscript.py BASE TREE [SECONDS]: prints open or closed, as release automation reads it.

Asks up to 10 times within SECONDS (30); every answer but a 2xx is asked again, unknown trees included. Everything but
"closed" is open. Each try that failed is a line on stderr. Exit status: 1 when no try was answered.

    services/treestatus/tests/clients/landoscript.py http://127.0.0.1:8020 demo-central
"""
import json
import sys
import time
import urllib.parse
import urllib.request

TRIES = 10


def status(base, tree, seconds):
    for number in range(1, TRIES + 1):
        try:
            with urllib.request.urlopen(f"{base}/trees/{urllib.parse.quote(tree, safe='')}", timeout=20) as answer:
                return json.load(answer)["result"]["status"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            print(f"try {number}: {error}", file=sys.stderr, flush=True)
        if number < TRIES:
            time.sleep(seconds / TRIES)
    return None


def main(base, tree, seconds="30"):
    found = status(base, tree, float(seconds))
    if found is None:
        return 1
    print("closed" if found == "closed" else "open")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
