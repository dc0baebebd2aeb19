"""Many scans on one socket."""

import json

from follower import follow, ordinary, post


async def test_many_scans_on_one_socket(gateway, scan):
    a, b, c = (f"{scan}-{name}" for name in "abc")
    await post(gateway, a, ordinary(3))
    await post(gateway, b, ordinary(2))
    async with follow(gateway, None) as follower:
        first = await follower.ask(action="subscribe", scanId=a, since=0, id="s1")
        assert (first["type"], first["scanId"], first["seq"], first["id"]) == ("subscribed", a, 3, "s1")
        assert (await follower.ask(action="subscribe", scanId=b, filters=["x"]))["seq"] == 2
        missing = await follower.ask(action="subscribe", scanId=c, id="s3")
        assert (missing["type"], missing["code"], missing["scanId"]) == ("error", "scan_not_found", c)
        await post(gateway, a, ordinary(2, first=3))
        await post(gateway, b, [{"type": "x"}, {"type": "y"}, {"type": "error"}])
        seen = {a: [], b: []}
        while len(seen[a]) < 5 or len(seen[b]) < 2:
            for frame in follower.frames:
                for message in follower.carried(frame):
                    seen[frame["scanId"]].append(message["seq"])
            follower.frames.clear()
            if len(seen[a]) < 5 or len(seen[b]) < 2:
                await follower.next()
        assert seen == {a: [1, 2, 3, 4, 5], b: [3, 5]}
        gone = await follower.ask(action="unsubscribe", scanId=a, id="u1")
        assert (gone["type"], gone["scanId"], gone["id"]) == ("unsubscribed", a, "u1")
        await post(gateway, a, [{"type": "scanStarted"}])
        await post(gateway, b, [{"type": "scanStarted"}])
        frame = await follower.next()
        assert (frame["scanId"], frame["type"]) == (b, "scanStarted")
        again = await follower.ask(action="unsubscribe", scanId=a)
        assert (again["type"], again["code"]) == ("error", "not_subscribed")
        assert (await follower.ask(action="subscribe", scanId=a, since=4))["type"] == "subscribed"
        await follower.until(lambda frame: frame["scanId"] == a and any(
            message["seq"] == 6 for message in follower.carried(frame)))


async def test_a_subscription_that_begins_anew(gateway, scan):
    await post(gateway, scan, ordinary(4))
    for path in (None, scan):
        async with follow(gateway, path) as follower:
            if path is None:
                await follower.ask(action="subscribe", scanId=scan)
            else:
                await follower.next()
            again = await follower.ask(action="subscribe", scanId=scan, since=2, id="again")
            assert (again["type"], again["seq"], again["id"]) == ("subscribed", 4, "again")
            await follower.until(lambda frame: [m["seq"] for m in follower.carried(frame)] == [3, 4])


async def test_many_scans_pipelined_actions_are_done_in_order(gateway, scan):
    # Of several scans, some live on the connection's own event loop and some on another.
    for name in [f"{scan}-{n}" for n in range(8)]:
        await post(gateway, name, ordinary(3))
        async with follow(gateway, None) as follower:
            for action in ({"action": "subscribe", "scanId": name, "id": 1},
                           {"action": "subscribe", "scanId": name, "filters": ["b"], "id": 2},
                           {"action": "unsubscribe", "scanId": name, "id": 3}, {"action": "ping", "id": 4}):
                await follower.connection.send(json.dumps(action))
            answers = [await follower.until(lambda frame: "id" in frame) for _ in range(4)]
            assert {answer["id"]: answer["type"] for answer in answers} == {
                1: "subscribed", 2: "ack", 3: "unsubscribed", 4: "pong"}


async def test_many_scans_errors(gateway, scan):
    await post(gateway, scan, ordinary(1))
    async with follow(gateway, None, gateway.token("eve", scans=[f"{scan}*"])) as follower:
        for action, code in [
            ({"action": "subscribe"}, "invalid_parameter"),
            ({"action": "subscribe", "scanId": "a b"}, "invalid_scan_id"),
            ({"action": "subscribe", "scanId": 5}, "invalid_parameter"),
            ({"action": "subscribe", "scanId": "other"}, "forbidden"),
            ({"action": "subscribe", "scanId": scan, "since": -1}, "invalid_parameter"),
            ({"action": "subscribe", "scanId": scan, "since": 1.5}, "invalid_parameter"),
            ({"action": "subscribe", "scanId": scan, "since": 2**53}, "invalid_parameter"),
            ({"action": "subscribe", "scanId": scan, "since": 2**64 - 1}, "invalid_parameter"),
            ({"action": "subscribe", "scanId": scan, "since": 1e300}, "invalid_parameter"),
            ({"action": "subscribe", "scanId": scan, "filters": "a"}, "invalid_parameter"),
            ({"action": "unsubscribe"}, "invalid_parameter"),
            ({"action": "unsubscribe", "scanId": scan}, "not_subscribed"),
            ({"action": "rate", "messagesPerSecond": 2, "scanId": scan}, "not_subscribed"),
        ]:
            answer = await follower.ask(**action)
            assert (answer["type"], answer["code"]) == ("error", code), action


async def test_many_scans_has_a_limit(make_gateway, scan):
    gateway = make_gateway(clients={"max_subscriptions": 3})
    names = [f"{scan}-{n}" for n in range(4)]
    for name in names:
        await post(gateway, name, ordinary(1))
    async with follow(gateway, None) as follower:
        for name in names[:3]:
            assert (await follower.ask(action="subscribe", scanId=name))["type"] == "subscribed"
        answer = await follower.ask(action="subscribe", scanId=names[3])
        assert (answer["type"], answer["code"]) == ("error", "too_many_subscriptions")
        assert (await follower.ask(action="unsubscribe", scanId=names[0]))["type"] == "unsubscribed"
        assert (await follower.ask(action="subscribe", scanId=names[3]))["type"] == "subscribed"


async def test_many_scans_goes_on_when_one_is_deleted(gateway, scan):
    await post(gateway, scan, ordinary(1))
    await post(gateway, f"{scan}-2", ordinary(1))
    async with follow(gateway, None) as follower:
        for name in (scan, f"{scan}-2"):
            await follower.ask(action="subscribe", scanId=name)
        assert gateway.request("DELETE", f"/api/scans/{scan}", token=gateway.admin()).status == 204
        assert (await follower.until("unsubscribed"))["scanId"] == scan
        await post(gateway, f"{scan}-2", [{"type": "scanStarted"}])
        assert (await follower.until("scanStarted"))["seq"] == 2
