"""Where clients come in besides the port of their own: load balancers, a socket in the file system, and http://."""

import http.client
import json
import os
import re
import socket
import ssl
import stat
import struct
import subprocess
import time

import pytest
import websockets.sync.client

from conftest import BASE, PATIENCE, SLUICE, Gateway, clean_environment, merged, read_until, wait_for

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
BALANCED = {"proxy_protocol": True, "trusted_proxies": ["127.0.0.1/32"]}


def v2(address="192.0.2.7", port=1234, command=0x21, family=None, more=b""):
    kind = socket.AF_INET6 if ":" in address else socket.AF_INET
    ends = socket.inet_pton(kind, address) + socket.inet_pton(kind, "::1" if ":" in address else "127.0.0.1")
    rest = ends + struct.pack(">HH", port, 443) + more
    return SIGNATURE + struct.pack(">BBH", command, family or (0x21 if ":" in address else 0x11), len(rest)) + rest


def v1(address="192.0.2.7", port=1234):
    version = "6" if ":" in address else "4"
    return f"PROXY TCP{version} {address} {'::1' if version == '6' else '127.0.0.1'} {port} 443\r\n".encode()


def connect(gateway, preface, source=None, pieces=False):
    """A connection, TLS done, that begins with a preface."""
    plain = socket.create_connection(("127.0.0.1", gateway.port), timeout=PATIENCE,
                                     source_address=(source, 0) if source else None)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for part in ([preface[i:i + 1] for i in range(len(preface))] if pieces else [preface]):
        plain.sendall(part)
        if pieces:
            time.sleep(0.002)
    return plain if gateway.is_plaintext else gateway.ssl.wrap_socket(plain, server_hostname="localhost")


def ask(connection, gateway, path="/api/probe", headers=None, token=None):
    fields = {"Host": gateway.authority, "Authorization": f"Bearer {token or gateway.reader()}"} | (headers or {})
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    connection.sendall(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())
    response = http.client.HTTPResponse(connection, method="GET")
    response.begin()
    return response.status, json.loads(response.read() or b"{}")


def is_closed(plain):
    plain.settimeout(PATIENCE)
    try:
        return plain.recv(1) == b""
    except ConnectionError:
        return True


@pytest.fixture(scope="module", params=[False, True], ids=["tls", "plaintext"])
def balanced(request, make_folder):
    config = merged(BASE, {"listen": BALANCED | {"plaintext": request.param}})
    gateway = Gateway(make_folder(), config)
    yield gateway
    assert gateway.process.poll() is None, gateway.log()
    gateway.kill()


@pytest.mark.parametrize("preface, address", [
    (v1(), "192.0.2.7"), (v2(), "192.0.2.7"), (v1("2001:db8::7"), "2001:db8:0:0:0:0:0:7"),
    (v2("2001:db8::7"), "2001:db8:0:0:0:0:0:7"), (v2(more=b"\x04\x01\x2c" + bytes(300)), "192.0.2.7"),
    (b"PROXY UNKNOWN\r\n", "127.0.0.1"), (v2(command=0x20), "127.0.0.1"), (SIGNATURE + b"\x20\0\0\0", "127.0.0.1"),
], ids=["v1", "v2", "v1-6", "v2-6", "tlv", "unknown", "local", "local-bare"])
@pytest.mark.parametrize("pieces", [False, True])
def test_the_address_is_the_one_that_the_balancer_names(balanced, preface, address, pieces):
    with connect(balanced, preface, pieces=pieces) as connection:
        for _ in range(2):
            status, seen = ask(connection, balanced)
            assert (status, seen["address"]) == (200, address)


def test_forwarded_fields_are_believed_only_of_a_trusted_address(balanced):
    told = {"X-Forwarded-For": "198.51.100.9"}
    with connect(balanced, v2()) as connection:
        assert ask(connection, balanced, headers=told)[1]["address"] == "192.0.2.7"
    for preface in (v2("127.0.0.1"), v2(command=0x20)):
        with connect(balanced, preface) as connection:
            assert ask(connection, balanced, headers=told)[1]["address"] == "198.51.100.9"


@pytest.mark.parametrize("preface", [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"PROXY TCP4 1.2.3 4.5.6.7 1 2\r\n",
    b"PROXY TCP4 192.0.2.7 127.0.0.1 1 2\n", b"PROXY " + b"x" * 200, SIGNATURE + b"\x31\x11\0\x0c" + bytes(12),
    SIGNATURE + b"\x21\x12\0\x0c" + bytes(12), SIGNATURE + b"\x21\x11\0\x04" + bytes(4),
    SIGNATURE + b"\x21\x11\xff\xff", b"proxy tcp4 192.0.2.7 127.0.0.1 1 2\r\n",
], ids=["http", "tls", "address", "line-end", "long", "version", "datagram", "short", "huge", "case"])
def test_a_malformed_preface_closes_the_connection(balanced, preface):
    before = balanced.refused("proxy_protocol")
    with socket.create_connection(("127.0.0.1", balanced.port), timeout=PATIENCE) as plain:
        plain.sendall(preface)
        assert is_closed(plain)
    assert balanced.refused("proxy_protocol") == before + 1


