#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""sheriffs.py BASE trees COUNT: makes trees tree-0, tree-1, … that are open.
sheriffs.py BASE update SHERIFFS SECONDS: so many sheriffs change the same three trees; prints updates per second.

Signs as demo/load with the token demo-load-token. Any answer but 204 ends it with status 1. Each sheriff is a process, so
that the client is not what is measured.
"""
import base64
import hashlib
import hmac
import http.client
import json
import multiprocessing
import os
import sys
import time
import urllib.parse


def authorization(method, path, host, port):
    now, nonce = str(int(time.time())), os.urandom(6).hex()
    text = f"hawk.1.header\n{now}\n{nonce}\n{method}\n{path}\n{host}\n{port}\n\n\n"
    mac = base64.b64encode(hmac.digest(b"demo-load-token", text.encode(), hashlib.sha256)).decode()
    return f'Hawk id="demo/load", ts="{now}", nonce="{nonce}", mac="{mac}"'


class Sheriff:
    def __init__(self, base):
        url = urllib.parse.urlsplit(base)
        self.host, self.port = url.hostname, url.port
        self.connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)

    def send(self, method, path, body):
        headers = {
            "Authorization": authorization(method, path, self.host, self.port),
            "Content-Type": "application/json",
        }
        self.connection.request(method, path, json.dumps(body), headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 204:
            raise SystemExit(f"{method} {path}: {answer.status} {text.decode()}")


def make_trees(base, count):
    sheriff = Sheriff(base)
    for n in range(count):
        tree = {"tree": f"tree-{n}", "status": "open", "reason": "bug 1", "message_of_the_day": ""}
        sheriff.send("PUT", f"/trees/tree-{n}", tree)


def work(base, number, end, counts):
    sheriff, done = Sheriff(base), 0
    while time.time() < end:
        status = ("closed", "open")[done % 2]
        body = {"trees": ["tree-1", "tree-2", "tree-3"], "status": status, "reason": f"{number}-{done}", "tags": ["infra"]}
        sheriff.send("PATCH", "/trees", body)
        done += 1
    counts.put(done)


def update(base, sheriffs, seconds):
    counts = multiprocessing.Queue()
    begin = time.time()
    at_work = [
        multiprocessing.Process(target=work, args=(base, n, begin + seconds, counts)) for n in range(sheriffs)
    ]
    for process in at_work:
        process.start()
    for process in at_work:
        process.join()
    if any(process.exitcode for process in at_work):
        sys.exit("a sheriff was refused")
    total = sum(counts.get() for _ in at_work)
    print(f"{sheriffs} sheriffs: {total / (time.time() - begin):.0f} updates per second of three trees each")


if __name__ == "__main__":
    base, what, count = sys.argv[1:4]
    if what == "trees":
        make_trees(base, int(count))
    else:
        update(base, int(count), float(sys.argv[4]))
