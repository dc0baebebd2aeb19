"""What bad or too much input gets, and that it is counted."""

import socket as sockets
import ssl
import threading
import time

import pytest
import websockets

from conftest import PATIENCE, closing, is_problem, read_until, wait_for


def raw(gateway, data, timeout=PATIENCE):
    """Sends bytes, and reads to the end of the connection."""
    socket = gateway.socket(timeout)
    received = b""
    try:
        socket.sendall(data)
        while part := socket.recv(65536):
            received += part
    except (ConnectionError, ssl.SSLError):
        pass
    finally:
        socket.close()
    return received


def head(gateway, line, *fields, token=None):
    fields = [f"Host: {gateway.authority}", f"Authorization: Bearer {token or gateway.producer()}", *fields]
    return "\r\n".join([line, *fields, "", ""]).encode()


# Size


def padded(size):
    return '{"type":"t","p":"%s"}' % ("x" * (size - 19))


def test_the_largest_message(gateway, scan):
    assert gateway.post(scan, padded(256 * 1024)).status == 202
    is_problem(gateway.post(scan, padded(256 * 1024 + 1)), 413, "message_too_large")
    answer = gateway.post(scan, f'[{{"type":"t"}},{padded(256 * 1024 + 1)}]')
    is_problem(answer, 413, "message_too_large")
    assert answer.json()["index"] == 1
    with gateway.sync_ws(scan + "?since=0") as socket:
        frames = [socket.recv(timeout=10), socket.recv(timeout=10)]
        assert len(frames[1]) > 256 * 1024


def test_the_largest_line(gateway, scan):
    body = '{"type":"a"}\n' + padded(256 * 1024) + "\n" + padded(256 * 1024 + 1) + "\n"
    answer = gateway.post(scan, body, content_type="application/x-ndjson")
    is_problem(answer, 413, "message_too_large")
    assert (answer.json()["accepted"], answer.json()["line"]) == (2, 3)
    with gateway.stream(scan) as upload:
        upload.send({"type": "a"})
        upload.send("x" * (300 * 1024))
        answer = upload.answer()
    is_problem(answer, 413, "message_too_large")
    assert answer.json()["accepted"] == 1


