"""The command beside the gateway: tokens, keys, publishing, watching, help, and errors of usage."""

import hashlib
import json
import re
import signal
import ssl
import subprocess
import urllib.request

import jwt
import pytest

from commands import sluice, start, types
from conftest import read_until, wait_for


# Help and usage


COMMANDS = ["init", "serve", "check", "demo", "run", "publish", "watch", "export", "replay", "scans",
            "connections", "revoke", "token", "key", "certificate"]


def test_help_and_version():
    result = sluice("--help")
    assert result.returncode == 0 and result.stderr_text == ""
    assert all(command in result.stdout_text for command in COMMANDS)
    version = sluice("--version")
    assert version.returncode == 0 and version.stdout_text.strip()
    for command in COMMANDS:
        result = sluice(command, "--help")
        assert result.returncode == 0 and f"sluice {command}" in result.stdout_text, command
        assert sluice(command, "--version").stdout_text == version.stdout_text


@pytest.mark.parametrize("arguments", [
    ["nonsense"], ["--nonsense"], ["serve", "--nonsense"], ["serve", "extra"], ["token", "--config", "x"],
    ["token", "--sub", ""], ["token", "--sub", "a", "--ttl", "soon"], ["key"], ["key", ""], ["run"],
    ["run", "--scan", "a"], ["run", "--scan", "a", "--"], ["run", "--scan", "a", "--", "true"],
    ["run", "--scan", "a", "--url", "ftp://x", "--", "true"],
    ["run", "--scan", "a b", "--url", "https://x", "--", "true"],
    ["run", "--scan", "a", "--format", "x", "--url", "https://x", "--", "true"], ["publish"], ["publish", "a"],
    ["publish", "..", "--url", "https://x"], ["watch"], ["watch", "a"],
    ["watch", "a", "--url", "https://x", "--wait", "301"], ["export"], ["export", "a b", "--url", "https://x"],
    ["export", "a", "--url", "ftp://x"], ["export", "a", "--url", "https://x", "--config", "config.yaml"],
    ["replay", "file"],
], ids=" ".join)
def test_errors_of_usage(arguments):
    result = sluice(*arguments)
    assert result.returncode == 64, result.stderr_text
    assert result.stdout_text == "" and result.stderr_text


def test_empty_variables_count_as_unset(gateway, scan, tmp_path):
    empty = {"SLUICE_URL": "", "SLUICE_TOKEN": "", "SLUICE_CA": ""}
    for arguments in ["publish", "a"], ["watch", "a"], ["run", "--scan", "a", "--", "true"]:
        result = sluice(*arguments, environment=empty)
        assert result.returncode == 64 and "SLUICE_URL" in result.stderr_text, result.stderr_text
    # With no gateway an export is one of the storage, whose configuration is not there.
    result = sluice("export", "a", environment=empty, cwd=tmp_path)
    assert result.returncode == 78 and "config.yaml" in result.stderr_text, result.stderr_text
    options = ["--url", gateway.url, "--ca", gateway.ca]
    result = sluice("publish", scan, *options, input='{"type":"a"}\n', environment=empty)
    assert result.returncode == 1 and "401" in result.stderr_text, result.stderr_text
    result = sluice("publish", scan, *options, "--token", gateway.producer(), input='{"type":"a"}\n',
                    environment=empty)
    assert result.returncode == 0, result.stderr_text


# Tokens and keys


def test_a_token(gateway, scan):
    result = sluice("token", "--config", gateway.config_file, "--sub", "alice", "--scans", scan, "--scans", "b-*,c",
                    "--role", "admin", "--role", "x", "--scope", "ingest read", "--ttl", "90s")
    assert result.returncode == 0, result.stderr_text
    token = result.stdout_text.strip()
    claims = jwt.decode(token, gateway.secret, algorithms=["HS256"])
    assert {"sub": "alice", "scans": [scan, "b-*", "c"], "roles": ["admin", "x"],
            "scope": "ingest read"}.items() <= claims.items()
    assert claims["exp"] - claims["iat"] == 90
    assert gateway.post(scan, {"type": "t"}, token).status == 202
    assert gateway.get(f"/api/scans/{scan}", token).status == 200


