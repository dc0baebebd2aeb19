"""The console in Chromium and Firefox, over TLS: scans and what they found, all of it, and what goes wrong on the way.

Skipped where the browsers are not installed (Debian: chromium, firefox-esr).
"""

import asyncio
import json
import os

import pytest
from browsers import BROWSERS, CHROMIUM, chromium
from console import Console, vulnerability
from follower import post
from stories import story

both = pytest.mark.parametrize("browser", BROWSERS)
with_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here (Debian: chromium)")


@both
async def test_from_the_list_to_a_scan_and_back(make_gateway, tmp_path, browser):
    gateway = make_gateway()
    for number in range(140):
        await post(gateway, f"s-{number:03}", [{"type": "scanStarted"}, vulnerability(number, "critical" if number == 77 else "low")] + [{"type": "scanCompleted"}] * (number % 2))
    gateway.request("PUT", "/api/scans/s-005", {"owner": "bob", "name": "Nightly <i>DMZ</i>"}, token=gateway.producer())
    await post(gateway, "s-009", [{"type": "error", "message": "no <b>route</b>"}])
    async with browser(tmp_path) as page:
        console = Console(page, gateway)
        await console.open("#/", gateway.admin())
        await console.has("[role=tab]", "Completed69")
        assert [text[:3] for text in await console.texts(".tabs [role=tab]")] == ["All", "Run", "Sta", "Fai", "Com"]
        assert int(await page.evaluate("document.querySelector('.list').getAttribute('aria-rowcount')")) <= 141
        assert len(await console.rows()) < 60
        await page.evaluate("void (document.querySelector('.list').scrollTop = 1e6)")
        await console.has(".list-note", "140 scans")
        await console.click("[role=columnheader] button", "Findings")
        await page.until("document.querySelector('.list .row .name')?.textContent === 's-077' || [...document.querySelectorAll('.row')].some((row) => row.getAttribute('aria-rowindex') === '2' && row.textContent.includes('s-077'))")
        assert "sort=-severity" in await console.address()
        await console.type(".search input", "nightly <I>")
        await console.has(".list-note", "1 scan")
        await console.has(".list .name", "Nightly <i>DMZ</i>")
        await console.click(".list .row", "Nightly")
        await console.has(".scan-head h1", "Nightly <i>DMZ</i>")
        await console.has(".scan-head", "owner bob")
        await page.evaluate("void history.back()")
        await console.has(".list-note", "1 scan")
        assert "q=nightly" in await console.address()
        await console.go("#/?tab=failed")
        await console.has(".list .phase", "no <b>route</b>")
        await console.has(".list-note", "1 scan")
        await console.check_quiet()


