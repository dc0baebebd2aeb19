"""Requests on routes that come over HTTP/2: an upstream sees HTTP/1.1, one request for one."""

import contextlib
import threading

import h2.errors
import h2.events
import pytest
import websockets.sync.server

from attack import TEXT, frame
from conftest import wait_for
from http2 import NOTHING, Client
from upstreams import answering, passing, routed


def fields_of(client, kind):
    """The fields of all events of a kind, without what begins with a colon."""
    return [[field for field in event.headers if not field[0].startswith(":")]
            for event in client.events if isinstance(event, kind)]


def test_requests_answers_and_trailers_pass(passing):
    def serve(upstream, link):
        while True:
            head = link.head()
            link.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
            link.rest = head + link.rest
            request = upstream.request(link)
            link.send("HTTP/1.1 207 Odd\r\nServer: mine\r\nX-A: 1\r\nTransfer-Encoding: chunked\r\nKeep-Alive: 5\r\n"
                      f"Set-Cookie: a\r\nSet-Cookie: b\r\n\r\n{len(request.body):x}\r\n".encode() + request.body
                      + b"\r\n0\r\nX-T: 1\r\n\r\n")

    gateway, upstream = passing(serve)
    with Client(gateway) as client:
        stream = client.begin("POST", "/a%2F..?x=%zz", headers=[
            ("cookie", "a=1"), ("te", "trailers"), ("x-forwarded-for", "1.2.3.4"), ("cookie", "b=2")], ends=False)
        client.data(stream, b"hel")
        client.data(stream, b"lo")
        client.state.send_headers(stream, [("x-sum", "7"), ("content-length", "9")], end_stream=True)
        client.flush()
        answer = client.answer(stream)
        assert (answer.status, answer.body, answer.is_ended) == (207, b"hello", True)
        assert fields_of(client, h2.events.InformationalResponseReceived) == [[("link", "</a.css>")]]
        assert fields_of(client, h2.events.TrailersReceived) == [[("x-t", "1")]]
        (fields,) = fields_of(client, h2.events.ResponseReceived)
        names = [name for name, _ in fields]
        assert names == ["server", "x-a", "set-cookie", "set-cookie", "x-request-id", "date"]
        request, = upstream.requests
        assert request.line == "POST /a%2F..?x=%zz HTTP/1.1" and request.body == b"hello"
        assert request.trailers == ["x-sum: 7"] and request["Transfer-Encoding"] == ["chunked"]
        assert request["cookie"] == ["a=1; b=2"] and request["TE"] == ["trailers"]
        assert request["X-Forwarded-For"] == ["127.0.0.1"] and request["X-Forwarded-Proto"] == ["https"]
        assert request["Host"] == [gateway.authority]
        # A length that is known stays one, and an answer to HEAD has none of its body.
        sized = client.begin("PUT", "/b", headers=[("content-length", "2")], ends=False)
        client.data(sized, b"hi", ends=True)
        assert client.answer(sized).body == b"hi"
        assert upstream.requests[-1]["content-length"] == ["2"] and upstream.requests[-1].body == b"hi"
        assert client.ask("PROPFIND", "/c").status == 207 and client.goaway is None


def test_large_bodies_pass_both_ways(passing):
    def serve(upstream, link):
        while True:
            link.answer(upstream.request(link).body)

    gateway, _ = passing(serve)
    with Client(gateway) as client:
        body = bytes(range(256)) * 4000
        stream = client.begin("POST", "/", ends=False)
        for start in range(0, len(body), 16000):
            piece = body[start:start + 16000]
            client.until(lambda: client.state.local_flow_control_window(stream) >= len(piece))
            client.data(stream, piece)
        client.data(stream, ends=True)
        assert client.answer(stream).body == body


def test_times_and_connections_are_kept_as_over_http1(passing):
    def serve(upstream, link):
        while True:
            if upstream.request(link).line.startswith("GET /silent"):
                upstream.left.wait(20)
            link.answer("hi")

    gateway, upstream = passing(serve, over={"listen": {"event_loops": 1}}, timeout="500ms")
    with Client(gateway) as client:
        assert [client.ask("GET", "/").body for _ in range(3)] == [b"hi"] * 3
        assert len(upstream.links) == 1
        late = client.ask("GET", "/silent")
        assert (late.status, late.json()["code"]) == (504, "upstream_timeout")
        upstream.left.set()


