"""The relay's rules: critical messages, batches, the frame budget, conflation, loss, slow clients, the scan's life."""

import asyncio
import base64
import itertools
import random
import time

from follower import CRITICAL, follow, ordinary, post


def mixed(count, every=10):
    """Ordinary messages with a critical one at every so many."""
    kinds = itertools.cycle(["phaseStarted", "error", "scanStarted"])
    return [{"type": next(kinds) if n % every == every - 1 else "hostDiscovered", "n": n} for n in range(count)]


def critical_seqs(messages, first=1):
    return [seq for seq, message in enumerate(messages, first) if message["type"] in CRITICAL]


# Critical messages


async def test_critical_is_never_held_and_what_waits_goes_first(gateway, scan):
    await post(gateway, scan, [{"type": "scanStarted"}])
    async with follow(gateway, scan, rate=0.1) as follower:
        await follower.next()
        await post(gateway, scan, ordinary(1))
        await follower.through(2)
        for start in (3, 8):
            # The budget is spent for ten seconds: these wait.
            await post(gateway, scan, ordinary(4))
            await follower.quiet(0.4)
            await post(gateway, scan, [{"type": "phaseStarted", "phase": "ports"}])
            batch = await follower.next(5)
            assert [message["seq"] for message in follower.carried(batch)] == list(range(start, start + 4))
            alone = await follower.next(5)
            assert alone == {"scanId": scan, "seq": start + 4, "type": "phaseStarted", "phase": "ports"}


async def test_critical_messages_are_frames_of_their_own_even_in_one_post(gateway, scan):
    await post(gateway, scan, [{"type": "scanStarted"}])
    async with follow(gateway, scan) as follower:
        await follower.next()
        kinds = ("a", "b", "error", "phaseStarted", "c", "scanCompleted")
        await post(gateway, scan, [{"type": kind} for kind in kinds])
        await follower.through(7)
        assert [[message["type"] for message in follower.carried(frame)] for frame in follower.frames[1:]] == [
            ["a", "b"], ["error"], ["phaseStarted"], ["c"], ["scanCompleted"]]


async def test_critical_types_are_configurable(make_gateway, scan):
    gateway = make_gateway(relay={"critical": ["alarm"], "terminal": ["over"], "batch_interval": "5s"})
    await post(gateway, scan, [{"type": "alarm"}])
    async with follow(gateway, scan) as follower:
        await follower.next()
        await post(gateway, scan, [{"type": "error"}])
        await follower.quiet(0.5)
        await post(gateway, scan, [{"type": "alarm"}])
        await follower.through(3, 3)
        assert [frame["type"] for frame in follower.frames[1:]] == ["error", "alarm"]


# Batches


async def test_batches_wait_for_the_interval_or_the_size(make_gateway, scan):
    gateway = make_gateway(relay={"batch_interval": "2s"})
    await post(gateway, scan, ordinary(1))
    async with follow(gateway, scan) as follower:
        await follower.next()
        began = time.monotonic()
        await post(gateway, scan, ordinary(2))
        await post(gateway, scan, ordinary(1))
        batch = await follower.next()
        assert [message["seq"] for message in batch["messages"]] == [2, 3, 4]
        assert time.monotonic() - began > 1.9
        await post(gateway, scan, ordinary(49))
        await follower.quiet(0.6)
        began = time.monotonic()
        await post(gateway, scan, ordinary(1))
        assert len((await follower.next())["messages"]) == 50
        assert time.monotonic() - began < 1.3


async def test_no_frame_has_more_than_the_batch_size(make_gateway, scan):
    gateway = make_gateway(relay={"max_batch_size": 7})
    await post(gateway, scan, ordinary(30))
    async with follow(gateway, scan, since=0) as follower:
        await follower.through(30)
        await post(gateway, scan, ordinary(45))
        await follower.through(75)
        sizes = [len(follower.carried(frame)) for frame in follower.frames[1:]]
        assert sizes == [7, 7, 7, 7, 2, 7, 7, 7, 7, 7, 7, 3]
        assert follower.seqs == list(range(1, 76))


async def test_one_message_alone_is_no_batch(gateway, scan):
    await post(gateway, scan, ordinary(1))
    async with follow(gateway, scan) as follower:
        await follower.next()
        await post(gateway, scan, ordinary(1))
        assert (await follower.next())["type"] == "hostDiscovered"


# The frame budget


async def flood(gateway, scan, seconds, size, pause, make=ordinary):
    """Posts until the time is over; all that was posted."""
    end = time.monotonic() + seconds
    posted = []
    while time.monotonic() < end:
        messages = make(size)
        await post(gateway, scan, messages)
        posted += messages
        await asyncio.sleep(pause)
    return posted


