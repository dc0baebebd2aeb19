#!/usr/bin/env python3
"""Restarts a gateway under load, while many clients follow it that come back as they are told.

    rolling_restart.py --sluice .build/release/sluice [--clients 1000] [--restarts 3] [--scans 10] [--rate 50] [--grace 10]

The listening socket is held as systemd holds it (LISTEN_FDS), so nobody is refused between two processes. Half of the
clients are WebSockets, which wait as long as the reason of their 1001 says, half are event streams, which wait as long as
`retry:` says. Exit 0 if every client got every acknowledged message once and in order, no connection was refused, nobody
came back before the next process was there, and no half second had more than a third of the returns.
"""

import argparse
import asyncio
import base64
import json
import os
import random
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from deaths import ended, joined
from gateway import Gateway
from ledger import Producer

BUCKET = 0.5


class Activated(Gateway):
    """A gateway whose socket outlives it."""

    def hold(self):
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=4096)

    def start(self, wait=60.0):
        number = self.listener.fileno()
        begin = time.monotonic()
        script = f'LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=listen exec "$@"' + (
            "" if number == 3 else f" 3<&{number} {number}<&-")
        with open(os.path.join(self.folder, "gateway.log"), "ab") as log:
            before = log.tell()
            self.process = subprocess.Popen(
                ["bash", "-c", script, "sluice", self.program, "serve", "--config",
                 os.path.join(self.folder, "config.yaml")],
                stderr=log, stdin=subprocess.DEVNULL, pass_fds=(number,),
                env={**os.environ, "SWIFT_BACKTRACE": "enable=no"})
        while "gateway serves" not in self.log()[before:]:
            if self.process.poll() is not None or time.monotonic() - begin > wait:
                raise RuntimeError(f"the gateway does not serve: {self.log()[-600:]}")
            time.sleep(0.005)
        return time.monotonic() - begin


class Client:
    """Follows a scan, and goes on where it was as soon as it was told to come back."""

    def __init__(self, gateway, scan):
        self.gateway, self.scan = gateway, scan
        self.seqs, self.problems, self.returns = [], [], []
        self.epoch, self.delay, self.is_over = None, None, False

    @property
    def last(self):
        return self.seqs[-1] if self.seqs else 0

    async def run(self):
        while not self.is_over:
            self.delay = None
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.gateway.port)
            except OSError as error:
                self.problems.append(f"no connection: {error}")
                await asyncio.sleep(1)
                continue
            try:
                await self.follow(reader, writer)
            except (asyncio.IncompleteReadError, OSError):
                pass
            finally:
                writer.close()
            if self.is_over:
                return
            if self.delay is None:
                self.problems.append("the connection ended without a word")
            await asyncio.sleep((self.delay or 1000) / 1000)
            self.returns.append(time.monotonic())

    def take(self, message):
        kind = message.get("type")
        if kind == "batch":
            for one in message["messages"]:
                self.take(one)
        elif kind == "subscribed":
            if self.epoch not in (None, message["epoch"]) or not message["recovered"]:
                self.problems.append(f"not recovered: {message}")
            self.epoch = message["epoch"]
        elif kind == "lag":
            self.problems.append(f"lag: {message}")
        elif "n" in message:
            self.seqs.append(message["seq"])

    def head(self, path, *fields):
        lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{self.gateway.port}",
                 f"Authorization: Bearer {self.gateway.token}", *fields]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    async def answer(self, reader, expected):
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        if status != expected:
            asked = re.search(rb"retry-after: (\d+)", head.lower())
            self.delay = int(asked[1]) * 1000 if asked else None
            if status != 503:
                self.problems.append(f"answered {status}")
            raise OSError


class Stream(Client):
    async def follow(self, reader, writer):
        position = [f"Last-Event-ID: {self.epoch}:{self.last}"] if self.epoch else []
        writer.write(self.head(f"/api/scans/{self.scan}/events?since=0&wait=30", *position))
        await self.answer(reader, 200)
        event = {}
        while line := await reader.readline():
            name, _, value = line.decode().rstrip("\r\n").partition(": ")
            if name == "retry":
                self.delay = int(value)
            elif name:
                event[name] = value
            elif event:
                if "data" in event and event.get("event") != "sluice.close":
                    self.take(json.loads(event["data"]))
                event = {}


class Socket(Client):
    async def follow(self, reader, writer):
        place = f"since={self.last}" + (f"&epoch={self.epoch}" if self.epoch else "")
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write(self.head(
            f"/api/ws/scans/{self.scan}?{place}&wait=30", "Connection: Upgrade", "Upgrade: websocket",
            "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"))
        await self.answer(reader, 101)
        while True:
            first, size = await reader.readexactly(2)
            if size >= 126:
                size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
            payload = await reader.readexactly(size)
            if first & 15 == 1:
                self.take(json.loads(payload))
            elif first & 15 == 9:
                writer.write(bytes([0x8A, 0x80 | size, 0, 0, 0, 0]) + payload)
            elif first & 15 == 8:
                code, reason = int.from_bytes(payload[:2], "big"), payload[2:].decode()
                writer.write(bytes([0x88, 0x82, 0, 0, 0, 0]) + payload[:2])
                if code == 1001:
                    self.delay = json.loads(reason)["retryAfterMs"]
                elif not self.is_over:
                    self.problems.append(f"closed {code} {reason}")
                return


