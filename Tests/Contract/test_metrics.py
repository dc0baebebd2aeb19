"""What the metrics say, as Prometheus reads it."""

import http.client
import math
import socket
import subprocess
import time

from prometheus_client.parser import text_string_to_metric_families

from conftest import closing, read_until, wait_for


def admin(gateway, path):
    connection = http.client.HTTPConnection("127.0.0.1", gateway.admin_port, timeout=10)
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body.decode()


def families(gateway):
    """The metrics as Prometheus's own parser reads them: name of the family to its type, help and samples."""
    response, text = admin(gateway, "/metrics")
    assert response.status == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert text.endswith("\n")
    described = [line.split()[1:3] for line in text.splitlines() if line.startswith("#")]
    # Each family once and in one piece: first its help, then its type, then its samples.
    assert len(described) == len({tuple(words) for words in described})
    assert [words for words in described if words[0] == "HELP"] == [["HELP", name] for kind, name in described[1::2]]
    assert [kind for kind, _ in described] == ["HELP", "TYPE"] * (len(described) // 2)
    # The parser would put it there itself.
    types = [line.split()[2:] for line in text.splitlines() if line.startswith("# TYPE ")]
    assert all((kind == "counter") == name.endswith("_total") for name, kind in types), types
    assert all(name.startswith(("sluice_", "process_")) for name, _ in types), types
    found = {family.name: family for family in text_string_to_metric_families(text)}
    assert len(found) == len(described) // 2
    return found


def traffic(gateway):
    """A bit of everything that is counted."""
    gateway.post("a", [{"type": "t", "pad": "x" * 2000}] * 20)
    for messages, status in [({"type": "batch"}, 400), ("{", 400), ({"type": "t", "pad": "x" * 300_000}, 413)]:
        assert gateway.post("a", messages).status == status
    assert gateway.get("/api/scans/stats", "a.b.c").status == 401
    assert gateway.refusal("a", gateway.token()).status == 403
    for compression in ("deflate", None):
        with gateway.sync_ws("a?since=0", compression=compression) as socket:
            read_until(socket, "t")
            gateway.post("a", [{"type": "t", "pad": "y" * 2000}, {"type": "phaseStarted"}])
            read_until(socket, "phaseStarted")
            socket.send('{"action":"ping"}')
            read_until(socket, "pong")
    with gateway.sync_ws("none") as socket:
        assert closing(socket)[0] == 4404
    connection = gateway.connection()
    connection.request("GET", "/api/scans/a/events?since=0",
                       headers={"Authorization": f"Bearer {gateway.reader()}", "Accept-Encoding": "gzip"})
    assert connection.getresponse().status == 200
    connection.close()
    assert gateway.get("/api/scans/a/messages", gateway.reader()).status == 200
    with gateway.stream("b") as upload:
        upload.send({"type": "t"})
        assert upload.end().status == 202


def test_metrics_are_what_prometheus_reads(make_gateway):
    gateway = make_gateway(storage={"path": "data"})
    before = families(gateway)
    traffic(gateway)
    wait_for(lambda: count(families(gateway), "sluice_event_loop_lag_seconds") > 0)
    after = families(gateway)
    assert list(after) == list(before)
    for name, family in after.items():
        assert family.documentation and family.type in ("counter", "gauge", "histogram"), family
        # The parser takes it off the name of a counter's family.
        suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}.get(family.type, [""])
        assert {sample.name for sample in family.samples} == {name + suffix for suffix in suffixes}, family
        samples = [(sample.name, tuple(sorted(sample.labels.items()))) for sample in family.samples]
        assert len(samples) == len(set(samples)), family
        assert all(math.isfinite(sample.value) and sample.timestamp is None for sample in family.samples), family
        # There from the start, so that a rate has something to begin with.
        old = {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in before[name].samples}
        assert set(old) == set(samples), family
        if family.type != "gauge":
            assert all(sample.value >= old[key] for key, sample in zip(samples, family.samples)), family
    refused = {sample.labels["code"]: sample.value for sample in after["sluice_refused"].samples}
    codes = ("reserved_type", "invalid_message", "message_too_large", "invalid_token", "forbidden", "scan_not_found")
    assert {code: refused[code] for code in codes} == dict.fromkeys(codes, 1)
    assert {sample.labels["code"]: sample.value for sample in before["sluice_refused"].samples} == \
        dict.fromkeys(refused, 0)
    kinds = {sample.labels["kind"]: sample.value for sample in after["sluice_connections_opened"].samples}
    assert kinds == {"event_stream": 1, "ndjson": 1, "tunnel": 0, "websocket": 3}
    for name in ("sluice_storage_messages", "sluice_messages_replayed", "sluice_frames_delivered",
                 "sluice_deflate_input_bytes", "sluice_bytes_written", "process_cpu_seconds"):
        assert after[name].samples[0].value > 0, name
    for name in ("sluice_delivery_seconds", "sluice_batch_messages", "sluice_catch_up_seconds",
                 "sluice_storage_commit_seconds", "sluice_event_loop_lag_seconds"):
        assert count(after, name) > 0, name
    value = lambda name: after[name].samples[0].value
    assert value("sluice_deflate_output_bytes") < value("sluice_deflate_input_bytes")
    now = time.time()
    assert now - 60 < value("process_start_time_seconds") <= now + 1
    assert now < value("sluice_certificate_expiry_timestamp_seconds")


