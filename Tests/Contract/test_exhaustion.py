"""Floods: connections, bad tokens, and a machine that has no more descriptors or memory to give."""

import json
import os
import resource
import shlex
import socket
import time

import pytest

import conftest
from attack import QUICK, Attack, RawSocket, closes_within
from conftest import wait_for


def test_a_flood_of_connections(make_gateway):
    gateway = make_gateway(limits=QUICK)
    with Attack(gateway, "a flood of connections"):
        for _ in range(5):
            flood = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(150)]
            for connection in flood:
                connection.close()
        kept = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(150)]
        for connection in kept:
            closes_within(connection, 10)
            connection.close()


def test_many_bad_tokens_of_one_address(make_gateway):
    gateway = make_gateway(limits={"handshakes": {"rate": 1, "burst": 10}})
    connection = gateway.connection()
    statuses = []
    for _ in range(80):
        answer = gateway.request("GET", "/api/scans/stats", token=gateway.token(key="k" * 32), connection=connection)
        statuses.append(answer.status)
    assert statuses[:50] == [401] * 50
    assert statuses[-1] == 429
    assert int(answer.headers["Retry-After"]) >= 1
    # Good ones from the same address are not delayed, and the log has one line about it.
    assert gateway.get("/api/scans/stats", gateway.reader()).status == 200
    wait_for(lambda: "many invalid tokens" in gateway.log())
    assert gateway.log().count("many invalid tokens") == 1
    assert "k" * 32 not in gateway.log()


def test_more_tcp_connections_than_an_address_needs(make_gateway):
    gateway = make_gateway(limits={"connections": {"per_address": 1}, "timeouts": {"handshake": "1m", "headers": "1m"}})
    kept = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(1000)]
    wait_for(lambda: gateway.metrics()["sluice_transports"] == 1000)
    extra = socket.create_connection(("127.0.0.1", gateway.port))
    took, received = closes_within(extra, 4)
    assert received == b"" and took < 3
    for connection in kept:
        connection.close()
    wait_for(lambda: gateway.metrics()["sluice_transports"] < 10)
    assert gateway.get("/healthz").status == 200


def limited(program, **limits):
    """The program under limits of its own."""
    options = " ".join(f"-{letter} {value}" for letter, value in limits.items())
    return f'#!/bin/sh\nulimit {options}\nexec {shlex.quote(program)} "$@"\n'


@pytest.fixture
def make_small_gateway(make_gateway, monkeypatch, tmp_path):
    """Starts gateways that may have 256 files open."""
    script = tmp_path / "sluice"
    script.write_text(limited(conftest.SLUICE, n=256))
    script.chmod(0o755)
    monkeypatch.setattr(conftest, "SLUICE", str(script))
    return make_gateway


@pytest.fixture
def few_descriptors(make_small_gateway):
    """A gateway that may have 256 files open, and waits 3 seconds for a handshake."""
    return make_small_gateway(limits={"timeouts": {"handshake": "3s", "headers": "3s"}})


def mute(gateway, count):
    """Connections of many addresses that say nothing."""
    connections = []
    for number in range(count):
        connection = socket.socket()
        connection.bind((f"127.0.1.{number % 200 + 1}", 0))
        connection.connect(("127.0.0.1", gateway.port))
        connection.setblocking(False)
        connections.append(connection)
    return connections


def is_closed(connection):
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_health_is_answered_among_more_mute_connections_than_descriptors(make_small_gateway):
    gateway = make_small_gateway(limits={"timeouts": {"handshake": "1h", "headers": "1h"}})
    flood = mute(gateway, 356)
    for _ in range(5):
        assert gateway.get("/healthz").status == 200
        answer = gateway.get("/api/scans/stats", gateway.reader())
        assert (answer.status, answer.code) == (503, "overloaded")
        flood += mute(gateway, 20)
    # The others were closed, and did not wait: all that stand have a descriptor.
    wait_for(lambda: sum(not is_closed(connection) for connection in flood) <= 256 - 16)
    standing = sum(not is_closed(connection) for connection in flood)
    assert standing > 100
    metrics = gateway.metrics()
    assert metrics["sluice_transports"] <= 256 - 16 and metrics["sluice_open_descriptors"] <= 256
    assert gateway.refused("overloaded") >= len(flood) - standing
    assert "no connection can be accepted" not in gateway.log()
    for connection in flood:
        connection.close()
    wait_for(lambda: gateway.get("/api/scans/stats", gateway.reader()).status == 200)


def test_connections_that_an_address_opens_too_fast_are_closed_before_tls(make_gateway):
    gateway = make_gateway(limits={"accepts": {"rate": 0.01, "burst": 5}}, listen={"trusted_proxies": ["127.0.0.9"]})

    def answers(address):
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=20, source_address=(address, 0)) as plain:
            try:
                with gateway.ssl.wrap_socket(plain, server_hostname="localhost") as tls:
                    tls.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                    return tls.recv(100).startswith(b"HTTP/1.1 200 ")
            except OSError:
                return False

    assert [answers("127.0.0.2") for _ in range(8)] == [True] * 5 + [False] * 3
    assert gateway.refused("accepts") == 3
    assert answers("127.0.0.3")
    assert all(answers("127.0.0.9") for _ in range(12))
    gateway.reload(limits={"accepts": {"rate": 1000, "burst": 1000}})
    wait_for(lambda: answers("127.0.0.2"))


