"""Rights that are taken away while they are in use: by a reload, by an administrator, by an issuer of tokens."""

import concurrent.futures
import hashlib
import json
import ssl

from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from conftest import closing, is_problem, make_certificate, read_until, wait_for
from test_keys import jwk, key_server
from test_tls import certificate


def ingest_key(name, secret, scans=("*",)):
    return {"name": name, "sha256": hashlib.sha256(secret.encode()).hexdigest(), "scans": list(scans)}


def opened(gateway, upload):
    """Sends a line and waits until it was taken."""
    before = gateway.metrics()["sluice_messages_accepted_total"]
    upload.send({"type": "line"})
    wait_for(lambda: gateway.metrics()["sluice_messages_accepted_total"] > before)


def ended(upload, status=403, code="forbidden", accepted=1):
    """The answer that ended a stream."""
    answer = upload.answer()
    body = is_problem(answer, status, code)
    assert body["accepted"] == accepted, body
    return body


def test_a_key_that_a_reload_removes_ends_its_streams(make_gateway):
    keys = [ingest_key("nmap", "secret-1"), ingest_key("zap", "secret-2"), ingest_key("old-name", "secret-3")]
    gateway = make_gateway(auth={"ingest_keys": keys})
    with gateway.stream("a", "secret-1") as removed, gateway.stream("b", "secret-2") as narrowed, \
            gateway.stream("zap-1", "secret-2") as stays, gateway.stream("c", "secret-3") as renamed:
        for upload in (removed, narrowed, stays, renamed):
            opened(gateway, upload)
        gateway.reload(auth={"ingest_keys": [ingest_key("zap", "secret-2", ["zap-*"]), ingest_key("new", "secret-3")]})
        assert ended(removed)["lastSeq"] == 1
        ended(narrowed)
        for upload in (stays, renamed):
            opened(gateway, upload)
            assert upload.end().json()["accepted"] == 2
    is_problem(gateway.post("a", {"type": "t"}, "secret-1"), 401, "invalid_token")
    wait_for(lambda: "connections no longer admitted" in gateway.log())


def test_a_signing_key_that_a_reload_removes_ends_what_its_tokens_opened(make_gateway):
    gateway = make_gateway()
    (gateway.folder / "second.key").write_text("s" * 40)
    keys = gateway.config["auth"]["keys"] + [{"id": "second", "algorithm": "HS256", "secret_file": "second.key"}]
    gateway.reload(auth={"keys": keys})
    gateway.post("a", {"type": "t"})
    second = {"key": "s" * 40}
    ticket = gateway.request("POST", "/api/tickets", token=gateway.reader()).json()["ticket"]
    unused = gateway.request("POST", "/api/tickets", token=gateway.reader()).json()["ticket"]
    streams = concurrent.futures.ThreadPoolExecutor(1)
    with gateway.sync_ws("a", gateway.reader()) as first, \
            gateway.sync_ws(f"a?ticket={ticket}", token=False) as by_ticket, \
            gateway.sync_ws("a", gateway.reader(**second)) as stays, \
            gateway.stream("b", gateway.producer()) as upload:
        opened(gateway, upload)
        stream = streams.submit(gateway.get, "/api/scans/a/events", gateway.reader())
        wait_for(lambda: gateway.get("/api/scans/a", gateway.admin()).json()["subscribers"] == 4)
        gateway.reload(auth={"keys": keys[1:]})
        assert closing(first)[0] == 4403 and closing(by_ticket)[0] == 4403
        assert b"4403" in stream.result(20).body
        ended(upload)
        gateway.post("a", {"type": "still"}, gateway.producer(**second))
        read_until(stays, "still")
    assert gateway.refusal(f"a?ticket={unused}", token=False).status == 401


def test_issuer_audience_and_origin_are_judged_anew(make_gateway):
    gateway = make_gateway(origins=["https://app.example", "https://old.example"])
    gateway.post("a", {"type": "t"})
    mine, other = gateway.reader(iss="https://idp", aud=["sluice", "x"]), gateway.reader(iss="https://else", aud="sluice")
    with gateway.sync_ws("a", mine) as good, gateway.sync_ws("a", other) as foreign, \
            gateway.sync_ws("a", mine, headers={"Origin": "https://app.example"}) as listed, \
            gateway.sync_ws("a", mine, headers={"Origin": "https://old.example"}) as unlisted, \
            gateway.sync_ws("a", mine, headers={"Origin": gateway.url}) as own:
        gateway.reload(origins=["https://app.example"], auth={"issuer": "https://idp", "audience": "sluice"})
        assert closing(foreign)[0] == 4403 and closing(unlisted)[0] == 4403
        gateway.post("a", {"type": "still"}, gateway.producer(iss="https://idp", aud="sluice"))
        for socket in (good, listed, own):
            read_until(socket, "still")


