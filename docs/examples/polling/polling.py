"""What the recipes beside this file share: JSON over HTTP, and messages for `sluice run` on standard output.

A service that does not answer is asked again, a few times; then the recipe fails, and `sluice run` ends its scan with
an `error`. POLL_INTERVAL sets the seconds between two questions (2).
"""

import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

INTERVAL = float(os.environ.get("POLL_INTERVAL", "2"))
ATTEMPTS = 5
# Texts of a finding beyond this are cut: the gateway takes messages of 256 KiB.
TEXT_LIMIT = 4096


def tell(type, **fields):
    """Prints one message; fields that say nothing are left out."""
    said = {name: value[:TEXT_LIMIT] if isinstance(value, str) else value
            for name, value in fields.items() if value not in (None, "", [])}
    print(json.dumps({"type": type, **said}), flush=True)


def pause():
    time.sleep(INTERVAL)


def usage(text):
    print(f"usage: {text}", file=sys.stderr)
    sys.exit(64)


def place(url):
    """Host and port of an address, as fields."""
    parts = urllib.parse.urlsplit(url)
    return {"host": parts.hostname, "port": parts.port, "matchedAt": url}


class Service:
    """An API of JSON."""

    def __init__(self, url, **headers):
        self.url = url.rstrip("/")
        self.headers = {name: value for name, value in headers.items() if value}

    def get(self, path, **query):
        return self._ask("GET", path + ("?" + urllib.parse.urlencode(query) if query else ""), None)

    def post(self, path, body):
        return self._ask("POST", path, json.dumps(body).encode(), attempts=1)

    def delete(self, path):
        return self._ask("DELETE", path, None, attempts=1)

    def _ask(self, method, path, body, attempts=ATTEMPTS):
        headers = self.headers | ({"Content-Type": "application/json"} if body is not None else {})
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        for attempt in range(attempts):
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    text = answer.read()
                    return json.loads(text) if text else None
            except urllib.error.HTTPError as error:
                if error.code < 500 or attempt == attempts - 1:
                    raise SystemExit(f"{method} {path}: {error.code} {error.read(500).decode(errors='replace')}")
            except OSError as error:
                if attempt == attempts - 1:
                    raise SystemExit(f"{method} {path}: {error}")
            pause()
