"""Behind a proxy that ends TLS, and behind one that passes connections on: the examples of deploy/ are run with a
browser's Origin, Traefik's fields imitated.

nginx, HAProxy and Caddy are Debian packages; where one is missing its tests are skipped.
"""

import contextlib
import json
import os
import re
import pathlib
import socket
import ssl
import subprocess
import sys
import time

import pytest
import websockets.sync.client

from conftest import PATIENCE, is_problem, read_until, wait_for

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "deploy"))
import examples  # noqa: E402

BEHIND = {"host": "127.0.0.1", "port": 0, "plaintext": True, "trusted_proxies": ["127.0.0.1/32"], "event_loops": 2}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Front:
    """Looks like the gateway to what talks to it, and is a proxy in front of one."""

    def __init__(self, gateway, port, ca):
        self.gateway, self.port = gateway, port
        self.authority = f"localhost:{port}"
        self.origin = f"https://{self.authority}"
        self.ca = str(ca)
        self.ssl = ssl.create_default_context(cafile=ca)

    def request(self, method, path, headers=None, version="--http1.1", *options):
        """By curl, which speaks HTTP/2 too; the status."""
        fields = [part for name, value in (headers or {}).items() for part in ("-H", f"{name}: {value}")]
        answer = subprocess.run(
            ["curl", "-sS", version, "--cacert", self.ca, "-X", method, "-w", "\n%{http_code}", *fields,
             *options, self.origin + path], capture_output=True, text=True, check=True, timeout=PATIENCE)
        body, _, status = answer.stdout.rpartition("\n")
        return int(status), body

    def websocket(self, path, origin, **options):
        return websockets.sync.client.connect(
            f"wss://{self.authority}{path}", ssl=self.ssl, origin=origin, proxy=None, open_timeout=PATIENCE, **options)

    def socket(self):
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        return self.ssl.wrap_socket(plain, server_hostname="localhost")


