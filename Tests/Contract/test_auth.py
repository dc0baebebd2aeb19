"""Who may do what: credentials and where they stand, tickets, claims, rights and origins."""

import hashlib
import hmac
import json
import time

import pytest
import websockets

from conftest import base64url, is_problem, wait_for, whoami


# Where a credential stands


def test_no_credential(gateway, scan):
    answer = gateway.get("/api/scans/stats")
    is_problem(answer, 401, answer.code)
    assert gateway.refusal(scan, token=False).status == 401


@pytest.mark.parametrize("value", ["Bearer a b", "Bearer a.b.c", "bearer x"])
def test_a_bearer_that_is_no_token(gateway, value):
    is_problem(gateway.get("/api/scans/stats", headers={"Authorization": value}))


@pytest.mark.parametrize("value", ["Basic YTpi", "Bearer", "Bearer ", "bearer", "", "Digest username=x"])
def test_what_is_no_bearer_is_no_credential_and_hides_none(make_gateway, value):
    gateway = make_gateway(auth={"cookie": "session"})
    gateway.post("a", {"type": "t"})
    is_problem(gateway.get("/api/scans/stats", headers={"Authorization": value}), 401, "missing_token")
    ticket = lambda: gateway.request("POST", "/api/tickets", token=gateway.reader()).json()["ticket"]
    for query, fields in ((f"?token={gateway.reader()}", {}), (f"?ticket={ticket()}", {}),
                          ("", {"Cookie": f"session={gateway.reader()}"})):
        headers = {"Authorization": value} | fields
        assert whoami(gateway, path=f"/api/scans/stats{query}", headers=headers) == 200
    # An empty value in a place of its own hides none of those after it either.
    for query, fields in ((f"?token=&ticket={ticket()}", {}), ("?token=&ticket=", {"Cookie": f"session={gateway.reader()}"}),
                          ("?ticket=", {"Cookie": f"session=; session={gateway.reader()}"})):
        assert whoami(gateway, path=f"/api/scans/stats{query}", headers=fields) == 200
    options = {"subprotocols": ["sluice.v1", "bearer."]}
    with gateway.sync_ws(f"a?token=&ticket={ticket()}", token=False, headers={"Authorization": value}, **options) as socket:
        assert socket.subprotocol == "sluice.v1"


def test_white_space_around_a_value_is_no_part_of_it(gateway, scan):
    def request(lines, body=b""):
        with gateway.socket() as connection:
            connection.sendall(lines.encode() + b"\r\n" + body)
            return connection.recv(65536).decode()

    body = b'{"type":"t"}'
    fields = [("Host", gateway.authority), ("Authorization", f"Bearer {gateway.producer()}"), ("Scan-Owner", "u-1"),
              ("Content-Type", "application/json"), ("Idempotency-Key", f"key-{scan}"), ("Content-Encoding", "identity")]
    for number, (before, after) in enumerate([("", " "), ("", "\t"), (" \t", "\t "), (" ", "")]):
        lines = "".join(f"{name}:{before}{value}{after}\r\n" for name, value in fields)
        answer = request(f"POST /api/scans/{scan}/progress HTTP/1.1\r\n{lines}Content-Length: {len(body)} \r\n", body)
        assert answer.startswith("HTTP/1.1 202 "), answer
        assert ("Idempotent-Replayed: true" in answer) == (number > 0)
    assert gateway.get(f"/api/scans/{scan}", gateway.admin()).json()["owner"] == "u-1"
    lines = "".join(f"{name}: {value} \t\r\n" for name, value in [
        ("Host", gateway.authority), ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Origin", gateway.url),
        ("Sec-WebSocket-Protocol", f"sluice.v1, bearer.{gateway.reader()}")])
    assert request(f"GET /api/ws/scans/{scan} HTTP/1.1\r\n{lines}").startswith("HTTP/1.1 101 ")


def test_the_name_of_the_scheme_has_no_case(gateway):
    assert whoami(gateway, headers={"Authorization": f"bEARER {gateway.reader()}"}) == 200


