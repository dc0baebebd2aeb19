"""Streams and tunnels through the gateway, upstreams that are not there, and real applications behind it."""

import contextlib
import http.client
import re
import shutil
import socket
import threading
import time

import pytest
import websockets.sync.client
import websockets.sync.server

from attack import usage
from conftest import PATIENCE, is_problem, make_certificate, wait_for
from upstreams import Upstream, application, everything, nginx, passing, rest_of, routed, server_tls, talk

CHUNKED = "Transfer-Encoding: chunked"


# Upstreams that are not there, or not in time


def test_errors_of_upstreams_are_problems(make_gateway, hold):
    def serve(upstream, link):
        upstream.request(link)
        upstream.go.wait(PATIENCE)

    silent = hold(Upstream(serve))
    with socket.create_server(("127.0.0.1", 0)) as free:
        closed = f"http://127.0.0.1:{free.getsockname()[1]}"
    gateway = make_gateway(console={"path": None}, limits={"proxy_requests": 1}, proxy={"routes": [
        {"path": "/silent", "upstreams": [silent.url], "timeout": "300ms"}, {"path": "/closed", "upstreams": [closed]},
        {"path": "/tls", "upstreams": [silent.url.replace("http:", "https:")], "timeout": "2s"}],
        "max_body_bytes": 1000})
    answer = gateway.get("/closed")
    is_problem(answer, 502, "upstream_unreachable")
    assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["X-Request-Id"])
    assert answer.headers["X-Request-Id"] == answer.json()["requestId"]
    is_problem(gateway.get("/tls"), 502, "upstream_unreachable")
    is_problem(gateway.get("/silent"), 504, "upstream_timeout")
    assert silent.links[-1].is_left()
    is_problem(gateway.request("POST", "/closed", b"a" * 1001), 413, "body_too_large")
    chunks = f"POST /silent HTTP/1.1\r\nHost: a\r\n{CHUNKED}\r\n\r\n".encode() + (b"1f4\r\n" + b"a" * 500 + b"\r\n") * 3
    assert b'"code":"body_too_large"' in everything(gateway, chunks)
    gateway.reload(proxy={"routes": [{"path": "/silent", "upstreams": [silent.url]}]})
    connection = gateway.connection()
    connection.request("GET", "/silent")
    wait_for(lambda: gateway.metrics()["sluice_proxy_requests_open"] == 1)
    is_problem(gateway.get("/silent"), 503, "upstream_busy")
    connection.close()
    wait_for(lambda: gateway.metrics()["sluice_proxy_requests_open"] == 0)
    for code in ("upstream_unreachable", "upstream_timeout", "upstream_busy", "body_too_large"):
        assert gateway.refused(code) >= 1, code


def test_a_trusted_proxys_name_of_a_request_is_the_one_in_problems_and_in_the_log(make_gateway):
    with socket.create_server(("127.0.0.1", 0)) as free:
        closed = f"http://127.0.0.1:{free.getsockname()[1]}"
    gateway = make_gateway(**routed(closed), listen={"trusted_proxies": ["127.0.0.1/32"]}, log={"requests": True})
    answer = gateway.get("/", headers={"X-Request-Id": "edge=7"})
    is_problem(answer, 502, "upstream_unreachable")
    assert answer.headers["X-Request-Id"] == answer.json()["requestId"] == "edge=7"
    wait_for(lambda: re.search(r' request="?edge=7"?( |$).*', gateway.log(), re.MULTILINE))
    # Strangers, and paths of the gateway's own, name nothing.
    assert gateway.get("/api/scans/stats", headers={"X-Request-Id": "edge=8"}).json()["requestId"] != "edge=8"
    gateway.reload(listen={"trusted_proxies": []})
    answer = gateway.get("/", headers={"X-Request-Id": "edge=9"})
    assert answer.headers["X-Request-Id"] == answer.json()["requestId"] != "edge=9"


