"""Three gateways over three servers of NATS: they are one gateway to producers and subscribers."""

import concurrent.futures
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid

import pytest

from servers import Servers


sys.path.append(str(pathlib.Path(__file__).parents[1] / "Contract"))

import conftest as contract
from test_hooks import Receiver, hook


class Cluster:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-cluster-"))
        self.servers = Servers(str(self.folder))
        for index in range(3):
            self.servers.start(index)
        self.servers.wait()
        self.secret = os.urandom(32).hex().encode()
        self.nodes = []
        for index in range(3):
            self.nodes.append(self.start(f"node{index}"))

    def start(self, name, files={}, waits=True, **overrides):
        folder = self.folder / f"{name}-{uuid.uuid4().hex[:6]}"
        folder.mkdir()
        (folder / "jwt.key").write_bytes(self.secret)
        (folder / "jwt.key").chmod(0o600)
        for file, text in files.items():
            (folder / file).write_text(text)
        base = contract.merged(contract.BASE, {"listen": {"plaintext": True}})
        base.pop("tls")
        engine = {"nats": {"servers": self.servers.urls.split(","), "name": "test", "shards": 3}}
        config = contract.merged(base, {"engine": engine, "node": {"name": name}} | overrides)
        gateway = contract.Gateway(folder, config)
        if not waits:
            return gateway
        contract.wait_for(lambda: self.is_ready(gateway), timeout=60)
        return gateway

    @staticmethod
    def is_ready(gateway):
        assert gateway.process.poll() is None, gateway.log()
        connection = contract.http.client.HTTPConnection("127.0.0.1", gateway.admin_port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        finally:
            connection.close()

    def stop(self):
        for node in self.nodes:
            node.kill()
        self.servers.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="module")
def cluster():
    cluster = Cluster()
    yield cluster
    cluster.stop()


@pytest.fixture
def scan():
    return f"scan.{uuid.uuid4().hex}"


def receive(node, scan, count, since=None, timeout=60):
    """Messages of a subscription, by their numbers, until there are so many."""
    found = {}
    path = scan if since is None else f"{scan}?since={since}"
    end = time.monotonic() + timeout
    with node.sync_ws(path) as socket:
        while len(found) < count:
            assert time.monotonic() < end, f"{len(found)} of {count}"
            frame = json.loads(socket.recv(timeout=timeout))
            for message in frame["messages"] if frame["type"] == "batch" else [frame]:
                if "seq" in message and "n" in message:
                    assert message["seq"] not in found, f"{message['seq']} came twice"
                    found[message["seq"]] = message["n"]
    return found


def post(node, scan, number, key=None):
    """One message; its number, or nothing where it was not taken."""
    headers = {"Idempotency-Key": key} if key else {}
    answer = node.post(scan, {"type": "finding", "n": number}, headers=headers)
    return answer.json()["firstSeq"] if answer.status == 202 else None


def test_a_scan_is_one_scan_on_every_node(cluster, scan):
    assert post(cluster.nodes[0], scan, "first") == 1
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        watching = [pool.submit(receive, node, scan, 151, since=0) for node in cluster.nodes]
        posting = {
            f"{index}-{number}": pool.submit(post, node, scan, f"{index}-{number}")
            for number in range(50)
            for index, node in enumerate(cluster.nodes)
        }
        told = {text: future.result() for text, future in posting.items()} | {"first": 1}
        seen = [future.result() for future in watching]
    assert sorted(told.values()) == list(range(1, 152))
    for messages in seen:
        assert {text: seq for seq, text in messages.items()} == told
    # History, state and statistics are the same everywhere.
    for node in cluster.nodes:
        assert [message["seq"] for message in node.messages(scan)] == list(range(1, 152))
        state = node.get(f"/api/scans/{scan}", node.admin()).json()
        assert state["seq"] == 151


