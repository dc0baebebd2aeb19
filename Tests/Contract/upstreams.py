"""Servers behind the gateway: they say exactly what a test wants, and remember every byte that reached them."""

import contextlib
import http.client
import http.server
import os
import secrets
import socket
import ssl
import subprocess
import threading
import time

import pytest

from conftest import PATIENCE, Answer, wait_for


class Request:
    """A request as its bytes came."""

    def __init__(self, head, body, trailers):
        self.head, self.body, self.trailers = head, body, trailers
        self.line, *self.lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        self.fields = [tuple(line.split(": ", 1)) for line in self.lines]

    def __getitem__(self, name):
        """The values of a field, its letters as they came."""
        return [value for own, value in self.fields if own == name]


class Link:
    """One connection to an upstream."""

    def __init__(self, socket):
        self.socket = socket
        self.rest = b""
        self.received = b""

    def read(self):
        piece = self.socket.recv(65536)
        self.received += piece
        self.rest += piece
        return piece

    def take(self, count):
        while len(self.rest) < count:
            if not self.read():
                raise EOFError
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def line(self, end=b"\r\n"):
        while end not in self.rest:
            if not self.read():
                raise EOFError
        return self.take(self.rest.index(end) + len(end))

    def head(self):
        return self.line(b"\r\n\r\n")

    def request(self):
        """Reads a whole request, by its framing."""
        head = self.head()
        request = Request(head, b"", [])
        fields = {name.lower(): value for name, value in request.fields}
        if fields.get("transfer-encoding") == "chunked":
            while size := int(self.line(), 16):
                request.body += self.take(size + 2)[:-2]
            while (line := self.line()) != b"\r\n":
                request.trailers.append(line.decode("latin-1").strip())
        else:
            request.body = self.take(int(fields.get("content-length", 0)))
        return request

    def send(self, data):
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)

    def answer(self, body=b"", status="200 OK", *fields):
        body = body.encode() if isinstance(body, str) else body
        self.send("\r\n".join([f"HTTP/1.1 {status}", *fields, f"Content-Length: {len(body)}", "", ""]).encode() + body)

    def is_left(self, timeout=PATIENCE):
        """Whether the other side ends the connection in time."""
        try:
            self.socket.settimeout(timeout)
            while self.read():
                pass
        except TimeoutError:
            return False
        except OSError:
            pass
        return True


class Upstream:
    """Serves each connection by `serve(upstream, link)` on a thread of its own; the default answers every request."""

    def __init__(self, serve=None, port=0, tls=None):
        self.serve = serve or Upstream.echo
        self.listener = socket.create_server(("127.0.0.1", port), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.tls = tls
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.requests = []
        self.links = []
        self.left = threading.Event()
        self.go = threading.Event()
        self.told = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                accepted, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._run, args=(accepted,), daemon=True).start()

    def _run(self, accepted):
        with contextlib.suppress(EOFError, OSError), accepted:
            if self.tls:
                accepted = self.tls.wrap_socket(accepted, server_side=True)
            link = Link(accepted)
            self.links.append(link)
            self.serve(self, link)
            if self.tls:
                accepted.close()

    def request(self, link):
        request = link.request()
        self.requests.append(request)
        return request

    def echo(self, link):
        """Answers each request with its first line and the length of its body."""
        while True:
            request = self.request(link)
            link.answer(f"{request.line} {len(request.body)}")

    @property
    def received(self):
        """All bytes, connection by connection."""
        return [link.received for link in self.links]

    def close(self):
        # What accepts may be within the call: it is woken by the end of the socket, not by its descriptor's.
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for link in self.links:
            with contextlib.suppress(OSError):
                link.socket.shutdown(socket.SHUT_RDWR)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def answering(*parts, reads=True, pause=0):
    """Serves one request on each connection by these bytes, and ends it."""
    def serve(upstream, link):
        if reads:
            upstream.request(link)
        for part in parts:
            link.send(part)
            time.sleep(pause)
    return serve


def server_tls(folder, name="gateway"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.crt", folder / f"{name}.key")
    return context


class Application(http.server.BaseHTTPRequestHandler):
    """An application with sessions: `POST /login` gives a cookie, `/me` says whose it is, `/logout` ends it."""

    protocol_version = "HTTP/1.1"
    sessions = {}

    def user(self):
        cookies = dict(part.strip().split("=", 1) for part in self.headers.get("Cookie", "").split(";") if "=" in part)
        return self.sessions.get(cookies.get("session"))

    def do_GET(self):
        if self.path == "/me":
            self.reply(200 if self.user() else 401, self.user() or "nobody")
        elif self.path == "/where":
            self.reply(200, "|".join(self.headers.get(name, "") for name in (
                "Host", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host")))
        else:
            self.reply(302, "", ("Location", "/me"))

    def do_POST(self):
        name = self.rfile.read(int(self.headers["Content-Length"])).decode()
        session = secrets.token_hex(8)
        self.sessions[session] = name
        self.reply(200, name, ("Set-Cookie", f"session={session}; HttpOnly"), ("Set-Cookie", "theme=dark"))

    def reply(self, status, text, *fields):
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def application():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Application)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def nginx(folder, port, program, body):
    """nginx over a folder of files."""
    (folder / "nginx.conf").write_text(
        f"{'user root; ' if os.geteuid() == 0 else ''}daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log; events {{}}\n"
        f"http {{ access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;\n"
        f"fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n"
        f"server {{ listen 127.0.0.1:{port}; {body} }} }}\n")
    process = subprocess.Popen(
        [program, "-p", str(folder), "-c", str(folder / "nginx.conf")], stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: connects(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(PATIENCE)


def connects(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def routed(url, path="/", **options):
    """A configuration in which requests below `path` go to one upstream, or to several."""
    urls = [url] if isinstance(url, str) else url
    return {"console": {"path": "/live"}, "proxy": {"routes": [{"path": path, "upstreams": urls} | options]}}


@pytest.fixture
def passing(make_gateway, hold):
    """Starts an upstream and a gateway in front of it: `gateway, upstream = passing(serve, timeout="1s")`."""
    def make(serve=None, over=None, **options):
        upstream = hold(Upstream(serve))
        return make_gateway(**(over or {}), **routed(upstream.url, **options)), upstream
    return make


def talk(gateway, data, method="GET"):
    """Sends raw bytes on a connection of its own; the answer to the first request in them."""
    with gateway.socket() as connection:
        connection.sendall(data.encode("latin-1") if isinstance(data, str) else data)
        response = http.client.HTTPResponse(connection, method=method)
        response.begin()
        return Answer(response)


def everything(gateway, data, timeout=PATIENCE):
    """Sends raw bytes; all that comes back until the gateway ends the connection."""
    with gateway.socket(timeout) as connection:
        connection.sendall(data)
        return rest_of(connection)


def rest_of(connection):
    received = b""
    with contextlib.suppress(OSError):
        while piece := connection.recv(65536):
            received += piece
    return received
