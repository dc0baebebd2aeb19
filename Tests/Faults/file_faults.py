#!/usr/bin/env python3
"""Files that may not be written, are locked, vanish, cannot be read, or are another version's, under a gateway.

    file_faults.py --sluice .build/release/sluice [--only NAME]

Each fault: the gateway lives or refuses to start in words, nothing acknowledged is lost, what cannot be kept or read is
answered 503, the live relay goes on, /readyz and the metrics tell, and all is well again when the fault is over.
"""

import glob
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time

from checks import (
    PassedOver, check_kept, expect, post_one, recovers, restarts, run, wait_until,
)
from gateway import Gateway
from ledger import Subscriber


def started(program, folder, **options):
    """A gateway with twenty messages and somebody who follows."""
    gateway = Gateway(program, folder, **options)
    gateway.start()
    acknowledged = {}
    for number in range(20):
        expect(not post_one(gateway, "a", number, acknowledged), "refused without a fault")
    subscriber = Subscriber(gateway, "a")
    subscriber.start()
    wait_until(lambda: subscriber.last == 20, "the subscriber does not catch up")
    return gateway, subscriber, acknowledged


def ended(gateway, subscriber):
    """The subscriber saw everything in order, whatever became of the storage."""
    subscriber.is_over.set()
    expect(gateway.process.poll() is None, f"the gateway ended with {gateway.process.poll()}")
    expect(not subscriber.problems, f"subscriber: {subscriber.problems[:3]}")


def refused_start(gateway, *words):
    """The gateway does not start, by itself and in words."""
    try:
        gateway.start(wait=30)
    except RuntimeError as error:
        code = gateway.process.returncode
        expect(code is not None and code > 0, f"it ended with {code}: {error}")
        log = gateway.log()[-2000:]
        expect(any(word in log for word in words), f"none of {words} in its words: {log[-400:]}")
        return
    gateway.stop()
    expect(False, f"it started; expected one of {words}")


def set_immutable(store, is_immutable):
    files = glob.glob(f"{store}/*")
    done = subprocess.run(["chattr", "+i" if is_immutable else "-i", *files], capture_output=True)
    if done.returncode != 0:
        raise PassedOver(f"chattr: {done.stderr.decode().strip()[:100]}")


def read_only(program, folder):
    """Nobody may write the files any more, not even the superuser; at first while it runs, then at the start."""
    if not shutil.which("chattr"):
        raise PassedOver("no chattr")
    gateway, subscriber, acknowledged = started(program, folder)
    try:
        # Pages that were written back have to be asked for again before they are written to.
        os.sync()
        set_immutable(gateway.storage, True)
        refused = 0
        for number in range(100, 140):
            refused += post_one(gateway, "a", number, acknowledged)
            time.sleep(0.05)
        expect(refused > 10, f"only {refused} refused")
        expect(gateway.admin("/readyz")[0] == 503, "/readyz is not red")
        expect(gateway.ask("GET", "/api/scans/a/messages")[0] == 200, "history in memory is not read")
        set_immutable(gateway.storage, False)
        recovers(gateway, "a", acknowledged)
        ended(gateway, subscriber)
        gateway.stop()
        set_immutable(gateway.storage, True)
        refused_start(gateway, "cannot be used", "Operation not permitted")
        set_immutable(gateway.storage, False)
        gateway.start()
        check_kept(gateway, "a", acknowledged)
        return f"{len(acknowledged)} kept, {refused} refused"
    finally:
        subprocess.run(["chattr", "-i", *glob.glob(f"{gateway.storage}/*")], capture_output=True)
        gateway.stop()


def locked(program, folder):
    """Another program holds SQLite's lock: while the gateway runs, and when it starts."""
    gateway, subscriber, acknowledged = started(program, folder)
    try:
        other = sqlite3.connect(f"{gateway.storage}/sluice.db", isolation_level=None, check_same_thread=False)
        other.execute("BEGIN EXCLUSIVE")
        expect(post_one(gateway, "a", 100, acknowledged), "acknowledged although it could not be written")
        expect(gateway.admin("/readyz")[0] == 503, "/readyz is not red")
        wait_until(lambda: subscriber.last > 20, "the relay stood still")
        other.execute("ROLLBACK")
        recovers(gateway, "a", acknowledged)
        gateway.kill()
        other.execute("BEGIN EXCLUSIVE")
        threading.Timer(2, lambda: other.execute("ROLLBACK")).start()
        gateway.start(wait=30)
        recovers(gateway, "a", acknowledged)
        other.close()
        ended(gateway, subscriber)
        second = Gateway(program, f"{folder}/second", storage=gateway.storage)
        refused_start(second, "used by another process")
        expect(not post_one(gateway, "a", 200, acknowledged), "the first one is disturbed by the second")
        restarts(gateway, "a", acknowledged)
        return f"{len(acknowledged)} kept"
    finally:
        gateway.stop()


