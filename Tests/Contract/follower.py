"""What the tests of subscriptions share: clients that write down everything that they get."""

import asyncio
import base64
import contextlib
import gzip
import json
import math
import os
import socket
import struct
import time
from urllib.parse import urlencode

import websockets

#: Types that the gateway alone may send.
OWN = {"batch", "lag", "subscribed", "unsubscribed", "ack", "pong", "tokenExpiring", "scanStalled", "scanResumed"}
#: Types that are never held back, by default.
CRITICAL = {"scanStarted", "phaseStarted", "scanCompleted", "error"}


def ordinary(count, first=0, **members):
    """Messages that are neither critical nor state."""
    return [{"type": "hostDiscovered", "n": n, **members} for n in range(first, first + count)]


async def post(gateway, scan, messages, **options):
    """Posts without holding up the clients that read meanwhile; the 202's body."""
    answer = await asyncio.to_thread(gateway.post, scan, messages, **options)
    assert answer.status == 202, answer
    return answer.json()


@contextlib.asynccontextmanager
async def follow(gateway, scan, token=None, headers=None, receive_buffer=None, **query):
    """A follower of a scan, or with None as the scan a socket of many. It answers pings and sends none itself."""
    options = {name: query.pop(name) for name in ("compression", "extensions", "origin", "max_queue") if name in query}
    path = ("/api/ws" if scan is None else f"/api/ws/scans/{scan}") + (f"?{urlencode(query)}" if query else "")
    if receive_buffer is not None:
        # Set before the connection, so that the window that is offered never grows.
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.connect(("127.0.0.1", gateway.port))
        sock.setblocking(False)
        options |= {"sock": sock, "server_hostname": "localhost"}
    async with gateway.ws(path, token, headers, ping_interval=None, close_timeout=5, **options) as connection:
        yield Follower(connection)


class Ledger:
    """The frames of one subscription, and what follows from them."""

    def __init__(self):
        self.frames = []
        #: When each was here, in milliseconds since 1970.
        self.received = []

    def note(self, frame):
        self.frames.append(frame)
        self.received.append(time.time() * 1000)
        return frame

    @staticmethod
    def carried(frame):
        """The messages in a frame."""
        if frame["type"] == "batch":
            return frame["messages"]
        return [frame] if "seq" in frame and frame["type"] not in OWN else []

    @property
    def messages(self):
        return [message for frame in self.frames for message in self.carried(frame)]

    @property
    def seqs(self):
        return [message["seq"] for message in self.messages]

    @property
    def lags(self):
        return [frame for frame in self.frames if frame["type"] == "lag"]

    def of(self, kind):
        return [message for message in self.messages if message["type"] == kind]

    def check_order(self):
        """Seqs rise, and what a lag frame says fits where it stands."""
        last = None
        for frame in self.frames:
            if frame["type"] == "subscribed":
                last = None
            elif frame["type"] == "lag":
                assert frame["skippedMessages"] > 0
                assert last is None or frame["since"] >= last, (frame, last)
            for message in self.carried(frame):
                assert last is None or message["seq"] > last, f"{message['seq']} after {last}"
                last = message["seq"]

    def gaps(self, first, last, count_only=None):
        """Checks that each stretch of missing seqs is announced by lag frames in its place, with its exact count.

        `count_only` says which missing seqs are losses at all; the others are conflated or filtered. Where a client
        came back with the last seq that it had, what it was told after that seq does not count any more.
        """
        count_only = count_only or (lambda seq: True)
        have, announced = first - 1, 0
        for frame in self.frames:
            if frame["type"] == "lag":
                announced += frame["skippedMessages"]
            elif frame["type"] == "subscribed":
                announced = 0
            for message in self.carried(frame):
                assert message["seq"] > have, f"{message['seq']} after {have}"
                missing = sum(1 for seq in range(have + 1, message["seq"]) if count_only(seq))
                assert missing == announced, f"{missing} missing before {message['seq']}, announced {announced}"
                have, announced = message["seq"], 0
        missing = sum(1 for seq in range(have + 1, last + 1) if count_only(seq))
        assert missing == announced, f"{missing} missing at the end, announced {announced}"

    def check_rate(self, frames, seconds=1.0, critical=CRITICAL):
        """In no window of so many seconds more than so many frames leave the gateway, those beside critical ones apart.

        To be asked of subscriptions with `times=true`. A frame leaves after the newest message in it came to the
        gateway, by the gateway's own clock, and before it is here. So frames are found too close together only if they
        were sent so: to a reader that is held up they may seem further apart, and never closer. It sees the more the
        less each frame's newest message has waited: state does not wait, others do if there are more than go out.
        """
        counted = []
        came = -math.inf
        for index, frame in enumerate(self.frames):
            if not (messages := self.carried(frame)):
                continue
            came = max(came, *frame["times"])
            if any(message["type"] in critical for message in messages):
                continue
            # A critical message pushes out waiting messages, in the same write: messages here before it came were not
            # pushed.
            pushed = next((later["times"] for later in self.frames[index + 1:]
                           if any(message["type"] in critical for message in self.carried(later))), None)
            if pushed is None or self.received[index] < min(pushed):
                counted.append((came, self.received[index]))
        for (came, _), (_, received) in zip(counted, counted[frames:]):
            width = (received - came) / 1000
            assert width >= seconds, f"{frames + 1} frames within {width:.3f} s"


