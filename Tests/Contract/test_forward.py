"""Visitors whom an application knows: it is asked who they are, and again while what they opened stands."""

import collections
import hashlib
import http.server
import json
import socketserver
import ssl
import threading
import time

import pytest

from conftest import closing, is_problem, read_until, wait_for

COOKIE = {"Cookie": "session=s1"}


class Application:
    """An application with sessions: `users` by the value of the cookie, and everything that it was asked."""

    def __init__(self, tls=None):
        self.users = {"s1": {"sub": "alice", "scans": ["*"]}}
        self.asked = []
        self.delay = 0
        self.answer = None
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                time.sleep(outer.delay)
                status, fields, body = outer.judge(self)
                self.send_response(status)
                for name, value in fields:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True
            request_queue_size = 128

        self.server = Server(("127.0.0.1", 0), Handler)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://{'localhost' if tls else '127.0.0.1'}:{self.port}/whoami?x=1"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def judge(self, request):
        if self.answer is not None:
            return self.answer
        cookies = dict(part.strip().partition("=")[::2] for part in (request.headers["Cookie"] or "").split(";"))
        shown = cookies.get("session") or (request.headers["Authorization"] or "").rpartition(" ")[2]
        user = self.users.get(shown)
        if user is None:
            return 401, [("WWW-Authenticate", 'Session realm="app"'), ("Set-Cookie", "secret=1"), ("Location", "/login")], b"go"
        return 200, [("Content-Type", "application/json")], json.dumps(user).encode()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def application():
    application = Application()
    yield application
    application.close()


@pytest.fixture
def make(make_gateway, application):
    def make(forward=None, **over):
        settings = {"url": application.url, "recheck": "1s"} | (forward or {})
        return make_gateway(auth={"forward": settings} | over.pop("auth", {}), **over)

    return make


def test_the_application_says_who_somebody_is_and_may_do_what(make, application, scan):
    gateway = make()
    gateway.post(scan, {"type": "a"})
    application.users = {"s1": {"sub": "alice", "scans": [scan[:8] + "*"]}, "s2": {"sub": "bob", "roles": ["admin"]},
                         "s3": {"sub": "nmap", "scope": "ingest"}, "s4": {"sub": "eve", "roles": None}}

    def status(cookie, method="GET", path=f"/api/scans/{scan}", body=None):
        return gateway.request(method, path, body, {"Cookie": f"a=b; session={cookie}"}).status

    assert [status(cookie) for cookie in ("s1", "s2", "s3", "s4")] == [200, 200, 403, 403]
    assert [status(cookie, "POST", f"/api/scans/{scan}/progress", {"type": "b"}) for cookie in ("s1", "s2", "s3", "s4")] == [
        403, 202, 202, 403]
    assert [status(cookie, path="/api/connections") for cookie in ("s1", "s2")] == [403, 200]
    with gateway.sync_ws(scan, token=False, headers=COOKIE) as live:
        read_until(live, "subscribed")
        gateway.post(scan, {"type": "live"})
        read_until(live, "live")
    # What it was told: the fields, and what for; and nothing else of the request's.
    path, fields = application.asked[-1]
    assert path == "/whoami?x=1"
    told = {name: value for name, value in fields.items() if name.startswith("x-")}
    assert told == {"x-forwarded-method": "GET", "x-forwarded-uri": f"/api/ws/scans/{scan}", "x-forwarded-for": "127.0.0.1",
                    "x-forwarded-host": gateway.authority, "x-forwarded-proto": "https", "x-sluice-action": "subscribe",
                    "x-sluice-scan": scan}
    assert fields["cookie"] == "session=s1"
    assert "authorization" not in fields and "sec-websocket-key" not in fields and "user-agent" not in fields
    actions = collections.Counter(fields["x-sluice-action"] for _, fields in application.asked)
    assert set(actions) == {"read", "post", "admin", "subscribe"}
    metrics = gateway.metrics()
    assert metrics['sluice_auth_forward_total{result="admitted"}'] == len(application.asked)


