#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""push_hook.py BASE REPOSITORY [MESSAGE]: may this be pushed? What the hook of a Mercurial server does on every push.

It asks for the tree named like the last part of the repository. Any error, and any answer that it cannot read, counts as
closed. "CLOSED TREE" in the message opens a closed tree, "a=somebody" one that needs approval. Exit status: 0 yes, 1 no.

    services/treestatus/tests/clients/push_hook.py http://127.0.0.1:8020 https://hg.example.com/demo-central "Bug 1"
"""
import json
import re
import sys
import urllib.parse
import urllib.request


def state(base, tree):
    try:
        with urllib.request.urlopen(f"{base}/trees/{urllib.parse.quote(tree, safe='')}", timeout=20) as answer:
            result = json.load(answer)["result"]
        status, reason = result["status"], result["reason"]
        if not isinstance(status, str) or not isinstance(reason, str):
            raise ValueError("status and reason must be texts")
        return status, reason
    except (OSError, ValueError, KeyError, TypeError) as error:
        return "closed", f"treestatus cannot be asked: {error}"


def main(base, repository, message=""):
    tree = repository.rstrip("/").rsplit("/", 1)[-1]
    status, reason = state(base, tree)
    if status == "closed" and "CLOSED TREE" not in message:
        print(f"{tree} is CLOSED: {reason}")
        return 1
    if status == "approval required" and not re.search(r"\ba=\w", message):
        print(f"{tree} needs APPROVAL: {reason}")
        return 1
    print(f"{tree} may be pushed to")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
