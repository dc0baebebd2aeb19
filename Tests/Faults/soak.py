#!/usr/bin/env python3
"""Runs a gateway for long, with all that happens to one: churn, reloads, rotated logs, a clock that jumps by hours.

    soak.py --sluice .build/release/sluice [--minutes 120] [--rate 1250] [--scans 8] [--churn 8]

The rate is a quarter of what one scan's producer may send by default. Needs a C compiler. Exit 0 if nothing acknowledged was
lost, doubled or out of order, no thread of the run died, each reload held, no answer was one that no client understands, no descriptor is left when
the clients are gone, and memory in the second half grew by less than a MiB a minute (which runs under 30 minutes report
alone, since history and the allocator still fill).
"""

import argparse
import http.client
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

from deaths import deaths, ended, joined
from gateway import Gateway
from ledger import Producer, Subscriber, compare

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLE_SECONDS, RELOAD_SECONDS, ROTATE_SECONDS, JUMP_SECONDS = 5, 60, 90, 150
SLOPE_LIMIT, SLOPE_MINUTES = 1024, 30


class Clock:
    """The gateway's time of day, which can be set while it runs."""

    def __init__(self, folder):
        self.library, self.file = f"{folder}/clock_shift.so", f"{folder}/shift"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", self.library, f"{HERE}/clock_shift.c", "-ldl"], check=True)
        self.jump(0)
        self.prefix = ["env", f"LD_PRELOAD={self.library}", f"CLOCK_SHIFT={self.file}"]

    def jump(self, seconds):
        with open(self.file, "r+b" if os.path.exists(self.file) else "w+b") as file:
            file.write(struct.pack("q", seconds))


class Churn(threading.Thread):
    """Comes, does one thing of many, and goes, again and again, not always politely."""

    ALLOWED = {200, 201, 202, 204, 400, 401, 404, 413, 429}

    def __init__(self, gateway, number):
        super().__init__(daemon=True)
        self.gateway, self.number = gateway, number
        self.random = random.Random(number)
        self.is_over = threading.Event()
        self.counts, self.problems = {}, []

    def run(self):
        kinds = [self.short_scan, self.follow, self.socket, self.read, self.wrong, self.half]
        while not self.is_over.is_set():
            kind = self.random.choice(kinds)
            self.counts[kind.__name__] = self.counts.get(kind.__name__, 0) + 1
            try:
                kind()
            except (OSError, http.client.HTTPException) as error:
                self.problems.append(f"{kind.__name__}: {error!r}")
            self.is_over.wait(self.random.uniform(0, 0.1))

    def ask(self, *arguments, **options):
        status = self.gateway.ask(*arguments, **options)[0]
        if status not in self.ALLOWED:
            self.problems.append(f"{arguments[:2]}: {status}")

    def short_scan(self):
        scan = f"short-{self.number}-{self.random.randint(0, 20)}"
        messages = [{"type": "scanStarted"}, *({"type": "found", "n": n} for n in range(20)), {"type": "scanCompleted"}]
        self.ask("POST", f"/api/scans/{scan}/progress", messages)
        if self.random.random() < 0.5:
            self.ask("DELETE", f"/api/scans/{scan}")

    def open(self, path, *fields):
        connection = self.gateway.connect(10)
        connection.connect()
        lines = [f"GET {path} HTTP/1.1", "Host: a", f"Authorization: Bearer {self.gateway.token}", *fields]
        connection.sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return connection

    def follow(self):
        connection = self.open(f"/api/scans/scan-{self.random.randint(0, 3)}/events?since=0", "Accept-Encoding: gzip")
        connection.sock.recv(self.random.choice([100, 100_000]))
        connection.close()

    def socket(self):
        connection = self.open(
            f"/api/ws/scans/scan-{self.random.randint(0, 3)}", "Connection: Upgrade", "Upgrade: websocket",
            "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==",
            "Sec-WebSocket-Extensions: permessage-deflate")
        for _ in range(self.random.randint(1, 5)):
            connection.sock.recv(65_536)
        if self.random.random() < 0.5:
            # A reset instead of an end.
            connection.sock.setsockopt(1, 13, struct.pack("ii", 1, 0))
        connection.close()

    def read(self):
        path = self.random.choice(["stats", "scan-0", "scan-1/messages?limit=1000", "scan-2/messages?order=desc&q=x"])
        self.ask("GET", f"/api/scans/{path}")

    def wrong(self):
        self.ask("POST", "/api/scans/scan-0/progress", "{", headers={"Content-Type": "application/json"})
        self.ask("GET", "/api/scans/stats?token=x", headers={"Authorization": "Bearer x"})

    def half(self):
        """A request that is left in its middle."""
        connection = self.gateway.connect(10)
        connection.connect()
        connection.sock.sendall(b"POST /api/scans/scan-0/progress HTTP/1.1\r\nHost: a\r\nContent-Le")
        connection.close()


