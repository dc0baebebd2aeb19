"""/client.js in Chromium, Firefox and Node, over TLS: restarts, losses, tokens, hidden tabs, many scans, event streams.

They are skipped where the programs are not installed (Debian: chromium, firefox-esr, nodejs).
"""

import asyncio
import json
import os
import pathlib
import random
import shutil
import subprocess

import pytest
from browsers import BROWSERS, website
from conftest import wait_for
from follower import ordinary, post
from interruptions import Breaker
from test_restarts import SETTINGS, restarted

NODE = shutil.which("node")
# Node 20 has sockets of its own by this flag, 22 without it.
SOCKETS = ["--experimental-websocket", "--no-warnings"]
HAS_SOCKETS = NODE is not None and subprocess.run([NODE, *SOCKETS, "-e", ""], capture_output=True).returncode == 0
OLD_NODE = "no node of 20 or later here"
# Debian's node-ws.
NODE_WS = pathlib.Path("/usr/share/nodejs/ws")
EXAMPLES = pathlib.Path(__file__).parents[2] / "docs" / "examples"
# The default rate of requests, which the client must keep to when it fills gaps.
USUAL = {"requests": {"rate": 20, "burst": 40}}

# `gateway` is the connection; `follow` notes all that a subscription tells.
PAGE = """
import(%(module)s).then(({ SluiceConnection, RECEIVED_AT }) => {
  const tokens = %(tokens)s;
  globalThis.asked = 0;
  globalThis.notices = [];
  globalThis.states = [];
  globalThis.gateway = new SluiceConnection({
    url: %(url)s, getToken: async () => tokens[Math.min(asked++, tokens.length - 1)],
    onNotice: (notice) => notices.push(notice), onState: ({ state, code }) => states.push([state, code]),
    ...%(options)s,
  }).open();
  globalThis.scans = {};
  globalThis.follow = (name, options = {}) => {
    const scan = { seqs: [], calls: 0, lags: [], gaps: [], states: [], epochs: [], notices: [], times: 0 };
    scans[name] = scan;
    scan.subscription = gateway.subscribe(name, { since: 0, ...options,
      onMessages: (messages) => {
        scan.calls += 1;
        for (const message of messages) {
          scan.seqs.push(message.seq);
          if (message[RECEIVED_AT] > 0) scan.times += 1;
        }
      },
      onLag: (lag) => scan.lags.push(lag), onGap: (gap) => scan.gaps.push(gap),
      onEpoch: (change) => scan.epochs.push(change),
      onState: (state) => scan.states.push(state), onNotice: (notice) => scan.notices.push(notice),
    });
    return true;
  };
  globalThis.told = (name) => ({ ...scans[name], subscription: undefined, state: scans[name].subscription.state });
  return true;
})
"""


async def load(page, gateway, tokens=None, **options):
    """A page of another origin imports the client, and connects."""
    await page.evaluate(PAGE % {
        "module": json.dumps(f"{gateway.url}/client.js"), "url": json.dumps(gateway.url),
        "tokens": json.dumps(tokens or [gateway.reader()]), "options": json.dumps(options)})


def follow(page, scan, **options):
    return page.evaluate(f"follow({json.dumps(scan)}, {json.dumps(options)})")


def told(page, scan):
    return page.evaluate(f"told({json.dumps(scan)})")


def has(scan, count):
    return f"scans[{json.dumps(scan)}].seqs.length >= {count}"


def sockets(gateway):
    return gateway.get("/api/connections", gateway.admin()).json()["connections"]