def test_the_largest_body(gateway, scan):
    size = 8 * 1024 * 1024
    message = padded(200 * 1024)
    body = "[" + ",".join([message] * (size // len(message))) + "]"
    assert gateway.post(scan, body + " " * (size - len(body))).status == 202
    is_problem(gateway.post(scan, body + " " * (size - len(body) + 1)), 413, "body_too_large")


def test_a_body_that_is_announced_too_large_is_refused_before_it_comes(gateway, scan):
    line = f"POST /api/scans/{scan}/progress HTTP/1.1"
    request = head(gateway, line, "Content-Type: application/json", "Content-Length: 8388609")
    assert raw(gateway, request).startswith(b"HTTP/1.1 413 ")
    request = head(gateway, line, "Content-Type: application/json", "Content-Length: 8388609", "Expect: 100-continue")
    assert raw(gateway, request).startswith(b"HTTP/1.1 413 ")


def test_a_chunked_body_that_grows_too_large(make_gateway):
    gateway = make_gateway(limits={"max_body_bytes": "64KiB", "max_message_bytes": "1KiB"})
    request = head(gateway, "POST /api/scans/a/progress HTTP/1.1", "Content-Type: application/json",
                   "Transfer-Encoding: chunked")
    chunk = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
    assert raw(gateway, request + chunk * 5).startswith(b"HTTP/1.1 413 ")


def test_lines_have_no_largest_body(make_gateway):
    gateway = make_gateway(limits={"max_body_bytes": "4KiB", "max_message_bytes": "1KiB"})
    answer = gateway.post("a", '{"type":"t"}\n' * 5000, content_type="application/x-ndjson")
    assert answer.status == 202 and answer.json()["accepted"] == 5000


def test_the_size_of_api_bodies(gateway, scan):
    answer = gateway.request("PUT", f"/api/scans/{scan}", {"name": "x" * 100_000}, token=gateway.producer())
    assert answer.status == 413


def test_depth(gateway, scan):
    nested = lambda depth: '{"type":"t","d":' + "[" * (depth - 1) + "]" * (depth - 1) + "}"
    assert gateway.post(scan, nested(64)).status == 202
    answer = gateway.post(scan, nested(65))
    is_problem(answer, 400, "invalid_message")
    assert answer.json()["index"] == 0 and answer.json()["offset"] > 0
    is_problem(gateway.post(scan, "[" * 100_000), 400, "invalid_message")
    answer = gateway.post(scan, f'{{"type":"a"}}\n{nested(65)}\n', content_type="application/x-ndjson")
    is_problem(answer, 400, "invalid_message")


@pytest.mark.parametrize("fields", [
    [f"X-{n}: {'y' * 1000}" for n in range(17)], ["X: " + "y" * 17_000], [f"X{n}: y" for n in range(3000)],
], ids=["together", "one", "many"])
def test_headers_over_their_size(gateway, fields):
    answer = raw(gateway, head(gateway, "GET /api/scans/stats HTTP/1.1", *fields))
    assert answer.startswith(b"HTTP/1.1 431 ") and b'"headers_too_large"' in answer


def test_headers_within_their_size(gateway):
    answer = raw(gateway, head(gateway, "GET /api/scans/stats HTTP/1.1", "X: " + "y" * 15_000, "Connection: close",
                               token=gateway.reader()))
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_a_request_that_is_none(gateway):
    for bad in (b"GET / HTTP/1.1\r\n\r\n", b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                b"POST /api/scans/a/progress HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"):
        assert raw(gateway, bad).startswith(b"HTTP/1.1 400 "), bad


def test_large_and_many_frames_of_a_client(make_gateway):
    gateway = make_gateway(limits={"client_frames": {"rate": 1, "burst": 5}})
    gateway.post("a", {"type": "t"})
    with gateway.sync_ws("a") as socket:
        socket.send("x" * 16 * 1024)
        assert read_until(socket, "error")[-1]["code"]
        socket.send("x" * (16 * 1024 + 1))
        assert closing(socket)[0] == 1009
    with gateway.sync_ws("a") as socket:
        socket.recv(timeout=10)
        for _ in range(40):
            # Heartbeats of the protocol are not counted.
            assert socket.ping().wait(PATIENCE)
        for _ in range(5):
            socket.send('{"action":"ping"}')
            read_until(socket, "pong")
        for _ in range(5):
            socket.send('{"action":"ping"}')
        assert closing(socket)[0] == 1008
    with gateway.sync_ws("a") as socket:
        socket.send(b"binary")
        assert closing(socket)[0] == 1003


def test_a_message_in_fragments_over_its_size(gateway, scan):
    gateway.post(scan, {"type": "t"})
    with gateway.sync_ws(scan) as socket:
        try:
            socket.send("x" * 1024 for _ in range(64))
        except websockets.exceptions.ConnectionClosed:
            pass
        assert closing(socket)[0] == 1009


# Time


def test_a_body_that_takes_too_long(make_gateway):
    gateway = make_gateway(limits={"timeouts": {"body": "1s"}})
    request = head(gateway, "POST /api/scans/a/progress HTTP/1.1", "Content-Type: application/json",
                   "Content-Length: 1000")
    socket = gateway.socket()
    socket.sendall(request)
    received = bytearray()
    is_over = threading.Event()

    def trickle():
        try:
            while not is_over.wait(0.1):
                socket.sendall(b" ")
        except OSError:
            pass

    # A byte now and then does not help: the limit is over the whole.
    thread = threading.Thread(target=trickle, daemon=True)
    thread.start()
    try:
        while b"request_timeout" not in received and (part := socket.recv(65536)):
            received += part
    except (ConnectionError, ssl.SSLError):
        pass
    assert received.startswith(b"HTTP/1.1 408 ") and b"request_timeout" in received
    assert b"connection: close" in received.lower()
    is_over.set()
    thread.join()
    socket.close()


def test_a_head_that_takes_too_long(make_gateway):
    gateway = make_gateway(limits={"timeouts": {"headers": "1s"}})
    received = raw(gateway, b"GET / HTTP/1.1\r\nHost: a\r\n")
    assert received.startswith(b"HTTP/1.1 408 ")


def test_a_tls_handshake_that_takes_too_long(make_gateway):
    gateway = make_gateway(limits={"timeouts": {"handshake": "1s", "headers": "60s", "keep_alive": "60s"}})
    plain = sockets.create_connection(("127.0.0.1", gateway.port), timeout=PATIENCE)
    start = time.monotonic()
    try:
        assert plain.recv(100) == b""
    except ConnectionError:
        pass
    assert time.monotonic() - start < 10
    plain.close()


def test_a_connection_that_waits_for_its_next_request_too_long(make_gateway):
    gateway = make_gateway(limits={"timeouts": {"keep_alive": "1s"}})
    received = raw(gateway, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 200 ")


def test_an_upload_without_a_byte_for_too_long(make_gateway):
    gateway = make_gateway(limits={"timeouts": {"stream_idle": "1s", "body": "1s"}})
    with gateway.stream("a") as upload:
        for n in range(6):
            upload.send({"type": "t", "n": n})
            time.sleep(0.4)
        answer = upload.answer()
    assert answer.status == 408 and len(gateway.messages("a")) == 6


# Rates


def test_requests_of_a_user(make_gateway):
    gateway = make_gateway(limits={"requests": {"rate": 1, "burst": 5}})
    answers = [gateway.get("/api/scans/stats", gateway.reader()) for _ in range(12)]
    refused = [answer for answer in answers if answer.status != 200]
    assert [answer.status for answer in answers[:5]] == [200] * 5 and len(refused) >= 3
    for answer in refused:
        is_problem(answer, 429, "rate_limited")
    assert gateway.refused("rate_limited") == len(refused)
    assert gateway.get("/api/scans/stats", gateway.reader("bob")).status == 200
    # Posting counts against posting alone, and health is free.
    for _ in range(10):
        assert gateway.post("a", {"type": "t"}, gateway.token(scope="ingest")).status == 202
        assert gateway.get("/healthz").status == 200
    with gateway.sync_ws("a"):
        pass
    time.sleep(int(gateway.get("/api/scans/stats", gateway.reader()).headers["Retry-After"] or 0))
    assert gateway.get("/api/scans/stats", gateway.reader()).status == 200


def test_every_post_costs_one_at_least(make_gateway):
    gateway = make_gateway(limits={"ingest": {"rate": 0.1, "burst": 6}})
    statuses = [gateway.post("a", [], gateway.producer("empty"), {"Idempotency-Key": f"k{n}"}).status for n in range(8)]
    assert statuses == [202] * 6 + [429] * 2
    statuses = [gateway.post("a", body, gateway.producer("bad")).status for body in ("{", "[1]", "{}", "[" * 99) * 2]
    assert statuses == [400] * 6 + [429] * 2
    statuses = [gateway.post("a", "{}", gateway.producer("kind"), content_type="text/plain").status for _ in range(6)]
    assert statuses == [415] * 6
    is_problem(gateway.post("a", {"type": "t"}, gateway.producer("kind")), 429, "rate_limited")
    # A client without the right to post spends nothing of producers that have it.
    assert gateway.post("a", {"type": "t"}, gateway.reader("stranger")).status == 403
    assert gateway.post("a", [{"type": "t"}] * 6, gateway.producer("whole")).status == 202
    # An empty line of a stream costs as much as a message.
    answer = gateway.post("a", "\n" * 6, gateway.producer("line"), content_type="application/x-ndjson")
    assert answer.status == 202 and answer.json()["accepted"] == 0
    is_problem(gateway.post("a", {"type": "t"}, gateway.producer("line")), 429, "rate_limited")


def test_handshakes_of_a_user(make_gateway):
    gateway = make_gateway(limits={"handshakes": {"rate": 1, "burst": 6}})
    gateway.post("a", {"type": "t"})
    statuses = []
    for _ in range(12):
        try:
            with gateway.sync_ws("a"):
                statuses.append(101)
        except websockets.exceptions.InvalidStatus as error:
            statuses.append(error.response.status_code)
            assert int(error.response.headers["Retry-After"]) >= 1
    assert statuses[:6] == [101] * 6 and statuses.count(429) >= 2
    answer = gateway.get("/api/scans/a/events", gateway.reader())
    is_problem(answer, 429, "rate_limited")
    # The address has spent its own budget too, whichever user comes from it.
    assert gateway.refusal("a", gateway.reader("bob")).status == 429
    assert gateway.get("/api/scans/stats", gateway.reader()).status == 200


def test_addresses_behind_a_trusted_proxy(make_gateway):
    gateway = make_gateway(listen={"trusted_proxies": ["127.0.0.0/8"]},
                           limits={"connections": {"per_address": 1}, "handshakes": {"rate": 1, "burst": 2}})
    gateway.post("a", {"type": "t"})
    from_address = lambda address: {"X-Forwarded-For": address}
    with gateway.sync_ws("a", gateway.reader("u1"), from_address("192.0.2.1")):
        refusal = gateway.refusal("a", gateway.reader("u2"), from_address("192.0.2.1"))
        assert (refusal.status, refusal.code) == (429, "too_many_connections")
        assert gateway.refusal("a", gateway.reader("u3"), from_address("192.0.2.1")).code == "rate_limited"
        with gateway.sync_ws("a", gateway.reader("u4"), from_address("192.0.2.2")):
            pass


def test_an_address_that_is_only_claimed(make_gateway):
    gateway = make_gateway(limits={"connections": {"per_address": 1}})
    with gateway.sync_ws("/api/ws", gateway.reader("u1"), {"X-Forwarded-For": "192.0.2.1"}):
        assert gateway.refusal("/api/ws", gateway.reader("u2"), {"X-Forwarded-For": "192.0.2.2"}).status == 429


# Connections and scans


def test_connections_of_a_user(make_gateway, hold):
    gateway = make_gateway(limits={"connections": {"per_user": 3}})
    gateway.post("a", {"type": "t"})
    sockets = [hold(gateway.sync_ws("a")) for _ in range(3)]
    refusal = gateway.refusal("a")
    assert refusal.status == 429 and int(refusal.headers["Retry-After"]) >= 1
    answer = gateway.get("/api/scans/a/events", gateway.reader())
    assert answer.status == 429
    assert gateway.refused(refusal.code) >= 2
    with gateway.sync_ws("a", gateway.reader("bob")):
        pass
    sockets.pop().close()
    wait_for(lambda: gateway.metrics()["sluice_connections"] == 2)
    hold(gateway.sync_ws("a"))


def test_the_oldest_connection_of_a_user_makes_room(make_gateway, hold):
    gateway = make_gateway(limits={"connections": {"per_user": 2, "when_full": "close_oldest"}})
    gateway.post("a", {"type": "t"})
    first, second, third = (hold(gateway.sync_ws("a")) for _ in range(3))
    assert closing(first)[0] == 4429
    gateway.post("a", {"type": "still"})
    for socket in (second, third):
        read_until(socket, "still")
    hold(gateway.sync_ws("a"))
    assert closing(second)[0] == 4429


def test_connections_of_an_address(make_gateway):
    gateway = make_gateway(limits={"connections": {"per_address": 2}})
    gateway.post("a", {"type": "t"})
    with gateway.sync_ws("a", gateway.reader("u1")), gateway.sync_ws("a", gateway.reader("u2")):
        assert gateway.refusal("a", gateway.reader("u3")).status == 429


def test_connections_in_all(make_gateway, hold):
    gateway = make_gateway(limits={"connections": {"total": 3}})
    gateway.post("a", {"type": "t"})
    wait_for(lambda: gateway.metrics()["sluice_transports"] == 0)
    sockets = [hold(gateway.sync_ws("a", gateway.reader(f"u{n}"))) for n in range(3)]
    refusal = gateway.refusal("a", gateway.reader("u4"))
    assert refusal.status == 503 and int(refusal.headers["Retry-After"]) >= 1
    assert gateway.refused(refusal.code) >= 1
    assert gateway.get("/healthz").status == 200
    sockets.pop().close()
    wait_for(lambda: gateway.metrics()["sluice_transports"] == 2)
    with gateway.sync_ws("a", gateway.reader("u5")):
        pass


def test_scans_in_all(make_gateway):
    gateway = make_gateway(limits={"scans": 3})
    for scan in "abc":
        assert gateway.post(scan, {"type": "t"}).status == 202
    is_problem(gateway.post("d", {"type": "t"}), 503, "too_many_scans")
    is_problem(gateway.post("d", '{"type":"t"}\n', content_type="application/x-ndjson"), 503, "too_many_scans")
    is_problem(gateway.request("PUT", "/api/scans/d", {}, token=gateway.producer()), 503, "too_many_scans")
    assert gateway.post("a", {"type": "t"}).status == 202
    assert gateway.refused("too_many_scans") == 3
    gateway.request("DELETE", "/api/scans/b", token=gateway.admin())
    assert gateway.post("d", {"type": "t"}).status == 202


def test_idempotency_keys_in_all(make_gateway):
    gateway = make_gateway(limits={"idempotency_keys": 4})

    def is_replayed(scan, key):
        answer = gateway.post(scan, {"type": "t"}, headers={"Idempotency-Key": key})
        assert answer.status == 202
        return answer.headers["Idempotent-Replayed"] == "true"

    scans = [f"scan-{n}" for n in range(5)]
    assert [is_replayed(scan, "k") for scan in scans] == [False] * 5
    assert gateway.metrics()["sluice_idempotency_keys"] == 4
    assert gateway.metrics()["sluice_idempotency_keys_forgotten_total"] == 1
    assert [is_replayed(scan, "k") for scan in scans[1:]] == [True] * 4
    # The oldest went, whichever loop its scan lives on, and is remembered again in the place of the next.
    assert not is_replayed(scans[0], "k") and is_replayed(scans[0], "k")
    assert not is_replayed(scans[1], "k")
    gateway.reload(limits={"idempotency_keys": 1})
    assert gateway.metrics()["sluice_idempotency_keys"] == 1
    assert is_replayed(scans[1], "k")


def test_refusals_are_counted_by_their_reason(gateway, scan):
    before = gateway.metrics()
    gateway.post(scan, "{}")
    gateway.post(scan, {"type": "batch"})
    gateway.get("/api/scans/stats")
    gateway.get("/api/scans/stats", "a.b.c")
    gateway.get(f"/api/scans/{scan}", gateway.token())
    gateway.get(f"/api/scans/{scan}", gateway.admin())
    gateway.get("/nothing", gateway.admin())
    gateway.refusal(scan, gateway.token())
    after = gateway.metrics()
    for code, count in (("invalid_message", 1), ("reserved_type", 1), ("invalid_token", 1), ("forbidden", 2),
                        ("scan_not_found", 1), ("not_found", 1)):
        name = f'sluice_refused_total{{code="{code}"}}'
        assert after[name] - before.get(name, 0) == count, code


def test_health_is_free_even_in_a_flood(make_gateway):
    gateway = make_gateway(limits={"requests": {"rate": 1, "burst": 1}, "handshakes": {"rate": 1, "burst": 1}})
    for _ in range(100):
        assert gateway.get("/healthz").status == 200
