"""Browsers: pages in Chromium that follow a scan over wss, and a front end without batches in Chromium and Node.

They are skipped where the programs are not installed (Debian: chromium, nodejs).
"""

import asyncio
import contextlib
import functools
import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import threading

import pytest
import websockets
from follower import ordinary, post

CHROMIUM = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
NODE = shutil.which("node")

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here (Debian: chromium)")

# What front ends had before there were batches: one message a frame, by its type.
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


class Page:
    """A tab of a headless Chromium, driven by its DevTools protocol."""

    def __init__(self, socket):
        self.socket = socket
        self.number = 0

    async def command(self, method, **parameters):
        self.number += 1
        await self.socket.send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(await asyncio.wait_for(self.socket.recv(), 60))
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]

    async def open(self, url):
        await self.command("Page.enable")
        assert "errorText" not in await self.command("Page.navigate", url=url)
        for _ in range(200):
            state = await self.evaluate("`${document.readyState} ${location.href}`")
            if state.startswith("complete ") and "about:blank" not in state:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"{url} does not load")

    async def evaluate(self, script):
        answer = await self.command("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")


@contextlib.asynccontextmanager
async def browser(folder):
    """A tab; the browser ends with the block."""
    log = open(folder / "chromium.log", "wb")
    process = subprocess.Popen(
        [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
         "--ignore-certificate-errors", "--remote-debugging-port=0", f"--user-data-dir={folder / 'profile'}",
         "about:blank"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, start_new_session=True)
    try:
        port_file = folder / "profile/DevToolsActivePort"
        for _ in range(600):
            if port_file.exists() and len(port_file.read_text().split()) == 2:
                break
            assert process.poll() is None, (folder / "chromium.log").read_text(errors="replace")[-2000:]
            await asyncio.sleep(0.05)
        port, path = port_file.read_text().split()
        async with websockets.connect(f"ws://127.0.0.1:{port}{path}", proxy=None, max_size=None) as control:
            target = await Page(control).command("Target.createTarget", url="about:blank")
            page_url = f"ws://127.0.0.1:{port}/devtools/page/{target['targetId']}"
            async with websockets.connect(page_url, proxy=None, max_size=None) as socket:
                yield Page(socket)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.wait()
        log.close()


@contextlib.contextmanager
def website():
    """Another origin, with an empty page; its origin."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = b"<!doctype html><title>elsewhere</title>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=functools.partial(server.serve_forever, 0.05), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


async def scan_traffic(gateway, scan):
    await asyncio.sleep(0.5)
    for start in range(0, 300, 30):
        await post(gateway, scan, ordinary(30, first=start, ip="10.0.0.1"))
        await asyncio.sleep(0.05)
    await post(gateway, scan, [{"type": "scanCompleted"}])


@needs_chromium
async def test_pages_follow_a_scan(make_gateway, scan, tmp_path):
    with website() as elsewhere, website() as stranger:
        gateway = make_gateway(origins=[elsewhere], auth={"cookie": "session"}, clients={"heartbeat_interval": "1s"})
        await post(gateway, scan, [{"type": "scanStarted"}])
        url = f"{gateway.wss}/api/ws/scans/{scan}"

        async with browser(tmp_path) as page:
            await page.open(elsewhere)
            bearer = json.dumps(["sluice.v1", f"bearer.{gateway.reader()}"])
            traffic = asyncio.create_task(scan_traffic(gateway, scan))
            seen = await page.evaluate(FOLLOWER % {"url": json.dumps(f"{url}?since=0"), "protocols": bearer})
            await traffic
            assert seen["seqs"] == list(range(1, 303))
            assert seen["first"]["type"] == "subscribed" and seen["frames"] < 150
            assert seen["protocol"] == "sluice.v1" and seen["extensions"].startswith("permessage-deflate")
            assert (seen["code"], seen["clean"]) == (1000, True)

            # The bare token as the only protocol: the browser fails the handshake unless it is echoed.
            bare = json.dumps([gateway.reader()])
            seen = await page.evaluate(FOLLOWER % {"url": json.dumps(f"{url}?since=0"), "protocols": bare})
            assert seen["seqs"] == list(range(1, 303)) and seen["code"] == 1000

            # A ticket, fetched across origins, and events with the browser's own client.
            script = """
              fetch(%s, { method: "POST", headers: { Authorization: "Bearer %s" } })
                .then((answer) => answer.json())
                .then(({ ticket }) => new Promise((resolve) => {
                  const events = new EventSource(`%s?since=0&ticket=${ticket}`);
                  const seqs = [];
                  const note = (event) => seqs.push(JSON.parse(event.data).seq);
                  for (const type of ["scanStarted", "hostDiscovered"]) events.addEventListener(type, note);
                  events.addEventListener("scanCompleted", (event) => {
                    note(event); events.close(); resolve({ seqs, last: event.lastEventId });
                  });
                  events.onerror = () => { events.close(); resolve({ seqs, failed: true }); };
                }))
            """ % (json.dumps(f"{gateway.url}/api/tickets"), gateway.reader(), f"{gateway.url}/api/scans/{scan}/events")
            seen = await page.evaluate(script)
            assert seen["seqs"] == list(range(1, 303)) and seen["last"].endswith(":302")

            # gzip frames are the browser's to unpack.
            script = """
              new Promise((resolve) => {
                const socket = new WebSocket(%s, %s);
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
            """ % (json.dumps(f"{gateway.wss}/api/ws/scans/{scan}-big?since=0&encoding=gzip"), bearer)
            await post(gateway, f"{scan}-big", ordinary(120, pad="z" * 400) + [{"type": "scanCompleted"}])
            seen = await page.evaluate(script)
            assert seen["seqs"] == list(range(1, 122)) and seen["blobs"] == 2

            await page.open(stranger)
            seen = await page.evaluate(FOLLOWER % {"url": json.dumps(url), "protocols": bearer})
            assert (seen["code"], seen["seqs"], seen["first"]) == (1006, [], None)

            # The gateway's own pages, with a cookie: what front ends had, unchanged.
            await page.command("Network.setCookie", name="session", value=gateway.reader(), url=gateway.url)
            await page.open(gateway.url + "/")
            await check_plain_client(gateway, f"{scan}-plain", page)


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
