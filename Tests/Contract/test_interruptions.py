"""Clients that are not ours, interrupted at random and resumed: each message once, in order, byte for byte.

    SLUICE_INTERRUPTIONS=1000 SEED=7 run.sh -s test_interruptions.py     is the long run, and shows its figures

The number is that of all clients together. A run's seed is drawn unless it is given, and said when it fails; moments
depend on the machine besides.
"""

import asyncio
import contextlib
import gzip
import json
import os
import random
import zlib
from urllib.parse import urlencode

import aiohttp
import pytest
import websockets
from browsers import BROWSERS, website
from interruptions import CRITICAL, EVENTS, STATE, Account, Book, Breaker, Posted, Verdict, body, flood, produce

TOTAL = int(os.environ.get("SLUICE_INTERRUPTIONS", 200))
SEED = int(os.environ.get("SEED", 0)) or random.SystemRandom().randrange(1, 10**6)

#: History that forgets nothing, no budget to hold back what has to be compared, and room for who has fallen behind.
KEEPS_ALL = {"max_messages_per_second": 500, "max_pending": 100_000,
             "history": {"messages": 1_000_000, "bytes": "512MiB"}}


class Refused(Exception):
    """The gateway said no, or ended a connection itself, or sent what cannot be read: no interruption, but a fault."""


def text_of(data):
    """The text of a frame that may be binary, with gzip."""
    try:
        return gzip.decompress(data).decode() if isinstance(data, bytes) else data
    except (OSError, EOFError, zlib.error) as error:
        raise Refused(data[:100]) from error


async def soon(awaitable):
    try:
        return await asyncio.wait_for(awaitable, 40)
    except TimeoutError:
        raise AssertionError("a client waits, and nothing comes") from None


async def persist(account, connect):
    """Connects again and again until the account is over."""
    while not account.is_over:
        try:
            await connect()
        except (OSError, aiohttp.ClientError, websockets.WebSocketException):
            pass
        account.broke()


def named(*words):
    return " ".join(str(word) for word in words if word)


def by_websockets(scan_count=1, options=None, **query):
    """A client of `websockets`, of one scan, or of several on one socket."""
    async def follow(view, account):
        async def connect():
            if scan_count == 1:
                path = f"{account.scans[0]}?{urlencode(query | account.resume(account.scans[0]))}"
            else:
                path = "/api/ws"
            try:
                async with view.ws(path, close_timeout=2, **(options or {})) as connection:
                    for scan in account.scans if scan_count > 1 else []:
                        action = {"action": "subscribe", "scanId": scan} | account.resume(scan)
                        await connection.send(json.dumps(action))
                    while not account.is_over:
                        account.take(text_of(await soon(connection.recv())))
            except websockets.InvalidStatus as error:
                raise Refused(error.response) from error
            except websockets.ConnectionClosed as error:
                if error.rcvd is not None or error.sent is not None:
                    raise Refused(str(error)) from error

        await persist(account, connect)

    return named("websockets", f"{scan_count} scans" if scan_count > 1 else "", query, options), scan_count, follow


def by_aiohttp_socket(compress=0, **query):
    async def follow(view, account):
        scan = account.scans[0]
        headers = {"Authorization": f"Bearer {view.reader()}"}

        async def connect():
            url = f"{view.wss}/api/ws/scans/{scan}?{urlencode(query | account.resume(scan))}"
            try:
                async with session.ws_connect(url, headers=headers, ssl=view.ssl, compress=compress, max_msg_size=0,
                                              timeout=aiohttp.ClientWSTimeout(ws_close=2)) as connection:
                    while not account.is_over:
                        message = await soon(connection.receive())
                        if message.type == aiohttp.WSMsgType.CLOSE or isinstance(message.data, aiohttp.WebSocketError):
                            raise Refused(message)
                        if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                            return
                        account.take(text_of(message.data))
            except aiohttp.WSServerHandshakeError as error:
                raise Refused(error) from error

        async with aiohttp.ClientSession() as session:
            await persist(account, connect)

    return named("aiohttp", query, compress and "deflate"), 1, follow