def test_a_token_in_the_query(gateway, scan):
    assert whoami(gateway, path=f"/api/scans/stats?token={gateway.reader()}") == 200
    gateway.post(scan, {"type": "t"})
    with gateway.sync_ws(f"{scan}?token={gateway.reader()}", token=False) as socket:
        assert json.loads(socket.recv(timeout=10))["type"] == "subscribed"


def test_a_token_beside_the_subprotocol(gateway, scan):
    gateway.post(scan, {"type": "t"})
    for offered in (["sluice.v1", f"bearer.{gateway.reader()}"], [f"bearer.{gateway.reader()}", "sluice.v1"]):
        with gateway.sync_ws(scan, token=False, subprotocols=offered) as socket:
            assert socket.subprotocol == "sluice.v1"
            assert json.loads(socket.recv(timeout=10))["type"] == "subscribed"


def test_a_bare_token_as_the_only_subprotocol_is_echoed(gateway, scan):
    gateway.post(scan, {"type": "t"})
    token = gateway.reader()
    with gateway.sync_ws(scan, token=False, subprotocols=[token]) as socket:
        assert socket.subprotocol == token


def test_a_subprotocol_is_named_only_if_it_was_offered(gateway, scan):
    with gateway.sync_ws(scan) as socket:
        assert socket.subprotocol is None
        assert "Sec-WebSocket-Protocol" not in socket.response.headers
    with gateway.sync_ws(scan, subprotocols=["other", "sluice.v1"]) as socket:
        assert socket.subprotocol == "sluice.v1"
    with gateway.sync_ws(scan, subprotocols=["other"]) as socket:
        assert socket.subprotocol is None


def test_a_bad_token_as_a_subprotocol(gateway, scan):
    for offered in (["sluice.v1", "bearer.a.b.c"], ["a.b.c"]):
        assert gateway.refusal(scan, token=False, subprotocols=offered).status == 401


def test_the_subprotocol_is_a_credential_of_websockets_alone(gateway):
    headers = {"Sec-WebSocket-Protocol": f"sluice.v1, bearer.{gateway.reader()}"}
    assert whoami(gateway, headers=headers) == 401


def test_the_first_credential_present_wins(make_gateway):
    gateway = make_gateway(auth={"cookie": "session"})
    good, bad = gateway.reader(), "a.b.c"
    ticket = lambda: gateway.request("POST", "/api/tickets", token=gateway.reader()).json()["ticket"]
    gateway.post("a", {"type": "t"})

    def status(header=None, query="", protocol=None, cookie=None):
        headers = {}
        if header:
            headers["Authorization"] = f"Bearer {header}"
        if cookie:
            headers["Cookie"] = f"other=1; session={cookie}"
        options = {"subprotocols": ["sluice.v1", f"bearer.{protocol}"]} if protocol else {}
        try:
            with gateway.sync_ws("a" + query, token=False, headers=headers, **options):
                return 101
        except websockets.exceptions.InvalidStatus as error:
            return error.response.status_code

    assert status(header=good, query=f"?token={bad}&ticket=x", protocol=bad, cookie=bad) == 101
    assert status(header=bad, query=f"?token={good}&ticket={ticket()}", protocol=good, cookie=good) == 401
    assert status(query=f"?token={good}&ticket=x", protocol=bad, cookie=bad) == 101
    assert status(query=f"?token={bad}&ticket={ticket()}", protocol=good, cookie=good) == 401
    assert status(query="?ticket=x", protocol=good, cookie=bad) == 101
    assert status(query=f"?ticket={ticket()}", protocol=bad, cookie=good) == 401
    assert status(query=f"?ticket={ticket()}", cookie=bad) == 101
    assert status(query="?ticket=x", cookie=good) == 401
    assert status(cookie=good) == 101
    assert status(cookie=bad) == 401
    assert whoami(gateway, headers={"Cookie": f'a=b;session="{good}"'}) == 200


def test_a_cookie_counts_only_where_it_is_configured(gateway):
    assert whoami(gateway, headers={"Cookie": f"session={gateway.reader()}; token={gateway.reader()}"}) == 401


