#!/usr/bin/env python3
"""Gateways and servers of NATS that are killed, stopped, paused and cut off under load, with an outside ledger.

    cluster_faults.py --sluice .build/release/sluice [--rounds 20] [--only NAME] [--rate 300] [--seed N]

Each machine has a network namespace of its own, so it needs root and iproute2; without them it says so and exits 0.
Producers repeat elsewhere with their key, subscribers go on elsewhere where they were. Exit 0 if after each fault nothing
acknowledged was lost, doubled or out of order, every node has the same messages under the same numbers, and subscribers
have all of them.
"""

import argparse
import os
import random
import shutil
import signal
import statistics
import sys
import tempfile
import time

import network
from checks import Fault, expect, wait_until
from cluster import SHARDS, Anywhere, Cluster, Watcher, shard
from deaths import ended
from ledger import Producer, Subscriber, settle


def gateway_killed(cluster, chance, scans):
    gateway = chance.choice(cluster.gateways)
    gateway.kill()
    time.sleep(chance.uniform(0.5, 2))
    gateway.start()
    return []


def gateway_stopped(cluster, chance, scans):
    gateway = chance.choice(cluster.gateways)
    expect(gateway.stop() == 0, "the gateway did not end in order")
    gateway.start()
    return []


def server_killed(cluster, chance, scans):
    server = chance.choice(list(cluster.leaders().values()))
    cluster.kill_server(server)
    time.sleep(10)
    cluster.servers.start(server)
    return [server]


def server_stopped(cluster, chance, scans):
    server = chance.choice(list(cluster.leaders().values()))
    cluster.kill_server(server, signal.SIGTERM)
    time.sleep(2)
    cluster.servers.start(server)
    return [server]


def server_paused(cluster, chance, scans):
    server = chance.choice(list(cluster.leaders().values()))
    cluster.send(server, signal.SIGSTOP)
    time.sleep(10)
    cluster.send(server, signal.SIGCONT)
    return [server]


def servers_split(cluster, chance, scans):
    """A server that leads is cut off from the others, and not from the gateways."""
    server = chance.choice(list(cluster.leaders().values()))
    cluster.machines[server].cut("routes")
    time.sleep(12)
    cluster.machines[server].join("routes")
    return [server]


def servers_flapping(cluster, chance, scans):
    """The cable between a server and the others is loose."""
    server = chance.choice(list(cluster.leaders().values()))
    for _ in range(6):
        cluster.machines[server].cut("routes")
        time.sleep(chance.uniform(0.2, 1.5))
        cluster.machines[server].join("routes")
        time.sleep(chance.uniform(0.2, 1))
    return [server]


def all_servers_killed(cluster, chance, scans):
    for server in range(3):
        cluster.kill_server(server)
    time.sleep(chance.uniform(0, 2))
    for server in range(3):
        cluster.servers.start(server)
    return [0, 1, 2]


def gateway_cut_off(cluster, chance, scans):
    """A gateway reaches its clients, but no server: it promises nothing, and closes its subscribers."""
    index = chance.randrange(3)
    gateway, box = cluster.gateways[index], cluster.boxes[index]
    watchers = [Watcher(gateway, scans[number % len(scans)]) for number in range(20)]
    for watcher in watchers:
        watcher.start()
    for watcher in watchers:
        expect(watcher.is_open.wait(10), "no WebSocket before the cut")
    cut_at = time.monotonic()
    box.cut("engine")
    try:
        wait_until(lambda: gateway.admin("/readyz")[0] == 503, "ready although cut off", cluster.cut_off_after + 5)
        expect(gateway.admin("/healthz")[0] == 200, "not healthy")
        status, _, answer = gateway.post(scans[0], [{"type": "host"}], timeout=60)
        expect((status, answer["code"]) == (503, "storage_unavailable"), f"a post while cut off: {status} {answer}")
        for watcher in watchers:
            watcher.join(cluster.cut_off_after + 20)
            expect(watcher.code == 1013, f"closed with {watcher.code}")
        closed = sorted(watcher.closed_at - cut_at for watcher in watchers)
        expect(closed[0] > cluster.cut_off_after - 3, f"closed {closed[0]:.1f} s after the cut")
        expect(closed[-1] - closed[0] > 3, f"all closed within {closed[-1] - closed[0]:.1f} s")
        status = gateway.ask("GET", f"/api/scans/{scans[0]}/events")[0]
        expect(status == 503, f"a subscriber while cut off: {status}")
    finally:
        box.join("engine")
    joined_at = time.monotonic()
    wait_until(lambda: gateway.admin("/readyz")[0] == 200, "not ready again", 20)
    print(f"    closed 1013 from {closed[0]:.1f} to {closed[-1]:.1f} s after the cut, ready again"
          f" {time.monotonic() - joined_at:.1f} s after its end", flush=True)
    return []


def engine_away(cluster, chance, scans):
    """All servers are killed for longer than gateways wait."""
    for server in range(3):
        cluster.kill_server(server)
    for gateway in cluster.gateways:
        wait_until(lambda: gateway.admin("/readyz")[0] == 503, "ready without an engine", cluster.cut_off_after + 5)
    time.sleep(cluster.cut_off_after + 3)
    for server in range(3):
        cluster.servers.start(server)
    began = time.monotonic()
    for gateway in cluster.gateways:
        wait_until(lambda: gateway.admin("/readyz")[0] == 200, "not ready again", 60)
    print(f"    ready {time.monotonic() - began:.1f} s after the servers were started", flush=True)
    return [0, 1, 2]


# They concern the scans alone whose stream that server leads.
OF_ONE_SERVER = (server_killed, server_stopped, server_paused, servers_split)