async def test_no_second_has_more_frames_than_the_budget(gateway, scan):
    await post(gateway, scan, ordinary(1))
    async with follow(gateway, scan, times="true") as plain, \
            follow(gateway, scan, times="true", batch="off") as off, \
            follow(gateway, scan, times="true", rate=3) as slow, \
            follow(gateway, scan, times="true", rate=0.5) as slower, \
            follow(gateway, scan, times="true", rate=1000) as greedy:
        followers = [plain, off, slow, slower, greedy]
        for follower in followers:
            await follower.next()
        assert [follower.frames[0]["rate"] for follower in followers] == [10, 10, 3, 0.5, 10]
        readers = [asyncio.create_task(follower.until("scanCompleted", 30)) for follower in followers]
        # State, so that the messages of a frame have just come, however few frames there are.
        await flood(gateway, scan, 4, 1, 0.02, lambda _: [{"type": "scanProgress", "phase": "a"}])
        await post(gateway, scan, [{"type": "scanCompleted"}])
        await asyncio.gather(*readers)
        for follower, frames, seconds in [(plain, 10, 1), (off, 10, 1), (slow, 3, 1), (slower, 1, 2), (greedy, 10, 1)]:
            follower.check_rate(frames, seconds)
            follower.check_order()
            assert not follower.lags
        # It uses its budget, too: ten frames in each of four seconds, less the machine's hiccups.
        assert len(plain.frames) > 25


async def test_what_waits_for_the_budget_is_told_where_it_is_too_much(gateway, scan):
    await post(gateway, scan, ordinary(1))
    async with follow(gateway, scan, times="true") as plain, follow(gateway, scan, batch="off") as off, \
            follow(gateway, scan, rate=3) as slow, follow(gateway, scan, rate=0.5) as slower:
        followers = [plain, off, slow, slower]
        for follower in followers:
            await follower.next()
        readers = [asyncio.create_task(follower.until("scanCompleted", 30)) for follower in followers]
        posted = await flood(gateway, scan, 3, 7, 0.05)
        head = (await post(gateway, scan, [{"type": "scanCompleted"}]))["lastSeq"]
        await asyncio.gather(*readers)
        assert head == len(posted) + 2
        plain.check_rate(10)
        for follower in followers:
            follower.check_order()
            follower.gaps(2, head)
            assert not follower.lags or follower is off


async def test_rate_action_holds_at_once(gateway, scan):
    await post(gateway, scan, ordinary(1))
    async with follow(gateway, scan, times="true") as follower:
        await follower.next()
        assert (await follower.ask(action="rate", messagesPerSecond=2))["rate"] == 2
        reader = asyncio.create_task(follower.until("scanCompleted", 30))
        await flood(gateway, scan, 3, 5, 0.02)
        await post(gateway, scan, [{"type": "scanCompleted"}])
        await reader
        follower.check_rate(2)
        assert follower.seqs == list(range(2, follower.seqs[-1] + 1))


async def test_critical_frames_do_not_count(gateway, scan):
    await post(gateway, scan, ordinary(1))
    async with follow(gateway, scan) as follower:
        await follower.next()
        began = time.monotonic()
        await post(gateway, scan, [{"type": "error", "n": n} for n in range(300)])
        await follower.through(301)
        assert time.monotonic() - began < 10
        assert len(follower.frames) == 301
        await post(gateway, scan, ordinary(1))
        await follower.through(302)


async def test_without_a_limit_batch_off_does_not_wait(make_gateway, scan):
    gateway = make_gateway(relay={"max_messages_per_second": 0, "batch_interval": "5s"})
    await post(gateway, scan, ordinary(1))
    async with follow(gateway, scan, batch="off") as follower:
        assert (await follower.next())["rate"] == 0
        began = time.monotonic()
        await post(gateway, scan, ordinary(200))
        await follower.through(201)
        assert time.monotonic() - began < 4
        assert len(follower.frames) == 201


async def test_five_hundred_a_second_pass_without_loss(gateway, scan):
    await post(gateway, scan, ordinary(1))
    async with follow(gateway, scan, times="true") as follower:
        await follower.next()
        reader = asyncio.create_task(follower.until("scanCompleted", 30))
        began = time.monotonic()
        for step in range(100):
            await post(gateway, scan, ordinary(25, first=step * 25))
            await asyncio.sleep(max(0, began + (step + 1) * 0.05 - time.monotonic()))
        await post(gateway, scan, [{"type": "scanCompleted"}])
        await reader
        assert not follower.lags
        assert follower.seqs == list(range(2, 2503))
        assert max(len(follower.carried(frame)) for frame in follower.frames) <= 50
        follower.check_rate(10)