def test_the_files_are_served_and_nothing_beside_them(gateway):
    for path, kind in (("/client.js", "text/javascript"), ("/client.d.ts", "application/typescript")):
        answer = gateway.get(path)
        assert answer.status == 200 and answer.headers["Content-Type"] == f"{kind}; charset=utf-8"
        # For pages of other origins, too, and whole: one file that imports nothing.
        assert "Cross-Origin-Resource-Policy" not in answer.headers
        assert answer.headers["X-Content-Type-Options"] == "nosniff" and answer.headers["Cache-Control"] == "no-cache"
        assert b"export class SluiceConnection" in answer.body and b"\nimport " not in answer.body
        assert gateway.request("POST", path).status == 405
    for path in ("/client.js/", "/client.js/order.js", "/client/client.js", "/Client.js", "/client", "/nothing.js"):
        assert gateway.get(path).status == 404, path


@pytest.mark.parametrize("browser", BROWSERS)
async def test_many_scans_on_one_socket_outlive_a_kill_and_a_restart(make_gateway, scan, tmp_path, browser):
    names = [f"{scan}-{number}" for number in range(12)]
    with website() as origin:
        # More scans than a user may have connections.
        settings = SETTINGS | {"origins": [origin], "limits": {"connections": {"per_user": 2}}}
        gateway = make_gateway(**settings)
        for name in names:
            await post(gateway, name, ordinary(3))
        async with browser(tmp_path) as page:
            await page.open(origin)
            await load(page, gateway, times=True)
            for name in names:
                await follow(page, name)
            await page.until(" && ".join(has(name, 3) for name in names))
            assert len(sockets(gateway)) == 1
            gateway.kill()
            gateway.log_file.unlink()
            gateway = await asyncio.to_thread(
                make_gateway, folder=gateway.folder, **settings | {"listen": {"port": gateway.port}})
            for name in names:
                await post(gateway, name, ordinary(2, first=3))
            await page.until(" && ".join(has(name, 5) for name in names), timeout=60)
            gateway = await restarted(gateway, make_gateway, settings)
            for name in names:
                await post(gateway, name, ordinary(1, first=5))
            await page.until(" && ".join(has(name, 6) for name in names), timeout=60)
            assert len(sockets(gateway)) == 1
            for name in names:
                seen = await told(page, name)
                assert seen["seqs"] == [1, 2, 3, 4, 5, 6] and seen["times"] == 6
                assert (seen["lags"], seen["epochs"], seen["state"]) == ([], [], "live")
            codes = {code for state, code in await page.evaluate("states") if state == "reconnecting"}
    assert codes >= {1001, 1006}


@pytest.mark.parametrize("browser", BROWSERS)
async def test_gaps_are_filled_under_a_flood(make_gateway, scan, tmp_path, browser):
    """Every message once and in order, far beyond what the relay keeps in memory and what a socket gets live."""
    with website() as origin:
        gateway = make_gateway(origins=[origin], limits=USUAL, storage={"path": "data"},
                               relay={"history": {"messages": 100}, "max_pending": 200})
        await post(gateway, scan, ordinary(1_000))
        async with browser(tmp_path) as page:
            await page.open(origin)
            await load(page, gateway, delivery="frame", times=True)
            await follow(page, scan)
            await page.until(has(scan, 1_000))
            for first in range(1_000, 20_000, 500):
                await post(gateway, scan, ordinary(500, first=first, ip="192.0.2.1"))
            await page.until(has(scan, 20_000), timeout=60)
            await page.until(f"scans[{json.dumps(scan)}].gaps.at(-1).done")
            seen = await told(page, scan)
    assert seen["seqs"] == list(range(1, 20_001)) and seen["times"] == 20_000
    assert seen["lags"] and {gap["lost"] for gap in seen["gaps"] if gap["done"]} == {0}
    assert seen["calls"] < 2_000


@pytest.mark.parametrize("browser", BROWSERS)
async def test_a_token_is_renewed_before_it_ends(make_gateway, scan, tmp_path, browser):
    with website() as origin:
        gateway = make_gateway(origins=[origin], auth={"leeway": "0s"})
        async with browser(tmp_path) as page:
            await page.open(origin)
            for transport in ("websocket", "sse"):
                await check_tokens(gateway, f"{scan}-{transport}", page, transport)