def test_tokens_can_be_kept_out_of_urls(make_gateway):
    gateway = make_gateway(auth={"query_token": False})
    is_problem(gateway.get(f"/api/scans/stats?token={gateway.reader()}"))
    assert gateway.refusal(f"a?token={gateway.reader()}", token=False).status == 401
    ticket = gateway.request("POST", "/api/tickets", token=gateway.reader()).json()["ticket"]
    with gateway.sync_ws(f"a?ticket={ticket}", token=False):
        pass


# Tickets


def test_a_ticket_is_for_one_use(gateway, scan):
    gateway.post(scan, {"type": "t"})
    answer = gateway.request("POST", "/api/tickets", token=gateway.token(scans=[scan]))
    assert answer.status == 201
    body = answer.json()
    assert body["expiresIn"] == 30 and len(body["ticket"]) >= 22
    with gateway.sync_ws(f"{scan}?ticket={body['ticket']}", token=False) as socket:
        assert json.loads(socket.recv(timeout=10))["type"] == "subscribed"
    assert gateway.refusal(f"{scan}?ticket={body['ticket']}", token=False).status == 401


def test_a_ticket_has_the_rights_of_its_token(gateway, scan):
    gateway.post(scan, {"type": "t"})
    ticket = lambda: gateway.request("POST", "/api/tickets", token=gateway.token(scans=["else-*"])).json()["ticket"]
    assert gateway.refusal(f"{scan}?ticket={ticket()}", token=False).status == 403
    assert gateway.get(f"/api/scans/{scan}?ticket={ticket()}").status == 403
    assert gateway.get(f"/api/scans/stats?ticket={ticket()}").status == 200


def test_tickets_differ(gateway):
    token = gateway.reader()
    tickets = {gateway.request("POST", "/api/tickets", token=token).json()["ticket"] for _ in range(20)}
    assert len(tickets) == 20


def test_a_ticket_needs_a_token(gateway):
    assert gateway.request("POST", "/api/tickets").status == 401
    ticket = gateway.request("POST", "/api/tickets", token=gateway.reader()).json()["ticket"]
    assert gateway.request("POST", f"/api/tickets?ticket={ticket}").status in (401, 403)
    answer = gateway.request("GET", "/api/tickets", token=gateway.reader())
    assert answer.status == 405 and answer.headers["Allow"] == "POST"


def test_a_ticket_dies_with_its_token(gateway, scan):
    token = gateway.reader(jti=f"jti-{scan}")
    ticket = gateway.request("POST", "/api/tickets", token=token).json()["ticket"]
    gateway.request("POST", "/api/tokens/revoke", {"jti": f"jti-{scan}"}, token=gateway.admin())
    assert gateway.refusal(f"{scan}?ticket={ticket}", token=False).status == 401


# Claims


@pytest.mark.parametrize("change", [
    {"without": ["exp"]}, {"without": ["sub"]}, {"exp": "soon"}, {"sub": 7}, {"sub": ""}, {"ttl": -31},
    {"nbf": 4102444800}, {"iat": 4102444800}, {"nbf": "x"}, {"scans": 7}, {"roles": {"admin": True}}, {"scope": [1]}, {"exp": None},
], ids=str)
def test_claims_that_do_not_pass(gateway, change):
    is_problem(gateway.get("/api/scans/stats", gateway.token(**change)))


def test_clocks_may_be_off_by_the_leeway(gateway):
    now = int(time.time())
    for change in ({"ttl": -15}, {"nbf": now + 15}, {"iat": now + 15}, {"without": ["iat"]}):
        assert whoami(gateway, gateway.token(**change)) == 200


def test_issuer_and_audience(make_gateway):
    gateway = make_gateway(auth={"issuer": "https://idp", "audience": "sluice"})
    assert whoami(gateway, gateway.token(iss="https://idp", aud="sluice")) == 200
    assert whoami(gateway, gateway.token(iss="https://idp", aud=["x", "sluice"])) == 200
    for change in ({}, {"iss": "https://idp"}, {"aud": "sluice"}, {"iss": "https://idp/", "aud": "sluice"},
                   {"iss": "https://idp", "aud": "sluicer"}, {"iss": "https://idp", "aud": []}):
        assert whoami(gateway, gateway.token(**change)) == 401


