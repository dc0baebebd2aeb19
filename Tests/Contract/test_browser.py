"""Pages in Chromium and Firefox that follow a scan over wss, and a front end without batches there and in Node.

They are skipped where the programs are not installed (Debian: chromium, firefox-esr, nodejs).
"""

import asyncio
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest
from browsers import BROWSERS, website
from follower import ordinary, post

NODE = shutil.which("node")

# The code of front ends before there were batches: one message a frame, by its type.
PLAIN_CLIENT = """
const ws = new WebSocket(`${base}/api/ws/scans/${scanId}${query}`);

ws.onmessage = (event) => {
  const message = JSON.parse(event.data);

  switch (message.type) {
    case 'scanStarted':
      log('Scan started:', message.seq);
      break;
    case 'hostDiscovered':
      log('Host found:', message.ip);
      break;
    case 'lag':
      log(`Lag detected: ${message.skippedMessages} messages skipped`);
      break;
    case 'scanCompleted':
      log('Scan completed!');
      ws.close();
      break;
  }
};

ws.onerror = (error) => {
  log('WebSocket error:', String(error));
};

ws.onclose = (event) => {
  log('Connection closed:', event.code, event.reason);
  done();
};
"""

FOLLOWER = """
new Promise((resolve) => {
  const socket = new WebSocket(%(url)s, %(protocols)s);
  const seen = { seqs: [], frames: 0, first: null, protocol: null, extensions: null };
  socket.onopen = () => { seen.protocol = socket.protocol; seen.extensions = socket.extensions; };
  socket.onmessage = (event) => {
    const frame = JSON.parse(event.data);
    seen.first ??= frame;
    seen.frames += 1;
    for (const message of frame.type === "batch" ? frame.messages : [frame]) {
      if (message.seq !== undefined && message.type !== "subscribed") seen.seqs.push(message.seq);
      if (message.type === "scanCompleted") socket.close(1000, "seen");
    }
  };
  socket.onclose = (event) => resolve({ ...seen, code: event.code, clean: event.wasClean });
})
"""


EVENTS = """
fetch(%(tickets)s, { method: "POST", headers: { Authorization: "Bearer %(token)s" } })
  .then((answer) => answer.json())
  .then(({ ticket }) => new Promise((resolve) => {
    const events = new EventSource(`%(url)s?since=0&ticket=${ticket}`);
    const seqs = [];
    const note = (event) => seqs.push(JSON.parse(event.data).seq);
    for (const type of ["scanStarted", "hostDiscovered"]) events.addEventListener(type, note);
    events.addEventListener("scanCompleted", (event) => {
      note(event); events.close(); resolve({ seqs, last: event.lastEventId });
    });
    events.onerror = () => { events.close(); resolve({ seqs, failed: true }); };
  }))
"""

# With the cookie alone: a ticket by fetch, and events by the browser's own client.
COOKIE_EVENTS = """
fetch(%(tickets)s, { method: "POST", credentials: "include", headers: { "X-Requested-With": "x", "Cache-Control": "no-cache" } })
  .then((answer) => answer.json())
  .then(({ ticket }) => new Promise((resolve) => {
    const events = new EventSource(%(url)s, { withCredentials: true });
    events.addEventListener("scanCompleted", (event) => { events.close(); resolve({ ticket, last: event.lastEventId }); });
    events.onerror = () => { events.close(); resolve({ ticket, failed: true }); };
  }))
"""

UNPACKER = """
new Promise((resolve) => {
  const socket = new WebSocket(%(url)s, %(protocols)s);
  socket.binaryType = "blob";
  const seen = { blobs: 0, seqs: [] };
  let chain = Promise.resolve();
  socket.onmessage = ({ data }) => { chain = chain.then(async () => {
    if (data instanceof Blob) {
      seen.blobs += 1;
      data = await new Response(data.stream().pipeThrough(new DecompressionStream("gzip"))).text();
    }
    const frame = JSON.parse(data);
    for (const message of frame.messages ?? []) seen.seqs.push(message.seq);
    if (frame.messages?.some((message) => message.type === "scanCompleted")) {
      socket.close(); resolve(seen);
    }
  }); };
})
"""


async def scan_traffic(gateway, scan):
    await asyncio.sleep(0.5)
    for start in range(0, 300, 30):
        await post(gateway, scan, ordinary(30, first=start, ip="10.0.0.1"))
        await asyncio.sleep(0.05)
    await post(gateway, scan, [{"type": "scanCompleted"}])


def protocols_of(*names):
    return json.dumps(list(names))


@pytest.mark.parametrize("browser", BROWSERS)
async def test_pages_follow_a_scan(make_gateway, scan, tmp_path, browser):
    with website() as elsewhere, website() as stranger:
        gateway = make_gateway(origins=[elsewhere], auth={"cookie": "session"}, clients={"heartbeat_interval": "1s"})
        await post(gateway, scan, [{"type": "scanStarted"}])
        async with browser(tmp_path) as page:
            await page.open(elsewhere)
            await check_sockets(gateway, scan, page)
            await check_events(gateway, scan, page)
            await check_gzip(gateway, f"{scan}-big", page)

            await page.open(stranger)
            protocols = protocols_of("sluice.v1", f"bearer.{gateway.reader()}")
            url = json.dumps(f"{gateway.wss}/api/ws/scans/{scan}")
            seen = await page.evaluate(FOLLOWER % {"url": url, "protocols": protocols})
            assert (seen["code"], seen["seqs"], seen["first"]) == (1006, [], None)

            # The gateway's own pages, with a cookie: the unchanged code of older front ends.
            await page.set_cookie(gateway.url, "session", gateway.reader())
            await page.open(gateway.url)
            await check_plain_client(gateway, f"{scan}-plain", page)


