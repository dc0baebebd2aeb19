#!/usr/bin/env python3
"""What the gateway executes for a message, a delivery and a connection: instructions counted by callgrind, so that a
busy machine changes nothing but the time it takes.

    Benchmarks/count.py [--json FILE] [PROGRAM]        PROGRAM: .build/release/sluice
    Benchmarks/count.py --check [PROGRAM]              fails over the limits of Benchmarks/counts.json

One event loop, no TLS, log level error. The gateway starts, is warmed up, its counters are set to
zero, the work is done, and the counters are dumped: its start and its end count for nothing. Two runs differ by 1 to
3 %, as timers fire more or less often. valgrind cannot read the debug information of Swift, so a stripped copy runs.
"""
import argparse
import json
import os
import pathlib
import re
import secrets
import socket
import ssl
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
PATIENCE = 120


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


class Gateway:
    """The program under callgrind."""

    def __init__(self, program, folder, max_frames=10):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=folder))
        self.port = free_port()
        (self.folder / "jwt.key").write_text(secrets.token_hex(32) + "\n")
        (self.folder / "jwt.key").chmod(0o600)
        (self.folder / "config.yaml").write_text(json.dumps({
            "listen": {"host": "127.0.0.1", "port": self.port, "event_loops": 1, "plaintext": True},
            "admin": {"port": free_port()},
            "auth": {"keys": [{"id": "bench", "algorithm": "HS256", "secret_file": "jwt.key"}]},
            "relay": {"max_messages_per_second": max_frames},
            "limits": {"connections": {"per_user": 20000, "per_address": 20000},
                       "accepts": {"rate": 100000, "burst": 100000}, "handshakes": {"rate": 100000, "burst": 100000},
                       "ingest": {"rate": 10000000, "burst": 10000000},
                       "requests": {"rate": 1000000, "burst": 1000000}},
            "clients": {"timeout": "10m"}, "log": {"level": "error"}}))
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}
        self.environment["SWIFT_BACKTRACE"] = "enable=no"
        command = [program, "token", "--config", "config.yaml", "--sub", "bench", "--scans", "*", "--scope", "ingest",
                   "--ttl", "1h"]
        self.token = subprocess.run(command, cwd=self.folder, env=self.environment, check=True, capture_output=True,
                                    text=True).stdout.strip()
        self.log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen(
            ["valgrind", "--tool=callgrind", "--callgrind-out-file=out", program, "serve", "--config", "config.yaml"],
            cwd=self.folder, stdout=self.log, stderr=self.log,
            env=self.environment | {"LD_PRELOAD": f"{folder}/stay.so"})
        self.connect().close()

    def connect(self):
        end = time.monotonic() + PATIENCE
        while True:
            try:
                stream = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
                stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return stream
            except ConnectionRefusedError:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise SystemExit((self.folder / "log").read_text(errors="replace")) from None
                time.sleep(0.2)

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


def message(size):
    text = json.dumps({"type": "finding", "severity": "high", "host": "10.0.0.1", "pad": ""}, separators=(",", ":"))
    return text[:-2].encode() + b"x" * (size - len(text)) + b'"}'


def drain(streams, mark, count):
    """Reads until each of the streams got `count` messages."""
    for stream in streams:
        seen = 0
        while seen < count:
            data = stream.recv(1 << 20)
            assert data, "the gateway closed"
            seen += data.count(mark)


def post(gateway):
    stream = gateway.connect()
    gateway.posts(stream, 200, message(500))
    return gateway.counted(lambda: gateway.posts(stream, 1000, message(500))) / 1000


def array(gateway):
    stream = gateway.connect()
    body = b"[" + b",".join([message(500)] * 50) + b"]"
    gateway.posts(stream, 10, body)
    return gateway.counted(lambda: gateway.posts(stream, 40, body)) / 2000


def fanout(gateway, query, rounds=200, readers=50):
    stream = gateway.connect()
    gateway.posts(stream, 1, b'{"type":"start"}')
    streams = gateway.subscribers(readers, query)

    def work(rounds):
        for _ in range(rounds):
            gateway.posts(stream, 1, message(500))
            drain(streams, b'"pad"', 1)

    work(20)
    return gateway.counted(lambda: work(rounds)) / rounds / readers


def batched(gateway, readers=50):
    """Each post of ten messages goes out in one frame."""
    stream = gateway.connect()
    gateway.posts(stream, 1, b'{"type":"start"}')
    streams = gateway.subscribers(readers)
    body = b"[" + b",".join([message(500)] * 10) + b"]"

    def work(rounds):
        for _ in range(rounds):
            gateway.posts(stream, 1, body)
            drain(streams, b'"pad"', 10)

    work(5)
    return gateway.counted(lambda: work(50)) / 500 / readers


CASES = {
    "post": (post, 10, "a POST of one message of 500 bytes"),
    "array": (array, 10, "a message in arrays of 50"),
    "frame": (lambda gateway: fanout(gateway, "?batch=off"), 0, "a message in a frame of its own, one of 50 readers"),
    "batched": (batched, 0, "a message in batches of 10, one of 50 readers"),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="?", default=".build/release/sluice")
    parser.add_argument("--check", action="store_true", help="fail over the limits of counts.json")
    parser.add_argument("--json", metavar="FILE", help="write the counts here")
    parser.add_argument("--cases", default=",".join(CASES))
    options = parser.parse_args()
    limits = json.loads((HERE / "counts.json").read_text()) if options.check else {}
    counts, over = {}, []
    with tempfile.TemporaryDirectory() as folder:
        program = f"{folder}/sluice"
        subprocess.run(["strip", "-g", "-o", program, options.program], check=True)
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", f"{folder}/stay.so", HERE / "stay.c", "-ldl"], check=True)
        for name in options.cases.split(","):
            work, frames, meaning = CASES[name]
            gateway = Gateway(program, folder, frames)
            try:
                counts[name] = round(work(gateway))
            finally:
                gateway.end()
            print(f"{name:10} {counts[name]:10,} instructions: {meaning}", flush=True)
            if counts[name] > limits.get(name, counts[name]):
                over.append(f"{name}: {counts[name]:,} instructions, and may be {limits[name]:,}")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(counts, indent=4) + "\n")
    for line in over:
        print(f"over the limit: {line}", file=sys.stderr)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
