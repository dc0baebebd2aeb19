"""Clients that make more of HTTP/2 than any use of it needs."""

import contextlib
import json
import time

import h2.errors
import h2.events
import h2.exceptions
import hpack
import pytest
from hyperframe import frame as frames

import http2
from attack import MARGIN_BYTES, usage
from http2 import Client

CALM = h2.errors.ErrorCodes.ENHANCE_YOUR_CALM


def flood(gateway, make, count, during=lambda client: None):
    """Sends frames until the gateway ends the connection; the reason it gives."""
    with Client(gateway) as client:
        assert client.ask("GET", "/healthz").status == 200
        during(client)
        try:
            for start in range(0, count, 50):
                client.send(*[make(client, number) for number in range(start, min(count, start + 50))])
                while client.read(0.05) and client.goaway is None:
                    pass
                # This client opens no more streams than it may.
                client.until(lambda: client.state.open_outbound_streams < 50 or client.goaway or client.is_closed)
        except (OSError, h2.exceptions.ProtocolError):
            pass
        return client.ended()


def open_stream(client):
    client.upload = client.begin("POST", "/api/scans/flood/progress", client.gateway.producer(),
                                 [("content-type", "application/x-ndjson")], ends=False)


def rapid_reset(client, number):
    stream = client.state.get_next_available_stream_id()
    client.state.send_headers(stream, client.fields("GET", "/healthz"), end_stream=True)
    client.state.reset_stream(stream, 8)
    return client.state.data_to_send()


def made_to_reset(client, number):
    """Streams that the gateway has to reset: a window update of 0 is a fault of the stream."""
    stream = client.state.get_next_available_stream_id()
    client.state.send_headers(stream, client.fields("POST", "/api/tickets"))
    return client.state.data_to_send() + b"\0\0\4\x08\0" + stream.to_bytes(4, "big") + b"\0\0\0\0"


FLOODS = {
    "resets": (rapid_reset, 201),
    "resets that the gateway is made to send": (made_to_reset, 201),
    "settings": (lambda client, number: frames.SettingsFrame(0), 1001),
    "pings": (lambda client, number: http2.ping(), 1001),
    "priorities": (lambda client, number: frames.PriorityFrame(2 * number + 1, depends_on=0, stream_weight=1), 1001),
    "windows of the connection": (lambda client, number: http2.window_update(0, 1), 1100),
    "windows of a stream": (lambda client, number: http2.window_update(client.upload, 1), 1100),
    "empty data": (lambda client, number: frames.DataFrame(client.upload), 1001),
    "padding": (lambda client, number: frames.DataFrame(client.upload, pad_length=9, flags=["PADDED"]), 1001),
}


@pytest.mark.parametrize("name", FLOODS)
def test_floods_of_frames_end_the_connection(gateway, name):
    make, count = FLOODS[name]
    before = gateway.refused("http2_abuse")
    assert flood(gateway, make, count, open_stream) == CALM
    assert gateway.refused("http2_abuse") == before + 1


@pytest.mark.parametrize("name", ["settings", "pings", "priorities", "empty data", "resets"])
def test_what_a_busy_client_does_is_no_flood(gateway, name):
    make, count = FLOODS[name]
    with Client(gateway) as client:
        open_stream(client)
        client.until(lambda: any(isinstance(event, h2.events.SettingsAcknowledged) for event in client.events))
        # Of answers to streams that it has reset this client resets each once more.
        allowed = (count - 20) // (2 if name == "resets" else 1)
        client.send(*[make(client, number) for number in range(allowed)])
        while client.read(0.5):
            pass
        assert client.goaway is None and not client.is_closed


