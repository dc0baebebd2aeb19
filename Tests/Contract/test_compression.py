"""permessage-deflate with one context for all, and gzip frames: whatever a client agreed on, it decodes every frame."""

import asyncio
import gzip
import json
import random
import zlib

import pytest
from follower import RawClient, follow, ordinary, post
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

HOSTS = random.Random(7)
OFFERS = {
    "default": {},
    "no server context": {"server_no_context_takeover": True},
    "no client context": {"client_no_context_takeover": True},
    "no context": {"server_no_context_takeover": True, "client_no_context_takeover": True},
    "window 9": {"server_max_window_bits": 9},
    "window 10": {"server_max_window_bits": 10, "client_max_window_bits": True},
    "window 12": {"server_max_window_bits": 12, "client_max_window_bits": 9},
    "window 15": {"server_max_window_bits": 15},
    "window 9, no context": {"server_max_window_bits": 9, "server_no_context_takeover": True},
}


def findings(count):
    """Messages as a scan of a network makes them."""
    return [{"type": "portFound", "ip": f"10.0.{HOSTS.randrange(8)}.{HOSTS.randrange(256)}", "protocol": "tcp",
             "port": HOSTS.choice([22, 53, 80, 110, 143, 443, 445, 3306, 5432, 8080, 8443]), "state": "open",
             "service": {"name": HOSTS.choice(["ssh", "http", "https", "smtp", "domain"]), "product": "OpenSSH",
                         "version": f"{HOSTS.randrange(5, 10)}.{HOSTS.randrange(10)}p1", "extra": "protocol 2.0"},
             "elapsed": round(HOSTS.random() * 100, 3)} for _ in range(count)]


class Inflating(RawClient):
    """Decodes permessage-deflate by itself and counts bytes."""

    def __init__(self, gateway, scan, offer="permessage-deflate", query=""):
        super().__init__(gateway, f"/api/ws/scans/{scan}{query}", headers=[f"Sec-WebSocket-Extensions: {offer}"])
        self.inflater = zlib.decompressobj(-15)
        self.sizes = []

    @property
    def agreement(self):
        for line in self.head.decode().split("\r\n"):
            name, _, value = line.partition(":")
            if name.lower() == "sec-websocket-extensions":
                return [part.strip() for part in value.split(";")]
        return None

    def text(self):
        """The next message, and whether it was compressed."""
        while True:
            first, payload = self.frame()
            if first & 0xF == 1:
                break
        wire = len(payload)
        if first & 0x40:
            payload = self.inflater.decompress(payload + b"\x00\x00\xff\xff")
        self.sizes.append((bool(first & 0x40), wire, len(payload)))
        return json.loads(payload), bool(first & 0x40)


async def test_every_frame_decodes_whenever_a_client_joins(gateway, scan):
    await post(gateway, scan, ordinary(1))
    done = asyncio.Event()

    async def traffic():
        for step in range(50):
            messages = findings(HOSTS.randrange(1, 30))
            if step % 7 == 6:
                messages.append({"type": "phaseStarted", "step": step, "pad": "y" * 400})
            if step % 5 == 4:
                messages.append({"type": "progress", "step": step})
            await post(gateway, scan, messages)
            await asyncio.sleep(0.08)
        await post(gateway, scan, [{"type": "scanCompleted"}])
        done.set()

    async def subscriber(offer, delay, query):
        await asyncio.sleep(delay)
        factory = ClientPerMessageDeflateFactory(**offer)
        async with follow(gateway, scan, compression=None, extensions=[factory], **query) as follower:
            assert [extension.name for extension in follower.connection.protocol.extensions] == ["permessage-deflate"]
            first = await follower.next()
            for _ in range(3):
                # Frames for this one alone go uncompressed, in between.
                await asyncio.sleep(0.2)
                assert (await follower.ask(action="ping"))["type"] == "pong"
            if not any(message["type"] == "scanCompleted" for message in follower.messages):
                await follower.until("scanCompleted", 40)
            follower.check_order()
            start = query.get("since", first["seq"])
            state = gateway.messages(scan, start)
            assert [m["seq"] for m in state if m["type"] != "progress"] == [
                m["seq"] for m in follower.messages if m["type"] != "progress"]

    subscribers = [subscriber(offer, HOSTS.random() * 3, query)
                   for offer in OFFERS.values() for query in ({}, {"since": 0}, {"batch": "off"})]
    await asyncio.gather(traffic(), *subscribers)


