"""`make run-cluster` as somebody sees it: a key kills, the scan goes on, the key starts it again, q ends."""

import os
import pathlib
import pty
import re
import select
import sys
import time

import pytest

from test_gateways import contract

SHOW = pathlib.Path(__file__).with_name("show.py")


class Terminal:
    """A terminal with the show in it."""

    def __init__(self, *command):
        self.process, self.file = pty.fork()
        if self.process == 0:
            os.execv(command[0], command)
        self.text = ""

    def read(self, seconds):
        """False once it has ended."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([self.file], [], [], 0.05)[0]:
                try:
                    data = os.read(self.file, 65536)
                except OSError:
                    data = b""
                if not data:
                    return False
                self.text = (self.text + re.sub(r"\x1b\[\d*[AK]", "", data.decode(errors="replace")))[-20_000:]
        return True

    def press(self, key):
        os.write(self.file, key.encode())

    @property
    def screen(self):
        """The newest one that is whole; empty before the first."""
        screens = self.text.replace("\r", "").split("a scan, posted through")
        return next((screen for screen in reversed(screens) if "q ends" in screen), "")

    @property
    def count(self):
        found = re.search(r"(\d+) messages acknowledged", self.screen)
        return int(found[1]) if found else 0

    def row(self, key):
        return next((line for line in self.screen.splitlines() if f"[{key}]" in line), "")

    def wait(self, what, seconds=60):
        end = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < end and self.read(0.2), self.text[-3000:]


@pytest.mark.skipif(not os.path.exists("/usr/sbin/haproxy"), reason="haproxy is not installed")
def test_a_key_kills_and_starts_again_while_the_scan_goes_on():
    terminal = Terminal(sys.executable, str(SHOW), "--sluice", contract.SLUICE)
    try:
        terminal.wait(lambda: terminal.count > 20)
        for key in "1b":
            before = terminal.count
            terminal.press(key)
            terminal.wait(lambda: "DEAD" in terminal.row(key))
            terminal.wait(lambda: terminal.count > before + 20)
            terminal.press(key)
            terminal.wait(lambda: " up " in terminal.row(key))
            terminal.wait(lambda: all("behind by 0;" in terminal.row(viewer) for viewer in "123"))
        terminal.press("q")
        while terminal.read(1):
            pass
        assert "each of three viewers has them" in terminal.text, terminal.text[-3000:]
    finally:
        # The show ends what it started when its terminal goes.
        os.close(terminal.file)
        ended = os.waitpid(terminal.process, 0)[1]
    assert os.waitstatus_to_exitcode(ended) == 0
