"""HTTP/2 as the clients of usual languages speak it, with nothing but what comes with the language: Go's net/http, Java's
HttpClient, Node's http2; and Firefox.

Each posts an array, reads JSON, opens an event stream, and posts two lines in one request, each of which the event stream
has to show before the next is written. All that is one connection. One that is not installed is skipped (Debian:
golang-go, openjdk-17-jdk-headless, nodejs, firefox-esr).
"""

import json
import pathlib
import shutil
import subprocess

import pytest

import browsers
from conftest import clean_environment, wait_for

SOURCES = pathlib.Path(__file__).parent / "http2clients"
CLIENTS = {"go": ["go", "run", "client.go"], "java": ["java", "Client.java"], "node": ["node", "client.mjs"]}
TYPES = ["a", "b", "first", "second"]

IN_A_PAGE = """
(async () => {
    const ask = (path, token, options = {}) =>
        fetch(`/api/scans/%(scan)s${path}`, { ...options, headers: { authorization: `Bearer ${token}`, ...options.headers } });
    const post = (type, body) =>
        ask('/progress', %(producer)s, { method: 'POST', body, headers: { 'content-type': type } });
    const posted = await post('application/json', '[{"type":"a"},{"type":"b"}]');
    const read = await ask('', %(reader)s);
    const abort = new AbortController();
    const events = await ask('/events?since=0', %(reader)s, { signal: abort.signal });
    const told = [posted.status, (await posted.json()).accepted, read.status, (await read.json()).seq, events.status];
    const reader = events.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    const until = async (type) => {
        while (!text.includes(`"type":"${type}"`)) text += (await reader.read()).value;
    };
    await until('b');
    // A page cannot write a request's body while it is on its way.
    const lines = await post('application/x-ndjson', new Blob(['{"type":"first"}\\n', '{"type":"second"}\\n']));
    await until('second');
    told.push(lines.status, (await lines.json()).accepted);
    abort.abort();
    const names = performance.getEntriesByType('resource').filter((entry) => entry.name.includes('/progress'));
    return { told, protocols: names.map((entry) => entry.nextHopProtocol) };
})()
"""


def http2_handshakes(gateway):
    return gateway.metrics()["sluice_http2_handshakes_total"]


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_posts_reads_streams_and_follows(gateway, scan, name):
    command = CLIENTS[name]
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed")
    before = http2_handshakes(gateway)
    result = subprocess.run(
        command, cwd=SOURCES, capture_output=True, text=True, timeout=180,
        env=clean_environment(SCAN_URL=f"{gateway.url}/api/scans/{scan}", CA=gateway.ca, GO111MODULE="off", GOFLAGS="",
                              READER=gateway.reader(), PRODUCER=gateway.producer()))
    assert result.returncode == 0, result.stderr
    told = [line.split(" ", 3) for line in result.stdout.splitlines()]
    assert [line[:3] for line in told] == [
        ["post", "2", "202"], ["get", "2", "200"], ["event", "2", "200"], ["event", "2", "200"], ["event", "2", "200"],
        ["stream", "2", "202"]]
    assert [line[3] for line in told if line[0] == "event"] == ["b", "first", "second"]
    answers = {line[0]: json.loads(line[3]) for line in told if line[0] != "event"}
    assert answers["post"] == {"scanId": scan, "accepted": 2, "firstSeq": 1, "lastSeq": 2}
    assert answers["get"]["seq"] == 2
    assert answers["stream"] == {"scanId": scan, "accepted": 2, "firstSeq": 3, "lastSeq": 4}
    assert [message["type"] for message in gateway.messages(scan)] == TYPES
    assert http2_handshakes(gateway) == before + 1


@pytest.mark.skipif(browsers.FIREFOX is None, reason="no firefox here (Debian: firefox-esr)")
async def test_firefox_posts_reads_and_follows(make_gateway, scan, tmp_path):
    gateway = make_gateway()
    async with browsers.firefox(tmp_path) as page:
        await page.open(f"{gateway.url}/healthz")
        answer = await page.evaluate(IN_A_PAGE % {
            "scan": scan, "reader": json.dumps(gateway.reader()), "producer": json.dumps(gateway.producer())})
        assert answer == {"told": [202, 2, 200, 2, 200, 202, 2], "protocols": ["h2", "h2"]}
        metrics = gateway.metrics()
        assert metrics["sluice_http2_transports"] == metrics["sluice_transports"] == 1
        # It leaves a stream, not the connection.
        wait_for(lambda: gateway.metrics()["sluice_connections"] == 0)
    assert [message["type"] for message in gateway.messages(scan)] == TYPES
