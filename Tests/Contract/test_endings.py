"""The end of a right: tokens that expire, are refreshed or revoked, and users who are disconnected."""

import concurrent.futures
import json
import time

import pytest

from conftest import closing, is_problem, read_until, wait_for, whoami


# The end of a right


def test_a_connection_ends_with_its_token(make_gateway):
    gateway = make_gateway(auth={"leeway": "1s"})
    gateway.post("a", {"type": "t"})
    with gateway.sync_ws("a", gateway.reader(ttl=2)) as socket, gateway.sync_ws("a", gateway.reader(ttl=70)) as long:
        start = time.time()
        expiring = read_until(socket, "tokenExpiring")[-1]
        assert 0 <= expiring["expiresIn"] <= 2 and "seq" not in expiring
        code, reason = closing(socket)
        assert code == 4401
        # The exp is in whole seconds, and the wheel looks at intervals.
        assert time.time() - start > 1
        with pytest.raises(TimeoutError):
            while True:
                assert json.loads(long.recv(timeout=0.2))["type"] == "subscribed"
    assert whoami(gateway, gateway.token(ttl=-2)) == 401


def test_a_client_is_told_once_a_minute_before(gateway, scan):
    gateway.post(scan, {"type": "t"})
    with gateway.sync_ws(scan, gateway.reader(ttl=62)) as socket:
        expiring = read_until(socket, "tokenExpiring")[-1]
        assert 55 <= expiring["expiresIn"] <= 60
        with pytest.raises(TimeoutError):
            socket.recv(timeout=1.5)


def test_a_token_is_refreshed(make_gateway):
    gateway = make_gateway(auth={"leeway": "0s"})
    gateway.post("a", {"type": "t"})
    with gateway.sync_ws("a", gateway.reader(ttl=3)) as socket:
        read_until(socket, "subscribed")
        socket.send(json.dumps({"action": "refresh", "token": gateway.reader(ttl=3600), "id": 5}))
        ack = read_until(socket, "ack")[-1]
        assert (ack["action"], ack["id"]) == ("refresh", 5)
        time.sleep(4)
        socket.send('{"action":"ping"}')
        read_until(socket, "pong")


def test_a_refresh_that_does_not_do(gateway, scan):
    gateway.post(scan, {"type": "t"})
    with gateway.sync_ws(scan) as socket:
        read_until(socket, "subscribed")
        socket.send(json.dumps({"action": "refresh", "token": gateway.reader(ttl=-100), "id": "x"}))
        error = read_until(socket, "error")[-1]
        assert (error["code"], error["id"]) == ("invalid_token", "x")
        socket.send('{"action":"refresh"}')
        assert "code" in read_until(socket, "error")[-1]
        socket.send(json.dumps({"action": "refresh", "token": gateway.reader("bob")}))
        assert closing(socket)[0] == 4403
    with gateway.sync_ws(scan) as socket:
        socket.send(json.dumps({"action": "refresh", "token": gateway.token(scans=["other"])}))
        assert closing(socket)[0] == 4403


def test_an_event_stream_ends_with_its_token(make_gateway):
    gateway = make_gateway(auth={"leeway": "0s"})
    gateway.post("a", {"type": "t"})
    answer = gateway.get("/api/scans/a/events", gateway.reader(ttl=2))
    assert answer.status == 200
    assert b"event: sluice.close\n" in answer.body and b"4401" in answer.body


def test_an_administrator_ends_a_users_connections(gateway, scan):
    gateway.post(scan, {"type": "t"})
    user = f"user/{scan} é"
    quoted = "user%2F" + scan + "%20%C3%A9"
    streams = concurrent.futures.ThreadPoolExecutor(1)
    with gateway.sync_ws(scan, gateway.reader(user)) as one, gateway.sync_ws("/api/ws", gateway.reader(user)) as two, \
            gateway.sync_ws(scan, gateway.reader("bob")) as other:
        stream = streams.submit(gateway.get, f"/api/scans/{scan}/events", gateway.reader(user))
        wait_for(lambda: gateway.get(f"/api/scans/{scan}", gateway.admin()).json()["subscribers"] == 3)
        answer = gateway.request("POST", f"/api/users/{quoted}/disconnect", token=gateway.admin())
        assert (answer.status, answer.json()) == (200, {"closed": 3})
        assert closing(one)[0] == 4403 and closing(two)[0] == 4403
        assert b"event: sluice.close\n" in stream.result(20).body
        gateway.post(scan, {"type": "still"})
        read_until(other, "still")
    answer = gateway.request("POST", f"/api/users/{quoted}/disconnect", token=gateway.admin())
    assert answer.json() == {"closed": 0}


