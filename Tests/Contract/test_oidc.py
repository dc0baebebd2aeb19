"""Keys that are found by an issuer's discovery document (OpenID Connect)."""

import http.server
import json
import ssl
import threading
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from conftest import closing, is_problem, read_until, wait_for, whoami
from test_config import check


class Issuer:
    """An identity provider: its document, its keys, and what was asked of it."""

    def __init__(self, port=0, tls=None):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.document = {}
        self.is_away = False
        self.asked = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                body = None
                if self.path == "/realms/a/.well-known/openid-configuration":
                    body = {"issuer": outer.url, "jwks_uri": f"{outer.base}/keys"} | outer.document
                elif self.path == "/keys":
                    key = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(outer.key.public_key()))
                    body = {"keys": [key | {"kid": "one", "alg": "ES256", "use": "sig"}]}
                body = json.dumps(body).encode()
                self.send_response(500 if outer.is_away else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.base = f"{'https://localhost' if tls else 'http://127.0.0.1'}:{self.server.server_address[1]}"
        self.url = f"{self.base}/realms/a"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def token(self, kid="one", key=None, **claims):
        now = int(time.time())
        payload = {"sub": "alice", "iss": self.url, "iat": now, "exp": now + 600, "scans": ["*"]} | claims
        return jwt.encode(payload, key or self.key, algorithm="ES256", headers={"kid": kid} if kid else None)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def issuer():
    issuer = Issuer()
    yield issuer
    issuer.close()


def test_an_issuer_is_found_by_its_name(make_gateway, issuer, scan):
    gateway = make_gateway(auth={"oidc": {"issuer": issuer.url}})
    gateway.post(scan, {"type": "a"}, gateway.producer(iss=issuer.url))
    assert gateway.get(f"/api/scans/{scan}", issuer.token()).status == 200
    assert gateway.get(f"/api/scans/{scan}", issuer.token(kid=None)).status == 200
    assert issuer.asked == ["/realms/a/.well-known/openid-configuration", "/keys"]
    # Its name is required of all tokens, those of the gateway's own keys too.
    is_problem(gateway.get("/api/scans/stats", issuer.token(iss=issuer.url + "/")))
    is_problem(gateway.get("/api/scans/stats", gateway.reader()))
    is_problem(gateway.get("/api/scans/stats", issuer.token(key=ec.generate_private_key(ec.SECP256R1()))))


def test_an_issuer_that_is_away_does_not_stop_the_start(make_gateway, issuer, scan):
    issuer.is_away = True
    gateway = make_gateway(auth={"oidc": {"issuer": issuer.url}})
    for kid in ("one", None):
        is_problem(gateway.get("/api/scans/stats", issuer.token(kid=kid)), 503, "auth_unavailable")
    refusal = gateway.refusal(scan, token=issuer.token())
    assert (refusal.status, refusal.code) == (503, "auth_unavailable")
    # Tokens of keys that are there are good or bad as ever.
    own = gateway.reader(iss=issuer.url)
    assert whoami(gateway, own) == 200
    is_problem(gateway.get("/api/scans/stats", gateway.reader(iss="https://other")))
    is_problem(gateway.get("/api/scans/stats", "x.y.z"))
    wait_for(lambda: "key set not fetched" in gateway.log())
    issuer.is_away = False
    wait_for(lambda: whoami(gateway, issuer.token()) == 200, interval=0.2)
    # Once it was reached, its keys stay in force, and others are none.
    issuer.is_away = True
    assert whoami(gateway, issuer.token()) == 200
    is_problem(gateway.get("/api/scans/stats", issuer.token(kid="two")))


@pytest.mark.parametrize("document", [
    {"issuer": "http://127.0.0.1:1/realms/a"}, {"issuer": None}, {"jwks_uri": None},
    {"jwks_uri": "http://192.0.2.1/keys"}, {"jwks_uri": "file:///etc/passwd"},
], ids=str)
def test_a_document_that_is_not_its_own_is_not_believed(make_gateway, issuer, document):
    issuer.document = document
    gateway = make_gateway(auth={"oidc": {"issuer": issuer.url}})
    is_problem(gateway.get("/api/scans/stats", issuer.token()), 503, "auth_unavailable")
    assert "/keys" not in issuer.asked
    issuer.document = {}
    wait_for(lambda: whoami(gateway, issuer.token()) == 200, interval=0.2)


def test_keys_that_an_issuer_withdraws_end_connections(make_gateway, issuer, scan):
    gateway = make_gateway(auth={"oidc": {"issuer": issuer.url, "refresh": "1s"}})
    gateway.post(scan, {"type": "a"}, gateway.producer(iss=issuer.url))
    with gateway.sync_ws(scan, issuer.token()) as live:
        read_until(live, "subscribed")
        issuer.key = ec.generate_private_key(ec.SECP256R1())
        assert closing(live) == (4401, "key withdrawn")
    assert whoami(gateway, issuer.token()) == 200


def test_the_issuer_is_verified_by_its_authority(make_gateway, certificates):
    issuer = Issuer(tls=(certificates / "other.crt", certificates / "other.key"))
    try:
        gateway = make_gateway(auth={"oidc": {"issuer": issuer.url}})
        is_problem(gateway.get("/api/scans/stats", issuer.token()), 503, "auth_unavailable")
        trusted = make_gateway(auth={"oidc": {"issuer": issuer.url, "ca": str(certificates / "other.crt")}})
        assert whoami(trusted, issuer.token()) == 200
    finally:
        issuer.close()


@pytest.mark.parametrize("auth, fault", [
    ("oidc: { issuer: http://idp.example }", "auth.oidc.issuer: expected https://"),
    ("oidc: { issuer: 'https://idp.example?x' }", "auth.oidc.issuer: expected an address with https://"),
    ("{ issuer: a, oidc: { issuer: https://idp.example } }", "auth.oidc.issuer: auth.issuer says it already"),
    ("{ jwks: { url: https://a }, oidc: { issuer: https://idp.example } }", "auth.oidc.issuer: auth.jwks.url says already"),
])
def test_faults(make_folder, auth, fault):
    auth = auth if auth.startswith("{") else "{ " + auth + " }"
    text = f"listen: {{ plaintext: true, host: 127.0.0.1 }}\nauth: {auth}\n"
    result = check(make_folder(), text)
    assert result.returncode == 78 and fault in result.stderr, result
