"""`sluice run`: what becomes of a scanner and of what it says."""

import json
import pathlib
import signal
import subprocess
import sys

import pytest

from commands import sluice, start, types
from conftest import read_until, wait_for


def test_a_scanner_of_lines(gateway, scan):
    result = sluice("run", "--scan", scan, "--format", "lines", "--", "sh", "-c",
                    "echo one; echo two >&2; printf three", gateway=gateway)
    assert result.returncode == 0, result.stderr_text
    assert result.stdout_text == "one\nthree"
    assert "two\n" in result.stderr_text
    seen = types(gateway, scan)
    assert seen[0] == "scanStarted" and seen[-1] == "scanCompleted"
    texts = json.dumps(gateway.messages(scan))
    assert "one" in texts and "three" in texts
    assert gateway.get(f"/api/scans/{scan}", gateway.admin()).json()["is_completed"] is True


def test_a_scanner_of_messages(gateway, scan):
    program = 'print(\'{"type":"hostDiscovered","ip":"192.0.2.1"}\'); print("not json"); print(\'{"no":"type"}\')'
    result = sluice("run", "--scan", scan, "--format", "ndjson", "--", sys.executable, "-c", program, gateway=gateway)
    assert result.returncode == 0, result.stderr_text
    messages = gateway.messages(scan)
    assert messages[-1]["type"] == "scanCompleted"
    host = [message for message in messages if message["type"] == "hostDiscovered"]
    assert [(message["ip"]) for message in host] == ["192.0.2.1"]
    assert [message["no"] for message in messages if message["type"] == "finding"] == ["type"]


def test_a_report_becomes_findings_and_its_scan_has_a_name(gateway, scan):
    report = pathlib.Path(__file__).parents[1] / "SluiceClientTests/Fixtures/records/sarif.json"
    named = ["--name", "Nightly, DMZ", "--owner", "alice", "--tag", "dmz", "--tag", "weekly"]
    result = sluice("run", "--scan", scan, *named, "--", "cat", report, gateway=gateway)
    assert result.returncode == 0, result.stderr_text
    # Alice may read it because it is hers.
    state = gateway.get(f"/api/scans/{scan}", gateway.token("alice")).json()
    assert (state["name"], state["owner"]) == ("Nightly, DMZ", "alice")
    assert state["severities"] == {"high": 2, "medium": 2} and state["counts"]["vulnerabilityFound"] == 4
    assert gateway.messages(scan)[0]["tags"] == ["dmz", "weekly"]
    again = sluice("run", "--scan", scan, "--owner", "bob", "--", "true", gateway=gateway)
    assert again.returncode == 0 and "owner_conflict" in again.stderr_text, again.stderr_text
    assert types(gateway, scan)[-1] == "scanCompleted"


def test_output_is_relayed_while_the_scanner_runs(gateway, scan):
    with start("run", "--scan", scan, "--format", "ndjson", "--", "sh", "-c",
               'echo \'{"type":"first"}\'; read line; echo \'{"type":"second"}\'', gateway=gateway,
               stdin=subprocess.PIPE) as process, \
            gateway.sync_ws(scan + "?since=0&wait=20") as subscriber:
        read_until(subscriber, "first")
        process.stdin.write("\n")
        process.stdin.flush()
        read_until(subscriber, "scanCompleted")
        assert process.wait(20) == 0


@pytest.mark.parametrize("command, code", [("exit 3", 3), ("kill -9 $$", 137), ("kill -TERM $$", 143)])
def test_a_scanner_that_fails(gateway, scan, command, code):
    result = sluice("run", "--scan", scan, "--format", "lines", "--", "sh", "-c", f"echo x; {command}",
                    gateway=gateway)
    assert result.returncode == code
    last = gateway.messages(scan)[-1]
    assert last["type"] == "error"
    told = json.dumps(last)
    assert str(code) in told or {137: "KILL", 143: "TERM"}[code] in told


def test_a_scanner_that_is_none(gateway, scan):
    result = sluice("run", "--scan", scan, "--", "/none/such", gateway=gateway)
    assert result.returncode == 127
    assert types(gateway, scan)[-1] == "error"


def test_signals_reach_the_scanner(gateway, scan):
    with start("run", "--scan", scan, "--format", "lines", "--", "sh", "-c",
               "trap 'echo ended; exit 9' TERM; echo ready; while :; do sleep 0.1; done", gateway=gateway) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 9
    assert types(gateway, scan)[-1] == "error"