def test_a_token_says_no_more_than_it_is_told(gateway, scan):
    gateway.post(scan, {"type": "t"})
    token = sluice("token", "--config", gateway.config_file, "--sub", scan).stdout_text.strip()
    assert gateway.get("/api/scans/stats", token).json()["scans"] == []
    assert gateway.post(scan, {"type": "t"}, token).status == 403
    claims = jwt.decode(token, gateway.secret, algorithms=["HS256"])
    assert claims["exp"] - claims["iat"] == 3600


def test_a_token_of_a_key_and_an_issuer(make_gateway, make_folder):
    folder = make_folder()
    (folder / "second.key").write_text("z" * 64)
    gateway = make_gateway(folder=folder, auth={
        "issuer": "me", "audience": "you",
        "keys": [{"id": "main", "algorithm": "HS256", "secret_file": "jwt.key"},
                 {"id": "second", "algorithm": "HS512", "secret_file": "second.key"}]})
    for arguments, kid, algorithm in (([], "main", "HS256"), (["--key", "second"], "second", "HS512")):
        token = sluice("token", "--config", gateway.config_file, "--sub", "a", *arguments).stdout_text.strip()
        header = jwt.get_unverified_header(token)
        assert (header["kid"], header["alg"]) == (kid, algorithm)
        assert gateway.get("/api/scans/stats", token).status == 200
    assert sluice("token", "--config", gateway.config_file, "--sub", "a", "--key", "none").returncode == 78
    assert sluice("token", "--config", folder / "none.yaml", "--sub", "a").returncode == 78


def test_the_digest_of_a_key():
    for secret in ("secret", "ß☃"):
        assert sluice("key", secret).stdout_text == hashlib.sha256(secret.encode()).hexdigest() + "\n"


# The demonstration


def test_the_demonstration_ends_by_itself():
    with start("demo", "--port", "0", "--once") as process:
        try:
            out, err = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == 0, err
    assert re.search(r"https://localhost:\d+/#token=[\w.-]+&scan=demo\n", out)
    assert "scanCompleted" in out or "completed" in out


def test_the_demonstration_is_interrupted():
    with start("demo", "--port", "0") as process:
        try:
            url = ""
            while not (found := re.search(r"(https://localhost:\d+)/#token=([\w.-]+)&scan=demo", url)):
                url = process.stdout.readline()
                assert url, process.stderr.read()
            context = ssl._create_unverified_context()
            request = urllib.request.Request(f"{found[1]}/api/scans/stats",
                                             headers={"Authorization": f"Bearer {found[2]}"})
            assert "scans" in json.load(urllib.request.urlopen(request, context=context, timeout=20))
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
            assert process.returncode == 0
        finally:
            process.kill()


# Out and in again


def exported(result):
    assert result.returncode == 0, result.stderr_text
    return [json.loads(line) for line in result.stdout_text.splitlines()]


def test_an_export_is_what_was_posted_with_its_times_and_can_be_replayed(gateway, scan, tmp_path):
    texts = ['{ "type" : "a",  "n":1.50e3 , "s":"\\u00e9"}', '{"type":"scanStarted","scanId":"%s"}' % scan,
             '{"type":"deep","x":%s}' % ("[" * 63 + "]" * 63)]
    for text in texts:
        assert gateway.post(scan, text.encode()).status == 202
    result = sluice("export", scan, gateway=gateway, token=gateway.admin())
    lines = result.stdout_text.splitlines()
    times = gateway.get(f"/api/scans/{scan}/messages?times=true", gateway.admin()).json()["times"]
    assert lines == ['{"at":%d,"seq":%d,"message":%s}' % (at, seq, text)
                     for at, (seq, text) in zip(times, enumerate(texts, 1))]
    file = tmp_path / "scan.ndjson"
    file.write_text("".join(f"{line}\n" for line in (lines[0], lines[2])))
    replayed = sluice("replay", file, "--scan", f"{scan}-again", "--speed", "0", gateway=gateway)
    assert replayed.returncode == 0, replayed.stderr_text
    again = [{key: value for key, value in message.items() if key != "seq"}
             for message in gateway.messages(f"{scan}-again")]
    assert again == [json.loads(texts[0]), json.loads(texts[2])]