async def check_tokens(gateway, scan, page, transport):
    await post(gateway, scan, ordinary(1))
    # The first token ends while the page is open, and so would its connection.
    await load(page, gateway, [gateway.reader(ttl=3), gateway.reader()], transport=transport)
    await follow(page, scan)
    await page.until("asked === 2")
    await asyncio.sleep(4)
    await post(gateway, scan, ordinary(1, first=1))
    await page.until(has(scan, 2))
    seen, states = await told(page, scan), await page.evaluate("states")
    assert seen["seqs"] == [1, 2]
    assert "reconnecting" not in [state for state, _ in states] + [state["state"] for state in seen["states"]]

    # And where there is no other.
    await load(page, gateway, [gateway.reader(ttl=2)], transport=transport)
    await follow(page, scan)
    await page.until(f"told({json.dumps(scan)}).state === 'closed'")
    refused = (await told(page, scan))["states"][-1]
    assert (refused["code"], refused["advice"]) == (4401, "new-token")


@pytest.mark.parametrize("browser", BROWSERS)
async def test_a_hidden_tab_asks_for_less(make_gateway, scan, tmp_path, browser):
    with website() as origin:
        gateway = make_gateway(origins=[origin])
        await post(gateway, scan, ordinary(1))
        async with browser(tmp_path) as page:
            await page.open(origin)
            await load(page, gateway)
            await follow(page, scan)
            await page.until(f"told({json.dumps(scan)}).state === 'live'")
            rates = f"scans[{json.dumps(scan)}].notices.filter((ack) => ack.action === 'rate').map((ack) => ack.rate)"
            # Another tab before this one hides it.
            await page.evaluate("void (globalThis.other = open('about:blank'))")
            await page.until("document.visibilityState === 'hidden'")
            await page.until(f"{rates}.length === 1")
            await page.evaluate("other.close()")
            await page.until("document.visibilityState === 'visible'")
            await page.until(f"{rates}.length === 2")
            assert await page.evaluate(rates) == [1, 10]


@pytest.mark.parametrize("browser", BROWSERS)
async def test_event_streams_where_sockets_do_not_pass(make_gateway, scan, tmp_path, browser):
    other = f"{scan}-2"
    with website() as origin:
        gateway = make_gateway(**SETTINGS | {"origins": [origin]})
        await post(gateway, scan, ordinary(2))
        await post(gateway, other, [{"type": "error", "message": "a scanner's own"}])
        async with browser(tmp_path) as page:
            await page.open(origin)
            # As behind a proxy without WebSockets: the attempt ends without a reason.
            await page.evaluate("""void (globalThis.WebSocket = class {
              constructor() { setTimeout(() => this.onclose({ code: 1006, reason: '' })); }
              close() {}
            })""")
            await load(page, gateway)
            for name in (scan, other):
                await follow(page, name)
            await page.until(f"{has(scan, 2)} && {has(other, 1)}")
            assert await page.evaluate("gateway.transport") == "sse"
            gateway = await restarted(gateway, make_gateway, SETTINGS | {"origins": [origin]})
            await post(gateway, scan, ordinary(2, first=2))
            await page.until(has(scan, 4), timeout=60)
            assert gateway.request("DELETE", f"/api/scans/{scan}", token=gateway.admin()).status == 204
            await page.until(f"told({json.dumps(scan)}).state === 'closed'")
            await post(gateway, other, ordinary(1))
            await page.until(has(other, 2), timeout=60)
            seen, went_on = await told(page, scan), await told(page, other)
    assert seen["seqs"] == [1, 2, 3, 4] and went_on["seqs"] == [1, 2]
    assert (seen["states"][-1]["code"], seen["states"][-1]["advice"]) == (1000, "done")
    assert went_on["state"] == "live"


