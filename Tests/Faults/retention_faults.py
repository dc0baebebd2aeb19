#!/usr/bin/env python3
"""A wrong clock and too little room, under a running gateway: what is lost by either, and what must not be.

    retention_faults.py --sluice .build/release/sluice [--only NAME]

The wrong clock needs a C compiler; where there is none it is said and passed over.
"""

import os
import shutil
import struct
import subprocess
import sys
import time

from checks import PassedOver, check_kept, expect, post_one, run, wait_until
from gateway import Gateway, token

DAY = 86400


def wrong_clock(program, folder):
    """The clock is a month ahead for a while, and at a start, and a month behind: nothing goes by age."""
    compiler = shutil.which("cc") or shutil.which("clang")
    if compiler is None:
        raise PassedOver("no C compiler")
    library, shift = f"{folder}/clock_shift.so", f"{folder}/shift"
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clock_shift.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)

    def set_clock(seconds):
        with open(shift, "r+b" if os.path.exists(shift) else "w+b") as file:
            file.write(struct.pack("=q", seconds))

    set_clock(0)
    prefix = ["env", f"LD_PRELOAD={library}", f"CLOCK_SHIFT={shift}"]
    gateway = Gateway(program, folder, prefix=prefix, retention="{ age: 1h }")
    gateway.token = token(exp=int(time.time()) + 3650 * DAY)
    acknowledged, steps = {}, 0
    gateway.start()
    try:
        def post(count):
            for _ in range(count):
                expect(not post_one(gateway, "a", len(acknowledged), acknowledged), "refused")

        post(100)
        for days in [30, 0, -30, 0]:
            set_clock(days * DAY)
            steps += 1
            wait_until(lambda: gateway.metric("sluice_storage_clock_steps_total") == steps, f"step {steps} is not counted")
            post(20)
            # Retention looks once a second.
            time.sleep(3)
            check_kept(gateway, "a", acknowledged)
        expect("the clock was set" in gateway.log(), "the step is not logged")
        for days in [30, -30, 0]:
            gateway.stop()
            set_clock(days * DAY)
            gateway.start()
            time.sleep(3)
            check_kept(gateway, "a", acknowledged)
            post(20)
        expect(gateway.metric("sluice_storage_expired_total") == 0, "something went")
        return f"{len(acknowledged)} kept, {steps} steps counted"
    finally:
        gateway.stop()


def bytes_of(folder):
    return sum(os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder))


def little_room(program, folder):
    """A store of a few MiB under floods of each kind of message: it stays within its bound, and findings stay."""
    limit = 4 << 20
    gateway = Gateway(program, folder, retention="{ bytes: 4MiB }")
    gateway.start()
    largest, slowest = 0, 0.0
    try:
        findings = {}
        for number in range(400):
            expect(not post_one(gateway, "quiet", number, findings, severity="high"), "refused")
        floods = [
            lambda n: {"type": "scanProgress", "phase": f"p{n % 300}", "n": n, "pad": "x" * 5000},
            lambda n: {"type": "phaseStarted", "n": n, "pad": "x" * 5000},
            lambda n: {"type": "host", "n": n, "pad": "x" * 5000},
            lambda n: {"type": "scanProgress", "phase": f"q{n}", "n": n, "pad": "x" * 5000},
        ]
        for flood in floods:
            for batch in range(100):
                begin = time.monotonic()
                status = gateway.post("chatty", [flood(batch * 20 + n) for n in range(20)])[0]
                slowest = max(slowest, time.monotonic() - begin)
                expect(status == 202, f"{status}")
                largest = max(largest, bytes_of(gateway.storage))
        wait_until(lambda: bytes_of(gateway.storage) <= limit, f"{bytes_of(gateway.storage)} bytes stay")
        check_kept(gateway, "quiet", findings)
        expect(largest <= limit + (2 << 20), f"{largest} bytes under load")
        newest = gateway.ask("GET", "/api/scans/chatty/messages?order=desc&limit=1")[2]["messages"][0]
        expect(newest["n"] == 1999, f"the newest went: {newest['n']}")
        gateway.stop()
        expect(bytes_of(gateway.storage) <= limit, f"{bytes_of(gateway.storage)} bytes after the end")
        return f"40 MB in 4 MiB, {largest} bytes at most, slowest answer {slowest * 1000:.0f} ms, all findings kept"
    finally:
        gateway.stop()


FAULTS = {"clock": wrong_clock, "room": little_room}


if __name__ == "__main__":
    sys.exit(run(FAULTS, "Retention faults."))