def test_the_application_is_told_of_the_trace_that_asks(make, application, scan):
    gateway = make({"cache": "0s"})
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    def told(**sent):
        gateway.get(f"/api/scans/{scan}", headers=COOKIE | sent)
        fields = application.asked[-1][1]
        return fields.get("traceparent"), fields.get("tracestate")

    assert told(traceparent=parent, tracestate="a=1,b=2") == (parent, "a=1,b=2")
    assert told(traceparent=parent) == (parent, None)
    assert told(traceparent=parent.upper(), tracestate="a=1") == told(tracestate="a=1") == told() == (None, None)


def test_credentials_of_the_gateway_come_first(make, application, scan):
    key = hashlib.sha256(b"opaque-key").hexdigest()
    gateway = make(auth={"ingest_keys": [{"name": "nmap", "sha256": key}]})
    gateway.post(scan, {"type": "a"})
    before = len(application.asked)
    for headers, path in [({"Authorization": f"Bearer {gateway.reader()}"}, ""), ({}, f"?token={gateway.reader()}")]:
        assert gateway.get(f"/api/scans/{scan}{path}", headers=headers | COOKIE).status == 200
    # A token that is one by its form is not the application's to judge, good or bad.
    for bad in ("a.b.c", gateway.reader()[:-4] + "AAAA", "..", "?token=x"):
        headers = {} if bad[0] == "?" else {"Authorization": f"Bearer {bad}"}
        is_problem(gateway.get(f"/api/scans/{scan}{bad if bad[0] == '?' else ''}", headers=headers | COOKIE))
    assert gateway.post(scan, {"type": "a"}, "opaque-key", headers=COOKIE).status == 202
    assert len(application.asked) == before
    # Nothing shown, nothing asked.
    is_problem(gateway.get(f"/api/scans/{scan}"), code="missing_token")
    assert len(application.asked) == before
    # An Authorization of another kind, and a Bearer that is no JWT, are.
    application.users |= {"o1": {"sub": "opal", "scans": ["*"]}, "YTpi": {"sub": "basil", "scans": ["*"]}}
    for value in ("Bearer o1", "Basic YTpi"):
        assert gateway.get(f"/api/scans/{scan}", headers={"Authorization": value}).status == 200
        assert application.asked[-1][1]["authorization"] == value
    assert gateway.get(f"/api/scans/{scan}", headers={"Authorization": "Basic eDp5"} | COOKIE).status == 200
    # Where the operator does not name the field, it is the gateway's alone.
    alone = make({"headers": ["X-Session"]})
    is_problem(alone.get(f"/api/scans/{scan}", headers={"Authorization": "Bearer o1"}))
    is_problem(alone.get(f"/api/scans/{scan}", headers=COOKIE), code="missing_token")


def test_refusals_are_passed_on_with_what_they_ask_for_alone(make, application):
    gateway = make()
    answer = gateway.get("/api/scans/stats", headers={"Cookie": "session=none"})
    assert answer.status == 401 and answer.headers.get_all("WWW-Authenticate") == ['Session realm="app"']
    assert answer.headers["Content-Type"] == "application/problem+json" and answer.code == "not_signed_in"
    assert "Set-Cookie" not in answer.headers and "Location" not in answer.headers
    application.answer = (403, [("WWW-Authenticate", "Session a"), ("WWW-Authenticate", "Basic b")], b"no")
    answer = gateway.get("/api/scans/stats", headers={"Cookie": "session=two"})
    assert answer.status == 403 and answer.code == "forbidden"
    assert answer.headers.get_all("WWW-Authenticate") == ["Session a", "Basic b"]
    refusal = gateway.refusal("a", token=False, headers={"Cookie": "session=three"})
    assert (refusal.status, refusal.code) == (403, "forbidden")