@contextlib.contextmanager
def running(front, check, command, folder):
    """A proxy that was checked, once requests come through it."""
    subprocess.run(check, check=True, capture_output=True)
    with open(folder / "output.log", "wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        def stands():
            assert process.poll() is None, (folder / "output.log").read_text()
            try:
                return front.request("GET", "/healthz")[0] == 200
            except subprocess.CalledProcessError:
                return False

        wait_for(stands)
        yield front
    finally:
        process.terminate()
        process.wait(PATIENCE)


@pytest.fixture(params=[
    pytest.param(name, marks=pytest.mark.skipif(examples.program(name.split()[0]) is None, reason=f"no {name} here"))
    for name in [*examples.PROXIES, "nginx (socket)"]])
def front(request, make_gateway, make_folder, tmp_path):
    name, _, is_local = request.param.partition(" ")
    folder = make_folder()
    listen = BEHIND | ({"unix": "sluice.sock", "trusted_proxies": []} if is_local else {})
    gateway = make_gateway(folder=folder, listen=listen, auth={"cookie": "session"}, origins=["https://app.example"])
    secure = free_port()
    check, command = examples.PROXIES[name](
        tmp_path, folder / "sluice.sock" if is_local else gateway.port, secure, free_port(), os.geteuid() == 0)
    with running(Front(gateway, secure, tmp_path / "gateway.crt"), check, command, tmp_path) as front:
        yield front


def test_the_gateways_own_pages_work_behind_the_examples(front, scan):
    gateway = front.gateway
    gateway.post(scan, {"type": "before"})
    cookie = {"Cookie": f"session={gateway.reader()}"}
    for origin in (front.origin, "https://app.example"):
        page = {"Origin": origin} | cookie
        for version in ("--http1.1", "--http2"):
            assert front.request("GET", "/", page, version)[0] == 200
            assert front.request("GET", "/api/scans/stats", page, version)[0] == 200
            status, body = front.request("POST", "/api/tickets", page, version)
            assert status == 201, body
        with front.websocket(f"/api/ws/scans/{scan}", origin, additional_headers=cookie) as live:
            read_until(live, "subscribed")
            gateway.post(scan, {"type": "live"})
            read_until(live, "live")
        with front.websocket(f"/api/ws/scans/{scan}?ticket={json.loads(body)['ticket']}", origin) as live:
            read_until(live, "subscribed")
        # An event arrives while the stream is open: nothing on the way holds it back.
        with front.socket() as stream:
            stream.sendall((f"GET /api/scans/{scan}/events HTTP/1.1\r\nHost: {front.authority}\r\nOrigin: {origin}\r\n"
                            f"Cookie: {cookie['Cookie']}\r\n\r\n").encode())
            seen = b""
            # Heartbeats come as long as it stands: a stream that lacks something would be read for ever.
            deadline = time.monotonic() + 2 * PATIENCE
            while b"event: subscribed" not in seen and time.monotonic() < deadline:
                seen += stream.recv(4096)
            assert seen.startswith(b"HTTP/1.1 200 ") and b"event: subscribed" in seen, seen
            gateway.post(scan, {"type": "event"})
            while b"event: event" not in seen and time.monotonic() < deadline:
                seen += stream.recv(4096)
            assert b"event: event" in seen, seen


def test_strange_pages_are_refused_behind_the_examples(front):
    gateway = front.gateway
    gateway.post("a", {"type": "t"})
    strange = [f"http://{front.authority}", "https://localhost", "https://evil.example", gateway.url, "null"]
    for origin in strange:
        # The browser's own claim about the connection does not count as the proxy's.
        headers = {"Origin": origin, "Authorization": f"Bearer {gateway.reader()}", "X-Forwarded-Proto": "http",
                   "Forwarded": "proto=http"}
        for path, method in (("/api/tickets", "POST"), ("/api/scans/a/events", "GET")):
            status, body = front.request(method, path, headers)
            assert (status, json.loads(body)["code"]) == (403, "origin_refused"), origin
        with pytest.raises(websockets.exceptions.InvalidStatus) as refusal:
            with front.websocket("/api/ws/scans/a", origin, additional_headers=headers | {"Origin": origin}):
                pass
        assert refusal.value.response.status_code in (400, 403)


def test_lines_pass_the_examples_as_they_come(front, scan):
    gateway = front.gateway
    with gateway.sync_ws(f"{scan}?wait=20") as live, front.socket() as upload:
        upload.sendall((f"POST /api/scans/{scan}/progress HTTP/1.1\r\nHost: {front.authority}\r\n"
                        f"Authorization: Bearer {gateway.producer()}\r\nContent-Type: application/x-ndjson\r\n"
                        "Transfer-Encoding: chunked\r\n\r\n").encode())
        for type in ("first", "second"):
            line = json.dumps({"type": type}).encode() + b"\n"
            upload.sendall(b"%x\r\n%b\r\n" % (len(line), line))
            read_until(live, type)
        upload.sendall(b"0\r\n\r\n")
        answer = upload.recv(65536)
        assert answer.startswith(b"HTTP/1.1 202 ") and b'"accepted":2' in answer


# Connections that are passed on


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=pytest.mark.skipif(not is_there(), reason=f"no {name} here"))
    for name, (_, is_there) in examples.BALANCERS.items()])
