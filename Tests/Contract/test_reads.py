"""What can be read besides following a scan: statistics, state, history, health and metrics."""

import gzip
import http.client
import math
import re
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from conftest import closing, is_problem, read_until, wait_for


# Statistics


def test_statistics_need_a_token(gateway):
    assert gateway.get("/api/scans/stats").status == 401


def test_statistics(make_gateway):
    gateway = make_gateway()
    stats = lambda token=None: gateway.get("/api/scans/stats", token or gateway.admin()).json()
    empty = stats()
    assert empty == {"total_scans": 0, "running_scans": 0, "completed_scans": 0, "total_messages": 0,
                     "average_elapsed_time": 0, "scans": []}
    gateway.post("a-1", [{"type": "t"}] * 3)
    gateway.post("a-2", [{"type": "t"}, {"type": "scanCompleted"}])
    gateway.post("b-1", {"type": "t"}, headers={"Scan-Owner": "bob"})
    done = {scan["scan_id"]: scan for scan in stats()["scans"]}["a-2"]["elapsed_time"]
    time.sleep(1.1)
    seen = stats()
    assert {"total_scans": 3, "running_scans": 2, "completed_scans": 1, "total_messages": 6}.items() <= seen.items()
    scans = {scan["scan_id"]: scan for scan in seen["scans"]}
    assert sorted(scans) == ["a-1", "a-2", "b-1"]
    assert {name: scan["message_count"] for name, scan in scans.items()} == {"a-1": 3, "a-2": 2, "b-1": 1}
    assert {name: scan["is_completed"] for name, scan in scans.items()} == {"a-1": False, "a-2": True, "b-1": False}
    assert all(isinstance(scan["elapsed_time"], (int, float)) for scan in scans.values())
    assert scans["a-1"]["elapsed_time"] > 1 and scans["a-2"]["elapsed_time"] == done
    average = sum(scan["elapsed_time"] for scan in scans.values()) / 3
    assert seen["average_elapsed_time"] == pytest.approx(average, abs=0.01)
    # Only what the caller may read, averages too.
    assert [scan["scan_id"] for scan in stats(gateway.token(scans=["a-*"]))["scans"]] == ["a-1", "a-2"]
    bobs = stats(gateway.token("bob"))
    assert (bobs["total_scans"], bobs["total_messages"], bobs["completed_scans"]) == (1, 1, 0)
    assert bobs["average_elapsed_time"] == bobs["scans"][0]["elapsed_time"]
    assert stats(gateway.token("carol"))["scans"] == [] and stats(gateway.producer())["total_scans"] == 0
    assert all(re.fullmatch("[a-z_]+", name) for scan in seen["scans"] for name in [*scan, *seen])


# State


def test_the_state_of_a_scan(gateway, scan):
    gateway.post(scan, [
        {"type": "scanStarted"}, {"type": "scanProgress", "phase": "ports", "percent": 1},
        {"type": "scanProgress", "phase": "os", "percent": 5}, {"type": "stats", "n": 1},
        {"type": "scanProgress", "phase": "ports", "percent": 2}, {"type": "hostDiscovered"}, {"type": "stats", "n": 2},
    ], headers={"Scan-Owner": "bob"})
    state = gateway.get(f"/api/scans/{scan}", gateway.reader()).json()
    assert {"scan_id": scan, "owner": "bob", "name": None, "is_completed": False, "seq": 7,
            "message_count": 7}.items() <= state.items()
    assert re.fullmatch("[A-Za-z0-9_-]+", state["epoch"])
    assert state["counts"] == {"scanStarted": 1, "scanProgress": 3, "stats": 2, "hostDiscovered": 1}
    latest = [{key: value for key, value in message.items() if key != "scanId"} for message in state["latest"]]
    assert sorted(latest, key=lambda message: message["seq"]) == [
        {"seq": 3, "type": "scanProgress", "phase": "os", "percent": 5},
        {"seq": 5, "type": "scanProgress", "phase": "ports", "percent": 2},
        {"seq": 7, "type": "stats", "n": 2},
    ]


def test_the_state_of_no_scan(gateway, scan):
    is_problem(gateway.get(f"/api/scans/{scan}", gateway.reader()), 404, "scan_not_found")
    is_problem(gateway.get("/api/scans/a%20b", gateway.admin()), 400, "invalid_scan_id")
    is_problem(gateway.get("/api/scans/a%20b/messages", gateway.admin()), 400, "invalid_scan_id")