def test_https_upstreams_are_verified(make_gateway, make_folder, hold):
    folder = make_folder()
    make_certificate(folder, "app")
    upstream = hold(Upstream(tls=server_tls(folder, "app")))
    gateway = make_gateway(folder=folder, listen={"event_loops": 1}, **routed(upstream.url, ca="app.crt"))
    assert gateway.get("/x").body == b"GET /x HTTP/1.1 0"
    assert gateway.get("/y").status == 200 and len(upstream.links) == 1
    gateway.reload(**routed(upstream.url.replace("127.0.0.1", "localhost"), ca="app.crt"))
    assert gateway.get("/z").status == 200
    gateway.reload(**routed(upstream.url, ca="gateway.crt"))
    is_problem(gateway.get("/x"), 502, "upstream_unreachable")
    gateway.reload(**routed(upstream.url, ca=None))
    is_problem(gateway.get("/x"), 502, "upstream_unreachable")


def test_requests_go_where_the_fewest_are_and_past_those_that_refuse(make_gateway, hold):
    def serve(upstream, link):
        while True:
            upstream.request(link)
            upstream.go.wait(PATIENCE)
            link.answer(str(upstream.port))

    first, second = hold(Upstream(serve)), hold(Upstream(serve))
    gateway = make_gateway(**routed([first.url, second.url]))
    connections = [gateway.connection() for _ in range(6)]
    for count, connection in enumerate(connections, 1):
        connection.request("GET", "/")
        wait_for(lambda: len(first.requests) + len(second.requests) == count)
    assert len(first.requests) == len(second.requests) == 3
    for upstream in (first, second):
        upstream.go.set()
    assert {connection.getresponse().read() for connection in connections} == {
        str(first.port).encode(), str(second.port).encode()}
    # One is gone: everything goes to the other, bodies too, and nobody notices.
    second.close()
    for connection in connections:
        connection.close()
    time.sleep(0.1)
    for _ in range(6):
        assert gateway.request("POST", "/", b"body").body == str(first.port).encode()
    assert gateway.metrics()["sluice_proxy_connect_failures_total"] == 1
    again = hold(Upstream(serve, port=second.port))
    again.go.set()
    wait_for(lambda: gateway.get("/").body == str(second.port).encode(), interval=0.5)


def test_connections_are_used_again_and_what_is_safe_is_sent_once_more(passing):
    def serve(upstream, link):
        upstream.request(link)
        link.answer("first")
        # The second request on a connection meets its end.
        link.head()

    gateway, upstream = passing(serve, over={"listen": {"event_loops": 1}})
    assert gateway.get("/1").body == b"first"
    assert gateway.get("/2").body == b"first"
    assert [request.line for request in upstream.requests] == ["GET /1 HTTP/1.1", "GET /2 HTTP/1.1"]
    # Twice at the upstream, once of them answered.
    assert sum(data.count(b"GET /2") for data in upstream.received) == 2
    assert gateway.metrics()["sluice_proxy_retries_total"] == 1
    # Not what has a body: at once on a connection that is still fresh, and at most once in any case.
    answer = gateway.request("POST", "/3", b"x")
    assert answer.body == b"first" or answer.code == "upstream_broken"
    assert sum(data.count(b"POST /3") for data in upstream.received) == 1


# Streams


def test_bodies_stream_both_ways(passing):
    def serve(upstream, link):
        link.head()
        link.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while size := int(link.line(), 16):
            data = link.take(size + 2)
            link.send(b"%x\r\n%b" % (size, data))
        link.line()
        link.send(b"0\r\n\r\n")

    gateway, _ = passing(serve)
    with gateway.socket() as connection:
        connection.sendall(f"POST / HTTP/1.1\r\nHost: {gateway.authority}\r\n{CHUNKED}\r\n\r\n".encode())
        response = http.client.HTTPResponse(connection)
        for number in range(5):
            connection.sendall(b"2\r\nx%d\r\n" % number)
            if number == 0:
                response.begin()
            assert response.read1(2) == b"x%d" % number
        connection.sendall(b"0\r\n\r\n")
        assert response.read() == b""


