"""Who may do what: credentials and where they stand, keys, tickets, rights, origins, and the end of a right."""

import base64
import concurrent.futures
import hashlib
import hmac
import http.server
import json
import secrets
import threading
import time

import jwt
import pytest
import websockets
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from conftest import base64url, closing, read_until, wait_for


def whoami(gateway, token=None, path="/api/scans/stats", headers=None):
    return gateway.request("GET", path, token=token, headers=headers).status


def is_refused(answer, status=401, code="invalid_token"):
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.code == code, answer
    if status == 401:
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


# Where a credential stands


def test_no_credential(gateway, scan):
    answer = gateway.get("/api/scans/stats")
    is_refused(answer, 401, answer.code)
    assert gateway.refusal(scan, token=False).status == 401


@pytest.mark.parametrize("value", ["Basic YTpi", "Bearer", "Bearer ", "bearer", "", "Bearer a b", "Bearer a.b.c"])
def test_an_authorization_field_that_is_no_bearer_token(gateway, value):
    is_refused(gateway.get("/api/scans/stats", headers={"Authorization": value}))


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
    is_refused(gateway.get(f"/api/scans/stats?token={gateway.reader()}"))
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
    {"nbf": 4102444800}, {"iat": 4102444800}, {"nbf": "x"}, {"scans": "*"}, {"roles": "admin"}, {"exp": None},
], ids=str)
def test_claims_that_do_not_pass(gateway, change):
    is_refused(gateway.get("/api/scans/stats", gateway.token(**change)))


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


# Keys


def pem(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM,
                                         serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="module")