@pytest.mark.parametrize("browser", BROWSERS)
async def test_a_cookie_counts_for_pages_of_another_origin(make_gateway, scan, tmp_path, browser):
    """Of the same site, as cookies of others are what browsers do away with: it is the port that differs."""
    with website() as elsewhere:
        elsewhere = elsewhere.replace("127.0.0.1", "localhost")
        gateway = make_gateway(origins=[elsewhere], auth={"cookie": "session"}, listen={"plaintext": True})
        await post(gateway, scan, ordinary(3) + [{"type": "scanCompleted"}])
        async with browser(tmp_path) as page:
            await page.open(elsewhere)
            await page.set_cookie(gateway.url, "session", gateway.reader())
            seen = await page.evaluate(COOKIE_EVENTS % {
                "tickets": json.dumps(f"{gateway.url}/api/tickets"),
                "url": json.dumps(f"{gateway.url}/api/scans/{scan}/events?since=0")})
            assert seen.get("ticket") and seen.get("last", "").endswith(":4"), seen
            seen = await page.evaluate(FOLLOWER % {
                "url": json.dumps(f"{gateway.wss}/api/ws/scans/{scan}?since=0"), "protocols": "[]"})
            assert seen["seqs"] == [1, 2, 3, 4]


async def check_sockets(gateway, scan, page):
    url = json.dumps(f"{gateway.wss}/api/ws/scans/{scan}?since=0")
    bearer = protocols_of("sluice.v1", f"bearer.{gateway.reader()}")
    traffic = asyncio.create_task(scan_traffic(gateway, scan))
    seen = await page.evaluate(FOLLOWER % {"url": url, "protocols": bearer})
    await traffic
    assert seen["seqs"] == list(range(1, 303))
    assert seen["first"]["type"] == "subscribed" and seen["frames"] < 150
    assert seen["protocol"] == "sluice.v1" and seen["extensions"].startswith("permessage-deflate")
    assert (seen["code"], seen["clean"]) == (1000, True)

    # The bare token as the only protocol: the browser fails the handshake unless it is echoed.
    seen = await page.evaluate(FOLLOWER % {"url": url, "protocols": protocols_of(gateway.reader())})
    assert seen["seqs"] == list(range(1, 303)) and seen["code"] == 1000


async def check_events(gateway, scan, page):
    """A ticket, fetched across origins, and events with the browser's own client."""
    seen = await page.evaluate(EVENTS % {
        "tickets": json.dumps(f"{gateway.url}/api/tickets"), "token": gateway.reader(),
        "url": f"{gateway.url}/api/scans/{scan}/events"})
    assert seen["seqs"] == list(range(1, 303)) and seen["last"].endswith(":302")


async def check_gzip(gateway, scan, page):
    """gzip frames are the page's to unpack."""
    await post(gateway, scan, ordinary(120, pad="z" * 400) + [{"type": "scanCompleted"}])
    seen = await page.evaluate(UNPACKER % {
        "url": json.dumps(f"{gateway.wss}/api/ws/scans/{scan}?since=0&encoding=gzip"),
        "protocols": protocols_of("sluice.v1", f"bearer.{gateway.reader()}")})
    assert seen["seqs"] == list(range(1, 122)) and seen["blobs"] == 2


async def check_plain_client(gateway, scan, page):
    await post(gateway, scan, [{"type": "scanStarted"}])
    traffic = asyncio.create_task(scan_traffic(gateway, scan))
    lines = await page.evaluate("""
      new Promise((resolve) => {
        const lines = [];
        const log = (...words) => lines.push(words.join(" "));
        const done = () => resolve(lines);
        const [base, scanId, query] = [%s, %s, "?since=0&batch=off"];
        %s
      })
    """ % (json.dumps(gateway.wss), json.dumps(scan), PLAIN_CLIENT))
    await traffic
    check_lines(lines)


def check_lines(lines):
    assert lines[0] == "Scan started: 1"
    assert lines[1:301] == ["Host found: 10.0.0.1"] * 300
    assert lines[301] == "Scan completed!"
    assert re.match(r"Connection closed: 100[05]", lines[302]) and len(lines) == 303


@pytest.mark.skipif(NODE is None, reason="no node here (Debian: nodejs)")
async def test_node_follows_a_scan(gateway, scan, tmp_path):
    await post(gateway, scan, [{"type": "scanStarted"}])
    script = pathlib.Path(tmp_path / "client.js")
    query = f"?since=0&batch=off&token={gateway.reader()}"
    script.write_text(
        'const log = (...words) => console.log(words.join(" "));\nconst done = () => process.exit(0);\n'
        f"const [base, scanId, query] = {json.dumps([gateway.wss, scan, query])};\n{PLAIN_CLIENT}")
    traffic = asyncio.create_task(scan_traffic(gateway, scan))
    node = await asyncio.to_thread(
        subprocess.run, [NODE, "--experimental-websocket", "--no-warnings", str(script)],
        env=os.environ | {"NODE_EXTRA_CA_CERTS": gateway.ca}, capture_output=True, text=True, timeout=60)
    await traffic
    if "bad option" in node.stderr or "WebSocket is not defined" in node.stderr:
        pytest.skip("this node has no WebSocket")
    check_lines(node.stdout.splitlines())
