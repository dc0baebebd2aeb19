"""Requests that are passed on to an application behind the gateway, and what comes back."""

import contextlib
import http.client
import re
import socket
import time

import pytest

from conftest import PATIENCE, is_problem, make_certificate, wait_for
from upstreams import Upstream, answering, everything, passing, rest_of, routed, server_tls, talk


# Where a request goes


def test_the_gateways_own_paths_come_first_and_then_the_longest_path(make_gateway, hold, scan):
    main, deep, other = (hold(Upstream()) for _ in range(3))
    gateway = make_gateway(console={"path": "/live"}, proxy={"routes": [
        {"path": "//", "upstreams": [main.url + "/"]}, {"path": "/app//", "upstreams": [other.url]},
        {"path": "/app/deep", "upstreams": [deep.url], "strip_prefix": True}]})
    for path, upstream, target in (
            ("/", main, "/"), ("/app", other, "/app"), ("/app/?a=%zz&b=%ff", other, "/app/?a=%zz&b=%ff"),
            ("/apple", main, "/apple"), ("/app/deep", deep, "/"), ("/app/deep/../%2e;x?y", deep, "/../%2e;x?y"),
            ("/api/other", main, "/api/other"), ("/api/scans/a/other", main, "/api/scans/a/other"),
            ("/metrics", main, "/metrics"), ("/console/app.js", main, "/console/app.js"), ("//x", main, "//x"),
            ("/?" + "a&" * 200, main, "/?" + "a&" * 200)):
        count = len(upstream.requests)
        answer = gateway.get(path)
        assert answer.status == 200 and answer.body.decode() == f"GET {target} HTTP/1.1 0", path
        assert len(upstream.requests) == count + 1
    before = [len(upstream.requests) for upstream in (main, deep, other)]
    assert gateway.get("/healthz").body == b"ok\n"
    assert gateway.get("/live").body.startswith(b"<!doctype html>")
    assert gateway.get("/live/console/app.js").status == gateway.get("/live/client.js").status == 200
    assert gateway.get("/live/").headers["Location"] == "../live"
    assert b"export class SluiceClient" in gateway.get("/client.js").body
    assert gateway.post(scan, {"type": "t"}).status == 202
    assert is_problem(gateway.request("PATCH", f"/api/scans/{scan}"), 405, "method_not_allowed")
    assert is_problem(gateway.request("BREW", "/healthz"), 405, "method_not_allowed")
    assert is_problem(gateway.get(f"/api/scans/{scan}?%zz", gateway.admin()), 400, "invalid_target")
    assert gateway.request("OPTIONS", "/api/scans/stats").status == 204
    assert before == [len(upstream.requests) for upstream in (main, deep, other)]
    assert gateway.request("OPTIONS", "/x").body == b"OPTIONS /x HTTP/1.1 0"
    assert gateway.request("PROPFIND", "/x").body == b"PROPFIND /x HTTP/1.1 0"


def test_without_a_route_there_is_nothing(make_gateway, hold):
    upstream = hold(Upstream())
    gateway = make_gateway(**routed(upstream.url, "/app") | {"console": {"path": None}})
    for path in ("/", "/application", "/console/app.js", "/live"):
        is_problem(gateway.get(path), 404, "not_found")
    assert gateway.get("/app/x").status == 200 and gateway.get("/client.js").status == 200


def test_the_console_works_at_another_path(make_gateway):
    gateway = make_gateway(console={"path": "/a/live"})
    page = gateway.get("/a/live").body.decode()
    names = re.findall(r'(?:href|src)="([^"]+)"', page)
    assert len(names) > 4 and all(gateway.get("/a/" + name).status == 200 for name in names)
    assert 'name="sluice-root" content=".././"' in page
    wait_for(lambda: "/a/live" in gateway.log())
    assert gateway.get("/").status == 404