def test_a_token_is_revoked(gateway, scan):
    gateway.post(scan, {"type": "t"})
    revoked = gateway.token(scans=["*"], scope="ingest", jti=f"r-{scan}")
    other = gateway.token(scans=["*"], jti=f"o-{scan}")
    streams = concurrent.futures.ThreadPoolExecutor(1)
    with gateway.sync_ws(scan, revoked) as socket, gateway.sync_ws(scan, other) as stays, \
            gateway.stream(scan, revoked) as upload:
        upload.send({"type": "line"})
        read_until(socket, "line")
        stream = streams.submit(gateway.get, f"/api/scans/{scan}/events", revoked)
        wait_for(lambda: gateway.get(f"/api/scans/{scan}", gateway.admin()).json()["subscribers"] == 3)
        answer = gateway.request("POST", "/api/tokens/revoke", {"jti": f"r-{scan}"}, token=gateway.admin())
        assert (answer.status, answer.body) == (204, b"")
        assert closing(socket)[0] == 4401
        assert b"4401" in stream.result(20).body
        answer = upload.answer()
        assert answer.status == 401 and answer.json()["accepted"] == 1
        gateway.post(scan, {"type": "still"})
        read_until(stays, "still")
    is_problem(gateway.get("/api/scans/stats", revoked))
    assert gateway.refusal(scan, revoked).status == 401
    assert whoami(gateway, other) == 200


def test_a_users_tokens_of_before_are_revoked(gateway, scan):
    gateway.post(scan, {"type": "t"})
    now = int(time.time())
    user = f"user-{scan}"
    old, new = gateway.reader(user, iat=now - 100), gateway.reader(user, iat=now)
    undated = gateway.reader(user, without=["iat"])
    with gateway.sync_ws(scan, old) as socket, gateway.sync_ws(scan, new) as stays:
        answer = gateway.request("POST", "/api/tokens/revoke", {"sub": user, "issuedBefore": now - 50},
                                 token=gateway.admin())
        assert answer.status == 204
        assert closing(socket)[0] == 4401
        gateway.post(scan, {"type": "still"})
        read_until(stays, "still")
    assert whoami(gateway, old) == 401
    assert whoami(gateway, new) == 200
    assert whoami(gateway, undated) == 401
    assert whoami(gateway, gateway.reader("bob", iat=now - 100)) == 200


def test_now_is_when_the_gateway_says(gateway, scan):
    user = f"now-{scan}"
    old, new = gateway.reader(user, iat=int(time.time())), gateway.reader(user, iat=int(time.time()) + 5)
    for later in "later", "NOW", None, [], True:
        answer = gateway.request("POST", "/api/tokens/revoke", {"sub": user, "issuedBefore": later}, token=gateway.admin())
        assert answer.status == 400, later
    answer = gateway.request("POST", "/api/tokens/revoke", {"sub": user, "issuedBefore": "now"}, token=gateway.admin())
    assert answer.status == 204
    assert whoami(gateway, old) == 401
    assert whoami(gateway, new) == 200


def test_a_user_is_bytes_and_not_what_unicode_takes_for_the_same(gateway, scan):
    """Both names are read as one; the issuer gave them to two."""
    revoked, stays = f"zo\u00eb-{scan}", f"zoe\u0308-{scan}"
    body = {"sub": revoked, "issuedBefore": int(time.time()) + 50}
    assert gateway.request("POST", "/api/tokens/revoke", body, token=gateway.admin()).status == 204
    assert gateway.get("/api/scans/stats", gateway.reader(revoked)).status == 401
    assert gateway.get("/api/scans/stats", gateway.reader(stays)).status == 200


@pytest.mark.parametrize("body", [{}, {"jti": 7}, {"sub": "x"}, {"issuedBefore": 1}, "[]", "no", {"jti": ""}])
def test_a_revocation_that_says_nothing(gateway, body):
    answer = gateway.request("POST", "/api/tokens/revoke", body, token=gateway.admin())
    assert answer.status == 400, answer


def test_no_token_in_the_log(make_gateway):
    gateway = make_gateway(log={"level": "trace"})
    token, bad = gateway.reader(), gateway.token(key="x" * 32)
    gateway.post("a", {"type": "t"}, token)
    gateway.get(f"/api/scans/stats?token={token}")
    gateway.get("/api/scans/stats", bad)
    gateway.refusal("a", token=False, subprotocols=[bad])
    with gateway.sync_ws("a", token):
        pass
    for secret in (token, bad, gateway.secret.decode()):
        assert secret not in gateway.log() and secret.split(".")[-1] not in gateway.log()