@both
async def test_a_scan_as_it_runs(gateway, scan, tmp_path, browser):
    told = list(story(3, hosts=6, findings=40))
    ends = next(index for index, message in enumerate(told) if message.get("phase") == "Vulnerabilities")
    findings = [message for message in told if message["type"] == "vulnerabilityFound"]
    severe = sum(message["severity"] in ("critical", "high") for message in findings)
    await post(gateway, scan, told[:ends])
    async with browser(tmp_path) as page:
        console = Console(page, gateway)
        await console.open(f"#/scans/{scan}", gateway.reader())
        await console.has(".connection", "Live")
        await console.has(".scan-head .outcome", "Running")
        await console.has(".phases", "Service detection")
        await post(gateway, scan, told[ends:])
        await console.has(".sum", f"{sum(m['type'] in ('hostDiscovered', 'portFound', 'serviceDetected', 'vulnerabilityFound') for m in told)} findings")
        await console.has(".phases .current", "Vulnerabilities 9")
        await console.has(".scan-head", "remaining")

        # Tiles are toggles; the address holds them, and a reload keeps them.
        await console.click(".severity-tile.critical")
        await console.click(".severity-tile.high")
        await console.has(".sum", f"{severe} of ")
        assert await console.address() == f"#/scans/{scan}?severity=critical&severity=high"
        await console.reload()
        await console.has(".sum", f"{severe} of ")
        await console.click("[role=columnheader] button", "Severity")
        await console.click(".list .row")
        await console.has(".inspector", "JSON")
        await page.until(f"JSON.parse(document.querySelector('.inspector .panel-body > pre').textContent).severity === {json.dumps(min(m['severity'] for m in findings))}")
        await console.press("Escape")
        await console.has_no(".inspector")
        await console.click(".list-tools button", "Clear filters")

        await console.click("[role=tab]", "Hosts")
        await console.has("[role=treegrid] .row", "10.20.30.")
        assert await console.text(".sum") == "6 hosts"
        await console.click("[role=treegrid] .row")
        await console.has("[role=treegrid] [aria-level='2']", "/tcp")
        await console.click("[role=tab]", "Output")
        await console.has(".output-list .row", "[")
        await console.click("[role=tab]", "Messages")
        await console.type(".search input", "scanStarted")
        await console.has(".sum", "1 of ")
        await post(gateway, scan, [{"type": "error", "message": "exit <code> 2"}])
        await console.has(".banner.failed", "exit <code> 2")
        await console.has(".scan-head .outcome", "Failed")
        await console.check_quiet()


@both
async def test_times_are_drawn_over_and_filter(gateway, scan, tmp_path, browser):
    await post(gateway, scan, [vulnerability(1)])
    await asyncio.sleep(2.1)
    await post(gateway, scan, [vulnerability(2), {"type": "scanCompleted"}])
    async with browser(tmp_path) as page:
        console = Console(page, gateway)
        await console.open(f"#/scans/{scan}", gateway.reader())
        await console.has(".sum", "2 findings")
        await page.until("document.querySelector('.plot path.high').getAttribute('d') !== ''")
        await page.evaluate("document.querySelector('.plot').focus()")
        await console.press("Home", "Enter")
        await console.has(".sum", "1 of 2 findings")
        assert "Finding 1" in (await console.rows())[0]
        assert "from=" in await console.address()
        await console.click(".timeline button", "All times")
        await console.has(".sum", "2 findings")


@with_chromium
async def test_the_mouse_draws_over_times(gateway, scan, tmp_path):
    for number in range(3):
        await post(gateway, scan, [vulnerability(number)])
        await asyncio.sleep(1.1)
    await post(gateway, scan, [{"type": "scanCompleted"}])
    async with chromium(tmp_path) as page:
        console = Console(page, gateway)
        await console.open(f"#/scans/{scan}", gateway.reader())
        await page.until("document.querySelector('.plot path.high').getAttribute('d') !== ''")
        box = await page.evaluate("(({ left, top, width }) => ({ left, top, width }))(document.querySelector('.plot').getBoundingClientRect())")

        async def drag(start, end):
            for kind, share in [("mousePressed", start), ("mouseMoved", (start + end) / 2), ("mouseMoved", end), ("mouseReleased", end)]:
                await page.command("Input.dispatchMouseEvent", type=kind, x=box["left"] + box["width"] * share, y=box["top"] + 20, button="left", buttons=1, clickCount=1)

        await drag(0.999, 0.5)
        await console.has(".timeline .caption", " – ")
        await console.has(".sum", " of 3 findings")
        assert (await console.rows())[0].find("Finding 2") >= 0
        await drag(0.01, 0.01)
        await console.has(".sum", "1 of 3 findings")
        assert "Finding 0" in (await console.rows())[0]
        await drag(0.01, 0.01)
        await console.has(".sum", "3 findings")


