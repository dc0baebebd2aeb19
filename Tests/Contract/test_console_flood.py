"""Much at once in the console: a flood of findings, thousands of scans, a tab that nobody looks at.

    FLOOD=100000 FLOOD_RATE=5000 run.sh -s test_console_flood.py     the flood as large as it is promised, with its figures

Figures are shown and not judged: a busy machine draws fewer frames. Skipped where the browsers are not installed.
"""

import asyncio
import json
import os
import time

import pytest
from browsers import BROWSERS, CHROMIUM, chromium
from console import Console, vulnerability
from follower import post

both = pytest.mark.parametrize("browser", BROWSERS)
with_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here (Debian: chromium)")
FLOOD, FLOOD_RATE = int(os.environ.get("FLOOD", 12_000)), int(os.environ.get("FLOOD_RATE", 0))

# Frames of the screen, and the time of the longest, while a script scrolls the list up and down.
SCROLLING = """
new Promise((resolve) => {
  const list = document.querySelector('.list');
  const [start, times] = [performance.now(), []];
  let last = start;
  const step = (now) => {
    times.push(now - last);
    last = now;
    list.scrollTop = (Math.sin((now - start) / 400) + 1) / 2 * (list.scrollHeight - list.clientHeight);
    if (now - start < 3000) return requestAnimationFrame(step);
    times.sort((a, b) => a - b);
    resolve({ frames: times.length, median: times[times.length >> 1], p95: times[Math.floor(times.length * 0.95)], longest: times.at(-1), rows: document.querySelectorAll('.list .row').length });
  };
  requestAnimationFrame(step);
})
"""


async def flood(gateway, scan, total, rate):
    """Posts so many findings, at most so many a second, and says how long it took."""
    start = time.monotonic()
    for first in range(0, total, 1000):
        await post(gateway, scan, [vulnerability(number, ["critical", "high", "medium", "low", "info"][number % 5]) for number in range(first, min(first + 1000, total))])
        if rate:
            await asyncio.sleep(max(0, start + (first + 1000) / rate - time.monotonic()))
    return time.monotonic() - start


@both
async def test_a_flood_ends_up_complete(make_gateway, scan, tmp_path, browser):
    """All of it stands in the table without a reload, though live delivery takes 500 a second; the rest is read from history."""
    gateway = make_gateway(storage={"path": "data"}, limits={"requests": {"rate": 20, "burst": 40}} if FLOOD_RATE else {})
    await post(gateway, scan, [{"type": "scanStarted"}])
    async with browser(tmp_path) as page:
        console = Console(page, gateway)
        await console.open(f"#/scans/{scan}", gateway.reader())
        await console.has(".connection", "Live")
        posting = asyncio.create_task(flood(gateway, scan, FLOOD, FLOOD_RATE))
        while_posting = await page.evaluate(SCROLLING)
        seconds = await posting
        start = time.monotonic()
        await console.has(".sum", f"{FLOOD:,} findings", timeout=300)
        complete = time.monotonic() - start
        scrolled = await page.evaluate(SCROLLING)
        assert [await console.text(f".severity-tile.{level} b") for level in ("critical", "info")] == [f"{FLOOD // 5:,}"] * 2
        assert scrolled["rows"] < 80
        exported = (await console.saved("NDJSON")).splitlines()
        assert [json.loads(line)["seq"] for line in exported] == list(range(FLOOD + 1, 1, -1))
        heap = (await page.command("Runtime.getHeapUsage"))["usedSize"] if browser is chromium else None
        # Measured and not judged: `-s` shows it.
        shown = {name: round(value, 1) for name, value in scrolled.items()}
        print(f"\n{browser.__name__}: {FLOOD} messages in {seconds:.1f} s, complete {complete:.1f} s later; scrolling while posted: "
              f"{while_posting['frames'] / 3:.0f} frames/s, after: {scrolled['frames'] / 3:.0f} frames/s, {shown}; heap {heap and round(heap / 2**20)} MiB")


@with_chromium
async def test_three_thousand_scans(make_gateway, tmp_path):
    gateway = make_gateway()
    for start in range(0, 3000, 50):
        await asyncio.gather(*(post(gateway, f"s-{number:04}", [vulnerability(number, "low"), {"type": "scanProgress", "phase": "p", "percent": number % 100}]) for number in range(start, start + 50)))
    async with chromium(tmp_path) as page:
        console = Console(page, gateway)
        await console.open("#/?sort=id", gateway.admin())
        await console.has(".list-note", "3,000 scans")
        await page.until("(document.querySelector('.list').scrollTop = 1e7, document.querySelector('.list-note').textContent === '3,000 scans')", timeout=90)
        await page.until("document.querySelector('.list').scrollTop = 1e7")
        await console.has(".list .name", "s-2999")
        scrolled = await page.evaluate(SCROLLING)
        assert scrolled["rows"] < 80
        print(f"\n3,000 scans: {scrolled['frames'] / 3:.0f} frames/s, { {name: round(value, 1) for name, value in scrolled.items()} }")


@with_chromium
async def test_a_hidden_tab_rests_and_catches_up(gateway, scan, tmp_path):
    await post(gateway, scan, [vulnerability(1)])
    async with chromium(tmp_path) as page:
        console = Console(page, gateway)
        await console.open(f"#/scans/{scan}", gateway.reader())
        await console.has(".sum", "1 finding")
        await page.evaluate("""(() => {
          Object.defineProperty(document, 'hidden', { configurable: true, get: () => globalThis.isAway });
          globalThis.isAway = true;
          document.dispatchEvent(new Event('visibilitychange'));
        })()""")
        await post(gateway, scan, [vulnerability(number) for number in range(2, 400)])
        await page.evaluate("void (globalThis.isAway = false, document.dispatchEvent(new Event('visibilitychange')))")
        await console.has(".sum", "399 findings")
