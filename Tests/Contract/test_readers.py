"""Readers that do not read, or hardly: what they may hold, when they are closed, and what long answers cost."""

import contextlib
import gzip
import json
import socket
import threading
import time

import pytest

from attack import CLOSE, PING, PONG, TEXT, RawSocket, closes_within, frame, get, usage
from conftest import is_problem, unpack, wait_for

MIB = 1024 * 1024
# How much the process may grow by itself: caches, and memory that the allocator keeps.
SLACK = 24 * MIB


def closed(gateway, code=1013):
    return gateway.metrics().get(f'sluice_connections_closed_total{{code="{code}"}}', 0)


class PlainReader:
    """An HTTP connection that has asked, and whose answer is in the test's hand."""

    def __init__(self, gateway, path, *fields, receive_buffer=4096):
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        plain.settimeout(20)
        plain.connect(("127.0.0.1", gateway.port))
        self.connection = gateway.ssl.wrap_socket(plain, server_hostname="localhost")
        self.connection.sendall(get(path, f"Authorization: Bearer {gateway.reader()}", *fields))

    def close(self):
        self.connection.close()


def fill(gateway, scan, count, size):
    """So many messages of so many bytes."""
    for start in range(0, count, 50):
        messages = [{"type": "finding", "n": n, "text": "x" * size} for n in range(start, min(start + 50, count))]
        assert gateway.post(scan, messages).status == 202


@pytest.fixture
def impatient(make_gateway):
    return make_gateway(
        clients={"timeout": "3s", "heartbeat_interval": "500ms"}, limits={"timeouts": {"close": "1s"}},
        relay={"history": {"messages": 5000, "bytes": "8MiB"}})


def test_pings_with_long_ids_whose_answers_nobody_reads(impatient):
    gateway = impatient
    sockets = [RawSocket(gateway, "/api/ws", receive_buffer=4096) for _ in range(5)]
    before = usage(gateway)[0]
    ping = frame(TEXT, json.dumps({"action": "ping", "id": "i" * 16000}).encode())
    peak = before

    def flood(victim):
        victim.connection.settimeout(10)
        with contextlib.suppress(OSError):
            for _ in range(2000):
                victim.connection.sendall(ping)

    floods = [threading.Thread(target=flood, args=(victim,)) for victim in sockets]
    for thread in floods:
        thread.start()
    end = time.monotonic() + 40
    while closed(gateway) < len(sockets):
        assert time.monotonic() < end
        peak = max(peak, usage(gateway)[0])
        time.sleep(0.1)
    for thread in floods:
        thread.join()
    # 32 MB were asked for by each.
    assert peak - before < SLACK, (before, peak)
    for victim in sockets:
        victim.close()


def test_who_reads_again_in_time_stays(impatient):
    gateway = impatient
    reader = RawSocket(gateway, "/api/ws", receive_buffer=4096)
    ping = frame(TEXT, json.dumps({"action": "ping", "id": "i" * 16000}).encode())
    reader.connection.settimeout(0.5)
    sent = 0
    with contextlib.suppress(TimeoutError):
        # Until the gateway no longer listens. The last ping may be cut off: it is sent to its end later.
        for _ in range(2000):
            rest = memoryview(ping)
            while rest:
                rest = rest[reader.connection.send(rest):]
            sent += 1
            rest = None
    pongs = 0

    def read():
        nonlocal pongs
        for opcode, payload in reader.frames():
            if opcode == TEXT:
                pongs += json.loads(payload)["type"] == "pong"
            if pongs == sent + 1:
                return

    thread = threading.Thread(target=read)
    thread.start()
    reader.connection.settimeout(20)
    while rest:
        rest = rest[reader.connection.send(rest):]
    thread.join(30)
    assert pongs == sent + 1 and closed(gateway) == 0
    reader.close()


def action(n, kind="ping", **members):
    return frame(TEXT, json.dumps({"action": kind, "id": f"{n:0100}", **members}).encode())


def answers(frames):
    """The ids of what was answered, in order."""
    return [int(answer["id"]) for opcode, text in frames if opcode == TEXT and "id" in (answer := json.loads(text))]


def messages(frames):
    return [message["seq"] for opcode, text in frames if opcode == TEXT
            for message in unpack(text) if message["type"] == "finding"]


