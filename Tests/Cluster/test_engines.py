"""Servers of NATS as operators have them: with TLS and passwords, far away, full."""

import json
import re
import shutil
import signal
import socket as sockets
import subprocess
import tempfile
import threading
import time
import urllib.request
import uuid

import pytest

from servers import Servers
from test_gateways import cluster, contract, post, receive, scan  # noqa: F401
from test_losses import Raw, shard

EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def openssl(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def locked(tmp_path):
    """Three servers that want TLS, a certificate of their authority, a user and a password; and their files."""
    openssl(tmp_path, "req", "-x509", *EC, "-days", "2", "-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.crt")
    for name, alternatives in (("server", "IP:127.0.0.1"), ("gateway", "DNS:gateway")):
        openssl(tmp_path, "req", *EC, "-subj", f"/CN={name}", "-addext", f"subjectAltName={alternatives}", "-keyout",
                f"{name}.key", "-out", f"{name}.csr")
        openssl(tmp_path, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-days", "2",
                "-copy_extensions", "copy", "-out", f"{name}.crt")
    folder = tempfile.mkdtemp(prefix="sluice-cluster-")
    servers = Servers(folder, more=f"""
tls {{ cert_file: "{tmp_path}/server.crt", key_file: "{tmp_path}/server.key", ca_file: "{tmp_path}/ca.crt", verify: true }}
authorization {{ user: gateways, password: "s3cret word" }}
""")
    for index in range(3):
        servers.start(index)
    servers.wait()
    yield servers, tmp_path
    servers.stop()
    shutil.rmtree(folder, ignore_errors=True)


def test_tls_client_certificate_and_password(cluster, locked, scan):  # noqa: F811
    servers, folder = locked
    files = {name: (folder / name).read_text() for name in ("ca.crt", "gateway.crt", "gateway.key")}
    files["password"] = "s3cret word\n"
    nats = {"servers": servers.urls.split(","), "name": "locked", "shards": 2, "user": "gateways",
            "password_file": "password",
            "tls": {"ca": "ca.crt", "certificate": "gateway.crt", "private_key": "gateway.key"}}
    nodes = [cluster.start(f"locked{index}", files, engine={"nats": nats}) for index in range(2)]
    wrong = []
    try:
        assert [post(nodes[number % 2], scan, number) for number in range(10)] == list(range(1, 11))
        assert receive(nodes[1], scan, 10, since=0) == {number + 1: number for number in range(10)}
        # Its server dies under a gateway: it goes to another, with TLS again.
        for index in range(2):
            servers.processes[index].kill()
            servers.processes[index].wait()
            contract.wait_for(lambda: post(nodes[0], scan, f"key{index}", key=f"key{index}"), timeout=40)
            servers.start(index)
            servers.wait()
        # A wrong password, and no certificate: never ready, and the log says why.
        for name, change in (("password", {"password_file": "wrong"}),
                             ("certificate", {"tls": {"ca": "ca.crt", "certificate": None, "private_key": None}})):
            terms = {"nats": contract.merged(nats, change)}
            wrong.append(cluster.start(name, files | {"wrong": "other\n"}, waits=False, engine=terms))
        contract.wait_for(lambda: "Authorization Violation" in wrong[0].log(), timeout=20)
        contract.wait_for(lambda: "engine not reachable" in wrong[1].log(), timeout=20)
        assert not any(cluster.is_ready(node) for node in wrong)
        assert all("s3cret" not in node.log() for node in nodes + wrong)
    finally:
        for node in nodes + wrong:
            node.kill()


class FarAway(threading.Thread):
    """Passes connections on to a server, each piece later by so many seconds."""

    def __init__(self, target, delay):
        super().__init__(daemon=True)
        host, port = target.split(":")
        self.target, self.delay = (host, int(port)), delay
        self.listener = sockets.create_server(("127.0.0.1", 0))
        self.address = f"nats://127.0.0.1:{self.listener.getsockname()[1]}"
        self.start()

    def run(self):
        while True:
            try:
                one = self.listener.accept()[0]
            except OSError:
                return
            other = sockets.create_connection(self.target)
            for pair in ((one, other), (other, one)):
                threading.Thread(target=self.carry, args=pair, daemon=True).start()

    def carry(self, source, sink):
        try:
            while data := source.recv(1 << 16):
                time.sleep(self.delay)
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            end.close()


def test_servers_that_are_slow_make_posts_late_and_nothing_else(cluster, scan):  # noqa: F811
    far = [FarAway(address, 0.1) for address in cluster.servers.clients]
    engine = {"nats": {"servers": [one.address for one in far], "name": "test", "shards": 3}}
    node = cluster.start("far-away", engine=engine)
    try:
        for number in range(8):
            # Another gateway, nearby, writes to the same scan.
            assert post(cluster.nodes[0], scan, f"near{number}") is not None
            assert post(node, scan, f"far{number}") is not None
        shown = [{message["n"]: message["seq"] for message in one.messages(scan)} for one in (node, cluster.nodes[1])]
        assert shown[0] == shown[1] and sorted(shown[0].values()) == list(range(1, 17))
    finally:
        node.kill()
        for one in far:
            one.listener.close()


def test_streams_that_are_full_and_may_not_discard(cluster):  # noqa: F811
    prefix = f"f{uuid.uuid4().hex[:8]}"
    stream = f"{prefix.upper()}_LOG_0"
    engine = {"nats": {"servers": cluster.servers.urls.split(","), "name": prefix, "shards": 1, "append_timeout": "2s"}}
    node = cluster.start(prefix, engine=engine)
    raw = Raw(cluster.servers.urls.split(",")[0])
    try:
        assert post(node, "full", 1, key="k1") == 1
        config = raw.ask(f"$JS.API.STREAM.INFO.{stream}")["config"]
        narrow = config | {"discard": "new", "max_bytes": 200_000}
        assert "error" not in raw.ask(f"$JS.API.STREAM.UPDATE.{stream}", json.dumps(narrow).encode())
        refused = None
        for number in range(2, 12):
            answer = node.post("full", {"type": "finding", "n": number, "pad": "x" * 40_000},
                               headers={"Idempotency-Key": f"k{number}"})
            if answer.status != 202:
                refused = number
                break
        assert refused and answer.status == 503 and answer.json()["code"] == "storage_unavailable", answer.status
        # What is there is served.
        assert len(node.messages("full")) == refused - 1
        assert "error" not in raw.ask(f"$JS.API.STREAM.UPDATE.{stream}", json.dumps(config).encode())
        contract.wait_for(lambda: post(node, "full", refused, key=f"k{refused}x") == refused, timeout=20)
        assert [message["seq"] for message in node.messages("full")] == list(range(1, refused + 1))
    finally:
        raw.close()
        node.kill()


def led(servers):
    """Which server leads each shard's stream, by the words of all of them."""
    found = {}
    for monitor in servers.monitors:
        with urllib.request.urlopen(f"http://{monitor}/jsz?accounts=1&streams=1", timeout=5) as answer:
            for account in json.load(answer)["account_details"]:
                for stream in account.get("stream_detail", []):
                    if stream["name"].startswith("TEST_LOG_"):
                        found[int(stream["name"][9:])] = int(stream["cluster"]["leader"][1:])
    return found


def test_a_server_that_stands_still_delays_no_post_that_another_takes(cluster, scan):  # noqa: F811
    # A gateway that waited until its pings are missed would refuse these posts.
    nats = {"servers": cluster.servers.urls.split(","), "name": "test", "shards": 3, "append_timeout": "2s"}
    node = cluster.start("hasty", engine={"nats": nats})
    try:
        cluster.servers.wait()
        contract.wait_for(lambda: len(led(cluster.servers)) == 3, timeout=30)
        leaders = led(cluster.servers)
        used = {f"127.0.0.1:{port}" for port in re.findall(r"engine connected.*server=nats://127.0.0.1:(\d+)", node.log())}
        # One that it is connected to, and that does not lead everything.
        index = next(index for index, address in enumerate(cluster.servers.clients)
                     if address in used and any(leader != index for leader in leaders.values()))
        scans = [one for number in range(30) if leaders[shard(one := f"{scan}.{number}")] != index]
        assert post(node, scan, "before") is not None
        cluster.servers.processes[index].send_signal(signal.SIGSTOP)
        try:
            assert [post(node, one, "still") for one in scans] == [1] * len(scans)
        finally:
            cluster.servers.processes[index].send_signal(signal.SIGCONT)
        assert "others are linked better" in node.log()
    finally:
        node.kill()
