"""A crowd of subscribers, each with terms of its own that change on the way, under more traffic than they can take."""

import asyncio
import contextlib
import json
import os
import random

from conftest import wait_for
from follower import CRITICAL, Ledger, follow, ordinary, post
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

#: `SEED=7 run.sh test_crowd.py` has another crowd.
CHOICES = random.Random(int(os.environ.get("SEED", 41)))
TYPES = ["hostDiscovered", "portFound", "vulnerability", "progress", "scanProgress", "phaseStarted"]
WEIGHTS = [30, 30, 10, 15, 15, 1]
STATE = {"progress", "scanProgress"}


def traffic(count):
    messages = []
    for kind in CHOICES.choices(TYPES, WEIGHTS, k=count):
        message = {"type": kind, "n": len(messages), "pad": "p" * CHOICES.randrange(0, 600)}
        if kind == "scanProgress":
            message["phase"] = CHOICES.choice(["a", "b", "c"])
        messages.append(message)
    return messages


def key(message):
    return (message["type"], message.get("phase"))


async def subscriber(gateway, scan, posted, start):
    """Follows from a random moment to the end, and is judged."""
    await start.wait()
    await asyncio.sleep(CHOICES.random() * 3)
    query = {"batch": CHOICES.choice(["on", "on", "off"]), "rate": CHOICES.choice([0.5, 1, 2, 5, 100])}
    if CHOICES.random() < 0.5:
        query["since"] = CHOICES.choice([0, 1, 40])
    wanted = None
    if CHOICES.random() < 0.5:
        wanted = set(CHOICES.sample(TYPES[:5], CHOICES.randrange(1, 4)))
        query["filters"] = ",".join(wanted)
    factory = ClientPerMessageDeflateFactory(server_no_context_takeover=CHOICES.random() < 0.3)
    options = {"extensions": [factory]} if CHOICES.random() < 0.7 else {}
    if CHOICES.random() < 0.2:
        query["encoding"] = "gzip"
    changes_rate = CHOICES.random() < 0.5
    changes_filter = CHOICES.random() < 0.3
    naps = CHOICES.random() < 0.3
    if naps:
        options |= {"receive_buffer": 8192, "max_queue": 1}
    async with follow(gateway, scan, compression=None, **options, **query) as follower:
        first = await follower.next()
        begin = query.get("since", first["seq"])
        for _ in range(CHOICES.randrange(1, 6)):
            if any(message["type"] == "scanCompleted" for message in follower.messages):
                break
            if changes_rate:
                answer = await follower.ask(30, action="rate", messagesPerSecond=CHOICES.choice([0.5, 1, 3, 10]))
                assert answer["type"] == "ack"
            if changes_filter:
                kinds = CHOICES.sample(TYPES[:5], CHOICES.randrange(0, 4))
                assert (await follower.ask(30, action="subscribe", filters=kinds))["type"] == "ack"
            await asyncio.sleep(CHOICES.random() * (2 if naps else 0.3))
        if not any(message["type"] == "scanCompleted" for message in follower.messages):
            await follower.until("scanCompleted", 60)
    follower.check_order()
    story = {"query": query, "changes_rate": changes_rate, "naps": naps, "changes_filter": changes_filter}
    # Every reader gets every critical message once, whatever else it asked for.
    critical = [seq for seq, message in enumerate(posted, 1) if seq > begin and message["type"] in CRITICAL]
    assert [m["seq"] for m in follower.messages if m["type"] in CRITICAL] == critical, story
    for message in follower.messages:
        sent = posted[message["seq"] - 1]
        assert {name: value for name, value in message.items() if name not in ("seq", "scanId")} == sent
    if changes_filter:
        return
    for message in follower.messages:
        assert wanted is None or message["type"] in wanted | CRITICAL, story

    def is_event(seq):
        kind = posted[seq - 1]["type"]
        return kind not in CRITICAL | STATE and (wanted is None or kind in wanted)

    try:
        follower.gaps(begin + 1, len(posted), is_event)
    except AssertionError as error:
        raise AssertionError(f"{error}: {json.dumps(story)}") from error
    # Of state the newest of each key came.
    newest = {}
    for seq, message in enumerate(posted, 1):
        if seq > begin and message["type"] in STATE and (wanted is None or message["type"] in wanted):
            newest[key(message)] = seq
    for name, seq in newest.items():
        assert [m["seq"] for m in follower.messages if key(m) == name][-1] == seq, (name, story)


