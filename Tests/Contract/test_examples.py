"""docs/examples: each is run as its first lines say, where its language is installed."""

import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import threading

import pytest

from conftest import SLUICE, clean_environment

EXAMPLES = pathlib.Path(__file__).parents[2] / "docs" / "examples"
POSTERS = {"post.py": ["python3"], "post.mjs": ["node"], "post.pl": ["perl"], "Post.java": ["java"],
           "post.go": ["go", "run"], "post.sh": ["sh"]}
# What one request holds.
AT_ONCE = 500


def program(name):
    """An example's command; skips the test where its language is not installed."""
    command = POSTERS.get(name, ["bash"])
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed")
    if command[0] == "perl" and subprocess.run(["perl", "-MIO::Socket::SSL", "-e1"], capture_output=True).returncode:
        pytest.skip("libio-socket-ssl-perl is not installed")
    return [*command, str(EXAMPLES / name)]


def run(name, scan, lines, url, ca, token):
    environment = clean_environment(SLUICE_URL=url, SLUICE_TOKEN=token, SLUICE_CA=ca, NODE_EXTRA_CA_CERTS=ca)
    return subprocess.run([*program(name), scan], input="".join(f"{line}\n" for line in lines), env=environment,
                          capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("name", POSTERS)
def test_messages_are_posted_in_their_order(gateway, scan, name):
    messages = [{"type": "finding", "n": n, "title": "ü ☃ \"'\\ $(x)"} for n in range(AT_ONCE + 2)]
    lines = [json.dumps(message, ensure_ascii=n % 2 == 0) for n, message in enumerate(messages)]
    lines[1:1] = ["", "  "]
    result = run(name, scan, lines, gateway.url, gateway.ca, gateway.producer())
    assert result.returncode == 0, result.stderr
    taken = [json.loads(line)["accepted"] for line in result.stdout.splitlines()]
    assert sum(taken) == len(messages)
    assert len(taken) == (1 if name == "post.sh" else 2)
    kept = gateway.messages(scan)
    assert [{key: value for key, value in message.items() if key != "seq"} for message in kept] == messages


@pytest.mark.parametrize("name", POSTERS)
def test_a_refusal_is_told_and_not_repeated(gateway, scan, name):
    before = gateway.refused("forbidden")
    result = run(name, scan, ['{"type":"t"}'], gateway.url, gateway.ca, gateway.reader())
    assert result.returncode == (22 if name == "post.sh" else 1)
    assert "forbidden" in result.stderr + result.stdout
    assert gateway.refused("forbidden") == before + 1


@pytest.mark.parametrize("name", POSTERS)
def test_another_certificate_is_not_trusted(gateway, scan, name, certificates):
    # A try is repeated only where that may help, which is not known of every client; one is enough to see it fail.
    result = subprocess.Popen(
        [*program(name), scan], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=clean_environment(SLUICE_URL=gateway.url, SLUICE_TOKEN=gateway.producer(),
                              SLUICE_CA=str(certificates / "other.crt"),
                              NODE_EXTRA_CA_CERTS=str(certificates / "other.crt")))
    try:
        result.stdin.write('{"type":"t"}\n')
        result.stdin.close()
        result.wait(3)
    except subprocess.TimeoutExpired:
        pass
    finally:
        result.kill()
        result.wait()
    assert result.returncode != 0
    assert gateway.get(f"/api/scans/{scan}", gateway.admin()).status == 404


@pytest.mark.parametrize("name", [name for name in POSTERS if name != "post.sh"])
def test_a_try_that_fails_is_repeated_with_its_key(name):
    seen = []

    class Unwell(http.server.BaseHTTPRequestHandler):
        """Refuses twice for now, then takes it."""

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append((self.headers["Idempotency-Key"], body))
            status = {1: 503, 2: 429}.get(len(seen), 202)
            answer = b'{"accepted":1}' if status == 202 else b'{"code":"overloaded"}'
            self.send_response(status)
            if status != 202:
                self.send_header("Retry-After", "0")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    command = program(name)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Unwell) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        environment = clean_environment(SLUICE_URL=f"http://127.0.0.1:{server.server_port}", SLUICE_TOKEN="a.b.c")
        result = subprocess.run([*command, "a"], input='{"type":"t"}\n', env=environment, capture_output=True,
                                text=True, timeout=60)
        server.shutdown()
    assert result.returncode == 0 and '"accepted":1' in result.stdout, result.stderr
    assert len(seen) == 3 and len(set(seen)) == 1 and seen[0][0]
    assert json.loads(seen[0][1]) == [{"type": "t"}]


