"""Tickets for signing in: each is traded once for the token that it was made of, and is good for nothing else."""

import concurrent.futures
import hashlib
import json
import time

import pytest

from conftest import is_problem, wait_for, whoami

SIGN_IN = {"use": "sign_in"}


def sign_in_ticket(gateway, token=None):
    answer = gateway.request("POST", "/api/tickets", SIGN_IN, token=token or gateway.reader())
    assert answer.status == 201 and answer.headers["Cache-Control"] == "no-store", answer
    body = answer.json()
    assert body["expiresIn"] == 30 and set(body) == {"ticket", "expiresIn"}
    # A browser's address, a log or a person tells it from a ticket for a connection.
    assert body["ticket"].startswith("signin_") and len(body["ticket"]) == 50
    return body["ticket"]


def trade(gateway, ticket, headers=None):
    return gateway.request("POST", "/api/tickets/redeem", {"ticket": ticket}, headers)


def test_a_ticket_is_traded_for_its_very_token_once(gateway):
    token = gateway.token("carol", scans=["a"], ttl=600)
    ticket = sign_in_ticket(gateway, token)
    answer = trade(gateway, ticket)
    assert answer.status == 200, answer
    assert answer.headers["Cache-Control"] == "no-store" and answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    assert set(body) == {"token", "expiresIn"} and body["token"] == token and 590 <= body["expiresIn"] <= 600
    assert whoami(gateway, body["token"]) == 200
    for _ in range(2):
        is_problem(trade(gateway, ticket), 401, "invalid_ticket")


def test_of_those_who_trade_at_once_one_is_first(gateway):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            ticket = sign_in_ticket(gateway)
            answers = list(pool.map(lambda _: trade(gateway, ticket), range(8)))
            assert sorted(answer.status for answer in answers) == [200] + [401] * 7, answers
            assert {answer.code for answer in answers if answer.status == 401} == {"invalid_ticket"}


def test_a_ticket_for_a_connection_is_not_traded_and_not_used_up(gateway, scan):
    gateway.post(scan, {"type": "t"})
    ticket = gateway.request("POST", "/api/tickets", token=gateway.reader()).json()["ticket"]
    unknown = trade(gateway, "signin_" + "A" * 43)
    for text in (ticket, f"signin_{ticket}", ticket[:-1], "x", "ä", "signin_", "A" * 43, "A" * 900):
        answer = trade(gateway, text)
        is_problem(answer, 401, "invalid_ticket")
        # The same words whether there is such a ticket or not.
        assert answer.json().get("detail") == unknown.json()["detail"]
    with gateway.sync_ws(f"{scan}?ticket={ticket}", token=False) as socket:
        assert json.loads(socket.recv(timeout=10))["type"] == "subscribed"


def test_a_ticket_for_signing_in_opens_nothing_and_stays_good(gateway, scan):
    gateway.post(scan, {"type": "t"})
    token = gateway.admin(scope="ingest", scans=["*"])
    ticket = sign_in_ticket(gateway, token)
    refusal = gateway.refusal(f"{scan}?ticket={ticket}", token=False)
    assert (refusal.status, refusal.code) == (401, "invalid_token")
    for query in (f"?ticket={ticket}", f"?token={ticket}"):
        for path in ("/api/scans/stats", f"/api/scans/{scan}", f"/api/scans/{scan}/messages", f"/api/scans/{scan}/events", "/api/connections"):
            is_problem(gateway.get(path + query))
        is_problem(gateway.request("POST", f"/api/scans/{scan}/progress{query}", {"type": "t"}))
        is_problem(gateway.request("POST", f"/api/tickets{query}", SIGN_IN))
    is_problem(gateway.get("/api/scans/stats", ticket))
    assert gateway.refusal(scan, False, subprotocols=["sluice.v1", f"bearer.{ticket}"]).status == 401
    assert trade(gateway, ticket).json()["token"] == token


