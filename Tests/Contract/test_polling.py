"""docs/examples/polling: each recipe under `sluice run`, against a small imitation of its scanner's documented API."""

import http.server
import json
import os
import pathlib
import socketserver
import sys
import threading
import urllib.parse
import xml.etree.ElementTree as ElementTree

import pytest

from commands import sluice

RECIPES = pathlib.Path(__file__).parents[2] / "docs/examples/polling"


class Imitation:
    """Answers requests by `answer(method, path, query, body)`, and keeps them."""

    def __init__(self, answer):
        self.requests = []
        imitation = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def handle_any(self):
                url = urllib.parse.urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                asked = (self.command, url.path, dict(urllib.parse.parse_qsl(url.query)),
                         json.loads(body) if body else None)
                imitation.requests.append((*asked, dict(self.headers)))
                status, value = answer(*asked)
                data = b"" if value is None else json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_DELETE = handle_any

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def run(gateway, scan, monkeypatch):
    def run(recipe, *arguments, **environment):
        for name, value in {"POLL_INTERVAL": "0.01", **environment}.items():
            monkeypatch.setenv(name, value)
        result = sluice("run", "--scan", scan, "--", sys.executable, RECIPES / recipe, *arguments, gateway=gateway)
        messages = gateway.messages(scan)
        assert messages[0]["type"] == "scanStarted"
        return result, messages

    return run


def of(messages, type):
    return [{name: value for name, value in message.items() if name not in ("seq", "scanId", "type")}
            for message in messages if message["type"] == type]


def test_zap(run):
    polls = {"spider": iter(["30", "100"]), "ascan": iter(["0", "55", "100"])}
    records = iter(["2", "0"])
    known = []

    def alert(number, risk, **more):
        return {"id": str(number), "pluginId": "40012", "alertRef": "40012-1", "alert": f"Alert {number}",
                "name": f"Alert {number}", "risk": risk, "confidence": "Medium", "url": f"https://a.example:8443/{number}",
                "method": "GET", "param": "q", "attack": "", "evidence": "", "cweid": "79", "wascid": "8",
                "description": "What it is.", "solution": "What to do.", "reference": "", "other": ""} | more

    def answer(method, path, query, body):
        _, kind, component, _, name, _ = path.split("/")
        assert (method, kind) == ("GET", "JSON")
        if name == "scan":
            return 200, {"scan": "7"}
        if name == "status":
            assert query == {"scanId": "7"}
            known.append(alert(len(known), ["High", "Informational", "Low"][len(known) % 3]))
            return 200, {"status": next(polls[component])}
        if name == "recordsToScan":
            return 200, {"recordsToScan": next(records)}
        assert (component, name, query["baseurl"]) == ("alert", "alerts", "https://a.example:8443")
        first = int(query["start"])
        return 200, {"alerts": known[first:first + int(query["count"])]}

    with Imitation(answer) as zap:
        result, messages = run("zap.py", zap.url, "https://a.example:8443", ZAP_API_KEY="k")
        assert {request[4].get("X-Zap-Api-Key") for request in zap.requests} == {"k"}
    assert result.returncode == 0, result.stderr_text
    found = of(messages, "vulnerabilityFound")
    # Each once, in order.
    assert [finding["name"] for finding in found] == [f"Alert {number}" for number in range(5)]
    assert found[0] == {"template": "40012-1", "name": "Alert 0", "severity": "high", "host": "a.example", "port": 8443,
                        "matchedAt": "https://a.example:8443/0", "method": "GET", "parameter": "q", "cwe": ["CWE-79"],
                        "description": "What it is.", "remediation": "What to do."}
    assert [finding["severity"] for finding in found[1:3]] == ["info", "low"]
    assert [phase["phase"] for phase in of(messages, "phaseStarted")] == ["spider", "active scan"]
    assert of(messages, "scanProgress")[-1] == {"phase": "active scan", "percent": 100}
    assert messages[-1]["type"] == "scanCompleted"


