"""The configuration, its faults, its reload, and the end of a gateway."""

import concurrent.futures
import http.client
import json
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time

import pytest
import websockets

from conftest import SLUICE, clean_environment, closing, read_until, wait_for

GOOD = """\
listen: { host: 127.0.0.1, port: 0 }
tls: { certificate: gateway.crt, private_key: gateway.key }
admin: { port: 0 }
auth:
  keys: [ { id: main, algorithm: HS256, secret_file: jwt.key } ]
"""


def sluice(*arguments, folder=None, **environment):
    return subprocess.run([SLUICE, *map(str, arguments)], cwd=folder, capture_output=True, text=True, timeout=30,
                          env=clean_environment(**environment))


def check(folder, text, **environment):
    (folder / "config.yaml").write_text(text)
    return sluice("check", "--config", "config.yaml", folder=folder, **environment)


@pytest.fixture
def folder(make_folder):
    return make_folder()


# The file


def test_a_good_file(folder):
    result = check(folder, GOOD)
    assert result.returncode == 0, result
    assert all(line.startswith("warning: ") for line in result.stderr.splitlines())


def test_the_reference_is_the_programs_own():
    """Keys and defaults of the documentation are those that the program has."""
    result = subprocess.run([SLUICE, "check", "--reference"], env=clean_environment(), capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip("|"))] for row in result.stdout.splitlines()]
    assert cells[0] == ["Key", "Default", "Variable", "What it does"] and len(cells) > 60
    rest = {key.strip("`"): (default.strip("`"), variable.strip("`"), text) for key, default, variable, text in cells[2:]}
    own = {key: default for key, (default, _, _) in rest.items()}
    assert rest["relay.batch_interval"][1] == "SLUICE_RELAY__BATCH_INTERVAL"
    guide = pathlib.Path(__file__).parents[2] / "docs/configuration.md"
    rows = [row.split("|") for row in guide.read_text().splitlines() if row.startswith("| `")]
    told = {row[1].strip().strip("`"): row[2].strip().strip("`") for row in rows}
    # What a key does is said in the same words, but for links.
    page = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", guide.read_text())
    assert not [key for key, (_, _, text) in rest.items() if len(text) < 10 or text not in page]
    assert {key: told.get(key) for key in own if told.get(key) != "none"} == \
        {key: default for key, default in own.items() if told.get(key) != "none"}


def test_paths_are_relative_to_the_file(folder):
    (folder / "config.yaml").write_text(GOOD)
    assert sluice("check", "--config", folder / "config.yaml", folder="/").returncode == 0


def test_every_fault_is_said_at_once_with_its_place(folder):
    text = GOOD + """\
relay:
  batch_intervall: 50ms
  max_batch_size: many
  framing: sometimes
  max_pending: -1
clients: { timeout: 30 parsecs }
limits:
  ingest: { rate: 0 }
unknown: 1
"""
    result = check(folder, text)
    assert result.returncode == 78
    faults = result.stderr.splitlines()
    assert "config.yaml:7:3: relay.batch_intervall: unknown key, did you mean batch_interval?" in faults
    for place, key in [("8:3", "relay.max_batch_size"), ("9:3", "relay.framing"), ("10:3", "relay.max_pending"),
                       ("11:12", "clients.timeout"), ("13:13", "limits.ingest.rate"), ("14:1", "unknown")]:
        assert sum(fault.startswith(f"config.yaml:{place}: {key}: ") for fault in faults) == 1, (key, result.stderr)
    assert len(faults) == 7


def test_a_faulty_file_stops_the_start(folder):
    (folder / "config.yaml").write_text(GOOD + "relay: { batch_intervall: 50ms, framing: x }\n")
    result = sluice("serve", "--config", "config.yaml", folder=folder)
    assert result.returncode == 78
    assert "config.yaml:6:10: relay.batch_intervall: unknown key" in result.stderr
    assert "relay.framing: " in result.stderr