@pytest.mark.parametrize("answer", [
    (302, [("Location", "http://127.0.0.1:1/")], b""), (204, [], b""), (500, [], b"x"), (404, [], b""), (429, [], b""),
    (200, [], b"<html>"), (200, [], b"{}"), (200, [], b'{"sub":7}'), (200, [], b'{"sub":"a","roles":{"admin":1}}'),
    (200, [], b'{"sub":"a","scans":["' + b"x" * 70000 + b'"]}'),
], ids=lambda answer: f"{answer[0]}-{answer[2][:12]}")
def test_everything_else_is_no_answer(make, application, answer):
    gateway = make()
    application.answer = answer
    is_problem(gateway.get("/api/scans/stats", headers=COOKIE), 503, "auth_unavailable")
    assert gateway.refused("auth_unavailable") == 1
    assert gateway.metrics()['sluice_auth_forward_total{result="unavailable"}'] == 1


def test_no_answer_in_time_lets_nobody_in(make, application, scan):
    gateway = make({"timeout": "300ms"})
    application.delay = 2
    is_problem(gateway.get("/api/scans/stats", headers=COOKIE), 503, "auth_unavailable")
    assert gateway.refusal(scan, token=False, headers=COOKIE).status == 503
    is_problem(gateway.post(scan, {"type": "a"}, "opaque", headers=COOKIE), 503, "auth_unavailable")
    application.close()
    is_problem(gateway.get("/api/scans/stats", headers=COOKIE), 503, "auth_unavailable")
    # Tokens do not need it.
    assert gateway.get("/api/scans/stats", gateway.reader()).status == 200


def test_an_identity_that_is_over_is_nobody(make, application):
    gateway = make()
    application.users["s1"]["exp"] = int(time.time()) - 1
    assert gateway.get("/api/scans/stats", headers=COOKIE).status == 401
    application.users["s2"] = {"sub": "bob", "exp": time.time() + 3600}
    assert gateway.get("/api/scans/stats", headers={"Cookie": "session=s2"}).status == 200


def test_the_same_is_asked_once_at_a_time_and_kept_for_a_while(make, application):
    gateway = make({"cache": "1h"})
    application.delay = 0.5
    answers = []

    def ask(path="/api/scans/stats"):
        answers.append(gateway.get(path, headers=COOKIE).status)

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    application.delay = 0
    assert answers == [200] * 12 and len(application.asked) == 1
    ask("/api/scans/stats?search=x")
    assert len(application.asked) == 1
    # Another scan, action or value is another question.
    ask("/api/scans/one"), ask("/api/scans/two"), ask("/api/scans/one"), ask("/api/scans/one/messages")
    assert len(application.asked) == 3
    gateway.get("/api/scans/stats", headers={"Cookie": "session=s1; b=c"})
    assert len(application.asked) == 4
    # A refusal is kept for a second: who has just signed in is let in soon.
    assert gateway.get("/api/scans/stats", headers={"Cookie": "session=new"}).status == 401
    application.users["new"] = {"sub": "new"}
    wait_for(lambda: gateway.get("/api/scans/stats", headers={"Cookie": "session=new"}).status == 200, interval=0.2)
    # A reload that changes what it says forgets what it said.
    gateway.reload(auth={"roles": {"admin": ["ops"]}})
    count = len(application.asked)
    ask()
    assert len(application.asked) == count + 1


def test_foreign_pages_are_refused_before_the_application_is_asked(make, application, scan):
    gateway = make(origins=["https://app.example"])
    foreign = {"Origin": "https://evil.example"}
    for method, path in [("GET", "/api/scans/stats"), ("GET", f"/api/scans/{scan}"), ("PUT", f"/api/scans/{scan}"),
                         ("DELETE", f"/api/scans/{scan}"), ("POST", f"/api/scans/{scan}/progress"), ("POST", "/api/tickets"),
                         ("GET", f"/api/scans/{scan}/events"), ("GET", f"/api/scans/{scan}/messages"), ("GET", "/api/probe"),
                         ("GET", "/api/connections"), ("POST", "/api/tokens/revoke"), ("POST", "/api/users/a/disconnect")]:
        for credential in (COOKIE, {"Authorization": "Basic YTpi"}):
            is_problem(gateway.request(method, path, b"{}", credential | foreign), 403, "origin_refused")
    refusal = gateway.refusal(scan, token=False, headers=COOKIE | foreign)
    assert (refusal.status, refusal.code) == (403, "origin_refused")
    assert application.asked == []
    assert gateway.request("GET", "/healthz", headers=COOKIE | foreign).status == 200
    assert gateway.request("GET", "/client.js", headers=COOKIE | foreign).status == 200
    for origin in (gateway.url, "https://app.example"):
        assert gateway.get("/api/scans/stats", headers=COOKIE | {"Origin": origin}).status == 200
    # A page that shows a token itself is not the browser's doing.
    application.users["o1"] = {"sub": "opal"}
    assert gateway.get("/api/scans/stats", headers={"Authorization": "Bearer o1"} | foreign).status == 200


