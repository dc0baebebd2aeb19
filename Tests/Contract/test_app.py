"""An application behind the gateway: its login, a scan followed by its cookie alone, and the end of both.

As the demonstration shows it, and by the example of deploy/.
"""

import asyncio
import contextlib
import http.cookies
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

import pytest
import websockets.sync.client
import yaml
from browsers import BROWSERS

from commands import sluice, start
from conftest import PATIENCE, clean_environment, closing, read_until, wait_for

TOP = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(TOP / "deploy"))
import examples  # noqa: E402



class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Site:
    """The gateway and the application as a visitor sees them."""

    def __init__(self, url, user, password, ca):
        self.url, self.user, self.password = url, user, password
        self.ssl = ssl.create_default_context(cafile=ca)
        self.opener = urllib.request.build_opener(
            NoRedirect, urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self.ssl))

    @classmethod
    def shown(cls, process):
        """What the demonstration says of itself."""
        lines = []
        while "Ctrl-C ends it all.\n" not in lines:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            lines.append(line)
        text = "".join(lines)
        user, password = re.search(r"user: (\S+)\n\s+password: (\S+)\n", text).groups()
        return cls(re.search(r"at (https://localhost:\d+)/\n", text)[1], user, password,
                   re.search(r"authority: (\S+)\)", text)[1])

    def ask(self, path, body=None, **fields):
        """The answer: its status, its body, and its fields."""
        data = None if body is None else urllib.parse.urlencode(body).encode()
        request = urllib.request.Request(self.url + path, data, fields)
        try:
            answer = self.opener.open(request, timeout=PATIENCE)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return answer.status, answer.read().decode(), answer.headers

    def log_in(self):
        """The session's cookie."""
        status, _, fields = self.ask("/login", {"user": self.user, "password": self.password}, Origin=self.url)
        assert (status, fields["Location"]) == (303, "/")
        (name, morsel), = http.cookies.SimpleCookie(fields["Set-Cookie"]).items()
        assert morsel["secure"] and morsel["httponly"] and morsel["samesite"] == "Lax"
        return f"{name}={morsel.value}"

    def follow(self, cookie, origin, scan="demo"):
        return websockets.sync.client.connect(
            f"wss{self.url[5:]}/api/ws/scans/{scan}?since=0&wait=60", ssl=self.ssl, origin=origin, proxy=None,
            open_timeout=PATIENCE, additional_headers={"Cookie": cookie})


@contextlib.contextmanager
def demonstration(folder, *arguments):
    """It runs, with a recorded scan of a few seconds instead of one whose length nobody knows."""
    for name in ("python3", "sleep"):
        (folder / name).symlink_to(os.path.realpath(shutil.which(name)))
    with start("demo", "--app", "--port", "0", *arguments, environment={"PATH": str(folder)}) as process:
        try:
            yield process, Site.shown(process)
        finally:
            process.kill()


def test_a_session_cookie_follows_the_scan(tmp_path):
    with demonstration(tmp_path) as (process, site):
        # Without a session there are the login's page and refusals.
        status, page, _ = site.ask("/")
        assert status == 200 and 'action="/login"' in page
        assert site.ask("/api/scans/demo", Cookie="__Host-session=guessed")[0] == 401
        assert site.ask("/login", {"user": site.user, "password": "wrong"})[0] == 403
        assert site.ask("/login", {"user": site.user, "password": site.password}, Origin="https://evil.example")[0] == 403
        cookie = site.log_in()
        page = site.ask("/", Cookie=cookie)[1]
        assert site.user in page and 'data-scan="demo"' in page
        assert json.loads(site.ask("/api/scans/demo", Cookie=cookie)[1])["scan_id"] == "demo"
        assert site.ask("/api/scans/other", Cookie=cookie)[0] == 403
        with site.follow(cookie, site.url) as live:
            read_until(live, "scanCompleted")
            # A browser sends the cookie for strangers' pages, too.
            with pytest.raises(websockets.exceptions.InvalidStatus) as refusal:
                site.follow(cookie, "https://evil.example").close()
            assert refusal.value.response.status_code == 403
            assert site.ask("/api/scans/demo", Cookie=cookie, Origin="https://evil.example")[0] == 403
            assert site.ask("/logout", {}, Cookie=cookie, Origin=site.url)[0] == 303
            assert closing(live)[0] == 4401
        # What the application said before is kept for a second.
        wait_for(lambda: site.ask("/api/scans/demo", Cookie=cookie)[0] == 401, interval=0.2)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, errors


def test_the_demonstration_of_an_application_ends_by_itself(tmp_path):
    with demonstration(tmp_path, "--once") as (process, site):
        out, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        assert "scanCompleted" in out
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", urllib.parse.urlsplit(site.url).port), PATIENCE)


@pytest.mark.parametrize("browser", BROWSERS)
async def test_its_page_follows_the_scan(tmp_path, browser):
    programs = tmp_path / "programs"
    programs.mkdir()
    with demonstration(programs) as (_, site):
        async with browser(tmp_path) as page:
            await page.open(site.url)
            await page.evaluate(
                f"Object.assign(document.querySelector('[name=user]'), {{ value: {json.dumps(site.user)} }}) && "
                f"Object.assign(document.querySelector('[name=password]'), {{ value: {json.dumps(site.password)} }}) && "
                "setTimeout(() => document.forms[0].requestSubmit()) && 0")
            await asyncio.sleep(0.5)
            await page.until("document.querySelectorAll('#rows tr').length >= 5 && "
                             "document.getElementById('rows').textContent.includes('scanCompleted')")
            assert await page.evaluate("document.cookie") == ""
            # Whoever logs out sees the login again, because the socket ends: the page may leave before it has the answer.
            await page.evaluate("void fetch('/logout', { method: 'POST', body: '' }).catch(() => {})")
            await page.until("document.querySelector('[name=password]') !== null")


# The example of deploy/


def test_the_example_is_a_configuration(tmp_path):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/jwt.key").write_bytes(os.urandom(32))
    shutil.copy(TOP / "deploy/app/config.yaml", tmp_path / "config.yaml")
    (tmp_path / "secrets/jwt.key").chmod(0o600)
    result = sluice("check", "--config", tmp_path / "config.yaml")
    assert result.returncode == 0, result.stderr_text


def test_the_example_puts_the_gateway_in_front_of_the_application(make_gateway, scan, tmp_path):
    program = TOP / "Sources/sluice/Demo/app.py"
    with subprocess.Popen([sys.executable, program, "--port", "0", "--attached", "--scan", scan],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          env=clean_environment(APP_PASSWORD="open")) as application:
        port = application.stdout.readline().strip()
        text = examples.adapted("app/config.yaml", [
            (r"port: (443|80)\b", "port: 0"), (r"127\.0\.0\.1:3000", f"127.0.0.1:{port}"),
            (r"/var/lib/sluice", str(tmp_path)), (r"secrets/jwt.key", "jwt.key"),
            # No authority gives out certificates for this machine.
            (r"(?m)^tls:\n(?:  .*\n)+", ""),
        ])
        gateway = make_gateway(**yaml.safe_load(text))
        site = Site(gateway.url, "alice", "open", gateway.ca)
        cookie = site.log_in()
        assert scan in site.ask("/", Cookie=cookie)[1] and "console/app.js" in site.ask("/live")[1]
        gateway.post(scan, {"type": "first"})
        with site.follow(cookie, site.url, scan) as live:
            read_until(live, "first")
        assert site.ask(f"/api/scans/{scan}", Cookie=cookie, Origin="https://evil.example")[0] == 403
        application.stdin.close()
