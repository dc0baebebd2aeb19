"""Go's usual clients, gorilla/websocket and nhooyr.io/websocket, follow scans over wss, compressed and not.

They are skipped where Go or the library is not installed (Debian: golang-go, golang-github-gorilla-websocket-dev,
golang-nhooyr-websocket-dev).
"""

import asyncio
import contextlib
import json
import os
import pathlib
import random
import shutil
import subprocess
from urllib.parse import urlencode

import pytest
from conftest import PATIENCE
from follower import Ledger, ordinary

GO = shutil.which("go")
SOURCES = pathlib.Path(__file__).parent / "goclient"
#: Where Debian keeps the sources of Go libraries.
GOPATH = pathlib.Path(os.environ.get("GOPATH", "/usr/share/gocode"))
LIBRARIES = {"gorilla": "github.com/gorilla/websocket", "nhooyr": "nhooyr.io/websocket"}
#: The library, and the compression that it is asked for.
TERMS = [("gorilla", "none"), ("gorilla", "no-takeover"), ("nhooyr", "none"), ("nhooyr", "no-takeover"),
         ("nhooyr", "takeover")]
CLIENTS = [pytest.param(*terms, id=" ".join(terms)) for terms in TERMS]
#: Of the bytes of the texts, with TLS, frames and handshake; context is worth a lot on small messages.
HIGHEST_SHARE = {"no-takeover": 0.4, "takeover": 0.3}


@pytest.fixture(scope="session")
def programs(tmp_path_factory):
    """Builds the client with a library, once: `programs("nhooyr")` is its path."""
    folder = tmp_path_factory.mktemp("go")
    built = {}

    def program(library):
        if GO is None:
            pytest.skip("no go here (Debian: golang-go)")
        if not (GOPATH / "src" / LIBRARIES[library]).is_dir():
            pytest.skip(f"no {LIBRARIES[library]} under {GOPATH}")
        if library not in built:
            environment = os.environ | {"GO111MODULE": "off", "GOPATH": str(GOPATH), "GOFLAGS": "",
                                        "GOCACHE": str(folder / "cache")}
            subprocess.run([GO, "build", "-o", str(folder / library), "follow.go", f"{library}.go"],
                           cwd=SOURCES, env=environment, check=True, timeout=600)
            built[library] = folder / library
        return built[library]

    return program


class GoFollower(Ledger):
    """A subscriber that is a Go program; it tells what it gets line by line."""

    def __init__(self, process):
        super().__init__()
        self.process = process
        self.texts = []
        self.told = {}

    async def line(self, timeout=PATIENCE):
        """The next line: its first word, and the rest."""
        line = await asyncio.wait_for(self.process.stdout.readline(), timeout)
        assert line, f"the client ended: {self.told}"
        word, _, rest = line.decode().rstrip("\n").partition(" ")
        assert word not in ("failed", "binary"), line
        if word == "text":
            self.texts.append(rest)
            self.note(json.loads(rest))
        else:
            self.told[word] = rest
        return word, rest

    async def until(self, wanted):
        """Reads on to what a function of a frame says."""
        while True:
            word, _ = await self.line()
            if word == "text" and wanted(self.frames[-1]):
                return self.frames[-1]

    async def until_told(self, wanted):
        """Reads on to the line that begins with this word; the rest of it."""
        while wanted not in self.told:
            await self.line()
        return self.told.pop(wanted)

    async def through(self, seq):
        """Reads on until the message of this number came."""
        if not self.messages or self.seqs[-1] < seq:
            await self.until(lambda frame: any(m["seq"] >= seq for m in self.carried(frame)))

    def send(self, line):
        self.process.stdin.write(f"{line if isinstance(line, str) else json.dumps(line)}\n".encode())

    async def closed(self):
        """Reads on to the end: code and reason as the library has them, and the bytes that came from the socket."""
        code, _, reason = (await self.until_told("closed")).partition(" ")
        return int(code), reason, int(await self.until_told("wire"))


