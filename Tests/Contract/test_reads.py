"""What can be read besides following a scan: statistics, state, history, health and metrics."""

import gzip
import http.client
import re
import time
import urllib.parse

import pytest

from conftest import is_problem, wait_for


# Statistics


def test_statistics_need_a_token(gateway):
    assert gateway.get("/api/scans/stats").status == 401


def test_statistics(make_gateway):
    gateway = make_gateway()
    stats = lambda token=None: gateway.get("/api/scans/stats", token or gateway.admin()).json()
    empty = stats()
    assert empty == {"total_scans": 0, "running_scans": 0, "completed_scans": 0, "total_messages": 0,
                     "average_elapsed_time": 0, "scans": [], "next": None}
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
    # Only scans that the caller may read, in averages too.
    assert [scan["scan_id"] for scan in stats(gateway.token(scans=["a-*"]))["scans"]] == ["a-1", "a-2"]
    bobs = stats(gateway.token("bob"))
    assert (bobs["total_scans"], bobs["total_messages"], bobs["completed_scans"]) == (1, 1, 0)
    assert bobs["average_elapsed_time"] == bobs["scans"][0]["elapsed_time"]
    assert stats(gateway.token("carol"))["scans"] == [] and stats(gateway.producer())["total_scans"] == 0
    assert all(re.fullmatch("[a-z_]+", name) for scan in seen["scans"] for name in [*scan, *seen])


FIELDS = {"scan_id", "message_count", "elapsed_time", "is_completed", "outcome", "error", "owner", "name", "phase",
          "percent", "started_at", "last_message_at", "counts", "severities", "subscribers"}


def test_statistics_and_state_say_how_each_scan_goes(make_gateway):
    gateway = make_gateway(relay={"stall_after": "1s"})
    before = int(time.time() * 1000)
    gateway.request("PUT", "/api/scans/new", {"owner": "bob", "name": "Nightly"}, token=gateway.producer())
    gateway.post("quiet", {"type": "t"})
    gateway.post("done", [{"type": "found", "severity": "HIGH"}, {"type": "found", "severity": "high"},
                          {"type": "found", "severity": 3}, {"type": "scanCompleted"}])
    gateway.post("failed", [{"type": "progress", "percent": 1e300}, {"type": "error", "message": "no route"}])
    gateway.post("odd", [{"type": "progress", "percent": "nan"}, {"type": "progress", "phase": "scanCompleted"}])
    for name in ("quiet", "new", "odd"):
        wait_for(lambda: gateway.get(f"/api/scans/{name}", gateway.admin()).json()["outcome"] == "stalled")
    gateway.post("again", [{"type": "error", "message": "x"}, {"type": "scanProgress", "phase": "os", "percent": 100}])
    after = int(time.time() * 1000)
    scans = {scan["scan_id"]: scan for scan in gateway.get("/api/scans/stats", gateway.admin()).json()["scans"]}
    seen = {name: (scan["outcome"], scan["error"], scan["phase"], scan["percent"]) for name, scan in scans.items()}
    assert seen == {
        "new": ("stalled", None, None, None), "quiet": ("stalled", None, None, None),
        "done": ("completed", None, None, None), "failed": ("failed", "no route", None, 100),
        "odd": ("stalled", None, "scanCompleted", None), "again": ("running", None, "os", 100)}
    assert scans["done"]["counts"] == {"found": 3, "scanCompleted": 1} and scans["done"]["severities"] == {"high": 2}
    assert (scans["new"]["owner"], scans["new"]["name"], scans["new"]["last_message_at"]) == ("bob", "Nightly", None)
    for name, scan in scans.items():
        assert FIELDS <= scan.keys()
        assert before <= scan["started_at"] <= after
        assert name == "new" or scan["started_at"] <= scan["last_message_at"] <= after
        state = gateway.get(f"/api/scans/{name}", gateway.admin()).json()
        assert {key: state[key] for key in FIELDS - {"elapsed_time"}} == {
            key: scan[key] for key in FIELDS - {"elapsed_time"}}