def test_header_blocks_without_end(gateway):
    before = gateway.refused("http2_abuse")

    def blocks(*parts):
        with Client(gateway) as client:
            stream = client.state.get_next_available_stream_id()
            client.send(*[part(stream) for part in parts])
            return client.ended()

    def head(data, flags=()):
        return lambda stream: frames.HeadersFrame(stream, data=data, flags=list(flags))

    def more(data, flags=()):
        return lambda stream: frames.ContinuationFrame(stream, data=data, flags=list(flags))

    assert blocks(head(b""), *[more(b"")] * 17) == CALM
    assert blocks(head(b"x" * 16384), *[more(b"x" * 16384)] * 3, more(b"x")) == CALM
    # A list of 70 KiB in a few bytes: each is an entry of the table.
    pseudo = [(":method", "GET"), (":scheme", "https"), (":path", "/healthz"), (":authority", gateway.authority)]
    first = hpack.Encoder().encode([*pseudo, ("x", "v" * 3000)])
    assert blocks(head(first + b"\xbe" * 24, ["END_HEADERS"])) == CALM
    assert gateway.refused("http2_abuse") == before + 3
    # Within all bounds, in pieces.
    with Client(gateway) as client:
        stream = client.state.get_next_available_stream_id()
        block = http2.header_block(client.fields("GET", "/healthz"))
        pieces = [block[at:at + 8] for at in range(0, len(block), 8)]
        assert len(pieces) <= 16
        parts = [frames.HeadersFrame(stream, data=pieces[0], flags=["END_STREAM"])]
        parts += [frames.ContinuationFrame(stream, data=piece) for piece in pieces[1:-1]]
        client.state.send_headers(stream, client.fields("GET", "/healthz"), end_stream=True)
        client.state.clear_outbound_data_buffer()
        for part in [*parts, frames.ContinuationFrame(stream, data=pieces[-1], flags=["END_HEADERS"])]:
            client.send(part)
        assert client.answer(stream).status == 200


def test_heads_that_do_not_end_and_connections_that_say_nothing(make_gateway):
    gateway = make_gateway(limits={"timeouts": {"headers": "1s", "keep_alive": "2s", "body": "1s"}})
    before = gateway.refused("request_timeout")
    with Client(gateway) as client:
        assert client.ask("GET", "/healthz").status == 200
        client.send(frames.HeadersFrame(3, data=b"\x82"))
        assert client.ended() == h2.errors.ErrorCodes.NO_ERROR
        assert client.goaway.last_stream_id >= 1
    assert gateway.refused("request_timeout") == before + 1
    with Client(gateway) as client:
        assert client.ended() == h2.errors.ErrorCodes.NO_ERROR
    with Client(gateway) as client:
        assert client.ask("GET", "/healthz").status == 200
        start = time.monotonic()
        assert client.ended() == h2.errors.ErrorCodes.NO_ERROR
        assert time.monotonic() - start > 1
    with Client(gateway) as client:
        answer = client.answer(client.begin("POST", "/api/scans/a/progress", gateway.producer(),
                                            [("content-type", "application/json")], ends=False))
        assert answer.status == 408 and answer.json()["code"] == "request_timeout"
        assert client.ask("GET", "/healthz").status == 200
        # Pings are no requests.
        for _ in range(8):
            with contextlib.suppress(OSError):
                client.send(http2.ping())
            client.read(0.5)
        assert client.ended() == h2.errors.ErrorCodes.NO_ERROR


def test_paused_uploads_take_no_memory(make_gateway):
    """A thousand streams that post faster than they may: what the gateway does not take stays with the client."""
    gateway = make_gateway(limits={"ingest": {"rate": 10, "burst": 10}})
    line = json.dumps({"type": "line", "text": "x" * 1000}).encode() + b"\n"
    start, _ = usage(gateway)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(gateway)) for _ in range(5)]
        for client in clients:
            client.until(lambda: any(isinstance(event, h2.events.SettingsAcknowledged) for event in client.events))
            for number in range(50):
                stream = client.begin("POST", f"/api/scans/{number}/progress", gateway.producer(),
                                      [("content-type", "application/x-ndjson")], ends=False)
                room = min(client.state.local_flow_control_window(stream), 64000)
                for at in range(0, room - len(line), len(line)):
                    client.state.send_data(stream, line)
                client.flush()
                client.read(0)
        time.sleep(2)
        assert usage(gateway)[0] - start < MARGIN_BYTES + 250 * 2 * 65536
        assert gateway.get("/healthz").status == 200