@pytest.mark.parametrize("options, fault", [
    ({"path": "/live"}, "proxy.routes[0].path: the console's path"),
    ({"path": "app"}, "proxy.routes[0].path: expected a path"),
    ({"upstreams": []}, "proxy.routes[0].upstreams: expected one address or more"),
    ({"upstreams": ["http://a/b"]}, "proxy.routes[0].upstreams[0]: expected http://"),
    ({"upstreams": ["http://a?b"]}, "proxy.routes[0].upstreams[0]: expected http://"),
    ({"upstreams": ["ftp://a"]}, "proxy.routes[0].upstreams[0]: expected http://"),
    ({"timeout": "0s"}, "proxy.routes[0].timeout: expected at least 1ms"),
    ({"host": "other"}, "proxy.routes[0].host: expected one of keep, upstream"),
    ({"ca": "none.crt"}, "proxy.routes[0].ca: "), ({"pathh": "/"}, "did you mean path?"),
])
def test_faults_of_routes(make_gateway, options, fault):
    gateway = make_gateway()
    route = {"path": "/x", "upstreams": ["http://127.0.0.1:9"]} | options
    gateway.reload(expected=fault, console={"path": "/live"}, proxy={"routes": [route]})
    gateway.reload(expected="an earlier route has this path", proxy={"routes": [
        {"path": "/x", "upstreams": ["http://127.0.0.1:9"]}, {"path": "/x/", "upstreams": ["http://127.0.0.1:9"]}]})


def test_a_reload_changes_the_routes_of_new_requests(make_gateway, hold):
    slow = hold(Upstream(lambda upstream, link: (upstream.request(link), upstream.go.wait(), link.answer("old"))))
    gateway = make_gateway(**routed(slow.url))
    connection = gateway.connection()
    connection.request("GET", "/")
    wait_for(lambda: slow.requests)
    new = hold(Upstream())
    gateway.reload(**routed(new.url))
    assert gateway.get("/x").body == b"GET /x HTTP/1.1 0"
    slow.go.set()
    assert connection.getresponse().read() == b"old"
    connection.request("GET", "/y")
    assert connection.getresponse().read() == b"GET /y HTTP/1.1 0"
    gateway.reload(proxy={"routes": []})
    connection.request("GET", "/z")
    assert connection.getresponse().status == 404
    connection.close()


# What is passed on


def test_requests_and_answers_pass_as_they_came(passing):
    def serve(upstream, link):
        upstream.request(link)
        link.send("HTTP/1.1 207 Odd\r\nsERVER: mine\r\nX-a: 1\r\nConnection: X-Gone\r\nX-Gone: 1\r\nX-B: \xe9\r\n"
                  "Keep-Alive: 5\r\nX-a: 2\r\nX-Request-Id: theirs\r\nconTENT-length: 2\r\n\r\nhi")

    gateway, upstream = passing(serve)
    received = everything(gateway, (
        f"POST /a%2Fb/../c?x=%zz HTTP/1.1\r\nX-b: 1\r\nhOST: {gateway.authority}\r\nCookie: a=b\r\nX-B:  \xe9 \r\n"
        "Connection: close, X-Gone\r\nX-Gone: 1\r\nTE: gzip, trailers\r\nX-Forwarded-For: 1.2.3.4\r\n"
        "Forwarded: for=1.2.3.4\r\nX-Request-Id: mine\r\nTraceparent: 00-x\r\nTracestate: a=1\r\nContent-Length: 3\r\nOrigin: https://evil.example\r\n\r\nabc"
    ).encode("latin-1"))
    request, = upstream.requests
    assert request.line == "POST /a%2Fb/../c?x=%zz HTTP/1.1" and request.body == b"abc"
    names = [name for name, _ in request.fields]
    assert names == ["X-b", "hOST", "Cookie", "X-B", "Traceparent", "Tracestate", "Content-Length", "Origin", "X-Forwarded-For", "X-Forwarded-Proto",
                     "X-Forwarded-Host", "X-Request-Id", "TE", "Connection"]
    assert request["X-B"] == ["\xe9"] and request["TE"] == ["trailers"] and request["Connection"] == ["TE"]
    assert request["hOST"] == request["X-Forwarded-Host"] == [gateway.authority]
    assert request["X-Forwarded-For"] == ["127.0.0.1"] and request["X-Forwarded-Proto"] == ["https"]
    number, = request["X-Request-Id"]
    assert re.fullmatch(r"[0-9a-f]{16}", number)
    head, _, body = received.decode("latin-1").partition("\r\n\r\n")
    date = re.search(r"\r\nDate: [^\r]+ GMT", head)[0]
    assert head.replace(date, "") == (
        "HTTP/1.1 207 Odd\r\nsERVER: mine\r\nX-a: 1\r\nX-B: \xe9\r\nX-a: 2\r\nconTENT-length: 2\r\n"
        f"X-Request-Id: {number}\r\nConnection: close") and body == "hi"


