#!/usr/bin/env python3
"""A disk that fills, fails and is slow, under a running gateway.

    disk_faults.py --sluice .build/release/sluice [--only NAME]

Each fault: the gateway lives, nothing acknowledged is lost, nothing is acknowledged that was not stored, the live relay
goes on, /readyz and the metrics tell, and it takes messages again when the fault is over. The full disk needs the right
to mount a tmpfs, the frozen one a loop device, the failing one needs strace; what cannot be done here is said and passed over.
"""

import json
import os
import re
import select
import shutil
import subprocess
import sys
import threading
import time

from checks import Fault, PassedOver, check_kept, expect, post_one, recovers, restarts, run, wait_until
from gateway import Gateway
from ledger import Subscriber

PAD = "x" * 2000


def post_until_refused(gateway, scan, limit=20000):
    """Posts until something is refused; what was acknowledged by then, and the refusal."""
    acknowledged = {}
    for number in range(limit):
        status, _, answer = gateway.post(scan, [{"type": "host", "n": number, "pad": PAD}])
        if status != 202:
            return acknowledged, status, answer
        acknowledged[answer["firstSeq"]] = number
    raise Fault("nothing was refused")


def full_disk(program, folder):
    """An 8 MiB tmpfs fills, and is given room again."""
    disk = os.path.join(folder, "disk")
    os.makedirs(disk)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], capture_output=True)
    if mounted.returncode != 0:
        raise PassedOver("no right to mount a tmpfs")
    gateway = Gateway(program, folder, storage=os.path.join(disk, "store"))
    try:
        gateway.start()
        subscriber = Subscriber(gateway, "a")
        subscriber.start()
        acknowledged, status, answer = post_until_refused(gateway, "a")
        expect((status, answer["code"]) == (503, "storage_unavailable"), f"{status} {answer}")
        expect(len(acknowledged) > 100, f"only {len(acknowledged)} acknowledged")
        expect(gateway.admin("/readyz")[0] == 503, "/readyz is not red")
        expect(gateway.metric("sluice_storage_up") == 0, "the metric does not tell")
        wait_until(lambda: subscriber.last >= max(acknowledged), "the relay stood still")
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        wait_until(lambda: gateway.admin("/readyz")[0] == 200, "it does not recover")
        status, _, answer = gateway.post("a", [{"type": "host", "n": -1}])
        expect(status == 202, f"after recovery: {status} {answer}")
        acknowledged[answer["firstSeq"]] = -1
        check_kept(gateway, "a", acknowledged)
        gateway.kill()
        gateway.start()
        check_kept(gateway, "a", acknowledged)
        subscriber.is_over.set()
        expect(not subscriber.problems, f"subscriber: {subscriber.problems[:3]}")
        return f"{len(acknowledged)} kept"
    finally:
        gateway.stop()
        subprocess.run(["umount", "-l", disk])


def full_disk_with_stream(program, folder):
    """A disk fills while a stream of lines is open, and under a request with a key: nothing is there twice."""
    disk = os.path.join(folder, "disk")
    os.makedirs(disk)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], capture_output=True)
    if mounted.returncode != 0:
        raise PassedOver("no right to mount a tmpfs")
    gateway = Gateway(program, folder, storage=os.path.join(disk, "store"))
    try:
        gateway.start()
        lines = [json.dumps({"type": "host", "n": n, "pad": "x" * 20000}).encode() + b"\n" for n in range(1, 60)]
        stream = gateway.connect(20)
        stream.putrequest("POST", "/api/scans/a/progress")
        for name, value in [("Authorization", f"Bearer {gateway.token}"), ("Content-Type", "application/x-ndjson"),
                            ("Transfer-Encoding", "chunked")]:
            stream.putheader(name, value)
        stream.endheaders()
        answer = None
        for number, line in enumerate(lines, 1):
            if number == 10:
                with open(f"{disk}/filler", "wb", buffering=0) as filler:
                    fill(filler)
            try:
                stream.send(b"%x\r\n%s\r\n" % (len(line), line))
            except OSError:
                break
            time.sleep(0.02)
            if select.select([stream.sock], [], [], 0)[0]:
                break
        answer = stream.getresponse()
        problem = json.loads(answer.read())
        stream.close()
        expect((answer.status, problem["code"]) == (503, "storage_unavailable"), f"{answer.status} {problem}")
        expect(problem["lastSeq"] >= problem["accepted"] >= 9, f"what was numbered is not told: {problem}")
        key = {"Idempotency-Key": "k"}
        refused = gateway.ask("POST", "/api/scans/b/progress", [{"type": "host", "n": 1}], key)
        expect(refused[0] == 503, f"with a key: {refused[0]}")
        os.remove(f"{disk}/filler")
        wait_until(lambda: gateway.admin("/readyz")[0] == 200, "it does not recover")
        # The producer continues after the last number that it was given.
        rest = b"".join(lines[problem["lastSeq"]:])
        status, _, answer = gateway.ask(
            "POST", "/api/scans/a/progress", rest, {"Content-Type": "application/x-ndjson"})
        expect(status == 202, f"after recovery: {status} {answer}")
        status, _, first = gateway.ask("POST", "/api/scans/b/progress", [{"type": "host", "n": 1}], key)
        expect(status == 202, f"with the key, after recovery: {status} {first}")
        for _ in range(2):
            found = [message["n"] for message in gateway.messages("a")]
            expect(found == list(range(1, 60)), f"not each once: {found}")
            gateway.kill()
            gateway.start()
            again = gateway.ask("POST", "/api/scans/b/progress", [{"type": "host", "n": 1}], key)
            expect(again[0] == 202 and again[2] == first and again[1]["Idempotent-Replayed"] == "true", f"{again[2]}")
        return f"refused with {problem['accepted']} accepted and {problem['lastSeq']} numbered, then each there once"
    finally:
        gateway.stop()
        subprocess.run(["umount", "-l", disk])