def test_where_a_credential_stood_has_to_be_allowed_still(make_gateway):
    gateway = make_gateway(auth={"cookie": "session"})
    gateway.post("a", {"type": "t"})
    token = gateway.reader()
    cookie = {"Cookie": f"session={token}", "Origin": gateway.url}
    streams = concurrent.futures.ThreadPoolExecutor(1)
    with gateway.sync_ws(f"a?token={token}", token=False) as by_query, \
            gateway.sync_ws("a", token=False, headers=cookie) as by_cookie, \
            gateway.sync_ws("a", token=False, headers=cookie) as refreshed, \
            gateway.sync_ws("a", token) as by_field:
        refreshed.send(json.dumps({"action": "refresh", "token": token}))
        read_until(refreshed, "ack")
        stream = streams.submit(gateway.get, f"/api/scans/a/events?token={token}")
        wait_for(lambda: gateway.get("/api/scans/a", gateway.admin()).json()["subscribers"] == 5)
        gateway.reload(auth={"query_token": False})
        assert closing(by_query)[0] == 4403
        assert b"4403" in stream.result(20).body
        gateway.reload(auth={"cookie": "other"})
        assert closing(by_cookie)[0] == 4403
        gateway.post("a", {"type": "still"})
        for socket in (refreshed, by_field):
            read_until(socket, "still")


def test_a_reload_of_nothing_ends_nobody(make_gateway):
    gateway = make_gateway(auth={"ingest_keys": [ingest_key("nmap", "secret-1")]})
    gateway.post("a", {"type": "t"})
    with gateway.sync_ws("a") as socket, gateway.stream("b", "secret-1") as upload:
        opened(gateway, upload)
        gateway.reload()
        gateway.reload(limits={"scans": 100})
        gateway.post("a", {"type": "still"})
        read_until(socket, "still")
        opened(gateway, upload)
        assert upload.end().json()["accepted"] == 2


def test_a_client_certificate_counts_no_longer_than_its_authority(make_gateway, make_folder, certificates):
    folder = make_folder()
    for name in ("one", "two"):
        make_certificate(folder, name, name)
        certificate(folder, f"by-{name}", f"/CN=scanner-{name}", "basicConstraints=CA:FALSE\n", name)
    both = (folder / "one.crt").read_text() + (folder / "two.crt").read_text()
    (folder / "ca.crt").write_text(both)
    gateway = make_gateway(folder=folder, tls={"client_ca": "ca.crt"})

    def stream(scan, name):
        plain, gateway.ssl = gateway.ssl, ssl.create_default_context(cafile=gateway.ca)
        gateway.ssl.load_cert_chain(folder / f"by-{name}.crt", folder / f"by-{name}.key")
        try:
            # No Authorization: the certificate alone.
            return gateway.stream(scan, headers={"Authorization": ""})
        finally:
            gateway.ssl = plain

    with stream("a", "one") as one, stream("b", "two") as two:
        for upload in (one, two):
            opened(gateway, upload)
        (folder / "ca.crt").write_text((folder / "two.crt").read_text())
        gateway.reload()
        ended(one)
        opened(gateway, two)
        gateway.reload(tls={"client_ca": None})
        ended(two, accepted=2)


def test_an_administrator_ends_open_uploads(make_gateway):
    gateway = make_gateway(auth={"ingest_keys": [ingest_key("nmap/1 é", "secret-1"), ingest_key("alice", "secret-2")]})
    with gateway.stream("a", "secret-1") as by_key, gateway.stream("b", gateway.producer("alice")) as by_user, \
            gateway.stream("c", "secret-2") as by_namesake, gateway.stream("d", "secret-1") as another:
        for upload in (by_key, by_user, by_namesake, another):
            opened(gateway, upload)
        ask = lambda path, token=None: gateway.request("POST", path, token=token or gateway.admin())
        answer = ask("/api/users/alice/disconnect")
        assert (answer.status, answer.json()) == (200, {"closed": 1})
        assert ended(by_user)["lastSeq"] == 1
        answer = ask("/api/ingest-keys/nmap%2F1%20%C3%A9/disconnect")
        assert (answer.status, answer.json()) == (200, {"closed": 2})
        ended(by_key)
        ended(another)
        assert ask("/api/ingest-keys/nmap%2F1%20%C3%A9/disconnect").json() == {"closed": 0}
        opened(gateway, by_namesake)
        assert by_namesake.end().json()["accepted"] == 2
        # Ended, not forbidden: the key still counts.
        assert gateway.post("a", {"type": "t"}, "secret-1").status == 202
        is_problem(ask("/api/ingest-keys/alice/disconnect", gateway.reader()), 403, "forbidden")
        is_problem(ask("/api/ingest-keys/alice/disconnect", "secret-2"), 403, "forbidden")
        assert gateway.request("POST", "/api/ingest-keys/alice/disconnect").status == 401
        answer = gateway.get("/api/ingest-keys/alice/disconnect", gateway.admin())
        assert answer.status == 405 and answer.headers["Allow"] == "POST"