def test_sqlmap(run):
    states = iter(["running", "terminated"])
    log = [{"time": "10:00:00", "level": "INFO", "message": "testing connection"},
           {"time": "10:00:01", "level": "WARNING", "message": "slow"}]

    def answer(method, path, query, body):
        if path == "/task/new":
            return 200, {"success": True, "taskid": "t1"}
        if path == "/scan/t1/start":
            assert (method, body) == ("POST", {"url": "https://a.example/?id=1", "level": 2, "technique": "B"})
            return 200, {"success": True, "engineid": 1}
        if path == "/scan/t1/status":
            state = next(states)
            return 200, {"success": True, "status": state, "returncode": 0 if state == "terminated" else None}
        if path == "/scan/t1/log":
            return 200, {"success": True, "log": log}
        if path == "/scan/t1/data":
            return 200, {"success": True, "error": [], "data": [
                {"status": 1, "type": 0, "value": {"url": "https://a.example/", "query": "id=1", "data": None}},
                {"status": 1, "type": 1, "value": [{
                    "dbms": "MySQL", "dbms_version": [">= 5.0"], "place": "GET", "parameter": "id", "ptype": 1,
                    "data": {"1": {"title": "AND boolean-based blind", "payload": "id=1 AND 1=1", "where": 1}}}]}]}
        assert path == "/task/t1/delete"
        return 200, {"success": True}

    with Imitation(answer) as api:
        result, messages = run("sqlmap.py", api.url, "https://a.example/?id=1", "level=2", "technique=B")
        assert api.requests[-1][1] == "/task/t1/delete"
    assert result.returncode == 0, result.stderr_text
    assert of(messages, "line") == [{"text": "[10:00:00] [INFO] testing connection"}, {"text": "[10:00:01] [WARNING] slow"}]
    assert of(messages, "vulnerabilityFound") == [{
        "template": "sql-injection", "name": "AND boolean-based blind", "severity": "high", "host": "a.example",
        "matchedAt": "https://a.example/?id=1", "parameter": "id", "method": "GET", "cwe": ["CWE-89"],
        "attack": "id=1 AND 1=1", "tags": ["sqli", "MySQL"]}]


@pytest.mark.parametrize("ending", ["succeeded", "failed"])
def test_openvasd(run, tmp_path, ending):
    states = iter([("running", {"all": 4, "finished": 1, "dead": 1, "scanning": {"192.0.2.1": 50}}), (ending, {"all": 4, "finished": 4})])
    known = [
        {"id": 0, "type": "host_start", "ip_address": "192.0.2.1", "message": "Thu Mar 23 15:16:37 2023"},
        {"id": 1, "type": "error", "ip_address": "192.0.2.1", "hostname": "a.example", "message": "MQTT failed"},
        {"id": 2, "type": "host_detail", "ip_address": "192.0.2.1", "detail": {"name": "OS", "value": "Debian"}},
        {"id": 3, "type": "log", "ip_address": "192.0.2.1", "hostname": "a.example", "oid": "1.3.6.1", "port": 22,
         "protocol": "tcp", "message": "FTP is enabled."},
        {"id": 4, "type": "alarm", "ip_address": "192.0.2.1", "hostname": "a.example", "oid": "1.3.6.2", "port": 80,
         "protocol": "tcp", "message": "Installed version: 9.53.3\nFixed version: 9.55"}]
    plan = {"target": {"hosts": ["192.0.2.0/30"]}, "vts": [{"oid": "1.3.6.1"}]}

    def answer(method, path, query, body):
        if path == "/scans":
            assert (method, body) == ("POST", plan)
            return 201, "s1"
        if path == "/scans/s1" and method == "POST":
            assert body == {"action": "start"}
            return 204, None
        if path == "/scans/s1/status":
            status, hosts = next(states)
            return 200, {"status": status, "start_time": 1, "host_info": hosts}
        if path == "/scans/s1/results":
            first = int(query["range"])
            # Three at first, in either of the two forms.
            return 200, known[:3] if first == 0 else {"items": known[first:]}
        assert (method, path) == ("DELETE", "/scans/s1")
        return 204, None

    (tmp_path / "scan.json").write_text(json.dumps(plan))
    with Imitation(answer) as scanner:
        result, messages = run("openvasd.py", scanner.url, tmp_path / "scan.json", OPENVASD_API_KEY="k")
        assert scanner.requests[-1][0] == "DELETE"
        assert {request[4].get("X-Api-Key") for request in scanner.requests} == {"k"}
    assert of(messages, "hostDiscovered") == [{"ip": "192.0.2.1"}]
    assert of(messages, "vulnerabilityFound") == [{
        "template": "1.3.6.2", "name": "Installed version: 9.53.3", "ip": "192.0.2.1", "hostname": "a.example",
        "port": 80, "protocol": "tcp", "details": "Installed version: 9.53.3\nFixed version: 9.55"}]
    assert [finding["name"] for finding in of(messages, "finding")] == ["FTP is enabled."]
    assert [progress["percent"] for progress in of(messages, "scanProgress")][-1] == 100
    assert (result.returncode, messages[-1]["type"]) == ((0, "scanCompleted") if ending == "succeeded" else (1, "error"))
    assert ending == "succeeded" or "the scan failed" in messages[-1]["stderr"]