@pytest.mark.parametrize("browser", BROWSERS)
async def test_a_scan_that_begins_anew_is_told(make_gateway, scan, tmp_path, browser):
    with website() as origin:
        gateway = make_gateway(origins=[origin])
        await post(gateway, scan, ordinary(5))
        async with browser(tmp_path) as page:
            await page.open(origin)
            await load(page, gateway)
            await follow(page, scan, epoch="of-a-life-before", since=40)
            await page.until(has(scan, 5))
            seen = await told(page, scan)
    assert seen["seqs"] == [1, 2, 3, 4, 5] and seen["state"] == "live"
    assert [change["previous"] for change in seen["epochs"]] == ["of-a-life-before"]


@pytest.mark.parametrize("browser", BROWSERS)
async def test_the_examples_page_shows_a_scan(make_gateway, scan, tmp_path, browser):
    with website((EXAMPLES / "page.html").read_bytes()) as origin:
        gateway = make_gateway(origins=[origin])
        await post(gateway, scan, [{"type": "found", "title": "<b>bold</b>"}])
        async with browser(tmp_path) as page:
            await page.open(f"{origin}/?gateway={gateway.url}&scan={scan}#token={gateway.reader()}")
            await page.until("document.getElementById('state').textContent === 'live'")
            await post(gateway, scan, [{"type": "scanCompleted"}])
            await page.until("document.querySelectorAll('tr').length === 2")
            assert await page.evaluate("document.getElementById('rows').textContent") == (
                '2scanCompleted{}1found{"title":"<b>bold</b>"}')


@pytest.mark.skipif(NODE is None, reason="no node here (Debian: nodejs)")
@pytest.mark.parametrize("flags", [
    pytest.param([], id="streams"),
    pytest.param(SOCKETS, id="sockets", marks=pytest.mark.skipif(not HAS_SOCKETS, reason=OLD_NODE)),
])
async def test_the_examples_follower_in_node(make_gateway, scan, tmp_path, flags):
    gateway = make_gateway(**SETTINGS)
    folder = pathlib.Path(tmp_path)
    (folder / "client.mjs").write_bytes(gateway.get("/client.js").body)
    shutil.copy(EXAMPLES / "follow.mjs", folder)
    environment = os.environ | {
        "NODE_EXTRA_CA_CERTS": gateway.ca, "SLUICE_URL": gateway.url, "SLUICE_TOKEN": gateway.reader()}
    output, errors = folder / "output", folder / "errors"
    with open(output, "wb") as file, open(errors, "wb") as log:
        node = subprocess.Popen(
            [NODE, *flags, "follow.mjs", scan], cwd=folder, stdout=file, stderr=log, env=environment)
    try:
        # It waits for a scan that is not there yet.
        await asyncio.sleep(1)
        await post(gateway, scan, ordinary(3))
        lines = lambda: output.read_text().splitlines()
        await asyncio.to_thread(wait_for, lambda: len(lines()) == 3 or node.poll() is not None)
        assert node.poll() is None, errors.read_text()
        gateway = await restarted(gateway, make_gateway, SETTINGS)
        await post(gateway, scan, ordinary(2, first=3) + [{"type": "error", "message": "no route"}])
        assert await asyncio.to_thread(node.wait, 60) == 1
    finally:
        node.kill()
        node.wait()
    messages = [json.loads(line) for line in lines()]
    assert [message["seq"] for message in messages] == [1, 2, 3, 4, 5, 6]
    assert messages[-1]["message"] == "no route"
    again = await asyncio.to_thread(
        subprocess.run, [NODE, *flags, "follow.mjs", scan], cwd=folder, capture_output=True, text=True, timeout=60,
        env=environment | {"SLUICE_TOKEN": gateway.token("eve", scans=["other"])})
    assert again.returncode == 1 and again.stderr.startswith("4403: ")