def test_an_upload_that_is_slowed_ends_at_once_too(make_gateway):
    gateway = make_gateway(auth={"ingest_keys": [ingest_key("nmap", "secret-1"), ingest_key("zap", "secret-2")]},
                           limits={"ingest": {"rate": 0.01, "burst": 1}})
    with gateway.stream("a", "secret-1") as open_still, gateway.stream("b", "secret-2") as whole:
        for upload in (open_still, whole):
            opened(gateway, upload)
            # Another one, which owes minutes for the first.
            upload.send({"type": "waits"})
        whole.socket.sendall(b"0\r\n\r\n")
        for name in ("nmap", "zap"):
            answer = gateway.request("POST", f"/api/ingest-keys/{name}/disconnect", token=gateway.admin())
            assert answer.json() == {"closed": 1}
        for upload in (open_still, whole):
            # The second line may have been on its way, and is then said to be taken.
            assert upload.answer().json()["accepted"] in (1, 2)
    wait_for(lambda: "connections ended by an administrator" in gateway.log())


def test_a_body_that_took_its_time_is_judged_when_it_is_there(make_gateway):
    gateway = make_gateway(auth={"ingest_keys": [ingest_key("nmap", "secret-1")]})
    body = b'{"type":"t"}'
    connections = []
    for token, path, method in (("secret-1", "/api/scans/a/progress", "POST"), (gateway.producer(), "/api/scans/b", "PUT")):
        connection = gateway.socket()
        connection.sendall((f"{method} {path} HTTP/1.1\r\nHost: {gateway.authority}\r\nAuthorization: Bearer {token}\r\n"
                            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
                            "Expect: 100-continue\r\n\r\n").encode())
        # By now the client's identity is known.
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connections.append(connection)
    (gateway.folder / "jwt.key").write_text("r" * 40)
    gateway.reload(auth={"ingest_keys": [ingest_key("other", "secret-2")]})
    for connection in connections:
        with connection:
            connection.sendall(body)
            assert connection.recv(65536).startswith(b"HTTP/1.1 403 ")


def test_a_key_that_its_issuer_withdraws_asks_for_a_new_token(make_gateway, key_server):
    server = key_server
    one, two = ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()
    server.keys = [jwk(one, kid="one"), jwk(two, kid="two")]
    gateway = make_gateway(auth={"jwks": {"url": server.url, "refresh": "1s"}})
    gateway.post("a", {"type": "t"})
    with gateway.sync_ws("a", gateway.reader(key=one, algorithm="ES256", kid="one")) as first, \
            gateway.sync_ws("a", gateway.reader(key=two, algorithm="EdDSA", kid="two")) as second, \
            gateway.sync_ws("a") as third:
        count = server.requests
        wait_for(lambda: server.requests >= count + 2)
        server.keys.pop(0)
        assert closing(first) == (4401, "key withdrawn")
        # A source that is away withdraws nothing; neither does another address of the same set.
        server.status = 503
        wait_for(lambda: gateway.log().count("key set not fetched") >= 1)
        gateway.reload(auth={"jwks": {"url": server.url + "?again"}})
        wait_for(lambda: gateway.log().count("key set not fetched") >= 3)
        gateway.post("a", {"type": "still"})
        for socket in (second, third):
            read_until(socket, "still")
        # The new address knows another key: now those of the old one are no longer admitted.
        server.keys = [jwk(one, kid="one")]
        server.status = 200
        assert closing(second)[0] == 4403
        gateway.post("a", {"type": "again"})
        read_until(third, "again")


def test_a_refresh_of_a_set_holds_from_the_reload_on(make_gateway, key_server):
    key_server.keys = [jwk(ec.generate_private_key(ec.SECP256R1()), kid="one")]
    gateway = make_gateway(auth={"jwks": {"url": key_server.url, "refresh": "1h"}})
    assert key_server.requests == 1
    gateway.reload(auth={"jwks": {"url": key_server.url, "refresh": "1s"}})
    wait_for(lambda: key_server.requests >= 3)
