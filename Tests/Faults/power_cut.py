#!/usr/bin/env python3
"""Cuts the power of a machine, as far as a gateway can tell: what was not synced is lost, in whole or in parts.

    power_cut.py --sluice .build/release/sluice [--rounds 10] [--seed N]

A preloaded library remembers what each file held when it was last synced. After a kill each file is put together out of
that and of what was written since, sector by sector at random, or none of it; and the machine has another boot. Under
`synced` no acknowledged message may be lost, under `batched` none that was acknowledged two seconds before; and no
message is ever wrong or doubled, and no number given twice.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

from checks import Fault, expect
from deaths import ended
from gateway import Gateway
from ledger import Subscriber

SECTOR = 512
# The time that `batched` may lose, and some more for a busy machine.
GRACE = 2.0


class Poster(threading.Thread):
    """Posts arrays, and each again with its key until it is acknowledged; what was acknowledged, and when."""

    def __init__(self, gateway, chance):
        super().__init__(daemon=True)
        self.gateway, self.chance = gateway, chance
        self.acknowledged = {}
        self.posted = 0
        self.is_over = threading.Event()

    def run(self):
        batch = 0
        while not self.is_over.is_set():
            batch += 1
            numbers = range(self.posted + 1, self.posted + 1 + self.chance.randint(1, 8))
            self.posted = numbers[-1]
            messages = [{"type": "host", "n": n, "pad": "x" * self.chance.randint(0, 6000)} for n in numbers]
            self.deliver(messages, numbers, f"b{batch}")
            self.is_over.wait(self.chance.uniform(0, 0.08))

    def deliver(self, messages, numbers, key):
        while not self.is_over.is_set():
            try:
                status, _, answer = self.gateway.post("a", messages, key, timeout=10)
            except Exception:  # The gateway is down, or went down within the answer.
                time.sleep(0.05)
                continue
            # An answer that comes after the kill was sent before it.
            if status == 202:
                for seq, n in zip(range(answer["firstSeq"], answer["lastSeq"] + 1), numbers):
                    self.acknowledged[seq] = (n, time.monotonic())
                return
            time.sleep(0.05)


def outcome(synced, current, chance):
    """One of the contents that a file may have after a power cut."""
    kind = chance.choice(["synced", "mixed", "current"])
    if kind == "synced":
        return synced
    if kind == "current":
        return current
    size = chance.choice([len(synced), len(current)])
    longer = max(len(synced), len(current))
    synced, current = synced.ljust(longer, b"\0"), current.ljust(longer, b"\0")
    sectors = (
        (current if chance.random() < 0.5 else synced)[place:place + SECTOR] for place in range(0, size, SECTOR)
    )
    return b"".join(sectors)[:size]


def read(path):
    if not os.path.exists(path):
        return b""
    with open(path, "rb") as file:
        return file.read()


def cut(store, shadow, chance):
    """Puts the files together; the machine begins anew."""
    for name in ["sluice.db", "sluice.db-wal", "sluice.heads"]:
        content = bytearray(outcome(read(f"{shadow}/{name}"), read(f"{store}/{name}"), chance))
        if name == "sluice.heads" and len(content) >= 8:
            content[0:8] = chance.randbytes(8)
        with open(f"{store}/{name}", "wb") as file:
            file.write(content)
    if os.path.exists(f"{store}/sluice.db-shm"):
        os.remove(f"{store}/sluice.db-shm")
    # Only the disk's content is there after the cut.
    for name in ["sluice.db", "sluice.db-wal", "sluice.heads"]:
        shutil.copyfile(f"{store}/{name}", f"{shadow}/{name}")


def check(gateway, poster, subscriber, gone, before, grace):
    """Nothing promised is lost, nothing is wrong, doubled, or under another's number; what is gone is noted as gone."""
    found = {message["seq"]: message["n"] for message in gateway.messages("a")}
    acknowledged = poster.acknowledged.copy()
    promised = [seq for seq, (_, at) in acknowledged.items() if at < before - grace and seq not in gone]
    lost = [seq for seq in promised if seq not in found]
    expect(not lost, f"{len(lost)} of {len(promised)} promised messages lost, first {sorted(lost)[:5]}")
    seen = {seq: n for seq, (n, _) in acknowledged.items()} | subscriber.received.copy()
    wrong = [seq for seq, n in found.items() if seen.get(seq, n) != n]
    expect(not wrong, f"numbers given twice: {sorted(wrong)[:5]}")
    expect(len(set(found.values())) == len(found), "a message is there twice")
    expect(not subscriber.problems, f"subscriber: {subscriber.problems[:3]}")
    gone.update(seq for seq, (_, at) in acknowledged.items() if at < before and seq not in found)
    return len(promised)


def play(program, library, durability, rounds, chance):
    folder = tempfile.mkdtemp(prefix="sluice-cut-")
    store, shadow = f"{folder}/store", f"{folder}/shadow"
    os.makedirs(shadow)
    prefix = ["env", f"LD_PRELOAD={library}", f"CUT_FOLDER={store}", f"CUT_SHADOW={shadow}"]
    gateway = Gateway(program, folder, durability, storage=store, prefix=prefix)
    gateway.start()
    poster, subscriber = Poster(gateway, chance), Subscriber(gateway, "a")
    poster.start()
    subscriber.start()
    promised, gone = 0, set()
    try:
        for _ in range(rounds):
            time.sleep(chance.uniform(0.5, 4))
            before = time.monotonic()
            gateway.kill()
            cut(store, shadow, chance)
            gateway.start()
            grace = 0 if durability == "synced" else GRACE
            promised = check(gateway, poster, subscriber, gone, before, grace)
        expect(promised > 0, "nothing was acknowledged")
    finally:
        poster.is_over.set()
        subscriber.is_over.set()
        gateway.stop()
    shutil.rmtree(folder, ignore_errors=True)
    return f"{rounds} cuts, {promised} messages promised and kept, {len(gone)} of the last moments lost"


def main():
    parser = argparse.ArgumentParser(description="Power cuts.")
    parser.add_argument("--sluice", required=True)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--durability", choices=["batched", "synced"])
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    compiler = shutil.which("cc") or shutil.which("clang")
    if compiler is None:
        print("power cut: passed over: no C compiler")
        return 0
    status = 0
    with tempfile.TemporaryDirectory() as folder:
        library = f"{folder}/power_cut.so"
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "power_cut.c")
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
        for durability in ["batched", "synced"]:
            if options.durability not in (None, durability):
                continue
            try:
                told = play(options.sluice, library, durability, options.rounds, random.Random(options.seed))
                print(f"power cut, {durability}: {told}, seed {options.seed}", flush=True)
            except (Fault, RuntimeError, OSError) as error:
                status = 1
                print(f"power cut, {durability}: FAILED: {error}, seed {options.seed}", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(ended(main()))