def test_statistics_in_pages(make_gateway):
    gateway = make_gateway()
    names = [f"s-{number:02}" for number in range(23)]
    for number, name in enumerate(names):
        gateway.request("PUT", f"/api/scans/{name}", {"name": f"Run {number % 2}"}, token=gateway.producer())
        gateway.post(name, [{"type": "t"}] * number + [{"type": "error"}] * (number % 3 == 0))
        time.sleep(0.002)
    gateway.post("s-05", {"type": "t"})

    def stats(query=""):
        answer = gateway.get(f"/api/scans/stats?{query}", gateway.admin())
        assert answer.status == 200, answer
        return answer.json()

    def pages(query):
        seen, after = [], ""
        while after is not None:
            body = stats(f"{query}&limit=5" + (f"&after={after}" if after else ""))
            assert body["total_scans"] == stats(query)["total_scans"]
            assert len(body["scans"]) <= 5 and len(seen) < 100
            seen += [scan["scan_id"] for scan in body["scans"]]
            after = body["next"]
        return seen

    assert pages("sort=id") == names and pages("sort=-id") == names[::-1]
    assert pages("sort=started") == names and pages("sort=-started") == names[::-1]
    latest = [name for name in names if name not in ("s-00", "s-05")] + ["s-05"]
    assert [name for name in pages("sort=last_message") if name != "s-00"] == latest
    assert pages("sort=-messages")[:2] == ["s-22", "s-21"] and len(pages("sort=severity")) == 23
    assert stats("outcome=failed&limit=1&totals=true")["outcomes"] == {"running": 15, "stalled": 0, "completed": 0, "failed": 8}
    assert pages("outcome=failed") == names[::3] and pages("q=S-1") == names[10:20]
    odd = stats("q=run+1&limit=1")
    assert (odd["total_scans"], odd["completed_scans"]) == (11, len(names[3::6]))
    assert len(odd["scans"]) == 1 and odd["next"] == "s-01"
    assert odd["average_elapsed_time"] == pytest.approx(stats()["average_elapsed_time"], abs=0.5)
    for query in ("limit=0", "limit=1001", "limit=x", "outcome=over", "sort=name", "after=a/b", "sort=started&after=nosuch",
                  "sort=id&sort=id"):
        is_problem(gateway.get(f"/api/scans/stats?{query}", gateway.admin()), 400, "invalid_parameter")


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
                                   "since=18446744073709551615", "since=18446744073709551616", "order=down", "order=",
                                   "before=x", "before=-1", "before=9007199254740992", "Severity=high", "severity=,",
                                   "severity=" + ",".join("abcdefgh" * 5), "severity=" + "x" * 65, "q=" + "x" * 257,
                                   "q=a&q=b", "filters=" + "x" * 129, "filter=a", "unknown=1", "="])
def test_a_page_that_is_none(gateway, scan, query):
    gateway.post(scan, {"type": "t"})
    is_problem(gateway.get(f"/api/scans/{scan}/messages?{query}", gateway.reader()), 400, "invalid_parameter")


def test_a_page_beyond_all_numbers_is_empty(gateway, scan):
    gateway.post(scan, {"type": "t"})
    page = gateway.get(f"/api/scans/{scan}/messages?since=9007199254740991", gateway.reader()).json()
    assert (page["messages"], page["next"]) == ([], None)


FINDINGS = [
    {"type": "scanStarted"}, {"type": "host", "ip": "10.0.0.1"}, {"type": "found", "severity": "high", "text": "Größe {x}"},
    {"type": "found", "severity": "LOW"}, {"type": "host", "severity": "High"}, {"type": "stats", "n": 1},
    {"type": "found", "severity": 7}, {"type": "found", "info": {"severity": "high"}}, {"type": "stats", "n": 2},
]


