"""A flood of 20,000 messages with 200 critical ones among them: nobody misses one of those, and every loss is told."""

import asyncio
import random

from follower import CRITICAL, Follower, Ledger, follow, post

COUNT = 20_000
CHOICES = random.Random(2026)


def messages():
    critical = set(CHOICES.sample(range(COUNT - 1), 199))
    kinds = ["scanStarted", "phaseStarted", "error"]
    return [{"type": kinds[n % 3] if n in critical else "hostDiscovered", "n": n, "pad": "x" * 300}
            for n in range(COUNT - 1)] + [{"type": "scanCompleted", "n": COUNT - 1}]


async def test_every_critical_message_arrives_once_and_every_loss_is_told(make_gateway, scan):
    gateway = make_gateway(clients={"max_buffered": "256KiB"})
    posted = messages()
    await post(gateway, scan, [{"type": "scanStarted"}])
    ready = asyncio.Barrier(4)

    async def flood():
        await ready.wait()
        at = 0
        while at < COUNT:
            size = CHOICES.randrange(1, 400)
            await post(gateway, scan, posted[at:at + size])
            at += size
            await asyncio.sleep(CHOICES.random() * 0.2)

    async def normal():
        async with follow(gateway, scan) as follower:
            await follower.next()
            await ready.wait()
            await follower.until("scanCompleted", 90)
            return follower

    async def stopped():
        async with follow(gateway, scan, receive_buffer=16384, max_queue=1, compression=None) as follower:
            await follower.next()
            await ready.wait()
            await follower.next()
            await asyncio.sleep(10)
            await follower.until("scanCompleted", 90)
            return follower

    async def resuming():
        ledger = Ledger()
        position = {}
        async with follow(gateway, scan) as follower:
            position = {"since": 1, "epoch": (await follower.next())["epoch"]}
            await ready.wait()
        while not any(message["type"] == "scanCompleted" for message in ledger.messages[-50:]):
            async with follow(gateway, scan, **position) as follower:
                assert (await follower.next())["epoch"] == position["epoch"]
                for _ in range(CHOICES.randrange(0, 12)):
                    if not any(message["type"] == "scanCompleted" for message in follower.messages):
                        await follower.next(30)
                # As a line that breaks: no goodbye, and whatever is under way is lost.
                follower.connection.transport.abort()
            for frame in follower.frames:
                ledger.note(frame)
            if ledger.messages:
                position["since"] = ledger.seqs[-1]
            await asyncio.sleep(CHOICES.random() * 0.3)
        return ledger

    _, *followers = await asyncio.gather(flood(), normal(), stopped(), resuming())
    expected = [n for n, message in enumerate(posted) if message["type"] in CRITICAL]
    assert len(expected) == 200
    for follower in followers:
        critical = [message for message in follower.messages if message["type"] in CRITICAL]
        assert [message["n"] for message in critical] == expected
        assert all(message["type"] in CRITICAL or message["n"] == message["seq"] - 2 for message in follower.messages)
        # The first message was there before; all others are there, or counted where they are missing.
        follower.gaps(2, COUNT + 1, lambda seq: posted[seq - 2]["type"] not in CRITICAL)
        assert all(len(Follower.carried(frame)) <= 50 for frame in follower.frames)
    for name, follower in zip(("normal", "stopped", "resuming"), followers):
        lost = sum(lag["skippedMessages"] for lag in follower.lags)
        print(f"{name}: {len(follower.frames)} frames, {len(follower.messages)} messages, {lost} announced as lost")
