"""What retention takes of streams: nothing that a running scan still needs."""

import json
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
        quiet = {"type": "phaseStarted", "n": 1}
        headers = {"Scan-Owner": "owner", "Idempotency-Key": "quiet"}
        answer = nodes[0].post("quiet", quiet, headers=headers)
        assert answer.status == 202 and answer.json()["firstSeq"] == 1, (answer.status, answer.body)
        ordinary = [{"type": "log", "n": number} for number in (2, 3, 4)]
        assert nodes[0].post("quiet", ordinary, headers={"Scan-Owner": "owner"}).json()["lastSeq"] == 4
        fill(nodes[1], "loud", 10 * MIB)
        # It is looked every few seconds for what will go next.
        time.sleep(25)
        # More than the stream has room for, and less than would push out what was repeated at its end.
        fill(nodes[1], "loud", 8 * MIB)
        # One that knows nothing but what is left in the stream.
        late = cluster.start(f"{prefix}-late", **terms)
        nodes.append(late)
        state = late.get("/api/scans/quiet", late.admin()).json()
        assert state["seq"] == 4 and state["counts"] == {"phaseStarted": 1, "log": 3}, state
        # What was repeated stands where it was posted; the others are gone, and who comes back is told.
        assert [(message["seq"], message["n"]) for message in late.messages("quiet")] == [(1, 1)]
        with late.sync_ws("quiet?since=0", late.admin()) as socket:
            frames = [json.loads(socket.recv(timeout=10)) for _ in range(3)]
        assert [frame["type"] for frame in frames] == ["subscribed", "phaseStarted", "lag"], frames
        assert (frames[1]["seq"], frames[2]["skippedMessages"]) == (1, 3), frames
        answer = late.post("quiet", quiet, headers=headers).json()
        assert answer["firstSeq"] == 1 and answer["accepted"] == 1
        assert late.post("quiet", quiet, headers={"Scan-Owner": "other"}).status == 409
        assert late.post("quiet", quiet, headers={"Scan-Owner": "owner"}).json()["firstSeq"] == 5
    finally:
        for node in nodes:
            node.kill()