@both
async def test_a_scan_that_does_not_exist_yet_and_one_that_stalls(make_gateway, scan, tmp_path, browser):
    gateway = make_gateway(relay={"stall_after": "1s"})
    async with browser(tmp_path) as page:
        console = Console(page, gateway)
        await console.open(f"#/scans/{scan}", gateway.reader())
        await console.has(".list-empty", "Nothing was posted to this scan yet")
        await post(gateway, scan, [vulnerability(1)])
        await console.has(".sum", "1 finding")
        await console.has(".scan-head .outcome", "Stalled")
        await post(gateway, scan, [vulnerability(2)])
        await console.has(".scan-head .outcome", "Running")


@both
async def test_counts_in_a_part_of_the_findings_say_so(make_gateway, scan, tmp_path, browser):
    gateway = make_gateway(relay={"history": {"messages": 50}})
    await post(gateway, scan, [vulnerability(number) for number in range(200)])
    await post(gateway, "whole", [vulnerability(number) for number in range(20)])
    async with browser(tmp_path) as page:
        console = Console(page, gateway)

        async def shown(name, count):
            """Opens a scan, and its filters, which a narrow page has behind a button."""
            await console.go(f"#/scans/{name}")
            await console.has(".scan-head h1", name)
            await page.evaluate("""(({ classList }, button) => {
              if (button.checkVisibility() && !classList.contains('with-facets')) button.click();
            })(document.querySelector('.facets').closest('.scan'), document.querySelector('.facet-switch'))""")
            await console.has(".facets .value", count)

        await console.open("#/", gateway.reader())
        await shown(scan, "200")
        await console.has(".facets-note", "counted in the 50 of 200 findings")
        await shown("whole", "20")
        await console.has_no(".facets-note")


@both
async def test_counts_are_those_of_all_messages_however_few_are_here(make_gateway, scan, tmp_path, browser):
    gateway = make_gateway(storage={"path": "data"}, relay={"history": {"messages": 50}})
    for start in range(0, 6000, 1000):
        await post(gateway, scan, [vulnerability(number, "high", tags=["a"], pad="x" * 300) for number in range(start, start + 1000)])
    await post(gateway, scan, [{"type": "finding", "risk": "critical", "host": "192.0.2.7", "port": 80}])
    async with browser(tmp_path) as page:
        console = Console(page, gateway)
        await console.open("#/", gateway.reader())
        await console.has(".list .name", scan)
        await page.evaluate("""(() => {
          const ask = globalThis.fetch;
          globalThis.fetch = (address, ...more) => String(address).includes('/messages?') ? Promise.reject(new TypeError('cut off')) : ask(address, ...more);
        })()""")
        await console.go(f"#/scans/{scan}")
        await page.evaluate("""(({ classList }, button) => {
          if (button.checkVisibility() && !classList.contains('with-facets')) button.click();
        })(document.querySelector('.facets').closest('.scan'), document.querySelector('.facet-switch'))""")
        # More than one answer counts; a severity by another name is one, too.
        await console.has(".facets .value", "192.0.2.725")
        await console.has(".facets .value", "4436k")
        assert [await page.evaluate(f"[...document.querySelectorAll('.facets .value')].find((value) => value.title === '{value}')?.lastElementChild.title") for value in (
            "192.0.2.7", "443", "80", "a")] == ["25", "6,000", "1", "6,000"]
        assert [await console.text(f".severity-tile.{level} b") for level in ("critical", "high", "unrated")] == ["1", "6,000", "0"]


HOSTILE = "<img src=x onerror='globalThis.pwned=1'><script>globalThis.pwned=2</script>"