def private_keys():
    return {
        "RS": rsa.generate_private_key(65537, 2048), "PS": rsa.generate_private_key(65537, 2048),
        "ES256": ec.generate_private_key(ec.SECP256R1()), "ES384": ec.generate_private_key(ec.SECP384R1()),
        "ES512": ec.generate_private_key(ec.SECP521R1()), "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    }


def key_of(private_keys, algorithm):
    return private_keys.get(algorithm) or private_keys[algorithm[:2]]


def test_every_algorithm_with_a_key_of_a_file(make_gateway, make_folder, private_keys):
    folder = make_folder()
    keys = []
    secret = {}
    for algorithm in ("HS256", "HS384", "HS512"):
        secret[algorithm] = secrets.token_hex(32 if algorithm == "HS256" else 64)
        (folder / f"{algorithm}.key").write_text(secret[algorithm] + "\n")
        keys.append({"id": algorithm, "algorithm": algorithm, "secret_file": f"{algorithm}.key"})
    for algorithm in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"):
        (folder / f"{algorithm}.pem").write_bytes(pem(key_of(private_keys, algorithm)))
        keys.append({"id": algorithm, "algorithm": algorithm, "public_key": f"{algorithm}.pem"})
    gateway = make_gateway(folder=folder, auth={"keys": keys})
    for name in [key["id"] for key in keys]:
        key = secret.get(name) or key_of(private_keys, name)
        for kid in (None, name):
            assert whoami(gateway, gateway.token(key=key, algorithm=name, kid=kid)) == 200, (name, kid)
        # The key fixes the algorithm: another one of the same family is refused for its id.
        other = {"HS256": "HS512", "HS512": "HS256", "RS256": "RS512", "RS512": "PS512"}.get(name)
        if other:
            assert whoami(gateway, gateway.token(key=key, algorithm=other, kid=name)) == 401, (name, other)
    strange = ec.generate_private_key(ec.SECP256R1())
    assert whoami(gateway, gateway.token(key=strange, algorithm="ES256")) == 401
    # A public key is no secret: signed with its text.
    text = pem(private_keys["RS"])
    head, body = base64url(b'{"alg":"HS256","kid":"RS256"}'), base64url(b'{"sub":"a","exp":4102444800}')
    forged = f"{head}.{body}." + base64url(hmac.digest(text, f"{head}.{body}".encode(), hashlib.sha256))
    assert whoami(gateway, forged) == 401


def jwk(key, **members):
    for kind in (jwt.algorithms.RSAAlgorithm, jwt.algorithms.ECAlgorithm, jwt.algorithms.OKPAlgorithm):
        try:
            entry = kind.to_jwk(key.public_key(), as_dict=True)
        except (jwt.exceptions.InvalidKeyError, AttributeError, TypeError):
            continue
        entry.pop("key_ops", None)
        entry.pop("alg", None)
        return entry | members
    raise AssertionError("no JWK")


def test_a_key_set_of_a_file(make_gateway, make_folder, private_keys):
    folder = make_folder()
    keys = [
        {"kty": "quantum", "kid": "odd"}, {"kty": "oct", "k": base64url(b"x" * 32), "kid": "oct"}, {}, 7,
        {"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"}, {"kty": "RSA", "n": "!", "e": "AQAB"},
        jwk(private_keys["PS"], kid="enc", use="enc"), jwk(private_keys["RS"], kid="odd-alg", alg="RSA-OAEP"),
        jwk(private_keys["RS"], kid="rsa"), jwk(private_keys["PS"], kid="ps", alg="PS256", use="sig"),
        jwk(private_keys["ES256"], kid="es"), jwk(private_keys["ES384"]), jwk(private_keys["ES512"], kid="es512"),
        jwk(private_keys["EdDSA"], kid="ed", key_ops=["verify"]),
    ]
    (folder / "keys.json").write_text(json.dumps({"keys": keys, "more": 1}))
    gateway = make_gateway(folder=folder, auth={"jwks": {"file": "keys.json"}})
    by = lambda name, algorithm, kid=None: whoami(
        gateway, gateway.token(key=private_keys[name], algorithm=algorithm, kid=kid))
    assert by("RS", "RS256") == by("RS", "RS256", "rsa") == 200
    assert by("RS", "PS256", "rsa") == by("RS", "RS512", "rsa") == by("RS", "RS512") == 401
    assert by("PS", "PS256") == by("PS", "PS256", "ps") == 200
    assert by("PS", "RS256") == by("PS", "RS256", "ps") == by("PS", "RS256", "enc") == 401
    assert by("ES256", "ES256", "es") == by("ES384", "ES384") == by("ES512", "ES512", "es512") == 200
    assert by("EdDSA", "EdDSA", "ed") == 200
    assert whoami(gateway, gateway.token(key="x" * 32, kid="oct")) == 401
    assert whoami(gateway, gateway.token()) == 200


def test_a_key_set_of_a_file_is_read_again(make_gateway, make_folder, private_keys):
    folder = make_folder()
    (folder / "keys.json").write_text(json.dumps({"keys": [jwk(private_keys["ES256"], kid="one")]}))
    gateway = make_gateway(folder=folder, auth={"jwks": {"file": "keys.json", "refresh": "1s"}})
    one = gateway.token(key=private_keys["ES256"], algorithm="ES256", kid="one")
    two = gateway.token(key=private_keys["EdDSA"], algorithm="EdDSA", kid="two")
    assert (whoami(gateway, one), whoami(gateway, two)) == (200, 401)
    (folder / "keys.json").write_text("half a")
    time.sleep(1.5)
    assert whoami(gateway, one) == 200
    (folder / "keys.json").write_text(json.dumps({"keys": [jwk(private_keys["EdDSA"], kid="two")]}))
    wait_for(lambda: whoami(gateway, two) == 200)
    assert whoami(gateway, one) == 401


class KeyServer:
    """Serves a key set, and counts how often."""

    def __init__(self):
        self.keys = []
        self.status = 200
        self.requests = 0
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                owner.requests += 1
                body = json.dumps({"keys": owner.keys}).encode()
                self.send_response(owner.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/keys"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def key_server():
    server = KeyServer()
    yield server
    server.server.shutdown()
    server.server.server_close()


def test_a_key_set_of_a_url_is_fetched_once_more_for_an_unknown_key(make_gateway, key_server, private_keys):
    key_server.keys = [jwk(private_keys["ES256"], kid="one")]
    gateway = make_gateway(auth={"jwks": {"url": key_server.url}})
    first = lambda: gateway.token(key=private_keys["ES256"], algorithm="ES256", kid="one")
    second = gateway.token(key=private_keys["EdDSA"], algorithm="EdDSA", kid="two")
    assert whoami(gateway, first()) == 200
    assert key_server.requests == 1
    key_server.keys.append(jwk(private_keys["EdDSA"], kid="two"))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: whoami(gateway, second), range(4))) == {200}
    assert key_server.requests == 2
    # Not again within the minute, whatever ids come.
    for kid in ("three", "four"):
        assert whoami(gateway, gateway.token(key=private_keys["EdDSA"], algorithm="EdDSA", kid=kid)) == 401
    assert key_server.requests == 2
    # What was fetched outlives a reload, and the source's absence.
    key_server.status = 503
    gateway.reload(auth={"issuer": "new"})
    assert whoami(gateway, gateway.token(key=private_keys["EdDSA"], algorithm="EdDSA", kid="two", iss="new")) == 200
    assert whoami(gateway, second) == 401