@pytest.mark.parametrize("damage", [
    "x", '{"at":1,"seq":2,"message":{"type":"t"', '{"at":1,"seq":2,"message":{"type":"t,"n":}}', "\0" * 40,
    '{"type":"t"}', None])
def test_a_damaged_recording_is_posted_not_at_all(gateway, scan, tmp_path, damage):
    file = tmp_path / "scan.ndjson"
    if damage is not None:
        file.write_text('{"at":1,"seq":1,"message":{"type":"t"}}\n\n' + damage + "\n")
    result = sluice("replay", file, "--scan", scan, gateway=gateway)
    assert result.returncode == 1 and "Usage" not in result.stderr_text, result.stderr_text
    assert f"{file}{': line 3 ' if damage else ''}" in result.stderr_text
    assert gateway.get(f"/api/scans/{scan}", gateway.admin()).status == 404


def test_an_export_of_many_pages_waits_where_the_gateway_asks_for_it(make_gateway):
    gateway = make_gateway(relay={"history": {"messages": 5000}}, limits={"requests": {"rate": 5, "burst": 1}})
    posted = gateway.post("a", [{"type": "t", "n": n} for n in range(1, 3501)])
    assert posted.status == 202
    lines = exported(sluice("export", "a", gateway=gateway, token=gateway.admin()))
    assert [(line["seq"], line["message"]["n"]) for line in lines] == [(n, n) for n in range(1, 3501)]


def test_an_export_of_no_scan(gateway, scan):
    result = sluice("export", scan, gateway=gateway, token=gateway.admin())
    assert result.returncode == 1 and result.stdout_text == "" and "scan_not_found" in result.stderr_text
    refused = sluice("export", scan, gateway=gateway, token=gateway.token("bob", scans=["other"]))
    assert refused.returncode == 1 and "forbidden" in refused.stderr_text


def test_the_gateway_and_its_storage_export_the_same(make_gateway):
    gateway = make_gateway(storage={"path": "store"}, relay={"history": {"messages": 50}})
    for first in range(0, 400, 40):
        gateway.post("a", [{"type": "t", "n": n} for n in range(first, first + 40)])
    assert len(gateway.messages("a")) == 400
    from_gateway = exported(sluice("export", "a", gateway=gateway, token=gateway.admin()))
    from_storage = exported(sluice("export", "a", "--config", gateway.folder / "config.yaml"))
    assert from_gateway == from_storage and len(from_storage) == 400


# Publishing


def test_publishing(gateway, scan):
    result = sluice("publish", scan, input='{"type":"a"}\n\n{"type":"b"}\n', gateway=gateway)
    assert result.returncode == 0, result.stderr_text
    assert json.loads(result.stdout_text)["accepted"] == 2
    assert types(gateway, scan) == ["a", "b"]
    result = sluice("publish", scan, input="", gateway=gateway, token=gateway.producer(ttl=600))
    assert result.returncode == 0 and "the token expires in 9 min" in result.stderr_text, result.stderr_text


def test_publishing_line_by_line(gateway, scan):
    with start("publish", scan, gateway=gateway, stdin=subprocess.PIPE) as process:
        process.stdin.write('{"type":"first"}\n')
        process.stdin.flush()
        with gateway.sync_ws(scan + "?since=0&wait=20") as subscriber:
            read_until(subscriber, "first")
            process.stdin.write('{"type":"second"}\n')
            process.stdin.flush()
            read_until(subscriber, "second")
        out, _ = process.communicate(timeout=20)
        assert process.returncode == 0 and json.loads(out)["accepted"] == 2


def test_publishing_that_is_refused(gateway, scan):
    result = sluice("publish", scan, input='{"type":"a"}\n{"type":"batch"}\n', gateway=gateway)
    assert result.returncode == 1 and "reserved_type" in result.stderr_text + result.stdout_text
    result = sluice("publish", scan, input='{"type":"a"}\n', gateway=gateway, token=gateway.reader())
    assert result.returncode == 1 and result.stderr_text