@both
async def test_whatever_a_scanner_posts_is_text(gateway, scan, tmp_path, browser):
    messages = [
        vulnerability(1, name=HOSTILE, target="javascript:globalThis.pwned=3", tags=[HOSTILE, "\u202eevil"], description=HOSTILE, reference=["javascript:pwned=4"]),
        {"type": HOSTILE[:120], "severity": HOSTILE, "host": HOSTILE, "port": HOSTILE, "cvss": HOSTILE, "cve": HOSTILE},
        {"type": "vulnerabilityFound", "__proto__": {"severity": "critical"}, "constructor": 1, "toString": 2, "name": "=HYPERLINK(\"x\")", "hasOwnProperty": 3},
        {"type": "line", "text": f"\u001b[31m{HOSTILE}\u0000\u2066"}, {"type": "phaseStarted", "phase": HOSTILE},
        {"type": "scanProgress", "phase": "__proto__", "percent": 1e308}, {"type": "x", "nested": json.loads("[" * 60 + "]" * 60)},
        {"type": "vulnerabilityFound", "name": "n" * 200_000, "severity": "low"}, {"type": "error", "message": HOSTILE}]
    await post(gateway, scan, messages)
    gateway.request("PUT", f"/api/scans/{scan}", {"owner": HOSTILE, "name": HOSTILE}, token=gateway.producer())
    async with browser(tmp_path) as page:
        console = Console(page, gateway)
        await console.open(f"#/?q={scan}", gateway.admin())
        await console.has(".list .name", HOSTILE)
        await console.check_quiet()
        await console.go(f"#/scans/{scan}?row=1")
        await console.has(".inspector", HOSTILE)
        await console.has(".banner.failed", HOSTILE)
        await console.has(".list .row", "\\u202eevil")
        assert "'=HYPERLINK" in await console.saved("CSV")
        exported = [json.loads(line) for line in (await console.saved("NDJSON")).splitlines()]
        assert len(exported) == 5 and {message["seq"] for message in exported} == {1, 2, 3, 7, 8}
        assert json.loads(await console.saved("SARIF"))["runs"][0]["results"][-1]["message"]["text"].startswith(HOSTILE)
        for tab in ("hosts", "output", "messages"):
            await console.go(f"#/scans/{scan}?tab={tab}")
            await console.has(".list .row", "<img src=x" if tab != "hosts" else "192.0.2.1")
        await console.has(".list .row", "\\u0000") if tab == "output" else None
        await console.check_quiet()


@both
async def test_a_gateway_that_is_killed_and_comes_back(make_gateway, scan, tmp_path, browser):
    settings = {"storage": {"path": "data"}}
    gateway = make_gateway(**settings)
    await post(gateway, scan, [vulnerability(number) for number in range(60)])
    async with browser(tmp_path) as page:
        console = Console(page, gateway)
        await console.open(f"#/scans/{scan}", gateway.reader())
        await console.has(".sum", "60 findings")
        await console.has(".connection", "Live")
        gateway.kill()
        await console.has(".connection.warn", "trying again")
        await console.has(".sum", "60 findings")
        gateway.log_file.unlink()
        gateway = await asyncio.to_thread(make_gateway, folder=gateway.folder, **settings | {"listen": {"port": gateway.port}})
        await post(gateway, scan, [vulnerability(number, "critical") for number in range(60, 130)])
        await page.evaluate("document.querySelector('.link-state button').hidden || void document.querySelector('.link-state button').click()")
        await console.has(".sum", "130 findings")
        await console.has(".connection", "Live")
        assert await console.text(".severity-tile.critical b") == "70"
        exported = [json.loads(line)["seq"] for line in (await console.saved("NDJSON")).splitlines()]
        assert exported == list(range(130, 0, -1))


@both
async def test_a_token_that_ends_while_one_watches(make_gateway, scan, tmp_path, browser):
    gateway = make_gateway(auth={"leeway": "0s"})
    await post(gateway, scan, [vulnerability(1)])
    async with browser(tmp_path) as page:
        console = Console(page, gateway)
        await console.open(f"#/scans/{scan}", gateway.reader(ttl=5))
        await console.has(".sum", "1 finding")
        await console.has("dialog[open]", "Sign in again")
        await console.has("dialog[open]", "expired at")
        await post(gateway, scan, [vulnerability(2)])
        # A ticket for signing in is as good here as its token.
        ticket = gateway.request("POST", "/api/tickets", {"use": "sign_in"}, token=gateway.reader()).json()["ticket"]
        await page.evaluate(f"""(() => {{
          const form = document.querySelector('dialog[open] .token-form');
          form.querySelector('input').value = {json.dumps(ticket)};
          form.requestSubmit();
        }})()""")
        await console.has(".sum", "2 findings")
        await console.has(".connection", "Live")
        await console.has_no("dialog[open]")