def missing(program, folder):
    """The folder is not there: it is made, with those above it, or its place cannot be a folder's."""
    gateway = Gateway(program, f"{folder}/first", storage=f"{folder}/not/there/yet")
    try:
        acknowledged = {}
        gateway.start()
        expect(not post_one(gateway, "a", 1, acknowledged), "refused")
        expect(os.stat(gateway.storage).st_mode & 0o077 == 0, "others may look into it")
        restarts(gateway, "a", acknowledged)
    finally:
        gateway.stop()
    with open(f"{folder}/file", "w"):
        pass
    refused_start(Gateway(program, f"{folder}/second", storage=f"{folder}/file/store"), "cannot be made")
    return "made, and refused below a file"


def removed(program, folder):
    """The folder is removed under the gateway, with all that it held."""
    gateway, subscriber, _ = started(program, folder)
    try:
        # A reader that has the old file open must not continue with it.
        expect(len(gateway.messages("a")) == 20, "not all can be read")
        shutil.rmtree(gateway.storage)
        expect(post_one(gateway, "a", 100, {}), "acknowledged although its file is gone")
        wait_until(lambda: os.path.exists(f"{gateway.storage}/sluice.db"), "no new file is begun")
        wait_until(lambda: gateway.admin("/readyz")[0] == 200, "it does not recover")
        acknowledged, number = {}, 100
        while len(acknowledged) < 400:
            number += 1
            post_one(gateway, "a", number, acknowledged)
        wait_until(lambda: subscriber.last >= max(acknowledged), "the relay stood still")
        check_kept(gateway, "a", acknowledged)
        restarts(gateway, "a", acknowledged)
        second = Gateway(program, f"{folder}/second", storage=gateway.storage)
        refused_start(second, "used by another process")
        ended(gateway, subscriber)
        return f"{len(acknowledged)} kept"
    finally:
        gateway.stop()


def unlogged(program, folder):
    """The write-ahead log is removed under the gateway: nothing more is acknowledged that would go into it."""
    gateway, subscriber, _ = started(program, folder)
    try:
        os.remove(f"{gateway.storage}/sluice.db-wal")
        expect(post_one(gateway, "a", 100, {}), "acknowledged although its log is gone")
        wait_until(lambda: gateway.admin("/readyz")[0] == 200, "it does not recover")
        acknowledged = {}
        for number in range(200, 240):
            post_one(gateway, "a", number, acknowledged)
        expect(len(acknowledged) >= 39, f"only {len(acknowledged)} acknowledged")
        restarts(gateway, "a", acknowledged)
        ended(gateway, subscriber)
        return f"{len(acknowledged)} kept"
    finally:
        gateway.stop()


def newer(program, folder):
    """A newer version's file is left as it is; so is another program's."""
    gateway, subscriber, acknowledged = started(program, folder)
    subscriber.is_over.set()
    gateway.stop()
    for statement, undo, words in [
        ("PRAGMA user_version = 99", "PRAGMA user_version = 2", "newer version"),
        ("PRAGMA application_id = 7", f"PRAGMA application_id = {0x536C7569}", "not written by sluice"),
    ]:
        with sqlite3.connect(f"{gateway.storage}/sluice.db") as other:
            other.execute(statement)
        other.close()
        refused_start(gateway, words)
        with sqlite3.connect(f"{gateway.storage}/sluice.db") as other:
            other.execute(undo)
        other.close()
    try:
        gateway.start()
        check_kept(gateway, "a", acknowledged)
        return f"refused, and {len(acknowledged)} kept"
    finally:
        gateway.stop()


def older(program, folder):
    """An older version's file is brought into this version's form, and a kill on the way does it no harm."""
    fixture = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../SluiceStorageTests/Fixtures/schema-1.sql")
    gateway = Gateway(program, folder)
    os.makedirs(gateway.storage)
    with sqlite3.connect(f"{gateway.storage}/sluice.db", isolation_level=None) as file, open(fixture) as dump:
        file.execute("PRAGMA auto_vacuum = INCREMENTAL")
        file.executescript(dump.read())
        # Much to move, so that a kill hits it.
        file.execute(
            "WITH RECURSIVE n(n) AS (SELECT 100 UNION ALL SELECT n + 1 FROM n WHERE n < 200000) INSERT INTO messages "
            "(key, at, type, marks, body, sum) SELECT (2 << 36) + n, 1795703740653, 'noise', 1, x'226162227d', 1 FROM n"
        )
    file.close()
    prefix, expected = gateway.prefix, [*range(1, 7), *range(19, 27)]
    kills = 0
    try:
        for delay in [0.05, 0.1, 0.2, 0.4]:
            process = subprocess.Popen(
                [program, "serve", "--config", f"{gateway.folder}/config.yaml"], stderr=subprocess.DEVNULL)
            time.sleep(delay)
            process.kill()
            process.wait()
            kills += 1
        gateway.prefix = prefix
        gateway.start(wait=60)
        expect([message["seq"] for message in gateway.messages("nightly")] == expected, "not what stood there")
        high = gateway.ask("GET", "/api/scans/nightly/messages?severity=high")[2]["messages"]
        expect([message["seq"] for message in high] == [25], f"by severity: {high}")
        acknowledged = {}
        expect(not post_one(gateway, "nightly", 1, acknowledged), "refused")
        restarts(gateway, "nightly", acknowledged)
        return f"{len(expected)} messages of it read after {kills} kills"
    finally:
        gateway.stop()