def test_signatures_and_headers_that_do_not_pass(gateway):
    good = gateway.token()
    head, payload, signature = good.split(".")
    part = lambda value: base64url(json.dumps(value).encode())
    sign = lambda head: f"{part(head)}.{payload}." + base64url(
        hmac.digest(gateway.secret, f"{part(head)}.{payload}".encode(), hashlib.sha256))
    assert whoami(gateway, sign({"alg": "HS256"})) == 200
    for bad in (
        f"{part({'alg': 'none'})}.{payload}.", f"{part({'alg': 'None'})}.{payload}.{signature}",
        f"{head}.{payload}.", f"{head}.{payload}", f"{good}.", f"{head}.{payload}.{signature}=",
        gateway.token(key="x" * 32), sign({"alg": "HS384"}), sign({}), sign({"alg": "HS256", "crit": ["exp"]}),
        sign({"alg": "HS256", "crit": ["x"], "x": 1}), sign({"alg": "HS256", "b64": False, "crit": ["b64"]}),
        sign({"alg": "HS256", "kid": 7}), sign({"alg": "HS256", "kid": "unknown"}),
        head + "." + part({"sub": "alice", "exp": 4102444800, "roles": ["admin"]}) + "." + signature, "x" * 9000,
    ):
        assert whoami(gateway, bad) == 401, bad[:80]


# Rights


def reads(gateway, scan, token):
    statuses = {gateway.get(f"/api/scans/{scan}{part}", token).status for part in ("", "/messages")}
    assert len(statuses) == 1
    status = statuses.pop()
    try:
        with gateway.sync_ws(scan, token):
            assert status == 200
    except websockets.exceptions.InvalidStatus as error:
        assert error.response.status_code == status
    return status


def test_who_may_read(gateway, scan):
    gateway.post(scan, {"type": "t"}, headers={"Scan-Owner": "owner"})
    assert reads(gateway, scan, gateway.admin()) == 200
    assert reads(gateway, scan, gateway.token("owner")) == 200
    for scans in ([scan], ["*"], [scan[:-3] + "*"], ["x", "*" + scan[-3:]], ["scan-*-*", "scan-*"]):
        assert reads(gateway, scan, gateway.token(scans=scans)) == 200, scans
    for scans in (None, [], ["other"], [scan[:-1]], [scan + "?"], [scan.upper()], ["scan"], [scan + "*-"]):
        assert reads(gateway, scan, gateway.token(scans=scans)) == 403, scans
    assert reads(gateway, scan, gateway.producer()) == 403
    assert reads(gateway, scan, gateway.token(roles=["operator", "Admin"])) == 403


def test_who_may_not_read_does_not_learn_whether_a_scan_exists(gateway, scan):
    token = gateway.token(scans=["other"])
    assert gateway.refusal(scan, token).status == 403
    assert gateway.refusal(scan + "?wait=1", token).status == 403
    for part in ("", "/messages", "/events"):
        is_problem(gateway.get(f"/api/scans/{scan}{part}", token), 403, "forbidden")
        is_problem(gateway.get(f"/api/scans/{scan}{part}", gateway.reader()), 404, "scan_not_found")


def test_who_may_post(gateway, scan):
    for token in (gateway.token(scope="ingest"), gateway.token(scope="read ingest x"), gateway.admin(),
                  gateway.token(scope="ingest", scans=[scan[:8] + "*"])):
        assert gateway.post(scan, {"type": "t"}, token).status == 202
    for token in (gateway.reader(), gateway.token(scope="ingester"), gateway.token(scope="read", scans=[scan]),
                  gateway.token(scope="ingest", scans=["other"]), gateway.token(scope="ingest", scans=[])):
        is_problem(gateway.post(scan, {"type": "t"}, token), 403, "forbidden")
    is_problem(gateway.post(scan, {"type": "t"}, "a.b.c"))


def test_the_admins_actions_are_the_admins(gateway):
    for path, body in (("/api/users/x/disconnect", None), ("/api/tokens/revoke", {"jti": "x"})):
        is_problem(gateway.request("POST", path, body, token=gateway.reader()), 403, "forbidden")
        assert gateway.request("POST", path, body).status == 401