def test_keys_and_owners_hold_on_every_node(cluster, scan):
    keys = [f"{scan}-{number}" for number in range(20)]
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        told = [[pool.submit(post, node, scan, key, key) for node in cluster.nodes] for key in keys]
        for futures in told:
            assert len({future.result() for future in futures}) == 1
    assert len(cluster.nodes[1].messages(scan)) == 20
    other = f"{scan}.owned"
    statuses = [
        node.post(other, {"type": "finding", "n": 1}, headers={"Scan-Owner": owner}).status
        for node, owner in zip(cluster.nodes, ["a", "b", "a"])
    ]
    assert statuses == [202, 409, 202]


def test_a_deleted_scan_is_gone_everywhere_and_begins_anew(cluster, scan):
    for number in range(3):
        assert post(cluster.nodes[number], scan, number) == number + 1
    epoch = cluster.nodes[0].get(f"/api/scans/{scan}", cluster.nodes[0].admin()).json()["epoch"]
    assert cluster.nodes[1].request("DELETE", f"/api/scans/{scan}", token=cluster.nodes[1].admin()).status == 204
    contract.wait_for(
        lambda: all(node.get(f"/api/scans/{scan}", node.admin()).status == 404 for node in cluster.nodes)
    )
    assert post(cluster.nodes[2], scan, "again") == 1
    state = cluster.nodes[0].get(f"/api/scans/{scan}", cluster.nodes[0].admin()).json()
    assert state["seq"] == 1 and state["epoch"] != epoch


def test_nodes_know_each_other(cluster):
    def names():
        answer = cluster.nodes[0].get("/api/nodes", cluster.nodes[0].admin())
        assert answer.status == 200
        return [node["name"] for node in answer.json()["nodes"]]

    contract.wait_for(lambda: names() == ["node0", "node1", "node2"])
    assert cluster.nodes[0].get("/api/nodes", cluster.nodes[0].reader()).status == 403
    metrics = cluster.nodes[0].metrics()
    assert metrics["sluice_engine_nodes"] == 3
    assert [metrics[f'sluice_engine_up{{shard="{shard}"}}'] for shard in range(3)] == [1, 1, 1]


def test_lists_and_statistics_are_of_all_nodes(cluster, scan):
    scans = [f"{scan}.{number}" for number in range(6)]
    for number, name in enumerate(scans):
        for _ in range(number + 1):
            assert cluster.nodes[number % 3].post(name, {"type": "finding", "n": 1}).status == 202

    def counts(node):
        listed = node.get("/api/scans/stats", node.admin()).json()["scans"]
        return {one["scan_id"]: one["message_count"] for one in listed if one["scan_id"] in scans}

    expected = {name: number + 1 for number, name in enumerate(scans)}
    for node in cluster.nodes:
        contract.wait_for(lambda: counts(node) == expected, timeout=5)


def test_history_is_read_page_by_page_where_nobody_wrote(cluster, scan):
    pad = "x" * 2000
    for start in range(0, 600, 100):
        messages = [{"type": "finding", "n": start + number, "pad": pad} for number in range(100)]
        assert cluster.nodes[0].post(scan, messages).status == 202
    found, since = [], 0
    while since is not None:
        answer = cluster.nodes[2].get(
            f"/api/scans/{scan}/messages?since={since}&limit=70", cluster.nodes[2].admin()).json()
        found += answer["messages"]
        since = answer["next"]
    assert [(message["seq"], message["n"]) for message in found] == [(number + 1, number) for number in range(600)]
    assert sorted(receive(cluster.nodes[1], scan, 300, since=300)) == list(range(301, 601))


def test_of_several_nodes_one_tells_receivers_of_hooks(cluster, scan):
    key = os.urandom(32)
    with Receiver(key) as receiver:
        keyFolder = cluster.folder / uuid.uuid4().hex
        keyFolder.mkdir()
        hooks = [hook(keyFolder, key, receiver.port)]
        files = {"hook.key": (keyFolder / "hook.key").read_text()}
        nodes = [
            cluster.start(f"hooked{number}", files, hooks=hooks, relay={"stall_after": "1s"}) for number in range(3)
        ]
        try:
            kinds = ["phase", "finding", "finding", "scanCompleted"]
            for number, kind in enumerate(kinds):
                assert nodes[number % 3].post(scan, {"type": kind}).status == 202
                # Each node has the scan open, and sees what others write.
                for node in nodes:
                    contract.wait_for(lambda: len(node.messages(scan)) == number + 1)
            contract.wait_for(lambda: receiver.kinds() == ["scanStarted", "scanCompleted"])
            assert nodes[1].post(scan, {"type": "finding"}).status == 202
            contract.wait_for(lambda: receiver.kinds()[2:] == ["scanStalled"], timeout=20)
            assert nodes[2].post(scan, {"type": "error", "message": "no route"}).status == 202
            contract.wait_for(lambda: sorted(receiver.kinds()[3:]) == ["scanFailed", "scanResumed"])
        finally:
            for node in nodes:
                node.kill()
        assert len(receiver.taken) == 5 and receiver.faults == []


