#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""What deployed Python clients of tooltool do on the wire, with the standard library alone.

old_client.py BASE [--auth ID:TOKEN] fetch DIGEST [--region R]
old_client.py BASE [--auth ID:TOKEN] upload FILE MESSAGE VISIBILITY [--region R]
old_client.py BASE [--auth ID:TOKEN] patch DIGEST OPERATIONS

Prints one JSON object: what happened, seen by such a client. Exit status 1: the service said no.
"""
import base64
import hashlib
import hmac
import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request


class Refused(Exception):
    """The text that users of the old client see."""


class Seen(urllib.request.HTTPRedirectHandler):
    """Follows redirects, and remembers what was sent to the target."""

    target_headers = None

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        new = super().redirect_request(req, fp, code, msg, headers, newurl)
        self.target_headers = dict(new.header_items())
        return new


def hawk(auth, method, url, payload=None):
    """The header for a request; it covers the query string, and the body where there is one."""
    client_id, token = auth.split(":", 1)
    parts = urllib.parse.urlsplit(url)
    resource = parts.path + ("?" + parts.query if parts.query else "")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    stamp, nonce = str(int(time.time())), base64.urlsafe_b64encode(os.urandom(6)).decode()
    digest = ""
    if payload is not None:
        text = b"hawk.1.payload\napplication/json\n" + payload + b"\n"
        digest = base64.b64encode(hashlib.sha256(text).digest()).decode()
    lines = ["hawk.1.header", stamp, nonce, method, resource, parts.hostname, str(port), digest, ""]
    text = "".join(line + "\n" for line in lines)
    mac = base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha256).digest()).decode()
    header = f'Hawk id="{client_id}", ts="{stamp}", nonce="{nonce}", '
    if digest:
        header += f'hash="{digest}", '
    return header + f'mac="{mac}"'


def send(base, auth, method, path, region=None, body=None):
    """Sends a request to the API; returns the answer and what the redirect's target was sent."""
    url = base.rstrip("/") + "/" + path
    if region:
        url += "?region=" + region
    payload = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=payload, method=method)
    if payload is not None:
        request.add_header("Content-Type", "application/json")
    if auth:
        # Unredirected: the target must not learn it.
        request.add_unredirected_header("Authorization", hawk(auth, method, url, payload))
    seen = Seen()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), seen)
    try:
        return opener.open(request, timeout=60), seen.target_headers
    except urllib.error.HTTPError as error:
        raise Refused(explain(error)) from None


def explain(error):
    """Reads name and description of an error; any other media type is as good as no explanation."""
    if error.headers["Content-Type"] != "application/json":
        return f"{error.code} without explanation"
    told = json.loads(error.read().decode())["error"]
    return f"{told['name']}: {told['description']}"


def fetch(base, auth, digest, region):
    answer, target_headers = send(base, auth, "GET", "sha512/" + digest, region)
    return {
        "status": answer.status,
        "target": answer.geturl(),
        "sent_to_target": sorted(name.lower() for name in target_headers),
        "sha512": hashlib.sha512(answer.read()).hexdigest(),
    }


def upload(base, auth, path, message, visibility, region):
    with open(path, "rb") as file:
        content = file.read()
    name, digest = os.path.basename(path), hashlib.sha512(content).hexdigest()
    entry = {"digest": digest, "size": len(content), "algorithm": "sha512", "visibility": visibility}
    batch = {"message": message, "files": {name: entry}}
    answer, _ = send(base, auth, "POST", "upload", region, batch)
    result = json.load(answer)["result"]
    url = result["files"][name].get("put_url")
    if url is None:
        return {"batch": result["id"], "sent": False}
    put(url, content)
    return {"batch": result["id"], "sent": True, "waits": wait_and_complete(base, digest)}


def put(url, content):
    """Takes port 443 where none is written, and nothing but 200 for success."""
    parts = urllib.parse.urlsplit(url)
    host, port = parts.netloc.split(":") if ":" in parts.netloc else (parts.netloc, 443)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(host, int(port), timeout=60)
    headers = {"Content-Type": "application/octet-stream"}
    connection.request("PUT", f"{parts.path}?{parts.query}", content, headers)
    status = connection.getresponse().status
    if status != 200:
        raise Refused(f"PUT answered {status}")


def wait_and_complete(base, digest):
    """Says that the bytes were sent, as often as it is told to come back later; returns how often."""
    waits = []
    while True:
        url = f"{base.rstrip('/')}/upload/complete/sha512/{digest}"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            answer = opener.open(url, timeout=60)
            assert answer.status == 202, answer.status
            return waits
        except urllib.error.HTTPError as error:
            if error.code != 409:
                raise Refused(explain(error)) from None
            waits.append(int(error.headers.get("X-Retry-After", 60)))
            time.sleep(waits[-1])


def patch(base, auth, digest, operations):
    answer, _ = send(base, auth, "PATCH", "file/sha512/" + digest, body=json.loads(operations))
    return json.load(answer)


def option(arguments, name):
    if name not in arguments:
        return None
    at = arguments.index(name)
    value = arguments[at + 1]
    del arguments[at : at + 2]
    return value


def main(arguments):
    auth, region = option(arguments, "--auth"), option(arguments, "--region")
    base, command, rest = arguments[0], arguments[1], arguments[2:]
    try:
        if command == "fetch":
            outcome = fetch(base, auth, rest[0], region)
        elif command == "upload":
            outcome = upload(base, auth, rest[0], rest[1], rest[2], region)
        else:
            outcome = patch(base, auth, rest[0], rest[1])
    except Refused as refused:
        print(json.dumps({"refused": str(refused)}))
        return 1
    print(json.dumps(outcome))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