def test_only_a_token_that_the_request_brings_makes_one(make_gateway):
    private = make_gateway(auth={"cookie": "session", "ingest_keys": [
        {"name": "nmap", "sha256": hashlib.sha256(b"secret").hexdigest()}]})
    make = lambda **fields: private.request("POST", "/api/tickets", SIGN_IN, **fields)
    # A page's scripts may not read the token of its cookie, and do not read it so.
    cookie = {"Cookie": f"session={private.reader()}"}
    assert private.request("POST", "/api/tickets", headers=cookie).status == 201
    is_problem(make(headers=cookie), 403, "forbidden")
    assert make(headers=cookie, token=private.reader()).status == 201
    is_problem(make(token="secret"), 403, "forbidden")
    is_problem(make(), 401, "missing_token")
    is_problem(make(token=private.reader(ttl=-3600)))
    plain = private.request("POST", "/api/tickets", token=private.reader()).json()["ticket"]
    is_problem(private.request("POST", f"/api/tickets?ticket={plain}", SIGN_IN), 403, "forbidden")
    assert private.request("POST", f"/api/tickets?token={private.reader()}", SIGN_IN).json()["ticket"].startswith("signin_")


@pytest.mark.parametrize("ends", ["revoked", "revoked before", "expired", "withdrawn"])
def test_a_token_that_ended_in_between_is_not_given_back(make_gateway, ends):
    gateway = make_gateway()
    token = gateway.reader(jti="j-1", ttl=-28 if ends == "expired" else 600)
    ticket = sign_in_ticket(gateway, token)
    if ends == "revoked":
        assert gateway.request("POST", "/api/tokens/revoke", {"jti": "j-1"}, token=gateway.admin()).status == 204
    elif ends == "revoked before":
        body = {"sub": "alice", "issuedBefore": time.time() + 60}
        assert gateway.request("POST", "/api/tokens/revoke", body, token=gateway.admin()).status == 204
    elif ends == "expired":
        wait_for(lambda: whoami(gateway, token) == 401)
    else:
        (gateway.folder / "jwt.key").write_text("another-secret-of-more-than-32-bytes\n")
        gateway.reload()
    is_problem(trade(gateway, ticket), 401, "invalid_token")
    if ends.startswith("revoked"):
        is_problem(gateway.request("POST", "/api/tickets", SIGN_IN, token=token))


def test_a_token_near_its_end_says_so(gateway):
    answer = trade(gateway, sign_in_ticket(gateway, gateway.reader(ttl=-5)))
    assert answer.status == 200 and answer.json()["expiresIn"] == 0


