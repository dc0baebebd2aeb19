"""Three gateways over three servers of NATS, each on a machine of its own, and clients that go from one to another."""

import base64
import json
import os
import pathlib
import signal
import socket
import sys
import threading
import time
import urllib.request

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "Cluster"))

from checks import wait_until
from gateway import Gateway
from servers import Servers

SHARDS = 3


def shard(scan):
    """Which stream a scan is in: FNV-1a of its name."""
    value = 0xCBF29CE484222325
    for byte in scan.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value % SHARDS


class Cluster:
    def __init__(self, program, folder, network, append_timeout=4, cut_off_after=6, more=""):
        self.append_timeout, self.cut_off_after = append_timeout, cut_off_after
        self.machines = [network.box(11 + index, "engine", "routes") for index in range(3)]
        self.servers = Servers(
            folder,
            clients=[box.address("engine") for box in self.machines],
            routes=[box.address("routes") for box in self.machines],
            prefixes=[box.prefix for box in self.machines],
        )
        for index in range(3):
            self.servers.start(index)
        self.servers.wait()
        addresses = json.dumps(self.servers.urls.split(","))
        engine = (f"{{ nats: {{ servers: {addresses}, name: test, shards: {SHARDS},"
                  f" append_timeout: {append_timeout}s, cut_off_after: {cut_off_after}s }} }}")
        self.boxes = [network.box(21 + index, "clients", "engine") for index in range(3)]
        self.gateways = [
            Gateway(program, f"{folder}/gateway{index}", prefix=box.prefix, host=box.address("clients"), engine=engine,
                    more=f"node: {{ name: gateway{index} }}\n{more}")
            for index, box in enumerate(self.boxes)
        ]
        for gateway in self.gateways:
            gateway.start()
        self.wait_until_ready()

    def wait_until_ready(self, seconds=30):
        """All servers and gateways are well; how long that took."""
        begun = time.monotonic()
        self.servers.wait(60)
        for gateway in self.gateways:
            wait_until(lambda: gateway.admin("/readyz")[0] == 200, f"{gateway.folder} is not ready", seconds)
        return time.monotonic() - begun

    def leaders(self):
        """Which server leads each stream, by the word of those that answer."""
        found = {}
        for monitor in self.servers.monitors:
            try:
                with urllib.request.urlopen(f"http://{monitor}/jsz?accounts=1&streams=1", timeout=1) as answer:
                    accounts = json.loads(answer.read()).get("account_details") or []
            except OSError:
                continue
            for account in accounts:
                for stream in account.get("stream_detail") or []:
                    leader = stream.get("cluster", {}).get("leader")
                    if "_LOG_" in stream["name"] and leader:
                        found[int(stream["name"].rsplit("_", 1)[1])] = int(leader[1:])
        return found

    def send(self, server, number):
        self.servers.processes[server].send_signal(number)

    def kill_server(self, server, number=signal.SIGKILL):
        self.send(server, number)
        self.servers.processes[server].wait()

    def close(self):
        for gateway in self.gateways:
            if gateway.process.poll() is None:
                gateway.kill()
        self.servers.stop()


class Anywhere:
    """Several gateways for one client: it goes on at the next where one is gone or refuses."""

    def __init__(self, gateways, first=0):
        self.gateways, self.number = gateways, first
        self.token = gateways[0].token
        self.acknowledged_at = []

    def connect(self, timeout=30):
        gateway = self.gateways[self.number % len(self.gateways)]
        self.number += 1
        return gateway.connect(timeout)

    def post(self, scan, messages, key, connection):
        answer = self.gateways[0].post(scan, messages, key, connection)
        if answer[0] == 503:
            raise ConnectionError(str(answer[2]))
        if answer[0] == 202:
            self.acknowledged_at.append(time.monotonic())
        return answer


class Watcher(threading.Thread):
    """A WebSocket at one gateway, until it is closed: with which code, and when."""

    def __init__(self, gateway, scan):
        super().__init__(daemon=True)
        self.gateway, self.scan = gateway, scan
        self.code = self.closed_at = None
        self.is_open = threading.Event()

    def run(self):
        connection = socket.create_connection((self.gateway.host, self.gateway.port), timeout=60)
        key = base64.b64encode(os.urandom(16)).decode()
        connection.sendall((f"GET /api/ws/scans/{self.scan} HTTP/1.1\r\nHost: {self.gateway.host}\r\n"
                            f"Authorization: Bearer {self.gateway.token}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n").encode())
        reader = connection.makefile("rb")
        status = reader.readline()
        while reader.readline().strip():
            pass
        if b" 101 " not in status:
            return
        self.is_open.set()
        while (head := reader.read(2)) and len(head) == 2:
            size = head[1] & 127
            if size >= 126:
                size = int.from_bytes(reader.read(2 if size == 126 else 8), "big")
            payload = reader.read(size)
            if head[0] & 15 == 9:
                connection.sendall(bytes([0x8A, 0x80 | size, 0, 0, 0, 0]) + payload)
            elif head[0] & 15 == 8:
                self.code, self.closed_at = int.from_bytes(payload[:2], "big"), time.monotonic()
                connection.close()
                return