def test_publishing_goes_on_where_a_stopped_gateway_left_off(make_gateway, make_folder):
    """Every line once and in order, though the gateway is stopped in the middle of the stream and comes back."""
    folder = make_folder()
    first = make_gateway(folder=folder, storage={"path": "data"})
    with start("publish", "a", gateway=first, stdin=subprocess.PIPE) as process:
        try:
            for number in range(200):
                process.stdin.write('{"type":"t","n":%d}\n' % number)
                process.stdin.flush()
                if number == 100:
                    wait_for(lambda: first.get("/api/scans/a", first.admin()).status == 200)
                    first.process.send_signal(signal.SIGTERM)
            first.process.wait(30)
            second = make_gateway(folder=folder, storage={"path": "data"}, listen={"port": first.port})
            out, told = process.communicate(timeout=40)
        finally:
            process.kill()
    assert process.returncode == 0, told
    assert [message["n"] for message in second.messages("a")] == list(range(200))
    assert json.loads(out)["accepted"] == 200
    assert "going on" in told


def test_the_certificate_is_verified(gateway, scan, certificates):
    options = ["--url", gateway.url, "--token", gateway.producer()]
    line = '{"type":"a"}\n'
    assert sluice("publish", scan, *options, input=line).returncode == 1
    assert sluice("publish", scan, *options, "--ca", certificates / "other.crt", input=line).returncode == 1
    assert sluice("publish", scan, *options, "--ca", gateway.ca, input=line).returncode == 0
    assert sluice("publish", scan, *options, "--insecure", input=line).returncode == 0


# Watching


def test_watching(make_gateway):
    gateway = make_gateway(relay={"cleanup_delay": "1s"})
    gateway.post("a", [{"type": "hostDiscovered", "ip": "192.0.2.7"}])
    with start("watch", "a", "--since", "0", "--json", gateway=gateway, token=gateway.reader()) as process:
        wait_for(lambda: gateway.get("/api/scans/a", gateway.admin()).json()["subscribers"] == 1)
        # A completed scan may continue: it is watched until the gateway removes it, and the help says so.
        gateway.post("a", [{"type": "t"}, {"type": "scanCompleted"}, {"type": "t"}, {"type": "scanCompleted"}])
        out, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "cleanup_delay" in sluice("watch", "--help").stdout_text
    shown = [json.loads(line) for line in out.splitlines()]
    shown = [message for message in shown if "seq" in message and message["type"] != "subscribed"]
    assert [message["type"] for message in shown] == ["hostDiscovered", "t", "scanCompleted", "t", "scanCompleted"]


def test_watching_goes_on_where_it_was(make_gateway, make_folder):
    """The gateway is killed and comes back on the same port, with its storage."""
    folder = make_folder()
    gateway = make_gateway(folder=folder, storage={"path": "data"})
    gateway.post("a", [{"type": "t"}])
    process = start("watch", "a", "--json", gateway=gateway, token=gateway.reader())
    try:
        wait_for(lambda: gateway.get("/api/scans/a", gateway.admin()).json()["subscribers"] == 1)
        gateway.post("a", [{"type": "t"}] * 2)
        shown = [json.loads(process.stdout.readline()) for _ in range(2)]
        gateway.kill()
        gateway.log_file.unlink()
        gateway = make_gateway(folder=folder, storage={"path": "data"}, listen={"port": gateway.port})
        gateway.post("a", [{"type": "t"}] * 2)
        shown += [json.loads(process.stdout.readline()) for _ in range(2)]
    finally:
        process.kill()
        process.communicate()
    assert [message["seq"] for message in shown] == [2, 3, 4, 5]


def test_watching_for_a_person(make_gateway):
    gateway = make_gateway(relay={"cleanup_delay": "1s"})
    gateway.post("a", [{"type": "hostDiscovered", "ip": "192.0.2.7"}, {"type": "evil", "text": "\u001b[2J"},
                       {"type": "scanCompleted"}])
    result = sluice("watch", "a", "--since", "0", gateway=gateway, token=gateway.reader())
    assert result.returncode == 0
    assert "192.0.2.7" in result.stdout_text and "\u001b[2J" not in result.stdout_text


@pytest.mark.parametrize("right", [True, False])
def test_watching_what_cannot_be_watched(gateway, scan, right):
    result = sluice("watch", scan, gateway=gateway, token=gateway.reader() if right else gateway.token())
    assert result.returncode == 1 and result.stderr_text