@pytest.mark.parametrize("posted, phase, percent", [
    ([], None, None),
    ([{"type": "phaseStarted", "phase": "ports"}], "ports", None),
    ([{"type": "phaseStarted", "phase": "ports"}, {"type": "scanProgress", "phase": "ports", "percent": 40}], "ports", 40),
    ([{"type": "scanProgress", "phase": "ports", "percent": 99.5}, {"type": "phaseStarted", "phase": "os"}], "os", None),
    ([{"type": "scanProgress", "phase": "ports", "percent": 99}, {"type": "phaseStarted", "phase": "os"},
      {"type": "scanProgress", "phase": "ports", "percent": 100}], "ports", 100),
    ([{"type": "progress", "percent": 7}], None, 7),
    ([{"type": "phaseStarted", "phase": "os"}, {"type": "progress", "percent": 7}], "os", 7),
    ([{"type": "phaseStarted", "phase": 3}, {"type": "progress", "percent": "7"}], None, None),
])
def test_a_scans_state_says_how_far_it_is(gateway, scan, posted, phase, percent):
    """The phase that began or was heard of last, and how much of it is done."""
    gateway.post(scan, [{"type": "scanStarted"}] + posted + [{"type": "hostDiscovered", "percent": 1, "phase": "x"}])
    state = gateway.get(f"/api/scans/{scan}", gateway.reader()).json()
    assert (state["phase"], state["percent"]) == (phase, percent)


# History


def page(gateway, scan, query=""):
    answer = gateway.get(f"/api/scans/{scan}/messages{query}", gateway.reader())
    assert answer.status == 200, answer
    return answer.json()


def test_pages_of_history(gateway, scan):
    gateway.post(scan, [{"type": "t", "n": n} for n in range(1, 26)])
    seen, since, pages = [], 0, 0
    while since is not None:
        body = page(gateway, scan, f"?since={since}&limit=10")
        assert body["scanId"] == scan
        seen += body["messages"]
        since = body["next"]
        pages += 1
        assert pages < 10
    assert [(message["seq"], message["n"]) for message in seen] == [(n, n) for n in range(1, 26)]
    assert page(gateway, scan, "?since=25") == {"scanId": scan, "epoch": body["epoch"], "messages": [], "next": None}
    assert page(gateway, scan, "?since=99")["messages"] == []
    assert page(gateway, scan, "?since=0&limit=25")["next"] in (None, 25)
    assert len(page(gateway, scan)["messages"]) == 25


def test_a_page_says_when_its_messages_came_if_asked(gateway, scan):
    before = int(time.time() * 1000)
    gateway.post(scan, [{"type": "t"}, {"type": "progress"}])
    gateway.post(scan, {"type": "error"})
    after = int(time.time() * 1000)
    plain, dated = page(gateway, scan), page(gateway, scan, "?times=true")
    times = dated.pop("times")
    assert dated == plain == page(gateway, scan, "?times=false")
    assert len(times) == 3 and times == sorted(times)
    assert before <= times[0] and times[-1] <= after
    assert page(gateway, scan, "?since=2&limit=1&times=true")["times"] == times[2:]


def test_a_page_has_500_messages_unless_asked_otherwise(gateway, scan):
    gateway.post(scan, [{"type": "t"}] * 900)
    assert len(page(gateway, scan)["messages"]) == 500
    assert page(gateway, scan)["next"] == 500
    assert len(page(gateway, scan, "?limit=1000")["messages"]) == 900


def test_history_keeps_the_last_and_the_critical(make_gateway):
    gateway = make_gateway(relay={"history": {"messages": 10}})
    gateway.post("a", [{"type": "scanStarted"}] + [{"type": "t"}] * 30 + [{"type": "error"}])
    assert [message["seq"] for message in page(gateway, "a")["messages"]] == [1, *range(22, 33)]


@pytest.mark.parametrize("query", ["since=-1", "since=x", "since=", "limit=0", "limit=x", "since=1&since=2",
                                   "since=1.5", "times=yes", "times=true&times=true", "since=9007199254740992",
                                   "since=18446744073709551615", "since=18446744073709551616"])
def test_a_page_that_is_none(gateway, scan, query):
    gateway.post(scan, {"type": "t"})
    is_problem(gateway.get(f"/api/scans/{scan}/messages?{query}", gateway.reader()), 400, "invalid_parameter")


def test_a_page_beyond_all_numbers_is_empty(gateway, scan):
    gateway.post(scan, {"type": "t"})
    page = gateway.get(f"/api/scans/{scan}/messages?since=9007199254740991", gateway.reader()).json()
    assert (page["messages"], page["next"]) == ([], None)


def test_answers_as_gzip(gateway, scan):
    gateway.post(scan, [{"type": "t", "text": "x" * 100}] * 100)
    plain = gateway.get(f"/api/scans/{scan}/messages", gateway.reader())
    packed = gateway.get(f"/api/scans/{scan}/messages", gateway.reader(), {"Accept-Encoding": "br, gzip"})
    assert plain.headers["Content-Encoding"] is None
    assert packed.headers["Content-Encoding"] == "gzip" and "Accept-Encoding" in packed.headers["Vary"]
    assert gzip.decompress(packed.body) == plain.body and len(packed.body) < len(plain.body) / 5
    for refused in ("gzip;q=0", "identity", "*;q=0, identity"):
        answer = gateway.get(f"/api/scans/{scan}/messages", gateway.reader(), {"Accept-Encoding": refused})
        assert answer.body == plain.body


# Methods and paths