# Origins


def test_pages_of_strange_origins_are_refused(make_gateway):
    gateway = make_gateway(origins=["https://good.example"])
    gateway.post("a", {"type": "t"})
    own = gateway.url
    for origin in (own, "https://good.example"):
        with gateway.sync_ws("a", headers={"Origin": origin}):
            pass
        assert gateway.request("POST", "/api/tickets", token=gateway.reader(), headers={"Origin": origin}).status == 201
    for origin in ("https://evil.example", "http://good.example", "https://good.example:444", "null",
                   "https://good.example.evil", own.replace("https", "http"), "https://localhost"):
        refusal = gateway.refusal("a", headers={"Origin": origin})
        assert (refusal.status, refusal.code) == (403, "origin_refused"), origin
        assert gateway.refusal("/api/ws", headers={"Origin": origin}).status == 403
        headers = {"Origin": origin}
        is_problem(gateway.get("/api/scans/a/events", gateway.reader(), headers), 403, "origin_refused")
        answer = gateway.request("POST", "/api/tickets", token=gateway.reader(), headers=headers)
        is_problem(answer, 403, "origin_refused")
        assert answer.headers["Access-Control-Allow-Origin"] is None


def test_cross_origin_answers(make_gateway):
    gateway = make_gateway(origins=["https://good.example"])
    good, evil = {"Origin": "https://good.example"}, {"Origin": "https://evil.example"}
    answer = gateway.get("/api/scans/stats", gateway.reader(), good)
    assert answer.headers["Access-Control-Allow-Origin"] == "https://good.example"
    assert "Origin" in answer.headers["Vary"]
    answer = gateway.get("/api/scans/stats", "a.b.c", good)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (401, "https://good.example")
    answer = gateway.get("/api/scans/stats", gateway.reader(), evil)
    assert answer.status == 200 and answer.headers["Access-Control-Allow-Origin"] is None
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    answer = gateway.request("OPTIONS", "/api/tickets", headers=good | asks)
    assert answer.status in (200, 204)
    assert answer.headers["Access-Control-Allow-Origin"] == "https://good.example"
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].lower()
    assert "authorization" in allowed and "content-type" in allowed
    answer = gateway.request("OPTIONS", "/api/tickets", headers=evil | asks)
    assert answer.headers["Access-Control-Allow-Origin"] is None and answer.status == 403


def test_cookies_count_across_origins_on_every_transport(make_gateway):
    gateway = make_gateway(origins=["https://good.example"], auth={"cookie": "session"})
    gateway.post("a", {"type": "t"})
    cookie = {"Cookie": f"session={gateway.reader()}"}
    good, evil = {"Origin": "https://good.example"} | cookie, {"Origin": "https://evil.example"} | cookie
    with gateway.sync_ws("a", token=False, headers=good):
        pass
    for method, path, status in (("POST", "/api/tickets", 201), ("GET", "/api/scans/stats", 200),
                                 ("GET", "/api/scans/a/events?wait=0", 200)):
        connection = gateway.connection()
        connection.request(method, path, headers=good)
        answer = connection.getresponse()
        assert answer.status == status
        # A browser hands the answer to the page only with both of these.
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert answer.headers["Access-Control-Allow-Origin"] == "https://good.example"
        connection.close()
        answer = gateway.request(method, path, headers=evil)
        assert answer.status == 403
        assert answer.headers["Access-Control-Allow-Credentials"] is None
    preflight = {"Origin": "https://good.example", "Access-Control-Request-Method": "GET"}
    answer = gateway.request("OPTIONS", "/api/scans/a/events", headers=preflight)
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    allowed = {name.strip().lower() for name in answer.headers["Access-Control-Allow-Headers"].split(",")}
    # The headers of clients of event streams that replace the browser's own.
    assert allowed >= {"accept", "authorization", "cache-control", "content-type", "last-event-id", "x-requested-with"}
    assert "*" not in answer.headers["Access-Control-Allow-Origin"] and "*" not in allowed


