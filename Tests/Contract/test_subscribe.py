"""Following a scan over a WebSocket: the first frame, replay, actions, many scans."""

import asyncio
import json
import time

import pytest
from follower import follow, ordinary, post


async def epoch_of(gateway, scan):
    async with follow(gateway, scan) as follower:
        return (await follower.next())["epoch"]


# The first frame, and the frames after it


async def test_first_frame_says_where_live_starts(gateway, scan):
    await post(gateway, scan, ordinary(3))
    async with follow(gateway, scan) as follower:
        first = await follower.next()
        assert first | {"epoch": "", "rate": 0} == {
            "type": "subscribed", "scanId": scan, "epoch": "", "seq": 3, "recovered": True, "rate": 0}
        assert first["epoch"]
        await post(gateway, scan, [{"type": "portFound", "port": 22}])
        assert await follower.next() == {"scanId": scan, "seq": 4, "type": "portFound", "port": 22}


async def test_frame_texts_are_spliced_around_the_producers_bytes(gateway, scan):
    await post(gateway, scan, [{"type": "scanStarted"}])
    one = '{ "a" : 1.50e+0, "type":"x","u":"\\u00e9\\/", "d":{"k":1,"k":2} }'
    with_scan = f'{{"type":"scanStarted","scanId":"{scan}","n":1}}'
    async with gateway.ws(scan) as socket:
        await socket.recv()
        await post(gateway, scan, one)
        assert await socket.recv() == f'{{"scanId":"{scan}","seq":2, {one[2:]}'
        await post(gateway, scan, with_scan)
        assert await socket.recv() == f'{{"seq":3,{with_scan[1:]}'
        await post(gateway, scan, f'[{one},{one}]')
        spliced = [f'{{"seq":{seq}, {one[2:]}' for seq in (4, 5)]
        assert await socket.recv() == f'{{"type":"batch","scanId":"{scan}","messages":[{",".join(spliced)}]}}'


async def test_times_say_when_each_message_of_a_frame_came(gateway, scan):
    before = int(time.time() * 1000)
    await post(gateway, scan, [{"type": "scanStarted"}, {"type": "a"}, {"type": "b"}])
    after = int(time.time() * 1000)
    async with gateway.ws(f"{scan}?since=0&times=true") as socket:
        await socket.recv()
        batch = json.loads(await socket.recv())
        await post(gateway, scan, [{"type": "c"}])
        single = json.loads(await socket.recv())
    assert [message["type"] for message in batch["messages"]] == ["scanStarted", "a", "b"]
    assert (list(batch)[-1], list(single)[-1]) == ("times", "times")
    assert len(batch["times"]) == 3 and all(before <= at <= after for at in batch["times"])
    assert len(single["times"]) == 1 and single["times"][0] >= batch["times"][-1]


async def test_without_since_nothing_old_comes(gateway, scan):
    await post(gateway, scan, ordinary(5) + [{"type": "scanStarted"}])
    async with follow(gateway, scan) as follower:
        assert (await follower.next())["recovered"] is True
        await follower.quiet(0.5)


# Replay


@pytest.mark.parametrize("since", [0, 1, 119, 120])
async def test_replay_gives_what_is_retained_then_live_with_no_gap_and_no_double(gateway, scan, since):
    await post(gateway, scan, ordinary(120))
    async with follow(gateway, scan, since=since) as follower:
        first = await follower.next()
        assert (first["seq"], first["recovered"]) == (120, True)
        await post(gateway, scan, ordinary(30, first=120))
        await follower.through(150)
        assert follower.seqs == list(range(since + 1, 151))
        assert [message["n"] for message in follower.messages] == list(range(since, 150))
        assert not follower.lags


async def test_replay_comes_in_full_batches_outside_the_budget(gateway, scan):
    await post(gateway, scan, ordinary(1000))
    async with follow(gateway, scan, since=0) as follower:
        began = time.monotonic()
        await follower.through(1000)
        sizes = [len(follower.carried(frame)) for frame in follower.frames[1:]]
        assert sizes == [50] * 20
        # Twenty frames would take a second at ten a second; even a busy machine is faster than that.
        assert time.monotonic() - began < 0.95