def test_others_than_balancers_are_closed(balanced):
    before = balanced.refused("proxy_protocol")
    with socket.create_connection(("127.0.0.1", balanced.port), source_address=("127.0.0.2", 0)) as plain:
        try:
            plain.sendall(v2())
        except ConnectionError:
            pass
        assert is_closed(plain)
    assert balanced.refused("proxy_protocol") == before + 1


def test_a_late_preface_closes_the_connection(make_gateway):
    gateway = make_gateway(listen=BALANCED, limits={"timeouts": {"headers": "300ms"}})
    for preface in (b"", b"PROXY TCP4 192", SIGNATURE[:5]):
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=PATIENCE) as plain:
            plain.sendall(preface)
            assert is_closed(plain)
    assert gateway.refused("proxy_protocol") == 3


def test_whoever_has_not_been_named_does_not_hold_up_the_end(make_gateway):
    gateway = make_gateway(listen=BALANCED, shutdown={"grace": "10m"})
    with socket.create_connection(("127.0.0.1", gateway.port)) as silent, \
            socket.create_connection(("127.0.0.1", gateway.port)) as begun:
        begun.sendall(SIGNATURE[:5])
        wait_for(lambda: gateway.metrics()["sluice_transports"] == 2)
        gateway.terminate()
        assert is_closed(silent) and is_closed(begun)
        assert gateway.wait() == 0


def test_limits_count_the_named_address(make_gateway, scan):
    gateway = make_gateway(listen=BALANCED, limits={"accepts": {"rate": 0.01, "burst": 3},
                                                    "connections": {"per_address": 2}})
    gateway.ssl.check_hostname = True
    held = [connect(gateway, v2("192.0.2.1")) for _ in range(3)]
    for connection in held:
        assert ask(connection, gateway)[0] == 200
    with pytest.raises((ssl.SSLError, ConnectionError)):
        connect(gateway, v2("192.0.2.1"))
    assert gateway.refused("accepts") == 1
    # Other clients of the same balancer, and the balancer's own checks, are not held back.
    for number in range(20):
        with connect(gateway, v2(f"192.0.2.{100 + number}")) as connection:
            assert ask(connection, gateway)[0] == 200
        with connect(gateway, v2(command=0x20)) as connection:
            assert ask(connection, gateway)[0] == 200
    for connection in held:
        connection.close()


def test_a_socket_works_through_a_balancer(balanced, scan):
    def post(type):
        body = json.dumps({"type": type})
        with connect(balanced, v2()) as producer:
            producer.sendall((f"POST /api/scans/{scan}/progress HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                              f"Authorization: Bearer {balanced.producer()}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
                              ).encode())
            assert producer.recv(12) == b"HTTP/1.1 202"

    post("before")
    with websockets.sync.client.connect(
            f"ws://{balanced.authority}/api/ws/scans/{scan}", sock=connect(balanced, v1()), proxy=None,
            additional_headers={"Authorization": f"Bearer {balanced.reader()}"}) as live:
        read_until(live, "subscribed")
        post("live")
        read_until(live, "live")


# A socket in the file system


class LocalConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(self.path)


def local(path, target="/api/probe", headers=None, token=None):
    connection = LocalConnection(path)
    connection.request("GET", target, headers=({"Authorization": f"Bearer {token}"} if token else {}) | (headers or {}))
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, json.loads(body) if body.startswith(b"{") else body


