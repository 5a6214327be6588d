#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""autoland.py BASE TREE: prints open or closed, as the landing service of old read it.

Only the status "open" is open; a tree that treestatus does not know (404, and nothing else) is open, too.

    services/treestatus/tests/clients/autoland.py http://127.0.0.1:8020 demo-central
"""
import json
import sys
import urllib.error
import urllib.parse
import urllib.request


def is_open(base, tree):
    try:
        with urllib.request.urlopen(f"{base}/trees/{urllib.parse.quote(tree, safe='')}", timeout=20) as answer:
            return json.load(answer)["result"]["status"] == "open"
    except urllib.error.HTTPError as error:
        return error.code == 404
    except (OSError, ValueError, KeyError, TypeError):
        return False


if __name__ == "__main__":
    print("open" if is_open(*sys.argv[1:]) else "closed")