async def test_replay_during_a_flood_has_no_gap_and_no_double(gateway, scan):
    await post(gateway, scan, ordinary(1))

    async def flood():
        for start in range(1, 901, 30):
            await post(gateway, scan, ordinary(30, first=start))
            await asyncio.sleep(0.01)

    async def join(delay):
        await asyncio.sleep(delay)
        async with follow(gateway, scan, since=0) as follower:
            await follower.through(901)
            assert follower.seqs == list(range(1, 902))

    await asyncio.gather(flood(), *(join(delay / 20) for delay in range(10)))


async def test_replay_with_state_gives_the_newest_of_each_key(gateway, scan):
    messages = [{"type": "scanProgress", "phase": phase, "percent": n} for n in range(50) for phase in ("a", "b")]
    await post(gateway, scan, messages + ordinary(2) + [{"type": "progress", "n": n} for n in range(9)])
    async with follow(gateway, scan, since=0) as follower:
        assert (await follower.next())["recovered"] is True
        await follower.through(111)
        assert follower.seqs == [99, 100, 101, 102, 111]
        assert not follower.lags


async def test_evicted_history_is_announced_in_each_gap(gateway, scan):
    # 1: critical; 2..301: evicted; 302: critical; 303..1302: the newest thousand.
    await post(gateway, scan, [{"type": "scanStarted"}] + ordinary(300))
    await post(gateway, scan, [{"type": "phaseStarted"}] + ordinary(1000, first=300))
    async with follow(gateway, scan, since=0) as follower:
        assert (await follower.next())["recovered"] is False
        await follower.through(1302)
        assert follower.lags == [
            {"type": "lag", "skippedMessages": 300, "scanId": scan, "since": 1, "reason": "history_evicted"}]
        assert follower.seqs == [1] + list(range(302, 1303))
        follower.gaps(1, 1302)
        follower.check_order()
    await post(gateway, scan, ordinary(50, first=1300))
    async with follow(gateway, scan, since=100) as follower:
        assert (await follower.next())["recovered"] is False
        await follower.through(1352)
        assert [(lag["since"], lag["skippedMessages"]) for lag in follower.lags] == [(100, 201), (302, 50)]
        follower.gaps(101, 1352)
    async with follow(gateway, scan, since=352) as follower:
        assert (await follower.next())["recovered"] is True
        await follower.through(1352)
        assert not follower.lags and follower.seqs[0] == 353


async def test_evicted_history_counts_only_what_the_filter_wants(gateway, scan):
    await post(gateway, scan, [{"type": ("a", "b", "b")[n % 3]} for n in range(1500)])
    async with follow(gateway, scan, since=0, filters="a") as follower:
        assert (await follower.next())["recovered"] is False
        await follower.through(1498)
        assert follower.seqs == list(range(502, 1500, 3))
        follower.gaps(1, 1500, lambda seq: seq % 3 == 1)


async def test_since_beyond_the_newest_is_not_recovered_and_replays_all(gateway, scan):
    await post(gateway, scan, ordinary(7))
    async with follow(gateway, scan, since=8) as follower:
        first = await follower.next()
        assert (first["seq"], first["recovered"]) == (7, False)
        await follower.through(7)
        assert follower.seqs == list(range(1, 8))


async def test_epoch_decides_whether_since_means_anything(gateway, scan):
    await post(gateway, scan, ordinary(7))
    epoch = await epoch_of(gateway, scan)
    async with follow(gateway, scan, since=5, epoch=epoch) as follower:
        assert (await follower.next())["recovered"] is True
        await follower.through(7)
        assert follower.seqs == [6, 7]
    async with follow(gateway, scan, since=5, epoch="another") as follower:
        assert (await follower.next())["recovered"] is False
        await follower.through(7)
        assert follower.seqs == list(range(1, 8))


