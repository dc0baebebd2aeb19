"""How a subscriber's socket ends: close codes, the close handshake, and the heartbeat."""

import asyncio
import base64
import gzip
import json
import os
import socket
import struct
import time

import pytest
import websockets
from conftest import wait_for
from follower import RawClient, follow, ordinary, post


# Closing


async def test_deleting_a_scan_closes_with_1000(gateway, scan):
    await post(gateway, scan, ordinary(1))
    async with follow(gateway, scan) as follower:
        await follower.next()
        assert gateway.request("DELETE", f"/api/scans/{scan}", token=gateway.admin()).status == 204
        assert (await follower.closed())[0] == 1000


async def test_binary_frames_are_refused_with_1003(gateway, scan):
    await post(gateway, scan, ordinary(1))
    async with follow(gateway, scan) as follower:
        await follower.next()
        await follower.connection.send(b"bytes")
        assert (await follower.closed())[0] == 1003


async def test_a_client_message_over_16_kib_closes_with_1009(gateway, scan):
    await post(gateway, scan, ordinary(1))
    start = '{"action":"ping","pad":"'
    for size, fits in ((16384, True), (16385, False)):
        for fragments in (1, 4):
            async with follow(gateway, scan, compression=None) as follower:
                await follower.next()
                text = start + "x" * (size - len(start) - 2) + '"}'
                step = -(-size // fragments)
                pieces = [text[at:at + step] for at in range(0, size, step)]
                await follower.connection.send(text if fragments == 1 else iter(pieces))
                if fits:
                    assert (await follower.next())["type"] == "pong"
                else:
                    assert (await follower.closed())[0] == 1009


async def test_an_inflated_client_message_over_16_kib_closes_with_1009(gateway, scan):
    await post(gateway, scan, ordinary(1))
    async with follow(gateway, scan, compression="deflate") as follower:
        await follower.next()
        await follower.connection.send('{"action":"ping","pad":"' + "x" * 100_000 + '"}')
        assert (await follower.closed())[0] == 1009


async def test_too_many_client_frames_close_with_1008(make_gateway, scan):
    gateway = make_gateway(limits={"client_frames": {"rate": 1, "burst": 5}})
    await post(gateway, scan, ordinary(1))
    async with follow(gateway, scan) as follower:
        await follower.next()
        for _ in range(20):
            await (await follower.connection.ping())
        for _ in range(5):
            assert (await follower.ask(action="ping"))["type"] == "pong"
        await follower.connection.send('{"action":"ping"}')
        assert (await follower.closed())[0] == 1008


def test_broken_frames_close_by_rfc_6455(gateway, scan):
    gateway.post(scan, ordinary(1))
    for code, sent in [
        (1002, {"opcode": 1, "payload": b"{}", "masked": False}),
        (1002, {"opcode": 3, "payload": b""}),
        (1002, {"opcode": 1, "payload": b"{}", "first": 0xA1}),
        (1002, {"opcode": 0, "payload": b"{}"}),
        (1002, {"opcode": 9, "payload": b"", "first": 0x09}),
        (1002, {"opcode": 9, "payload": b"x" * 126}),
        (1002, {"opcode": 8, "payload": b"x"}),
        (1002, {"opcode": 8, "payload": struct.pack("!H", 1005)}),
        (1007, {"opcode": 1, "payload": b"\xff\xfe"}),
        (1007, {"opcode": 8, "payload": struct.pack("!H", 1000) + b"\xff"}),
    ]:
        client = RawClient(gateway, f"/api/ws/scans/{scan}")
        client.frame()
        client.send(**sent)
        assert client.closing()[0] == code, sent
        client.close()


def test_closing_handshake_echoes_the_code_and_ends_tcp(gateway, scan):
    gateway.post(scan, ordinary(1))
    for payload in (struct.pack("!H", 1000) + b"bye", struct.pack("!H", 1001), struct.pack("!H", 4999), b""):
        client = RawClient(gateway, f"/api/ws/scans/{scan}")
        client.frame()
        client.send(8, payload)
        code, _ = client.closing()
        assert code == (struct.unpack("!H", payload[:2])[0] if payload else None)
        with pytest.raises((EOFError, OSError)):
            client.frame()
        client.close()


def test_pings_are_answered_with_their_payload(gateway, scan):
    gateway.post(scan, ordinary(1))
    client = RawClient(gateway, f"/api/ws/scans/{scan}")
    client.frame()
    for payload in (b"", b"hello", b"x" * 125):
        client.send(9, payload)
        assert client.frame() == (0x8A, payload)
    client.send(10, b"nobody asked")
    # A ping between two fragments is answered before the message is whole.
    client.send(1, b'{"action":', first=0x01)
    client.send(9, b"between")
    assert client.frame() == (0x8A, b"between")
    client.send(0, b'"ping"}')
    assert client.frame()[1] == b'{"type":"pong"}'
    client.close()


# Heartbeat


def test_heartbeat_pings_and_closes_who_is_silent(make_gateway, scan):
    gateway = make_gateway(clients={"heartbeat_interval": "500ms", "timeout": "3s"})
    gateway.post(scan, ordinary(1))
    client = RawClient(gateway, f"/api/ws/scans/{scan}")
    began = time.monotonic()
    assert client.closing() == (1000, "heartbeat timeout")
    lasted = time.monotonic() - began
    pings = sum(1 for first, _ in client.messages if first == 0x89)
    assert 2.5 < lasted < 10
    assert 3 <= pings <= 6 + (lasted - 3) * 2
    with pytest.raises((EOFError, OSError)):
        client.frame()
    client.close()


def test_any_whole_frame_is_a_sign_of_life(make_gateway, scan):
    gateway = make_gateway(clients={"heartbeat_interval": "500ms", "timeout": "2s"})
    gateway.post(scan, ordinary(1))
    signs = [(10, b""), (9, b""), (1, b'{"action":"ping"}')]
    clients = [RawClient(gateway, f"/api/ws/scans/{scan}") for _ in signs]
    end = time.monotonic() + 4
    while time.monotonic() < end:
        for client, sign in zip(clients, signs):
            client.send(*sign)
        time.sleep(0.25)
    for client in clients:
        client.send(1, b'{"action":"ping","id":"alive"}')
        while b"alive" not in client.frame()[1]:
            pass
        client.close()


def test_half_a_frame_is_no_sign_of_life(make_gateway, scan):
    gateway = make_gateway(clients={"heartbeat_interval": "500ms", "timeout": "2s"})
    gateway.post(scan, ordinary(1))
    client = RawClient(gateway, f"/api/ws/scans/{scan}")
    began = time.monotonic()
    client.socket.sendall(b"\x81\xfe\x10\x00mask")
    client.socket.settimeout(0.2)
    code = None
    while code is None and time.monotonic() - began < 15:
        client.socket.sendall(b"x")
        try:
            first, payload = client.frame(0.2)
            code = payload if first == 0x88 else None
        except TimeoutError:
            pass
    assert code == struct.pack("!H", 1000) + b"heartbeat timeout"
    client.close()


async def test_a_client_that_answers_pings_stays(make_gateway, scan):
    gateway = make_gateway(clients={"heartbeat_interval": "200ms", "timeout": "1s"})
    await post(gateway, scan, ordinary(1))
    async with follow(gateway, scan) as follower:
        await follower.next()
        await follower.quiet(3)
        assert (await follower.ask(action="ping"))["type"] == "pong"


def test_upgrade_answers_name_the_protocol_and_never_the_token(gateway, scan):
    gateway.post(scan, ordinary(1))
    token = gateway.reader()
    with gateway.sync_ws(scan, token=False, subprotocols=["sluice.v1", f"bearer.{token}"]) as socket:
        assert socket.subprotocol == "sluice.v1"
    with gateway.sync_ws(scan, token=False, subprotocols=[token]) as socket:
        assert socket.subprotocol == token


async def test_draining_closes_with_1001_and_says_when_to_come_back(make_gateway, scan):
    gateway = make_gateway(shutdown={"grace": "1s"})
    await post(gateway, scan, ordinary(1))
    async with follow(gateway, scan) as follower:
        await follower.next()
        await post(gateway, scan, ordinary(3))
        gateway.terminate()
        code, reason = await follower.closed()
        assert code == 1001
        assert json.loads(reason)["retryAfterMs"] >= 0
        assert follower.seqs == [2, 3, 4]
    assert await asyncio.to_thread(gateway.wait) == 0


def test_plain_requests_and_wrong_versions_are_refused(gateway, scan):
    gateway.post(scan, ordinary(1))
    answer = gateway.get(f"/api/ws/scans/{scan}", gateway.reader())
    assert answer.status == 426 and answer.headers["Upgrade"].lower() == "websocket"
    headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    answer = gateway.get(f"/api/ws/scans/{scan}", gateway.reader(), headers | {"Sec-WebSocket-Version": "12"})
    assert answer.status == 426 and answer.headers["Sec-WebSocket-Version"] == "13"


async def test_query_token_and_ticket(gateway, scan):
    await post(gateway, scan, ordinary(1))
    token = gateway.reader()
    async with gateway.ws(f"{scan}?token={token}", token=False) as socket:
        assert json.loads(await socket.recv())["type"] == "subscribed"
    ticket = gateway.request("POST", "/api/tickets", token=token).json()["ticket"]
    async with gateway.ws(f"{scan}?ticket={ticket}", token=False) as socket:
        assert json.loads(await socket.recv())["type"] == "subscribed"
    with pytest.raises(websockets.InvalidStatus):
        async with gateway.ws(f"{scan}?ticket={ticket}", token=False):
            pass


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
@pytest.mark.parametrize("plaintext", [True, False])
def test_a_stream_that_waits_for_its_reader_still_ends_in_order(make_gateway, encoding, plaintext):
    gateway = make_gateway(listen={"plaintext": plaintext}, clients={"max_buffered": "4MiB"})
    gateway.post("a", {"type": "t"})
    with gateway.socket() as stream:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        stream.sendall((f"GET /api/scans/a/events HTTP/1.1\r\nHost: {gateway.authority}\r\nAccept-Encoding: {encoding}\r\n"
                        f"Authorization: Bearer {gateway.reader()}\r\n\r\n").encode())
        wait_for(lambda: gateway.metrics()['sluice_connections_open{kind="event_stream"}'] == 1)
        gateway.post("a", [{"type": "t", "pad": base64.b64encode(os.urandom(150_000)).decode()} for _ in range(20)])
        wait_for(lambda: gateway.metrics()["sluice_messages_delivered_total"] == 20)
        assert gateway.request("DELETE", "/api/scans/a", token=gateway.admin()).status == 204
        time.sleep(0.3)
        received = b""
        while part := stream.recv(65536):
            received += part
    head, _, body = received.partition(b"\r\n\r\n")
    assert body.endswith(b"\r\n0\r\n\r\n")
    text = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        text, body = text + body[:int(size, 16)], body[int(size, 16) + 2:]
    if encoding == "gzip":
        assert b"content-encoding: gzip" in head.lower()
        text = gzip.decompress(text)
    assert text.count(b'"pad"') > 1 and text.rstrip().splitlines()[-2] == b"event: sluice.close"