def test_a_trusted_proxy_is_believed(passing):
    trusted = {"listen": {"trusted_proxies": ["127.0.0.1/32"]}}
    gateway, upstream = passing(over=trusted, host="upstream")
    answer = gateway.get("/", headers={
        "X-Forwarded-For": "203.0.113.7, 10.0.0.1", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "site.example",
        "X-Request-Id": "from-outside"})
    request, = upstream.requests
    assert request["X-Forwarded-For"] == ["203.0.113.7, 10.0.0.1, 127.0.0.1"]
    assert request["X-Forwarded-Proto"] == ["http"] and request["X-Forwarded-Host"] == ["site.example"]
    assert request["X-Request-Id"] == [answer.headers["X-Request-Id"]] == ["from-outside"]
    assert request["Host"] == [upstream.url.removeprefix("http://")]


def test_chunks_trailers_and_interim_answers_pass(passing):
    def serve(upstream, link):
        while True:
            head = link.head()
            link.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
            if b"Expect: 100-continue\r\n" in head:
                link.send("HTTP/1.1 100 Continue\r\n\r\n")
            link.rest = head + link.rest
            request = upstream.request(link)
            link.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n"
                      f"{len(request.body):x}\r\n".encode() + request.body + b"\r\n0\r\nX-t: 1\r\nx-U: 2\r\n\r\n")

    gateway, upstream = passing(serve)
    with gateway.socket() as connection:
        connection.sendall(f"POST / HTTP/1.1\r\nHost: {gateway.authority}\r\nTransfer-Encoding: chunked\r\n"
                           "Expect: 100-continue\r\n\r\n".encode())
        head = b""
        while not head.endswith(b"100 Continue\r\n\r\n"):
            head += connection.recv(65536)
        assert head == b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"2;x=y\r\nhi\r\n1\r\n!\r\n0\r\nX-Sum: 7\r\nContent-Length: 99\r\n\r\n")
        answer = b""
        while not answer.endswith(b"\r\n\r\n") or b"x-U" not in answer:
            answer += connection.recv(65536)
        head, _, body = answer.partition(b"\r\n\r\n")
        chunks = b"".join(re.findall(rb"[0-9a-f]+\r\n([^\r]+)\r\n", body.partition(b"0\r\nX-t")[0]))
        assert b"\r\nTrailer: X-T\r\n" in head and chunks == b"hi!" and body.endswith(b"0\r\nX-t: 1\r\nx-U: 2\r\n\r\n")
    request, = upstream.requests
    assert request.body == b"hi!" and request.trailers == ["X-Sum: 7"]
    assert request["Expect"] == ["100-continue"] and request["Transfer-Encoding"] == ["chunked"]


def test_a_client_of_http_1_0_gets_a_plain_body(passing):
    def serve(upstream, link):
        upstream.request(link)
        link.send("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")

    gateway, upstream = passing(serve)
    received = everything(gateway, b"GET / HTTP/1.0\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 200 OK\r\n") and received.endswith(b"\r\nConnection: close\r\n\r\nhi")
    assert upstream.requests[0]["Host"] == [upstream.url.removeprefix("http://")]