async def test_a_new_channel_of_the_same_name_has_a_new_epoch(gateway, scan):
    await post(gateway, scan, ordinary(3))
    epoch = await epoch_of(gateway, scan)
    answer = gateway.request("DELETE", f"/api/scans/{scan}", token=gateway.admin())
    assert answer.status == 204
    assert (await post(gateway, scan, ordinary(2)))["firstSeq"] == 1
    async with follow(gateway, scan, since=3, epoch=epoch) as follower:
        first = await follower.next()
        assert first["epoch"] != epoch and first["recovered"] is False
        await follower.through(2)
        assert follower.seqs == [1, 2]


# A missing scan, and the right to read


async def test_a_scan_that_does_not_exist_is_an_error_frame_and_4404(gateway, scan):
    async with follow(gateway, scan) as follower:
        assert await follower.next() == {
            "type": "error", "message": "Scan channel not found", "scanId": scan, "code": "scan_not_found"}
        assert (await follower.closed())[0] == 4404


async def test_wait_stands_until_the_scan_appears(gateway, scan):
    async with follow(gateway, scan, wait=20) as follower:
        await follower.quiet(0.3)
        await post(gateway, scan, [{"type": "scanStarted"}] + ordinary(3))
        first = await follower.next()
        assert (first["type"], first["seq"], first["recovered"]) == ("subscribed", 0, True)
        await follower.through(4)
        assert follower.seqs == [1, 2, 3, 4]


async def test_wait_ends_with_the_time(gateway, scan):
    async with follow(gateway, scan, wait=1) as follower:
        began = time.monotonic()
        assert (await follower.next())["code"] == "scan_not_found"
        assert time.monotonic() - began > 0.7
        assert (await follower.closed())[0] == 4404


async def test_waiting_client_may_set_filters_and_leave(gateway, scan):
    async with follow(gateway, scan, wait=20) as follower, follow(gateway, scan, wait=20) as leaving:
        assert (await follower.ask(action="subscribe", filters=["a"]))["type"] == "ack"
        assert (await follower.ask(action="ping"))["type"] == "pong"
        await leaving.connection.close()
        await post(gateway, scan, [{"type": "b"}, {"type": "a"}])
        await follower.through(2)
        assert follower.seqs == [2]


def test_who_may_not_read_is_refused_before_the_upgrade(gateway, scan):
    gateway.post(scan, ordinary(1))
    for target in (scan, f"{scan}-none", f"{scan}-none?wait=5"):
        answer = gateway.refusal(target, gateway.token("eve", scans=["other-*"]))
        assert (answer.status, answer.code) == (403, "forbidden")
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert gateway.refusal(scan, "no.good.token").status == 401
    assert gateway.refusal(scan, token=False).headers["WWW-Authenticate"].startswith("Bearer")


def test_owner_reads(gateway, scan):
    gateway.post(scan, ordinary(1), headers={"Scan-Owner": "olga"})
    with gateway.sync_ws(scan, gateway.token("olga")) as socket:
        assert json.loads(socket.recv(timeout=10))["type"] == "subscribed"
    assert gateway.refusal(scan, gateway.token("eve")).status == 403


# The query


@pytest.mark.parametrize("query", [
    "since=-1", "since=abc", "since=1.5", "since=", "since=18446744073709551616",
    "since=18446744073709551615", "since=9007199254740992", "since=1&since=2", "since=+1",
    "batch=maybe", "batch=", "batch=ON", "rate=0", "rate=0.09", "rate=-1", "rate=fast", "rate=", "rate=nan",
    "rate=inf", "encoding=br", "encoding=", "wait=-1", "wait=301", "wait=long", "wait=", "wait=inf",
    "wait=nan", "filters=" + "x" * 129, "filters=" + ",".join(f"t{n}" for n in range(101)), "epoch=" + "e" * 1000,
])
def test_malformed_query_values_are_refused(gateway, scan, query):
    gateway.post(scan, ordinary(1))
    answer = gateway.refusal(f"{scan}?{query}")
    assert (answer.status, answer.code) == (400, "invalid_parameter")