class EventReader:
    """Takes the whole events out of a stream that may end anywhere."""

    def __init__(self, account):
        self.account = account
        self.rest = b""

    def feed(self, data):
        *events, self.rest = (self.rest + data).split(b"\n\n")
        for event in events:
            lines = [line.partition(": ") for line in event.decode().split("\n") if not line.startswith(":")]
            fields = {name: value for name, _, value in lines}
            if fields.get("event") == "sluice.close":
                raise Refused(fields)
            if "data" in fields:
                self.account.take("\n".join(value for name, _, value in lines if name == "data"))
                self.account.last_id = fields["id"]


def resuming(account):
    return {"Last-Event-ID": account.last_id} if account.last_id else {}


def by_aiohttp_events(encoding):
    async def follow(view, account):
        async def connect():
            headers = {"Authorization": f"Bearer {view.reader()}", "Accept-Encoding": encoding} | resuming(account)
            url = f"{view.url}/api/scans/{account.scans[0]}/events?since=0"
            async with session.get(url, headers=headers, ssl=view.ssl) as response:
                if response.status != 200:
                    raise Refused(response)
                assert response.headers.get("Content-Encoding", "identity") == encoding
                reader = EventReader(account)
                while not account.is_over and (data := await soon(response.content.readany())):
                    reader.feed(data)

        async with aiohttp.ClientSession() as session:
            await persist(account, connect)

    return named("aiohttp events", encoding), 1, follow


#: What curl says of a connection that broke: within a body, in the handshake, before an answer, sending, receiving.
BROKEN = {18, 35, 52, 55, 56}


