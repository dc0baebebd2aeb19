"""The command lines of README.md and docs/quick-start.md, run as they are printed.

In a network of their own, so that the ports that the pages name are free; each page's blocks in their order, in one
folder and one environment, as a reader's terminal has them.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading

import pytest

from conftest import SLUICE, clean_environment, wait_for

ROOT = pathlib.Path(__file__).parents[2]
NETWORK = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"])]


def blocks(page):
    """The blocks of shell that a page prints."""
    return re.findall(r"^```sh\n(.*?)^```", (ROOT / page).read_text(), re.M | re.S)


class Terminal:
    """A shell that runs one block after the other in a network of its own."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "bin").mkdir()
        (folder / "bin" / "sluice").symlink_to(SLUICE)
        environment = clean_environment(PATH=f"{folder / 'bin'}:{os.environ['PATH']}")
        self.log = open(folder / "shell.log", "wb")
        self.shell = subprocess.Popen(
            [*NETWORK, "bash", "-c", "ip link set lo up && echo ready && exec bash -s"], cwd=folder, env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True, start_new_session=True)
        assert self.shell.stdout.readline() == "ready\n", self.told()

    def told(self):
        return (self.folder / "shell.log").read_text(errors="replace")

    def run(self, block):
        """Runs a block to its end; what it wrote. Each of its commands has to succeed."""
        timer = threading.Timer(120, self.kill)
        timer.start()
        try:
            return self._run(block)
        finally:
            timer.cancel()

    def kill(self):
        os.killpg(self.shell.pid, signal.SIGKILL)

    def _run(self, block):
        self.shell.stdin.write(f"set -e\n{block}\nset +e\necho; echo '--- done ---'\n")
        self.shell.stdin.flush()
        lines = []
        for line in self.shell.stdout:
            if line == "--- done ---\n":
                return "".join(lines)
            lines.append(line)
        raise AssertionError(f"failed:\n{block}\n{''.join(lines)}\n{self.told()}")

    def followed(self):
        """What the command that was begun has written; nothing while the shell has not opened the file."""
        path = self.folder / "output.log"
        return path.read_text() if path.exists() else ""

    def begin(self, block):
        """Runs a block in the background."""
        self.run(f"{block.strip()} >>output.log &\nlast=$!")

    def interrupt(self):
        """Ends what was begun last; a shell without a terminal lets its jobs ignore Ctrl-C."""
        self.run("kill -TERM $last; wait $last || true")

    def end(self):
        try:
            self.run("kill -TERM $(jobs -p) 2>/dev/null || true; wait || true")
            self.shell.stdin.close()
            self.shell.wait(20)
        finally:
            if self.shell.poll() is None:
                self.kill()
                self.shell.wait()
            self.log.close()


@pytest.fixture
def terminal(tmp_path):
    for tool in "unshare", "ip", "nmap", "curl":
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed")
    if subprocess.run([*NETWORK, "true"], capture_output=True).returncode:
        pytest.skip("no network of one's own may be made here")
    terminal = Terminal(tmp_path)
    yield terminal
    terminal.end()


def serves(terminal):
    wait_for(lambda: "gateway serves" in terminal.told())


def test_the_quick_start(terminal):
    page = blocks("docs/quick-start.md")
    outputs = {}
    for block in page:
        if block.startswith("sluice serve"):
            terminal.begin(block)
            serves(terminal)
        elif block.startswith("sluice watch"):
            terminal.begin(block)
            wait_for(lambda: "Old banner" in terminal.followed())
            terminal.interrupt()
        else:
            outputs[block.split("\n")[0]] = terminal.run(block)
    assert len(outputs) + 2 == len(page) == 10
    # The console's page, by the link that is printed.
    link = next(text for line, text in outputs.items() if line.startswith('echo "$SLUICE_URL')).strip()
    assert re.fullmatch(r"https://localhost:8443/#token=[\w.-]+", link)
    assert "console=https://localhost:8443/ " in terminal.told()
    seen = outputs["sluice scans"]
    assert re.search(r"^first +completed ", seen, re.M) and re.search(r"^second +running .*1 high, 1 low", seen, re.M)
    assert seen.count('"type":"finding"') >= 2 and '"is_completed":false' in seen
    assert '"accepted":2' in "".join(outputs.values()) and '"accepted":1' in "".join(outputs.values())
    assert outputs["sluice connections"].strip().splitlines()[-2:] == ["revoked", "nightly-1: deleted"]


def test_the_readme(terminal):
    block = next(block for block in blocks("README.md") if "sluice serve" in block)
    first, rest = block.split("sluice serve", 1)
    serve, rest = rest.split("\n", 1)
    terminal.run(first)
    terminal.run(f"sluice serve{serve}")
    serves(terminal)
    # The last line follows until Ctrl-C.
    *rest, follow = re.sub(r"\\\n", "", rest).strip().splitlines()
    printed = next(line for line in rest if line.startswith("# {"))
    answer = terminal.run("\n".join(rest))
    assert answer.strip() == printed.removeprefix("# ")
    terminal.begin(follow)
    wait_for(lambda: "event: hostDiscovered" in terminal.followed())
    terminal.interrupt()


def test_no_line_that_is_printed_shows_a_token_to_others():
    """What a program is started with can be read by all users of a machine; what a shell's own echo writes cannot."""
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("docs/examples/*.*"), *ROOT.glob("Sources/sluice/**/*.swift"),
             *ROOT.glob("Sources/SluiceAssets/Files/console/**/*.js")]
    pages = [page for page in pages if page.is_file()]
    assert len(pages) > 50
    shown = [f"{page.relative_to(ROOT)}: {line.strip()}" for page in pages for line in page.read_text().splitlines()
             if re.search(r"""(-H|--header)[ =]*\\?["']Authorization|sluice .*--token[ =][^-\s]""", line)]
    assert not shown, shown


def test_what_the_pages_name_is_there():
    for page in ["README.md", *(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md"))]:
        text = (ROOT / page).read_text()
        for target in re.findall(r"\]\(([^)#:]+)(?:#[\w-]*)?\)", text):
            assert (ROOT / page).parent.joinpath(target).exists(), f"{page} links to {target}"
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"make ([a-z-]+)", (ROOT / "docs/quick-start.md").read_text() + (ROOT / "README.md").read_text()):
        assert f"\n{target}:" in makefile, target
