"""`sluice scans`, `sluice connections`, `sluice revoke` and `sluice link`: the gateway as its people manage it."""

import json
import os
import re
import subprocess

import pytest

from commands import sluice, start
from conftest import closing, read_until, wait_for


def said(gateway, *arguments, token=None):
    result = sluice(*arguments, gateway=gateway, token=token or gateway.admin())
    assert result.returncode == 0 and result.stderr_text == "", result.stderr_text
    return result.stdout_text.splitlines()


def refused(gateway, *arguments, token=None):
    result = sluice(*arguments, gateway=gateway, token=token or gateway.admin())
    assert result.returncode == 1 and result.stdout_text == ""
    return result.stderr_text


def test_scans(make_gateway):
    gateway = make_gateway()
    gateway.post("nightly-1", [{"type": "finding", "severity": "high"}, {"type": "scanCompleted"}],
                 headers={"Scan-Owner": "alice"})
    gateway.post("nightly-2", {"type": "scanProgress", "percent": 41})
    gateway.post("weekly", {"type": "error", "message": "no route"})
    lines = said(gateway, "scans")
    assert lines[0].split() == ["SCAN", "STATE", "DONE", "MESSAGES", "FINDINGS", "LAST", "OWNER", "NAME"]
    rows = {line.split()[0]: line for line in lines[1:]}
    assert list(rows) == [scan["scan_id"] for scan in
                          gateway.get("/api/scans/stats?sort=-started", gateway.admin()).json()["scans"]]
    assert "completed" in rows["nightly-1"] and "1 high" in rows["nightly-1"] and "alice" in rows["nightly-1"]
    assert "running" in rows["nightly-2"] and "41 %" in rows["nightly-2"] and "failed" in rows["weekly"]
    ids = [json.loads(line)["scan_id"] for line in said(gateway, "scans", "list", "--sort", "id", "--json")]
    assert ids == ["nightly-1", "nightly-2", "weekly"]
    assert len(said(gateway, "scans", "--state", "failed")) == 2
    assert len(said(gateway, "scans", "--search", "NIGHT", "--limit", "1")) == 2
    # A token sees what it may read.
    assert len(said(gateway, "scans", token=gateway.token("alice"))) == 2

    shown = said(gateway, "scans", "show", "weekly")
    assert any(line.split() == ["state", "failed:", "no", "route"] for line in shown)
    assert json.loads("\n".join(said(gateway, "scans", "show", "weekly", "--json")))["scan_id"] == "weekly"
    assert "scan_not_found" in refused(gateway, "scans", "show", "none")

    assert "forbidden" in refused(gateway, "scans", "delete", "weekly", token=gateway.token("bob"))
    result = sluice("scans", "delete", "weekly", "none", "nightly-1", gateway=gateway, token=gateway.admin())
    assert result.returncode == 1 and "none: " in result.stderr_text and "scan_not_found" in result.stderr_text
    assert result.stdout_text.splitlines() == ["weekly: deleted", "nightly-1: deleted"]
    assert len(said(gateway, "scans")) == 2


def test_connections(make_gateway):
    gateway = make_gateway()
    gateway.post("a", {"type": "t"})
    with gateway.sync_ws("a?since=0", token=gateway.reader("al/ice")) as socket, gateway.stream("a") as upload:
        read_until(socket, "t")
        upload.send({"type": "u"})
        read_until(socket, "u")
        rows = [line.split() for line in said(gateway, "connections")[1:]]
        assert [row[2] for row in rows if row[1] == "websocket"] == ["al/ice"]
        listed = [json.loads(line) for line in said(gateway, "connections", "list", "--json")]
        assert {"al/ice", "scanner"} <= {one["user"] for one in listed}
        number = next(one["id"] for one in listed if one["user"] == "al/ice")
        shown = said(gateway, "connections", "show", number)
        assert ["user", "al/ice"] in [line.split() for line in shown] and "scan a" in shown
        assert json.loads("\n".join(said(gateway, "connections", "show", number, "--json")))["id"] == number
        assert "forbidden" in refused(gateway, "connections", token=gateway.reader())
        assert said(gateway, "connections", "disconnect", "--user", "nobody") == ["0 closed"]
        assert said(gateway, "connections", "disconnect", "--user", "al/ice") == ["1 closed"]
        assert closing(socket)[0] == 4403
    assert "not_found" in refused(gateway, "connections", "show", "4000000000")