class Greenbone(socketserver.ThreadingUnixStreamServer):
    """Speaks as much GMP as the recipe asks for."""

    daemon_threads = True

    def __init__(self, path):
        self.states = iter([("Queued", "-1"), ("Running", "42"), ("Done", "-1")])
        self.asked = []
        super().__init__(path, GreenboneHandler)


class GreenboneHandler(socketserver.BaseRequestHandler):
    def handle(self):
        asked = b""
        while data := self.request.recv(7):
            asked += data
            try:
                command = ElementTree.fromstring(asked)
            except ElementTree.ParseError:
                continue
            asked, answer = b"", self.answer(command).encode()
            # In two pieces: an answer has no frame.
            self.request.sendall(answer[:20])
            self.request.sendall(answer[20:])

    def answer(self, command):
        self.server.asked.append(command.tag)
        if command.tag == "authenticate":
            good = command.findtext("credentials/password") == "a<b&c"
            return f'<authenticate_response status="{200 if good else 400}" status_text="{"OK" if good else "Authentication failed"}"/>'
        if command.tag == "start_task":
            return '<start_task_response status="202" status_text="OK, request submitted"><report_id>r1</report_id></start_task_response>'
        if command.tag == "get_tasks":
            status, percent = next(self.server.states)
            return ('<get_tasks_response status="200" status_text="OK"><task id="t1"><name>Weekly</name>'
                    f'<status>{status}</status><progress>{percent}</progress></task></get_tasks_response>')
        first = int(command.get("filter").split("first=")[1].split()[0])
        results = "".join(
            f'<result id="{n}"><name>Finding {n}</name><host>192.0.2.1<asset asset_id="x"/><hostname>a.example</hostname></host>'
            '<port>443/tcp</port><nvt oid="1.3.6.1"><type>nvt</type><name>n</name><solution type="VendorFix">Update.</solution>'
            '<refs><ref type="cve" id="CVE-2024-1"/><ref type="url" id="https://x"/></refs></nvt>'
            '<threat>High</threat><severity>7.5</severity><description>d &amp; e</description></result>'
            for n in range(first, min(first + 100, 151)))
        return f'<get_results_response status="200" status_text="OK">{results}</get_results_response>'


@pytest.mark.parametrize("password, code", [("a<b&c", 0), ("wrong", 1)])
def test_gvm(run, make_folder, password, code):
    path = str(make_folder() / "gvmd.sock")
    with Greenbone(path) as gvmd:
        threading.Thread(target=gvmd.serve_forever, daemon=True).start()
        result, messages = run("gvm.py", path, "t1", GVM_USER="admin", GVM_PASSWORD=password)
        gvmd.shutdown()
    os.unlink(path)
    assert result.returncode == code, result.stderr_text
    if code:
        assert "Authentication failed" in messages[-1]["stderr"] and password not in json.dumps(messages)
        return
    found = of(messages, "vulnerabilityFound")
    assert [finding["name"] for finding in found] == [f"Finding {n}" for n in range(1, 151)]
    assert found[0] == {"template": "1.3.6.1", "name": "Finding 1", "severity": "high", "ip": "192.0.2.1",
                        "hostname": "a.example", "port": 443, "protocol": "tcp", "cvss": 7.5, "cve": ["CVE-2024-1"],
                        "details": "d & e", "remediation": "Update."}
    assert [progress["status"] for progress in of(messages, "scanProgress")] == ["Done"] or \
        of(messages, "scanProgress")[-1] == {"phase": "gvm", "percent": 100, "status": "Done"}
    assert messages[-1]["type"] == "scanCompleted"