def test_bodies(gateway):
    make = lambda body, **headers: gateway.request("POST", "/api/tickets", body, headers, gateway.reader())
    # What says nothing about it is as ever one for a connection.
    for body in (None, b"", b"{}", {"other": 1}, {"use": None}, b"[]", b"x=1", b" ", b'"sign_in"'):
        answer = make(body)
        assert answer.status == 201 and not answer.json()["ticket"].startswith("signin_"), body
    for body in ({"use": "connection"}, {"use": 1}, {"use": ["sign_in"]}, b'{"use":"sign_in"', b' {x}'):
        is_problem(make(body), 400, "invalid_body")
    # curl -d says another type unless told otherwise.
    answer = make(b'{"use":"sign_in"}', **{"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.json()["ticket"].startswith("signin_")
    is_problem(make(b" " * 16_385), 413, "body_too_large")
    redeem = lambda body: gateway.request("POST", "/api/tickets/redeem", body)
    for body in (None, b"{}", b"[]", b"x", {"ticket": 1}, {"ticket": ""}, {"ticket": None}, {"Ticket": "x"}, b'{"ticket":"a","ticket":"b"}'):
        is_problem(redeem(body), 400, "invalid_body")
    # Of a stranger no more is read than a ticket needs.
    is_problem(redeem(b" " * 1025), 413, "body_too_large")
    assert trade(gateway, sign_in_ticket(gateway), {"Content-Type": "text/plain"}).status == 200
    assert redeem({"ticket": sign_in_ticket(gateway), "more": 1}).status == 200
    for method in ("GET", "PUT", "DELETE"):
        answer = gateway.request(method, "/api/tickets/redeem")
        assert answer.status == 405 and answer.headers["Allow"] == "POST"


def test_pages_of_strange_origins_trade_nothing(make_gateway):
    gateway = make_gateway(origins=["https://good.example"])
    ticket = sign_in_ticket(gateway)
    for origin in ("https://evil.example", "null", "http://good.example", gateway.url.replace("https", "http")):
        for _ in range(2):
            answer = trade(gateway, ticket, {"Origin": origin})
            is_problem(answer, 403, "origin_refused")
            assert answer.headers["Access-Control-Allow-Origin"] is None
        is_problem(gateway.request("POST", "/api/tickets", SIGN_IN, {"Origin": origin}, gateway.reader()), 403, "origin_refused")
    # It was not used up; pages of the gateway's own and of listed origins may.
    answer = trade(gateway, ticket, {"Origin": "https://good.example"})
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, "https://good.example")
    assert trade(gateway, sign_in_ticket(gateway), {"Origin": gateway.url}).status == 200


def test_other_credentials_of_the_request_do_not_matter(make_gateway):
    gateway = make_gateway(auth={"cookie": "session"})
    for headers in ({"Authorization": "Bearer a.b.c"}, {"Authorization": f"Bearer {gateway.reader('bob')}"}, {"Cookie": "session=x"},
                    {"Cookie": f"session={gateway.reader('bob')}"}):
        token = gateway.reader("carol")
        assert trade(gateway, sign_in_ticket(gateway, token), headers).json()["token"] == token


def test_bad_tickets_are_counted_logged_and_slowed(make_gateway):
    gateway = make_gateway(listen={"trusted_proxies": ["127.0.0.1"]}, limits={"handshakes": {"rate": 0.001, "burst": 2}}, log={"level": "debug", "requests": True})
    good, spare, used = (sign_in_ticket(gateway) for _ in range(3))
    far = {"X-Forwarded-For": "192.0.2.9"}
    assert trade(gateway, used, far).status == 200
    secret = "signin_" + "S" * 43
    plain = gateway.request("POST", "/api/tickets", token=gateway.reader()).json()["ticket"]
    answers = [trade(gateway, text, far) for text in [secret, used, plain, "x"] * 4]
    assert [answer.code for answer in answers] == ["invalid_ticket"] * 10 + ["rate_limited"] * 6, answers
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert gateway.refused("invalid_ticket") == 10 and gateway.refused("rate_limited") == 6
    # Bad tokens of that address count with them, and good credentials are still good; so are others' tickets.
    assert gateway.get("/api/scans/stats", "a.b.c", far).status == 429
    assert trade(gateway, good, far).status == 200
    assert trade(gateway, spare).status == 200
    wait_for(lambda: "credential=sign_in_ticket" in gateway.log())
    lines = [line for line in gateway.log().splitlines() if "credential refused" in line]
    assert " reason=ticket" in lines[0] and " credential=sign_in_ticket" in lines[0] and " address=192.0.2.9" in lines[0], lines[0]
    assert "path=/api/tickets/redeem" in gateway.log()
    for text in (secret, used, plain, good, spare):
        assert text not in gateway.log() and text.removeprefix("signin_") not in gateway.log()


def test_trades_count_among_the_users_requests(make_gateway):
    gateway = make_gateway(limits={"requests": {"rate": 0.5, "burst": 3}})
    first, second = sign_in_ticket(gateway), sign_in_ticket(gateway)
    assert trade(gateway, first).status == 200
    answer = trade(gateway, second)
    is_problem(answer, 429, "rate_limited")
    # It was not used up by that.
    time.sleep(int(answer.headers["Retry-After"]))
    assert trade(gateway, second).status == 200