async def test_a_crowd_gets_what_it_asked_for(make_gateway, scan):
    gateway = make_gateway(
        relay={"max_pending": 60, "history": {"messages": 300, "bytes": "4MiB"}},
        clients={"max_buffered": "64KiB", "adaptive": {"lags": 2, "window": "1s", "minimum_rate": 1}})
    posted = [{"type": "scanStarted"}]
    await post(gateway, scan, posted)
    start = asyncio.Event()
    crowd = [asyncio.create_task(subscriber(gateway, scan, posted, start)) for _ in range(40)]
    with contextlib.ExitStack() as stack:
        stack.callback(lambda: [task.cancel() for task in crowd])
        start.set()
        for _ in range(100):
            messages = traffic(CHOICES.randrange(1, 60))
            posted += messages
            await post(gateway, scan, messages)
            await asyncio.sleep(CHOICES.random() * 0.12)
        posted.append({"type": "scanCompleted"})
        await post(gateway, scan, posted[-1:])
        await asyncio.gather(*crowd)


async def test_each_of_many_scans_on_one_socket_keeps_its_order(make_gateway, scan):
    gateway = make_gateway(relay={"max_pending": 200, "history": {"messages": 200, "bytes": "4MiB"}},
                           clients={"max_buffered": "64KiB"})
    names = [f"{scan}-{n}" for n in range(8)]
    for name in names:
        await post(gateway, name, [{"type": "scanStarted"}])
    options = {"compression": None, "receive_buffer": 16384, "max_queue": 1}
    async with follow(gateway, None) as quick, follow(gateway, None, **options) as slow:
        for name in names:
            for follower in (quick, slow):
                assert (await follower.ask(action="subscribe", scanId=name, since=0))["type"] == "subscribed"

        async def flood(name):
            for start in range(0, 600, 20):
                await post(gateway, name, ordinary(20, first=start, pad="p" * 4000))
            await post(gateway, name, [{"type": "scanCompleted"}])

        async def read(follower, nap):
            await asyncio.sleep(nap)
            for _ in names:
                await follower.until("scanCompleted", 60)

        await asyncio.gather(read(quick, 0), read(slow, 4), *(flood(name) for name in names))
        for follower in (quick, slow):
            for name in names:
                ledger = Ledger()
                ledger.frames = [frame for frame in follower.frames if frame.get("scanId") == name]
                ledger.check_order()
                ledger.gaps(1, 602, lambda seq: seq not in (1, 602))
                assert (ledger.seqs[0], ledger.seqs[-1]) == (1, 602)
        assert gateway.metrics()["sluice_fell_behind_total"] > 0
        assert "slow_client" in {lag["reason"] for lag in slow.lags}


async def test_a_crowd_shares_what_it_reads_of_storage(make_gateway, scan):
    """500 readers from the beginning of one stored scan: the store is read for all of them, not for each."""
    readers, messages = 500, 600
    gateway = make_gateway(storage={"path": "store"}, relay={"history": {"messages": 50}})
    await post(gateway, scan, [{"type": "scanStarted"}] + ordinary(messages - 1, pad="p" * 60))
    wait_for(lambda: gateway.metrics()["sluice_storage_messages_total"] >= messages)
    before = gateway.metrics()
    ready = asyncio.Semaphore(40)
    start = asyncio.Event()
    waiting = []

    async def read(number):
        query = {"compression": None} | ({"encoding": "gzip"} if number % 2 else {})
        async with contextlib.AsyncExitStack() as stack:
            async with ready:
                follower = await stack.enter_async_context(follow(gateway, None, **query))
            waiting.append(number)
            await start.wait()
            await follower.connection.send(json.dumps({"action": "subscribe", "scanId": scan, "since": 0}))
            while not follower.messages or follower.messages[-1]["seq"] < messages:
                await follower.next(60)
            follower.check_order()
            assert follower.seqs == list(range(1, messages + 1))
            assert not follower.lags

    crowd = [asyncio.create_task(read(number)) for number in range(readers)]
    with contextlib.ExitStack() as stack:
        stack.callback(lambda: [task.cancel() for task in crowd])
        while len(waiting) < readers:
            await asyncio.sleep(0.05)
        start.set()
        await asyncio.gather(*crowd)
    # Alone each reader takes eleven pages out of storage and one out of memory; pages are shared for a tenth of a
    # second, in which a busy machine may serve few readers.
    pages = readers * messages // 50
    after = gateway.metrics()
    reads, encoded = (
        after[name] - before[name] for name in ("sluice_storage_page_reads_total", "sluice_pages_encoded_total"))
    print(f"{pages} pages out of {reads:.0f} reads and {encoded:.0f} encodings")
    assert 11 <= reads < pages / 10
    assert encoded < pages / 10