@pytest.mark.parametrize("place, change", [
    ("2:8: tls.certificate", lambda folder: (folder / "gateway.crt").unlink()),
    ("2:8: tls.certificate", lambda folder: cut(folder / "gateway.crt")),
    ("2:34: tls.private_key", lambda folder: (folder / "gateway.key").write_text("no key")),
    ("2:34: tls.private_key", lambda folder: cut(folder / "gateway.key")),
    ("2:34: tls.private_key", lambda folder: shutil.copy(folder.parent / "other.key", folder / "gateway.key")),
    ("2:60: tls.client_ca", lambda folder: shutil.copy(folder / "gateway.key", folder / "ca.crt")),
    ("6:35: auth.keys[0].secret_file", lambda folder: (folder / "jwt.key").unlink()),
    ("6:35: auth.keys[0].secret_file", lambda folder: (folder / "jwt.key").write_text("short")),
    ("7:32: auth.keys[1].public_key", lambda folder: shutil.copy(folder / "gateway.crt", folder / "idp.pem")),
    ("8:11: auth.jwks.file", lambda folder: (folder / "jwks.json").write_text('{"keys":')),
])
def test_a_file_that_cannot_be_used_is_a_fault_of_its_key(folder, place, change):
    subprocess.run(["openssl", "pkey", "-in", "gateway.key", "-pubout", "-out", "idp.pem"], cwd=folder, check=True)
    shutil.copy(folder / "gateway.crt", folder / "ca.crt")
    (folder / "jwks.json").write_text('{"keys":[]}')
    text = GOOD.replace("gateway.key }", "gateway.key, client_ca: ca.crt }").replace("[ {", "[\n    {").replace(
        "} ]", "},\n    { id: i, algorithm: ES256, public_key: idp.pem } ]\n  jwks: { file: jwks.json }")
    assert check(folder, text).returncode == 0
    change(folder)
    # With every other fault, and in words.
    for command in ("check", "serve"):
        (folder / "config.yaml").write_text(text + "relay: { framing: x }\n")
        result = sluice(command, "--config", "config.yaml", folder=folder)
        faults = [line for line in result.stderr.splitlines() if line.startswith("config.yaml:")]
        assert result.returncode == 78 and len(faults) == 2, result.stderr
        assert faults[0].startswith(f"config.yaml:{place}: ") and "failed" not in faults[0], faults
        assert faults[1].startswith("config.yaml:9:10: relay.framing: ")


def cut(file):
    file.write_bytes(file.read_bytes()[:120])


def test_a_byte_order_mark(folder):
    assert check(folder, "\ufeff" + GOOD).returncode == 0
    result = check(folder, "\ufeffrelayy: {}\n" + GOOD)
    assert result.returncode == 78 and result.stderr.startswith("config.yaml:1:1: relayy: unknown key")


def test_no_file(folder):
    for command in ("check", "serve"):
        result = sluice(command, "--config", "none.yaml", folder=folder)
        assert result.returncode == 78 and "none.yaml" in result.stderr


@pytest.mark.parametrize("text", [
    "a: [", "- a\n", "tls: { certificate: gateway.crt }\n", "", GOOD + "auth: {}\n", GOOD.replace("HS256", "none"),
    GOOD + "x: &a 1\n", GOOD.replace("secret_file", "public_key"),
])
def test_files_that_are_none(folder, text):
    assert check(folder, text).returncode == 78


def test_the_environment_overrides_the_file(folder):
    text = GOOD.replace("certificate: gateway.crt", "certificate: none.crt")
    assert check(folder, text).returncode == 78
    assert check(folder, text, SLUICE_TLS__CERTIFICATE=str(folder / "gateway.crt")).returncode == 0
    result = check(folder, GOOD, SLUICE_RELAY__BATCH_INTERVAL="soon", SLUICE_RELAY__BATCH_INTERVALL="1s",
                   SLUICE_OTHER="1", SLUICE_RELAY__MAX_BATCH_SIZE="10")
    assert result.returncode == 78
    assert "SLUICE_RELAY__BATCH_INTERVAL" in result.stderr and "SLUICE_OTHER" in result.stderr
    assert "SLUICE_RELAY__BATCH_INTERVALL" in result.stderr and "MAX_BATCH_SIZE:" not in result.stderr
    assert check(folder, GOOD, SLUICE_TOKEN="x", SLUICE_URL="x", SLUICE_CA="x", SLUICELESS="x").returncode == 0


def test_the_environment_holds_in_a_running_gateway(make_gateway):
    gateway = make_gateway(environment={"SLUICE_LIMITS__SCANS": "1", "SLUICE_ORIGINS": '["https://a.example"]'})
    assert gateway.post("a", {"type": "t"}).status == 202
    assert gateway.post("b", {"type": "t"}).status == 503
    with gateway.sync_ws("a", headers={"Origin": "https://a.example"}):
        pass
    gateway.reload(limits={"scans": 5})
    assert gateway.post("b", {"type": "t"}).status == 503


def test_plaintext(make_gateway):
    gateway = make_gateway(listen={"plaintext": True})
    assert gateway.post("a", {"type": "t"}).status == 202
    with gateway.sync_ws("a?since=0") as subscriber:
        read_until(subscriber, "t")
    answer = gateway.get("/healthz")
    assert answer.headers["Strict-Transport-Security"] is None