def test_head_and_answers_without_a_body(passing):
    def serve(upstream, link):
        while True:
            request = upstream.request(link)
            if request.line.startswith("HEAD"):
                link.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            else:
                link.send("HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\nETag: \"a\"\r\n\r\n")

    gateway, upstream = passing(serve)
    connection = gateway.connection()
    for method, status in (("HEAD", 200), ("GET", 304), ("HEAD", 200)):
        answer = gateway.request(method, "/", connection=connection)
        assert (answer.status, answer.headers["Content-Length"], answer.body) == (status, "1000", b"")
    connection.close()
    assert len(upstream.links) == 1


def test_an_absolute_target_names_the_host(passing):
    gateway, upstream = passing()
    answer = talk(gateway, f"GET http://other.example:1?q HTTP/1.1\r\nHost: {gateway.authority}\r\n\r\n")
    assert answer.body == b"GET /?q HTTP/1.1 0" and upstream.requests[0]["Host"] == ["other.example:1"]


# One request for one request

CHUNKED = "Transfer-Encoding: chunked"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
REFUSED = {
    "length and chunked": ("Content-Length: 4", CHUNKED), "chunked and length": (CHUNKED, "Content-Length: 44"),
    "two lengths": ("Content-Length: 0", "Content-Length: 44"), "equal lengths": ("Content-Length: 44",) * 2,
    "lengths in a list": ("Content-Length: 0, 44",), "signed": ("Content-Length: +44",),
    "chunked twice": ("Transfer-Encoding: chunked, chunked",), "two codings": (CHUNKED, "Transfer-Encoding: identity"),
    "unknown coding": ("Transfer-Encoding: xchunked",), "gzip": ("Transfer-Encoding: gzip, chunked",),
    "tab before": ("Transfer-Encoding:\tchunked", "Content-Length: 44"),
    "vertical tab": ("Transfer-Encoding: \x0bchunked",), "space before the colon": ("Transfer-Encoding : chunked",),
    "folded": ("X: a\r\n Transfer-Encoding: chunked",), "folded length": ("Content-Length:\r\n 44",),
    "bare LF": ("X: a\nTransfer-Encoding: chunked",), "bare CR": ("X: a\rContent-Length: 44",), "NUL": ("X: a\0b",),
    "second host": ("Host: other",), "no colon": ("Transfer-Encoding",), "name that is none": ("Transfer\0Encoding: chunked",),
    "name above ASCII": ("X-\xe9: a",), "name in quotes": ('"Transfer-Encoding": chunked',), "line feed for an end": ("Content-Length: 44\n",),
}


@pytest.mark.parametrize("lines", REFUSED.values(), ids=REFUSED)
def test_what_could_be_two_requests_is_none(passing, lines):
    gateway, upstream = passing()
    head = "\r\n".join(["POST / HTTP/1.1", f"Host: {gateway.authority}", *lines, "", ""]).encode("latin-1")
    received = everything(gateway, head + b"0\r\n\r\n" + SMUGGLED)
    assert received.startswith(b"HTTP/1.1 400 ") and received.count(b"HTTP/1.1 ") == 1
    assert gateway.get("/after").status == 200
    assert [request.line for request in upstream.requests] == ["GET /after HTTP/1.1"]
    assert b"smuggled" not in b"".join(upstream.received)