def test_apps_and_extensions_come_where_they_are_listed(make_gateway):
    listed = ["tauri://localhost", "chrome-extension://abcdefghijklmnopabcdefghijklmnop", "http://[0:0::1]:3000"]
    gateway = make_gateway(origins=listed)
    gateway.post("a", {"type": "t"})
    for origin in listed[:2] + ["http://[::1]:3000"]:
        with gateway.sync_ws("a", headers={"Origin": origin}):
            pass
        answer = gateway.get("/api/scans/stats", gateway.reader(), {"Origin": origin})
        assert answer.headers["Access-Control-Allow-Origin"] == origin
    for origin in ("tauri://localhost.evil", "chrome-extension://ponmlkjihgfedcbaponmlkjihgfedcba", "null"):
        assert gateway.refusal("a", headers={"Origin": origin}).status == 403


def test_an_event_stream_names_the_origin_that_it_allows(make_gateway):
    gateway = make_gateway(origins=["https://good.example"])
    gateway.post("a", {"type": "t"})
    connection = gateway.connection()
    connection.request("GET", "/api/scans/a/events", headers={
        "Authorization": f"Bearer {gateway.reader()}", "Origin": "https://good.example"})
    response = connection.getresponse()
    assert response.status == 200
    assert response.headers["Access-Control-Allow-Origin"] == "https://good.example"
    connection.close()


# What the operator sees


def test_refused_credentials_are_in_the_log_with_their_reason(make_gateway):
    gateway = make_gateway(listen={"trusted_proxies": ["127.0.0.1"]})
    gateway.post("a", {"type": "t"})
    bad, old = gateway.token(key="k" * 32), gateway.reader(ttl=-3600)
    attempts = {
        "192.0.2.1": ("signature", lambda headers: gateway.refusal("a", bad, headers)),
        "192.0.2.2": ("expired", lambda headers: gateway.get("/api/scans/a/events", old, headers)),
        "192.0.2.3": ("ticket", lambda headers: gateway.get("/api/scans/stats?ticket=secretticket", headers=headers)),
        "192.0.2.4": ("malformed", lambda headers: gateway.post("a", {"type": "t"}, "secretkey", headers)),
        "192.0.2.5": ("signature", lambda headers: gateway.get(f"/api/scans/stats?token={bad}", headers=headers)),
        "192.0.2.6": ("signature", lambda headers: gateway.request("POST", "/api/tickets", "", headers, bad)),
        "2001:db8::7": ("signature", lambda headers: gateway.refusal(
            "a", False, headers, subprotocols=["sluice.v1", f"bearer.{bad}"])),
    }
    for address, (_, attempt) in attempts.items():
        assert attempt({"X-Forwarded-For": address}).status == 401
    with gateway.sync_ws("a") as socket:
        socket.recv(timeout=10)
        socket.send(json.dumps({"action": "refresh", "token": bad}))
        assert json.loads(socket.recv(timeout=10))["code"] == "invalid_token"
    wait_for(lambda: gateway.log().count("credential refused") > len(attempts))
    lines = [line for line in gateway.log().splitlines() if "credential refused" in line]
    assert all(" info " in line for line in lines) and len(lines) == len(attempts) + 1, lines
    for line, (address, (reason, _)) in zip(lines, attempts.items()):
        assert f" reason={reason}" in line and "peer=127.0.0.1" in line, line
        assert f" address={address.replace('::', ':0:0:0:0:0:')} " in line, line
    assert " address=127.0.0.1 " in lines[-1] and " credential=refresh " in lines[-1], lines[-1]
    for secret in (bad, bad.split(".")[2], old, "secretticket", "secretkey"):
        assert secret not in gateway.log()


def test_refused_credentials_of_one_address_do_not_fill_the_log(make_gateway):
    gateway = make_gateway()
    connection = gateway.connection()
    for _ in range(40):
        assert gateway.request("GET", "/api/scans/stats", token="a.b.c", connection=connection).status == 401
    wait_for(lambda: gateway.log().count("credential refused") >= 5)
    assert gateway.log().count("credential refused") == 5
