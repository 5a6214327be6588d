#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""lando.py BASE TREE: prints landable or blocked, as the landing service reads it.

"open" and "approval required" are landable; so is a tree that treestatus does not know, which is 404, or 400 as later
releases of the Python service said it: then the problem must be one with a text for people.

    services/treestatus/tests/clients/lando.py http://127.0.0.1:8020 demo-central
"""
import json
import sys
import urllib.error
import urllib.parse
import urllib.request


def is_landable(base, tree):
    try:
        with urllib.request.urlopen(f"{base}/trees/{urllib.parse.quote(tree, safe='')}", timeout=20) as answer:
            return json.load(answer)["result"]["status"] in ("open", "approval required")
    except urllib.error.HTTPError as error:
        problem = json.load(error)
        return error.code in (400, 404) and bool(problem["detail"]) and problem["status"] == error.code
    except (OSError, ValueError, KeyError, TypeError):
        return False


if __name__ == "__main__":
    print("landable" if is_landable(*sys.argv[1:]) else "blocked")