def test_a_ticket_carries_the_identity_and_is_looked_after(make, application, scan):
    gateway = make()
    gateway.post(scan, {"type": "a"})
    answer = gateway.request("POST", "/api/tickets", headers=COOKIE)
    assert answer.status == 201
    assert application.asked[-1][1]["x-sluice-action"] == "ticket"
    # It has no token that a ticket for signing in could give back.
    for credential in (COOKIE, {"Authorization": "Basic YTpi"} | COOKIE):
        is_problem(gateway.request("POST", "/api/tickets", {"use": "sign_in"}, credential), 403, "forbidden")
    with gateway.sync_ws(f"{scan}?ticket={answer.json()['ticket']}", token=False) as live:
        read_until(live, "subscribed")
        wait_for(lambda: application.asked[-1][1]["x-sluice-action"] == "subscribe")
        assert application.asked[-1][1]["x-sluice-scan"] == scan
        del application.users["s1"]
        assert closing(live) == (4401, "signed out")


@pytest.mark.parametrize("change, expected", [
    (None, (4401, "signed out")), ({"sub": "bob", "scans": ["*"]}, (4403, "signed in as another user")),
    ({"sub": "alice", "scans": ["other"]}, (4403, "no longer allowed")), ("403", (4403, "no longer allowed")),
], ids=["refused", "other", "right", "forbidden"])
def test_standing_connections_are_judged_again(make, application, scan, change, expected):
    gateway = make()
    application.users = {"s1": {"sub": "alice", "scans": ["*"], "scope": "ingest"}}
    gateway.post(scan, {"type": "a"})
    upload = gateway.stream(scan, token="opaque", headers={"Authorization": "Basic x"} | COOKIE)
    upload.send({"type": "b"})
    with gateway.sync_ws(scan, token=False, headers=COOKIE) as live, gateway.sync_ws(
            "/api/ws", token=False, headers=COOKIE) as many, gateway.socket() as stream:
        stream.sendall(f"GET /api/scans/{scan}/events HTTP/1.1\r\nHost: a\r\nCookie: session=s1\r\n\r\n".encode())
        read_until(live, "subscribed")
        many.send(json.dumps({"action": "subscribe", "scanId": scan}))
        read_until(many, "subscribed")
        seen = b""
        while b"event: subscribed" not in seen:
            seen += stream.recv(4096)
        # It stands as long as the application says so.
        count = len(application.asked)
        wait_for(lambda: len(application.asked) >= count + 8)
        gateway.post(scan, {"type": "live"})
        read_until(live, "live")
        if change == "403":
            application.answer = (403, [], b"")
        else:
            application.users = {"s1": change} if change else {}
        assert closing(live) == expected
        assert closing(many) == expected
        while b"sluice.close" not in seen:
            part = stream.recv(4096)
            assert part, seen
            seen += part
        assert f'"code":{expected[0]}'.encode() in seen
        answer = upload.answer()
        assert answer.status == (401 if expected[0] == 4401 else 403), answer
        assert answer.json()["accepted"] == 1
    wait_for(lambda: gateway.metrics()["sluice_connections"] == 0)