class Operator(threading.Thread):
    """Reloads, rotates the log, sets the clock, and writes down what the process has."""

    def __init__(self, gateway, clock):
        super().__init__(daemon=True)
        self.gateway, self.clock = gateway, clock
        self.random = random.Random(7)
        self.is_over = threading.Event()
        self.samples, self.problems = [], []
        self.reloads = self.rotations = self.jumps = 0
        self.text = open(f"{gateway.folder}/config.yaml").read()

    def run(self):
        begin = time.monotonic()
        due = {self.reload: RELOAD_SECONDS, self.rotate: ROTATE_SECONDS, self.jump: JUMP_SECONDS}
        periods = dict(due)
        while not self.is_over.wait(SAMPLE_SECONDS):
            now = time.monotonic() - begin
            self.samples.append((now / 60, *self.gateway_has()))
            for action, at in due.items():
                if now >= at:
                    due[action] = at + periods[action]
                    action()

    def gateway_has(self):
        """Resident KiB, and descriptors."""
        process = self.gateway.process.pid
        with open(f"/proc/{process}/status") as file:
            resident = next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
        return resident, len(os.listdir(f"/proc/{process}/fd"))

    def reload(self):
        self.reloads += 1
        interval = 50 + self.reloads % 2 * 100
        with open(f"{self.gateway.folder}/config.yaml", "w") as file:
            file.write(self.text.replace("relay: {", f"relay: {{ batch_interval: {interval}ms,"))
        name = "sluice_config_last_reload_success_timestamp_seconds"
        before = self.gateway.metric(name)
        self.gateway.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 20
        while self.gateway.metric(name) == before:
            if time.monotonic() > end:
                self.problems.append(f"reload {self.reloads} did not hold")
                return
            time.sleep(0.05)

    def rotate(self):
        """As logrotate does with copytruncate: the gateway keeps its descriptor."""
        self.rotations += 1
        path = f"{self.gateway.folder}/gateway.log"
        shutil.copy(path, f"{path}.1")
        os.truncate(path, 0)
        end = time.monotonic() + 20
        while os.path.getsize(path) == 0:
            if time.monotonic() > end:
                self.problems.append("nothing is logged after a rotation")
                return
            time.sleep(0.05)
        with open(path, "rb") as file:
            if file.read(1) == b"\0":
                self.problems.append("a hole in the log after a rotation")

    def jump(self):
        self.jumps += 1
        self.clock.jump(self.random.randint(-6 * 3600, 6 * 3600))


def slope(samples):
    """KiB a minute, by least squares."""
    count = len(samples)
    middle_x, middle_y = (sum(sample[index] for sample in samples) / count for index in (0, 1))
    spread = sum((sample[0] - middle_x) ** 2 for sample in samples)
    return sum((sample[0] - middle_x) * (sample[1] - middle_y) for sample in samples) / spread if spread else 0.0


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)