@pytest.mark.parametrize("mask", [0, 0o077])
def test_a_local_proxy_is_trusted(make_gateway, make_folder, scan, mask):
    folder = make_folder()
    path = folder / "sluice.sock"
    old = os.umask(mask)
    try:
        gateway = make_gateway(folder=folder, listen={"unix": "sluice.sock", "proxy_protocol": True,
                                                      "trusted_proxies": ["192.0.2.0/24"]},
                               limits={"accepts": {"rate": 0.01, "burst": 1}})
    finally:
        os.umask(old)
    assert stat.S_ISSOCK(path.stat().st_mode) and stat.S_IMODE(path.stat().st_mode) == 0o660
    token = gateway.reader()
    for _ in range(5):
        assert local(path, "/healthz") == (200, b"ok\n")
    told = {"X-Forwarded-For": "198.51.100.9, 192.0.2.1", "X-Forwarded-Proto": "https", "Host": "scans.example"}
    status, seen = local(path, headers=told, token=token)
    assert status == 200
    assert (seen["address"], seen["scheme"], seen["isThroughProxy"]) == ("198.51.100.9", "https", True)
    assert seen["authority"] == "scans.example"
    status, seen = local(path, token=token)
    assert (status, seen["address"], seen["scheme"]) == (200, "unix", "http")
    # A page of the name that the proxy is reached by is the gateway's own.
    own = told | {"Origin": "https://scans.example"}
    assert local(path, "/api/scans/stats", own, token)[0] == 200
    plain = socket.socket(socket.AF_UNIX)
    plain.connect(str(path))
    with websockets.sync.client.connect(
            "ws://scans.example/api/ws", sock=plain, proxy=None,
            additional_headers={"Authorization": f"Bearer {token}", "X-Forwarded-Proto": "https"},
            origin="https://scans.example") as live:
        live.send('{"action":"ping"}')
        read_until(live, "pong")
    gateway.terminate()
    assert gateway.wait() == 0
    assert not path.exists()


def test_a_socket_that_nobody_listens_on_is_replaced_and_nothing_else_is(make_gateway, make_folder):
    folder = make_folder()
    path = folder / "sluice.sock"
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()
    gateway = make_gateway(folder=folder, listen={"unix": "sluice.sock"})
    assert local(path, "/healthz")[0] == 200

    def start():
        return subprocess.run([SLUICE, "serve", "--config", str(gateway.config_file)], capture_output=True, text=True,
                              timeout=PATIENCE, env=clean_environment(), cwd=folder)

    # Another gateway listens there.
    second = start()
    assert second.returncode != 0 and "listens there" in second.stderr, second
    assert local(path, "/healthz")[0] == 200
    gateway.kill()
    gateway.log_file.unlink()
    # What a killed one leaves behind is no hindrance; any other file is.
    gateway = make_gateway(folder=folder, listen={"unix": "sluice.sock"})
    assert local(path, "/healthz")[0] == 200
    gateway.kill()
    path.unlink()
    path.write_text("mine")
    fault = start()
    assert fault.returncode == 78 and "listen.unix: expected a socket or nothing" in fault.stderr, fault
    assert path.read_text() == "mine"


# http:// to https://


def redirect(gateway, request):
    port = int(re.search(r"\bredirect_port=(\d+)", gateway.log())[1])
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as plain:
        plain.sendall(request)
        response = http.client.HTTPResponse(plain, method=request.split(b" ")[0].decode())
        response.begin()
        return response.status, response.headers.get("Location"), response.read()


def test_http_is_sent_to_https(make_gateway):
    gateway = make_gateway(listen={"redirect_http": {"port": 0}})
    host = b"Host: scans.example:8080\r\n"
    there = f"https://scans.example:{gateway.port}"
    for request, path in [
        (b"GET / HTTP/1.1\r\n", "/"), (b"GET /api/scans/a%2Fb?x=%20&token=y HTTP/1.1\r\n", "/api/scans/a%2Fb?x=%20&token=y"),
        (b"HEAD /x HTTP/1.1\r\n", "/x"), (b"GET /healthz HTTP/1.1\r\n", "/healthz"),
        (b"POST /api/scans/a/progress HTTP/1.1\r\nContent-Length: 0\r\n", "/api/scans/a/progress"),
        (b"OPTIONS * HTTP/1.1\r\n", "/"), (b"GET /x HTTP/1.0\r\n", "/x"),
    ]:
        status, location, _ = redirect(gateway, request + host + b"\r\n")
        assert (status, location) == (308, there + path), request
    assert redirect(gateway, b"GET http://b.example/c HTTP/1.1\r\nHost: b.example\r\n\r\n")[:2] == (
        308, f"https://b.example:{gateway.port}/c")
    for bad in (b"", b"Host:\r\n", b"Host: a b\r\n", b"Host: a.example/x\r\n", b"Host: u@a.example\r\n",
                b"Host: a.example:x\r\n", b"Host: a.example:99999\r\n", b"Host: a\r\nHost: b\r\n", b"Host: a..b\r\n"):
        status, location, body = redirect(gateway, b"GET / HTTP/1.1\r\n" + bad + b"\r\n")
        assert (status, location) == (400, None), bad
        assert json.loads(body)["code"] == "bad_request"
    assert redirect(gateway, b"GET / HTTP/1.0\r\n\r\n")[0] == 400


def test_the_port_of_https_may_be_another(make_gateway):
    gateway = make_gateway(listen={"redirect_http": {"port": 0, "to": 443}})
    assert redirect(gateway, b"GET /x HTTP/1.1\r\nHost: scans.example\r\n\r\n")[:2] == (308, "https://scans.example/x")