def fill(file):
    """Writes until nothing more goes into the file's disk."""
    for size in [1 << 20, 1 << 12]:
        try:
            while True:
                file.write(b"x" * size)
        except OSError:
            pass


def inject(program, folder, durability, what, seconds):
    """Lets system calls of a running gateway fail or wait for a while; what it acknowledged meanwhile."""
    gateway = Gateway(program, folder, durability)
    gateway.start()
    try:
        acknowledged, refused, slowest = {}, 0, 0.0
        subscriber = Subscriber(gateway, "a")
        subscriber.start()
        for number in range(20):
            answer = gateway.post("a", [{"type": "host", "n": number}])[2]
            acknowledged[answer["firstSeq"]] = number
        tracer = subprocess.Popen(
            ["strace", "-f", "-qq", "-e", f"trace={what.split(':')[0]}", "-e", f"inject={what}", "-p",
             str(gateway.process.pid), "-o", "/dev/null"],
            stderr=subprocess.DEVNULL,
        )
        time.sleep(0.5)
        expect(tracer.poll() is None, "strace does not attach")
        end = time.monotonic() + seconds
        number = 1000
        while time.monotonic() < end:
            number += 1
            begin = time.monotonic()
            status, _, answer = gateway.post("a", [{"type": "host", "n": number, "pad": PAD}])
            slowest = max(slowest, time.monotonic() - begin)
            if status == 202:
                acknowledged[answer["firstSeq"]] = number
            else:
                expect((status, answer["code"]) == (503, "storage_unavailable"), f"{status} {answer}")
                refused += 1
            time.sleep(0.02)
        tracer.terminate()
        tracer.wait()
        wait_until(lambda: gateway.admin("/readyz")[0] == 200, "it does not recover")
        status, _, answer = gateway.post("a", [{"type": "host", "n": -1}])
        expect(status == 202, f"after recovery: {status} {answer}")
        acknowledged[answer["firstSeq"]] = -1
        check_kept(gateway, "a", acknowledged)
        wait_until(lambda: subscriber.last >= max(acknowledged), "the relay stood still")
        gateway.kill()
        gateway.start()
        check_kept(gateway, "a", acknowledged)
        subscriber.is_over.set()
        expect(not subscriber.problems, f"subscriber: {subscriber.problems[:3]}")
        return len(acknowledged), refused, slowest
    finally:
        gateway.stop()


def failing_disk(program, folder):
    """Every third write, then every third fsync, fails with EIO."""
    if not shutil.which("strace"):
        raise PassedOver("no strace")
    told = []
    for number, what in enumerate([
        "pwrite64:error=EIO:when=3+3", "pwrite64:error=EIO:when=1+7", "fdatasync,fsync:error=EIO:when=1+3",
        "fdatasync,fsync:error=EIO:when=2+2", "pwrite64:error=ENOSPC:when=2+5",
    ]):
        kept, refused, _ = inject(program, os.path.join(folder, str(number)), "synced", what, 4)
        expect(refused > 0, f"{what}: nothing was refused")
        told.append(f"{what}: {kept} kept, {refused} refused")
    return "; ".join(told)


def trace(what):
    """strace's arguments for a fault."""
    return ["strace", "-f", "-qq", "-e", f"trace={what.split(':')[0]}", "-e", f"inject={what}", "-o", "/dev/null"]


def each_call(program, folder):
    """The first write fails, then the second, and so on; and likewise each fsync: of a running gateway."""
    if not shutil.which("strace"):
        raise PassedOver("no strace")
    gateway = Gateway(program, folder, "synced")
    gateway.start()
    acknowledged, number, refused = {}, 0, 0
    try:
        for what, count in [("pwrite64", 12), ("fdatasync,fsync", 8)]:
            for n in range(1, count + 1):
                tracer = subprocess.Popen(
                    trace(f"{what}:error=EIO:when={n}") + ["-p", str(gateway.process.pid)], stderr=subprocess.DEVNULL)
                time.sleep(0.4)
                for _ in range(12):
                    number += 1
                    refused += post_one(gateway, "a", number, acknowledged, pad=PAD)
                tracer.terminate()
                tracer.wait()
                wait_until(lambda: gateway.admin("/readyz")[0] == 200, f"{what} {n}: it does not recover")
                check_kept(gateway, "a", acknowledged)
        expect(refused >= 20, f"only {refused} refused")
        restarts(gateway, "a", acknowledged)
        return f"20 single faults, {len(acknowledged)} kept, {refused} refused"
    finally:
        gateway.stop()