@contextlib.asynccontextmanager
async def go_follow(program, gateway, scan, compression="none", protocols=None, **query):
    """A Go client that follows a scan, and got its first frame."""
    url = f"{gateway.wss}/api/ws/scans/{scan}" + (f"?{urlencode(query)}" if query else "")
    credentials = ["-protocols", protocols] if protocols else ["-token", gateway.reader()]
    process = await asyncio.create_subprocess_exec(
        program, "-url", url, "-ca", gateway.ca, "-compression", compression, *credentials,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=2**22)
    try:
        follower = GoFollower(process)
        follower.first = await follower.until(lambda frame: True)
        yield follower
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def findings(count, seed):
    """Texts of messages as a scan makes them: of all sizes, with state and critical ones among them."""
    choices = random.Random(seed)
    words = ["server", "header", "missing", "certificate", "expires", "cipher", "weak", "protocol", "Grüße", "\u2028"]
    texts = []
    for n in range(count):
        kind = choices.choices(["hostDiscovered", "portFound", "vulnerability", "progress", "phaseStarted"],
                               [30, 30, 10, 6, 1])[0]
        size = choices.choices([0, 500, 2_000, 40_000], [40, 40, 15, 3])[0]
        message = {"type": kind, "n": n, "ip": f"10.0.{n % 8}.{choices.randrange(256)}", "notes": ""}
        while len(message["notes"]) < size:
            message["notes"] += f"{choices.choice(words)} {choices.randrange(100)} "
        separators = choices.choice([(", ", ": "), (",", ":"), (" ,  ", " : ")])
        texts.append(json.dumps(message, separators=separators, ensure_ascii=choices.random() < 0.5))
    return texts


async def post_all(gateway, scan, texts, seed):
    """Posts texts as they are, some in a request; as long as a scan with a little patience takes."""
    choices = random.Random(seed)
    rest = list(texts)
    while rest:
        some, rest = rest[:(count := choices.randrange(1, 25))], rest[count:]
        answer = await asyncio.to_thread(gateway.post, scan, f"[{','.join(some)}]")
        assert answer.status == 202, answer
        await asyncio.sleep(choices.random() * 0.1)


def check_texts(follower, scan, posted, since):
    """Every text is spliced of the producer's bytes, in order; nothing is missing but state that newer one replaced.

    The first of `posted` has seq 1.
    """
    assert not follower.lags
    follower.check_order()
    for text, frame in zip(follower.texts, follower.frames):
        spliced = [f'{{"seq":{message["seq"]},{posted[message["seq"] - 1][1:]}' for message in follower.carried(frame)]
        if frame["type"] == "batch":
            assert text == f'{{"type":"batch","scanId":"{scan}","messages":[{",".join(spliced)}]}}'
        elif spliced:
            assert text == f'{{"scanId":"{scan}",{spliced[0][1:]}'
    state = [seq for seq, text in enumerate(posted, 1) if json.loads(text)["type"] == "progress" and seq > since]
    seqs = set(follower.seqs)
    assert [seq for seq in range(since + 1, len(posted) + 1) if seq not in seqs and seq not in state] == []
    assert not state or state[-1] in seqs


def check_agreement(follower, compression):
    """The answer names what was asked for; that the client need not keep a context it may add by itself."""
    name, *parameters = [part.strip() for part in follower.told["extensions"].split(";")]
    assert name == ("" if compression == "none" else "permessage-deflate")
    assert ("server_no_context_takeover" in parameters) == (compression == "no-takeover")
    assert compression != "no-takeover" or "client_no_context_takeover" in parameters


