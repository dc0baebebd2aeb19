"""The same subscription as Server-Sent Events, with aiohttp and with bare bytes."""

import asyncio
import contextlib
import http.client
import json
import socket
import time
from urllib.parse import urlencode

import aiohttp
import pytest
import websockets
from follower import Ledger, ordinary, post


class Stream(Ledger):
    """An event stream, line by line as the standard reads it."""

    def __init__(self, response, is_unnamed=False):
        super().__init__()
        self.response = response
        self.ids = []
        self.last_id = None
        #: How long the stream asked to stay away, each time that it did, in milliseconds.
        self.retries = []
        self.is_unnamed = is_unnamed

    async def next(self, timeout=10):
        """The next event's data; None at the end of the stream."""
        kind, data, id = None, [], None
        while True:
            line = await asyncio.wait_for(self.response.content.readline(), timeout)
            if not line:
                assert not data, "the stream ended within an event"
                return None
            text = line.decode().rstrip("\n")
            if text.startswith(":"):
                continue
            if not text:
                if data:
                    break
                continue
            name, _, value = text.partition(": ")
            if name == "retry":
                self.retries.append(int(value))
            elif name == "id":
                id = self.last_id = value
            elif name == "event":
                kind = value
            elif name == "data":
                data.append(value)
        frame = json.loads("\n".join(data))
        if kind == "sluice.close":
            assert list(frame) == ["code", "reason"]
            frame["type"] = "sluice.close"
        assert kind == (None if self.is_unnamed else frame["type"])
        self.ids.append(id)
        return self.note(frame)

    async def through(self, seq):
        while not self.messages or self.seqs[-1] < seq:
            assert await self.next() is not None

    async def ended(self):
        """Reads on to the end."""
        while await self.next() is not None:
            pass


@contextlib.asynccontextmanager
async def stream(gateway, scan, token=None, headers=None, **query):
    headers = {"Authorization": f"Bearer {token or gateway.reader()}"} | (headers or {})
    url = f"{gateway.url}/api/scans/{scan}/events" + (f"?{urlencode(query)}" if query else "")
    async with aiohttp.ClientSession(read_bufsize=2**20) as session:
        async with session.get(url, headers=headers, ssl=gateway.ssl) as response:
            yield Stream(response, is_unnamed=query.get("events") == "message")


async def test_each_message_is_an_event_with_its_id(gateway, scan):
    await post(gateway, scan, ordinary(2))
    async with stream(gateway, scan) as events:
        response = events.response
        assert response.status == 200 and response.content_type == "text/event-stream"
        assert "no-cache" in response.headers["Cache-Control"] and "no-transform" in response.headers["Cache-Control"]
        assert response.headers["X-Accel-Buffering"] == "no"
        first = await events.next()
        assert (first["type"], first["seq"], first["recovered"]) == ("subscribed", 2, True)
        epoch = first["epoch"]
        await post(gateway, scan, [{"type": "a"}, {"type": "b", "n": 1}, {"type": "scanStarted"}])
        await events.through(5)
        came = [(frame["type"], frame["seq"]) for frame in events.frames[1:]]
        assert came == [("a", 3), ("b", 4), ("scanStarted", 5)]
        assert events.ids == [f"{epoch}:{seq}" for seq in (2, 3, 4, 5)]
        assert events.frames[2] == {"scanId": scan, "seq": 4, "type": "b", "n": 1}


async def test_data_is_the_producers_bytes(gateway, scan):
    await post(gateway, scan, ordinary(1))
    text = '{"type":"x",\n  "a" : 1.0,\r\n "u":"\\u00e9" }'
    connection = gateway.connection()
    connection.request("GET", f"/api/scans/{scan}/events?since=1", headers={
        "Authorization": f"Bearer {gateway.reader()}"})
    response = connection.getresponse()
    await post(gateway, scan, text)
    lines = []
    while not lines or not lines[-1].startswith(b"data") or b"}" not in lines[-1] or b"subscribed" in lines[-1]:
        lines.append(response.readline())
    # Line ends within a message become those of the stream: they are white space, and mean nothing.
    data = b"\n".join(line[6:-1] for line in lines if line.startswith(b"data: ") and b"subscribed" not in line)
    assert data.decode() == f'{{"scanId":"{scan}","seq":2,{text[1:]}'.replace("\r\n", "\n")
    connection.close()