# Conflation


async def test_of_state_that_waits_only_the_newest_of_each_key_stays(gateway, scan):
    await post(gateway, scan, [{"type": "scanStarted"}])
    async with follow(gateway, scan, rate=1) as follower:
        await follower.next()
        await post(gateway, scan, ordinary(1))
        await follower.through(2)
        for n in range(100):
            await post(gateway, scan, [
                {"type": "scanProgress", "phase": "a", "n": n}, {"type": "scanProgress", "phase": "b", "n": n},
                {"type": "scanProgress", "n": n}, {"type": "progress", "phase": n, "n": n}, {"type": "stats", "n": n},
                {"type": "portFound", "n": n}])
        await follower.through(602)
        follower.check_order()
        # Not one finding is lost, and the last of each state arrives.
        assert [message["n"] for message in follower.of("portFound")] == list(range(100))
        last = {(message["type"], message.get("phase") if message["type"] == "scanProgress" else None): message["n"]
                for message in follower.messages if message["type"] not in ("portFound", "hostDiscovered")}
        assert last == {("scanProgress", "a"): 99, ("scanProgress", "b"): 99, ("scanProgress", None): 99,
                        ("progress", None): 99, ("stats", None): 99}
        assert len(follower.of("progress")) < 50
        assert not follower.lags
        state = gateway.get(f"/api/scans/{scan}", gateway.reader()).json()
        assert [message["n"] for message in state["latest"]] == [99] * 5


async def test_conflation_is_configurable(make_gateway, scan):
    gateway = make_gateway(relay={"conflate": {"load": ["host", "core"]}, "batch_interval": "1s"})
    await post(gateway, scan, [{"type": "scanStarted"}])
    async with follow(gateway, scan) as follower:
        await follower.next()
        await post(gateway, scan, [{"type": "load", "host": host, "core": core, "n": n}
                                   for n in range(5) for host in ("x", "y") for core in (0, 1)]
                   + [{"type": "progress"}] * 3)
        await follower.through(24)
        assert follower.seqs == [18, 19, 20, 21, 22, 23, 24]


# Overflow


async def test_overflow_is_told_in_its_place_and_stays_in_history(make_gateway, scan):
    gateway = make_gateway(relay={"max_pending": 100, "history": {"messages": 5000, "bytes": "8MiB"}})
    await post(gateway, scan, [{"type": "scanStarted"}])
    async with follow(gateway, scan, rate=1) as follower:
        await follower.next()
        await post(gateway, scan, ordinary(1))
        await follower.through(2)
        # Nothing of these can go for nearly a second: a hundred may wait.
        await post(gateway, scan, ordinary(500, first=1))
        await follower.through(502)
        assert [lag["reason"] for lag in follower.lags] == ["overflow"]
        assert follower.lags[0] == {
            "type": "lag", "skippedMessages": 400, "scanId": scan, "since": 2, "reason": "overflow"}
        assert follower.seqs == [2] + list(range(403, 503))
        follower.gaps(2, 502)
    async with follow(gateway, scan, since=0) as follower:
        assert (await follower.next())["recovered"] is True
        await follower.through(502)
        assert follower.seqs == list(range(1, 503))


async def test_overflow_spares_critical_messages_and_state(make_gateway, scan):
    gateway = make_gateway(relay={"max_pending": 20})
    posted = [{"type": "scanStarted"}]
    await post(gateway, scan, posted)
    async with follow(gateway, scan, rate=2) as follower:
        await follower.next()
        reader = asyncio.create_task(follower.until("scanCompleted", 30))
        for n in range(12):
            messages = mixed(60, every=59) + [{"type": "progress", "n": n}]
            posted += messages
            await post(gateway, scan, messages)
            await asyncio.sleep(0.1)
        posted.append({"type": "scanCompleted"})
        await post(gateway, scan, posted[-1:])
        await reader
        follower.check_order()
        follower.gaps(2, len(posted), lambda seq: posted[seq - 1]["type"] == "hostDiscovered")
        assert follower.lags and all(lag["reason"] == "overflow" for lag in follower.lags)
        critical = [message["seq"] for message in follower.messages if message["type"] in CRITICAL]
        assert critical == critical_seqs(posted)[1:]
        assert follower.of("progress")[-1]["n"] == 11


# Slow clients


