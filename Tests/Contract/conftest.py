"""Gateways to look at, and what a client needs to talk to them.

`gateway` is shared by all tests and has limits that none of them reaches: use a scan id of your own (`scan`).
`make_gateway(relay={"stall_after": "1s"})` starts a private one with these values over the same configuration.
A gateway that does not live to the end of its test fails it.
"""

import base64
import contextlib
import http.client
import itertools
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import uuid

import jwt
import pytest
import websockets
import websockets.sync.client

SLUICE = os.environ.get("SLUICE") or str(pathlib.Path(__file__).parents[2] / ".build/debug/sluice")
# Generous: the machine may be busy, and a test that waits in vain fails anyway.
PATIENCE = 20

BASE = {
    "listen": {"host": "127.0.0.1", "port": 0, "event_loops": 2},
    "tls": {"certificate": "gateway.crt", "private_key": "gateway.key"},
    "admin": {"host": "127.0.0.1", "port": 0},
    "auth": {"keys": [{"id": "main", "algorithm": "HS256", "secret_file": "jwt.key"}]},
    "limits": {
        "connections": {"total": 20000, "per_user": 5000, "per_address": 10000},
        "accepts": {"rate": 10000, "burst": 20000},
        "handshakes": {"rate": 10000, "burst": 20000},
        "ingest": {"rate": 1000000, "burst": 1000000},
        "requests": {"rate": 10000, "burst": 20000},
        "client_frames": {"rate": 1000, "burst": 2000},
    },
    "shutdown": {"grace": "2s"},
}


def merged(base, over):
    """`base` with the values of `over`, map by map; a list or anything else is replaced as a whole."""
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def clean_environment(**variables):
    """The environment without any key of a configuration."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}
    return environment | {"SWIFT_BACKTRACE": "enable=no"} | variables


def make_certificate(folder, name, subject="localhost"):
    """A self-signed certificate for the loopback: `<name>.crt` and `<name>.key`."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-subj", f"/CN={subject}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.crt")],
        check=True, capture_output=True)


def wait_for(condition, timeout=PATIENCE, interval=0.02):
    """The first true value of `condition()`; fails if there is none in time."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, "waited in vain"
        time.sleep(interval)


class Answer:
    """An HTTP answer: `status`, `headers` (any case), `body` (bytes), `json()`, and `code` of a problem."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json().get("code")

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