@pytest.mark.parametrize("storage", [False, True])
def test_what_is_looked_for_in_history(make_gateway, storage):
    """In memory, and where memory keeps only the newest two."""
    settings = {"storage": {"path": "data"}, "relay": {"history": {"messages": 2}}} if storage else {}
    gateway = make_gateway(**settings)
    for message in FINDINGS:
        gateway.post("a", message)

    def seqs(query):
        return [message["seq"] for message in page(gateway, "a", f"?{query}")["messages"]]

    everything = [1, 2, 3, 4, 5, 7, 8, 9]
    assert seqs("") == seqs("order=asc") == seqs("filters=&severity=&q=") == everything
    assert seqs("order=desc") == everything[::-1]
    # As in a subscription, critical messages pass by type; severity and text match only messages that have them.
    assert seqs("filters=host") == [1, 2, 5] and seqs("filters=host,stats&order=desc") == [9, 5, 2, 1]
    assert seqs("severity=high") == [3, 5] and seqs("severity=HIGH,low") == [3, 4, 5] and seqs("severity=none") == []
    assert seqs("severity=high&filters=found") == [3]
    # The bytes are searched as they were posted, with their escapes and their white space.
    assert seqs("q=10.0.0.") == [2] and seqs("q=Gr%5Cu00f6%5Cu00dfe%20%7Bx") == [3] and seqs("q=Gr%C3%B6") == []
    assert seqs("q=%22severity%22%3A%20%22high%22&order=desc") == [8, 3] and seqs("q=HOST") == []
    assert seqs("q=%7B%22type%22%3A%20%22host") == [2, 5]
    assert seqs("since=3&before=8") == [4, 5, 7] and seqs("since=3&before=8&order=desc") == [7, 5, 4]
    assert seqs("before=0") == seqs("before=1") == seqs("since=5&before=6") == seqs("since=8&before=3") == []
    assert seqs("before=9007199254740991&order=desc&limit=2") == [9, 8]
    newest = page(gateway, "a", "?severity=high&order=desc&limit=1&times=true")
    assert [message["seq"] for message in newest["messages"]] == [5] and len(newest["times"]) == 1
    # The token may stand in the query too.
    assert gateway.get(f"/api/scans/a/messages?q=host&token={gateway.reader()}").status == 200


@pytest.mark.parametrize("order, cursor", [("asc", "since"), ("desc", "before")])
def test_pages_of_what_is_looked_for(make_gateway, order, cursor):
    """Whatever the size of a page, it and those after it hold every message once; one may be empty and not the last."""
    gateway = make_gateway(storage={"path": "data"}, relay={"history": {"messages": 50}})
    for start in range(0, 3000, 500):
        gateway.post("a", [{"type": "t", "n": n, "severity": "high" if n % 200 == 0 else "low", "pad": "x" * 1000}
                           for n in range(start, start + 500)])
    for limit, query, expected in [(7, "severity=high", range(0, 3000, 200)), (999, "q=%22n%22%3A%20777%2C", [777]),
                                   (1000, "", range(3000))]:
        seen, cut, pages = [], "", 0
        while cut is not None:
            body = page(gateway, "a", f"?limit={limit}&order={order}&{query}{cut}")
            assert len(body["messages"]) <= limit
            seen += [message["n"] for message in body["messages"]]
            cut = None if body["next"] is None else f"&{cursor}={body['next']}"
            pages += 1
        assert seen == sorted(expected, reverse=order == "desc")
        # Three megabytes are looked through in more than one go.
        assert pages > 2