def test_while_its_socket_takes_nothing_what_a_client_asks_for_stays_in_it(make_gateway):
    gateway = make_gateway(relay={"history": {"messages": 5000, "bytes": "8MiB"}},
                           limits={"client_frames": {"rate": 1000000, "burst": 1000000}})
    fill(gateway, "a", 1500, 4000)
    reader = RawSocket(gateway, "/api/ws/scans/a?since=0", receive_buffer=4096, send_buffer=16384)

    def is_full():
        one, = gateway.get("/api/connections", gateway.admin()).json()["connections"]
        return not one["is_writable"]

    wait_for(is_full)
    flood = b"".join(action(n) for n in range(20000))
    rest = reader.push(flood)
    # A pong is handled, but none of its requests; and the sent bytes are in the systems' buffers.
    assert gateway.metrics()["sluice_client_frames_total"] == 0
    assert len(flood) - len(rest) < MIB < len(flood)
    # It reads again: all it asked for is answered, and of the scan it misses nothing.
    taken = reader.exchange(rest + action(20000), 60, lambda one: one[0] == TEXT and b"%0100d" % 20000 in one[1])
    assert answers(taken) == list(range(20001))
    if len(seen := messages(taken)) < 1500:
        taken += reader.exchange(b"", 60, lambda one: one[0] == TEXT and 1500 in messages([one]))
        seen = messages(taken)
    assert seen == list(range(1, 1501))
    assert sum(gateway.metrics().get(f'sluice_connections_closed_total{{code="{code}"}}', 0)
               for code in (1000, 1008, 1013)) == 0
    reader.close()


class SlowReader(threading.Thread):
    """Reads 64 KiB a second, answers pings, and sends an action now and then if told so."""

    def __init__(self, gateway, speaks):
        super().__init__(daemon=True)
        self.socket = RawSocket(gateway, "/api/ws/scans/a?since=0", receive_buffer=4096)
        self.speaks = speaks
        self.pings = 0
        self.asked = 0
        self.frames = []

    def run(self):
        end = time.monotonic() + 10
        asks_at = time.monotonic()
        self.socket.connection.settimeout(5)
        while time.monotonic() < end:
            self.socket.buffer += self.socket.connection.recv(6554)
            while (one := self.socket._take()) is not None:
                self.frames.append(one)
                if one[0] == PING:
                    self.pings += 1
                    self.socket.send(frame(PONG, one[1]))
            if self.speaks and time.monotonic() > asks_at:
                self.socket.send(action(self.asked, "rate", messagesPerSecond=2))
                self.asked += 1
                asks_at += 1
            time.sleep(0.1)


def test_a_slow_subscriber_is_heard_and_stays(make_gateway):
    gateway = make_gateway(clients={"timeout": "3s", "heartbeat_interval": "500ms", "max_buffered": "128KiB"},
                           relay={"history": {"messages": 5000, "bytes": "8MiB"}})
    fill(gateway, "a", 1500, 4000)
    silent, speaking = SlowReader(gateway, False), SlowReader(gateway, True)
    for reader in (silent, speaking):
        reader.start()
    for reader in (silent, speaking):
        reader.join(30)
        # More than three times the timeout, and there is still something to read.
        assert not reader.is_alive() and reader.pings > 0
        assert not [one for one in reader.frames if one[0] == CLOSE]
        assert 50 < len(seen := messages(reader.frames)) < 1500 and seen == list(range(1, len(seen) + 1))
    assert answers(speaking.frames) == list(range(len(answers(speaking.frames)))) != []
    # Its last ones are answered, too, in their order.
    taken = speaking.socket.exchange(action(speaking.asked), 60, lambda one: b"%0100d" % speaking.asked in one[1])
    assert answers(speaking.frames + taken) == list(range(speaking.asked + 1))
    assert len(gateway.get("/api/connections", gateway.admin()).json()["connections"]) == 2
    for reader in (silent, speaking):
        reader.socket.close()


def test_requests_behind_an_answer_that_is_not_taken_stay_in_the_clients_socket(make_gateway):
    gateway = make_gateway(relay={"history": {"messages": 5000, "bytes": "8MiB"}})
    fill(gateway, "a", 1000, 6000)
    reader = PlainReader(gateway, "/api/scans/a/messages?limit=1000")
    reader.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
    behind = get("/healthz") * 50_000
    rest = memoryview(behind)
    reader.connection.settimeout(1)
    with contextlib.suppress(TimeoutError):
        while rest:
            rest = rest[reader.connection.send(rest[:16384]):]
    assert len(behind) - len(rest) < MIB < len(behind)
    reader.close()


