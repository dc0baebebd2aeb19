"""Ids of requests, traces that go on, the log of requests, and a log that nobody reads."""

import json
import os
import re
import socket
import subprocess
import time
import urllib.request

import pytest
from commands import sluice
from conftest import BASE, SLUICE, clean_environment, merged, read_until, wait_for

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


def lines(gateway):
    """The log's lines about requests."""
    return [json.loads(line) for line in gateway.log().splitlines() if '"message":"request"' in line]


@pytest.fixture
def loud(make_gateway):
    return make_gateway(log={"format": "json", "requests": True})


def test_a_problem_names_its_request_as_the_log_does(loud):
    answer = loud.get("/api/scans/stats", "no.token.here", headers={"traceparent": PARENT})
    number = answer.json()["requestId"]
    assert re.fullmatch("[0-9a-f]{16}", number)
    assert answer.headers["traceparent"] == f"00-{TRACE}-{number}-01"
    [line] = wait_for(lambda: [line for line in lines(loud) if line["request"] == number])
    assert line | {"time": 0, "milliseconds": 0, "address": 0} == {
        "time": 0, "level": "info", "logger": "sluice", "message": "request", "method": "GET",
        "path": "/api/scans/stats", "status": 401, "milliseconds": 0, "address": 0, "request": number, "trace": TRACE}
    refused = [json.loads(text) for text in loud.log().splitlines() if "credential refused" in text]
    assert refused[-1]["request"] == number


def test_every_kind_of_request_has_a_line_and_none_a_secret(loud, scan, hold):
    token = loud.reader()
    ticket = loud.request("POST", "/api/tickets", token=token).json()["ticket"]
    loud.post(scan, [{"type": "a"}])
    hold(loud.sync_ws(f"/api/ws/scans/{scan}?since=0&token={token}"))
    loud.get(f"/api/scans/{scan}/messages?q=geheim&limit=5&{token}=1&access_token={token}", token)
    loud.get(f"/api/scans/{scan}?ticket={ticket}&geheim")
    loud.get("/nothing/geheim")
    loud.get(f"/api/scans/{token}?filters={token}", token)
    loud.get("/api/" + "x" * 4000, token)
    found = wait_for(lambda: lines(loud) if len(lines(loud)) >= 8 else None)
    assert {line["status"] for line in found} >= {101, 200, 201, 202, 404}
    text = loud.log()
    for secret in (token, ticket, "geheim"):
        assert secret not in text
    assert any(line.get("query", "").startswith("q=…&limit=5&…") for line in found)
    assert max(len(line["path"]) for line in found) < 200


def test_a_reload_begins_and_ends_it_and_a_wrong_trace_is_none(make_gateway, scan):
    gateway = make_gateway(log={"format": "json"})
    gateway.get("/healthz")
    gateway.reload(log={"requests": True})
    answer = gateway.get("/healthz", headers={"traceparent": PARENT.upper()})
    assert "traceparent" not in answer.headers
    [line] = wait_for(lambda: lines(gateway))
    assert line["path"] == "/healthz" and "trace" not in line
    done = sluice("publish", scan, gateway=gateway, input='{"type":"a"}\n', environment={"TRACEPARENT": PARENT})
    assert done.returncode == 0
    wait_for(lambda: any(line.get("trace") == TRACE for line in lines(gateway)))


def test_a_log_that_nobody_reads_holds_nobody_up(make_folder, gateway, scan):
    """Standard error is a pipe that is full: messages go on, lines are counted, and the end comes in time."""
    folder = make_folder()
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        port, admin = one.getsockname()[1], two.getsockname()[1]
    config = merged(BASE, {"listen": {"port": port}, "admin": {"port": admin},
                           "log": {"level": "trace", "requests": True}})
    (folder / "config.yaml").write_text(json.dumps(config))
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [SLUICE, "serve", "--config", str(folder / "config.yaml")], stdin=subprocess.DEVNULL, stderr=writing,
        env=clean_environment())
    os.close(writing)
    try:
        def dropped():
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{admin}/metrics", timeout=20) as page:
                    text = page.read().decode()
            except OSError:
                return -1
            return float(re.search(r"^sluice_log_lines_dropped_total (\S+)$", text, re.M)[1])

        wait_for(lambda: dropped() == 0)
        private = type(gateway).__new__(type(gateway))
        private.__dict__ |= gateway.__dict__ | {
            "port": port, "authority": f"localhost:{port}", "url": f"https://localhost:{port}",
            "wss": f"wss://localhost:{port}", "secret": (folder / "jwt.key").read_bytes().strip()}
        private.post(scan, [{"type": "begin"}])
        with private.sync_ws(f"/api/ws/scans/{scan}?since=0") as follower:
            connection = private.connection()
            end = time.monotonic() + 60
            query = "&".join(["filters=" + "x" * 128] * 16)
            while dropped() < 100:
                assert time.monotonic() < end, "the log is read by nobody, and nothing is dropped"
                for _ in range(200):
                    answer = private.request("GET", f"/api/x?{query}", connection=connection)
                    assert answer.status == 404
            assert private.post(scan, [{"type": "scanCompleted"}]).status == 202
            assert read_until(follower, "scanCompleted")[-1]["seq"] == 2
        process.terminate()
        assert process.wait(20) == 0
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        os.close(reading)