def cut(program, folder):
    """Somebody cuts a file short while the gateway runs: much may be lost, but nothing is wrong and nobody crashes."""
    kept = 0
    for number, (name, part) in enumerate(
        (name, part) for name in ["sluice.db", "sluice.db-wal", "sluice.db-shm", "sluice.heads"] for part in [0, 1, 2]
    ):
        gateway = Gateway(program, f"{folder}/{number}")
        gateway.start()
        try:
            acknowledged, posted = {}, range(300)
            for n in posted:
                post_one(gateway, "a", n, acknowledged, pad="x" * 300)
            path = f"{gateway.storage}/{name}"
            os.truncate(path, os.path.getsize(path) * part // 3)
            for n in range(300, 340):
                post_one(gateway, "a", n, acknowledged)
                time.sleep(0.02)
            for _ in range(2):
                kept += shows_nothing_wrong(gateway, acknowledged)
                gateway.kill()
                try:
                    gateway.start(wait=30)
                except RuntimeError:
                    expect(gateway.process.returncode > 0, f"{name} at {part}/3: it ended with a signal")
                    break
        finally:
            gateway.stop()
    return f"12 cuts, {kept} messages read, none wrong"


def shows_nothing_wrong(gateway, acknowledged):
    """What can be read is what was posted, under its number; how much that is."""
    expect(gateway.process.poll() is None, f"it ended with {gateway.process.poll()}")
    since, found = 0, {}
    while since is not None:
        status, _, page = gateway.ask("GET", f"/api/scans/a/messages?since={since}&limit=1000")
        if status != 200:
            expect(page["code"] in ("storage_unavailable", "scan_not_found"), f"{status} {str(page)[:200]}")
            break
        found |= {message["seq"]: message["n"] for message in page["messages"]}
        since = page["next"]
    wrong = [seq for seq, n in found.items() if acknowledged.get(seq, n) != n]
    expect(not wrong, f"wrong messages: {wrong[:5]}")
    expect(len(set(found.values())) == len(found), "a message is there twice")
    return len(found)


def events(gateway, scan, seconds=15):
    """What somebody who follows from the beginning gets until the gateway ends it."""
    connection = gateway.connect(seconds)
    try:
        connection.request(
            "GET", f"/api/scans/{scan}/events?since=0", headers={"Authorization": f"Bearer {gateway.token}"}
        )
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def unreadable(program, folder):
    """The disk gives back nothing of what is stored: EIO on every read of the file."""
    if not shutil.which("strace"):
        raise PassedOver("no strace")
    gateway = Gateway(program, folder)
    gateway.start()
    acknowledged = {}
    try:
        for number in range(1000):
            post_one(gateway, "a", number, acknowledged, pad="x" * 500)
        gateway.kill()
        gateway.start()
        database = f"{gateway.storage}/sluice.db"
        # Loaded before the fault: the newest 200 are in memory.
        live = Subscriber(gateway, "a")
        live.position = "{}:1000".format(gateway.ask("GET", "/api/scans/a")[2]["epoch"])
        live.last = 1000
        live.start()
        time.sleep(0.3)
        tracer = subprocess.Popen(
            ["strace", "-f", "-qq", "-e", "trace=pread64", "-e", "inject=pread64:error=EIO", "-P", database,
             "-p", str(gateway.process.pid), "-o", "/dev/null"], stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        expect(tracer.poll() is None, "strace does not attach")
        try:
            status, _, answer = gateway.ask("GET", "/api/scans/a/messages?since=500")
            expect((status, answer.get("code")) == (503, "storage_unavailable"), f"{status} {str(answer)[:200]}")
            expect("read" in answer["detail"], f"the words are of something else: {answer}")
            expect(gateway.admin("/readyz")[0] == 503, "/readyz is not red")
            expect(gateway.metric("sluice_storage_up") == 0, "the metric does not tell")
            expect(gateway.metric("sluice_storage_failed_reads_total") > 0, "failed reads are not counted")
            text = events(gateway, "a")
            expect("event: lag" not in text, "what is stored is told as lost")
            expect("event: sluice.close" in text and '"code":1013' in text, f"not closed to come back: {text[-300:]}")
            post_one(gateway, "a", 2000, acknowledged)
            wait_until(lambda: live.last > 1000, "the relay stood still")
        finally:
            tracer.terminate()
            tracer.wait()
        recovers(gateway, "a", acknowledged)
        late = Subscriber(gateway, "a")
        late.start()
        wait_until(lambda: late.last >= max(acknowledged), "a latecomer does not catch up")
        missing_seqs = [seq for seq in acknowledged if late.received.get(seq) != acknowledged[seq]]
        expect(not missing_seqs, f"a latecomer lacks {missing_seqs[:5]}")
        late.is_over.set()
        ended(gateway, late)
        ended(gateway, live)
        return f"{len(acknowledged)} kept and read again"
    finally:
        gateway.stop()


def damaged(program, folder):
    """A page of the file is no page any more, and is mended later."""
    gateway = Gateway(program, folder)
    gateway.start()
    acknowledged = {}
    try:
        for number in range(1000):
            post_one(gateway, "a", number, acknowledged, pad="x" * 500)
        gateway.stop()
        gateway.start()
        with open(f"{gateway.storage}/sluice.db", "r+b", buffering=0) as file:
            place = os.path.getsize(file.name) // 2 // 4096 * 4096
            file.seek(place)
            page = file.read(4096)
            file.seek(place)
            file.write(b"\x77" * 4096)
            follower = Subscriber(gateway, "a")
            follower.start()
            wait_until(lambda: follower.last == 1000, "who catches up does not go on from memory")
            lags = [problem for problem in follower.problems if problem.startswith("lag")]
            skipped = sum(int(lag.split("'skippedMessages': ")[1].split(",")[0]) for lag in lags)
            expect(skipped > 0 and len(follower.received) + skipped == 1000,
                   f"{len(follower.received)} received and {skipped} told as lost, of 1000")
            expect(lags == follower.problems, f"subscriber: {follower.problems[:3]}")
            first = len([seq for seq in follower.received if seq <= min(set(range(1, 1001)) - set(follower.received))])
            status, _, answer = gateway.ask("GET", f"/api/scans/a/messages?since={first}")
            expect((status, answer.get("code")) == (503, "storage_unavailable"), f"{status} {str(answer)[:200]}")
            expect(gateway.admin("/readyz")[0] == 503, "/readyz is not red")
            expect(not post_one(gateway, "a", 1000, acknowledged), "posting is refused")
            file.seek(place)
            file.write(page)
        recovers(gateway, "a", acknowledged)
        follower.is_over.set()
        return f"{skipped} told as lost, then {len(acknowledged)} read again"
    finally:
        gateway.stop()


def damaged_for_good(program, folder):
    """A page of one scan is lost; what looks through the file after a start does not stop the others' scans."""
    gateway = Gateway(program, folder)
    gateway.start()
    acknowledged = {}
    try:
        for number in range(1000):
            post_one(gateway, "a", number, {}, pad="x" * 500)
        gateway.stop()
        with open(f"{gateway.storage}/sluice.db", "r+b", buffering=0) as file:
            file.seek(os.path.getsize(file.name) // 2 // 4096 * 4096)
            file.write(b"\x77" * 4096)
        gateway.start()
        end = time.monotonic() + 5
        while time.monotonic() < end:
            expect(not post_one(gateway, "b", len(acknowledged), acknowledged), "posting to another scan is refused")
            time.sleep(0.1)
        check_kept(gateway, "b", acknowledged)
        return f"{len(acknowledged)} kept beside it"
    finally:
        gateway.stop()


def signalled(program, folder):
    """SIGBUS for another reason than a mapped file ends the gateway as it ends any program."""
    gateway, subscriber, acknowledged = started(program, folder)
    subscriber.is_over.set()
    try:
        gateway.process.send_signal(signal.SIGBUS)
        code = gateway.process.wait(timeout=20)
        expect(code == -signal.SIGBUS, f"it ended with {code}")
        gateway.start()
        check_kept(gateway, "a", acknowledged)
        return f"ended by the signal, {len(acknowledged)} kept"
    finally:
        gateway.stop()


FAULTS = {
    "readonly": read_only, "locked": locked, "missing": missing, "removed": removed, "unlogged": unlogged, "newer": newer,
    "older": older, "cut": cut, "unreadable": unreadable,
    "damaged": damaged, "lost": damaged_for_good, "signalled": signalled,
}


if __name__ == "__main__":
    sys.exit(run(FAULTS, "File faults."))
