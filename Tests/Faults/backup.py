#!/usr/bin/env python3
"""Copies the storage of a gateway under load, and starts others over the copies.

    backup.py --sluice .build/release/sluice [--copies 5] [--rate 2000] [--scans 4]

Exit 0 if each copy has everything that was acknowledged before it began, numbers nothing twice, and the load lost nothing.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

from deaths import ended
from gateway import Gateway
from ledger import Producer, Subscriber, settle


def check_copy(program, folder, promised):
    """Starts a gateway over a copy; what is wrong with it."""
    gateway = Gateway(program, folder + "-gateway", storage=folder)
    gateway.start()
    try:
        for scan, acknowledged in promised.items():
            found = {message["seq"]: message["n"] for message in gateway.messages(scan)}
            missing = [seq for seq, n in acknowledged.items() if found.get(seq) != n]
            if missing:
                yield f"{scan}: {len(missing)} of {len(acknowledged)} are not in the copy, first {sorted(missing)[:5]}"
            numbers = [n for seq, n in sorted(found.items())]
            if numbers != sorted(set(numbers)):
                yield f"{scan}: doubled or out of order"
            status, _, answer = gateway.post(scan, [{"type": "more", "n": 0}])
            if status != 202 or answer["firstSeq"] <= max(found):
                yield f"{scan}: {status} {answer} after {max(found)}"
    finally:
        code = gateway.stop()
    if code != 0:
        yield f"the gateway over the copy ended with {code}"


def main():
    parser = argparse.ArgumentParser(description="Backup under load.")
    parser.add_argument("--sluice", required=True)
    parser.add_argument("--copies", type=int, default=5)
    parser.add_argument("--rate", type=int, default=2000, help="messages a second, all scans together")
    parser.add_argument("--scans", type=int, default=4)
    options = parser.parse_args()
    chance = random.Random(1)
    folder = tempfile.mkdtemp(prefix="sluice-backup-")
    gateway = Gateway(options.sluice, folder)
    gateway.start()
    scans = [f"scan-{number}" for number in range(options.scans)]
    producers = [Producer(gateway, scan, options.rate / options.scans, chance.random()) for scan in scans]
    subscribers = [Subscriber(gateway, scan) for scan in scans]
    for thread in subscribers + producers:
        thread.start()
    problems, copies = [], []
    for number in range(options.copies):
        time.sleep(chance.uniform(0.5, 1.5))
        promised = {producer.scan: dict(producer.acknowledged) for producer in producers}
        target = os.path.join(folder, f"copy-{number}")
        begin = time.monotonic()
        done = subprocess.run(
            [gateway.program, "backup", "--config", os.path.join(folder, "config.yaml"), target],
            capture_output=True, text=True, check=False, env={**os.environ, "SWIFT_BACKTRACE": "enable=no"})
        if done.returncode != 0:
            problems.append(f"backup: {done.returncode} {done.stderr}")
        copies.append((target, promised, time.monotonic() - begin))
    again = subprocess.run(
        [gateway.program, "backup", "--config", os.path.join(folder, "config.yaml"), copies[0][0]],
        capture_output=True, text=True, check=False)
    if again.returncode != 1 or "there is a store already" not in again.stderr:
        problems.append(f"a copy was written over: {again.returncode} {again.stderr}")
    problems += settle(producers, subscribers)
    if gateway.stop() != 0:
        problems.append("the gateway did not end in order")
    for target, promised, _ in copies:
        problems += check_copy(options.sluice, target, promised)
    print(
        f"{len(copies)} copies beside {sum(len(p.acknowledged) for p in producers)} messages acknowledged,"
        f" {[sum(map(len, promised.values())) for _, promised, _ in copies]} of them before each copy,"
        f" slowest copy {max(seconds for _, _, seconds in copies):.2f} s"
    )
    for problem in problems[:20]:
        print("  FAILED:", problem)
    shutil.rmtree(folder, ignore_errors=True)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(ended(main()))