def processor_seconds(gateway):
    fields = open(f"/proc/{gateway.process.pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_without_descriptors_it_sheds_and_recovers(few_descriptors):
    gateway = few_descriptors
    gateway.post("a", {"type": "scanStarted"})
    with gateway.sync_ws("a", gateway.reader("inside")) as inside:
        inside.recv(timeout=20)
        kept_alive = gateway.connection()
        assert gateway.post("a", {"type": "phaseStarted"}, connection=kept_alive).status == 202
        flood = []
        for _ in range(600):
            connection = socket.socket()
            connection.settimeout(1)
            flood.append(connection)
            try:
                connection.connect(("127.0.0.1", gateway.port))
            except OSError:
                break
        wait_for(lambda: gateway.metrics()["sluice_shedding"] == 1)
        # It does not spin, the operator gets in, and those inside are served.
        spent = processor_seconds(gateway)
        time.sleep(2)
        assert processor_seconds(gateway) - spent < 1
        assert gateway.metrics()["sluice_open_descriptors"] <= 256
        assert gateway.post("a", {"type": "phaseStarted", "n": 2}, connection=kept_alive).status == 202
        seen = [json.loads(inside.recv(timeout=20)) for _ in range(2)]
        assert seen[-1].get("n") == 2, seen
        for connection in flood:
            connection.close()
        wait_for(lambda: gateway.metrics()["sluice_shedding"] == 0)
        assert gateway.post("a", {"type": "phaseStarted"}).status == 202
    wait_for(lambda: "sheds load" in gateway.log() and "back to normal" in gateway.log())


def test_without_any_descriptor_it_waits(make_gateway):
    gateway = make_gateway()
    pid = gateway.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (len(os.listdir(f"/proc/{pid}/fd")), hard))
    waiting = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(20)]
    wait_for(lambda: "no connection can be accepted" in gateway.log())
    spent = processor_seconds(gateway)
    time.sleep(3)
    assert processor_seconds(gateway) - spent < 0.5
    # Told once, and not at every attempt.
    assert gateway.log().count("no connection can be accepted") <= 2
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
    for connection in waiting:
        connection.setblocking(False)
    # Each is taken or closed, and none waits any longer.
    standing = lambda: sum(not is_closed(connection) for connection in waiting)
    wait_for(lambda: gateway.metrics()["sluice_transports"] == standing())
    wait_for(lambda: gateway.get("/api/scans/stats", gateway.reader()).status == 200)
    assert gateway.get("/healthz").status == 200
    for connection in waiting:
        connection.close()


def test_a_connection_too_many_is_told_so(few_descriptors):
    gateway = few_descriptors
    kept = []
    try:
        for number in range(240):
            connection = gateway.connection()
            connection.request("GET", "/api/scans/stats", headers={"Authorization": f"Bearer {gateway.reader()}"})
            response = connection.getresponse()
            body = response.read()
            if response.status == 503:
                break
            assert response.status == 200
            kept.append(connection)
        assert response.status == 503, number
        assert json.loads(body)["code"] == "overloaded"
        assert int(response.headers["Retry-After"]) > 0
        assert len(kept) > 100
    finally:
        for connection in kept:
            connection.close()


def test_at_the_mark_of_memory_nobody_new_is_taken(make_gateway):
    gateway = make_gateway(limits={"memory": "1MiB"})
    wait_for(lambda: gateway.metrics()["sluice_shedding"] == 1)
    wait_for(lambda: gateway.get("/api/scans/stats", gateway.reader()).status == 503)
    assert gateway.get("/healthz").status == 200
    gateway.reload(limits={"memory": "100GiB"})
    wait_for(lambda: gateway.metrics()["sluice_shedding"] == 0)
    assert gateway.get("/api/scans/stats", gateway.reader()).status == 200


def test_at_the_mark_the_slowest_readers_go_and_others_stay(make_gateway):
    gateway = make_gateway(clients={"max_buffered": "64KiB", "timeout": "5m"})
    gateway.post("a", {"type": "scanStarted"})
    readers = [RawSocket(gateway, "/api/ws/scans/a", receive_buffer=4096) for _ in range(3)]
    with gateway.sync_ws("b?wait=60", gateway.reader("inside")) as inside:
        posting = gateway.connection()
        for _ in range(20):
            assert gateway.post("a", [{"type": "finding", "text": "x" * 4000}] * 50, connection=posting).status == 202
        # No client is behind for long enough to be closed by the usual rule.
        gateway.reload(limits={"memory": "1MiB"})
        wait_for(lambda: gateway.metrics().get('sluice_connections_closed_total{code="1013"}', 0) == 3, 40)
        assert gateway.post("b", {"type": "scanStarted"}, connection=posting).status == 202
        assert json.loads(inside.recv(timeout=20))["type"] == "subscribed"
    for reader in readers:
        reader.close()
