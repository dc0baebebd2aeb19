"""Servers whose users prove themselves by a key: operator, account and users are made here, as their tools make them."""

import base64
import binascii
import json
import os
import shutil
import tempfile
import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from servers import Servers
from test_gateways import cluster, contract, post, receive, scan  # noqa: F401

SEED, KINDS = 18 << 3, {"operator": 14 << 3, "account": 0, "user": 20 << 3}
FOREVER = -1


def base32(data):
    return base64.b32encode(data + binascii.crc_hqx(data, 0).to_bytes(2, "little")).decode().rstrip("=")


def part(value):
    return base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).rstrip(b"=")


class Party:
    """An operator, an account or a user: a key, and what is said of it."""

    def __init__(self, kind):
        self.kind, self.key = kind, Ed25519PrivateKey.generate()
        raw = serialization.Encoding.Raw
        self.public = base32(bytes([KINDS[kind]])
                             + self.key.public_key().public_bytes(raw, serialization.PublicFormat.Raw))
        secret = self.key.private_bytes(raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())
        self.seed = base32(bytes([SEED | KINDS[kind] >> 5, (KINDS[kind] & 31) << 3]) + secret)

    def vouches(self, other, **claims):
        """A JWT in which this party says something of another."""
        body = {"jti": os.urandom(16).hex(), "iat": int(time.time()), "iss": self.public, "sub": other.public,
                "name": other.kind, "nats": {"type": other.kind, "version": 2, **claims}}
        text = part({"typ": "JWT", "alg": "ed25519-nkey"}) + b"." + part(body)
        return (text + b"." + part(self.key.sign(text))).decode()


def credentials(account, **claims):
    """The text of a `.creds` file for a new user of an account."""
    user = Party("user")
    token = account.vouches(user, subs=FOREVER, data=FOREVER, payload=FOREVER, **claims)
    return (f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
            "************************* IMPORTANT *************************\n"
            "NKEY Seed printed below can be used to sign and prove identity.\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n")


@pytest.fixture
def operated():
    """Three servers under an operator, and an account that may use JetStream."""
    operator, account, system = Party("operator"), Party("account"), Party("account")
    names = ("subs", "data", "payload", "imports", "exports", "conn", "leaf")
    limits = dict.fromkeys(names, FOREVER) | {"wildcards": True}
    store = dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), FOREVER)
    folder = tempfile.mkdtemp(prefix="sluice-cluster-")
    servers = Servers(folder, more=f"""
operator: {operator.vouches(operator)}
system_account: {system.public}
resolver: MEMORY
resolver_preload {{
    {account.public}: {operator.vouches(account, limits=limits | store)}
    {system.public}: {operator.vouches(system, limits=limits)}
}}
""")
    for index in range(3):
        servers.start(index)
    servers.wait()
    yield servers, account
    servers.stop()
    shutil.rmtree(folder, ignore_errors=True)


def test_a_gateway_proves_itself_by_its_credentials(cluster, operated, scan):  # noqa: F811
    servers, account = operated
    # What docs and deploy say that gateways need, and nothing else.
    allowed = {"pub": {"allow": ["keyed.>", "$JS.API.>", "_INBOX.>"]},
               "sub": {"allow": ["keyed.>", "_INBOX.>", "$JS.EVENT.ADVISORY.STREAM.LEADER_ELECTED.*"]}}
    nats = {"servers": servers.urls.split(","), "name": "keyed", "shards": 2, "credentials": "gateway.creds"}
    good = credentials(account, **allowed)
    nodes = [cluster.start(f"keyed{index}", {"gateway.creds": good}, engine={"nats": nats}) for index in range(2)]
    wrong = []
    try:
        assert [post(nodes[number % 2], scan, number) for number in range(10)] == list(range(1, 11))
        assert receive(nodes[1], scan, 10, since=0) == {number + 1: number for number in range(10)}
        # Another server has another nonce to be signed.
        servers.processes[0].kill()
        servers.processes[0].wait()
        contract.wait_for(lambda: post(nodes[0], scan, "later", key="later"), timeout=40)
        servers.start(0)
        servers.wait()
        # A user of an account that nobody vouches for, and one whose key is another's: never ready, and the log says why.
        stranger = credentials(Party("account"))
        lines = good.splitlines()
        lines[-2] = Party("user").seed
        for name, text in (("stranger", stranger), ("thief", "\n".join(lines) + "\n")):
            wrong.append(cluster.start(name, {"gateway.creds": text}, waits=False, engine={"nats": nats}))
        for node in wrong:
            contract.wait_for(lambda: "Authorization Violation" in node.log(), timeout=20)
            assert not cluster.is_ready(node)
        token, seed = lines[1], good.splitlines()[-2]
        for node in nodes + wrong:
            log = node.log()
            assert seed not in log and token not in log and "Permissions Violation" not in log
    finally:
        for node in nodes + wrong:
            node.kill()


@pytest.mark.parametrize("harm", ["no seed", "a seed that is mistyped", "empty"])
def test_a_file_that_holds_no_credentials_is_refused(cluster, operated, harm):  # noqa: F811
    servers, account = operated
    text = credentials(account)
    seed = text.splitlines()[-2]
    text = {"no seed": text.replace(seed, ""), "empty": "",
            "a seed that is mistyped": text.replace(seed, seed[:20] + ("A" if seed[20] != "A" else "B") + seed[21:])}[harm]
    nats = {"servers": servers.urls.split(","), "name": "keyed", "credentials": "gateway.creds"}
    with pytest.raises(AssertionError, match="not a file of credentials"):
        cluster.start("harmed", {"gateway.creds": text}, waits=False, engine={"nats": nats})