async def test_a_browser_resumes_with_last_event_id(gateway, scan):
    await post(gateway, scan, ordinary(10))
    async with stream(gateway, scan, since=0) as events:
        await events.through(6)
        last = events.last_id
    await post(gateway, scan, ordinary(10, first=10))
    seq = int(last.rpartition(":")[2])
    # The URL still has the query of the first connection; the header is newer.
    async with stream(gateway, scan, headers={"Last-Event-ID": last}, since=0) as events:
        assert (await events.next())["recovered"] is True
        await events.through(20)
        assert events.seqs == list(range(seq + 1, 21))
    async with stream(gateway, scan, headers={"Last-Event-ID": f"other:{seq}"}) as events:
        assert (await events.next())["recovered"] is False
        await events.through(20)
        assert events.seqs == list(range(1, 21))
    # The event that says where the stream begins has an id, too: a client that saw nothing else loses nothing.
    async with stream(gateway, scan) as events:
        await events.next()
        last = events.last_id
    await post(gateway, scan, ordinary(1))
    async with stream(gateway, scan, headers={"Last-Event-ID": last}) as events:
        await events.through(21)
        assert events.seqs == [21]


async def test_resuming_at_random_loses_and_doubles_nothing(gateway, scan):
    await post(gateway, scan, ordinary(1))
    seen, last = [], None

    async def traffic():
        for start in range(1, 901, 15):
            await post(gateway, scan, ordinary(15, first=start))
            await asyncio.sleep(0.04)

    writer = asyncio.create_task(traffic())
    for turn in range(40):
        async with stream(gateway, scan, headers={"Last-Event-ID": last} if last else None, since=0) as events:
            for _ in range(1 + turn * 7 % 40 if turn < 39 else 10**6):
                await events.next()
                if events.seqs and events.seqs[-1] >= 901:
                    break
            last = events.last_id
            seen += events.seqs
            assert not events.lags
        if seen[-1:] == [901]:
            break
    await writer
    assert seen == list(range(1, 902))


async def test_since_and_lag(gateway, scan):
    await post(gateway, scan, ordinary(1200))
    async with stream(gateway, scan, since=100) as events:
        assert (await events.next())["recovered"] is False
        await events.through(1200)
        assert [(lag["skippedMessages"], lag["since"], lag["reason"]) for lag in events.lags] == [
            (100, 100, "history_evicted")]
        events.gaps(101, 1200)


async def test_a_slow_reader_is_told_what_it_lost(make_gateway, scan):
    gateway = make_gateway(clients={"max_buffered": "64KiB"}, relay={
        "history": {"messages": 100, "bytes": "8MiB"}, "max_messages_per_second": 0, "max_pending": 100000})
    await post(gateway, scan, ordinary(1))
    client = small_socket(gateway)
    client.sendall(f"GET /api/scans/{scan}/events HTTP/1.1\r\nAuthorization: Bearer {gateway.reader()}\r\n"
                   f"Host: {gateway.authority}\r\n\r\n".encode())
    response = http.client.HTTPResponse(client)
    response.begin()
    while not response.readline().startswith(b"data: "):
        pass
    for start in range(0, 800, 20):
        await post(gateway, scan, [{"type": "phaseStarted", "n": start}] + ordinary(19, first=start, pad="x" * 16000))
    assert gateway.metrics()["sluice_fell_behind_total"] > 0
    await post(gateway, scan, [{"type": "scanCompleted"}])
    ledger = Ledger()

    def read():
        while "scanCompleted" not in [message["type"] for message in ledger.messages[-1:]]:
            line = response.readline()
            if line.startswith(b"data: "):
                ledger.note(json.loads(line[6:]))

    await asyncio.wait_for(asyncio.to_thread(read), 60)
    ledger.gaps(2, 802, lambda seq: (seq - 2) % 20 != 0)
    assert {lag["reason"] for lag in ledger.lags} == {"slow_client"}
    assert len(ledger.of("phaseStarted")) == 40
    client.close()