def test_revocations(make_gateway, hold):
    gateway = make_gateway()
    gateway.post("a", {"type": "t"})
    one, other = gateway.reader(jti="one"), gateway.reader(jti="other")
    sockets = [hold(gateway.sync_ws("a?since=0", token=token)) for token in (one, other)]
    for socket in sockets:
        read_until(socket, "t")
    assert "forbidden" in refused(gateway, "revoke", "--jti", "one", token=other)
    assert said(gateway, "revoke", "--jti", "one") == ["revoked"]
    assert closing(sockets[0])[0] == 4401
    assert gateway.get("/api/scans/stats", one).status == 401
    assert gateway.get("/api/scans/stats", other).status == 200
    assert said(gateway, "revoke", "--user", "alice", "--issued-before", "2026-01-31T09:05:00Z") == ["revoked"]
    assert gateway.get("/api/scans/stats", other).status == 200
    wait_for(lambda: said(gateway, "revoke", "--user", "alice") and
             gateway.get("/api/scans/stats", other).status == 401)
    assert closing(sockets[1])[0] == 4401


@pytest.mark.parametrize("arguments", [
    ["scans"], ["scans", "show"], ["scans", "delete"], ["scans", "show", "a b", "--url", "https://x"],
    ["scans", "--limit", "0", "--url", "https://x"], ["scans", "--state", "x", "--url", "https://x"], ["connections"],
    ["connections", "show", "x", "--url", "https://x"], ["connections", "disconnect", "--url", "https://x"],
    ["connections", "disconnect", "--user", "a", "--ingest-key", "b", "--url", "https://x"], ["revoke"],
    ["revoke", "--jti", "a", "--user", "b", "--url", "https://x"], ["revoke", "--jti", "", "--url", "https://x"],
    ["revoke", "--user", "a", "--issued-before", "soon", "--url", "https://x"],
    ["revoke", "--jti", "", "--user", "a", "--url", "https://x"], ["revoke", "--user", "", "--jti", "a", "--url", "https://x"],
    ["connections", "disconnect", "--user", "", "--ingest-key", "a", "--url", "https://x"],
    ["revoke", "--jti", "a", "--issued-before", "1", "--url", "https://x"]], ids=" ".join)
def test_errors_of_usage(arguments):
    result = sluice(*arguments)
    assert result.returncode == 64 and result.stdout_text == "" and result.stderr_text


def on_terminal(gateway, *arguments):
    """What a command writes to a terminal."""
    reading, writing = os.openpty()
    process = start(*arguments, gateway=gateway, token=gateway.admin(), stdout=writing, stderr=subprocess.DEVNULL)
    os.close(writing)
    written = b""
    try:
        while piece := os.read(reading, 65536):
            written += piece
    except OSError:
        # The terminal's other end is closed.
        pass
    finally:
        os.close(reading)
        process.wait(20)
    return written.replace(b"\r\n", b"\n").decode()


def test_json_steers_no_terminal_and_says_the_same(make_gateway):
    gateway = make_gateway()
    message = {"type": "t", "title": "\x9b31m \x9d0;x\x9c \x7f \u202e ü"}
    gateway.post("a", json.dumps(message, ensure_ascii=False).encode())
    for command in ["export", "a"], ["scans", "show", "a", "--json"], ["scans", "--json"]:
        shown = on_terminal(gateway, *command)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", shown), (command, shown)
        assert json.loads(shown)
    assert json.loads(on_terminal(gateway, "export", "a"))["message"] == message
    # A program that reads it gets it as it was posted.
    assert message["title"] in "\n".join(said(gateway, "export", "a"))


def test_a_gateway_that_is_not_there():
    for command in ["scans"], ["connections"], ["revoke", "--jti", "a"]:
        result = sluice(*command, "--url", "https://127.0.0.1:1", "--token", "a.b.c")
        assert result.returncode == 1 and "connection refused" in result.stderr_text


def test_a_link_signs_in_once(make_gateway):
    gateway = make_gateway(console={"path": "/ops"})
    token = gateway.reader("carol")
    link, = said(gateway, "link", token=token)
    other, = said(gateway, "link", "--scan", "nightly-1", "--console", "/ops/", token=token)
    assert re.fullmatch(re.escape(gateway.url) + r"/#ticket=signin_[\w-]{43}", link), link
    assert re.fullmatch(re.escape(gateway.url) + r"/ops#ticket=signin_[\w-]{43}&scan=nightly-1", other), other
    for text in (link, other):
        body = {"ticket": re.search(r"signin_[\w-]+", text)[0]}
        assert gateway.request("POST", "/api/tickets/redeem", body).json()["token"] == token
        assert gateway.request("POST", "/api/tickets/redeem", body).code == "invalid_ticket"
    assert "invalid_token" in refused(gateway, "link", token=gateway.reader(ttl=-3600))
    result = sluice("link", "--scan", "..", gateway=gateway, token=token)
    assert result.returncode == 64 and "the id of a scan" in result.stderr_text
