"""A proxy with its example's own lines in front of a stand-in gateway: what has to pass passes, and in time.

    verify_proxy.py nginx|haproxy|caddy|nginx-cluster|haproxy-cluster SCRATCH_FOLDER
"""

import base64
import contextlib
import hashlib
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

from examples import CLUSTER_PROXIES, PROXIES

WAIT = 5  # Seconds after which something that should have passed at once counts as held back.


class StandIn:
    """Answers like the gateway, as far as a proxy can tell, and remembers what it was told."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.heads = {}
        self.line_seen = threading.Event()
        self.event_seen = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        # A proxy that checks whether the gateway is there does not wait for the end of the answer.
        with contextlib.suppress(ConnectionError), connection, connection.makefile("rb") as reader:
            while (line := reader.readline()):
                path = line.split()[1].decode().partition("?")[0]
                head = {}
                while (field := reader.readline().strip()):
                    name, _, value = field.decode().partition(":")
                    head[name.lower()] = value.strip()
                self.heads[path] = head
                if not self._answer(path, head, reader, connection):
                    return

    def _answer(self, path, head, reader, connection):
        """Whether the connection can take another request."""
        if "upgrade" in head:
            key = head["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            accept = base64.b64encode(hashlib.sha1(key.encode()).digest())
            connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                               b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
            while (data := reader.read1(4096)):
                connection.sendall(data)
            return False
        if path.endswith("/events"):
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\ndata: 1\n\n")
            # The second event goes out only once the first has arrived: held back, it never does.
            self.event_seen.wait(WAIT)
            connection.sendall(b"data: 2\n\n")
            return False
        if path.endswith("/progress"):
            body = b""
            while not body.endswith(b"0\r\n\r\n"):
                body += reader.read1(4096)
                if b"first" in body:
                    self.line_seen.set()
            connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}")
            return True
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        return True


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Client:
    """One TLS connection that says exactly what it is given."""

    def __init__(self, port):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.socket = context.wrap_socket(socket.create_connection(("127.0.0.1", port), WAIT))
        self.socket.settimeout(WAIT)

    def send(self, text):
        self.socket.sendall(text.encode())

    def until(self, mark):
        data = b""
        while mark not in data:
            more = self.socket.recv(4096)
            assert more, f"the connection ended before {mark!r}: {data!r}"
            data += more
        return data


def check_headers(port, gateway):
    client = Client(port)
    client.send(f"GET /api/scans/stats?token=secret-token HTTP/1.1\r\nHost: gateway.example.org:{port}\r\n"
                "X-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Forwarded-Proto: http\r\n\r\n")
    client.until(b"{}")
    head = gateway.heads["/api/scans/stats"]
    assert head["x-forwarded-for"] == "127.0.0.1", head
    assert "forwarded" not in head, head
    assert head["x-forwarded-proto"] == "https", head
    # With its port: a browser's Origin has it too.
    assert head["host"] == f"gateway.example.org:{port}", head
    assert "upgrade" not in head.get("connection", ""), head


def check_websocket(port, gateway):
    client = Client(port)
    client.send("GET /api/ws/scans/a?token=secret-token HTTP/1.1\r\nHost: gateway.example.org\r\n"
                "Connection: Upgrade\r\nUpgrade: websocket\r\nOrigin: https://gateway.example.org\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sluice.v1, bearer.x\r\n"
                "Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    assert client.until(b"\r\n\r\n").startswith(b"HTTP/1.1 101 "), "no upgrade"
    for text in ("one frame", "another"):
        client.send(text)
        assert client.until(text.encode()), "an upgraded connection carries bytes at once, both ways"
    head = gateway.heads["/api/ws/scans/a"]
    assert head["connection"].lower() == "upgrade", head
    for name in ("origin", "sec-websocket-key", "sec-websocket-protocol", "sec-websocket-extensions"):
        assert name in head, f"{name} did not pass"


def check_events(port, gateway):
    client = Client(port)
    client.send("GET /api/scans/a/events HTTP/1.1\r\nHost: gateway.example.org\r\n\r\n")
    client.until(b"data: 1")
    gateway.event_seen.set()
    client.until(b"data: 2")


def check_stream(port, gateway):
    client = Client(port)
    client.send("POST /api/scans/a/progress HTTP/1.1\r\nHost: gateway.example.org\r\n"
                "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n\"first\"\n\r\n")
    assert gateway.line_seen.wait(WAIT), "a line waits for the end of its request"
    client.send("0\r\n\r\n")
    assert client.until(b"{}").startswith(b"HTTP/1.1 202 ")


def check_redirect(plain):
    with socket.create_connection(("127.0.0.1", plain), WAIT) as connection:
        connection.sendall(b"GET /a?b=c HTTP/1.1\r\nHost: gateway.example.org\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert b" 308 " in answer and b"location: https://gateway.example.org/a?b=c\r\n" in answer.lower(), answer


def wait_for(port, server):
    for _ in range(100):
        assert server.poll() is None, "the proxy ended"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the proxy does not listen")


def main():
    name, folder = sys.argv[1], Path(sys.argv[2]) / sys.argv[1]
    folder.mkdir(parents=True)
    gateway, secure, plain = StandIn(), free_port(), free_port()
    check, command = (PROXIES | CLUSTER_PROXIES)[name](folder, gateway.port, secure, plain, os.geteuid() == 0)
    test = subprocess.run(check, capture_output=True, text=True, check=False)
    assert test.returncode == 0 and "warn" not in test.stderr.lower(), test.stderr
    with open(folder / "output.log", "wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        wait_for(secure, server)
        check_headers(secure, gateway)
        check_websocket(secure, gateway)
        check_events(secure, gateway)
        check_stream(secure, gateway)
        check_redirect(plain)
    finally:
        server.terminate()
        server.wait(10)
    log = "".join(file.read_text(encoding="utf-8") for file in folder.glob("*.log"))
    assert "/api/scans/stats" in log and "secret-token" not in log, log


main()