async def test_slow_client_loses_only_what_history_lost_and_holds_up_nobody(make_gateway, scan):
    gateway = make_gateway(
        clients={"max_buffered": "64KiB"},
        relay={"history": {"messages": 150, "bytes": "8MiB"}, "max_messages_per_second": 0, "max_pending": 100000})
    posted = [{"type": "scanStarted"}]
    await post(gateway, scan, posted)
    pad = "x" * 16000
    async with follow(gateway, scan, receive_buffer=16384, max_queue=2, compression=None) as slow, \
            follow(gateway, scan, compression=None) as fast:
        await slow.next()
        await fast.next()
        reader = asyncio.create_task(fast.until("scanCompleted", 60))
        for _ in range(40):
            messages = [message | {"pad": pad} for message in mixed(20, every=20)]
            posted += messages
            await post(gateway, scan, messages)
        posted.append({"type": "scanCompleted"})
        await post(gateway, scan, posted[-1:])
        await reader
        assert fast.seqs == list(range(2, len(posted) + 1)) and not fast.lags
        # Only now it reads again.
        await slow.until("scanCompleted", 60)
        slow.check_order()
        slow.gaps(2, len(posted), lambda seq: posted[seq - 1]["type"] not in CRITICAL)
        critical = [message["seq"] for message in slow.messages if message["type"] in CRITICAL]
        assert critical == critical_seqs(posted)[1:]
        assert slow.lags and {lag["reason"] for lag in slow.lags} == {"slow_client"}
        assert gateway.metrics()["sluice_fell_behind_total"] > 0
        # And it is in step again.
        await post(gateway, scan, ordinary(3))
        await slow.through(len(posted) + 3)
        assert slow.seqs[-3:] == list(range(len(posted) + 1, len(posted) + 4))


async def test_slow_client_whose_history_holds_loses_nothing(make_gateway, scan):
    gateway = make_gateway(
        clients={"max_buffered": "64KiB"},
        relay={"history": {"messages": 5000, "bytes": "64MiB"}, "max_messages_per_second": 0, "max_pending": 100000})
    await post(gateway, scan, [{"type": "scanStarted"}])
    noise = random.Random(3)
    async with follow(gateway, scan, receive_buffer=16384, max_queue=1, compression="deflate") as slow, \
            follow(gateway, scan, batch="off", receive_buffer=16384, max_queue=1) as single:
        for follower in (slow, single):
            await follower.next()
        behind = 0
        for turn in range(2):
            # Noise, so that compression does not save the client.
            for start in range(0, 500, 20):
                messages = [message | {"pad": base64.b64encode(noise.randbytes(18000)).decode()}
                            for message in ordinary(20, first=start)]
                await post(gateway, scan, messages + [{"type": "progress", "n": start}])
            head = (await post(gateway, scan, [{"type": "phaseStarted", "turn": turn}]))["lastSeq"]
            assert gateway.metrics()["sluice_fell_behind_total"] >= behind + 2
            behind = gateway.metrics()["sluice_fell_behind_total"]
            await asyncio.gather(slow.through(head, 60), single.through(head, 60))
            # In step again: small frames of the group, compressed with the frames before.
            for _ in range(3):
                head = (await post(gateway, scan, ordinary(5, pad="a" * 200)))["lastSeq"]
                await asyncio.gather(slow.through(head), single.through(head))
        for follower in (slow, single):
            assert not follower.lags
            follower.check_order()
            assert len(follower.of("hostDiscovered")) == 1030 and len(follower.of("phaseStarted")) == 2
            assert follower.of("progress")[-1]["n"] == 480


async def test_a_client_that_takes_nothing_is_closed_after_the_timeout(make_gateway, scan):
    gateway = make_gateway(
        clients={"max_buffered": "64KiB", "timeout": "2s", "heartbeat_interval": "1s"},
        limits={"timeouts": {"close": "1s"}}, relay={"max_messages_per_second": 0})
    await post(gateway, scan, [{"type": "scanStarted"}])
    async with follow(gateway, scan, receive_buffer=16384, max_queue=2, compression=None) as stuck:
        await stuck.next()
        end = time.monotonic() + 20
        # It is not heard while it takes nothing, so either end is right.
        while not any("connection closed bytes" in line and ("code=1013" in line or "heartbeat timeout" in line)
                      for line in gateway.log().splitlines()):
            assert time.monotonic() < end
            await post(gateway, scan, ordinary(20, pad="x" * 16000))


# Adaptive throttling