def test_all_is_the_gateways_behind_a_balancer_of_connections(make_gateway, tmp_path, scan, name):
    gateway = make_gateway(listen={"proxy_protocol": True, "trusted_proxies": ["127.0.0.1/32"],
                                   "redirect_http": {"port": 0, "to": 443}})
    redirects = int(re.search(r"\bredirect_port=(\d+)", gateway.log())[1])
    secure, plain = free_port(), free_port()
    check, command = examples.BALANCERS[name][0](
        tmp_path, gateway.port, redirects, secure, plain, os.geteuid() == 0)
    with running(Front(gateway, secure, gateway.ca), check, command, tmp_path) as front:
        admin = {"Authorization": f"Bearer {gateway.admin()}"}
        page = admin | {"Origin": front.origin}
        for version in ("--http1.1", "--http2"):
            status, body = front.request("GET", "/api/probe", page | {"X-Forwarded-For": "6.6.6.6"}, version,
                                         "--interface", "127.0.0.2")
            # What a stranger writes into fields is not believed of an address that is no proxy's.
            seen = json.loads(body)
            assert (status, seen["address"], seen["scheme"]) == (200, "127.0.0.2", "https")
            assert seen["authority"] == front.authority
        with front.websocket(f"/api/ws/scans/{scan}?wait=20", front.origin, additional_headers=admin) as live:
            done = front.request("POST", f"/api/scans/{scan}/progress", page | {"Content-Type": "application/json"},
                                 "--http2", "--data", '{"type":"live"}')
            assert done[0] == 202, done
            read_until(live, "live")
            assert front.request("GET", "/healthz")[0] == 200
        with socket.create_connection(("127.0.0.1", plain), PATIENCE) as connection:
            connection.sendall(b"GET /a HTTP/1.1\r\nHost: gateway.example.org\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(4096), b""))
        assert answer.startswith(b"HTTP/1.1 308 ") and b"ocation: https://gateway.example.org/a\r\n" in answer
        # The balancer's own checks have a preface, too.
        assert gateway.refused("proxy_protocol") == 0


# Traefik


def traefik(gateway, is_upgrade=False, proto=None):
    """What Traefik 3 adds to a request that reached it by TLS (its middleware ForwardedHeaders, and Go's ReverseProxy).

    `wss` on an upgrade is on purpose there; `Forwarded` passes as the client wrote it.
    """
    return {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Host": gateway.authority,
            "X-Forwarded-Port": str(gateway.port), "X-Forwarded-Proto": proto or ("wss" if is_upgrade else "https"),
            "X-Forwarded-Server": "traefik-7d4b", "X-Real-Ip": "203.0.113.7"}


def test_the_gateways_own_pages_work_behind_traefik(make_gateway):
    gateway = make_gateway(listen=BEHIND)
    gateway.post("a", {"type": "t"})
    page = {"Origin": f"https://{gateway.authority}"}
    with gateway.sync_ws("a", headers=page | traefik(gateway, is_upgrade=True)) as live:
        read_until(live, "subscribed")
    answer = gateway.request("POST", "/api/tickets", token=gateway.reader(), headers=page | traefik(gateway))
    assert answer.status == 201
    assert answer.headers["Access-Control-Allow-Origin"] == page["Origin"]
    connection = gateway.connection()
    connection.request("GET", "/api/scans/a/events", headers=page | traefik(gateway) | {
        "Authorization": f"Bearer {gateway.reader()}"})
    assert connection.getresponse().status == 200
    connection.close()
    # Without TLS at Traefik the page has the other scheme, and a client's own Forwarded changes nothing.
    for proto in ("ws", "http"):
        fields = page | traefik(gateway, proto=proto) | {"Forwarded": "for=203.0.113.7;proto=https"}
        assert gateway.refusal("a", headers=fields).status == 403
        with gateway.sync_ws("a", headers=fields | {"Origin": f"http://{gateway.authority}"}):
            pass


@pytest.mark.parametrize("fields", [
    [("X-Forwarded-Proto", "HTTPS")], [("X-Forwarded-Proto", "Wss")], [("X-Forwarded-Proto", "https, http")],
    [("X-Forwarded-Proto", "https"), ("X-Forwarded-Proto", "https")], [("Forwarded", "proto=https")],
    [("Forwarded", 'for="[2001:db8::1]";Proto=HTTPS;by=10.0.0.1, for=10.0.0.2;proto=http')],
], ids=str)
def test_a_trusted_proxy_says_that_the_page_is_secure(make_gateway, fields):
    gateway = make_gateway(listen=BEHIND)

    def status(listed):
        lines = "".join(f"{name}: {value}\r\n" for name, value in listed)
        with gateway.socket() as connection:
            connection.sendall((f"POST /api/tickets HTTP/1.1\r\nHost: {gateway.authority}\r\nConnection: close\r\n"
                                f"Origin: https://{gateway.authority}\r\nAuthorization: Bearer {gateway.reader()}\r\n"
                                f"{lines}Content-Length: 0\r\n\r\n").encode())
            return int(connection.recv(65536).split()[1])

    assert status(fields) == 201
    assert status([]) == 403
    gateway.reload(listen=BEHIND | {"trusted_proxies": ["10.0.0.0/8"]})
    assert status(fields) == 403
