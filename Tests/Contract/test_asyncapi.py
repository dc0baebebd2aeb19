"""docs/api/asyncapi.yaml: whole in itself, and true of what a running gateway sends."""

import json
import pathlib

import jsonschema
import pytest
import yaml

DOCUMENT = yaml.safe_load((pathlib.Path(__file__).parents[2] / "docs/api/asyncapi.yaml").read_text())
MESSAGES = DOCUMENT["components"]["messages"]


def target(pointer):
    node = DOCUMENT
    for step in pointer.removeprefix("#/").split("/"):
        node = node[step]
    return node


def references(node):
    """Every `$ref` below a node, with what stands beside it."""
    if isinstance(node, dict):
        if "$ref" in node:
            yield node
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def conforms(frame, kind):
    schema = {"components": DOCUMENT["components"]} | MESSAGES[kind]["payload"]
    jsonschema.Draft202012Validator(schema).validate(frame)


def test_the_document_is_whole():
    assert DOCUMENT["asyncapi"] == "3.0.0" and set(DOCUMENT["info"]) >= {"title", "version"}
    found = list(references(DOCUMENT))
    assert len(found) > 50
    for reference in found:
        assert set(reference) == {"$ref"} and target(reference["$ref"]) is not None
    for channel in DOCUMENT["channels"].values():
        parameters = {part[1:-1] for part in channel["address"].split("/") if part.startswith("{")}
        assert set(channel.get("parameters", {})) == parameters
    used = {reference["$ref"] for channel in DOCUMENT["channels"].values() for reference in channel["messages"].values()}
    assert used == {f"#/components/messages/{name}" for name in MESSAGES}
    for operation in DOCUMENT["operations"].values():
        assert operation["action"] in ("send", "receive") and target(operation["channel"]["$ref"])
    for message in MESSAGES.values():
        jsonschema.Draft202012Validator.check_schema(message["payload"])


def test_the_schemas_tell_frames_apart():
    for kind, frame in [
        ("lag", {"type": "lag", "skippedMessages": 1, "scanId": "a", "since": 0, "reason": "bored"}),
        ("error", {"type": "error", "message": "a scanner's", "seq": 4}),
        ("message", {"type": "a"}), ("batch", {"type": "batch", "scanId": "a", "messages": [{"seq": 1, "type": "a"}]}),
        ("action", {"action": "dance"}), ("action", {"action": "rate", "messagesPerSecond": 0}),
    ]:
        with pytest.raises(jsonschema.ValidationError):
            conforms(frame, kind)


def kind_of(frame):
    return frame["type"] if frame["type"] in MESSAGES and "seq" not in frame or frame["type"] == "subscribed" else "message"


def test_frames_and_answers_are_what_the_document_says(gateway, scan):
    gateway.post(scan, [{"type": "scanStarted"}] + [{"type": "line", "text": str(n)} for n in range(5)])
    seen = []
    with gateway.sync_ws(f"{scan}?since=0&times=true") as socket:
        actions = [
            {"action": "ping", "id": 1}, {"action": "rate", "messagesPerSecond": 5, "id": "r"},
            {"action": "subscribe", "filters": ["a"]}, {"action": "refresh", "token": gateway.reader()},
            {"action": "refresh", "token": "none"},
        ]
        for action in actions:
            conforms(action, "action")
            socket.send(json.dumps(action))
        gateway.post(scan, [{"type": "error", "message": "of the scanner"}])
        while not seen or seen[-1].get("message") != "of the scanner":
            seen.append(json.loads(socket.recv(20)))
    with gateway.sync_ws("/api/ws") as socket:
        for action in [{"action": "subscribe", "scanId": scan, "since": 0}, {"action": "unsubscribe", "scanId": scan},
                       {"action": "subscribe", "scanId": f"{scan}-none"}]:
            conforms(action, "action")
            socket.send(json.dumps(action))
        while kind_of(seen[-1]) != "error":
            seen.append(json.loads(socket.recv(20)))
    for frame in seen:
        conforms(frame, kind_of(frame))
    assert {kind_of(frame) for frame in seen} >= {
        "subscribed", "message", "batch", "ack", "pong", "error", "unsubscribed"}


def test_events_are_what_the_document_says(gateway, scan):
    gateway.post(scan, [{"type": "line", "text": "a"}, {"type": "scanCompleted"}])
    connection = gateway.connection()
    connection.request("GET", f"/api/scans/{scan}/events?since=0", headers={"Authorization": f"Bearer {gateway.reader()}"})
    answer = connection.getresponse()
    gateway.request("DELETE", f"/api/scans/{scan}", token=gateway.admin())
    events = [dict(line.split(": ", 1) for line in event.splitlines() if ": " in line)
              for event in answer.read().decode().split("\n\n")]
    connection.close()
    named = [(event["event"], json.loads(event["data"])) for event in events if "data" in event]
    assert [name for name, _ in named] == ["subscribed", "line", "scanCompleted", "sluice.close"]
    for name, data in named:
        conforms(data, {"sluice.close": "close", "subscribed": "subscribed"}.get(name, "message"))