def test_bodies_that_look_like_requests_stay_bodies(passing):
    gateway, upstream = passing()
    host = f"Host: {gateway.authority}\r\n"
    with gateway.socket() as connection:
        connection.sendall((
            f"POST /1 HTTP/1.1\r\n{host}Content-Length: {len(SMUGGLED)}\r\n\r\n").encode() + SMUGGLED
            + f"PUT /2 HTTP/1.1\r\n{host}tRANSFER-encoding: Chunked\r\n\r\n".encode()
            + b"%X;a=\"\\r\"\r\n%b\r\n000\r\n\r\n" % (len(SMUGGLED), SMUGGLED)
            + f"GET /3 HTTP/1.1\r\n{host}\r\nGET /4 HTTP/1.1\r\n{host}Connection: close\r\n\r\n".encode())
        received = rest_of(connection)
    assert re.findall(rb"/\d HTTP/1.1 \d+$|/\d HTTP/1.1 \d+(?=HTTP)", received) == [
        b"/1 HTTP/1.1 %d" % len(SMUGGLED), b"/2 HTTP/1.1 %d" % len(SMUGGLED), b"/3 HTTP/1.1 0", b"/4 HTTP/1.1 0"]
    assert [(request.line[:6], request.body) for request in upstream.requests] == [
        ("POST /", SMUGGLED), ("PUT /2", SMUGGLED), ("GET /3", b""), ("GET /4", b"")]


@pytest.mark.parametrize("body", [
    b"5\r\nhelloX", b"0x5\r\nhello\r\n", b"5\nhello\r\n", b"-1\r\n", b"10000000000000000\r\n", b"5\r\nhello\r\n0\r\nX: a\nb\r\n\r\n",
    b"5\r\nhello\r\n0\r\nX : a\r\n\r\n", b"5;" + b"a" * 1000 + b"\r\n",
], ids=str)
def test_broken_chunks_never_end_as_a_whole_body(passing, body):
    gateway, upstream = passing()
    received = everything(gateway, f"POST / HTTP/1.1\r\nHost: {gateway.authority}\r\n{CHUNKED}\r\n\r\n".encode()
                          + body + SMUGGLED)
    assert received.startswith(b"HTTP/1.1 400 ") and received.count(b"HTTP/1.1 ") == 1
    wait_for(lambda: all(link.is_left() for link in upstream.links))
    assert upstream.requests == [] and not any(b"0\r\n\r\n" in data for data in upstream.received)


# Answers that are none

BROKEN = {
    "both framings": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "two lengths": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!",
    "folded": "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nhi",
    "bare LF": "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", "bare CR": "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
    "NUL": "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n", "space before the colon": "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nhi",
    "no answer": "", "half a head": "HTTP/1.1 200 OK\r\nX: ", "another protocol": "SSH-2.0-OpenSSH_9.2\r\n",
    "unasked upgrade": "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "large head": "HTTP/1.1 200 OK\r\nX: " + "a" * 70_000 + "\r\n\r\n",
    "interim alone": "HTTP/1.1 100 Continue\r\n\r\n",
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
def test_a_broken_answer_is_told_as_one(passing, answer):
    gateway, _ = passing(answering(answer))
    is_problem(gateway.get("/"), 502, "upstream_broken")
    wait_for(lambda: gateway.refused("upstream_broken") == 1)


@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX : y\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\nzz\r\n",
], ids=str)
def test_an_answer_that_breaks_off_is_not_ended(passing, answer):
    gateway, _ = passing(answering(answer), over={"listen": {"plaintext": True}})
    with pytest.raises(http.client.IncompleteRead) as error:
        gateway.get("/")
    assert error.value.partial == b"hi"


@pytest.mark.parametrize("plaintext", [True, False])
def test_a_client_that_knows_no_other_end_than_the_connections_sees_that_this_was_none(passing, plaintext):
    gateway, _ = passing(answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"),
                         over={"listen": {"plaintext": plaintext}})
    plain = socket.create_connection(("127.0.0.1", gateway.port), timeout=PATIENCE)
    connection = plain if plaintext else gateway.ssl.wrap_socket(
        plain, server_hostname="localhost", suppress_ragged_eofs=False)
    with connection, pytest.raises(OSError):
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        while connection.recv(65536):
            pass
