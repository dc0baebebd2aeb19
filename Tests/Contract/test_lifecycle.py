"""The life of a scan: complete, reopened, removed, idle, silent; and the rate of its scanner."""

import json
import time

import pytest

from conftest import closing, is_problem, read_until, unpack


# A scan's life


def is_completed(gateway, scan):
    return gateway.get(f"/api/scans/{scan}", gateway.admin()).json()["is_completed"]


@pytest.mark.parametrize("type", ["scanCompleted", "error"])
def test_a_terminal_message_completes_and_another_reopens(gateway, scan, type):
    gateway.post(scan, {"type": "scanStarted"})
    assert is_completed(gateway, scan) is False
    gateway.post(scan, {"type": type})
    assert is_completed(gateway, scan) is True
    gateway.post(scan, {"type": type})
    assert is_completed(gateway, scan) is True
    gateway.post(scan, {"type": "hostDiscovered"})
    assert is_completed(gateway, scan) is False


def test_a_completed_scan_is_removed(make_gateway):
    gateway = make_gateway(relay={"cleanup_delay": "1s"})
    gateway.post("over", [{"type": "t"}, {"type": "scanCompleted"}])
    gateway.post("again", [{"type": "t"}, {"type": "error"}, {"type": "t"}])
    with gateway.sync_ws("over") as over, gateway.sync_ws("again") as again:
        first = json.loads(over.recv(timeout=10))
        assert closing(over) == (1000, "scan completed")
        assert json.loads(again.recv(timeout=10))["type"] == "subscribed"
        with pytest.raises(TimeoutError):
            again.recv(timeout=1)
    assert gateway.get("/api/scans/over", gateway.admin()).status == 404
    with gateway.sync_ws("over") as none:
        assert json.loads(none.recv(timeout=10))["code"] == "scan_not_found"
        assert closing(none)[0] == 4404
    gateway.post("over", {"type": "t"})
    state = gateway.get("/api/scans/over", gateway.admin()).json()
    assert state["seq"] == 1 and state["epoch"] != first["epoch"] and state["is_completed"] is False


def test_a_removed_scan_that_is_stored_is_not_followed(make_gateway):
    gateway = make_gateway(relay={"cleanup_delay": "1s"}, storage={"path": "data"})
    gateway.post("over", [{"type": "t"}, {"type": "scanCompleted"}])
    with gateway.sync_ws("over") as over:
        assert closing(over) == (1000, "scan completed")
    is_problem(gateway.get("/api/scans/over/events", gateway.reader()), 404, "scan_not_found")
    assert len(gateway.messages("over")) == 2


def test_an_idle_scan_is_removed(make_gateway):
    gateway = make_gateway(relay={"idle_timeout": "2s", "stall_after": "1s"})
    gateway.post("idle", {"type": "t"})
    with gateway.sync_ws("idle") as subscriber:
        assert closing(subscriber) == (1000, "scan idle")
    assert gateway.get("/api/scans/idle", gateway.admin()).status == 404


def test_a_silent_scanner_is_told_of_once_and_again_when_it_is_back(make_gateway):
    gateway = make_gateway(relay={"stall_after": "1s"})
    gateway.post("quiet", {"type": "t"})
    with gateway.sync_ws("quiet") as subscriber:
        stalled = read_until(subscriber, "scanStalled")[-1]
        assert stalled["scanId"] == "quiet" and stalled["silentFor"] >= 1 and "seq" not in stalled
        assert gateway.get("/api/scans/quiet", gateway.admin()).json()["is_stalled"] is True
        with pytest.raises(TimeoutError):
            subscriber.recv(timeout=1.5)
        gateway.post("quiet", {"type": "back"})
        seen = [m["type"] for m in read_until(subscriber, "back")]
        assert seen == ["scanResumed", "back"]
        read_until(subscriber, "scanStalled")
        gateway.post("quiet", [])
        assert read_until(subscriber, "scanResumed")[-1] == {"type": "scanResumed", "scanId": "quiet"}


def test_empty_arrays_and_empty_lines_keep_a_scan_alive(make_gateway):
    gateway = make_gateway(relay={"stall_after": "2s"})
    gateway.post("array", {"type": "t"})
    gateway.post("over", {"type": "scanCompleted"})
    with gateway.sync_ws("array") as array, gateway.sync_ws("line?wait=10") as line, \
            gateway.sync_ws("over") as over, gateway.stream("line") as upload:
        upload.send({"type": "t"})
        for _ in range(8):
            time.sleep(0.5)
            gateway.post("array", [])
            upload.send("\n")
        seen = []
        for subscriber in (array, line, over):
            try:
                while True:
                    seen += unpack(subscriber.recv(timeout=0.1))
            except TimeoutError:
                pass
        assert {m["type"] for m in seen} == {"subscribed", "t"}


# Rates


def test_an_array_that_could_never_pass_the_burst(make_gateway):
    gateway = make_gateway(limits={"ingest": {"rate": 5, "burst": 20}})
    messages = [{"type": "t"}] * 21
    is_problem(gateway.post("a", messages), 413, "too_many_messages")
    assert gateway.post("a", messages[:20]).status == 202
    answer = gateway.post("a", messages[:10])
    is_problem(answer, 429, "rate_limited")
    wait = int(answer.headers["Retry-After"])
    assert 1 <= wait <= 2
    assert gateway.post("a", messages[:10], gateway.producer("another")).status == 202
    time.sleep(wait)
    assert gateway.post("a", messages[:10]).status == 202
    assert gateway.get("/api/scans/a", gateway.admin()).json()["seq"] == 40


def test_lines_over_their_rate_are_slowed_and_never_refused(make_gateway):
    gateway = make_gateway(limits={"ingest": {"rate": 100, "burst": 50}})
    body = "".join('{"type":"t","n":%d}\n' % n for n in range(300))
    start = time.monotonic()
    with gateway.stream("a") as upload:
        for part in range(0, len(body), 1000):
            upload.send(body[part:part + 1000])
        answer = upload.end()
    assert answer.status == 202 and answer.json()["accepted"] == 300
    # Two and a half seconds' worth is over the burst.
    assert time.monotonic() - start > 2
    assert [m["n"] for m in gateway.messages("a")] == list(range(300))