@pytest.mark.parametrize("query", [
    "since=0", "since=9007199254740991", "batch=on", "batch=off", "rate=0.1", "rate=2.5", "rate=1000000",
    "encoding=gzip", "wait=0", "wait=300", "wait=0.5", "filters=", "filters=a,b", "filters=%C3%A9", "epoch=x",
    "unknown=1", "since=0&epoch=x&filters=a&batch=off&rate=1&encoding=gzip&wait=1",
])
def test_good_query_values_are_taken(gateway, scan, query):
    gateway.post(scan, ordinary(1))
    with gateway.sync_ws(f"{scan}?{query}") as socket:
        assert json.loads(socket.recv(timeout=10))["type"] == "subscribed"


def test_bad_scan_ids_are_refused(gateway):
    for name in ("a%20b", "x" * 129, "stats", "a%2Fb", "%2e%2e"):
        answer = gateway.refusal(f"/api/ws/scans/{name}")
        assert (answer.status, answer.code) in [(400, "invalid_scan_id"), (400, "invalid_target")], name


async def test_batch_off_is_one_message_a_frame(gateway, scan):
    await post(gateway, scan, ordinary(5))
    async with follow(gateway, scan, since=0, batch="off") as follower:
        await follower.through(5)
        await post(gateway, scan, ordinary(4, first=5))
        await follower.through(9)
        assert follower.seqs == list(range(1, 10))
        assert all(frame["type"] != "batch" and frame["scanId"] == scan for frame in follower.frames)


async def test_framing_plain_is_the_default_that_is_configured(make_gateway, scan):
    gateway = make_gateway(relay={"framing": "plain"})
    await post(gateway, scan, ordinary(5))
    async with follow(gateway, scan, since=0) as follower, follow(gateway, scan, since=0, batch="on") as other:
        await follower.through(5)
        assert len(follower.frames) == 6
        await other.through(5)
        assert [frame["type"] for frame in other.frames] == ["subscribed", "batch"]


async def test_filters_pass_their_types_and_every_critical_message(gateway, scan):
    await post(gateway, scan, ordinary(1))
    async with follow(gateway, scan, since=0, filters="a,unknown") as follower:
        await post(gateway, scan, [{"type": kind} for kind in
                                   ("a", "b", "scanStarted", "progress", "a", "error", "phaseStarted", "b")])
        await post(gateway, scan, [{"type": "scanCompleted"}])
        await follower.through(10)
        assert [message["type"] for message in follower.messages] == [
            "a", "scanStarted", "a", "error", "phaseStarted", "scanCompleted"]
        assert not follower.lags


# Actions


async def test_actions_are_answered_with_their_id(gateway, scan):
    await post(gateway, scan, ordinary(1))
    async with follow(gateway, scan) as follower:
        await follower.next()
        for id in ("text", 7, 1.5, None, True, {"a": [1]}, "é\"\\"):
            await follower.connection.send(json.dumps({"action": "ping", "id": id}))
            assert await follower.next() == {"type": "pong", "id": id}
        for id in ("9007199254740993", "1e400", "-0", "1.10", '"\\u0041"'):
            await follower.connection.send(f'{{"action":"ping","id":{id}}}')
            assert await follower.connection.recv() == f'{{"type":"pong","id":{id}}}'
        await follower.connection.send('{"action":"ping"}')
        assert await follower.next() == {"type": "pong"}
        answer = await follower.ask(action="subscribe", filters=["a"], id=1)
        assert (answer["type"], answer["action"], answer["id"]) == ("ack", "subscribe", 1)
        answer = await follower.ask(action="rate", messagesPerSecond=2, id=2)
        assert (answer["type"], answer["action"], answer["rate"]) == ("ack", "rate", 2)
        answer = await follower.ask(action="rate", messagesPerSecond=1000000)
        assert (answer["type"], answer["rate"]) == ("ack", 10)
        answer = await follower.ask(action="refresh", token=gateway.reader())
        assert (answer["type"], answer["action"]) == ("ack", "refresh")