NOTES = """
(() => {
  globalThis.notes = [];
  globalThis.Notification = class {
    static permission = 'default';
    static async requestPermission() { return Notification.permission = 'granted'; }
    constructor(title, { body }) { notes.push(`${title} ${body}`.trim()); }
  };
})()
"""


@both
async def test_news_is_told_to_those_who_asked_and_to_those_who_do_not_see(make_gateway, tmp_path, browser):
    gateway = make_gateway()
    await post(gateway, "a", [vulnerability(1)])
    await post(gateway, "b", [vulnerability(1)])
    async with browser(tmp_path) as page:
        console = Console(page, gateway)
        await console.open("#/", gateway.admin())
        await page.evaluate(NOTES)
        await console.has(".list .name", "b")
        await console.click("header.top button[aria-label=Notifications]")
        await console.has(".toast", "Notifications are on")
        await console.has("header.top button[aria-label=Notifications][aria-pressed=true]")
        # Also of scans that are not listed just now.
        await console.go("#/?tab=failed")
        await page.until("document.querySelector('.list-note').textContent.startsWith('No scan matches')")
        await post(gateway, "a", [vulnerability(2, "critical"), vulnerability(3, "critical")])
        await post(gateway, "b", [{"type": "error", "message": "no <b>route</b>"}])
        await page.until("notes.length === 2", timeout=40)
        assert sorted(await page.evaluate("notes")) == ["2 critical findings in a", "b failed no <b>route</b>"]
        await console.go("#/scans/a")
        await console.has(".sum", "3 findings")
        await page.until("document.querySelector('.sum').textContent === '3 findings'")
        await post(gateway, "a", [vulnerability(4, "critical"), vulnerability(5)])
        await page.until("document.getElementById('live').textContent.includes('2 new findings, 1 critical')", timeout=40)


@both
async def test_the_keyboard_is_enough(gateway, scan, tmp_path, browser):
    await post(gateway, scan, [vulnerability(number) for number in range(200)])
    async with browser(tmp_path) as page:
        console = Console(page, gateway)
        await console.open(f"#/?q={scan}", gateway.reader())
        await console.has(".list .name", scan)
        await console.press("j", "Enter")
        await console.has(".sum", "200 findings")
        active = "document.querySelector('.list .row[aria-selected=true]')?.getAttribute('aria-rowindex') ?? null"
        await console.press("j", "j", "k", "ArrowDown")
        assert await page.evaluate(active) == "3"
        assert await page.evaluate("document.getElementById(document.querySelector('.list').getAttribute('aria-activedescendant')).getAttribute('aria-rowindex')") == "3"
        await console.press("End")
        assert await page.evaluate(active) == "201"
        await console.press("Enter")
        await console.has(".inspector h2", "Finding 0")
        await console.press("k")
        await console.has(".inspector h2", "Finding 1")
        await console.press("Escape", "/")
        assert await page.evaluate("document.activeElement.type") == "search"
        await console.press("Escape", "1")
        await console.has(".severity-tile.critical[aria-pressed=true]")
        await console.press("Escape", "?")
        await console.has("dialog[open]", "Keyboard")
        await console.click("dialog[open] button", "Close")
        await page.evaluate("document.getElementById('tab-findings').focus()")
        await console.press("ArrowRight")
        assert await page.evaluate("document.activeElement.id") == "tab-hosts"
        assert await page.evaluate("document.querySelectorAll('.scan [role=tab][tabindex=\"0\"]').length") == 1
        await page.evaluate("document.activeElement.blur()")
        await console.press("Escape")
        await console.has(".overview")