def restart(gateway):
    """When it was told to stop, and when the next process served."""
    told = time.monotonic()
    gateway.process.terminate()
    code = gateway.process.wait(60)
    ended = time.monotonic()
    gateway.start()
    return told, ended, time.monotonic(), code


def histogram(returns, told, served):
    """Lines of what came back when, after the process was told to stop; the greatest share of one line."""
    counts = {}
    for moment in returns:
        counts[int((moment - told) / BUCKET)] = counts.get(int((moment - told) / BUCKET), 0) + 1
    for number in range(min(counts), max(counts) + 1):
        mark = " <- the next process serves" if number == int((served - told) / BUCKET) else ""
        count = counts.get(number, 0)
        print(f"  {number * BUCKET:5.1f} s {count:5d} {'#' * (count * 60 // len(returns))}{mark}")
    return max(counts.values()) / len(returns)


def dead(tasks):
    """The clients that ended before they were told to, in words."""
    return [f"{task.get_name()} died: {None if task.cancelled() else task.exception()!r}" for task in tasks if task.done()]


async def follow(gateway, options, producers):
    clients = [(Socket if number % 2 else Stream)(gateway, f"scan-{number % options.scans}")
               for number in range(options.clients)]
    tasks = [asyncio.create_task(client.run(), name=f"client {number}") for number, client in enumerate(clients)]
    end = time.monotonic() + 60
    while not all(client.epoch for client in clients):
        if dead(tasks) or time.monotonic() > end:
            return dead(tasks) or ["not all clients follow within a minute"]
        await asyncio.sleep(0.1)
    problems = []
    for number in range(options.restarts):
        await asyncio.sleep(2)
        for client in clients:
            client.returns.clear()
        told, ended, served, code = await asyncio.to_thread(restart, gateway)
        end = time.monotonic() + 60
        while not all(client.returns for client in clients) and time.monotonic() < end:
            await asyncio.sleep(0.1)
        returns = [client.returns[0] for client in clients if client.returns]
        print(f"restart {number + 1}: ended after {ended - told:.2f} s, next one serves after {served - told:.2f} s;"
              f" {len(returns)} of {len(clients)} came back from {min(returns) - told:.2f} s"
              f" to {max(returns) - told:.2f} s, {sum(len(client.returns) for client in clients)} times")
        share = histogram(returns, told, served)
        early = sum(moment < served for moment in returns)
        if code != 0 or len(returns) < len(clients):
            problems.append(f"restart {number + 1}: exit {code}, {len(returns)} came back")
        if early:
            problems.append(f"restart {number + 1}: {early} came back before the next process was there")
        if share > 1 / 3:
            problems.append(f"restart {number + 1}: {share:.0%} came back within {BUCKET} s")
    await asyncio.sleep(1)
    for producer in producers:
        producer.is_over.set()
    problems += await asyncio.to_thread(joined, producers, 60)
    newest = {producer.scan: max(producer.acknowledged, default=0) for producer in producers}
    end = time.monotonic() + 60
    while any(client.last < newest[client.scan] for client in clients) and time.monotonic() < end:
        await asyncio.sleep(0.1)
    problems += dead(tasks)
    for client in clients:
        client.is_over = True
    for task in tasks:
        task.cancel()
    promised = {producer.scan: sorted(producer.acknowledged) for producer in producers}
    for client in clients:
        problems += [f"{client.scan}: {problem}" for problem in client.problems[:2]]
        if client.seqs != sorted(set(client.seqs)):
            problems.append(f"{client.scan}: doubled or out of order")
        lost = len(set(promised[client.scan]).difference(client.seqs))
        if lost:
            problems.append(f"{client.scan}: {lost} of {len(promised[client.scan])} lost")
    print(f"{sum(map(len, promised.values()))} messages acknowledged, {sum(len(c.seqs) for c in clients)} received by"
          f" {len(clients)} clients over {options.restarts} restarts")
    return problems + [f"{p.scan}: {problem}" for p in producers for problem in p.problems[:3]]


def main():
    parser = argparse.ArgumentParser(description="Restarts under load.")
    parser.add_argument("--sluice", required=True)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--restarts", type=int, default=3)
    parser.add_argument("--scans", type=int, default=10)
    parser.add_argument("--rate", type=int, default=50, help="messages a second, all scans together")
    parser.add_argument("--grace", type=int, default=10, help="shutdown.grace in seconds")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    for name, value in {"CONNECTIONS__TOTAL": 10000, "CONNECTIONS__PER_USER": 10000, "CONNECTIONS__PER_ADDRESS": 10000,
                        "HANDSHAKES__RATE": 10000, "HANDSHAKES__BURST": 20000}.items():
        os.environ[f"SLUICE_LIMITS__{name}"] = str(value)
    folder = tempfile.mkdtemp(prefix="sluice-restart-")
    gateway = Activated(options.sluice, folder, more=f"shutdown: {{ grace: {options.grace}s }}\n")
    gateway.hold()
    gateway.start()
    chance = random.Random(1)
    producers = [Producer(gateway, f"scan-{number}", options.rate / options.scans, chance.random())
                 for number in range(options.scans)]
    for producer in producers:
        producer.start()
    try:
        problems = asyncio.run(follow(gateway, options, producers))
    finally:
        code = gateway.stop()
    if code != 0:
        problems.append(f"the gateway ended with {code}")
    for problem in problems[:20]:
        print("  FAILED:", problem)
    shutil.rmtree(folder, ignore_errors=True)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(ended(main()))