@pytest.mark.parametrize("text", [
    "nope", "", "[]", "1", '"ping"', "{", '{"action":1}', "{}", '{"action":"fly"}',
    '{"action":"subscribe","filters":1}',
    '{"action":"subscribe","filters":[1]}', '{"action":"subscribe","filters":[""]}', '{"action":"rate"}',
    '{"action":"rate","messagesPerSecond":0}', '{"action":"rate","messagesPerSecond":"2"}',
    '{"action":"rate","messagesPerSecond":-1}', '{"action":"refresh"}', '{"action":"refresh","token":"x.y.z"}',
    '{"action":"refresh","token":5}', '{"action":"unsubscribe","scanId":"not-this-one"}', '{"action":"ping"',
    '{"action":"ping","action":"ping"}', '{"action":"subscribe","scanId":"not-this-one"}',
    json.dumps({"action": "subscribe", "filters": ["x" * 129]}),
    json.dumps({"action": "subscribe", "filters": [f"t{n}" for n in range(101)]}), "[" * 10000,
])
async def test_what_cannot_be_done_is_an_error_frame_and_not_a_close(gateway, scan, text):
    await post(gateway, scan, ordinary(1))
    async with follow(gateway, scan) as follower:
        await follower.next()
        await follower.connection.send(text)
        answer = await follower.next()
        assert answer["type"] == "error" and "seq" not in answer
        assert answer["code"] and answer["message"]
        assert (await follower.ask(action="ping"))["type"] == "pong"


async def test_errors_bring_the_id_back(gateway, scan):
    await post(gateway, scan, ordinary(1))
    async with follow(gateway, scan) as follower:
        await follower.next()
        answer = await follower.ask(action="fly", id="x1")
        assert (answer["type"], answer["code"], answer["id"]) == ("error", "unknown_action", "x1")
        answer = await follower.ask(action="rate", messagesPerSecond=0, id=2)
        assert (answer["type"], answer["code"], answer["id"]) == ("error", "invalid_parameter", 2)
        answer = await follower.ask(action="refresh", token="a.b.c", id=3)
        assert (answer["type"], answer["code"], answer["id"]) == ("error", "invalid_token", 3)


@pytest.mark.parametrize("everything", [[], None])
async def test_filters_are_replaced_by_an_action(gateway, scan, everything):
    await post(gateway, scan, ordinary(1))
    async with follow(gateway, scan, filters="a") as follower:
        await follower.ask(action="subscribe", filters=["b"])
        await post(gateway, scan, [{"type": "a"}, {"type": "b"}, {"type": "scanStarted"}])
        await follower.through(4)
        assert follower.seqs == [3, 4]
        await follower.ask(action="subscribe", filters=everything)
        await post(gateway, scan, [{"type": "a"}, {"type": "b"}])
        await follower.through(6)
        assert follower.seqs == [3, 4, 5, 6]


async def test_refresh_of_another_user_or_without_the_right_closes_4403(gateway, scan):
    await post(gateway, scan, ordinary(1))
    for token in (gateway.reader("mallory"), gateway.token("alice", scans=["other"])):
        async with follow(gateway, scan) as follower:
            await follower.next()
            await follower.connection.send(json.dumps({"action": "refresh", "token": token}))
            assert (await follower.closed())[0] == 4403


async def test_expiry_warns_once_and_refresh_prolongs(make_gateway, scan):
    gateway = make_gateway(auth={"leeway": "0s"})
    await post(gateway, scan, ordinary(1))
    async with follow(gateway, scan, gateway.reader(ttl=4)) as left, \
            follow(gateway, scan, gateway.reader(ttl=4)) as renewed:
        warning = await renewed.until("tokenExpiring")
        assert 0 <= warning["expiresIn"] <= 4
        assert (await renewed.ask(action="refresh", token=gateway.reader(ttl=3600)))["type"] == "ack"
        assert (await left.closed())[0] == 4401
        assert [frame["type"] for frame in left.frames] == ["subscribed", "tokenExpiring"]
        await asyncio.sleep(1)
        assert (await renewed.ask(action="ping"))["type"] == "pong"


# Many scans on one socket