@pytest.mark.parametrize("library,compression", CLIENTS)
@pytest.mark.parametrize("batch", ["on", "off"])
async def test_every_byte_arrives_whenever_a_client_joins(programs, make_gateway, scan, library, compression, batch):
    program = programs(library)
    # Enough budget for a frame a message.
    gateway = make_gateway(relay={"max_messages_per_second": 0} if batch == "off" else {})
    posted = ['{"type":"scanStarted"}', *findings(400, seed=f"{library} {compression}"), '{"type":"scanCompleted"}']
    await post_all(gateway, scan, posted[:1], seed=1)

    async def follow(stands, since):
        query = {} if since is None else {"since": since}
        async with go_follow(program, gateway, scan, compression, batch=batch, **query) as follower:
            check_agreement(follower, compression)
            stands.set()
            await follower.through(len(posted))
            follower.send("close")
            code, _, wire = await follower.closed()
            assert code in (1000, 1005)
            check_texts(follower, scan, posted, follower.first["seq"] if since is None else since)
            return wire / sum(len(text.encode()) for text in follower.texts), follower

    async with asyncio.TaskGroup() as tasks:
        followers = []

        async def joins(since):
            stands = asyncio.Event()
            followers.append(tasks.create_task(follow(stands, since)))
            await stands.wait()

        await joins(0)
        for step, since in enumerate([0, None, 0, None, 0]):
            # The last part comes when all stand.
            part = posted[1 + step * 70:1 + (step + 1) * 70]
            await asyncio.gather(joins(since), post_all(gateway, scan, part, seed=step))
        await post_all(gateway, scan, posted[1 + 5 * 70:], seed=6)
    share, follower = followers[0].result()
    assert any(frame["type"] == "batch" for frame in follower.frames) == (batch == "on")
    # The socket's bytes tell whether the messages were compressed.
    print(f"{library} {compression} batch={batch}: {share:.3f} of the bytes")
    assert share > 1 if compression == "none" else share < HIGHEST_SHARE[compression]


@pytest.mark.parametrize("library,compression", CLIENTS)
async def test_pings_are_answered_both_ways(programs, make_gateway, scan, library, compression):
    gateway = make_gateway(clients={"heartbeat_interval": "200ms"})
    gateway.post(scan, ordinary(1))
    async with go_follow(programs(library), gateway, scan, compression) as follower:
        follower.send("ping")
        await follower.until_told("pong")
        # Large enough to be compressed by the client.
        follower.send({"action": "ping", "id": "x" * 2000})
        answer = await follower.until(lambda frame: frame["type"] == "pong")
        assert answer["id"] == "x" * 2000

        async def round_trip():
            answer = await asyncio.to_thread(gateway.get, "/api/connections", gateway.admin())
            (connection,) = answer.json()["connections"]
            return connection.get("round_trip_us")

        async with asyncio.timeout(PATIENCE):
            while await round_trip() is None:
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("library,compression", CLIENTS)
async def test_resumes_with_since_and_is_told_why_it_ends(programs, gateway, scan, library, compression):
    program = programs(library)
    posted = findings(60, seed=5) + ['{"type":"phaseStarted"}']
    await post_all(gateway, scan, posted[:30], seed=5)
    bearer = f"sluice.v1,bearer.{gateway.reader()}"
    async with go_follow(program, gateway, scan, compression, bearer, since=0) as follower:
        assert follower.told["protocol"] == "sluice.v1"
        await follower.through(follower.first["seq"])
        last, epoch = follower.seqs[-1], follower.first["epoch"]
        follower.process.kill()
    await post_all(gateway, scan, posted[30:], seed=6)
    async with go_follow(program, gateway, scan, compression, since=last, epoch=epoch) as follower:
        assert follower.first["recovered"] is True
        await follower.through(len(posted))
        check_texts(follower, scan, posted, last)
        assert gateway.request("DELETE", f"/api/scans/{scan}", token=gateway.admin()).status == 204
        code, reason, _ = await follower.closed()
        assert (code, reason) == (1000, "scan deleted")
    async with go_follow(program, gateway, f"{scan}-none", compression) as follower:
        assert follower.first["code"] == "scan_not_found"
        assert (await follower.closed())[0] == 4404