class Gateway:
    """A running gateway and its clients."""

    def __init__(self, folder, config, environment=None):
        self.folder = folder
        self.config = config
        self.config_file = folder / "config.yaml"
        self.log_file = folder / "gateway.log"
        self.secret = (folder / "jwt.key").read_bytes().strip()
        self.write_config(config)
        with open(self.log_file, "ab") as log:
            self.process = self._start(log, environment or {})
        try:
            self._await_start()
        except BaseException:
            self.kill()
            raise
        self.authority = f"localhost:{self.port}"
        self.is_plaintext = bool(config["listen"].get("plaintext"))
        self.url = f"{'http' if self.is_plaintext else 'https'}://{self.authority}"
        self.wss = f"{'ws' if self.is_plaintext else 'wss'}://{self.authority}"
        self.admin_url = f"http://127.0.0.1:{self.admin_port}"
        self.ca = str(folder / "gateway.crt")
        self.ssl = None if self.is_plaintext else ssl.create_default_context(cafile=self.ca)

    def _start(self, log, environment):
        return subprocess.Popen(
            [SLUICE, "serve", "--config", str(self.config_file)], cwd=self.folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=log, env=clean_environment(**environment))

    def _await_start(self):
        started = r"gateway serves.*?\badmin_port=(\d+).*?\bport=(\d+)"
        if self.config.get("log", {}).get("format") == "json":
            started = r'"admin_port":"?(\d+).*?"port":"?(\d+)'
        end = time.monotonic() + PATIENCE
        while not (found := re.search(started, self.log())):
            assert self.process.poll() is None, f"the gateway did not start:\n{self.log()}"
            assert time.monotonic() < end, f"the gateway does not start:\n{self.log()}"
            time.sleep(0.02)
        self.admin_port, self.port = int(found[1]), int(found[2])

    # The process

    def write_config(self, config):
        """Writes the file (JSON is YAML); `reload()` makes it hold."""
        self.config = config
        self.config_file.write_text(json.dumps(config))

    def log(self):
        return self.log_file.read_text(errors="replace")

    def reload(self, expected="configuration reloaded", **overrides):
        """Changes the configuration, sends SIGHUP and waits for the log to say so."""
        before = self.log().count(expected)
        self.write_config(merged(self.config, overrides))
        self.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.log().count(expected) > before)

    def terminate(self):
        """Asks it to stop, and does not wait."""
        self.process.send_signal(signal.SIGTERM)

    def wait(self, timeout=PATIENCE):
        return self.process.wait(timeout)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    # Tokens

    def token(self, sub="alice", scans=None, scope=None, roles=None, ttl=3600, key=None, algorithm="HS256", kid=None,
              without=(), **claims):
        """A JWT, by default with the key `main`. `without` leaves claims out; a claim given here wins."""
        now = int(time.time())
        payload = {"sub": sub, "iat": now, "exp": now + ttl}
        payload |= {name: value for name, value in [("scans", scans), ("scope", scope), ("roles", roles)]
                    if value is not None}
        payload |= claims
        for name in without:
            payload.pop(name, None)
        return jwt.encode(payload, key or self.secret, algorithm=algorithm, headers={"kid": kid} if kid else None)

    def reader(self, sub="alice", **claims):
        """A token that may read every scan."""
        return self.token(sub, scans=["*"], **claims)

    def producer(self, sub="scanner", **claims):
        """A token that may post to every scan."""
        return self.token(sub, scope="ingest", **claims)

    def admin(self, sub="root", **claims):
        return self.token(sub, roles=["admin"], **claims)

    # HTTP

    def connection(self, timeout=PATIENCE):
        """An `http.client` connection to the public listener."""
        if self.is_plaintext:
            return http.client.HTTPConnection("localhost", self.port, timeout=timeout)
        return http.client.HTTPSConnection("localhost", self.port, context=self.ssl, timeout=timeout)

    def socket(self, timeout=PATIENCE):
        """A bare connection to the public listener, TLS done."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=timeout)
        return plain if self.is_plaintext else self.ssl.wrap_socket(plain, server_hostname="localhost")

    def request(self, method, path, body=None, headers=None, token=None, connection=None):
        """One request on a connection of its own; `token` as `Authorization: Bearer`, `body` bytes, text or JSON."""
        headers = dict(headers or {})
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        if isinstance(body, str):
            body = body.encode()
        ours = connection or self.connection()
        try:
            ours.request(method, path, body, headers)
            return Answer(ours.getresponse())
        finally:
            if connection is None:
                ours.close()

    def get(self, path, token=None, headers=None):
        return self.request("GET", path, headers=headers, token=token)

    def post(self, scan, messages, token=None, headers=None, content_type="application/json", connection=None):
        """Posts one message, a list of them, or a body as it is (text or bytes). By default with `producer()`."""
        headers = {"Content-Type": content_type} | (headers or {})
        return self.request("POST", f"/api/scans/{scan}/progress", messages, headers, token or self.producer(),
                            connection=connection)

    def stream(self, scan, token=None, headers=None):
        """An open NDJSON upload; see `Upload`."""
        return Upload(self, scan, token or self.producer(), headers or {})

    def messages(self, scan, since=0):
        """What is retained of a scan, raw JSON texts parsed."""
        answer = self.get(f"/api/scans/{scan}/messages?since={since}&limit=1000", self.admin())
        assert answer.status == 200, answer
        return answer.json()["messages"]

    def metrics(self):
        """Every sample of the admin listener's metrics: name with labels, as it stands there, to number."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=PATIENCE)
        try:
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        finally:
            connection.close()
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}

    def refused(self, code):
        """How often something was refused by this code."""
        return self.metrics().get(f'sluice_refused_total{{code="{code}"}}', 0)

    # WebSocket

    def _socket_options(self, path, token, headers, options):
        headers = dict(headers or {})
        if token is not False:
            headers.setdefault("Authorization", f"Bearer {token or self.reader()}")
        defaults = {"ssl": self.ssl, "additional_headers": headers, "max_size": None, "open_timeout": PATIENCE,
                    "proxy": None}
        return self.wss + (path if path.startswith("/") else f"/api/ws/scans/{path}"), defaults | options

    def ws(self, path, token=None, headers=None, **options):
        """An asyncio client of `websockets`: `async with gateway.ws("/api/ws/scans/a?since=0") as socket`.

        A path that does not begin with a slash is a scan id with its query. By default with `reader()`; with
        `token=False` no Authorization field is sent.
        """
        url, options = self._socket_options(path, token, headers, options)
        return websockets.connect(url, **options)

    def sync_ws(self, path, token=None, headers=None, **options):
        """The same, without asyncio: `with gateway.sync_ws("a") as socket: socket.recv(timeout=5)`."""
        url, options = self._socket_options(path, token, headers, options)
        return websockets.sync.client.connect(url, **options)

    def refusal(self, path, token=None, headers=None, **options):
        """The HTTP answer that refuses a WebSocket."""
        try:
            with self.sync_ws(path, token, headers, **options):
                pass
        except websockets.exceptions.InvalidStatus as error:
            error.response.status = error.response.status_code
            error.response.code = json.loads(error.response.body)["code"]
            return error.response
        raise AssertionError("the WebSocket was not refused")


