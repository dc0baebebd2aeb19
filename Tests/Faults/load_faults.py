#!/usr/bin/env python3
"""What readers and state of one large stored scan cost the others, as ratios within one run.

    load_faults.py --sluice .build/release/sluice [--only NAME]

MEGABYTES (48) says how large the scan is; with 360 it is one that once held up everybody for seconds.
"""

import os
import socket
import sqlite3
import sys
import threading
import time

from checks import expect, run, wait_until
from gateway import Gateway

MEGABYTES = int(os.environ.get("MEGABYTES", 48))
READERS = 20


def fill(gateway, scan, megabytes, make, per_post=100):
    """Posts so much; the bytes of a message are those of its pad."""
    pad = "x" * 20_000
    count = megabytes * 1_000_000 // len(pad)
    connection = gateway.connect()
    for first in range(0, count, per_post):
        messages = [{**make(n), "n": n, "pad": pad} for n in range(first, min(first + per_post, count))]
        status = gateway.post(scan, messages, connection=connection)[0]
        expect(status == 202, f"{status}")
    connection.close()
    return count


class Asking:
    """Asks the same again and again beside something else; the seconds that each answer took."""

    def __init__(self, ask, pause=0.01):
        self.seconds = []
        self.failures = []
        self.ask = ask
        self.pause = pause
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.ended.is_set():
            begin = time.monotonic()
            status = self.ask()
            self.seconds.append(time.monotonic() - begin)
            if status not in (200, 202):
                self.failures.append(status)
            time.sleep(self.pause)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def __str__(self):
        ordered = sorted(self.seconds)
        return f"{len(ordered)} answers, p50 {ordered[len(ordered) // 2] * 1000:.1f} ms, slowest {ordered[-1] * 1000:.0f} ms"


def asked(gateway, method, path, make_body=lambda: None):
    """One question over one connection."""
    connection = gateway.connect()
    return lambda: gateway.ask(method, path, make_body(), connection=connection)[0]


def follow(gateway, path, mark):
    """Reads an event stream up to a text."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=300) as stream:
        stream.sendall(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {gateway.token}\r\n\r\n".encode())
        tail = b""
        while mark not in tail:
            piece = stream.recv(1 << 16)
            expect(piece, f"the stream ended: {tail[-200:]}")
            tail = tail[-100:] + piece


def search(gateway, number):
    """Looks through a whole history for what is not there."""
    connection, since = gateway.connect(timeout=300), 0
    while since is not None:
        path = f"/api/scans/big/messages?since={since}&limit=1000&q=nosuch{number}"
        status, _, page = gateway.ask("GET", path, connection=connection)
        expect((status, page.get("messages")) == (200, []), f"{status}")
        since = page["next"]
    connection.close()


def together(work):
    """Runs so many at once; how long they took, and what went wrong."""
    failures = []

    def guarded(number):
        try:
            work(number)
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(READERS)]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(not failures, f"{failures[:1]}")
    return time.monotonic() - begin


def readers(program, folder):
    """20 readers whose filters pass nothing of a large scan: each look-up of another one waits for a turn, not for them."""
    gateway = Gateway(program, folder)
    gateway.start()
    try:
        count = fill(gateway, "big", MEGABYTES, lambda n: {"type": "rare" if n == 0 else "host"})
        gateway.post("other", [{"type": "host", "n": n} for n in range(500)])
        gateway.post("big", [{"type": "phaseStarted", "mark": "the-end"}])
        wait_until(lambda: gateway.metric("sluice_storage_messages_total") == count + 501, "not stored", 60)
        # Beyond the part that memory holds.
        path = "/api/scans/other/messages?since=0&limit=50"
        with Asking(asked(gateway, "GET", path)) as alone:
            time.sleep(1)
        story = [f"{count * 20_000 / 1e6:.0f} MB; look-ups of another scan alone: {alone}"]
        kinds = {
            "filters=nosuch": lambda n: follow(gateway, "/api/scans/big/events?since=0&filters=nosuch", b"the-end"),
            "filters=nosuch1..20": lambda n: follow(
                gateway, f"/api/scans/big/events?since=0&filters=nosuch{n}", b"the-end"),
            "filters=rare,x1..20": lambda n: follow(
                gateway, f"/api/scans/big/events?since=0&filters=rare,x{n}", b"the-end"),
            "q=nosuch1..20": lambda n: search(gateway, n),
        }
        for name, work in kinds.items():
            with Asking(asked(gateway, "GET", path)) as beside:
                seconds = together(work)
            expect(not beside.failures, f"{name}: {beside.failures[:3]}")
            story.append(f"beside {READERS} × {name} for {seconds:.2f} s: {beside}")
            # Without turns a look-up waits for all requests before it; a read that is over at once delays no other.
            slowest = max(beside.seconds)
            expect(seconds < 1 or slowest < seconds / 4, "; ".join(story))
        return "\n  ".join(story)
    finally:
        gateway.stop()


def state(program, folder):
    """A scan with very much state is written down as snapshots: another producer's 202 does not wait for all of it."""
    gateway = Gateway(program, folder)
    gateway.start()
    try:
        post = lambda: [{"type": "host", "n": 1}]  # noqa: E731
        ask = asked(gateway, "POST", "/api/scans/other/progress", post)
        with Asking(ask) as alone:
            time.sleep(1)
        begin = time.monotonic()
        with Asking(ask) as beside:
            fill(gateway, "big", 2 * MEGABYTES, lambda n: {"type": "scanProgress", "phase": f"p{n}"})
        flood = time.monotonic() - begin
        database = sqlite3.connect(f"file:{gateway.storage}/sluice.db?mode=ro", uri=True)
        sizes = lambda: database.execute(  # noqa: E731
            "SELECT count(*), ifnull(max(s.bytes), 0) FROM scan_progress_snapshots s JOIN scans USING (life) "
            "WHERE scans.scan_id = 'big'").fetchone()
        before = sizes()[0]
        with Asking(ask) as snapshots:
            # Written ten seconds after a change.
            wait_until(lambda: sizes()[0] > before, "no snapshot", 30)
            time.sleep(2)
        largest = sizes()[1]
        database.close()
        expect(not alone.failures + beside.failures + snapshots.failures, "refused")
        story = [
            f"another producer's 202 alone: {alone}", f"beside {2 * MEGABYTES} MB of state for {flood:.1f} s: {beside}",
            f"while it is written down: {snapshots}; largest snapshot {largest} bytes",
        ]
        expect(largest <= 256 * 1024 + 150, "; ".join(story))
        expect(max(snapshots.seconds) < flood / 4, "; ".join(story))
        return "\n  ".join(story)
    finally:
        gateway.stop()


FAULTS = {"readers": readers, "state": state}


if __name__ == "__main__":
    sys.exit(run(FAULTS, "What one large scan costs the others."))