@pytest.mark.parametrize("offer", list(OFFERS.values()), ids=list(OFFERS))
async def test_frames_of_many_scans_on_one_socket_decode(gateway, scan, offer):
    names = [f"{scan}-{n}" for n in range(6)]
    for name in names:
        await post(gateway, name, ordinary(1))
    factory = ClientPerMessageDeflateFactory(**offer)
    async with follow(gateway, None, compression=None, extensions=[factory]) as follower:
        for name in names:
            assert (await follower.ask(action="subscribe", scanId=name))["type"] == "subscribed"
        for _ in range(6):
            await asyncio.gather(*(post(gateway, name, findings(10)) for name in names))
            await asyncio.sleep(0.12)
        await asyncio.gather(*(post(gateway, name, [{"type": "scanCompleted"}]) for name in names))
        for _ in names:
            await follower.until("scanCompleted")
        for name in names:
            seqs = [message["seq"] for frame in follower.frames if frame.get("scanId") == name
                    for message in follower.carried(frame)]
            assert seqs == list(range(2, 63))


@pytest.mark.parametrize("offer", list(OFFERS.values()), ids=list(OFFERS))
async def test_websockets_offers_are_agreed_to(gateway, scan, offer):
    await post(gateway, scan, ordinary(1))
    factory = ClientPerMessageDeflateFactory(**offer)
    async with follow(gateway, scan, compression=None, extensions=[factory]) as follower:
        await follower.next()
        await post(gateway, scan, findings(20))
        await follower.through(21)
        assert (await follower.ask(action="ping", id="x" * 1000))["id"] == "x" * 1000


@pytest.mark.parametrize("offer,expected", [
    ("permessage-deflate", set()),
    ("permessage-deflate; client_max_window_bits", None),
    ("permessage-deflate; server_no_context_takeover", {"server_no_context_takeover"}),
    ("permessage-deflate; server_max_window_bits=10", {"server_max_window_bits=10"}),
    ('permessage-deflate; server_max_window_bits="10"', {"server_max_window_bits=10"}),
    ("permessage-deflate; server_max_window_bits=8, permessage-deflate", set()),
    ("x-unknown, permessage-deflate", set()),
    ("permessage-deflate; nonsense=1, permessage-deflate; server_no_context_takeover", {"server_no_context_takeover"}),
])
def test_answers_name_only_what_was_offered(gateway, scan, offer, expected):
    gateway.post(scan, ordinary(1))
    client = Inflating(gateway, scan, offer)
    agreement = client.agreement
    assert agreement[0] == "permessage-deflate"
    assert not any(part.startswith("server_max_window_bits") for part in agreement) or "server_max" in offer
    assert not any(part.startswith("client_max_window_bits") for part in agreement) or "client_max" in offer
    if expected is not None:
        assert expected <= set(agreement)
    client.text()
    gateway.post(scan, findings(20))
    message, compressed = client.text()
    assert len(message["messages"]) == 20 and compressed
    client.close()


@pytest.mark.parametrize("offer", [
    "x-webkit-deflate-frame", "permessage-deflate; nonsense", "permessage-deflate; server_max_window_bits",
    "permessage-deflate; server_max_window_bits=7", "permessage-deflate; server_max_window_bits=16",
    "permessage-deflate; server_max_window_bits=010", "permessage-deflate; server_no_context_takeover=1",
    "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
    "permessage-deflate; client_max_window_bits=16",
])
def test_offers_that_cannot_be_taken_are_declined(gateway, scan, offer):
    gateway.post(scan, ordinary(1))
    client = Inflating(gateway, scan, offer)
    assert client.agreement is None
    client.text()
    gateway.post(scan, findings(20))
    message, compressed = client.text()
    assert len(message["messages"]) == 20 and not compressed
    client.close()


def test_compression_can_be_switched_off(make_gateway, scan):
    gateway = make_gateway(compression={"permessage_deflate": {"enabled": False}})
    gateway.post(scan, ordinary(1))
    client = Inflating(gateway, scan)
    assert client.agreement is None
    client.close()