def test_large_bodies_pass_whole(passing):
    def serve(upstream, link):
        while True:
            request = upstream.request(link)
            link.answer(request.body)

    gateway, _ = passing(serve)
    body = bytes(range(256)) * 40_000
    for chunked in (False, True):
        connection = gateway.connection()
        connection.request("PUT", "/", iter([body[:7], body[7:]]) if chunked else body, encode_chunked=chunked,
                           headers={"Transfer-Encoding": "chunked"} if chunked else {})
        assert connection.getresponse().read() == body
        connection.close()


def test_slow_sides_are_waited_for_and_nothing_is_held(passing):
    """Uploads that the upstream does not take, and downloads that the client does not: a few hundred of each."""
    def serve(upstream, link):
        link.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        head = link.head()
        if head.startswith(b"GET"):
            with contextlib.suppress(OSError):
                link.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
                for _ in range(1000):
                    link.send(b"a" * 100_000)
        upstream.go.wait(60)

    gateway, upstream = passing(serve, over={"listen": {"plaintext": True}, "limits": {"memory": None}})
    assert gateway.get("/healthz").status == 200
    before, _ = usage(gateway)
    connections = []
    try:
        for number in range(300):
            connection = socket.socket()
            for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                connection.setsockopt(socket.SOL_SOCKET, option, 8192)
            connection.connect(("127.0.0.1", gateway.port))
            connection.setblocking(False)
            connections.append(connection)
            if number % 2:
                connection.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            else:
                connection.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
        wait_for(lambda: gateway.metrics()["sluice_proxy_requests_open"] == 300)
        end = time.monotonic() + 5
        while time.monotonic() < end:
            for connection in connections[::2]:
                with contextlib.suppress(OSError):
                    connection.send(b"b" * 65536)
            time.sleep(0.05)
        grown = usage(gateway)[0] - before
        assert gateway.metrics()["sluice_proxy_requests_open"] == 300
        # 256 KiB for each of them would be 77 MB.
        assert grown < 300 * 256 * 1024, grown
    finally:
        upstream.go.set()
        for connection in connections:
            connection.close()
    wait_for(lambda: gateway.metrics()["sluice_proxy_requests_open"] == 0)


def test_silence_ends_a_body(passing):
    def serve(upstream, link):
        head = link.head()
        upstream.told.append(head.split(b" ")[1])
        if head.startswith(b"GET"):
            link.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi")
        link.is_left()
        upstream.left.set()

    gateway, upstream = passing(serve, idle="400ms")
    answer = talk(gateway, f"POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhi", "POST")
    is_problem(answer, 408, "request_timeout")
    assert upstream.left.wait(PATIENCE)
    upstream.left.clear()
    with pytest.raises(http.client.IncompleteRead):
        gateway.get("/down")
    assert upstream.left.wait(PATIENCE) and upstream.told == [b"/up", b"/down"]
    # The times for the body of the gateway's own requests do not hold here.
    gateway.reload(limits={"timeouts": {"body": "50ms"}})


def test_a_body_may_take_longer_than_the_gateways_own(passing):
    gateway, upstream = passing(over={"limits": {"timeouts": {"body": "300ms"}}})
    with gateway.socket() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n")
        for _ in range(8):
            time.sleep(0.1)
            connection.sendall(b"a")
        response = http.client.HTTPResponse(connection)
        response.begin()
        assert response.read() == b"POST / HTTP/1.1 8"


@pytest.mark.parametrize("request_head", [
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhi",
    "GET /streaming HTTP/1.1\r\nHost: a\r\n\r\n",
])
def test_a_client_that_leaves_ends_its_upstreams_request(passing, request_head):
    def serve(upstream, link):
        head = link.head()
        if b"/streaming" in head:
            link.send("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nhi")
        upstream.told.append(1)
        if link.is_left():
            upstream.left.set()

    gateway, upstream = passing(serve)
    connection = gateway.socket()
    connection.sendall(request_head.encode())
    wait_for(lambda: upstream.told)
    connection.close()
    assert upstream.left.wait(PATIENCE)
    wait_for(lambda: gateway.metrics()["sluice_proxy_requests_open"] == 0)