def test_an_unknown_key_also_holds_up_a_socket_and_a_post(make_gateway, key_server, private_keys):
    gateway = make_gateway(auth={"jwks": {"url": key_server.url}})
    key_server.keys = [jwk(private_keys["ES256"], kid="one")]
    token = gateway.token(key=private_keys["ES256"], algorithm="ES256", kid="one", scope="ingest", scans=["*"])
    assert gateway.post("a", [{"type": "t", "pad": "x" * 1000}] * 500, token).status == 202
    with gateway.sync_ws("a", token) as socket:
        assert json.loads(socket.recv(timeout=10))["seq"] == 500


def test_a_key_set_is_refreshed(make_gateway, key_server, private_keys):
    key_server.keys = [jwk(private_keys["ES256"], kid="one")]
    gateway = make_gateway(auth={"jwks": {"url": key_server.url, "refresh": "1s"}, "issuer": None})
    token = lambda **claims: gateway.token(key=private_keys["ES256"], algorithm="ES256", **claims)
    assert whoami(gateway, token()) == 200
    # A refresh after a reload goes by the new configuration.
    gateway.reload(auth={"issuer": "new"})
    count = key_server.requests
    wait_for(lambda: key_server.requests >= count + 2)
    assert whoami(gateway, token(iss="new")) == 200
    assert whoami(gateway, token()) == 401
    key_server.keys = [jwk(private_keys["EdDSA"], kid="two")]
    wait_for(lambda: whoami(gateway, token(iss="new")) == 401)
    assert whoami(gateway, gateway.token(key=private_keys["EdDSA"], algorithm="EdDSA", iss="new")) == 200


def test_ingest_keys(make_gateway):
    digest = lambda key: hashlib.sha256(key.encode()).hexdigest()
    gateway = make_gateway(auth={"ingest_keys": [
        {"name": "nmap", "sha256": digest("secret-1"), "scans": ["nmap-*"]},
        {"name": "any", "sha256": digest("secret-2").upper()},
    ]})
    assert gateway.post("nmap-1", {"type": "t"}, "secret-1").status == 202
    assert gateway.post("zap-1", {"type": "t"}, "secret-1").status == 403
    assert gateway.post("zap-1", {"type": "t"}, "secret-2").status == 202
    assert gateway.post("nmap-1", {"type": "t"}, "secret-3").status == 401
    assert gateway.post("nmap-1", {"type": "t"}, digest("secret-1")).status == 401
    # They post, and nothing else; and stand in the Authorization field alone.
    assert gateway.refusal("nmap-1", "secret-1").status == 403
    assert gateway.get("/api/scans/nmap-1", "secret-2").status == 403
    assert gateway.request("POST", "/api/tickets", token="secret-2").status == 403
    assert gateway.request("POST", "/api/scans/nmap-1/progress?token=secret-1", {"type": "t"}).status == 401
    assert gateway.request("PUT", "/api/scans/nmap-2", {"owner": "u"}, token="secret-1").status == 201
    assert gateway.request("DELETE", "/api/scans/nmap-2", token="secret-1").status == 204


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
        is_refused(gateway.get(f"/api/scans/{scan}{part}", token), 403, "forbidden")
        is_refused(gateway.get(f"/api/scans/{scan}{part}", gateway.reader()), 404, "scan_not_found")


def test_who_may_post(gateway, scan):
    for token in (gateway.token(scope="ingest"), gateway.token(scope="read ingest x"), gateway.admin(),
                  gateway.token(scope="ingest", scans=[scan[:8] + "*"])):
        assert gateway.post(scan, {"type": "t"}, token).status == 202
    for token in (gateway.reader(), gateway.token(scope="ingester"), gateway.token(scope="read", scans=[scan]),
                  gateway.token(scope="ingest", scans=["other"]), gateway.token(scope="ingest", scans=[])):
        is_refused(gateway.post(scan, {"type": "t"}, token), 403, "forbidden")
    is_refused(gateway.post(scan, {"type": "t"}, "a.b.c"))


def test_the_admins_actions_are_the_admins(gateway):
    for path, body in (("/api/users/x/disconnect", None), ("/api/tokens/revoke", {"jti": "x"})):
        is_refused(gateway.request("POST", path, body, token=gateway.reader()), 403, "forbidden")
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
        is_refused(gateway.get("/api/scans/a/events", gateway.reader(), headers), 403, "origin_refused")
        answer = gateway.request("POST", "/api/tickets", token=gateway.reader(), headers=headers)
        is_refused(answer, 403, "origin_refused")
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
    assert b"event: close\n" in answer.body and b"4401" in answer.body


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
        assert b"event: close\n" in stream.result(20).body
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
    is_refused(gateway.get("/api/scans/stats", revoked))
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
