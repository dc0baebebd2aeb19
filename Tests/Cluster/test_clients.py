"""The commands with several addresses: what one gateway does not take goes on at the next."""

import json
import os
import signal
import subprocess
import threading
import time
import uuid

import pytest
import yaml

from test_gateways import Cluster, contract


@pytest.fixture(scope="module")
def cluster():
    cluster = Cluster()
    yield cluster
    cluster.stop()


@pytest.fixture
def scan():
    return f"scan.{uuid.uuid4().hex}"


def command(cluster, *words, **more):
    """The program with all addresses, and a token that may do everything."""
    node = cluster.nodes[0]
    urls = [word for node in cluster.nodes for word in ("--url", f"http://127.0.0.1:{node.port}")]
    environment = contract.clean_environment(SLUICE_TOKEN=node.token(roles=["admin"], scope="ingest"))
    return subprocess.Popen([contract.SLUICE, words[0], *urls, *words[1:]], env=environment, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)


def kill_and_start(cluster, index, seconds=1.0):
    cluster.nodes[index].process.send_signal(signal.SIGKILL)
    cluster.nodes[index].process.wait()
    time.sleep(seconds)
    cluster.nodes[index] = cluster.start(f"node{index}-{uuid.uuid4().hex[:4]}", listen={"port": cluster.nodes[index].port})


def numbers(cluster, scan):
    found, since = [], 0
    while since is not None:
        node = cluster.nodes[2]
        page = node.get(f"/api/scans/{scan}/messages?since={since}&limit=1000", node.admin()).json()
        found += [message["n"] for message in page["messages"]]
        since = page["next"]
    return found


@pytest.mark.parametrize("index", range(2))
def test_publish_goes_on_elsewhere_and_says_nothing_twice(cluster, scan, index):
    publisher = command(cluster, "publish", scan, stdin=subprocess.PIPE)
    killer = threading.Timer(1, kill_and_start, (cluster, index))
    killer.start()
    for number in range(300):
        publisher.stdin.write(json.dumps({"type": "finding", "n": number}) + "\n")
        publisher.stdin.flush()
        time.sleep(0.01)
    output, errors = publisher.communicate(timeout=60)
    killer.join()
    assert publisher.returncode == 0, errors
    summary = json.loads(output)
    assert (summary["accepted"], summary["lastSeq"]) == (300, 300)
    assert numbers(cluster, scan) == list(range(300))


def test_watch_goes_on_elsewhere_where_it_was(cluster, scan):
    node = cluster.nodes[2]
    assert node.post(scan, {"type": "finding", "n": 0}).status == 202
    watcher = command(cluster, "watch", scan, "--json", "--since", "0")
    seen, killing = [], []
    reading = threading.Thread(target=lambda: seen.extend(json.loads(line) for line in watcher.stdout))
    reading.start()
    contract.wait_for(lambda: seen, timeout=20)
    for number in range(1, 200):
        if number in (50, 120):
            killing.append(threading.Thread(target=kill_and_start, args=(cluster, number // 100)))
            killing[-1].start()
        assert node.post(scan, {"type": "finding", "n": number}).status == 202
        time.sleep(0.02)
    assert node.post(scan, {"type": "scanCompleted", "n": 200}).status == 202
    contract.wait_for(lambda: [one for one in seen if one.get("n") == 200], timeout=30)
    for thread in killing:
        thread.join()
    watcher.terminate()
    watcher.wait(20)
    reading.join()
    assert [one["n"] for one in seen if "n" in one] == list(range(201))


def test_export_asks_the_next_gateway(cluster, scan):
    assert cluster.nodes[2].post(scan, [{"type": "finding", "n": number} for number in range(50)]).status == 202
    cluster.nodes[0].process.send_signal(signal.SIGKILL)
    cluster.nodes[0].process.wait()
    try:
        exporter = command(cluster, "export", scan)
        output, errors = exporter.communicate(timeout=60)
        assert exporter.returncode == 0, errors
        assert len(output.splitlines()) >= 50
        run = command(cluster, "run", "--scan", f"{scan}.run", "--", "sh", "-c", "echo one; echo two")
        _, errors = run.communicate(timeout=60)
        assert run.returncode == 0, errors
        assert len(cluster.nodes[2].messages(f"{scan}.run")) >= 2
    finally:
        cluster.nodes[0] = cluster.start("node0-again", listen={"port": cluster.nodes[0].port})


@pytest.mark.parametrize("name", ["config.yaml", "compose-gateway.yaml"])
def test_the_examples_of_several_gateways_are_good(name, tmp_path):
    root = os.path.join(os.path.dirname(__file__), "../../deploy/cluster")
    with open(f"{root}/{name}") as file:
        config = yaml.safe_load(file)
    for folder, file, text in [("secrets", "jwt.key", "0123456789abcdef0123456789abcdef"),
                               ("secrets", "nats.password", "x"), ("certs", "nats-ca.crt", "")]:
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / file).write_text(text)
        (tmp_path / folder / file).chmod(0o600)
    (tmp_path / "config.yaml").write_text(json.dumps(config))
    found = subprocess.run([contract.SLUICE, "check", "--config", tmp_path / "config.yaml"], capture_output=True,
                           text=True, env=contract.clean_environment())
    assert found.returncode == 0, found.stdout + found.stderr
