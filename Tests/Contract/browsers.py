"""Chromium and Firefox, headless: a tab of each that goes to addresses and evaluates scripts.

Chromium is driven by its DevTools protocol, Firefox by WebDriver BiDi; both are JSON over a WebSocket.
"""

import asyncio
import contextlib
import functools
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import urllib.parse

import pytest
import websockets

CHROMIUM = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
FIREFOX = next(filter(None, map(shutil.which, ["firefox-esr", "firefox"])), None)

# A browser in a test asks nothing of the world outside, and waits for nothing longer than it has to: by default
# Firefox holds back a WebSocket after a failed one, and an EventSource for five seconds.
FIREFOX_PREFERENCES = {
    "app.update.disabledForTesting": True,
    "app.normandy.enabled": False,
    "browser.newtabpage.enabled": False,
    "browser.region.network.url": "",
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.search.update": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "browser.startup.page": 0,
    "datareporting.healthreport.uploadEnabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.push.connection.enabled": False,
    "dom.serverEvents.defaultReconnectionTime": 500,
    "extensions.getAddons.cache.enabled": False,
    "extensions.systemAddon.update.enabled": False,
    "extensions.update.enabled": False,
    "messaging-system.rsexperimentloader.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.dns.disablePrefetch": True,
    "network.http.speculative-parallel-limit": 0,
    "network.prefetch-next": False,
    "network.proxy.type": 0,
    "network.trr.mode": 5,
    "network.websocket.delay-failed-reconnects": False,
    "remote.prefs.recommended": True,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.telemetry.enabled": False,
    "toolkit.telemetry.server": "",
}


class Page:
    """What the tabs of both browsers have in common: numbered commands, each with one answer."""

    def __init__(self, socket):
        self.socket = socket
        self.number = 0

    async def command(self, method, **parameters):
        self.number += 1
        await self.socket.send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(await asyncio.wait_for(self.socket.recv(), 90))
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]

    async def until(self, script, timeout=30):
        """The first true value that the script has."""
        end = asyncio.get_running_loop().time() + timeout
        while not (value := await self.evaluate(script)):
            assert asyncio.get_running_loop().time() < end, f"waited in vain for {script}"
            await asyncio.sleep(0.05)
        return value


class ChromiumPage(Page):
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
        """The value of an expression, awaited if it is a promise."""
        answer = await self.command(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def set_cookie(self, url, name, value):
        await self.command("Network.setCookie", name=name, value=value, url=url)


class FirefoxPage(Page):
    context = None

    async def open(self, url):
        await self.command("browsingContext.navigate", context=self.context, url=url, wait="complete")

    async def evaluate(self, script):
        """The value of an expression, awaited if it is a promise."""
        answer = await self.command(
            "script.evaluate", target={"context": self.context}, awaitPromise=True, userActivation=True,
            expression=f"Promise.resolve({script}\n).then((value) => JSON.stringify(value) ?? 'null')")
        assert answer["type"] == "success", answer["exceptionDetails"]
        return json.loads(answer["result"]["value"])

    async def set_cookie(self, url, name, value):
        await self.command("storage.setCookie", cookie={
            "name": name, "value": {"type": "string", "value": value}, "domain": urllib.parse.urlsplit(url).hostname})


@contextlib.asynccontextmanager
async def running(command, log_file, **environment):
    """A browser's process, and all that it starts, to the end of the block."""
    with open(log_file, "wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, start_new_session=True,
            env=os.environ | environment)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


async def said(process, file, pattern, log_file):
    """What a browser that starts writes to a file, once it does."""
    for _ in range(1200):
        if file.exists() and (found := re.search(pattern, file.read_text(errors="replace"))):
            return found
        assert process.poll() is None, log_file.read_text(errors="replace")[-2000:]
        await asyncio.sleep(0.05)
    raise AssertionError(f"the browser does not start:\n{log_file.read_text(errors='replace')[-2000:]}")


def connect(url):
    return websockets.connect(url, proxy=None, max_size=None, ping_interval=None)


@contextlib.asynccontextmanager
async def chromium(folder):
    """A tab; the browser ends with the block."""
    log_file, home = folder / "chromium.log", folder / "home"
    home.mkdir()
    command = [
        CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--ignore-certificate-errors", "--remote-debugging-port=0", f"--user-data-dir={folder / 'profile'}",
        "about:blank"]
    async with running(command, log_file, HOME=str(home)) as process:
        found = await said(process, folder / "profile/DevToolsActivePort", r"(\d+)\s+(\S+)", log_file)
        authority = f"ws://127.0.0.1:{found[1]}"
        async with connect(authority + found[2]) as control:
            target = await Page(control).command("Target.createTarget", url="about:blank")
            async with connect(f"{authority}/devtools/page/{target['targetId']}") as socket:
                yield ChromiumPage(socket)


@contextlib.asynccontextmanager
async def firefox(folder):
    """A tab; the browser ends with the block."""
    log_file, home, profile = folder / "firefox.log", folder / "home", folder / "profile"
    home.mkdir()
    profile.mkdir()
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in FIREFOX_PREFERENCES.items()]
    (profile / "user.js").write_text("".join(lines))
    command = [FIREFOX, "--headless", "--no-remote", "--remote-debugging-port=0", "--profile", str(profile),
               "about:blank"]
    environment = {"HOME": str(home), "MOZ_HEADLESS": "1", "MOZ_CRASHREPORTER_DISABLE": "1"}
    async with running(command, log_file, **environment) as process:
        found = await said(process, log_file, r"WebDriver BiDi listening on (ws://127\.0\.0\.1:\d+)", log_file)
        async with connect(f"{found[1]}/session") as socket:
            page = FirefoxPage(socket)
            await page.command("session.new", capabilities={"alwaysMatch": {"acceptInsecureCerts": True}})
            page.context = (await page.command("browsingContext.create", type="tab"))["context"]
            yield page


#: The browsers as parameters of a test; one that is not installed is skipped.
BROWSERS = [
    pytest.param(chromium, id="chromium", marks=pytest.mark.skipif(
        CHROMIUM is None, reason="no chromium here (Debian: chromium)")),
    pytest.param(firefox, id="firefox", marks=pytest.mark.skipif(
        FIREFOX is None, reason="no firefox here (Debian: firefox-esr)")),
]


@contextlib.contextmanager
def website(body=b"<!doctype html><title>elsewhere</title>"):
    """Another origin, with one page at every path, empty unless it is given; its origin."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
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
