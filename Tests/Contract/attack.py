"""What attackers and those who watch them need."""

import contextlib
import http.client
import json
import os
import select
import socket
import ssl
import struct
import threading
import time

from conftest import PATIENCE, wait_for

# How much memory may differ after an attack: the allocator keeps some of its former memory.
MARGIN_BYTES = 48 * 1024 * 1024


def usage(gateway):
    """Resident bytes and open descriptors of the gateway's process."""
    pid = gateway.process.pid
    pages = int(open(f"/proc/{pid}/statm").read().split()[1])
    return pages * os.sysconf("SC_PAGESIZE"), len(os.listdir(f"/proc/{pid}/fd"))


class Witness(threading.Thread):
    """Another user, who follows a scan that is posted to, for as long as an attack goes on."""

    def __init__(self, gateway, scan):
        super().__init__(daemon=True)
        self.gateway, self.scan = gateway, scan
        self.delays = []
        self.error = None
        self.is_over = threading.Event()

    def run(self):
        try:
            self.gateway.post(self.scan, {"type": "scanStarted"})
            connection = self.gateway.connection()
            with self.gateway.sync_ws(self.scan, self.gateway.reader("witness")) as follower:
                follower.recv(timeout=20)
                while not self.is_over.is_set():
                    start = time.monotonic()
                    try:
                        answer = self.gateway.post(self.scan, {"type": "phaseStarted"}, connection=connection)
                    except (http.client.RemoteDisconnected, ConnectionError):
                        # On a busy machine the pause may exceed the keep-alive of the tests with short times.
                        connection = self.gateway.connection()
                        answer = self.gateway.post(self.scan, {"type": "phaseStarted"}, connection=connection)
                    assert answer.status == 202, answer
                    assert json.loads(follower.recv(timeout=20))["type"] == "phaseStarted"
                    self.delays.append(time.monotonic() - start)
                    time.sleep(0.05)
        except Exception as error:  # told by the test's own thread
            self.error = error

    def __enter__(self):
        self.start()
        wait_for(lambda: self.delays or self.error)
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.join(30)
        assert self.error is None, repr(self.error)
        # A busy machine is slow by itself; a blocked gateway does nothing at all.
        assert max(self.delays) < 10, max(self.delays)


QUICK = {"timeouts": {"handshake": "1s", "headers": "1s", "body": "1s", "keep_alive": "1s", "close": "1s"}}


def get(target, *fields, method="GET"):
    target = target if isinstance(target, bytes) else target.encode("latin-1")
    lines = [method.encode() + b" " + target + b" HTTP/1.1", b"Host: localhost", *(f.encode("latin-1") for f in fields)]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def closes_within(connection, seconds):
    """How long it takes until the gateway ends a connection, and what it said; fails beyond `seconds`."""
    start = time.monotonic()
    connection.settimeout(seconds)
    received = b""
    try:
        while piece := connection.recv(65536):
            received += piece
    except TimeoutError:
        raise AssertionError(f"still open after {seconds} s, {received!r}") from None
    except OSError:
        pass
    return time.monotonic() - start, received


def trickle(connection, data, seconds, pause=0.1):
    """Sends byte by byte, until the other side ends it or the time is over."""
    end = time.monotonic() + seconds
    for byte in data:
        if time.monotonic() > end:
            return
        try:
            connection.sendall(bytes([byte]))
        except OSError:
            return
        time.sleep(pause)


def frame(opcode, payload=b"", final=True, reserved=0, masked=True, length=None):
    head = bytes([(0x80 if final else 0) | reserved | opcode])
    mask = 0x80 if masked else 0
    if length is not None:
        head += length
    elif len(payload) < 126:
        head += bytes([mask | len(payload)])
    elif len(payload) < 65536:
        head += bytes([mask | 126]) + struct.pack(">H", len(payload))
    else:
        head += bytes([mask | 127]) + struct.pack(">Q", len(payload))
    # A key of zeros leaves the payload as it is.
    return head + (b"\0\0\0\0" if masked else b"") + payload


TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class RawSocket:
    """A WebSocket whose bytes are ours to choose."""

    def __init__(self, gateway, path, sub="attacker", fields=(), receive_buffer=None, send_buffer=None):
        plain = socket.socket()
        plain.settimeout(PATIENCE)
        if receive_buffer:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            # As on a real line: with the loopback's segments of 64 KiB the system holds megabytes for a slow reader.
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1400)
        if send_buffer:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        plain.connect(("127.0.0.1", gateway.port))
        self.connection = gateway.ssl.wrap_socket(plain, server_hostname="localhost")
        self.connection.sendall(get(
            path, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", f"Authorization: Bearer {gateway.reader(sub)}", *fields))
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            piece = self.connection.recv(4096)
            assert piece, self.buffer
            self.buffer += piece
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 101"), head

    def send(self, data):
        try:
            self.connection.sendall(data)
        except OSError:
            pass

    def exchange(self, data, timeout=20, until=None):
        """Sends while it reads, until the gateway closes, or until a frame that is asked for; the frames that came.

        One thread does both: a TLS connection is not made for two.
        """
        taken = []
        self.connection.setblocking(False)
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            wants_write = False
            if data:
                try:
                    data = data[self.connection.send(data[:16384]):]
                    continue
                except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    wants_write = True
                except OSError:
                    data = b""
            try:
                piece = self.connection.recv(65536)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                select.select([self.connection], [self.connection] if wants_write else [], [], 0.5)
                continue
            except OSError:
                return taken
            if not piece:
                return taken
            self.buffer += piece
            while (one := self._take()) is not None:
                taken.append(one)
                if until is not None and until(one):
                    return taken
                if one[0] == CLOSE:
                    self.connection.setblocking(True)
                    self.send(frame(CLOSE, one[1][:2]))
                    return taken
        raise AssertionError("the gateway neither speaks nor ends the connection")

    def push(self, data, patience=1):
        """Sends until the gateway has taken nothing for so long; what is left, to be sent before all else."""
        rest = memoryview(data)
        self.connection.settimeout(patience)
        with contextlib.suppress(TimeoutError):
            while rest:
                rest = rest[self.connection.send(rest[:16384]):]
        return bytes(rest)

    def frames(self, timeout=20):
        """Opcode and payload of each frame, until the gateway ends the connection."""
        self.connection.settimeout(timeout)
        while True:
            while (taken := self._take()) is not None:
                yield taken
            try:
                piece = self.connection.recv(65536)
            except TimeoutError:
                raise AssertionError("the gateway neither speaks nor ends the connection") from None
            except OSError:
                return
            if not piece:
                return
            self.buffer += piece

    def _take(self):
        if len(self.buffer) < 2:
            return None
        length, start = self.buffer[1], 2
        if length == 126:
            length, start = int.from_bytes(self.buffer[2:4]), 4
        elif length == 127:
            length, start = int.from_bytes(self.buffer[2:10]), 10
        if len(self.buffer) < start + length:
            return None
        taken = self.buffer[0] & 0x0F, self.buffer[start:start + length]
        self.buffer = self.buffer[start + length:]
        return taken

    def close_code(self, timeout=20):
        code = None
        for opcode, payload in self.frames(timeout):
            if opcode == CLOSE and code is None:
                code = int.from_bytes(payload[:2])
                self.send(frame(CLOSE, payload[:2]))
        return code

    def close(self):
        self.connection.close()


class Attack:
    """`with Attack(gateway, name):` another client is served meanwhile, and nothing is left behind."""

    def __init__(self, gateway, name):
        self.gateway, self.name = gateway, name
        self.witness = Witness(gateway, "witness")

    def __enter__(self):
        self.before = usage(self.gateway)
        self.witness.__enter__()
        return self

    def __exit__(self, kind, *_):
        self.witness.__exit__()
        if kind:
            return
        wait_for(lambda: usage(self.gateway)[1] <= self.before[1] + 8)
        after = usage(self.gateway)
        print(f"\n{self.name}: RSS {self.before[0] >> 20} -> {after[0] >> 20} MiB, "
              f"descriptors {self.before[1]} -> {after[1]}, slowest delivery {max(self.witness.delays):.2f} s")
        assert after[0] <= self.before[0] + MARGIN_BYTES
