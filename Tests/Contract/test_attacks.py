"""Hostile bytes, and what they get.

The attacks stand in tables: a name, the bytes, what has to come back. While one goes on, a client of another user is
served; afterwards the gateway has the memory and the descriptors that it had before, within a margin.
"""

import socket
import ssl
import struct
import threading
import time
import zlib

import pytest

from attack import (BINARY, CLOSE, MARGIN_BYTES, PING, PONG, QUICK, TEXT, Attack, RawSocket, closes_within, frame, get,
                    trickle, usage)
from conftest import BASE, Gateway, merged, wait_for


# HTTP

def post(*fields, body=b"", target="/api/scans/x/progress", version="1.1"):
    """A request with these fields besides Host."""
    head = [f"POST {target} HTTP/{version}", "Host: localhost", *fields]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


CHUNKED = "Transfer-Encoding: chunked"
# A body whose framing is read, and not only its head, needs a producer that may post; @TOKEN@ becomes a token.
POSTER = ("Authorization: Bearer @TOKEN@", "Content-Type: application/json", CHUNKED)
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"

# Where the framing is in doubt there is one answer, and the connection ends.
FRAMING = {
    "length and chunked": (post("Content-Length: 4", CHUNKED, body=b"0\r\n\r\n" + SMUGGLED), 400),
    "chunked and length": (post(CHUNKED, "Content-Length: 4", body=b"0\r\n\r\n" + SMUGGLED), 400),
    "two lengths": (post("Content-Length: 0", "Content-Length: 44", body=SMUGGLED), 400),
    "two equal lengths": (post("Content-Length: 44", "Content-Length: 44", body=SMUGGLED), 400),
    "lengths in a list": (post("Content-Length: 0, 44", body=SMUGGLED), 400),
    "signed length": (post("Content-Length: +0", body=SMUGGLED), 400),
    "negative length": (post("Content-Length: -1", body=SMUGGLED), 400),
    "hexadecimal length": (post("Content-Length: 0x2c", body=SMUGGLED), 400),
    "length of 2^64": (post("Content-Length: 18446744073709551616", body=SMUGGLED), (400, 413)),
    "length with a space within": (post("Content-Length: 4 4", body=SMUGGLED), 400),
    "empty length": (post("Content-Length:", body=SMUGGLED), 400),
    "chunked twice": (post("Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n" + SMUGGLED), (400, 501)),
    "chunked and identity": (post("Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n" + SMUGGLED), (400, 501)),
    "gzip and chunked": (post("Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n" + SMUGGLED), (400, 501)),
    "unknown coding": (post("Transfer-Encoding: xchunked", body=b"0\r\n\r\n" + SMUGGLED), (400, 501)),
    "two codings": (post(CHUNKED, "Transfer-Encoding: identity", body=b"0\r\n\r\n" + SMUGGLED), (400, 501)),
    "vertical tab before chunked": (post("Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n" + SMUGGLED), (400, 501)),
    "space before the colon": (post("Content-Length : 44", body=SMUGGLED), 400),
    "space before the coding's colon": (post("Transfer-Encoding : chunked", body=b"0\r\n\r\n" + SMUGGLED), 400),
    "folded line": (post("X: a", " Content-Length: 44", body=SMUGGLED), 400),
    "folded first line": (post(" Content-Length: 44", body=SMUGGLED), 400),
    "bare line feeds": (b"POST / HTTP/1.1\nHost: localhost\nContent-Length: 0\n\n" + SMUGGLED, 400),
    "bare carriage return": (post("X: a\rContent-Length: 44", body=SMUGGLED), 400),
    "NUL in a value": (post("X: a\x00b"), 400),
    "no colon": (post("Content-Length"), 400),
    "coding in HTTP/1.0": (post(CHUNKED, version="1.0", body=b"0\r\n\r\n" + SMUGGLED), (400, 501)),
    "chunk of bad size": (post(*POSTER, body=b"0x5\r\nhello\r\n0\r\n\r\n"), 400),
    "chunk of negative size": (post(*POSTER, body=b"-1\r\nhello\r\n0\r\n\r\n"), 400),
    "chunk of 2^64 bytes": (post(*POSTER, body=b"10000000000000000\r\nhello"), (400, 413)),
    "chunk without its end": (post(*POSTER, body=b"5\r\nhelloX0\r\n\r\n" + SMUGGLED), 400),
    "chunk size ended by a line feed": (post(*POSTER, body=b"5\nhello\r\n0\r\n\r\n" + SMUGGLED), 400),
    "endless chunk extension": (post(*POSTER, body=b"5;" + b"a" * 100_000), 400),
    "many chunk extensions": (post(*POSTER, body=b"1;" + b"a=b;" * 10_000), 400),
    "endless trailers": (post(*POSTER, body=b"0\r\n" + b"X: y\r\n" * 20_000), 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (get("/", "Host: other"), 400),
    "no version": (b"GET /\r\n\r\n", 400),
    "version 2.0": (b"GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", (400, 505)),
    "version with a digit more": (b"GET / HTTP/1.10\r\nHost: localhost\r\n\r\n", (400, 505)),
    "two spaces": (b"GET  / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "method with a control": (b"G\x01T / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "TLS in TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64, 400),
    "HTTP/2's preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400, 501, 505)),
    "NUL in the target": (get("/a\x00b"), 400),
    "raw bytes in the target": (get(b"/\xff\xfe"), 400),
    "long target": (get("/" + "a" * 20_000), (414, 431)),
    "large head": (get("/", "X: " + "a" * 20_000), 431),
    "many fields": (get("/", *["X: y"] * 2000), 431),
    "endless field name": (b"GET / HTTP/1.1\r\n" + b"a" * 40_000, 431),
}

# Tricks with paths and methods are no doubt about framing: one clean refusal.
PATHS = {
    "dots": (get("/../../etc/passwd"), 404),
    "encoded dots": (get("/%2e%2e/%2e%2e/etc/passwd"), 404),
    "dots behind the console": (get("/client.js/../api/scans/stats"), (401, 404)),
    "encoded slash": (get("/api%2fscans%2fstats"), 404),
    "encoded slash in a scan": (get("/api/scans/a%2f..%2fstats"), (400, 401)),
    "dots as a scan": (get("/api/scans/.."), (400, 401)),
    "encoded NUL": (get("/%00"), 400),
    "half an escape": (get("/%2"), 400),
    "no hexadecimal": (get("/%zz"), 400),
    "overlong slash": (get("/%c0%af"), 400),
    "surrogate": (get("/%ed%a0%80"), 400),
    "beyond Unicode": (get("/%f4%90%80%80"), 400),
    "long scan": (get("/api/scans/" + "a" * 129), (400, 401)),
    "double slash": (get("//api/scans/stats"), 404),
    "backslash": (get("/api\\scans\\stats"), (400, 404)),
    "fragment": (get("/#/api"), 400),
    "absolute form of another scheme": (get("ftp://localhost/"), 400),
    "absolute form": (get("http://localhost/api/scans/stats"), 401),
    "authority form": (get("localhost:443", method="CONNECT"), (400, 405, 501)),
    "unknown method": (get("/api/scans/stats", method="BREW"), (405, 501)),
    "TRACE": (get("/", "Authorization: Bearer secret", method="TRACE"), (405, 501)),
    "strange expectation": (post("Expect: 200-ok", "Content-Length: 0"), 417),
    "many parameters": (get("/api/ws?" + "a&" * 1000), 400),
}


def status(answer):
    return int(answer[9:12])


def exchange(gateway, data, timeout=20):
    """What comes back for these bytes until the gateway ends the connection or is silent."""
    connection = gateway.socket(timeout)
    try:
        connection.sendall(data)
    except OSError:
        pass  # it was refused before all of it was sent
    received = b""
    try:
        while piece := connection.recv(65536):
            received += piece
    except TimeoutError:
        return received, False
    except OSError:
        pass
    finally:
        connection.close()
    return received, True


@pytest.mark.parametrize("name", FRAMING)
def test_one_refusal_and_the_end(gateway, name):
    data, expected = FRAMING[name]
    received, is_closed = exchange(gateway, data.replace(b"@TOKEN@", gateway.producer().encode()))
    assert received.startswith(b"HTTP/1.1 "), received
    assert received.count(b"\r\nServer: sluice\r\n") == 1, received
    assert status(received) in (expected if isinstance(expected, tuple) else (expected,)), received
    assert is_closed


@pytest.mark.parametrize("name", PATHS)
def test_tricks_with_paths(gateway, name):
    data, expected = PATHS[name]
    received, _ = exchange(gateway, data.replace(b"\r\nHost", b"\r\nConnection: close\r\nHost", 1))
    assert status(received) in (expected if isinstance(expected, tuple) else (expected,)), received
    assert b"root:" not in received and b"secret" not in received


SLOW = {
    "mute": (b"", 0),
    "slow head": (b"GET / HTTP/1.1\r\nX: " + b"a" * 1000, 408),
    "slow body": (b"\n" * 1000, 408),
    "slow chunks": (b"1\r\na\r\n" * 200, 408),
}


@pytest.mark.parametrize("name", SLOW)
def test_times_hold_over_the_whole(make_gateway, name):
    gateway = make_gateway(limits=QUICK)
    slow, expected = SLOW[name]
    with Attack(gateway, name):
        connections = [gateway.socket() for _ in range(20)]
        heads = {
            "slow body": "Content-Length: 1000",
            "slow chunks": CHUNKED,
        }
        for connection in connections:
            if name in heads:
                fields = (f"Authorization: Bearer {gateway.producer()}", "Content-Type: application/json")
                connection.sendall(post(*fields, heads[name]))
        threads = [threading.Thread(target=trickle, args=(c, slow, 4)) for c in connections]
        for thread in threads:
            thread.start()
        for connection in connections:
            _, received = closes_within(connection, 8)
            assert not expected or status(received) == expected, received
            connection.close()
        for thread in threads:
            thread.join()


def test_a_connection_that_never_shakes_hands(make_gateway):
    gateway = make_gateway(limits=QUICK)
    hello = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    outgoing = ssl.MemoryBIO()
    try:
        hello.check_hostname = False
        hello.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        pass
    first = outgoing.read()
    with Attack(gateway, "a connection that never shakes hands"):
        for beginning in (b"", first[:5], first[:-1], first):
            connection = socket.create_connection(("127.0.0.1", gateway.port))
            connection.sendall(beginning)
            took, _ = closes_within(connection, 5)
            assert took < 3, (len(beginning), took)
            connection.close()


def test_pipelined_requests_wait_in_the_clients_own_socket(make_gateway):
    gateway = make_gateway()
    with Attack(gateway, "pipelining") as attack_on:
        attackers = [gateway.socket(1) for _ in range(10)]
        sent = [0] * len(attackers)
        many = get("/client.js") * 200

        def attack(index):
            # Each answer is some kilobytes, and none is read.
            end = time.monotonic() + 3
            while time.monotonic() < end:
                try:
                    attackers[index].sendall(many)
                except OSError:
                    return
                sent[index] += 200

        threads = [threading.Thread(target=attack, args=(index,)) for index in range(len(attackers))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert usage(gateway)[0] <= attack_on.before[0] + MARGIN_BYTES
        for attacker in attackers:
            attacker.close()
    # The room in the systems' own buffers, on both sides.
    assert max(sent) < 300_000, sent


def test_no_page_acts_for_its_visitor(make_gateway):
    gateway = make_gateway(auth={"cookie": "session"}, origins=["https://console.example"])
    cookie = {"Cookie": f"session={gateway.admin()}"}

    def act(origin):
        fields = cookie | ({"Origin": origin} if origin else {})
        return gateway.request("POST", "/api/users/victim/disconnect", headers=fields).status

    assert act("https://evil.example") == 403
    assert act("null") == 403
    assert act("https://console.example") == 200
    assert act(gateway.url) == 200
    assert act(None) == 200


# WebSocket

FRAMES = {
    "length of 2^63": (frame(TEXT, length=b"\xff" + struct.pack(">Q", 1 << 63)), (1002, 1009)),
    "length of 2^63 - 1": (frame(TEXT, length=b"\xff" + struct.pack(">Q", (1 << 63) - 1)), (1009,)),
    "length of 4 GiB": (frame(BINARY, length=b"\xff" + struct.pack(">Q", 1 << 32)), (1009,)),
    "64 bits for a short length": (frame(TEXT, b"", length=b"\xff" + struct.pack(">Q", 5)) + b"hello", (1002,)),
    "16 bits for a short length": (frame(TEXT, b"", length=b"\xfe" + struct.pack(">H", 5)) + b"hello", (1002,)),
    "unmasked": (frame(TEXT, b"{}", masked=False), (1002,)),
    "reserved bit 1": (frame(TEXT, b"{}", reserved=0x40), (1002,)),
    "reserved bit 2": (frame(TEXT, b"{}", reserved=0x20), (1002,)),
    "reserved opcode": (frame(3, b"{}"), (1002,)),
    "reserved control opcode": (frame(11, b""), (1002,)),
    "fragmented ping": (frame(PING, b"", final=False), (1002,)),
    "long ping": (frame(PING, b"a" * 126), (1002,)),
    "continuation of nothing": (frame(0, b"a"), (1002,)),
    "message within a message": (frame(TEXT, b"a", final=False) + frame(TEXT, b"b"), (1002,)),
    "binary": (frame(BINARY, b"a"), (1003,)),
    "no UTF-8": (frame(TEXT, b"\xff"), (1007,)),
    "no UTF-8, early": (frame(TEXT, b"\xed\xa0\x80", final=False), (1007,)),
    "too large": (frame(TEXT, b"a" * 16385), (1009,)),
    "too large in pieces": (frame(TEXT, b"a" * 9000, final=False) + frame(0, b"a" * 9000), (1009,)),
    "endless tiny fragments": (frame(TEXT, b"a", final=False) + frame(0, b"a", final=False) * 20_000, (1009, 1008)),
    "endless empty fragments": (frame(TEXT, b"", final=False) + frame(0, b"", final=False) * 50_000, (1009, 1008)),
    "close of half a code": (frame(CLOSE, b"\x03"), (1002,)),
    "close with a code that is not sent": (frame(CLOSE, struct.pack(">H", 1005)), (1002,)),
    "too many messages": (frame(TEXT, b'{"action":"ping"}') * 5000, (1008,)),
}


@pytest.fixture(scope="module")
def strict(make_folder):
    """A gateway whose clients may send as many frames as they may by default."""
    private = Gateway(make_folder(), merged(BASE, {"limits": {"client_frames": {"rate": 10, "burst": 20}}}))
    yield private
    is_alive = private.process.poll() is None
    private.kill()
    assert is_alive, private.log()[-4000:]


@pytest.mark.parametrize("name", FRAMES)
def test_broken_frames(strict, scan, name):
    strict.post(scan, {"type": "scanStarted"})
    data, expected = FRAMES[name]
    attacker = RawSocket(strict, f"/api/ws/scans/{scan}")
    codes = [int.from_bytes(payload[:2]) for opcode, payload in attacker.exchange(data) if opcode == CLOSE]
    attacker.close()
    assert codes and codes[0] in expected


def test_a_message_that_inflates_without_end(strict, scan):
    strict.post(scan, {"type": "scanStarted"})
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = packer.compress(b"\0" * 100_000_000) + packer.flush(zlib.Z_SYNC_FLUSH)
    before = usage(strict)[0]
    attacker = RawSocket(strict, f"/api/ws/scans/{scan}", fields=("Sec-WebSocket-Extensions: permessage-deflate",))
    attacker.send(frame(TEXT, bomb[:15000], reserved=0x40))
    assert attacker.close_code() == 1009
    attacker.close()
    assert usage(strict)[0] < before + MARGIN_BYTES


def test_nothing_after_close_counts(strict, scan):
    strict.post(scan, {"type": "scanStarted"})
    attacker = RawSocket(strict, f"/api/ws/scans/{scan}")
    attacker.send(frame(CLOSE, struct.pack(">H", 1000)) + frame(TEXT, b'{"action":"ping","id":1}') * 100)
    frames = list(attacker.frames())
    attacker.close()
    assert not [payload for opcode, payload in frames if b"pong" in payload]
    assert [opcode for opcode, _ in frames].count(CLOSE) == 1


def test_half_a_frame_is_no_sign_of_life(make_gateway):
    gateway = make_gateway(clients={"heartbeat_interval": "500ms", "timeout": "2s"}, limits=QUICK)
    gateway.post("a", {"type": "scanStarted"})
    with Attack(gateway, "half a frame is no sign of life"):
        attackers = [RawSocket(gateway, "/api/ws/scans/a") for _ in range(10)]
        half = frame(TEXT, b"a" * 10_000)[:-1]
        threads = [threading.Thread(target=trickle, args=(a.connection, half, 6, 0.05)) for a in attackers]
        for thread in threads:
            thread.start()
        start = time.monotonic()
        for attacker in attackers:
            assert attacker.close_code(10) == 1000
        assert time.monotonic() - start < 8
        for thread in threads:
            thread.join()
        for attacker in attackers:
            attacker.close()


def test_ping_floods(make_gateway):
    gateway = make_gateway()
    gateway.post("a", {"type": "scanStarted"})
    with Attack(gateway, "ping floods"):
        attackers = [RawSocket(gateway, "/api/ws/scans/a") for _ in range(10)]
        end = time.monotonic() + 3
        flood = frame(PING, b"a" * 125) * 500
        sent = [0] * len(attackers)

        def attack(index):
            # It reads nothing: pongs must not pile up for it.
            attackers[index].connection.settimeout(0.5)
            while time.monotonic() < end:
                try:
                    attackers[index].connection.sendall(flood)
                except TimeoutError:
                    continue
                except OSError:
                    return
                sent[index] += 500

        threads = [threading.Thread(target=attack, args=(index,)) for index in range(len(attackers))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for attacker in attackers:
            attacker.close()
    # A thousand a second are answered at most; the rest stays in the attacker's own socket.
    assert max(sent) < 50_000, sent


def test_slow_readers_cost_a_bounded_amount(make_gateway):
    gateway = make_gateway(clients={"max_buffered": "64KiB", "timeout": "5s", "heartbeat_interval": "1s"})
    gateway.post("a", {"type": "scanStarted"})
    with Attack(gateway, "slow readers cost a bounded amount"):
        readers = [RawSocket(gateway, "/api/ws/scans/a", receive_buffer=4096) for _ in range(40)]
        before = usage(gateway)[0]
        filler = "x" * 4000
        for _ in range(30):
            answer = gateway.post("a", [{"type": "finding", "text": filler} for _ in range(50)])
            assert answer.status == 202
        peak = usage(gateway)[0]
        # History is bounded, and 40 readers hold 64 KiB each, TLS and the allocator's slack aside.
        assert peak - before < 80 * 1024 * 1024, (before, peak)

        def are_gone():
            # They say that they are alive, and still take nothing.
            for reader in readers:
                reader.send(frame(PONG))
            return gateway.metrics().get('sluice_connections_closed_total{code="1013"}', 0) >= len(readers)

        wait_for(are_gone, 30, interval=0.5)
        for reader in readers:
            reader.close()