@both
async def test_administrators_see_who_is_connected_and_end_it(gateway, scan, tmp_path, browser, hold):
    await post(gateway, scan, [vulnerability(1)])
    reader = hold(gateway.sync_ws(scan, token=gateway.reader(f"reader-{scan}")))
    reader.recv(timeout=10)
    async with browser(tmp_path) as page:
        console = Console(page, gateway)
        await console.open("#/connections", gateway.admin())
        await console.type(".search input", scan)
        await console.has(".connections .row", f"reader-{scan}")
        await page.until("[...document.querySelectorAll('.connections .row .c-number')].some((cell) => cell.firstChild.title === '0 messages')")
        await console.click(".connections .row button", "Disconnect")
        await console.click("dialog[open] button", "Disconnect")
        from conftest import closing
        assert (await asyncio.to_thread(closing, reader))[0] == 4403
        await console.has(".toast", f"1 connection of reader-{scan} closed")
        await console.has_no(".connections .row", f"reader-{scan}")
        await console.open("#/connections", gateway.reader())
        await console.has(".list-note", "Only an administrator")


@both
async def test_the_debugger_shows_frames_and_posts(gateway, scan, tmp_path, browser):
    async with browser(tmp_path) as page:
        console = Console(page, gateway)
        await console.open("#/debugger", gateway.token(scans=["*"], scope="ingest"))
        await page.evaluate(f"""(() => {{
          const [frames, , post] = document.querySelectorAll('.debugger form');
          frames.querySelector('input').value = post.querySelector('input').value = {json.dumps(scan)};
          post.requestSubmit();
        }})()""")
        await console.has(".debugger pre", '"accepted": 1')
        await console.click(".debugger button", "Connect")
        await console.has(".frames .row", '"type":"subscribed"')
        await console.click(".debugger .send button", "Send")
        await console.has(".frames .row", '"type":"pong"')
        await console.click(".frames .row", "Test finding")
        await console.has(".whole", '"severity": "high"')
        await console.click(".debugger button", "Close")
        await console.has(".debugger .status", "1000 Ended")


@with_chromium
async def test_rules_of_accessibility(make_gateway, tmp_path):
    """Names, roles and contrast by axe-core's rules, light and dark, wide and narrow."""
    axe = pytest.importorskip("axe_core_python", reason="no axe-core-python here")
    script = (os.path.join(os.path.dirname(axe.__file__), "axe.min.js"))
    with open(script, encoding="utf-8") as file:
        rules = file.read()
    gateway = make_gateway()
    await post(gateway, "a", list(story(5, hosts=5, findings=60)))
    await post(gateway, "b", [vulnerability(1), {"type": "error", "message": "over"}])
    hold = gateway.sync_ws("a", token=gateway.reader())
    places = ["#/", "#/scans/a?severity=high", "#/scans/a?tab=hosts", "#/scans/a?tab=output", "#/scans/a?tab=messages&row=9", "#/scans/b", "#/connections", "#/debugger"]
    found = []
    with hold:
        async with chromium(tmp_path) as page:
            console = Console(page, gateway)
            for width, scheme in [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")]:
                await page.command("Emulation.setDeviceMetricsOverride", width=width, height=860, deviceScaleFactor=1, mobile=width < 500)
                features = [{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"}]
                await page.command("Emulation.setEmulatedMedia", features=features)
                await page.command("Page.enable")
                await console.open("#/", gateway.admin())
                await page.evaluate(rules + "; 1")
                for place in places:
                    await console.go(place)
                    await page.until("document.querySelector('main') !== null && !document.querySelector('.list-note, .list-empty')?.textContent.includes('Loading')")
                    await asyncio.sleep(0.4)
                    found += [[width, scheme, place, *violation] for violation in await page.evaluate("""
                      axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'], resultTypes: ['violations'] })
                        .then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes[0].html.slice(0, 200), nodes[0].failureSummary]))""")]
    assert found == []