@pytest.mark.parametrize("end, code", [("scanCompleted", 0), ("error", 1)])
def test_a_scan_is_followed_by_curl(gateway, scan, end, code):
    # White space within a message is its own, line ends too.
    gateway.post(scan, b'{"type":"a",\n "n": 1}')
    gateway.post(scan, [{"type": "b"}, {"type": end}])
    environment = clean_environment(SLUICE_URL=gateway.url, SLUICE_TOKEN=gateway.reader(), SLUICE_CA=gateway.ca)
    result = subprocess.run(["bash", str(EXAMPLES / "follow.sh"), scan], env=environment, capture_output=True,
                            text=True, timeout=60)
    assert result.returncode == code, result.stderr
    assert [json.loads(line)["type"] for line in result.stdout.splitlines()] == ["a", "b", end]


def test_curl_follows_over_a_restart_and_stops_where_it_may_not(make_gateway, make_folder):
    folder = make_folder()
    first = make_gateway(folder=folder, storage={"path": "data"}, shutdown={"grace": "1s"})
    first.post("a", {"type": "one"})
    environment = clean_environment(SLUICE_URL=first.url, SLUICE_TOKEN=first.reader(), SLUICE_CA=first.ca)
    with subprocess.Popen(["bash", str(EXAMPLES / "follow.sh"), "a"], env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:
        try:
            assert json.loads(process.stdout.readline())["type"] == "one"
            first.terminate()
            first.wait()
            first.log_file.unlink()
            second = make_gateway(folder=folder, storage={"path": "data"}, listen={"port": first.port})
            second.post("a", [{"type": "two"}, {"type": "scanCompleted"}])
            out, told = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0, told
    assert [json.loads(line)["type"] for line in out.splitlines()] == ["two", "scanCompleted"]
    environment["SLUICE_TOKEN"] = second.token("bob")
    refused = subprocess.run(["bash", str(EXAMPLES / "follow.sh"), "a"], env=environment, capture_output=True, text=True,
                             timeout=60)
    assert refused.returncode == 1 and "HTTP 403" in refused.stderr


@pytest.mark.skipif(not shutil.which("nmap"), reason="nmap is not installed")
@pytest.mark.parametrize("severity, code", [("low", 0), ("critical", 1)])
def test_the_steps_of_a_job(gateway, scan, tmp_path, severity, code):
    """The job's script as it stands; GitLab runs its lines in one shell that stops at the first that fails."""
    text = (EXAMPLES / "gitlab-ci.yml").read_text()
    script = re.findall(r"^    - (.*)$", text[text.index("  script:"):text.index("  artifacts:")], re.M)
    assert len(script) == 5
    gateway.post(f"ci-{scan}", {"type": "finding", "severity": severity})
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sluice").symlink_to(SLUICE)
    token = gateway.token("ci", scope="ingest", scans=["ci-*"])
    environment = clean_environment(
        SLUICE_URL=gateway.url, SLUICE_TOKEN=token, SLUICE_CA=gateway.ca, SCAN=f"ci-{scan}", TARGET="127.0.0.1",
        PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    result = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", "\n".join(script)], env=environment, cwd=tmp_path,
                            capture_output=True, text=True, timeout=120)
    assert result.returncode == code, result.stderr
    types = [json.loads(line)["message"]["type"] for line in (tmp_path / "scan.ndjson").read_text().splitlines()]
    assert types[:2] == ["finding", "scanStarted"] and types[-1] == "scanCompleted"