def test_pages_that_nobody_reads_cost_a_bounded_amount(impatient):
    gateway = impatient
    fill(gateway, "a", 1000, 4000)
    gateway.messages("a")
    before = usage(gateway)[0]
    packings = [(), ("Accept-Encoding: gzip",)]
    readers = [PlainReader(gateway, "/api/scans/a/messages?limit=1000", *packings[n % 2]) for n in range(40)]
    peak = before
    end = time.monotonic() + 30
    # Unpacked answers are cut; packed ones fit into the system's buffers.
    while gateway.refused("slow_reader") < 20:
        assert time.monotonic() < end
        peak = max(peak, usage(gateway)[0])
        time.sleep(0.1)
    assert peak - before < SLACK, (before, peak)
    for reader in readers:
        reader.close()
    # And a request now gets all of it.
    page = gateway.get("/api/scans/a/messages?limit=1000", gateway.reader()).json()
    assert [message["seq"] for message in page["messages"]] == list(range(1, 1001)) and page["next"] is None


def test_a_page_read_slowly_arrives_whole(impatient):
    gateway = impatient
    fill(gateway, "a", 300, 4000)
    reader = PlainReader(gateway, "/api/scans/a/messages?limit=1000", "Connection: close", receive_buffer=16384)
    received = b""
    while piece := reader.connection.recv(16384):
        received += piece
        time.sleep(len(piece) / (256 * 1024))
    head, body = received.split(b"\r\n\r\n", 1)
    assert b"Transfer-Encoding: chunked" in head
    text = b""
    while size := int((line := body.split(b"\r\n", 1))[0], 16):
        text += line[1][:size]
        body = line[1][size + 2:]
    assert len(json.loads(text)["messages"]) == 300
    assert gateway.refused("slow_reader") == 0


def test_an_event_stream_that_is_not_read_is_ended(impatient):
    gateway = impatient
    gateway.post("a", {"type": "scanStarted"})
    readers = [PlainReader(gateway, "/api/scans/a/events?since=0") for _ in range(3)]
    before = usage(gateway)[0]
    fill(gateway, "a", 1500, 4000)
    wait_for(lambda: closed(gateway) == 3, 30)
    assert usage(gateway)[0] - before < SLACK + 3 * 2 * MIB
    for reader in readers:
        closes_within(reader.connection, 10)
        reader.close()


def test_a_socket_that_says_it_lives_and_reads_nothing_is_closed_also_for_little(impatient):
    gateway = impatient
    gateway.post("a", {"type": "scanStarted"})
    reader = RawSocket(gateway, "/api/ws/scans/a", receive_buffer=4096)
    # Much less than `max_buffered`, more than the system holds.
    fill(gateway, "a", 150, 4000)
    end = time.monotonic() + 30
    while closed(gateway) == 0:
        assert time.monotonic() < end
        reader.send(frame(PONG))
        time.sleep(0.2)
    reader.close()


def test_a_long_answer_costs_more_than_a_request(make_gateway):
    gateway = make_gateway(limits={"requests": {"rate": 1, "burst": 5}})
    fill(gateway, "a", 300, 4000)
    stats = gateway.get("/api/scans/stats", gateway.reader())
    assert stats.status == 200
    page = gateway.get("/api/scans/a/messages?limit=1000", gateway.reader())
    # It is refused only before it starts, and its cost beyond the bucket is a debt.
    assert page.status == 200 and len(page.body) > 1.1 * MIB
    answer = gateway.get("/api/scans/stats", gateway.reader())
    is_problem(answer, 429, "rate_limited")
    assert 10 <= int(answer.headers["Retry-After"]) <= 20
    assert gateway.get("/api/scans/stats", gateway.reader("bob")).status == 200


def test_a_long_answer_packed_is_the_same(gateway, scan):
    fill(gateway, scan, 300, 4000)
    path = f"/api/scans/{scan}/messages?limit=1000&times=true"
    plain = gateway.get(path, gateway.reader())
    packed = gateway.get(path, gateway.reader(), {"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 20
    page = plain.json()
    assert len(page["times"]) == len(page["messages"]) == 300


def test_the_consoles_files_are_packed_once_and_known_by_their_form(gateway):
    for path in ("/", "/client.js", "/console/app.js"):
        plain = gateway.get(path)
        packed = gateway.get(path, headers={"Accept-Encoding": "gzip"})
        assert packed.headers["Content-Encoding"] == "gzip" and "Content-Encoding" not in plain.headers
        assert gzip.decompress(packed.body) == plain.body
        assert plain.headers["ETag"] != packed.headers["ETag"]
        assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"
        for known in (plain, packed):
            assert gateway.get(path, headers={"If-None-Match": known.headers["ETag"]}).status == 304