def test_no_two_nodes_have_one_name(cluster):
    second = cluster.start("node1", waits=False)
    assert second.wait(20) == 78
    assert "another gateway is called node1" in second.log()
    assert cluster.is_ready(cluster.nodes[1])


def ledger(cluster, scan, seconds, disturb):
    """Posts on every node with keys, and repeats elsewhere, while something happens; what was acknowledged."""
    acknowledged = {}
    ending = threading.Event()

    def produce(index):
        number = 0
        while not ending.is_set():
            text = f"{index}-{number}"
            for attempt in range(60):
                node = cluster.nodes[(index + attempt) % 3]
                try:
                    seq = post(node, scan, text, key=f"{scan}-{text}")
                except OSError:
                    seq = None
                if seq is not None:
                    acknowledged[text] = seq
                    break
                time.sleep(0.2)
            number += 1
            time.sleep(0.01)

    producers = [threading.Thread(target=produce, args=(index,)) for index in range(3)]
    for producer in producers:
        producer.start()
    try:
        disturb()
        time.sleep(seconds)
    finally:
        ending.set()
        for producer in producers:
            producer.join()
    return acknowledged


def check(cluster, scan, acknowledged):
    for node in cluster.nodes:
        found = {}
        since = 0
        while True:
            page = node.messages(scan, since)
            if not page:
                break
            for message in page:
                found[message["seq"]] = message["n"]
            since = page[-1]["seq"]
        assert sorted(found) == list(range(1, len(found) + 1))
        assert len(set(found.values())) == len(found), "a message stands twice"
        for text, seq in acknowledged.items():
            assert found.get(seq) == text, f"{text} was acknowledged as {seq}"


def test_a_gateway_that_is_killed_takes_nothing_with_it(cluster, scan):
    def disturb():
        time.sleep(1)
        cluster.nodes[2].process.send_signal(signal.SIGKILL)
        time.sleep(1)
        cluster.nodes[2].process.wait()
        cluster.nodes[2] = cluster.start("node2")

    acknowledged = ledger(cluster, scan, 2, disturb)
    assert len(acknowledged) > 50
    check(cluster, scan, acknowledged)


@pytest.mark.parametrize("index", range(3))
def test_an_engine_server_that_is_killed_takes_nothing_with_it(cluster, scan, index):
    def disturb():
        time.sleep(1)
        cluster.servers.processes[index].kill()
        cluster.servers.processes[index].wait()
        time.sleep(10)
        cluster.servers.start(index)
        cluster.servers.wait()

    acknowledged = ledger(cluster, scan, 4, disturb)
    assert len(acknowledged) > 50
    check(cluster, scan, acknowledged)


def test_check_asks_the_engine(cluster, tmp_path):
    node = cluster.nodes[0]

    def run(**nats):
        config = contract.merged(node.config, {"engine": {"nats": nats}})
        (tmp_path / "config.yaml").write_text(json.dumps(config))
        (tmp_path / "jwt.key").write_bytes(cluster.secret)
        (tmp_path / "jwt.key").chmod(0o600)
        found = subprocess.run(
            [contract.SLUICE, "check", "--engine", "--config", str(tmp_path / "config.yaml")],
            capture_output=True, text=True, env=contract.clean_environment())
        return found.returncode, found.stdout + found.stderr

    code, text = run()
    assert code == 0, text
    code, text = run(shards=5)
    assert code == 78 and "shards" in text
    code, text = run(servers=["nats://127.0.0.1:1"])
    assert code == 69, text