@pytest.mark.parametrize("name", [b"x-\xe9", "x-é".encode(), b"X-A", b"x a", b"x\0"], ids=str)
def test_a_request_with_a_name_that_is_none_reaches_nobody(passing, name):
    gateway, upstream = passing()
    with Client(gateway) as client:
        assert client.ask("GET", "/", headers=[(name, b"a")]).status in (None, 400)
    with Client(gateway) as client:
        stream = client.begin("POST", "/", ends=False)
        client.data(stream, b"hello")
        client.state.send_headers(stream, [(name, b"a")], end_stream=True)
        client.flush()
        assert client.answer(stream).status in (None, 400)
    wait_for(lambda: all(link.is_left() for link in upstream.links))
    assert upstream.requests == []


@pytest.mark.parametrize("answer", [
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",
])
def test_an_answer_that_breaks_off_resets_its_stream_alone(passing, answer):
    gateway, _ = passing(answering(answer))
    with Client(gateway) as client:
        broken = client.ask("GET", "/")
        assert not broken.is_ended and broken.reset is not None
        assert client.ask("GET", "/healthz").status == 200


@pytest.mark.parametrize("answer", [
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", "",
    "HTTP/1.1 200 OK\r\nX-\xe9: a\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\n" + "X-A: " + "a" * 15_500 + "\r\nContent-Length: 0\r\n\r\n",
], ids=["both framings", "none", "name that is none", "large head"])
def test_a_broken_answer_is_told_as_one(passing, answer):
    gateway, _ = passing(answering(answer))
    with Client(gateway) as client:
        refused = client.ask("GET", "/")
        assert (refused.status, refused.json()["code"]) == (502, "upstream_broken")
        assert refused.headers["x-request-id"] == refused.json()["requestId"]
        assert client.ask("GET", "/healthz").status == 200


def test_answers_of_many_fields_and_odd_bytes_pass(passing):
    fields = "".join(f"X-{number}: {'b' * 30}\r\n" for number in range(300))
    gateway, _ = passing(answering(f"HTTP/1.1 200 OK\r\nX-B: \xe9\r\n{fields}Content-Length: 2\r\n\r\nhi"))
    with Client(gateway) as client:
        answer = client.ask("GET", "/")
        assert answer.body == b"hi" and answer.headers["x-299"] == "b" * 30
        assert client.ask("GET", "/healthz").status == 200


def test_a_client_that_resets_ends_its_upstreams_request(passing):
    def serve(upstream, link):
        link.head()
        upstream.told.append(1)
        if link.is_left():
            upstream.left.set()

    gateway, upstream = passing(serve)
    with Client(gateway) as client:
        stream = client.begin("GET", "/")
        wait_for(lambda: upstream.told)
        client.state.reset_stream(stream, h2.errors.ErrorCodes.CANCEL)
        client.flush()
        assert upstream.left.wait(20)
        assert client.ask("GET", "/healthz").status == 200


def test_a_websocket_on_a_stream_becomes_an_upgrade(make_gateway):
    seen = []

    def serve(socket):
        seen.append(socket.request)
        for message in socket:
            socket.send(message)

    server = websockets.sync.server.serve(serve, "127.0.0.1", 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with contextlib.closing(server.socket):
        gateway = make_gateway(listen={"http2": {"websocket": True}},
                               **routed(f"http://127.0.0.1:{server.socket.getsockname()[1]}"))
        with Client(gateway) as client:
            client.until(lambda: client.state.remote_settings.enable_connect_protocol)
            stream = client.begin("CONNECT", "/chat", headers=[("sec-websocket-version", "13")], ends=False,
                                  protocol="websocket")
            client.until(lambda: client.streams.get(stream, NOTHING).status)
            answer = client.streams[stream]
            assert answer.status == 200
            assert not {"sec-websocket-accept", "upgrade", "connection"} & set(answer.headers)
            client.data(stream, frame(TEXT, b"hello"))
            client.until(lambda: answer.body == b"\x81\x05hello")
            assert gateway.metrics()['sluice_connections_open{kind="tunnel"}'] == 1
            assert seen[0].path == "/chat" and seen[0].headers["X-Forwarded-Proto"] == "https"
            client.state.reset_stream(stream, h2.errors.ErrorCodes.CANCEL)
            client.flush()
            wait_for(lambda: gateway.metrics()['sluice_connections_open{kind="tunnel"}'] == 0)
            # What is no WebSocket has a status.
            refused = client.begin("GET", "/")
            assert client.answer(refused).status == 426
        server.shutdown()