@pytest.mark.parametrize("minimum, allowed", [("1.2", [2, 3]), ("1.3", [3])])
def test_versions_of_tls(make_gateway, minimum, allowed):
    gateway = make_gateway(tls={"minimum_version": minimum})
    for minor, version in ((2, ssl.TLSVersion.TLSv1_2), (3, ssl.TLSVersion.TLSv1_3)):
        context = ssl.create_default_context(cafile=gateway.ca)
        context.minimum_version = context.maximum_version = version
        plain = socket.create_connection(("127.0.0.1", gateway.port), timeout=10)
        try:
            with context.wrap_socket(plain, server_hostname="localhost") as tls:
                tls.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
                assert tls.recv(100) and minor in allowed
        except (ssl.SSLError, ConnectionError):
            assert minor not in allowed
        finally:
            plain.close()


def test_a_client_certificate_makes_a_producer(make_gateway, folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.crt"],
                   cwd=folder, check=True, capture_output=True)
    subprocess.run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
                    "/CN=scanner", "-addext", "subjectAltName=DNS:scanner-1", "-keyout", "client.key", "-out",
                    "client.csr"], cwd=folder, check=True, capture_output=True)
    subprocess.run(["openssl", "x509", "-req", "-in", "client.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-days", "2",
                    "-copy_extensions", "copy", "-out", "client.crt"], cwd=folder, check=True, capture_output=True)
    gateway = make_gateway(folder=folder, tls={"client_ca": "ca.crt"})
    assert gateway.post("a", {"type": "t"}).status == 202
    body, fields = '{"type":"t"}', {"Content-Type": "application/json"}
    assert gateway.request("POST", "/api/scans/a/progress", body, fields).status == 401
    plain = gateway.ssl
    gateway.ssl = ssl.create_default_context(cafile=gateway.ca)
    gateway.ssl.load_cert_chain(folder / "client.crt", folder / "client.key")
    assert gateway.request("POST", "/api/scans/a/progress", body, fields).status == 202
    assert gateway.get("/api/scans/a").status == 403
    gateway.ssl = ssl.create_default_context(cafile=gateway.ca)
    gateway.ssl.load_cert_chain(folder / "gateway.crt", folder / "gateway.key")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        gateway.request("POST", "/api/scans/a/progress", body, fields)
    gateway.ssl = plain


# Reload


def test_a_reload_changes_what_it_may_and_drops_nobody(make_gateway):
    gateway = make_gateway(relay={"cleanup_delay": "1h"})
    gateway.post("a", {"type": "t"})
    old_token = gateway.reader()
    with gateway.sync_ws("a", old_token) as socket, gateway.stream("line") as upload:
        upload.send({"type": "before"})
        wait_for(lambda: gateway.metrics()["sluice_scans"] == 2)
        read_until(socket, "subscribed")
        (gateway.folder / "new.key").write_text("another secret of forty characters, enough")
        keys = gateway.config["auth"]["keys"] + [{"id": "new", "algorithm": "HS256", "secret_file": "new.key"}]
        gateway.reload(origins=["https://new.example"], limits={"scans": 2, "max_message_bytes": "1KiB"},
                       relay={"cleanup_delay": "1s", "terminal": ["finished"], "critical": ["t"]},
                       log={"level": "debug"}, auth={"keys": keys})
        # Keys
        assert gateway.get("/api/scans/stats", old_token).status == 200
        new_token = gateway.reader(key="another secret of forty characters, enough")
        assert gateway.get("/api/scans/stats", new_token).status == 200
        # Origins
        with gateway.sync_ws("a", headers={"Origin": "https://new.example"}):
            pass
        # Limits
        assert gateway.post("c", {"type": "t"}).status == 503
        assert gateway.post("a", {"type": "t", "pad": "x" * 2000}).status == 413
        # Connections
        gateway.post("a", {"type": "still"})
        read_until(socket, "still")
        upload.send({"type": "after"})
        assert upload.end().json()["accepted"] == 2
        # Relay values
        gateway.post("a", {"type": "scanCompleted"})
        assert gateway.get("/api/scans/a", gateway.admin()).json()["is_completed"] is False
        gateway.post("a", {"type": "finished"})
        assert closing(socket) == (1000, "scan completed")
    # The level
    gateway.get("/api/scans/stats", "a.b.c")
    wait_for(lambda: "credential refused" in gateway.log())