HANDED_IN = """
import { createRequire } from 'node:module';
import { SluiceConnection } from './client.mjs';
const WebSocket = createRequire(import.meta.url)(process.env.WS);
const gateway = new SluiceConnection({ url: process.env.SLUICE_URL, token: process.env.SLUICE_TOKEN, WebSocket }).open();
const seqs = [];
for await (const { seq, type } of gateway.subscribe(process.argv[2], { since: 0 })) {
    seqs.push(seq);
    if (type === 'scanCompleted') break;
}
console.log(JSON.stringify([gateway.transport, seqs]));
gateway.close();
"""


@pytest.mark.skipif(NODE is None or not NODE_WS.exists(), reason="no node with ws here (Debian: nodejs, node-ws)")
async def test_a_class_for_sockets_is_handed_in(gateway, scan, tmp_path):
    await post(gateway, scan, ordinary(120) + [{"type": "scanCompleted"}])
    (tmp_path / "client.mjs").write_bytes(gateway.get("/client.js").body)
    (tmp_path / "script.mjs").write_text(HANDED_IN)
    done = await asyncio.to_thread(
        subprocess.run, [NODE, "script.mjs", scan], cwd=tmp_path, capture_output=True, text=True, timeout=60,
        env=os.environ | {"NODE_EXTRA_CA_CERTS": gateway.ca, "SLUICE_URL": gateway.url,
                          "SLUICE_TOKEN": gateway.reader(), "WS": str(NODE_WS)})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["websocket", list(range(1, 122))]


THROUGH_BREAKS = """
import { SluiceConnection } from './client.mjs';
const { SLUICE_URL: url, SLUICE_TOKEN: token } = process.env;
const gateway = new SluiceConnection({ url, token, transport: process.argv[2] }).open();
const again = ({ detail }) => detail.state === 'reconnecting' && setTimeout(() => gateway.retryNow(), 20);
gateway.addEventListener('state', again);
for (const scanId of process.argv.slice(3)) {
    const scan = gateway.subscribe(scanId, {
        since: 0, onMessages: (messages) => console.log(messages.map(({ seq }) => `${scanId} ${seq}`).join('\\n')),
    });
    scan.addEventListener('state', again);
}
"""


@pytest.mark.skipif(not HAS_SOCKETS, reason=OLD_NODE)
@pytest.mark.parametrize("transport", ["websocket", "sse"])
async def test_random_breaks_lose_and_double_nothing(make_gateway, scan, tmp_path, transport):
    """Of several scans on one connection, faster than live and beyond memory, whatever byte a connection breaks at."""
    gateway = make_gateway(storage={"path": "data"}, relay={"history": {"messages": 100}, "max_pending": 200})
    names = [f"{scan}-{number}" for number in range(3)]
    for name in names:
        await post(gateway, name, ordinary(1))
    (tmp_path / "client.mjs").write_bytes(gateway.get("/client.js").body)
    (tmp_path / "script.mjs").write_text(THROUGH_BREAKS)
    seed, is_posting, output = random.SystemRandom().randrange(10**6), True, tmp_path / "output"
    async with Breaker(gateway, seed, lambda: is_posting) as breaker:
        with open(output, "wb") as file:
            node = subprocess.Popen(
                [NODE, *SOCKETS, "script.mjs", transport, *names], cwd=tmp_path,
                stdout=file, stderr=subprocess.STDOUT, env=os.environ | {
                    "NODE_EXTRA_CA_CERTS": gateway.ca, "SLUICE_URL": breaker.view.url, "SLUICE_TOKEN": gateway.reader()})
        try:
            for first in range(1, 3_000, 100):
                for name in names:
                    await post(gateway, name, ordinary(100, first=first))
                await asyncio.sleep(0.1)
            is_posting = False
            end = {name: f"{name} 3001" for name in names}
            complete = lambda: all(text in output.read_text() for text in end.values()) or node.poll() is not None
            await asyncio.to_thread(wait_for, complete, 60)
        finally:
            node.kill()
            node.wait()
    lines = [line.split() for line in output.read_text().splitlines()]
    for name in names:
        assert [int(seq) for found, seq in lines if found == name] == list(range(1, 3_002)), seed
    assert breaker.breaks >= 5