def each_call_at_start(program, folder):
    """The same for a gateway that starts: it says what is wrong, or works."""
    if not shutil.which("strace"):
        raise PassedOver("no strace")
    started = refused = 0
    for what, count in [("pwrite64", 10), ("fdatasync,fsync,msync", 6), ("ftruncate,fallocate", 4)]:
        for n in range(1, count + 1):
            gateway = Gateway(program, os.path.join(folder, f"{what[:4]}{n}"), "synced")
            # -D: the gateway itself is the child that is watched and killed.
            gateway.prefix = trace(f"{what}:error=EIO:when={n}") + ["-D"]
            acknowledged = {}
            try:
                gateway.start(wait=30)
                started += 1
                for number in range(5):
                    post_one(gateway, "a", number, acknowledged)
                gateway.kill()
            except RuntimeError:
                refused += 1
                expect(gateway.process.returncode > 0, f"{what} {n}: it ended with {gateway.process.returncode}")
            try:
                gateway.prefix = []
                gateway.start()
                recovers(gateway, "a", acknowledged)
            finally:
                gateway.stop()
    return f"{started} started, {refused} refused to, and started without the fault"


def slow_disk(program, folder):
    """An fsync takes two seconds; who does not post does not notice."""
    if not shutil.which("strace"):
        raise PassedOver("no strace")
    waits = []
    seen = threading.Event()

    def watch(gateway_folder):
        # The admin listener shares its loops with everything else: if one waited for the disk, this would too.
        port = None
        while not seen.is_set():
            path = os.path.join(gateway_folder, "config.yaml")
            if port is None and os.path.exists(path):
                # It may be half written.
                found = re.search(r"admin: { host: 127\.0\.0\.1, port: (\d+) }", open(path).read())
                port = found and int(found[1])
            begin = time.monotonic()
            if port:
                subprocess.run(["curl", "-s", "-m", "5", f"http://127.0.0.1:{port}/healthz"], capture_output=True)
                waits.append(time.monotonic() - begin)
            time.sleep(0.1)

    watcher = threading.Thread(target=watch, args=(folder,), daemon=True)
    watcher.start()
    kept, refused, slowest = inject(program, folder, "synced", "fdatasync,fsync:delay_exit=2000000", 8)
    seen.set()
    watcher.join()
    expect(slowest > 1.5, f"a promise was kept after {slowest:.2f} s, before the fsync")
    expect(max(waits) < 1, f"a loop waited {max(waits):.2f} s for the disk")
    return f"{kept} kept, {refused} refused, slowest answer {slowest:.1f} s, slowest health check {max(waits):.2f} s"


def frozen_disk(program, folder):
    """A file system stands still for three seconds, as for a snapshot; only who waits for a 202 notices."""
    image, disk = os.path.join(folder, "image"), os.path.join(folder, "disk")
    os.makedirs(disk)
    with open(image, "wb") as file:
        file.truncate(64 << 20)
    commands = [["mkfs.ext4", "-q", image], ["mount", "-o", "loop", image, disk], ["fsfreeze", "--help"]]
    for command in commands:
        if not shutil.which(command[0]) or subprocess.run(command, capture_output=True).returncode != 0:
            raise PassedOver(f"{command[0]} does not work here")
    gateway = Gateway(program, folder, storage=os.path.join(disk, "store"))
    try:
        gateway.start()
        subscriber = Subscriber(gateway, "a")
        subscriber.start()
        acknowledged = {}
        for number in range(50):
            post_one(gateway, "a", number, acknowledged)
        wait_until(lambda: subscriber.last == 50, "the relay stood still")
        subprocess.run(["sync"], check=True)
        subprocess.run(["fsfreeze", "--freeze", disk], check=True)
        try:
            poster = threading.Thread(target=post_one, args=(gateway, "a", 50, acknowledged))
            poster.start()
            wait_until(lambda: subscriber.last == 51, "the relay waits for the disk", 3)
            expect(gateway.admin("/healthz")[0] == 200, "a loop waits for the disk")
            time.sleep(2)
            expect(poster.is_alive() and 51 not in acknowledged, "a promise was made while the disk stood still")
        finally:
            subprocess.run(["fsfreeze", "--unfreeze", disk], check=True)
        poster.join()
        expect(len(acknowledged) == 51, f"{len(acknowledged)} acknowledged")
        restarts(gateway, "a", acknowledged)
        return f"{len(acknowledged)} kept"
    finally:
        gateway.stop()
        subprocess.run(["umount", "-l", disk])


FAULTS = {
    "full": full_disk, "stream": full_disk_with_stream, "failing": failing_disk, "each": each_call, "start": each_call_at_start, "slow": slow_disk,
    "frozen": frozen_disk,
}


if __name__ == "__main__":
    sys.exit(run(FAULTS, "Disk faults."))