async def test_who_keeps_losing_messages_is_slowed_and_recovers(make_gateway, scan):
    gateway = make_gateway(relay={"max_pending": 5, "max_messages_per_second": 8},
                           clients={"adaptive": {"lags": 3, "window": "3s", "minimum_rate": 2}})
    await post(gateway, scan, [{"type": "scanStarted"}])
    async with follow(gateway, scan) as follower:
        assert (await follower.next())["rate"] == 8
        rates = []
        for _ in range(60):
            await post(gateway, scan, ordinary(60))
            answer = await follower.ask(action="subscribe", filters=[])
            rates.append(answer["rate"])
            if answer["rate"] == 2:
                break
            await asyncio.sleep(0.2)
        assert [rate for rate, _ in itertools.groupby(rates)] == [8, 4, 2]
        first = next(index for index, frame in enumerate(follower.frames) if frame.get("rate") == 4)
        assert sum(1 for frame in follower.frames[:first] if frame["type"] == "lag") > 3
        for _ in range(10):
            await post(gateway, scan, ordinary(60))
            await asyncio.sleep(0.1)
        assert (await follower.ask(action="subscribe", filters=[]))["rate"] == 2
        began = time.monotonic()
        rates = []
        while time.monotonic() - began < 25 and (not rates or rates[-1] != 8):
            rates.append((await follower.ask(action="subscribe", filters=[]))["rate"])
            await asyncio.sleep(0.1)
        assert [rate for rate, _ in itertools.groupby(rates)] == [2, 4, 8]
        assert time.monotonic() - began > 4
        follower.check_order()


# The scanner and the scan


async def test_stalled_and_resumed_are_told_once(make_gateway, scan):
    gateway = make_gateway(relay={"stall_after": "1s"})
    await post(gateway, scan, [{"type": "scanStarted"}])
    async with follow(gateway, scan) as follower:
        await follower.next()
        signs = [({"messages": ordinary(1)}, ["hostDiscovered"]), ({"messages": []}, []),
                 ({"messages": "\n", "content_type": "application/x-ndjson"}, [])]
        for sign, carried in signs:
            stalled = await follower.next()
            assert stalled == {"type": "scanStalled", "scanId": scan, "silentFor": 1}
            await follower.quiet(0.5)
            await post(gateway, scan, **sign)
            frames = [await follower.next() for _ in range(1 + len(carried))]
            assert [frame["type"] for frame in frames] == ["scanResumed", *carried]
        # A scan that is over does not fall silent.
        await post(gateway, scan, [{"type": "scanCompleted"}])
        await follower.until("scanCompleted")
        await follower.quiet(1.6)


async def test_a_scan_that_is_kept_alive_does_not_stall(make_gateway, scan):
    gateway = make_gateway(relay={"stall_after": "1s"})
    await post(gateway, scan, [{"type": "scanStarted"}])
    async with follow(gateway, scan) as follower:
        await follower.next()
        for _ in range(10):
            await post(gateway, scan, [])
            await follower.quiet(0.25)


async def test_completed_scans_are_removed_and_closed_with_1000(make_gateway, scan):
    gateway = make_gateway(relay={"cleanup_delay": "1500ms"})
    for kind in ("scanCompleted", "error"):
        name = f"{scan}-{kind}"
        await post(gateway, name, [{"type": "scanStarted"}])
        async with follow(gateway, name) as follower:
            await follower.next()
            await post(gateway, name, ordinary(2) + [{"type": kind}])
            assert await follower.closed() == (1000, "scan completed")
            assert follower.seqs == [2, 3, 4]
            assert follower.received[-1] < time.time() * 1000 - 1000
        async with follow(gateway, name) as follower:
            assert (await follower.closed())[0] == 4404


async def test_a_message_after_completion_makes_the_scan_running_again(make_gateway, scan):
    gateway = make_gateway(relay={"cleanup_delay": "1s"})
    await post(gateway, scan, [{"type": "scanStarted"}, {"type": "scanCompleted"}])
    async with follow(gateway, scan) as follower:
        await follower.next()
        await post(gateway, scan, ordinary(1))
        await follower.through(3)
        await follower.quiet(1.5)
        assert gateway.get(f"/api/scans/{scan}", gateway.reader()).json()["is_completed"] is False
        await post(gateway, scan, [{"type": "scanCompleted"}])
        assert await follower.closed() == (1000, "scan completed")


async def test_idle_scans_are_removed_and_closed_with_1000(make_gateway, scan):
    gateway = make_gateway(relay={"idle_timeout": "1s", "stall_after": "30s"})
    await post(gateway, scan, ordinary(1))
    async with follow(gateway, scan) as follower:
        assert await follower.closed() == (1000, "scan idle")