def test_a_reload_holds_for_subscriptions_that_stand(make_gateway):
    gateway = make_gateway(relay={"batch_interval": "60s", "stall_after": "1h"})
    gateway.post("a", {"type": "t"})
    with gateway.sync_ws("a") as socket:
        read_until(socket, "subscribed")
        gateway.post("a", {"type": "waits"})
        with pytest.raises(TimeoutError):
            socket.recv(timeout=0.5)
        gateway.reload(relay={"batch_interval": "50ms", "stall_after": "1s", "max_batch_size": 2})
        read_until(socket, "waits")
        read_until(socket, "scanStalled")
        gateway.post("a", [{"type": "t", "n": n} for n in range(6)])
        assert json.loads(socket.recv(timeout=10))["type"] == "scanResumed"
        frames = [json.loads(socket.recv(timeout=10)) for _ in range(3)]
        assert [len(frame["messages"]) for frame in frames] == [2, 2, 2]


@pytest.mark.parametrize("damage", [
    lambda gateway: gateway.config_file.write_text("relay: { batch_intervall: 1s }\n"),
    lambda gateway: (gateway.folder / "gateway.crt").write_text("half a"),
    lambda gateway: (gateway.folder / "jwt.key").unlink(),
], ids=["the file", "the certificate", "the secret"])
def test_a_faulty_reload_keeps_the_old(make_gateway, damage):
    gateway = make_gateway()
    gateway.post("a", {"type": "t"})
    with gateway.sync_ws("a") as socket:
        damage(gateway)
        gateway.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "configuration not reloaded" in gateway.log())
        gateway.post("a", {"type": "still"})
        read_until(socket, "still")
        assert gateway.get("/api/scans/stats", gateway.reader()).status == 200


@pytest.mark.parametrize("format", ["text", "json"])
def test_a_faulty_reload_is_reported_with_its_places(make_gateway, certificates, format):
    gateway = make_gateway(log={"format": format})
    shutil.copy(certificates / "other.key", gateway.folder / "gateway.key")
    text = "tls: { certificate: gateway.crt, private_key: gateway.key }\nrelay: { batch_intervall: 1s }\n"
    gateway.config_file.write_text(text + "auth: { keys: [{ id: a, algorithm: HS256, secret_file: jwt.key }] }\n")
    before = len(gateway.log())
    gateway.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "configuration not reloaded" in gateway.log())
    lines = gateway.log()[before:].splitlines()
    assert len(lines) == 3 and "ExitCode" not in gateway.log(), lines
    file = gateway.config_file
    if format == "text":
        assert lines[0].startswith(f"{file}:1:34: tls.private_key: ")
        assert lines[1] == f"{file}:2:10: relay.batch_intervall: unknown key, did you mean batch_interval?"
        return
    events = [json.loads(line) for line in lines]
    assert [event["level"] for event in events] == ["error"] * 3
    places = [tuple(event[name] for name in ("file", "line", "column", "key")) for event in events[:2]]
    assert places == [(str(file), 1, 34, "tls.private_key"), (str(file), 2, 10, "relay.batch_intervall")]
    assert events[1]["message"] == "unknown key, did you mean batch_interval?" and events[2]["faults"] == 2


def shown_certificate(gateway):
    context = ssl._create_unverified_context()
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as plain, \
            context.wrap_socket(plain) as tls:
        return tls.getpeercert(binary_form=True)


def test_a_new_certificate_holds_for_new_connections(make_gateway, certificates):
    gateway = make_gateway()
    gateway.post("a", {"type": "t"})
    before = shown_certificate(gateway)
    with gateway.sync_ws("a") as subscriber:
        read_until(subscriber, "subscribed")
        for suffix in ("crt", "key"):
            shutil.copy(certificates / f"other.{suffix}", gateway.folder / f"gateway.{suffix}")
        gateway.reload()
        assert shown_certificate(gateway) != before
        gateway.ssl = ssl.create_default_context(cafile=certificates / "other.crt")
        gateway.post("a", {"type": "still"})
        read_until(subscriber, "still")


# The log


def test_the_log_can_be_json(make_gateway):
    gateway = make_gateway(log={"format": "json"}, relay={"stall_after": "300ms"})
    gateway.post("a", {"type": "t"})
    with gateway.sync_ws("a") as socket:
        read_until(socket, "scanStalled")
    assert gateway.request("DELETE", "/api/scans/a", token=gateway.admin()).status == 204
    wait_for(lambda: "connection closed" in gateway.log() and "removed" in gateway.log())
    events = [json.loads(line) for line in gateway.log().splitlines()]
    assert events and all(isinstance(event, dict) for event in events)
    # Numbers are numbers, and truth values are truth values.
    seen = {}
    for event in events:
        for name, value in event.items():
            seen.setdefault(name, set()).add(type(value))
    for name in ("port", "admin_port", "event_loops", "descriptor_limit", "memory_mark_bytes", "connection", "code",
                 "messages", "frames", "bytes", "lag_frames", "duration_ms", "silent_s"):
        assert seen[name] == {int}, (name, seen)
    assert seen["tls"] == {bool} and seen["scan"] == {str}