FAULTS = {fault.__name__: fault for fault in (
    gateway_killed, gateway_stopped, server_killed, server_stopped, server_paused, servers_split, servers_flapping,
    all_servers_killed, gateway_cut_off, engine_away)}


def check_nodes(cluster, producers):
    """Every node tells the same of every scan: numbers without gaps, nothing twice, everything acknowledged."""
    for producer in producers:
        views = [{m["seq"]: m["n"] for m in gateway.messages(producer.scan)} for gateway in cluster.gateways]
        found = views[0]
        if any(view != found for view in views):
            yield f"{producer.scan}: nodes differ: {[len(view) for view in views]}"
        if sorted(found) != list(range(1, len(found) + 1)):
            yield f"{producer.scan}: {len(found)} messages up to {max(found)}"
        if len(set(found.values())) != len(found):
            yield f"{producer.scan}: {len(found) - len(set(found.values()))} messages stand twice"
        lost = [seq for seq, n in producer.acknowledged.items() if found.get(seq) != n]
        if lost:
            yield f"{producer.scan}: {len(lost)} acknowledged not in the log, first {sorted(lost)[:5]}"


def run(cluster, fault, chance, options, number):
    """One fault under load: problems, the longest waits of scans that it concerns and of the others, and counts.

    A wait is that of one post for its acknowledgement, and the way of a message from there to a subscriber. Those of the
    others count while the fault lasts; once it is over, a server that comes back may make NATS elect for any stream.
    """
    scans = [f"{fault.__name__}.{number}.{index}" for index in range(options.scans)]
    lines = [Anywhere(cluster.gateways, index) for index, _ in enumerate(scans)]
    producers = [Producer(line, scan, options.rate / len(scans), chance.random()) for line, scan in zip(lines, scans)]
    subscribers = [Subscriber(Anywhere(cluster.gateways, first), scan) for first in range(3) for scan in scans]
    for thread in subscribers + producers:
        thread.start()
    wait_until(lambda: all(producer.acknowledged for producer in producers), "nothing is acknowledged", 30)
    time.sleep(1)
    leaders, problems = cluster.leaders(), []
    begun = time.monotonic()
    try:
        dead = fault(cluster, chance, scans)
    except Fault as error:
        dead, problems = [], [str(error)]
    healed = time.monotonic()
    cluster.wait_until_ready(60)
    time.sleep(2)
    ended = time.monotonic()
    wait_until(lambda: all(line.acknowledged_at and line.acknowledged_at[-1] > healed for line in lines),
               "producers do not go on", 60)
    problems += settle(producers * 3, subscribers)
    problems += check_nodes(cluster, producers)
    led, other, ways, after = [], [], [], []
    for number, producer in enumerate(producers):
        is_led = leaders.get(shard(producer.scan)) in dead
        if is_led:
            led.append(producer.longest_wait(begun, ended))
            continue
        other.append(producer.longest_wait(begun, healed))
        after.append(producer.longest_wait(healed, ended))
        ways += [subscriber.longest_way(producer, begun, healed) for subscriber in subscribers[number::len(scans)]]
    count = sum(len(producer.acknowledged) for producer in producers)
    received = sum(len(subscriber.received) for subscriber in subscribers)
    waits = [max(times, default=None) for times in (led, other, ways, after)]
    return problems, *waits, count, received


def seconds(values):
    values = [value for value in values if value is not None]
    return f"{statistics.median(values):.2f} (at most {max(values):.2f})" if values else "-"


def main():
    parser = argparse.ArgumentParser(description="Faults of several gateways.")
    parser.add_argument("--sluice", required=True)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", choices=sorted(FAULTS), action="append")
    parser.add_argument("--rate", type=int, default=300, help="messages a second, all scans together")
    parser.add_argument("--scans", type=int, default=2 * SHARDS)
    parser.add_argument("--within", type=float, default=float("inf"),
                        help="seconds that a post to a scan of another server may wait; for a machine with nothing else to do")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    if not network.is_possible():
        print("passed over: no network namespaces here (root, iproute2)")
        return 0
    if os.environ.get("FAULTS_NETWORK") is None:
        os.environ["FAULTS_NETWORK"] = "own"
        os.execvp("unshare", ["unshare", "-n", sys.executable, *sys.argv])
    chance = random.Random(options.seed)
    folder = tempfile.mkdtemp(prefix="sluice-cluster-")
    lan, cluster, status = network.Network(), None, 0
    try:
        cluster = Cluster(options.sluice, folder, lan)
        for name in options.only or FAULTS:
            results = []
            for number in range(options.rounds):
                problems, *figures = run(cluster, FAULTS[name], chance, options, number)
                results.append(figures)
                for problem in problems[:10]:
                    status = 1
                    print(f"  FAILED in round {number + 1}: {problem}", flush=True)
            led, other, ways, after, counts, received = zip(*results)
            print(f"{name}: {options.rounds} rounds, {sum(counts)} acknowledged, {sum(received)} received; longest wait of"
                  f" a post in s, median: {seconds(led)} where its stream was led there, {seconds(other)} elsewhere, and"
                  f" there {seconds(ways)} more to a subscriber, {seconds(after)} after it was over", flush=True)
            late = [wait for wait in other if wait is not None and wait > options.within]
            if late and FAULTS[name] in OF_ONE_SERVER:
                status = 1
                print(f"  FAILED: posts to scans that other servers lead waited {max(late):.1f} s", flush=True)
    finally:
        if cluster:
            cluster.close()
        lan.close()
    print(f"seed {options.seed}" + (f"; see {folder}" if status else ""))
    if status == 0:
        shutil.rmtree(folder, ignore_errors=True)
    return status


if __name__ == "__main__":
    sys.exit(ended(main()))