def by_curl(*arguments):
    """`curl -N`, which is started anew each time."""
    async def follow(view, account):
        async def connect():
            headers = {"Authorization": f"Bearer {view.reader()}"} | resuming(account)
            process = await asyncio.create_subprocess_exec(
                "curl", "-N", "-sS", "--fail", "--noproxy", "*", "--cacert", view.ca, *arguments,
                *(f"-H{name}: {value}" for name, value in headers.items()),
                f"{view.url}/api/scans/{account.scans[0]}/events?since=0",
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
            try:
                reader = EventReader(account)
                while not account.is_over and (data := await soon(process.stdout.read(65536))):
                    reader.feed(data)
                if not account.is_over:
                    said = await process.stderr.read()
                    if await process.wait() not in BROKEN:
                        raise Refused(said)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

        await persist(account, connect)

    return named("curl -N", *arguments), 1, follow


PYTHON_AND_CURL = {
    "websockets": [
        by_websockets(), by_websockets(2), by_websockets(encoding="gzip"),
        by_websockets(options={"compression": None}, batch="off"),
    ],
    "aiohttp": [
        by_aiohttp_socket(compress=15), by_aiohttp_socket(batch="off"), by_aiohttp_events("gzip"),
        by_aiohttp_events("identity"),
    ],
    "curl": [by_curl(), by_curl("--compressed"), by_curl("--http1.1"), by_curl("--tls-max", "1.2")],
}


class Run:
    """One gateway's clients, and what they are judged by."""

    def __init__(self, gateway, scan, seed):
        self.gateway, self.seed = gateway, seed
        self.scans = [f"{scan}-a", f"{scan}-b"]
        self.book = Book(self.scans)
        self.accounts = []
        self.choices = random.Random(seed)

    def account(self, kind, quota, scan_count=1):
        scans = self.scans if scan_count > 1 else [self.scans[len(self.accounts) % 2]]
        self.accounts.append(Account(kind, scans, quota))
        return self.accounts[-1]

    def breaker(self, account, **options):
        seed = f"{self.seed} {self.accounts.index(account)}"
        account.breaker = Breaker(self.gateway, seed, lambda: account.is_due, **options)
        return account.breaker

    async def complete(self, groups, *clients):
        """Feeds the clients, which end with their scans, and judges them; `groups` are how their kinds begin."""
        clients = [asyncio.ensure_future(client) for client in clients]
        producer = asyncio.create_task(
            produce(self.gateway, self.scans, self.accounts, self.book, self.choices))
        try:
            async with asyncio.timeout(180 + TOTAL / 4):
                await asyncio.gather(producer, *clients)
        except BaseException as error:
            error.add_note(f"SEED={self.seed}: " + "; ".join(
                f"{account.kind} {account.interruptions}/{account.quota}" for account in self.accounts))
            raise
        finally:
            for task in [producer, *clients]:
                task.cancel()
            await asyncio.gather(producer, *clients, return_exceptions=True)
        verdicts = [account.judge(self.book) for account in self.accounts]
        sums = [Verdict.of_all(group, [verdict for verdict in verdicts if verdict.kind.startswith(group)])
                for group in groups]
        lines = [f"SEED={self.seed}", *map(str, verdicts), "In all:", *map(str, sums)]
        print("", *lines, sep="\n")
        assert all(verdict.is_clean for verdict in verdicts), "\n".join(lines)
        assert not any(account.is_due for account in self.accounts)


def share(percent, clients):
    """How often each of so many clients is interrupted, which together have this share of all interruptions."""
    return -(-TOTAL * percent // (100 * clients))


@pytest.fixture
def origin():
    with website() as origin:
        yield origin


@pytest.fixture
def run(make_gateway, scan, origin):
    gateway = make_gateway(origins=[origin], relay=KEEPS_ALL)
    run = Run(gateway, scan, SEED)
    for name in run.scans:
        # The first that clients get is history, and takes several connections.
        backlog = [Posted('{"type":"scanStarted"}', None), *flood(run.choices, name, 1000, 0)]
        run.book.enter(name, backlog, gateway.post(name, body(backlog)).json())
    return run


@pytest.mark.parametrize("kind", PYTHON_AND_CURL)
async def test_clients_lose_and_double_nothing(run, kind):
    clients = PYTHON_AND_CURL[kind]
    async with contextlib.AsyncExitStack() as stack:
        following = []
        for name, scan_count, follow in clients:
            account = run.account(name, share(16, len(clients)), scan_count)
            breaker = await stack.enter_async_context(run.breaker(account))
            following.append(follow(breaker.view, account))
        await run.complete([kind], *following)


# A page notes frames, ends, and forbidden events; `drain` hands over its notes.
PAGE = """
(() => {
  const journal = [];
  const fail = (what) => journal.push([null, "fault", what]);
  window.onerror = (message) => fail(message);
  window.onunhandledrejection = ({ reason }) => fail(String(reason));
  const place = () => ({ seq: 0, epoch: null, isOver: false });
  const note = (name, at, text) => {
    journal.push([name, "frame", text]);
    const frame = JSON.parse(text);
    if (frame.type === "subscribed") at.epoch = frame.epoch;
    else for (const message of frame.messages ?? [frame]) if (message.seq) {
      at.seq = message.seq;
      at.isOver ||= message.type === "scanCompleted";
    }
  };
  const inflate = (data) => new Response(new Blob([data]).stream().pipeThrough(new DecompressionStream("gzip"))).text();

  window.drain = () => journal.splice(0);

  window.followSocket = (name, url, query, protocols) => {
    const at = place();
    const connect = () => {
      const all = { ...query, since: at.seq, ...(at.epoch && { epoch: at.epoch }) };
      const socket = new WebSocket(`${url}?${new URLSearchParams(all)}`, protocols);
      socket.binaryType = "arraybuffer";
      let chain = Promise.resolve();
      socket.onmessage = ({ data }) => { chain = chain.then(async () => {
        note(name, at, typeof data === "string" ? data : await inflate(data));
        if (at.isOver) socket.close();
      }); };
      socket.onclose = ({ code, reason }) => { chain = chain.then(() => {
        journal.push([name, "end"]);
        if (code !== 1006 && !at.isOver) fail(`${name}: closed by ${code} ${reason}`);
        else if (!at.isOver) setTimeout(connect, 10);
      }); };
    };
    connect();
  };

  // It comes back by itself, with the id of its last event; where the standard makes it give up, the page starts over.
  window.followEvents = (name, url, token, types) => {
    const at = place();
    const connect = () => {
      const events = new EventSource(`${url}?${new URLSearchParams({ since: at.seq, token })}`);
      const receive = ({ data }) => {
        if (at.isOver) return;
        if (data !== undefined) {
          note(name, at, data);
          if (at.isOver) events.close();
          return;
        }
        // An `error` without data is the browser's own.
        journal.push([name, "end"]);
        if (events.readyState === EventSource.CLOSED) {
          journal.push([name, "anew"]);
          setTimeout(connect, 10);
        }
      };
      for (const type of types) events.addEventListener(type, receive);
    };
    connect();
  };
})()
"""

#: Sockets with their queries; then as many event streams, of which a browser may want seconds to come back.
SOCKETS = [{}, {"batch": "off"}, {"encoding": "gzip"}, {"rate": 50}]
STREAMS = 8
OWN = ["subscribed", "lag", "sluice.close", "scanStalled", "scanResumed"]


async def read(page, accounts, anew):
    """Enters what the page noted, until all accounts are over; `anew` gets who had to begin anew."""
    while not all(account.is_over for account in accounts.values()):
        for name, what, *text in await page.evaluate("drain()"):
            if what == "fault":
                raise Refused(text)
            elif what == "frame":
                accounts[name].take(*text)
            elif what == "end":
                accounts[name].broke()
            else:
                anew.append(name)
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("browser", BROWSERS)
async def test_browsers_lose_and_double_nothing(run, tmp_path, origin, browser):
    accounts, anew = {}, []
    sockets, streams = f"{browser.__name__} WebSocket", f"{browser.__name__} EventSource"
    protocols = ["sluice.v1", f"bearer.{run.gateway.reader()}"]
    types = EVENTS + CRITICAL + STATE + ["scanCompleted"] + OWN
    async with contextlib.AsyncExitStack() as stack:
        page = await stack.enter_async_context(browser(tmp_path))
        await page.open(origin)
        await page.evaluate(PAGE)

        async def follow(name, quota, function, path, *arguments, **options):
            account = accounts[name] = run.account(name, quota)
            breaker = await stack.enter_async_context(run.breaker(account, **options))
            base = breaker.view.wss if function == "followSocket" else breaker.view.url
            values = [name, f"{base}{path.format(account.scans[0])}", *arguments]
            await page.evaluate(f"{function}({', '.join(map(json.dumps, values))})")

        for query in SOCKETS:
            await follow(named(sockets, query), share(16, len(SOCKETS)), "followSocket",
                         "/api/ws/scans/{}", query, protocols)
        for number in range(STREAMS):
            await follow(named(streams, number + 1), share(10, STREAMS), "followEvents",
                         "/api/scans/{}/events", run.gateway.reader(), types, reach=500_000, patience=1.5)
        await run.complete([sockets, streams], read(page, accounts, anew))
    by_themselves = sum(accounts[name].interruptions for name in accounts if name.startswith(streams)) - len(anew)
    print(f"{streams}: {by_themselves} came back by themselves")
    assert by_themselves > 0


def test_the_ledger_sees_what_is_wrong():
    book = Book(["s"])
    messages = [Posted(f'{{"type":"a","n":{n}}}', None) for n in range(3)]
    messages += [Posted('{"type":"progress"}', ("progress", None)) for _ in range(2)]
    book.enter("s", messages, {"accepted": 5, "firstSeq": 1, "lastSeq": 5})

    def judged(*frames):
        account = Account("by hand", ["s"])
        account.take('{"type":"subscribed","scanId":"s","epoch":"e","seq":0,"recovered":true}')
        for text in frames:
            account.take(text)
        return account.judge(book)

    one, two, three, _, five = [book.frame("s", [seq], False) for seq in range(1, 6)]
    assert judged(one, two, three, five).is_clean
    assert judged(book.frame("s", [1, 2, 3], True), five).is_clean
    assert judged(one, three, five).lost == 1
    assert judged(one, two, three, book.frame("s", [4], False)).lost == 1
    assert judged(one, two, two, three, five).doubled == 1
    assert judged(one, three, two, five).disordered == 1
    assert judged(one, two.replace('"n":1', '"n": 1'), three, five).altered == 1
    assert judged(one, two, three, five, book.frame("s", [6], False) + '"type":"a"}').faults
    assert judged(one, two, three, five, '{"type":"lag","scanId":"s","since":1,"skippedMessages":1}').lags == 1
