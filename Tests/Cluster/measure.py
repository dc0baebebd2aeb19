#!/usr/bin/env python3
"""What several gateways over NATS cost, and how fast they are: three of each on loopback, and every client beside them.

    measure.py --sluice .build/release/sluice [--only latency] [--messages 1000000] [--scans 10000]

Prints a line for each figure. The clients are Python and take a good part of the machine themselves, so rates are lower
bounds and times upper ones.
"""

import argparse
import itertools
import json
import os
import pathlib
import selectors
import shutil
import socket
import statistics
import sys
import tempfile
import threading
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "Faults"))

from gateway import Gateway
from servers import Servers


class Cluster:
    def __init__(self, program, folder):
        self.program, self.folder, self.nodes = program, folder, []
        self.servers = Servers(folder)
        self.engine = f"{{ nats: {{ servers: {json.dumps(self.servers.urls.split(','))}, name: measure, shards: 6 }} }}"

    def begin(self):
        for index in range(3):
            self.servers.start(index)
        self.servers.wait()
        for number in range(3):
            self.nodes.append(self.start(number))

    def start(self, number):
        node = Gateway(self.program, f"{self.folder}/node{number}", engine=self.engine,
                       more=f"node: {{ name: node{number} }}\n")
        node.start()
        while node.admin("/readyz")[0] != 200:
            time.sleep(0.02)
        return node

    def stop(self):
        for node in self.nodes:
            node.kill()
        self.servers.stop()


class Reader(threading.Thread):
    """An event stream: when each message came, by its number."""

    def __init__(self, gateway, scan, query="since=0&wait=30"):
        super().__init__(daemon=True)
        self.connection = gateway.connect(60)
        self.connection.request("GET", f"/api/scans/{scan}/events?{query}",
                                headers={"Authorization": f"Bearer {gateway.token}"})
        self.came, self.subscribed = {}, threading.Event()

    def run(self):
        answer = self.connection.getresponse()
        while line := answer.readline():
            if line.startswith(b"data: "):
                data = json.loads(line[6:])
                if data.get("type") == "subscribed":
                    self.subscribed.set()
                elif "n" in data:
                    self.came[data["n"]] = time.monotonic()


