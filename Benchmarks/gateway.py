"""The gateway under something that counts, and what clients do with it."""
import json
import mmap
import os
import pathlib
import re
import secrets
import selectors
import socket
import ssl
import struct
import subprocess
import tempfile
import time

PATIENCE = 120
HERE = pathlib.Path(__file__).parent
# Of heap.c's struct.
STEP, ROWS = 16, 4096


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def read_until(stream, mark, data=b""):
    while mark not in data:
        part = stream.recv(1 << 20)
        if not part:
            raise EOFError(f"the gateway closed: {data[-200:]!r}")
        data += part
    return data


def heap_library(folder):
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", f"{folder}/heap.so", HERE / "heap.c"], check=True)


def read_heap(file):
    """Allocations since the start, and of what is live now, its bytes and its blocks by size."""
    with open(file, "rb") as opened, mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ) as counts:
        allocations, live_bytes, *blocks = struct.unpack(f"{2 + ROWS}q", counts[: 8 * (2 + ROWS)])
    if not allocations:
        raise SystemExit("count: the program does not use the C library's allocator")
    return allocations, live_bytes, blocks


def tools(program, folder):
    """What all the gateways run: a stripped copy, since valgrind cannot read Swift's debug information; libraries."""
    subprocess.run(["strip", "-g", "-o", f"{folder}/sluice", program], check=True)
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", f"{folder}/stay.so", HERE / "stay.c", "-ldl"], check=True)
    heap_library(folder)
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
               "-subj", "/CN=localhost", "-keyout", f"{folder}/key.pem", "-out", f"{folder}/certificate.pem"]
    subprocess.run(command, check=True, capture_output=True)


class Gateway:
    """The program with one event loop and no TLS, unless asked for; its subclasses say what is counted."""

    # The words before the program's, and what is added to its environment.
    prefix = ()
    added = {}

    def __init__(self, folder, max_frames=10, tls=False):
        self.tls = tls
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=folder))
        self.port = free_port()
        program = f"{folder}/sluice"
        (self.folder / "jwt.key").write_text(secrets.token_hex(32) + "\n")
        (self.folder / "jwt.key").chmod(0o600)
        listen = {"host": "127.0.0.1", "port": self.port, "event_loops": 1}
        secure = {"certificate": f"{folder}/certificate.pem", "private_key": f"{folder}/key.pem"}
        (self.folder / "config.yaml").write_text(json.dumps({
            "listen": listen if tls else listen | {"plaintext": True},
            "admin": {"port": free_port()},
            "auth": {"keys": [{"id": "bench", "algorithm": "HS256", "secret_file": "jwt.key"}]},
            "relay": {"max_messages_per_second": max_frames, "stall_after": "1h"},
            "limits": {"connections": {"per_user": 20000, "per_address": 20000},
                       "accepts": {"rate": 100000, "burst": 100000}, "handshakes": {"rate": 100000, "burst": 100000},
                       "ingest": {"rate": 10000000, "burst": 10000000},
                       "requests": {"rate": 1000000, "burst": 1000000}},
            "clients": {"timeout": "10m"}, "log": {"level": "error"}} | ({"tls": secure} if tls else {})))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}
        environment["SWIFT_BACKTRACE"] = "enable=no"
        command = [program, "token", "--config", "config.yaml", "--sub", "bench", "--scans", "*", "--scope", "ingest",
                   "--ttl", "1h"]
        self.token = subprocess.run(command, cwd=self.folder, env=environment, check=True, capture_output=True,
                                    text=True).stdout.strip()
        self.log = open(self.folder / "log", "wb")
        added = {name: value.format(folder=folder) for name, value in self.added.items()}
        self.process = subprocess.Popen([*self.prefix, program, "serve", "--config", "config.yaml"], cwd=self.folder,
                                        stdout=self.log, stderr=self.log, env=environment | added)
        self.connect().close()

    def connect(self):
        end = time.monotonic() + PATIENCE
        while True:
            try:
                stream = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
                stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return self.secured(stream)
            except ConnectionRefusedError:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise SystemExit((self.folder / "log").read_text(errors="replace")) from None
                time.sleep(0.2)

    def secured(self, stream):
        if not self.tls:
            return stream
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context.wrap_socket(stream, server_hostname="localhost")

    def end(self):
        self.process.kill()
        self.process.wait()
        self.log.close()

    # Work

    def request(self, body, scan="bench"):
        return (f"POST /api/scans/{scan}/progress HTTP/1.1\r\nHost: localhost:{self.port}\r\n"
                f"Authorization: Bearer {self.token}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n").encode() + body

    def posts(self, stream, count, body, scan="bench"):
        request = self.request(body, scan)
        for _ in range(count):
            stream.sendall(request)
            answer = read_until(stream, b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 202"), answer
            head, _, rest = answer.partition(b"\r\n\r\n")
            length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
            while len(rest) < length:
                rest += stream.recv(65536)

    def subscribers(self, count, query="", scan="bench"):
        found = []
        for _ in range(count):
            stream = self.connect()
            stream.sendall((f"GET /api/ws/scans/{scan}{query} HTTP/1.1\r\nHost: localhost:{self.port}\r\n"
                            f"Authorization: Bearer {self.token}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n").encode())
            read_until(stream, b'"type":"subscribed"')
            found.append(stream)
        return found


class InstructionCount(Gateway):
    """Instructions in user space, counted by callgrind."""

    prefix = ("valgrind", "--tool=callgrind", "--callgrind-out-file=out")
    added = {"LD_PRELOAD": "{folder}/stay.so"}

    def control(self, option):
        subprocess.run(["callgrind_control", option, str(self.process.pid)], cwd=self.folder, check=True,
                       capture_output=True)

    def counted(self, work):
        """The instructions of the process while `work` runs."""
        self.control("-z")
        work()
        before = set(self.folder.glob("out.*"))
        self.control("-d")
        dumps = set(self.folder.glob("out.*")) - before
        totals = [re.search(r"^(?:summary|totals): (\d+)", dump.read_text(errors="replace"), re.M) for dump in dumps]
        return sum(int(total[1]) for total in totals if total)


class HeapCount(Gateway):
    """Allocations, counted by a preloaded library."""

    added = {"LD_PRELOAD": "{folder}/heap.so", "HEAP_COUNTS": "heap"}

    def heap(self):
        return read_heap(self.folder / "heap")

    def counted(self, work):
        """The allocations of the process while `work` runs."""
        before = self.heap()[0]
        work()
        return self.heap()[0] - before


class Readers:
    """WebSockets that do nothing but answer pings."""

    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.pings = {}

    def add(self, streams):
        for stream in streams:
            stream.setblocking(False)
            self.pings[stream] = 0
            self.selector.register(stream, selectors.EVENT_READ)

    def answer(self, count):
        """Until each of them has been pinged so often; how many pings came."""
        self.pings = dict.fromkeys(self.pings, 0)
        end = time.monotonic() + PATIENCE
        while min(self.pings.values()) < count:
            assert time.monotonic() < end, "no heartbeats"
            for key, _ in self.selector.select(1):
                self.take(key.fileobj)
        return sum(self.pings.values())

    def take(self, stream):
        try:
            while data := stream.recv(4096):
                for place in range(0, len(data), 10):
                    assert data[place:place + 2] == b"\x89\x08", data
                    stream.send(b"\x8a\x88\0\0\0\0" + data[place + 2:place + 10])
                    self.pings[stream] += 1
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        raise EOFError("the gateway closed")
