"""Receivers of hooks: a server of Python's own that checks signatures by itself, fails, and is away."""

import base64
import hashlib
import hmac
import http.server
import json
import secrets
import socket
import threading
import time

import pytest
from commands import sluice
from conftest import BASE, merged, wait_for


class Receiver:
    """A receiver that keeps what it takes; `answers` are the next ones, then `answer` for good."""

    def __init__(self, key, port=0):
        outer = self
        self.answers, self.answer, self.taken, self.refused = [], 204, [], []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.check(self.headers, body, key)
                status = outer.answers.pop(0) if outer.answers else outer.answer
                (outer.taken if status < 300 else outer.refused).append((self.headers["webhook-id"], json.loads(body)))
                self.send_response(status)
                if status == 307:
                    self.send_header("Location", f"http://127.0.0.1:{outer.port}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.faults = []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def check(self, headers, body, key):
        """By the specification's text: https://github.com/standard-webhooks/standard-webhooks."""
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        code = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        if f"v1,{code}" not in headers["webhook-signature"].split(" "):
            self.faults.append("signature")
        if abs(time.time() - int(headers["webhook-timestamp"])) > 60 or "." in headers["webhook-id"]:
            self.faults.append("head")
        if headers["Content-Type"] != "application/json":
            self.faults.append("type")

    def kinds(self):
        return [event["type"] for _, event in self.taken]

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


@pytest.fixture
def key():
    return secrets.token_bytes(32)


def hook(folder, key, port, path="/hook?token=geheim", **more):
    (folder / "hook.key").write_text(f"whsec_{base64.b64encode(key).decode()}\n")
    return {"url": f"http://127.0.0.1:{port}{path}", "secret_file": "hook.key"} | more


def metric(gateway, name):
    return gateway.metrics()[name]


def faults_of(folder, **overrides):
    (folder / "config.yaml").write_text(json.dumps(merged(BASE, overrides)))
    checked = sluice("check", "--config", folder / "config.yaml")
    assert checked.returncode == 78
    return checked.stderr_text


def test_each_turn_of_a_scan_is_told_once_and_signed(make_gateway, make_folder, scan, key):
    folder = make_folder()
    with Receiver(key) as receiver:
        gateway = make_gateway(folder=folder, relay={"stall_after": "1s"}, hooks=[hook(folder, key, receiver.port)])
        gateway.request("PUT", f"/api/scans/{scan}", {"owner": "bob", "name": "Nightly"}, token=gateway.producer())
        wait_for(lambda: "scanStalled" in receiver.kinds())
        gateway.post(scan, [{"type": "found"}, {"type": "error", "message": "no route"}])
        gateway.post(f"{scan}-2", [{"type": "scanCompleted"}])
        wait_for(lambda: len(receiver.taken) == 6)
        told = [event for _, event in receiver.taken if event["data"]["scanId"] == scan]
        assert sorted(event["type"] for event in told) == ["scanFailed", "scanResumed", "scanStalled", "scanStarted"]
        failed = next(event for event in told if event["type"] == "scanFailed")
        epoch = gateway.get(f"/api/scans/{scan}", gateway.admin()).json()["epoch"]
        assert failed["data"] == {"scanId": scan, "epoch": epoch, "seq": 2, "owner": "bob", "name": "Nightly",
                                  "error": "no route"}
        assert sorted(event["type"] for _, event in receiver.taken if event not in told) == \
            ["scanCompleted", "scanStarted"]
        assert not receiver.faults and len({number for number, _ in receiver.taken}) == 6
        assert metric(gateway, 'sluice_hook_deliveries_total{result="delivered"}') == 6
        assert metric(gateway, "sluice_hooks_waiting") == 0
        assert "geheim" not in gateway.log()


def test_only_what_is_asked_for_is_told_and_a_reload_asks_for_more(make_gateway, make_folder, scan, key):
    folder = make_folder()
    with Receiver(key) as receiver:
        asked = hook(folder, key, receiver.port, events=["scanFailed"])
        gateway = make_gateway(folder=folder, hooks=[asked])
        gateway.post(scan, [{"type": "scanCompleted"}])
        gateway.reload(hooks=[asked | {"events": ["scanFailed", "scanStarted"]}])
        gateway.post(f"{scan}-2", [{"type": "error"}])
        wait_for(lambda: len(receiver.taken) == 2)
        assert sorted(receiver.kinds()) == ["scanFailed", "scanStarted"]
        assert {event["data"]["scanId"] for _, event in receiver.taken} == {f"{scan}-2"}


def test_one_that_fails_is_asked_again_and_a_redirect_is_not_followed(make_gateway, make_folder, scan, key):
    folder = make_folder()
    with Receiver(key) as receiver:
        receiver.answers = [503, 307]
        gateway = make_gateway(folder=folder, hooks=[hook(folder, key, receiver.port, events=["scanCompleted"])])
        gateway.post(scan, [{"type": "scanCompleted"}])
        wait_for(lambda: receiver.taken)
        assert len({number for number, _ in receiver.refused + receiver.taken}) == 1
        assert len(receiver.refused) == 2 and not receiver.faults
        wait_for(lambda: "receiver of a hook works again" in gateway.log())
        assert metric(gateway, "sluice_hook_failed_attempts_total") == 2


@pytest.mark.parametrize("ends", ["terminate", "kill"])
def test_one_that_is_away_over_a_restart_gets_all(make_gateway, make_folder, scan, key, ends):
    """Each acknowledged end of a scan is told at least once, whether the gateway stopped or was killed."""
    folder = make_folder()
    with Receiver(key) as receiver:
        port = receiver.port
    settings = {"storage": {"path": "data"}, "hooks": [hook(folder, key, port, events=["scanCompleted"])]}
    gateway = make_gateway(folder=folder, **settings)
    for number in range(50):
        assert gateway.post(f"{scan}-{number}", [{"type": "scanCompleted"}]).status == 202
    if ends == "kill":
        gateway.kill()
    else:
        gateway.terminate()
        assert gateway.wait() == 0
    gateway.log_file.unlink()
    with Receiver(key, port) as receiver:
        gateway = make_gateway(folder=folder, **settings)
        wait_for(lambda: {event["data"]["scanId"] for _, event in receiver.taken}
                 == {f"{scan}-{number}" for number in range(50)})
        assert not receiver.faults
        wait_for(lambda: metric(gateway, "sluice_hooks_waiting") == 0)
        gateway.terminate()
        assert gateway.wait() == 0
        gateway.log_file.unlink()
        # What was delivered is forgotten.
        count = len(receiver.taken)
        gateway = make_gateway(folder=folder, **settings)
        assert metric(gateway, "sluice_hooks_waiting") == 0 and len(receiver.taken) == count


def test_a_receiver_that_never_answers_holds_nobody_up_and_has_a_bound(make_gateway, make_folder, scan, key):
    folder = make_folder()
    with socket.create_server(("127.0.0.1", 0), backlog=64) as deaf:
        gateway = make_gateway(
            folder=folder, limits={"hooks": {"count": 10}},
            hooks=[hook(folder, key, deaf.getsockname()[1], events=["scanCompleted"])])
        for number in range(30):
            assert gateway.post(f"{scan}-{number}", [{"type": "scanCompleted"}]).status == 202
        wait_for(lambda: metric(gateway, 'sluice_hook_deliveries_total{result="dropped"}') == 20)
        assert metric(gateway, "sluice_hooks_waiting") == 10
        start = time.monotonic()
        gateway.terminate()
        assert gateway.wait() == 0
        # The grace is 2 s: nobody waits for the 15 s that an attempt may take.
        assert time.monotonic() - start < 10
        assert "receivers of hooks were not told of everything" in gateway.log()


def test_a_status_holds_though_its_body_has_no_end(make_gateway, make_folder, scan, key):
    taken, cut = [], threading.Event()

    class Endless(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["type"])
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b" " * 10_000)
            except OSError:
                cut.set()

        def log_message(self, *_):
            pass

    folder = make_folder()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endless) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        receiver = hook(folder, key, server.server_address[1], events=["scanCompleted"])
        gateway = make_gateway(folder=folder, hooks=[receiver])
        gateway.post(scan, [{"type": "scanCompleted"}])
        wait_for(lambda: metric(gateway, 'sluice_hook_deliveries_total{result="delivered"}') == 1)
        assert cut.wait(10) and taken == ["scanCompleted"]
        assert metric(gateway, "sluice_hook_failed_attempts_total") == 0
        server.shutdown()


@pytest.mark.parametrize("url, fault", [
    ("http://ci.example/hook", "expected https://, or http:// to this machine itself"),
    ("ftp://127.0.0.1/hook", "expected an address with https://"),
    ("https://me:secret@ci.example/", "expected an address with https://"),
    ("http://127.0.0.1@ci.example/", "expected an address with https://"),
    ("http://localhost.ci.example/", "expected https://, or http:// to this machine itself"),
])
def test_addresses_that_are_not_safe_are_refused(make_folder, key, url, fault):
    folder = make_folder()
    faults = faults_of(folder, hooks=[hook(folder, key, 1) | {"url": url}])
    assert "hooks[0].url: " + fault in faults


def test_a_secret_that_is_none_is_refused(make_folder, key):
    folder = make_folder()
    receiver = hook(folder, key, 1)
    (folder / "hook.key").write_text("geheim")
    faults = faults_of(folder, hooks=[receiver])
    assert "hooks[0].secret_file: " in faults and "whsec_" in faults and "geheim" not in faults