def test_small_frames_and_frames_for_one_alone_go_uncompressed(gateway, scan):
    gateway.post(scan, ordinary(1) + findings(50))
    client = Inflating(gateway, scan, query="?since=0")
    assert client.text()[1] is False
    assert client.text()[1] is False, "a replay is for this client alone"
    client.text()
    for size in (1, 100, 300, 1000):
        text = {"type": "note", "pad": "z" * size}
        gateway.post(scan, text)
        frame, compressed = client.text()
        assert frame["pad"] == text["pad"]
        assert compressed == (client.sizes[-1][2] >= 256)
    client.close()


@pytest.mark.parametrize("offer,highest", [
    ("permessage-deflate", 0.25), ("permessage-deflate; server_no_context_takeover", 0.5)])
def test_frames_shrink(gateway, scan, offer, highest, record_property):
    gateway.post(scan, ordinary(1))
    client = Inflating(gateway, scan, offer)
    client.text()
    for _ in range(12):
        gateway.post(scan, findings(10))
        client.text()
    compressed = [(wire, raw) for is_compressed, wire, raw in client.sizes if is_compressed]
    ratio = sum(wire for wire, _ in compressed) / sum(raw for _, raw in compressed)
    record_property("ratio", ratio)
    print(f"{offer}: {ratio:.3f} of the bytes")
    assert len(compressed) == 12
    assert ratio < highest
    client.close()


def test_client_messages_may_be_compressed_with_and_without_context(gateway, scan):
    gateway.post(scan, ordinary(1))
    for offer in ("permessage-deflate", "permessage-deflate; client_no_context_takeover"):
        client = Inflating(gateway, scan, offer)
        client.text()
        keeps = "client_no_context_takeover" not in client.agreement
        deflater = zlib.compressobj(6, zlib.DEFLATED, -15)
        for n in range(5):
            text = json.dumps({"action": "ping", "id": f"{n}" + "a" * 200}).encode()
            payload = deflater.compress(text) + deflater.flush(zlib.Z_SYNC_FLUSH)
            client.send(1, payload[:-4], first=0xC1)
            assert client.text()[0]["id"].startswith(str(n))
            if not keeps:
                deflater = zlib.compressobj(6, zlib.DEFLATED, -15)
        client.close()


# gzip


async def test_large_frames_come_as_gzip_members_and_small_ones_as_text(gateway, scan):
    await post(gateway, scan, ordinary(1))
    async with gateway.ws(f"{scan}?encoding=gzip&since=0", compression=None) as socket:
        await socket.recv()
        assert isinstance(await socket.recv(), str)
        for size in (10_000, 20_000, 100):
            await post(gateway, scan, [{"type": "big", "pad": "p" * size}])
            frame = await asyncio.wait_for(socket.recv(), 10)
            assert isinstance(frame, bytes) == (size > 10_240)
            message = json.loads(gzip.decompress(frame) if isinstance(frame, bytes) else frame)
            assert (message["type"], len(message["pad"])) == ("big", size)
        await post(gateway, scan, findings(50))
        batch = await asyncio.wait_for(socket.recv(), 10)
        assert isinstance(batch, bytes) and batch[:3] == b"\x1f\x8b\x08"
        inflater = zlib.decompressobj(31)
        text = inflater.decompress(batch)
        assert inflater.eof and not inflater.unused_data, "one member, and nothing behind it"
        assert len(json.loads(text)["messages"]) == 50


async def test_gzip_frames_are_not_also_deflated(gateway, scan):
    async with gateway.ws(f"{scan}?encoding=gzip&wait=5") as socket:
        assert "Sec-WebSocket-Extensions" not in socket.response.headers


async def test_gzip_limit_is_exact_and_configurable(make_gateway, scan):
    gateway = make_gateway(compression={"gzip": {"min_bytes": 500}})
    await post(gateway, scan, ordinary(1))
    async with gateway.ws(f"{scan}?encoding=gzip") as socket:
        await socket.recv()
        empty = len(f'{{"scanId":"{scan}","seq":2,"type": "big", "pad": ""}}')
        for size, packed in ((500, False), (501, True)):
            await post(gateway, scan, f'{{"type": "big", "pad": "{"p" * (size - empty)}"}}')
            frame = await asyncio.wait_for(socket.recv(), 10)
            assert isinstance(frame, bytes) == packed
            assert len(gzip.decompress(frame) if packed else frame) == size
