"""A gateway that is restarted under clients that are not ours: none of them is lost, and none loses or doubles anything.

Native EventSource in browsers, and the browser client in Node without WebSocket. They are skipped where the programs are
not installed (Debian: chromium, firefox-esr, nodejs).
"""

import asyncio
import json
import os
import pathlib
import shutil
import subprocess

import pytest
from browsers import BROWSERS, website
from conftest import wait_for
from follower import ordinary, post

NODE = shutil.which("node")
SETTINGS = {"storage": {"path": "data"}, "shutdown": {"grace": "1s"}}

# A page that uses only the browser's own means: one listener, and no code for coming back.
PAGE = """
globalThis.seen = { seqs: [], closes: [], states: [] };
globalThis.events = new EventSource(%(url)s);
events.onmessage = ({ data }) => {
  const message = JSON.parse(data);
  if (message.type === "sluice.close") seen.closes.push(message.code);
  else if (message.seq !== undefined && message.type !== "subscribed") seen.seqs.push(message.seq);
};
events.onerror = () => seen.states.push(events.readyState);
true
"""

SCRIPT = """
import { SluiceClient } from './client.mjs';
const client = new SluiceClient({
  url: %(url)s, scanId: %(scan)s, token: %(token)s, since: 0,
  onMessage: (message) => {
    console.log(JSON.stringify({ seq: message.seq }));
    if (message.type === 'scanCompleted') client.close();
  },
  onState: (state) => console.log(JSON.stringify(state)),
});
client.open();
"""


async def restarted(gateway, make_gateway, settings):
    """The same gateway anew: same port, same folder."""
    gateway.terminate()
    assert await asyncio.to_thread(gateway.wait) == 0
    gateway.log_file.unlink()
    return await asyncio.to_thread(
        make_gateway, folder=gateway.folder, **settings | {"listen": {"port": gateway.port}})


async def test_what_is_known_of_scans_outlives_a_restart(make_gateway, scan):
    """Before their logs are read again, and after."""
    settings = SETTINGS | {"relay": {"history": {"messages": 2}}}
    gateway = make_gateway(**settings)
    gateway.request("PUT", f"/api/scans/{scan}-new", {"owner": "bob", "name": "Nightly"}, token=gateway.producer())
    findings = [{"type": "found", "severity": severity} for severity in ("high", "low", "HIGH", "low", "low")]
    await post(gateway, scan, [{"type": "scanStarted"}, {"type": "phaseStarted", "phase": "ports"}] + findings
               + [{"type": "scanProgress", "phase": "ports", "percent": 40}])
    await post(gateway, f"{scan}-failed", findings + [{"type": "error", "message": "no route"}])
    await post(gateway, f"{scan}-done", [{"type": "progress", "percent": 7}, {"type": "scanCompleted"}])

    def known(gateway):
        scans = gateway.get("/api/scans/stats", gateway.admin()).json()["scans"]
        return [{name: value for name, value in scan.items() if name != "elapsed_time"} for scan in scans]

    before = known(gateway)
    assert [scan["outcome"] for scan in before] == ["running", "completed", "failed", "running"]
    assert (before[0]["severities"], before[0]["percent"]) == ({"high": 2, "low": 3}, 40)
    gateway = await restarted(gateway, make_gateway, settings)
    assert known(gateway) == before
    states = [gateway.get(f"/api/scans/{scan['scan_id']}", gateway.admin()).json() for scan in before]
    assert [{name: state[name] for name in scan} for state, scan in zip(states, before)] == before
    assert known(gateway) == before
    await post(gateway, scan, [{"type": "found", "severity": "low"}])
    after = known(gateway)[0]
    assert (after["severities"], after["counts"]["found"], after["phase"]) == ({"high": 2, "low": 4}, 6, "ports")
    assert after["started_at"] == before[0]["started_at"] and after["last_message_at"] > before[0]["last_message_at"]


@pytest.mark.parametrize("browser", BROWSERS)
async def test_a_restart_ends_no_native_stream(make_gateway, scan, tmp_path, browser):
    with website() as origin:
        settings = SETTINGS | {"origins": [origin]}
        gateway = make_gateway(**settings)
        await post(gateway, scan, ordinary(3))
        async with browser(tmp_path) as page:
            await page.open(origin)
            url = f"{gateway.url}/api/scans/{scan}/events?since=0&events=message&token={gateway.reader()}"
            # A script's value is awaited as one expression.
            await page.evaluate(f"eval({json.dumps(PAGE % {'url': json.dumps(url)})})")
            await page.until("seen.seqs.length === 3")
            for number in (1, 2):
                gateway = await restarted(gateway, make_gateway, settings)
                await post(gateway, scan, ordinary(3, first=3 * number))
                await page.until(f"seen.seqs.length >= {3 + 3 * number}", timeout=60)
            seen = await page.evaluate("({ ...seen, state: events.readyState })")
    assert seen["seqs"] == list(range(1, 10)) and seen["closes"] == [1001, 1001]
    # 0 is CONNECTING: it comes back by itself. 2, CLOSED, would be for good.
    assert seen["state"] == 1 and set(seen["states"]) == {0}


@pytest.mark.skipif(NODE is None, reason="no node here (Debian: nodejs)")
async def test_the_client_in_node_outlives_a_restart(make_gateway, scan, tmp_path):
    gateway = make_gateway(**SETTINGS)
    await post(gateway, scan, ordinary(3))
    folder = pathlib.Path(tmp_path)
    (folder / "client.mjs").write_bytes(gateway.get("/client.js").body)
    values = {"url": gateway.url, "scan": scan, "token": gateway.reader()}
    script = SCRIPT % {name: json.dumps(value) for name, value in values.items()}
    # Whatever this Node has: here it has no WebSocket.
    (folder / "script.mjs").write_text("delete globalThis.WebSocket;\n" + script.replace("import {", "const {", 1).replace(
        "} from './client.mjs'", "} = await import('./client.mjs')", 1))
    output = folder / "output"
    with open(output, "wb") as file:
        node = subprocess.Popen([NODE, str(folder / "script.mjs")], stdout=file, stderr=subprocess.STDOUT,
                                env=os.environ | {"NODE_EXTRA_CA_CERTS": gateway.ca})
    try:
        def lines():
            return [json.loads(line) for line in output.read_text().splitlines()]

        seqs = lambda: [line["seq"] for line in lines() if "seq" in line]
        await asyncio.to_thread(wait_for, lambda: len(seqs()) == 3)
        gateway = await restarted(gateway, make_gateway, SETTINGS)
        await post(gateway, scan, ordinary(2) + [{"type": "scanCompleted"}])
        assert await asyncio.to_thread(node.wait, 60) == 0
    finally:
        node.kill()
        node.wait()
    assert seqs() == [1, 2, 3, 4, 5, 6]
    states = [line for line in lines() if "state" in line]
    assert {state["transport"] for state in states} == {"sse"}
    away = next(state for state in states if state["state"] == "reconnecting")
    assert away["code"] == 1001 and away["inMs"] >= json.loads(away["reason"])["retryAfterMs"]
    assert states[-1] == {"state": "closed", "transport": "sse", "code": 1000, "reason": "closed here", "advice": "done"}