@pytest.mark.parametrize("path", ["/healthz", "/api/scans/stats", "/api/scans/SCAN", "/api/scans/SCAN/messages", "/"])
def test_head_is_get_without_a_body(gateway, scan, path):
    gateway.post(scan, {"type": "t"})
    path = path.replace("SCAN", scan)
    got, head = (gateway.request(method, path, token=gateway.admin()) for method in ("GET", "HEAD"))
    assert (got.status, head.status, head.body) == (200, 200, b"")
    assert head.headers["Content-Type"] == got.headers["Content-Type"]
    if path != f"/api/scans/{scan}" and path != "/api/scans/stats":
        assert head.headers["Content-Length"] == got.headers["Content-Length"]


@pytest.mark.parametrize("method, path, allow", [
    ("POST", "/healthz", "GET, HEAD"), ("GET", "/api/scans/a/progress", "POST"),
    ("PUT", "/api/scans/a/progress", "POST"),
    ("POST", "/api/scans/a", "DELETE, GET, HEAD, PUT"), ("PATCH", "/api/scans/a", "DELETE, GET, HEAD, PUT"),
    ("POST", "/api/scans/a/events", "GET"), ("DELETE", "/api/scans/a/messages", "GET, HEAD"),
    ("POST", "/api/ws/scans/a", "GET"), ("POST", "/api/ws", "GET"), ("GET", "/api/tickets", "POST"),
    ("GET", "/api/tokens/revoke", "POST"), ("GET", "/api/users/a/disconnect", "POST"),
])
def test_a_method_that_is_not_for_this_path(gateway, method, path, allow):
    answer = gateway.request(method, path, token=gateway.admin())
    is_problem(answer, 405, "method_not_allowed")
    assert ", ".join(sorted(answer.headers["Allow"].split(", "))) == allow


@pytest.mark.parametrize("path", ["/nothing", "/api", "/api/scans", "/api/scans/a/b", "/api/scans/a/progress/x",
                                  "/metrics",
                                  "/readyz", "/../etc/passwd", "/healthz/", "//healthz"])
def test_a_path_that_is_none(gateway, path):
    is_problem(gateway.get(path, gateway.admin()), 404, "not_found")


def test_a_socket_that_asks_for_no_upgrade(gateway, scan):
    gateway.post(scan, {"type": "t"})
    answer = gateway.get(f"/api/ws/scans/{scan}", gateway.reader())
    assert answer.status == 426 and answer.headers["Upgrade"] == "websocket"


def test_answers_say_how_they_are_to_be_handled(gateway, scan):
    answer = gateway.get("/api/scans/stats", gateway.admin())
    assert answer.headers["Content-Type"] == "application/json"
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Strict-Transport-Security"]


# Health and metrics


def admin(gateway, path, method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", gateway.admin_port, timeout=10)
    connection.request(method, path)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body.decode()


def test_health(gateway):
    assert gateway.get("/healthz").status == 200
    assert admin(gateway, "/healthz")[0].status == 200
    assert admin(gateway, "/readyz")[0].status == 200
    assert admin(gateway, "/readyz", "HEAD")[0].status == 200
    assert admin(gateway, "/api/scans/stats")[0].status == 404
    response, _ = admin(gateway, "/healthz", "POST")
    assert response.status == 405 and response.headers["Allow"] == "GET, HEAD"


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
    after = families(gateway)
    assert list(after) == list(before)
    for name, family in after.items():
        assert name.startswith("sluice_") and family.documentation and family.type in ("counter", "gauge"), family
        # The parser takes it off the name of a counter's family.
        suffix = "_total" if family.type == "counter" else ""
        assert {sample.name for sample in family.samples} <= {name + suffix}, family
        labels = [tuple(sorted(sample.labels.items())) for sample in family.samples]
        assert len(labels) == len(set(labels)), family
        assert all(math.isfinite(sample.value) and sample.timestamp is None for sample in family.samples), family
        if family.type == "counter":
            old = {tuple(sorted(sample.labels.items())): sample.value for sample in before[name].samples}
            assert all(sample.value >= old.get(key, 0) for key, sample in zip(labels, family.samples)), family
    refused = {sample.labels["code"]: sample.value for sample in after["sluice_refused"].samples}
    codes = ("reserved_type", "invalid_message", "message_too_large", "invalid_token", "forbidden", "scan_not_found")
    assert {code: refused.get(code) for code in codes} == dict.fromkeys(codes, 1)
    kinds = {sample.labels["kind"] for sample in after["sluice_connections_opened"].samples}
    assert kinds == {"event_stream", "ndjson", "websocket"}
    for name in ("sluice_storage_messages", "sluice_messages_replayed", "sluice_frames_delivered"):
        assert after[name].samples[0].value > 0, name


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


def test_the_admin_listener_asks_for_no_token_and_serves_no_scans(gateway, scan):
    gateway.post(scan, {"type": "t"})
    assert admin(gateway, f"/api/scans/{scan}")[0].status == 404
