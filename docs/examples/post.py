#!/usr/bin/env python3
"""Posts messages to a scan: one JSON object a line on standard input. Python 3.8 or later, its own library alone.

    export SLUICE_URL=https://localhost:8443 SLUICE_TOKEN=… SLUICE_CA=ca.crt
    printf '%s\n' '{"type":"scanStarted"}' '{"type":"scanCompleted"}' | ./post.py nightly-1

Exit code: 0 if all were taken, 1 if the gateway refused or could not be reached.
"""

import itertools
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
import uuid

AT_ONCE = 500
TRIES = 8


def post(url, messages, token, context):
    """Posts an array. The key makes it safe to repeat: what the gateway has taken already, it does not take twice."""
    request = urllib.request.Request(url, ("[" + ",".join(messages) + "]").encode(), {
        "Authorization": f"Bearer {token}", "Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())})
    for attempt in range(1, TRIES + 1):
        try:
            with urllib.request.urlopen(request, timeout=30, context=context) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            reason = f"{error.code} {error.read().decode(errors='replace')}"
            pause = int(error.headers.get("Retry-After") or 2 ** attempt)
            if error.code not in (408, 429) and error.code < 500:
                break
        except OSError as error:
            reason, pause = str(error), 2 ** attempt
        if attempt < TRIES:
            time.sleep(min(pause, 60))
    raise SystemExit(f"post: {reason}")


def main():
    url = f"{os.environ['SLUICE_URL']}/api/scans/{sys.argv[1]}/progress"
    context = ssl.create_default_context(cafile=os.environ.get("SLUICE_CA"))
    lines = filter(None, (line.strip() for line in sys.stdin))
    while batch := list(itertools.islice(lines, AT_ONCE)):
        print(post(url, batch, os.environ["SLUICE_TOKEN"], context if url.startswith("https:") else None))


main()