def test_no_answer_ends_nothing_until_the_tenth(make, application, scan):
    gateway = make({"timeout": "200ms"})
    gateway.post(scan, {"type": "a"})
    with gateway.sync_ws(scan, token=False, headers=COOKIE) as live:
        read_until(live, "subscribed")
        application.answer = (503, [], b"")
        count = len(application.asked)
        wait_for(lambda: len(application.asked) >= count + 7)
        gateway.post(scan, {"type": "live"})
        read_until(live, "live")
        # One answer begins the count anew.
        application.answer = None
        count = len(application.asked)
        wait_for(lambda: len(application.asked) >= count + 2)
        application.answer = (503, [], b"")
        count = len(application.asked)
        assert closing(live) == (4401, "sign-in unavailable")
        # One more or less: a question may have been under way.
        assert 9 <= len(application.asked) - count <= 11


def test_an_end_that_the_application_names_is_kept(make, application, scan):
    gateway = make({"timeout": "200ms"}, auth={"leeway": "0s"})
    gateway.post(scan, {"type": "a"})
    application.users["s1"]["exp"] = time.time() + 4
    with gateway.sync_ws(scan, token=False, headers=COOKIE) as live:
        read_until(live, "tokenExpiring")
        application.answer = (503, [], b"")
        assert closing(live) == (4401, "token expired")


def test_a_revocation_holds_until_the_application_is_asked_again(make, application, scan):
    gateway = make({"cache": "1h"})
    gateway.post(scan, {"type": "a"})
    with gateway.sync_ws(scan, token=False, headers=COOKIE) as live:
        read_until(live, "subscribed")
        count = len(application.asked)
        answer = gateway.request("POST", "/api/tokens/revoke", {"sub": "alice", "issuedBefore": time.time() + 0.001},
                                 token=gateway.admin())
        assert answer.status == 204
        assert closing(live) == (4401, "token revoked")
    assert gateway.get(f"/api/scans/{scan}", headers=COOKIE).status == 200
    assert len(application.asked) > count


def test_an_address_that_shows_too_much_asks_no_more(make, application):
    gateway = make(limits={"handshakes": {"rate": 0.01, "burst": 2}})
    for number in range(10):
        assert gateway.get("/api/scans/stats", headers={"Cookie": f"session=x{number}"}).status == 401
    is_problem(gateway.get("/api/scans/stats", headers={"Cookie": "session=x10"}), 429, "rate_limited")
    assert len(application.asked) == 10


def test_an_address_does_not_ask_more_than_five_users_may(make, application):
    """Whom it knows, too: each scan is another question."""
    gateway = make(limits={"requests": {"rate": 0.01, "burst": 2}})
    answers = [gateway.get(f"/api/scans/scan-{number}", headers=COOKIE) for number in range(12)]
    # Two requests are the user's own.
    assert [answer.status for answer in answers] == [404, 404] + [429] * 10
    assert len(application.asked) == 10
    assert gateway.get("/api/scans/scan-1", gateway.reader("bob")).status == 404


def test_a_token_that_comes_meanwhile_is_not_the_applications_to_end(make, application, scan):
    gateway = make()
    gateway.post(scan, {"type": "a"})
    with gateway.sync_ws(scan, token=False, headers=COOKIE) as live:
        read_until(live, "subscribed")
        application.delay = 1
        application.users = {}
        count = len(application.asked)
        wait_for(lambda: len(application.asked) > count)
        live.send(json.dumps({"action": "refresh", "token": gateway.reader("alice")}))
        read_until(live, "ack")
        time.sleep(1.5)
        gateway.post(scan, {"type": "live"})
        read_until(live, "live")


def test_the_application_is_verified_by_its_authority(make, certificates):
    application = Application((certificates / "other.crt", certificates / "other.key"))
    try:
        forward = {"url": application.url, "timeout": "10s"}
        is_problem(make(forward).get("/api/scans/stats", headers=COOKIE), 503, "auth_unavailable")
        trusted = make(forward | {"ca": str(certificates / "other.crt")})
        assert trusted.get("/api/scans/stats", headers=COOKIE).status == 200
    finally:
        application.close()