def test_a_client_that_only_ends_its_side_gets_its_answer(passing):
    gateway, _ = passing(over={"listen": {"plaintext": True}})
    with gateway.socket() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        assert rest_of(connection).endswith(b"GET / HTTP/1.1 0")


def test_an_early_answer_ends_the_upload(passing):
    def serve(upstream, link):
        link.head()
        link.send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
        link.socket.shutdown(socket.SHUT_WR)
        link.is_left()
        upstream.left.set()

    gateway, upstream = passing(serve)
    with gateway.socket() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n" + b"a" * 10_000)
        response = http.client.HTTPResponse(connection)
        response.begin()
        assert (response.status, response.read(), response.headers["Connection"]) == (413, b"no", "close")
    assert upstream.left.wait(PATIENCE)


# Tunnels


@pytest.fixture
def echo(hold):
    """A WebSocket server that repeats what it is told."""
    def serve(socket):
        seen.append(socket.request)
        for message in socket:
            socket.send(message)

    seen = []
    server = websockets.sync.server.serve(serve, "127.0.0.1", 0, max_size=None)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.url = f"http://127.0.0.1:{server.socket.getsockname()[1]}"
    server.seen = seen
    yield server
    server.shutdown()


def test_a_websocket_passes_in_a_tunnel(make_gateway, echo):
    gateway = make_gateway(**routed(echo.url, idle="1s"))
    with gateway.sync_ws("/chat?x=%zz", token=False, subprotocols=["chat"]) as socket:
        for message in ("hello", b"\0\1", "x" * 3_000_000):
            socket.send(message)
            assert socket.recv(timeout=PATIENCE) == message
        assert echo.seen[0].path == "/chat?x=%zz" and echo.seen[0].headers["X-Forwarded-For"] == "127.0.0.1"
        assert gateway.metrics()['sluice_connections_open{kind="tunnel"}'] == 1
        # Its own pings are bytes, too; without them it ends.
        for _ in range(4):
            time.sleep(0.4)
            socket.ping().wait(PATIENCE)
    wait_for(lambda: gateway.metrics()['sluice_connections_open{kind="tunnel"}'] == 0)
    with gateway.sync_ws("/", token=False, ping_interval=None) as silent, \
            pytest.raises(websockets.exceptions.ConnectionClosed):
        silent.recv(timeout=PATIENCE)