def test_a_scanner_goes_on_while_the_gateway_is_away(make_gateway, make_folder):
    folder = make_folder()
    first = make_gateway(folder=folder)
    port = first.port
    with start("run", "--scan", "a", "--format", "ndjson", "--", "sh", "-c",
               'echo \'{"type":"before"}\'; read line; for n in 1 2 3; do echo "{\\"type\\":\\"t\\",\\"n\\":$n}"; done; '
               'echo done >&2; read line', gateway=first, stdin=subprocess.PIPE) as process:
        wait_for(lambda: first.get("/api/scans/a", first.admin()).status == 200 and "before" in types(first, "a"))
        first.kill()
        process.stdin.write("\n")
        process.stdin.flush()
        while "done" not in process.stderr.readline():
            pass
        second = make_gateway(folder=folder, listen={"port": port})
        process.stdin.write("\n")
        process.stdin.flush()
        process.communicate(timeout=40)
        assert process.returncode == 0
    messages = second.messages("a")
    assert [message["n"] for message in messages if message["type"] == "t"] == [1, 2, 3]
    assert messages[-1]["type"] == "scanCompleted"


def test_a_scanner_whose_messages_are_refused_exits_by_a_code_of_its_own(gateway, scan):
    for command, code in ("exit 0", 76), ("exit 4", 4):
        result = sluice("run", "--scan", scan, "--format", "lines", "--", "sh", "-c", command, gateway=gateway,
                        token=gateway.reader())
        assert result.returncode == code and "forbidden" in result.stderr_text, result.stderr_text
    assert "76" in sluice("run", "--help").stdout_text


def test_a_scanner_that_fails_says_why(gateway, scan):
    script = "for i in 1 2 3; do echo line $i >&2; done; printf '\\033[31mno \\007route\\033[0m\\n' >&2; exit 3"
    result = sluice("run", "--scan", scan, "--", "sh", "-c", script, gateway=gateway)
    assert result.returncode == 3 and "line 3\n" in result.stderr_text
    last = gateway.messages(scan)[-1]
    assert (last["type"], last["stderr"]) == ("error", "line 1\nline 2\nline 3\nno \\u0007route")


def test_a_token_that_ends_is_told_and_replaced_by_its_file(gateway, scan, tmp_path):
    """The first one ends within the scan; the gateway's leeway is taken off it."""
    def token(seconds):
        return gateway.token("scanner", scope="ingest", ttl=seconds - 30)

    result = sluice("run", "--scan", scan, "--", "true", gateway=gateway, token=gateway.producer(ttl=600))
    assert result.returncode == 0 and "the token expires in 9 min" in result.stderr_text, result.stderr_text
    file = tmp_path / "token"
    file.write_text(token(4) + "\n")
    script = "for i in 1 2 3 4 5 6 7 8 9; do echo $i; sleep 1; done"
    with start("run", "--scan", f"{scan}-2", "--format", "lines", "--url", gateway.url, "--ca", gateway.ca,
               "--token-file", file, "--", "sh", "-c", script) as process:
        try:
            told = process.stderr.readline()
            assert "token expired" in told, told
            while "waiting for another token" not in told:
                told = process.stderr.readline()
                assert told
            (tmp_path / "next").write_text(gateway.producer())
            (tmp_path / "next").rename(file)
            out, told = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 0, told
    lines = [message["text"] for message in gateway.messages(f"{scan}-2") if message["type"] == "line"]
    assert lines == [str(number) for number in range(1, 10)] == out.split()


def test_a_token_file_that_is_none(tmp_path):
    for options in ["--token-file", tmp_path], ["--token-file", "/dev/null"], ["--token-file", "x", "--token", "y"]:
        result = sluice("watch", "a", "--url", "https://localhost:1", *options)
        assert result.returncode == 64 and result.stderr_text, options


def test_a_scanner_whose_token_is_refused_still_runs(gateway, scan):
    result = sluice("run", "--scan", scan, "--format", "lines", "--drain-timeout", "1", "--", "sh", "-c",
                    "echo x; exit 4", gateway=gateway, token=gateway.reader())
    assert result.returncode == 4 and result.stdout_text == "x\n"
    assert result.stderr_text and gateway.reader() not in result.stderr_text


def test_a_scanner_that_is_faster_than_the_gateway_loses_nothing(gateway, scan):
    """The gateway is there, so the scanner waits as it would for any pipe."""
    result = sluice("run", "--scan", scan, "--format", "lines", "--", "sh", "-c", "yes | head -100000", gateway=gateway)
    # But for the line that says when the token ends.
    told = [line for line in result.stderr_text.splitlines() if "the token expires in" not in line]
    assert result.returncode == 0 and told == []
    state = gateway.get(f"/api/scans/{scan}", gateway.reader()).json()
    assert state["message_count"] == 100_002 and "messagesDropped" not in state["counts"]
