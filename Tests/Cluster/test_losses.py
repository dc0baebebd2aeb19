"""What happens to scans whose records are taken away, or are none of a gateway's."""

import json
import socket

import pytest
from websockets.exceptions import ConnectionClosed

from test_gateways import cluster, contract, post, scan  # noqa: F401


class Raw:
    """A client of a server of NATS, of as few words as it takes."""

    def __init__(self, url):
        host, port = url.split("//")[1].split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=10)
        self.file = self.socket.makefile("rwb")
        self.file.readline()
        self.write(b'CONNECT {"verbose":false,"headers":true}\r\nSUB _INBOX.raw 1\r\n')

    def write(self, data):
        self.file.write(data)
        self.file.flush()

    def ask(self, subject, payload=b"", headers=None):
        if headers is None:
            self.write(f"PUB {subject} _INBOX.raw {len(payload)}\r\n".encode() + payload + b"\r\n")
        else:
            head = ("NATS/1.0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n").encode()
            line = f"HPUB {subject} _INBOX.raw {len(head)} {len(head) + len(payload)}\r\n".encode()
            self.write(line + head + payload + b"\r\n")
        while True:
            words = self.file.readline().split()
            if words[0] == b"PING":
                self.write(b"PONG\r\n")
            elif words[0] == b"MSG":
                return json.loads(self.file.read(int(words[-1]) + 2))

    def close(self):
        self.socket.close()


def shard(scan):  # noqa: F811
    value = 0xCBF29CE484222325
    for byte in scan.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value % 3


def posted(nodes, scan, texts):  # noqa: F811
    """Numbers of messages, each posted under its key until a node takes it."""
    told = {}
    for index, text in enumerate(texts):
        def take():
            for offset in range(3):
                told[text] = post(nodes[(index + offset) % 3], scan, text, key=f"{scan}-{text}")
                if told[text]:
                    return True
            return False

        contract.wait_for(take, timeout=60)
    return told


def shown(node, scan):  # noqa: F811
    return {message["n"]: message["seq"] for message in node.messages(scan)}


def test_a_scan_that_was_purged_goes_on_as_one_on_all_nodes(cluster, scan):  # noqa: F811
    before = posted(cluster.nodes, scan, [f"before{number}" for number in range(6)])
    for node in cluster.nodes:
        assert shown(node, scan) == before
    raw = Raw(cluster.servers.urls.split(",")[0])
    subject = f"test.log.{shard(scan)}.{scan.replace('.', '%2E')}"
    answer = raw.ask(f"$JS.API.STREAM.PURGE.TEST_LOG_{shard(scan)}", json.dumps({"filter": subject}).encode())
    raw.close()
    assert answer["purged"] == 6
    told = posted(cluster.nodes, scan, [f"after{number}" for number in range(12)])
    assert sorted(told.values()) == list(range(1, 13))
    for node in cluster.nodes:
        contract.wait_for(lambda: shown(node, scan) == told, timeout=60)
    assert len({node.get(f"/api/scans/{scan}", node.admin()).json()["epoch"] for node in cluster.nodes}) == 1


def test_a_record_of_nobody_stops_one_scan_and_no_gateway(cluster, scan):  # noqa: F811
    assert posted(cluster.nodes, scan, ["one"]) == {"one": 1}
    subject = f"test.log.{shard(scan)}.{scan.replace('.', '%2E')}"
    raw = Raw(cluster.servers.urls.split(",")[0])
    line = "1 m other 18446744073709551615 1 0 0 x 0 -9223372036854775808 -9223372036854775808 0 -"
    assert "seq" in raw.ask(subject, b"none", {"Sl": line})
    raw.close()
    for node in cluster.nodes:
        contract.wait_for(lambda: post(node, scan, "refused") is None, timeout=10)
        assert node.post(scan, {"type": "finding", "n": 2}).json()["code"] == "storage_unavailable"
        assert post(node, f"{scan}.other", "taken") is not None
    node = cluster.nodes[1]
    assert node.request("DELETE", f"/api/scans/{scan}", None, {}, node.admin()).status == 204
    contract.wait_for(lambda: post(cluster.nodes[2], scan, "again", key="again") == 1, timeout=30)
    for node in cluster.nodes:
        contract.wait_for(lambda: shown(node, scan) == {"again": 1}, timeout=30)


def test_a_record_of_the_next_format_is_left_alone_with_its_scan(cluster, scan):  # noqa: F811
    assert posted(cluster.nodes, scan, ["one"]) == {"one": 1}
    old, subject = cluster.nodes[0], f"test.log.{shard(scan)}.{scan.replace('.', '%2E')}"
    with old.sync_ws(f"{scan}?since=0") as watcher:
        while "n" not in watcher.recv(timeout=10):
            pass
        raw = Raw(cluster.servers.urls.split(",")[0])
        stored = raw.ask(subject, b"{}", {"Sl": "2 m something that only the next version understands"})
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                watcher.recv(timeout=30)
    assert closed.value.rcvd.code == 1013
    for node in cluster.nodes:
        contract.wait_for(lambda: post(node, scan, "refused") is None, timeout=10)
        assert node.post(scan, {"type": "finding", "n": 2}).json()["code"] == "storage_unavailable"
        # One that has not read the scan yet finds the record there, and others find nothing wrong with theirs.
        assert node.get(f"/api/scans/{scan}/messages", node.admin()).status == 503
        assert post(node, f"{scan}.other", "taken") is not None
        assert "has version 2" in node.log()
    # Nothing was written behind it, and it is there still.
    last = raw.ask(f"$JS.API.STREAM.MSG.GET.TEST_LOG_{shard(scan)}", json.dumps({"last_by_subj": subject}).encode())
    raw.close()
    assert last["message"]["seq"] == stored["seq"]