def test_any_protocol_passes_and_ends_on_both_sides(passing):
    def serve(upstream, link):
        request = upstream.request(link)
        if request["Upgrade"] != ["irc/6.9"]:
            link.answer("no upgrade")
            return
        link.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: irc/6.9\r\nConnection: Upgrade\r\n\r\nhello ")
        while piece := link.socket.recv(100):
            link.send(piece.upper())
        link.send(b"bye")

    gateway, upstream = passing(serve, over={"listen": {"plaintext": True}})
    with gateway.socket() as connection:
        # Bytes right behind the request are the other protocol's already.
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c, irc/6.9\r\nConnection: Upgrade\r\n\r\nabc")
        received = b""
        while not received.endswith(b"hello ABC"):
            received += connection.recv(65536)
        assert received.startswith(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: irc/6.9\r\n")
        assert b"\r\nX-Request-Id: " in received and b"\r\nConnection: Upgrade\r\n\r\nhello" in received
        connection.sendall(b"def")
        connection.shutdown(socket.SHUT_WR)
        assert rest_of(connection) == b"DEFbye"
    # HTTP/2 in plaintext is not switched to: what passed then would be looked at by nobody.
    answer = talk(gateway, "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n"
                  "HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n")
    assert answer.body == b"no upgrade" and upstream.requests[-1]["HTTP2-Settings"] == []
    wait_for(lambda: gateway.metrics()["sluice_proxy_requests_open"] == 0)


def test_tunnels_count_as_handshakes_and_connections(make_gateway, echo, hold):
    gateway = make_gateway(limits={"connections": {"per_address": 2}, "handshakes": {"rate": 0.01, "burst": 4}},
                           **routed(echo.url))
    with gateway.sync_ws("/", token=False):
        hold(gateway.sync_ws("/", token=False))
        assert gateway.refusal("/", token=False).code == "too_many_connections"
    wait_for(lambda: gateway.metrics()['sluice_connections_open{kind="tunnel"}'] == 1)
    hold(gateway.sync_ws("/", token=False))
    assert gateway.refusal("/", token=False).code == "rate_limited"
    assert gateway.get("/").status == 426


def test_at_the_end_requests_finish_and_tunnels_are_closed_with_the_grace(make_gateway, echo, hold):
    def serve(upstream, link):
        upstream.request(link)
        upstream.go.wait(PATIENCE)
        link.answer("whole")

    slow = hold(Upstream(serve))
    gateway = make_gateway(console={"path": None}, shutdown={"grace": "3s"}, proxy={"routes": [
        {"path": "/slow", "upstreams": [slow.url]}, {"path": "/", "upstreams": [echo.url]}]})
    tunnel = hold(gateway.sync_ws("/", token=False))
    connection = gateway.connection()
    connection.request("GET", "/slow")
    wait_for(lambda: slow.requests)
    gateway.terminate()
    wait_for(lambda: "gateway drains" in gateway.log())
    tunnel.send("still")
    assert tunnel.recv(timeout=PATIENCE) == "still"
    slow.go.set()
    assert connection.getresponse().read() == b"whole"
    connection.close()
    with pytest.raises(websockets.exceptions.ConnectionClosed):
        while True:
            tunnel.recv(timeout=PATIENCE)
    assert gateway.wait() == 0


# Applications


def test_an_application_with_sessions(make_gateway):
    with application() as url:
        gateway = make_gateway(**routed(url))
        connection = gateway.connection()
        assert gateway.request("GET", "/me", connection=connection).status == 401
        login = gateway.request("POST", "/login", b"alice", connection=connection)
        cookies = login.headers.get_all("Set-Cookie")
        assert login.status == 200 and len(cookies) == 2
        session = cookies[0].split(";")[0]
        me = gateway.request("GET", "/me", headers={"Cookie": f"{session}; theme=dark"}, connection=connection)
        assert (me.status, me.body) == (200, b"alice")
        assert gateway.request("GET", "/", connection=connection).headers["Location"] == "/me"
        where = gateway.request("GET", "/where", connection=connection).body.decode()
        assert where == f"{gateway.authority}|127.0.0.1|https|{gateway.authority}"
        connection.close()


@pytest.mark.skipif(not shutil.which("nginx", path="/usr/sbin:/usr/bin"), reason="no nginx here")
def test_nginx_as_an_upstream(make_gateway, tmp_path):
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    content = bytes(range(256)) * 8000
    tmp_path.chmod(0o755)
    (tmp_path / "file.bin").write_bytes(content)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    body = f"location / {{ root {tmp_path}; }} location /gone {{ return 410 gone; }} keepalive_timeout 1s;"
    with nginx(tmp_path, port, program, body) as url:
        gateway = make_gateway(**routed(url))
        answer = gateway.get("/file.bin")
        assert answer.body == content and answer.headers["Server"].startswith("nginx")
        part = gateway.get("/file.bin", headers={"Range": "bytes=10-19"})
        assert part.status == 206 and part.body == content[10:20]
        fresh = gateway.get("/file.bin", headers={"If-None-Match": answer.headers["ETag"]})
        assert fresh.status == 304 and gateway.request("HEAD", "/file.bin").status == 200
        assert gateway.get("/gone").status == 410
        # Its idle connections end; nobody notices.
        for _ in range(3):
            time.sleep(0.9)
            assert gateway.get("/file.bin").status == 200
            assert gateway.request("POST", "/gone", b"x").status in (405, 410)