def count(found, name):
    """How many values a histogram has."""
    return next(sample.value for sample in found[name].samples if sample.name == f"{name}_count")


def test_prometheus_own_linter_finds_nothing(make_gateway):
    gateway = make_gateway(storage={"path": "data"})
    traffic(gateway)
    text = admin(gateway, "/metrics")[1]
    found = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")
    # It does find something: days are no base unit.
    bad = "# HELP a_days x\n# TYPE a_days gauge\na_days 1\n"
    assert subprocess.run(["promtool", "check", "metrics"], input=bad, capture_output=True, text=True, check=False).returncode


def test_no_name_of_a_user_or_a_scan_is_in_the_metrics(make_gateway):
    gateway = make_gateway()
    gateway.post("scan-in-question", {"type": "t"})
    with gateway.sync_ws("scan-in-question?since=0", gateway.token(sub="user-in-question", roles=["admin"])) as socket:
        read_until(socket, "t")
        text = admin(gateway, "/metrics")[1]
    assert "in-question" not in text and "127.0.0.1" not in text


def test_delivery_is_timed_once_for_each_subscriber(make_gateway):
    gateway = make_gateway()
    gateway.post("a", {"type": "t"})
    with gateway.sync_ws("a") as one, gateway.sync_ws("a") as other:
        for socket in (one, other):
            read_until(socket, "subscribed")
        before = families(gateway)
        # One critical message is one frame, and one write to each of both.
        gateway.post("a", {"type": "phaseStarted"})
        for socket in (one, other):
            read_until(socket, "phaseStarted")
        after = families(gateway)
        assert count(after, "sluice_delivery_seconds") - count(before, "sluice_delivery_seconds") == 2
        assert count(after, "sluice_batch_messages") - count(before, "sluice_batch_messages") == 1
        assert count(after, "sluice_catch_up_seconds") == count(before, "sluice_catch_up_seconds")
        gauges = gateway.metrics()
        assert gauges["sluice_delivery_groups"] == 1 and gauges["sluice_subscriptions_behind"] == 0
        assert gauges['sluice_connections_open{kind="websocket"}'] == 2
    with gateway.sync_ws("a?since=0") as late:
        read_until(late, "phaseStarted")
        wait_for(lambda: count(families(gateway), "sluice_catch_up_seconds") == 1)
        assert count(families(gateway), "sluice_delivery_seconds") == count(after, "sluice_delivery_seconds")
    wait_for(lambda: gateway.metrics()['sluice_connections_open{kind="websocket"}'] == 0)
    assert gateway.metrics()["sluice_delivery_groups"] == 0


def test_handshakes_of_tls_are_counted_by_their_end(make_gateway):
    gateway = make_gateway()
    name = 'sluice_tls_handshakes_total{result="%s"}'
    before = gateway.metrics()
    assert gateway.get("/healthz").status == 200
    with socket.create_connection(("127.0.0.1", gateway.port)) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
        plain.recv(100)
    wait_for(lambda: gateway.metrics()[name % "failed"] == before[name % "failed"] + 1)
    assert gateway.metrics()[name % "completed"] == before[name % "completed"] + 1


def test_the_last_reload_shows(make_gateway):
    gateway = make_gateway()
    started = gateway.metrics()["sluice_config_last_reload_success_timestamp_seconds"]
    gateway.reload("nonsense: unknown key", nonsense=1)
    wait_for(lambda: gateway.metrics()["sluice_config_last_reload_successful"] == 0)
    assert gateway.metrics()["sluice_config_last_reload_success_timestamp_seconds"] == started
    del gateway.config["nonsense"]
    gateway.reload()
    wait_for(lambda: gateway.metrics()["sluice_config_last_reload_successful"] == 1)
    assert gateway.metrics()["sluice_config_last_reload_success_timestamp_seconds"] > started


def test_metrics_follow_what_happens(make_gateway):
    gateway = make_gateway()
    gateway.post("a", [{"type": "t"}] * 5)
    with gateway.sync_ws("a?since=0") as socket:
        socket.recv(timeout=10)
        socket.recv(timeout=10)
        metrics = gateway.metrics()
        assert metrics["sluice_scans"] == 1 and metrics["sluice_messages_accepted_total"] == 5
        assert metrics["sluice_connections"] == metrics["sluice_subscriptions"] == 1
        assert metrics["sluice_messages_delivered_total"] == 5
        assert metrics['sluice_connections_opened_total{kind="websocket"}'] == 1
    wait_for(lambda: gateway.metrics()["sluice_connections"] == 0)
    assert gateway.metrics()['sluice_connections_closed_total{code="1000"}'] == 1