class Follower(Ledger):
    """A subscriber over the websockets library."""

    def __init__(self, connection):
        super().__init__()
        self.connection = connection

    async def next(self, timeout=10):
        data = await asyncio.wait_for(self.connection.recv(), timeout)
        if isinstance(data, bytes):
            data = gzip.decompress(data)
        return self.note(json.loads(data))

    async def until(self, wanted, timeout=20):
        """Reads on to the frame that is wanted: one of a type or with a message of it, or what a function says."""
        check = wanted if callable(wanted) else (
            lambda frame: wanted in {frame["type"], *(message["type"] for message in self.carried(frame))})
        deadline = time.monotonic() + timeout
        while True:
            frame = await self.next(max(0.01, deadline - time.monotonic()))
            if check(frame):
                return frame

    async def through(self, seq, timeout=20):
        """Reads on until the message of this number, or a later one, came."""
        if not self.messages or self.seqs[-1] < seq:
            await self.until(lambda frame: any(m["seq"] >= seq for m in self.carried(frame)), timeout)

    async def quiet(self, seconds):
        """Nothing comes for so long."""
        try:
            frame = await self.next(seconds)
        except TimeoutError:
            return
        raise AssertionError(f"came unexpected: {frame}")

    async def ask(self, timeout=10, **action):
        """Sends an action with an id, and reads on to its answer."""
        action.setdefault("id", f"q{len(self.frames)}")
        await self.connection.send(json.dumps(action))
        return await self.until(lambda frame: frame.get("id") == action["id"], timeout)

    async def closed(self, timeout=20):
        """Reads on to the end: code and reason."""
        deadline = time.monotonic() + timeout
        try:
            while True:
                await self.next(max(0.01, deadline - time.monotonic()))
        except websockets.ConnectionClosed:
            return self.connection.close_code, self.connection.close_reason


class RawClient:
    """A WebSocket client that does nothing by itself: no pong, no close, no check."""

    def __init__(self, gateway, target, token=None, headers=()):
        self.buffer = b""
        self.messages = []
        self.socket = gateway.socket()
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {target} HTTP/1.1", f"Host: {gateway.authority}", "Upgrade: websocket", "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13",
            f"Authorization: Bearer {token or gateway.reader()}", *headers,
        ]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        while b"\r\n\r\n" not in self.buffer:
            self.buffer += self._receive()
        self.head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        assert self.head.startswith(b"HTTP/1.1 101 "), self.head

    def _receive(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError
        return data

    def _take(self, count):
        while len(self.buffer) < count:
            self.buffer += self._receive()
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def frame(self, timeout=20):
        """The next frame: its first byte and its payload; EOFError at the end of the connection."""
        self.socket.settimeout(timeout)
        first, length = self._take(2)
        assert not length & 0x80, "a server's frames are not masked"
        if length == 126:
            (length,) = struct.unpack("!H", self._take(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self._take(8))
        return first, self._take(length)

    def send(self, opcode, payload=b"", first=None, masked=True):
        """Sends a frame as it is told, right or wrong."""
        head = bytes([0x80 | opcode if first is None else first])
        bit = 0x80 if masked else 0
        if len(payload) < 126:
            head += bytes([bit | len(payload)])
        elif len(payload) < 65536:
            head += struct.pack("!BH", bit | 126, len(payload))
        else:
            head += struct.pack("!BQ", bit | 127, len(payload))
        if masked:
            mask = os.urandom(4)
            head += mask
            payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
        self.socket.sendall(head + payload)

    def closing(self, timeout=20):
        """Reads on to the close frame: code and reason."""
        while True:
            first, payload = self.frame(timeout)
            if first & 0xF == 8:
                return (struct.unpack("!H", payload[:2])[0] if payload else None), payload[2:].decode()
            self.messages.append((first, payload))

    def close(self):
        self.socket.close()