class Upload:
    """A chunked NDJSON request that stays open."""

    def __init__(self, gateway, scan, token, headers):
        self.socket = gateway.socket()
        fields = {"Host": gateway.authority, "Authorization": f"Bearer {token}",
                  "Content-Type": "application/x-ndjson", "Transfer-Encoding": "chunked"} | headers
        head = f"POST /api/scans/{scan}/progress HTTP/1.1\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self.socket.sendall(head.encode() + b"\r\n")

    def send(self, data):
        """Sends text, bytes, or a message with its line end, as one chunk."""
        if not isinstance(data, (bytes, str)):
            data = json.dumps(data) + "\n"
        data = data.encode() if isinstance(data, str) else data
        self.socket.sendall(b"%x\r\n%b\r\n" % (len(data), data))

    def end(self):
        """Ends the body and reads the answer."""
        self.socket.sendall(b"0\r\n\r\n")
        return self.answer()

    def answer(self):
        """Reads the answer, also one that comes before the end of the body."""
        response = http.client.HTTPResponse(self.socket, method="POST")
        response.begin()
        return Answer(response)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def read_until(socket, type, timeout=PATIENCE):
    """The messages that a synchronous socket gets, batches taken apart, up to the first of this type."""
    end = time.monotonic() + timeout
    seen = []
    while True:
        for message in unpack(socket.recv(timeout=max(0.01, end - time.monotonic()))):
            seen.append(message)
            if message.get("type") == type:
                return seen


def unpack(frame):
    """The messages of a frame, in order."""
    value = json.loads(frame)
    return value["messages"] if value.get("type") == "batch" else [value]


def closing(socket, timeout=PATIENCE):
    """Reads a synchronous socket to its end; the close code and reason that the gateway sent."""
    end = time.monotonic() + timeout
    try:
        while True:
            socket.recv(timeout=max(0.01, end - time.monotonic()))
    except websockets.exceptions.ConnectionClosed as error:
        assert error.rcvd is not None, "the connection ended without a close frame"
        return error.rcvd.code, error.rcvd.reason


def is_problem(answer, status=401, code="invalid_token"):
    """Whether an answer refuses by this code, in full form; its body."""
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status and body["code"] == code, body
    assert isinstance(body["title"], str) and isinstance(body["detail"], str)
    if status == 401:
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    if status in (429, 503):
        assert int(answer.headers["Retry-After"]) >= 1
    return body


def whoami(gateway, token=None, path="/api/scans/stats", headers=None):
    """The status that a credential gets: 200 if it is good."""
    return gateway.request("GET", path, token=token, headers=headers).status


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.fixture(scope="session")
def certificates():
    """A folder with `gateway.crt`, `gateway.key`, and `other.crt`, `other.key`, for all gateways."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-contract-"))
    make_certificate(folder, "gateway")
    make_certificate(folder, "other")
    yield folder
    for heads in folder.rglob("sluice.heads"):
        # The remains of a killed gateway for the next one over the same storage.
        status = heads.parent.stat()
        shared = pathlib.Path(f"/dev/shm/sluice-heads-{os.geteuid()}-{status.st_dev}-{status.st_ino}")
        shared.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def make_folder(certificates):
    """Makes a folder with a certificate and a secret, as a configuration wants them."""
    numbers = itertools.count(1)

    def make():
        folder = certificates / f"gateway-{next(numbers)}"
        folder.mkdir()
        for name in ("gateway.crt", "gateway.key"):
            shutil.copy(certificates / name, folder / name)
        (folder / "jwt.key").write_text(secrets.token_hex(32) + "\n")
        for name in ("gateway.key", "jwt.key"):
            (folder / name).chmod(0o600)
        return folder

    return make


@pytest.fixture(scope="session")
def gateway(make_folder):
    """The gateway that tests share."""
    shared = Gateway(make_folder(), BASE)
    yield shared
    is_alive = shared.process.poll() is None
    try:
        if is_alive:
            shared.terminate()
            assert shared.wait() == 0
    finally:
        shared.kill()
    assert is_alive, f"the gateway ended by itself:\n{shared.log()[-4000:]}"


@pytest.fixture
def make_gateway(make_folder):
    """Starts private gateways: `make_gateway(limits={…}, environment={…}, folder=…)`; they end with the test."""
    started = []

    def make(environment=None, folder=None, **overrides):
        private = Gateway(folder or make_folder(), merged(BASE, overrides), environment)
        started.append(private)
        return private

    yield make
    crashed = [private for private in started if private.process.poll() not in (None, 0, -signal.SIGKILL)]
    for private in started:
        private.kill()
    assert not crashed, f"a gateway ended by itself:\n{crashed[0].log()[-4000:]}"


@pytest.fixture
def hold():
    """Opens what is meant for a `with`, and closes it at the end of the test: `socket = hold(gateway.sync_ws("a"))`."""
    with contextlib.ExitStack() as stack:
        yield stack.enter_context


@pytest.fixture
def scan():
    """A scan id that no other test uses."""
    return f"scan-{uuid.uuid4().hex[:12]}"
