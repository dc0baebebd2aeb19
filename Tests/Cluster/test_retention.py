"""What retention takes of streams: nothing that a running scan still needs."""

import time
import uuid

from test_gateways import cluster  # noqa: F401

MIB = 1024 * 1024


def fill(node, scan, byte_count):
    """So many bytes of ordinary messages, in records of nearly a MiB."""
    while byte_count > 0:
        messages = [{"type": "log", "text": "x" * 60_000} for _ in range(14)]
        assert node.post(scan, messages).status == 202
        byte_count -= 14 * 60_000


def test_a_quiet_scan_outlives_what_came_after_it(cluster):  # noqa: F811
    prefix = f"r{uuid.uuid4().hex[:8]}"
    engine = {"nats": {"servers": cluster.servers.urls.split(","), "name": prefix, "shards": 1}}
    terms = {"engine": engine, "storage": {"retention": {"bytes": "12MiB"}}}
    nodes = [cluster.start(f"{prefix}-{index}", **terms) for index in range(2)]
    try:
        quiet = {"type": "finding", "severity": "critical", "n": 1}
        headers = {"Scan-Owner": "owner", "Idempotency-Key": "quiet"}
        assert nodes[0].post("quiet", quiet, headers=headers).json()["firstSeq"] == 1
        fill(nodes[1], "loud", 10 * MIB)
        # It is looked every few seconds for what will go next.
        time.sleep(25)
        # More than the stream has room for, and less than would push out what was repeated at its end.
        fill(nodes[1], "loud", 8 * MIB)
        # One that knows nothing but what is left in the stream.
        late = cluster.start(f"{prefix}-late", **terms)
        nodes.append(late)
        state = late.get("/api/scans/quiet", late.admin()).json()
        assert state["seq"] == 1 and state["counts"] == {"finding": 1}, state
        answer = late.post("quiet", quiet, headers=headers).json()
        assert answer["firstSeq"] == 1 and answer["accepted"] == 1
        assert late.post("quiet", quiet, headers={"Scan-Owner": "other"}).status == 409
        assert late.post("quiet", quiet, headers={"Scan-Owner": "owner"}).json()["firstSeq"] == 2
    finally:
        for node in nodes:
            node.kill()
