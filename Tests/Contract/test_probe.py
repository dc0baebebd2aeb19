"""`sluice check --probe`: what it says of lines through proxies that are set up well, and of such that are not.

nginx and HAProxy are Debian packages; where one is missing its tests are skipped.
"""

import os
import pathlib
import re
import socket
import subprocess
import sys

import pytest
from commands import sluice
from conftest import wait_for

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "deploy"))
import examples  # noqa: E402

BEHIND = {"host": "127.0.0.1", "port": 0, "plaintext": True, "trusted_proxies": ["127.0.0.1/32"], "event_loops": 2}
FILES = {"nginx": "sluice.conf", "haproxy": "haproxy.cfg"}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
def front(make_gateway, tmp_path):
    """Starts a proxy by its example, with these changes; its port."""
    started = []

    def make(name, *changes):
        if examples.program(name) is None:
            pytest.skip(f"no {name} here")
        gateway = make_gateway(listen=BEHIND)
        port = free_port()
        check, command = examples.PROXIES[name](tmp_path, gateway.port, port, free_port(), os.geteuid() == 0)
        file = tmp_path / FILES[name]
        text = file.read_text()
        for old, new in changes:
            text, count = re.subn(old, new, text)
            assert count, f"the example no longer has {old}"
        file.write_text(text)
        subprocess.run(check, check=True, capture_output=True)
        with open(tmp_path / "output.log", "wb") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        started.append(process)

        def stands():
            assert process.poll() is None, (tmp_path / "output.log").read_text()
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        wait_for(stands)
        return gateway, port

    yield make
    for process in started:
        process.terminate()
        process.wait()


def probe(gateway, url, ca, wait=6, **claims):
    token = gateway.token("probe", **({"scope": "ingest", "roles": ["admin"]} | claims))
    done = sluice("check", "--probe", url, "--ca", ca, "--wait", wait, environment={"SLUICE_TOKEN": token})
    print(done.stdout_text, done.stderr_text)
    lines = [line.split("  ", 1) for line in done.stdout_text.splitlines()]
    found = {}
    for verdict, rest in lines:
        subject, _, text = rest.strip().partition("  ")
        found[subject] = (verdict.strip(), text.strip())
    assert done.returncode == (1 if any(verdict == "bad" for verdict, _ in found.values()) else 0), done.stderr_text
    return found


@pytest.mark.parametrize("name", FILES)
def test_the_examples_are_good(front, tmp_path, name):
    gateway, port = front(name)
    found = probe(gateway, f"https://localhost:{port}", tmp_path / "gateway.crt")
    assert {verdict for verdict, _ in found.values()} == {"good"}, found
    assert len(found) == 10
    assert gateway.get("/api/scans/stats", gateway.admin()).json()["total_scans"] == 0, "it leaves nothing behind"


@pytest.mark.parametrize("name, changes, bad", [
    ("nginx", [(r"proxy_set_header (Upgrade|Connection) .*", "")], {"WebSocket"}),
    ("nginx", [(r"proxy_buffering off;", "gzip on; gzip_types text/event-stream; gunzip on; proxy_buffering on;"),
               (r"proxy_set_header Host .*", "proxy_set_header Host internal;")], {"host", "WebSocket"}),
    ("nginx", [(r"proxy_request_buffering off;", "")], {"NDJSON upload"}),
    ("nginx", [(r"X-Forwarded-Proto \$scheme", "X-Forwarded-Proto http"),
               (r"X-Forwarded-For   \$remote_addr", "X-Forwarded-For $http_x_forwarded_for")],
     {"scheme", "address", "WebSocket"}),
    ("nginx", [(r"proxy_read_timeout \d+s", "proxy_read_timeout 3s")], {"WebSocket", "event stream"}),
    ("haproxy", [(r"timeout tunnel 60s", "timeout tunnel 3s"), (r"timeout (client|server) 310s", r"timeout \1 3s")],
     {"WebSocket", "event stream"}),
    ("haproxy", [(r"http-request set-header X-Forwarded-Proto https", "")], {"scheme", "WebSocket"}),
])
def test_what_is_not_good_is_told(front, tmp_path, name, changes, bad):
    gateway, port = front(name, *changes)
    found = probe(gateway, f"https://localhost:{port}", tmp_path / "gateway.crt")
    assert {subject for subject, (verdict, _) in found.items() if verdict == "bad"} == bad, found
    if "timeout" in changes[0][0]:
        after = float(re.search(r"cut after ([\d.]+) s", found["WebSocket"][1])[1])
        assert 2.5 < after < 5.5, found


def test_without_a_proxy_and_without_a_right(make_gateway):
    gateway = make_gateway()
    found = probe(gateway, gateway.url, gateway.ca, wait=1)
    assert {subject for subject, (verdict, _) in found.items() if verdict != "good"} == set()
    found = probe(gateway, gateway.url, gateway.ca, wait=1, scope="none", roles=[])
    assert found["lines"][0] == "bad" and "403" in found["lines"][1]
    nothing = sluice("check", "--probe", f"https://localhost:{free_port()}", "--ca", gateway.ca)
    assert nothing.returncode == 1 and "no line to" in nothing.stderr_text