@pytest.mark.parametrize("storage", [False, True])
def test_findings_are_counted(make_gateway, storage):
    """All that is kept, whatever memory holds; with storage also after a restart."""
    settings = {"relay": {"history": {"messages": 100}}, "limits": {"facets": {"values": 20}}} | ({"storage": {"path": "data"}} if storage else {})
    gateway = make_gateway(**settings)
    facets = lambda **query: gateway.get("/api/scans/a/facets?" + urllib.parse.urlencode(query), gateway.reader())
    assert is_problem(facets(), 404, "scan_not_found")
    for start in range(0, 3000, 500):
        gateway.post("a", [{"type": "x", "severity": ["critical", "low"][number % 2], "host": f"10.0.0.{number % 30}", "port": 22 + number % 2,
                            "tags": ["odd"] if number % 2 else [], "pad": "x" * 600} for number in range(start, start + 500)])
    gateway.post("a", {"type": "scanProgress", "host": "10.0.0.1", "percent": 5})
    answers = []
    while not answers or not answers[-1]["isComplete"]:
        answers.append(facets(limit=2).json())
    counted = answers[-1]
    kept = 3000 if storage else 100
    assert (len(answers) > 1) == storage  # Near two megabytes, and one at once.
    assert (counted["scanId"], counted["seq"], counted["messages"], counted["findings"]) == ("a", 3001, kept + 1, kept)
    assert counted["severities"] == {"critical": kept // 2, "high": 0, "medium": 0, "low": kept // 2, "info": 0, "unrated": 0}
    assert counted["ports"] == {"distinct": 2, "others": 0, "values": [{"value": "22", "count": kept // 2}, {"value": "23", "count": kept // 2}]}
    assert counted["tags"]["values"] == [{"value": "odd", "count": kept // 2}]
    assert counted["hosts"]["distinct"] == 20 and len(counted["hosts"]["values"]) == 2
    listed = facets(limit=1000).json()["hosts"]
    assert sum(host["count"] for host in listed["values"]) + listed["others"] == kept
    # What comes later is counted in, and what was counted stays so when memory drops it.
    gateway.post("a", [{"type": "y", "host": "10.0.0.1"}] * 150)
    assert facets().json()["findings"] == kept + (150 if storage else 100)
    for query in ({"limit": 0}, {"limit": 1001}, {"limit": "x"}):
        assert is_problem(facets(**query), 400, "invalid_parameter")
    assert is_problem(gateway.get("/api/scans/a/facets", gateway.token("eve", scans=["b"])), 403, "forbidden")
    metrics = gateway.metrics()
    assert metrics["sluice_facet_bytes"] > 0 and metrics["sluice_facets_forgotten_total"] == 0
    if storage:
        gateway.terminate()
        assert gateway.wait() == 0
        gateway.log_file.unlink()
        gateway = make_gateway(folder=gateway.folder, **settings | {"listen": {"port": gateway.port}})
        answers = [facets().json()]
        while not answers[-1]["isComplete"]:
            answers.append(facets().json())
        assert answers[-1]["findings"] == 3150
    assert gateway.request("DELETE", "/api/scans/a", headers={"Authorization": f"Bearer {gateway.admin()}"}).status == 204
    assert is_problem(facets(), 404, "scan_not_found")
    assert gateway.metrics()["sluice_facet_bytes"] == 0


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


def test_head_of_what_never_ends(gateway, scan):
    gateway.post(scan, {"type": "t"})
    stream = gateway.request("HEAD", f"/api/scans/{scan}/events", token=gateway.reader())
    assert (stream.status, stream.headers["Content-Type"], stream.body) == (200, "text/event-stream", b"")
    assert gateway.request("HEAD", "/api/scans/none/events", token=gateway.reader()).status == 404
    assert gateway.request("HEAD", f"/api/ws/scans/{scan}", token=gateway.reader()).status == 426


@pytest.mark.parametrize("method, path, allow", [
    ("POST", "/healthz", "GET, HEAD"), ("GET", "/api/scans/a/progress", "POST"),
    ("PUT", "/api/scans/a/progress", "POST"),
    ("POST", "/api/scans/a", "DELETE, GET, HEAD, PUT"), ("PATCH", "/api/scans/a", "DELETE, GET, HEAD, PUT"),
    ("POST", "/api/scans/a/events", "GET, HEAD"), ("DELETE", "/api/scans/a/messages", "GET, HEAD"),
    ("POST", "/api/ws/scans/a", "GET, HEAD"), ("POST", "/api/ws", "GET, HEAD"), ("GET", "/api/tickets", "POST"),
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


def test_the_admin_listener_asks_for_no_token_and_serves_no_scans(gateway, scan):
    gateway.post(scan, {"type": "t"})
    assert admin(gateway, f"/api/scans/{scan}")[0].status == 404