class Line:
    """A connection that posts one message after the other, without a thread of its own."""

    def __init__(self, node, scans):
        self.socket = socket.create_connection((node.host, node.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.scans, self.posted_at, self.due_at, self.answer = scans, None, 0, b""
        body = b'{"type":"host","n":1}'
        self.rest = (f"/progress HTTP/1.1\r\nHost: {node.host}\r\nAuthorization: Bearer {node.token}\r\n"
                     f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body

    def post(self):
        self.posted_at = time.monotonic()
        self.socket.sendall(b"POST /api/scans/" + next(self.scans).encode() + self.rest)

    def receive(self):
        """The status, once all of the answer is there."""
        data = self.socket.recv(4096)
        assert data, "the gateway closed the connection"
        self.answer += data
        head, end, body = self.answer.partition(b"\r\n\r\n")
        if not end or len(body) < int(head.lower().partition(b"content-length:")[2].split()[0]):
            return None
        status, self.answer = int(head[9:12]), b""
        return status


class Load(threading.Thread):
    """Posts by many lines in one thread, which costs some 30 us each: as fast as they are answered, or so many a second."""

    def __init__(self, rate=None):
        super().__init__(daemon=True)
        self.rate, self.lines, self.is_over = rate, [], False
        # When each was posted, and how long its 202 took.
        self.times, self.refused = [], 0

    def run(self):
        selector, known = selectors.DefaultSelector(), 0
        while not self.is_over:
            while known < len(self.lines):
                selector.register(self.lines[known].socket, selectors.EVENT_READ, self.lines[known])
                known += 1
            now, interval = time.monotonic(), known / self.rate if self.rate else 0
            for line in self.lines[:known]:
                if line.posted_at is None and now >= line.due_at:
                    line.due_at = max(line.due_at + interval, now - 0.1)
                    line.post()
            for key, _ in selector.select(0.002):
                line = key.data
                status = line.receive()
                if status is None:
                    continue
                now = time.monotonic()
                if status == 202:
                    self.times.append((line.posted_at, now - line.posted_at))
                else:
                    self.refused += 1
                line.posted_at = None
                if not self.rate:
                    line.post()

    def end(self):
        self.is_over = True
        self.join()

    def between(self, begun, ended):
        """p50, p99 and the longest of posts that were begun then, in ms."""
        times = sorted(1000 * took for at, took in self.times if begun <= at < ended)
        return f"p50 {times[len(times) // 2]:.1f}, p99 {times[len(times) * 99 // 100]:.1f}, most {times[-1]:.0f} ms"


def latency(cluster, options):
    """From a POST on one node to the frame on another: critical messages, which wait for no batch."""
    reader = Reader(cluster.nodes[1], "latency")
    reader.start()
    connection, sent = cluster.nodes[0].connect(), {}
    for number in range(1000):
        sent[number] = time.monotonic()
        assert cluster.nodes[0].post("latency", {"type": "phaseStarted", "n": number}, None, connection)[0] == 202
        time.sleep(0.01)
    time.sleep(1)
    times = sorted(1000 * (reader.came[number] - sent[number]) for number in sent)
    print(f"POST to frame on another node: p50 {times[499]:.1f} ms, p99 {times[989]:.1f} ms, most {times[-1]:.1f} ms")


def racing(cluster, options):
    """One scan, posted to from three nodes at once by so many connections each."""
    for count in (1, 3, 10, 30):
        load, nodes = Load(), cluster.nodes
        load.lines = [Line(node, itertools.repeat(f"racing.{count}")) for node in nodes for _ in range(count)]
        before = [node.metric("sluice_engine_append_seconds_count") or 0 for node in nodes]
        voids = [node.metric("sluice_engine_void_records_total") for node in nodes]
        own, gateways = time.process_time(), sum(node.cpu_seconds() for node in nodes)
        begun = time.monotonic()
        load.start()
        time.sleep(10)
        load.end()
        took = time.monotonic() - begun
        own, gateways = time.process_time() - own, sum(node.cpu_seconds() for node in nodes) - gateways
        records = sum(node.metric("sluice_engine_append_seconds_count") for node in nodes) - sum(before)
        void = sum(node.metric("sluice_engine_void_records_total") for node in nodes) - sum(voids)
        print(f"one scan from three nodes, {count} connections each: {len(load.times) / took:.0f} posts/s in"
              f" {records / took:.0f} records/s, {void:.0f} void; {load.between(begun, begun + took)};"
              f" CPU: clients {own / took:.2f}, gateways {gateways / took:.2f}", flush=True)


def cost(cluster, options):
    """CPU of gateways for a message in arrays of 50, with a subscriber on each node, against a gateway alone."""
    def run(nodes, scan):
        readers = [Reader(node, scan) for node in nodes]
        for reader in readers:
            reader.start()
        before, connection, count = sum(node.cpu_seconds() for node in nodes), nodes[0].connect(), 400
        for number in range(count):
            messages = [{"type": "host", "n": number * 50 + one, "pad": "x" * 200} for one in range(50)]
            assert nodes[0].post(scan, messages, None, connection)[0] == 202
            time.sleep(0.01)
        time.sleep(2)
        return 1e6 * (sum(node.cpu_seconds() for node in nodes) - before) / count / 50

    alone = Gateway(options.sluice, f"{cluster.folder}/alone")
    alone.start()
    single = run([alone], "cost")
    alone.stop()
    first = run(cluster.nodes[:1], "cost.one")
    three = run(cluster.nodes, "cost.three")
    print(f"CPU for a message: alone with SQLite {single:.0f} us; one node {first:.0f} us; three nodes together, each with a"
          f" subscriber {three:.0f} us")


def opening(cluster, options):
    """A scan of many messages is opened where it was not open."""
    connection = cluster.nodes[0].connect()
    begun = time.monotonic()
    for number in range(0, options.messages, 500):
        messages = [{"type": "host", "n": number + one} for one in range(500)]
        assert cluster.nodes[0].post("opening", messages, None, connection)[0] == 202
    filled = time.monotonic() - begun
    fresh = cluster.start(9)
    begun = time.monotonic()
    reader = Reader(fresh, "opening", f"since={options.messages - 10}")
    reader.start()
    reader.subscribed.wait(60)
    took = time.monotonic() - begun
    fresh.stop()
    print(f"opening a scan of {options.messages} messages: {1000 * took:.0f} ms"
          f" (posted in arrays of 500 in {filled:.0f} s, {options.messages / filled:.0f} messages/s)")


def scans(cluster, options):
    """Many scans over three nodes, the list of them, and a node that joins."""
    counts = [0] * 6

    def post(index):
        node = cluster.nodes[index % 3]
        connection = node.connect()
        for number in range(index, options.scans, 6):
            counts[index] += node.post(f"many.{number}", {"type": "host", "n": 1}, None, connection)[0] == 202

    begun = time.monotonic()
    threads = [threading.Thread(target=post, args=(index,)) for index in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - begun
    begun = time.monotonic()
    late = cluster.start(8)
    joined = time.monotonic() - begun
    begun = time.monotonic()
    status, _, answer = late.ask("GET", "/api/scans/stats?totals=true")
    listed = time.monotonic() - begun
    found = answer.get("total_scans") if status == 200 else status
    begun, times = time.monotonic(), []
    for number in range(200):
        at = time.monotonic()
        assert late.ask("GET", f"/api/scans/many.{number}")[0] == 200
        times.append(1000 * (time.monotonic() - at))
    late.stop()
    print(f"{sum(counts)} scans begun in {took:.1f} s over three nodes; a node joins in {joined:.1f} s, lists {found} in"
          f" {listed:.2f} s, opens one in {statistics.median(times):.1f} ms (p99 {sorted(times)[197]:.1f})")


def joining(cluster, options):
    """A node joins while three take a load, and then takes a part of it."""
    names = [f"joining.{number}" for number in range(options.busy)]
    load = Load(rate=options.rate)
    for offset, node in enumerate(cluster.nodes * 10):
        load.lines.append(Line(node, itertools.islice(itertools.cycle(names), offset, None, 7)))
    load.start()
    time.sleep(10)
    begun = time.monotonic()
    late = cluster.start(7)
    joined = time.monotonic()
    time.sleep(5)
    shared = time.monotonic()
    first = len(load.lines)
    load.lines += [Line(late, itertools.islice(itertools.cycle(names), offset, None, 7)) for offset in range(10)]
    time.sleep(10)
    load.end()
    late.stop()
    ended = time.monotonic()
    print(f"{len(load.times) / (ended - begun + 10):.0f} posts/s to {options.busy} scans, {load.refused} refused; before:"
          f" {load.between(begun - 8, begun)}; a node joins, ready in {joined - begun:.1f} s:"
          f" {load.between(begun, joined + 5)}; with it, {len(load.lines) - first} of {len(load.lines)} connections:"
          f" {load.between(shared, ended)}")


FIGURES = {figure.__name__: figure for figure in (latency, racing, cost, opening, scans, joining)}


def main():
    parser = argparse.ArgumentParser(description="Figures of several gateways.")
    parser.add_argument("--sluice", required=True)
    parser.add_argument("--only", choices=sorted(FIGURES), action="append")
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--scans", type=int, default=10_000)
    parser.add_argument("--busy", type=int, default=1000, help="scans that are posted to while a node joins")
    parser.add_argument("--rate", type=int, default=300, help="posts a second meanwhile")
    options = parser.parse_args()
    os.environ["SLUICE_LIMITS__SCANS"] = "100000"
    folder = tempfile.mkdtemp(prefix="sluice-measure-")
    cluster = Cluster(options.sluice, folder)
    try:
        cluster.begin()
        for name in options.only or FIGURES:
            FIGURES[name](cluster, options)
            sys.stdout.flush()
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