def soak(gateway, options, clock):
    scans = [f"scan-{number}" for number in range(options.scans)]
    chance = random.Random(1)
    producers = [Producer(gateway, scan, options.rate / options.scans, chance.random()) for scan in scans]
    subscribers = [Subscriber(gateway, scan, is_slow=number == 0) for number, scan in enumerate(scans)]
    for thread in subscribers + producers:
        thread.start()
    wait_for(lambda: all(subscriber.received for subscriber in subscribers))
    churn = [Churn(gateway, number) for number in range(options.churn)]
    operator = Operator(gateway, clock)
    quiet = operator.gateway_has()[1]
    for thread in churn + [operator]:
        thread.start()
    end = time.monotonic() + options.minutes * 60
    while time.monotonic() < end and gateway.process.poll() is None and not deaths():
        time.sleep(min(60, max(0.1, end - time.monotonic())))
        if operator.samples:
            minutes, resident, descriptors = operator.samples[-1]
            print(f"  {minutes:6.1f} min {resident:8d} KiB {descriptors:5d} descriptors", flush=True)
    for thread in churn + producers + [operator]:
        thread.is_over.set()
    problems = joined(churn + producers + [operator], 60)
    wait_for(lambda: all(max(p.acknowledged, default=0) <= s.last for p, s in zip(producers, subscribers)))
    wait_for(lambda: operator.gateway_has()[1] <= quiet + 8, 90)
    left = operator.gateway_has()[1]
    for subscriber in subscribers:
        subscriber.is_over.set()
    problems += joined(subscribers, 30)
    problems += [problem for pair in zip(producers, subscribers) for problem in compare(*pair)]
    problems += operator.problems + [problem for thread in churn for problem in thread.problems[:3]]
    if left > quiet + 8:
        problems.append(f"{left} descriptors when the churn was over, {quiet} before it")
    if not operator.samples:
        return problems + ["nothing was measured"]
    half = operator.samples[len(operator.samples) // 2:]
    growth = slope(half)
    if options.minutes >= SLOPE_MINUTES and growth > SLOPE_LIMIT:
        problems.append(f"memory grows by {growth:.0f} KiB a minute")
    counts = {}
    for thread in churn:
        for name, count in thread.counts.items():
            counts[name] = counts.get(name, 0) + count
    print(
        f"{options.minutes} min: {sum(len(p.acknowledged) for p in producers)} messages acknowledged,"
        f" {sum(len(s.received) for s in subscribers)} received, {sum(p.retries for p in producers)} retries;"
        f" churn {counts}; {operator.reloads} reloads, {operator.rotations} rotations, {operator.jumps} jumps of the clock;"
        f" memory {operator.samples[0][1]} to {operator.samples[-1][1]} KiB, at most"
        f" {max(sample[1] for sample in operator.samples)}, in the second half {growth:+.0f} KiB/min;"
        f" descriptors {quiet} before, at most {max(sample[2] for sample in operator.samples)}, {left} after;"
        f" log lines dropped {gateway.metric('sluice_log_lines_dropped_total'):.0f}")
    return problems


def main():
    parser = argparse.ArgumentParser(description="A long run.")
    parser.add_argument("--sluice", required=True)
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--rate", type=int, default=1250, help="messages a second, all scans together")
    parser.add_argument("--scans", type=int, default=8)
    parser.add_argument("--churn", type=int, default=8, help="threads that come and go")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="sluice-soak-")
    clock = Clock(folder)
    gateway = Gateway(options.sluice, folder, prefix=clock.prefix, retention="{ age: 1h, bytes: 128MiB }",
                      more="log: { requests: true }\n")
    gateway.start()
    try:
        problems = soak(gateway, options, clock)
    finally:
        code = gateway.stop()
    if code != 0:
        problems.append(f"the gateway ended with {code}")
    for problem in problems[:20]:
        print("  FAILED:", problem)
    if problems:
        print("  kept:", folder)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(ended(main()))
