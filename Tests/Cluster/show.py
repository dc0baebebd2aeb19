#!/usr/bin/env python3
"""Three gateways and three servers of NATS on this machine's loopback behind HAProxy, with a scan and a viewer on each
gateway, in the terminal. A key kills any of them at once (kill -9), and starts it again.

    show.py --sluice .build/debug/sluice [--once]

With --once nobody has to press keys: each gateway and each server is killed and started in turn, and the exit status is 0
if all viewers then have all that was acknowledged.
"""

import argparse
import json
import os
import pathlib
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import threading
import time
import tty

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "Faults"))

from cluster import Anywhere
from gateway import Gateway, free_port
from ledger import Producer, Subscriber, settle
from servers import Servers

SCAN = "nightly"
HAPROXY = """
defaults
    mode http
    timeout connect 2s
    timeout client 310s
    timeout server 310s
    timeout tunnel 60s
frontend sluice
    bind 127.0.0.1:{port}
    default_backend sluice
backend sluice
    option http-no-delay
    option httpchk GET /readyz
    http-check expect status 200
    option redispatch
    retry-on conn-failure
    default-server inter 500ms fall 2 rise 1
"""


class Proxy:
    """HAProxy before all gateways, as a client sees them."""

    def __init__(self, folder, gateways):
        self.port, self.token, self.host = free_port(), gateways[0].token, "127.0.0.1"
        self.post, self.connect = gateways[0].post, Gateway.connect.__get__(self)
        lines = [f"    server {name} 127.0.0.1:{gateway.port} check port {gateway.admin_port}"
                 for name, gateway in zip("123", gateways)]
        path = f"{folder}/haproxy.cfg"
        with open(path, "w") as file:
            file.write(HAPROXY.format(port=self.port) + "\n".join(lines) + "\n")
        program = shutil.which("haproxy") or "/usr/sbin/haproxy"
        with open(f"{folder}/haproxy.log", "wb") as log:
            self.process = subprocess.Popen([program, "-db", "-f", path], stdout=log, stderr=log)

    def stop(self):
        self.process.kill()
        self.process.wait()


class Show:
    def __init__(self, program, folder):
        self.servers = Servers(folder)
        addresses = json.dumps(self.servers.urls.split(","))
        engine = f"{{ nats: {{ servers: {addresses}, name: show, shards: 3 }} }}"
        self.gateways = [Gateway(program, f"{folder}/gateway{number}", engine=engine,
                                 more=f"node: {{ name: gateway-{number} }}\n") for number in (1, 2, 3)]
        self.folder, self.proxy, self.producer, self.viewers = folder, None, None, []

    def begin(self):
        for index in range(3):
            self.servers.start(index)
        self.servers.wait()
        for gateway in self.gateways:
            gateway.start()
        self.proxy = Proxy(self.folder, self.gateways)
        self.producer = Producer(Anywhere([self.proxy]), SCAN, 20, 1)
        # A viewer of a gateway that is killed comes back through the proxy, and goes home when it can.
        self.viewers = [Subscriber(Anywhere([gateway, self.proxy]), SCAN) for gateway in self.gateways]
        for thread in [self.producer, *self.viewers]:
            thread.start()

    def is_up(self, key):
        process = self.gateways[int(key) - 1].process if key in "123" else self.servers.processes["abc".index(key)]
        return process.poll() is None

    def press(self, key):
        """Kills it, or starts it again."""
        if key in "123":
            gateway = self.gateways[int(key) - 1]
            if self.is_up(key):
                gateway.kill()
            else:
                threading.Thread(target=gateway.start, daemon=True).start()
                time.sleep(0.2)
        elif self.is_up(key):
            process = self.servers.processes["abc".index(key)]
            process.kill()
            process.wait()
        else:
            self.servers.start("abc".index(key))

    def lines(self):
        newest = max(self.producer.acknowledged, default=0)
        yield f"a scan, posted through HAProxy at http://127.0.0.1:{self.proxy.port}/"
        yield (f"  {len(self.producer.acknowledged)} messages acknowledged, the newest is {newest};"
               f" {self.producer.retries} times repeated with its key")
        for key, viewer in zip("123", self.viewers):
            lost = len(self.producer.acknowledged.keys() - viewer.received.keys())
            yield (f"  [{key}] gateway {key}: {'up  ' if self.is_up(key) else 'DEAD'}  its viewer has"
                   f" {viewer.last}, behind by {lost}; {len(viewer.problems)} faults")
        for key, monitor in zip("abc", self.servers.monitors):
            yield f"  [{key}] NATS {key}:    {'up' if self.is_up(key) else 'DEAD'}  {monitor}"
        yield "  a key kills, and starts again; q ends"

    def settle(self):
        """What is wrong once everything has come that was acknowledged."""
        return settle([self.producer] * 3, self.viewers)

    def stop(self):
        if self.proxy:
            self.proxy.stop()
        for gateway in self.gateways:
            if gateway.process and gateway.process.poll() is None:
                gateway.kill()
        self.servers.stop()


def by_hand(show):
    """Until q is pressed."""
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    count = 0
    try:
        while True:
            if count:
                print(f"\x1b[{count}A", end="")
            lines = list(show.lines())
            count = len(lines)
            for line in lines:
                print(f"\x1b[2K{line}")
            if select.select([sys.stdin], [], [], 0.25)[0]:
                key = os.read(sys.stdin.fileno(), 1).decode(errors="replace")
                if key == "q":
                    return
                if key in "123abc":
                    show.press(key)
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def by_itself(show):
    time.sleep(3)
    for key in "1a2b3c":
        show.press(key)
        time.sleep(12 if key in "abc" else 3)
        show.press(key)
        time.sleep(4)
        print("\n".join(show.lines()), flush=True)


def main():
    parser = argparse.ArgumentParser(description="Several gateways, to look at.")
    parser.add_argument("--sluice", required=True)
    parser.add_argument("--once", action="store_true")
    options = parser.parse_args()
    # What was started ends, too, where the terminal is closed.
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(1))
    folder = tempfile.mkdtemp(prefix="sluice-show-")
    show = Show(options.sluice, folder)
    try:
        show.begin()
        by_itself(show) if options.once or not sys.stdin.isatty() else by_hand(show)
        problems = show.settle()
    finally:
        show.stop()
    for problem in problems:
        print(f"  FAILED: {problem}")
    newest = max(show.producer.acknowledged, default=0)
    print(f"{newest} messages acknowledged; each of three viewers has them" if not problems else f"see {folder}")
    if not problems:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
