"""Keys that tokens are verified with: of files, of key sets, and of scanners."""

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
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from conftest import base64url, is_problem, wait_for, whoami


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


def test_an_entry_that_is_passed_over_is_said_once_with_its_reason(make_gateway, make_folder, key_server, private_keys):
    good = jwk(private_keys["ES256"], kid="good", use=None, alg=None, key_ops=None)
    enc = jwk(private_keys["RS"], kid="enc", use="enc")
    key_server.keys = [enc, good]
    gateway = make_gateway(auth={"jwks": {"url": key_server.url, "refresh": "1s"}})
    assert whoami(gateway, gateway.token(key=private_keys["ES256"], algorithm="ES256", kid="good")) == 200
    told = lambda: [line for line in gateway.log().splitlines() if "key set entry passed over" in line]
    wait_for(lambda: key_server.requests >= 3)
    assert len(told()) == 1 and "entry 0 (kid enc) has a use that is not sig" in told()[0], told()
    # Another set is logged again, also by a reload.
    key_server.keys = [good, enc, {"kty": "quantum"}]
    wait_for(lambda: len(told()) == 3)
    assert "entry 1 (kid enc)" in told()[1] and "entry 2 has a kty that is not known" in told()[2]
    # Of a file's entries `check` and the start warn.
    folder = make_folder()
    (folder / "keys.json").write_text(json.dumps({"keys": [enc, good]}))
    gateway = make_gateway(folder=folder, auth={"jwks": {"file": "keys.json", "refresh": "1s"}})
    time.sleep(2.5)
    lines = [line for line in gateway.log().splitlines() if "(kid enc)" in line]
    assert len(lines) == 1 and "auth.jwks.file" in lines[0] and "has a use that is not sig" in lines[0], lines


def test_a_claim_of_the_wrong_type_is_named_in_the_log(make_gateway):
    gateway = make_gateway()
    is_problem(gateway.get("/api/scans/stats", gateway.token(scans={"team": 7})))
    wait_for(lambda: "credential refused" in gateway.log())
    line = next(line for line in gateway.log().splitlines() if "credential refused" in line)
    assert "claim=scans" in line and "no array of strings" in line and "team" not in gateway.log()
    # No claim at all is nothing to be refused for.
    nulls = {name: None for name in ("scans", "roles", "scope", "jti", "nbf", "iat", "aud")}
    assert whoami(gateway, gateway.token(**nulls)) == 200


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
    # A fetched set outlives a reload, and the source's absence.
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
