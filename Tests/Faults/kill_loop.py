#!/usr/bin/env python3
"""Kills a gateway under load again and again, and compares what was acknowledged with what was received.

    kill_loop.py --sluice .build/release/sluice [--rounds 100] [--durability batched] [--rate 2000] [--scans 4]

Exit 0 if nothing acknowledged was lost, doubled or out of order, and every start took less than a second.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time

from deaths import ended
from gateway import Gateway
from ledger import Producer, Subscriber, settle


def main():
    parser = argparse.ArgumentParser(description="Kill loop.")
    parser.add_argument("--sluice", required=True)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--durability", default="batched", choices=["batched", "synced"])
    parser.add_argument("--rate", type=int, default=2000, help="messages a second, all scans together")
    parser.add_argument("--scans", type=int, default=4)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    chance = random.Random(options.seed)
    folder = tempfile.mkdtemp(prefix="sluice-kill-")
    gateway = Gateway(options.sluice, folder, options.durability)
    starts = [gateway.start()]
    scans = [f"scan-{number}" for number in range(options.scans)]
    producers = [Producer(gateway, scan, options.rate / options.scans, chance.random()) for scan in scans]
    subscribers = [Subscriber(gateway, scan, is_slow=number == 0) for number, scan in enumerate(scans)]
    for thread in subscribers + producers:
        thread.start()
    for _ in range(options.rounds):
        time.sleep(chance.uniform(0.05, 1.0))
        gateway.kill()
        starts.append(gateway.start())
    time.sleep(1)
    problems = settle(producers, subscribers)
    problems += check_history(gateway, producers)
    if max(starts) > 1:
        problems.append(f"a start took {max(starts):.2f} s")
    code = gateway.stop()
    if code != 0:
        problems.append(f"the gateway ended with {code}")
    acknowledged = sum(len(producer.acknowledged) for producer in producers)
    print(
        f"{options.durability}: {options.rounds} kills, {acknowledged} messages acknowledged,"
        f" {sum(len(s.received) for s in subscribers)} received, {sum(p.retries for p in producers)} retries,"
        f" slowest start {max(starts):.3f} s, seed {options.seed}"
    )
    for problem in problems[:20]:
        print("  FAILED:", problem)
    shutil.rmtree(folder, ignore_errors=True)
    return 1 if problems else 0


def check_history(gateway, producers):
    """What is read without a subscription holds everything acknowledged, too."""
    for producer in producers:
        found = {message["seq"]: message["n"] for message in gateway.messages(producer.scan)}
        missing = [seq for seq, n in producer.acknowledged.items() if found.get(seq) != n]
        if missing:
            yield f"{producer.scan}: {len(missing)} not in /messages, first {sorted(missing)[:5]}"


if __name__ == "__main__":
    sys.exit(ended(main()))