# The end


def test_a_drain(make_gateway):
    gateway = make_gateway(shutdown={"grace": "3s"}, relay={"batch_interval": "10s"})
    gateway.post("a", {"type": "t"})
    sockets = [gateway.sync_ws("a", gateway.reader(f"u{n}")).__enter__() for n in range(10)]
    many = gateway.sync_ws("/api/ws").__enter__()
    for follower in sockets:
        read_until(follower, "subscribed")
    streams = concurrent.futures.ThreadPoolExecutor(12)
    stream = streams.submit(gateway.get, "/api/scans/a/events", gateway.reader())
    upload = gateway.stream("a")
    upload.send({"type": "pending"})
    wait_for(lambda: gateway.get("/api/scans/a", gateway.admin()).json()["seq"] == 2)
    wait_for(lambda: gateway.metrics()["sluice_subscriptions"] == 11)
    start = time.monotonic()
    gateway.terminate()
    answer = upload.answer()
    assert answer.status == 503 and answer.json()["code"] == "draining" and answer.json()["accepted"] == 1
    assert int(answer.headers["Retry-After"]) >= 1

    def end(socket):
        seen = []
        try:
            while True:
                seen.append(json.loads(socket.recv(timeout=20))["type"])
        except websockets.exceptions.ConnectionClosed as error:
            return seen, error.rcvd.code, error.rcvd.reason, time.monotonic() - start

    # New connections are turned away while the old ones end.
    try:
        refused = gateway.post("a", {"type": "late"})
        assert (refused.status, refused.code) == (503, "draining")
        assert int(refused.headers["Retry-After"]) >= 1
        assert gateway.refusal("a").status == 503
    except OSError:
        pass
    ends = list(streams.map(end, [*sockets, many]))
    assert {(code) for _, code, _, _ in ends} == {1001}
    waits = [json.loads(reason) for _, _, reason, _ in ends]
    assert all(list(wait) == ["retryAfterMs"] and 0 <= wait["retryAfterMs"] <= 60_000 for wait in waits)
    assert len({wait["retryAfterMs"] for wait in waits}) > 5
    assert all(seen == ["pending"] for seen, *_ in ends[:-1])
    times = [at for *_, at in ends]
    assert max(times) - min(times) > 0.3
    assert b"event: sluice.close\n" in stream.result(20).body
    assert gateway.wait() == 0
    assert time.monotonic() - start < 12
    for follower in sockets:
        follower.close()


def test_readiness_and_health_during_a_drain(make_gateway):
    gateway = make_gateway(shutdown={"grace": "3s"})
    gateway.post("a", {"type": "t"})
    sockets = [gateway.sync_ws("a", gateway.reader(f"u{n}")).__enter__() for n in range(20)]
    connection = gateway.connection()
    connection.request("GET", "/healthz")
    connection.getresponse().read()
    gateway.terminate()
    wait_for(lambda: gateway.metrics()["sluice_draining"] == 1)
    admin = http.client.HTTPConnection("127.0.0.1", gateway.admin_port, timeout=10)
    admin.request("GET", "/readyz")
    assert admin.getresponse().status == 503
    for follower in sockets:
        assert closing(follower)[0] == 1001
    assert gateway.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_gateway_ends_at_once(make_gateway, number):
    gateway = make_gateway(shutdown={"grace": "30s"})
    gateway.post("a", {"type": "t"})
    start = time.monotonic()
    gateway.process.send_signal(number)
    assert gateway.wait() == 0
    assert time.monotonic() - start < 10


def test_clients_that_do_not_leave_do_not_hold_up_the_end(make_gateway):
    gateway = make_gateway(shutdown={"grace": "1s"})
    gateway.post("a", {"type": "t"})
    # A handshake by hand, and then silence: no answer to the close frame, nor to the end of TLS.
    silent = gateway.socket()
    silent.sendall((f"GET /api/ws/scans/a HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                    f"Authorization: Bearer {gateway.reader()}\r\n\r\n").encode())
    assert silent.recv(1000).startswith(b"HTTP/1.1 101 ")
    start = time.monotonic()
    gateway.terminate()
    assert gateway.wait() == 0
    assert time.monotonic() - start < 4
    silent.close()