def small_socket(gateway):
    """A connection that offers a small window."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
    plain.settimeout(30)
    plain.connect(("127.0.0.1", gateway.port))
    return gateway.ssl.wrap_socket(plain, server_hostname="localhost")


async def test_filters_and_rate(gateway, scan):
    await post(gateway, scan, ordinary(1))
    async with stream(gateway, scan, filters="a", rate=2) as events:
        assert (await events.next())["rate"] == 2
        for n in range(30):
            await post(gateway, scan, [{"type": "a", "n": n}, {"type": "b", "n": n}])
            await asyncio.sleep(0.05)
        await post(gateway, scan, [{"type": "error"}])
        await events.through(62)
        assert [message["n"] for message in events.of("a")] == list(range(30))
        assert not events.of("b") and events.of("error")
        assert not events.lags


async def test_the_stream_ends_with_an_event_when_the_scan_does(make_gateway, scan):
    gateway = make_gateway(relay={"cleanup_delay": "1s"})
    await post(gateway, scan, ordinary(1))
    await post(gateway, f"{scan}-2", ordinary(1))
    async with stream(gateway, scan) as completed, stream(gateway, f"{scan}-2") as deleted:
        await completed.next()
        await post(gateway, scan, ordinary(1) + [{"type": "scanCompleted"}])
        await completed.ended()
        assert [frame["type"] for frame in completed.frames] == [
            "subscribed", "hostDiscovered", "scanCompleted", "sluice.close"]
        assert completed.frames[-1]["reason"] == "scan completed"
        await deleted.next()
        assert gateway.request("DELETE", f"/api/scans/{scan}-2", token=gateway.admin()).status == 204
        await deleted.ended()
        assert deleted.frames[-1]["type"] == "sluice.close"


async def test_wait(gateway, scan):
    async with stream(gateway, scan, wait=20) as events:
        await asyncio.sleep(0.2)
        await post(gateway, scan, ordinary(2))
        await events.through(2)
        assert events.seqs == [1, 2]
    async with stream(gateway, f"{scan}-none", wait=1) as events:
        began = time.monotonic()
        await events.ended()
        assert time.monotonic() - began > 0.7
        assert events.response.status == 404 or events.frames[-1]["type"] == "sluice.close"


def test_refusals_are_http_answers(gateway, scan):
    path = f"/api/scans/{scan}/events"
    answer = gateway.get(path, gateway.reader())
    assert (answer.status, answer.code) == (404, "scan_not_found")
    gateway.post(scan, ordinary(1))
    assert gateway.get(path).status == 401
    answer = gateway.get(path, gateway.token("eve", scans=["other"]))
    assert (answer.status, answer.code) == (403, "forbidden")
    assert gateway.get(f"{path}?wait=5", gateway.token("eve", scans=["other"])).status == 403
    for query in ("since=x", "since=9007199254740992", "since=18446744073709551615", "rate=0", "wait=301",
                  "filters=" + "x" * 129, "events=all", "events=message&events=message"):
        answer = gateway.get(f"{path}?{query}", gateway.reader())
        assert (answer.status, answer.code) == (400, "invalid_parameter"), query
    for last in ("k3v9", "k3v9:-1", "k3v9:9007199254740992", "k3v9:18446744073709551615"):
        answer = gateway.get(path, gateway.reader(), {"Last-Event-ID": last})
        assert (answer.status, answer.code) == (400, "invalid_parameter"), last
    answer = gateway.get(path, gateway.reader(), {"Origin": "https://evil.example"})
    assert answer.status == 403


def test_bytes_on_the_wire(gateway, scan):
    gateway.post(scan, ordinary(1))
    client = gateway.socket()
    client.sendall(f"GET /api/scans/{scan}/events?token={gateway.reader()}&since=0 HTTP/1.1\r\n"
                   f"Host: {gateway.authority}\r\n\r\n".encode())
    response = http.client.HTTPResponse(client)
    response.begin()
    assert response.status == 200 and response.headers["Transfer-Encoding"] == "chunked"
    lines = [response.readline().decode() for _ in range(10)]
    assert 1000 <= int(lines[0].removeprefix("retry: ")) <= 5000 and lines[1] == "\n"
    lines = lines[2:]
    epoch = json.loads(lines[2][6:])["epoch"]
    assert lines[0] == f"id: {epoch}:0\n" and lines[1] == "event: subscribed\n" and lines[3] == "\n"
    assert lines[4:] == [f"id: {epoch}:1\n", "event: hostDiscovered\n",
                         f'data: {{"scanId":"{scan}","seq":1,"type": "hostDiscovered", "n": 0}}\n', "\n"]
    client.close()


def test_a_client_of_http_1_0_gets_it_unchunked(gateway, scan):
    gateway.post(scan, ordinary(1))
    client = gateway.socket()
    client.sendall(f"GET /api/scans/{scan}/events?since=0 HTTP/1.0\r\nAuthorization: Bearer {gateway.reader()}\r\n"
                   f"Host: {gateway.authority}\r\n\r\n".encode())
    data = b""
    while b"hostDiscovered\n" not in data:
        data += client.recv(4096)
    head, _, body = data.partition(b"\r\n\r\n")
    assert b"chunked" not in head.lower() and body.startswith(b"retry: ")
    client.close()


def test_a_quiet_stream_gets_comments(gateway, scan):
    gateway.post(scan, ordinary(1))
    connection = gateway.connection(timeout=30)
    connection.request("GET", f"/api/scans/{scan}/events", headers={"Authorization": f"Bearer {gateway.reader()}"})
    response = connection.getresponse()
    began = time.monotonic()
    while not (line := response.readline()).startswith(b":"):
        assert line
    assert 10 < time.monotonic() - began < 25
    connection.close()


@pytest.mark.parametrize("last", ["x", ":", "epoch:", "epoch:-1", "epoch:1.5", "e" * 1000 + ":1"])
def test_a_malformed_last_event_id_is_refused(gateway, scan, last):
    gateway.post(scan, ordinary(1))
    answer = gateway.get(f"/api/scans/{scan}/events", gateway.reader(), {"Last-Event-ID": last})
    assert (answer.status, answer.code) == (400, "invalid_parameter")


async def test_expiry_ends_the_stream(make_gateway, scan):
    gateway = make_gateway(auth={"leeway": "0s"})
    await post(gateway, scan, ordinary(1))
    async with stream(gateway, scan, gateway.reader(ttl=2)) as events:
        await events.ended()
        assert (events.frames[-1]["type"], events.frames[-1]["code"]) == ("sluice.close", 4401)


async def test_a_scanner_ends_no_stream(gateway, scan):
    """Whatever a scanner posts is a message; what only the gateway may say it cannot post."""
    for kind in ("sluice.close", "sluice.", "sluice.anything", "batch", "lag", "subscribed", "unsubscribed", "ack", "pong",
                 "tokenExpiring", "scanStalled", "scanResumed"):
        answer = gateway.post(scan, {"type": kind})
        assert (answer.status, answer.code) == (400, "reserved_type"), kind
    types = ["close", "error", "open", "message", "sluice", "Sluice.close"]
    await post(gateway, scan, [{"type": kind, "code": 4403, "reason": "x"} for kind in types])
    async with stream(gateway, scan, since=0) as events:
        await events.through(len(types))
        assert [message["type"] for message in events.messages] == types
        assert [1000 <= retry <= 5000 for retry in events.retries] == [True]


async def test_all_events_unnamed(make_gateway, scan):
    """For pages whose listener is `onmessage` alone: no event has a name, and each says in its data what it is."""
    gateway = make_gateway(relay={"cleanup_delay": "1s", "stall_after": "1s"})
    await post(gateway, scan, [{"type": "close"}, {"type": "found"}])
    async with stream(gateway, scan, since=0, events="message") as events:
        await events.through(2)
        while events.frames[-1]["type"] != "scanStalled":
            await events.next()
        await post(gateway, scan, [{"type": "error"}])
        await events.ended()
    assert [frame["type"] for frame in events.frames] == [
        "subscribed", "close", "found", "scanStalled", "scanResumed", "error", "sluice.close"]
    assert events.frames[-1] == {"type": "sluice.close", "code": 1000, "reason": "scan completed"}


async def test_retries_are_not_all_the_same(gateway, scan):
    await post(gateway, scan, ordinary(1))
    retries = set()
    for _ in range(12):
        async with stream(gateway, scan) as events:
            await events.next()
            retries.update(events.retries)
    assert len(retries) > 5 and 1000 <= min(retries) and max(retries) <= 5000


async def test_a_restart_asks_everybody_back_when_it_is_over(make_gateway, scan):
    """Streams, sockets, uploads and requests: none is asked back while the gateway that they knew still ends."""
    grace = 4
    gateway = make_gateway(shutdown={"grace": f"{grace}s"})
    gateway.post(scan, ordinary(1))
    upload = gateway.stream(scan)
    upload.send({"type": "t"})
    async with contextlib.AsyncExitStack() as stack:
        open_streams = [await stack.enter_async_context(stream(gateway, scan)) for _ in range(6)]
        sockets = [await stack.enter_async_context(gateway.ws(scan)) for _ in range(6)]
        for events in open_streams:
            await events.next()
        for ws in sockets:
            await ws.recv()
        began = time.monotonic()
        gateway.terminate()
        left = lambda: began + grace - time.monotonic()
        answer = await asyncio.to_thread(upload.answer)
        assert answer.status == 503 and int(answer.headers["Retry-After"]) >= left()
        # A stream that is asked for now is one, and ends at once; all other requests are refused.
        async with stream(gateway, scan) as late:
            assert late.response.status == 200 and late.response.content_type == "text/event-stream"
            await late.ended()
            assert len(late.retries) == 1 and late.retries[0] / 1000 >= left()
            reason = json.loads(late.frames[-1]["reason"])
            assert late.frames[-1]["code"] == 1001 and reason["retryAfterMs"] == late.retries[0]
        for path in (f"/api/scans/{scan}", f"/api/ws/scans/{scan}"):
            answer = gateway.get(path, gateway.reader())
            assert (answer.status, answer.code) == (503, "draining")
            assert int(answer.headers["Retry-After"]) >= left()

        async def stream_end(events):
            await events.ended()
            assert events.frames[-1]["code"] == 1001
            assert events.retries[-1] == json.loads(events.frames[-1]["reason"])["retryAfterMs"]
            return events.retries[-1] / 1000 - left()

        async def socket_end(ws):
            try:
                while True:
                    await asyncio.wait_for(ws.recv(), 20)
            except websockets.ConnectionClosed as error:
                assert error.rcvd.code == 1001
                return json.loads(error.rcvd.reason)["retryAfterMs"] / 1000 - left()

        margins = await asyncio.gather(*map(stream_end, open_streams), *map(socket_end, sockets))
        assert min(margins) > 0 and len(set(margins)) > 6
    upload.close()
    assert await asyncio.to_thread(gateway.wait) == 0
