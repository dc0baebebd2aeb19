"""HTTP/2 with clients that are not ours: curl, httpx, nghttp, python's h2, and Chromium."""

import contextlib
import json
import shutil
import ssl
import subprocess

import h2.errors
import h2.events
import h2.exceptions
import httpx
import pytest
from websockets.protocol import Protocol, Side

import browsers
import http2
from conftest import wait_for
from http2 import Client

WEBSOCKETS = {"http2": {"websocket": True}}


@contextlib.contextmanager
def modern(gateway, **options):
    """A client of httpx that speaks HTTP/2 alone."""
    context = ssl.create_default_context(cafile=gateway.ca)
    with httpx.Client(http1=False, http2=True, verify=context, base_url=gateway.url, timeout=20, **options) as client:
        yield client


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def curl(gateway, *arguments, **options):
    return subprocess.run(
        ["curl", "--silent", "--show-error", "--http2", "--cacert", gateway.ca, "--max-time", "20", *arguments],
        capture_output=True, timeout=30, **options)


def test_httpx_posts_and_reads(gateway, scan):
    with modern(gateway) as client:
        answer = client.post(f"/api/scans/{scan}/progress", json=[{"type": "a"}, {"type": "b"}],
                             headers=bearer(gateway.producer()))
        assert answer.http_version == "HTTP/2" and answer.status_code == 202
        assert answer.json() == {"scanId": scan, "accepted": 2, "firstSeq": 1, "lastSeq": 2}
        read = client.get(f"/api/scans/{scan}/messages", headers=bearer(gateway.reader()))
        assert [message["seq"] for message in read.json()["messages"]] == [1, 2]
        for name in ("server", "date", "x-content-type-options", "strict-transport-security"):
            assert name in read.headers, name
        assert "connection" not in read.headers and "transfer-encoding" not in read.headers


def test_refusals_are_statuses_and_the_connection_stays(gateway, scan):
    path = f"/api/scans/{scan}/progress"
    with Client(gateway) as client:
        def refused(status, code, *arguments, body=None, **options):
            stream = client.begin(*arguments, ends=body is None, **options)
            if body is not None:
                client.data(stream, body, ends=True)
            answer = client.answer(stream)
            assert (answer.status, answer.json()["code"]) == (status, code), answer
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["status"] == status

        producer = gateway.producer()
        kind = [("content-type", "application/json")]
        refused(401, "missing_token", "GET", "/api/scans/stats")
        refused(401, "invalid_token", "GET", "/api/scans/stats", token="nonsense")
        refused(403, "forbidden", "POST", path, token=gateway.reader(), headers=kind, body=b'{"type":"a"}')
        refused(404, "not_found", "GET", "/nothing")
        refused(405, "method_not_allowed", "DELETE", "/healthz")
        refused(405, "method_not_allowed", "BREW", "/healthz")
        refused(400, "invalid_message", "POST", path, token=producer, headers=kind, body=b"{")
        refused(415, "unsupported_media_type", "POST", path, token=producer, body=b"x")
        refused(400, "bad_request", "GET", "/healthz", headers=[("host", "elsewhere.example")])
        refused(431, "headers_too_large", "GET", "/healthz", headers=[("x-long", "v" * 16400)])
        refused(431, "headers_too_large", "GET", "/healthz", headers=[(f"x-{n}", "") for n in range(101)])
        assert client.ask("GET", "/healthz").body == b"ok\n"
        assert client.goaway is None


def test_a_long_list_in_the_first_frames_is_431_too(gateway):
    """Before any settings are acknowledged, as curl sends it."""
    head = curl(gateway, "--header", "X-Long: " + "v" * 20000, "--output", "/dev/null", "--write-out",
                "%{http_version} %{http_code}", f"{gateway.url}/healthz")
    assert head.stdout == b"2 431", head


def test_bodies_that_are_too_large_are_413_and_the_connection_goes_on(make_gateway, scan):
    gateway = make_gateway(limits={"max_body_bytes": "64KiB"})
    path, kind = f"/api/scans/{scan}/progress", [("content-type", "application/json")]
    before = gateway.refused("body_too_large")
    with Client(gateway) as client:
        # More than the connection's whole window in all: what is passed over is given back.
        for _ in range(40):
            stream = client.begin(
                "POST", path, token=gateway.producer(), headers=[*kind, ("content-length", str(1 << 20))], ends=False)
            client.until(lambda: client.state.outbound_flow_control_window >= 32768)
            for _ in range(2):
                with contextlib.suppress(h2.exceptions.StreamClosedError):
                    client.data(stream, b"[" * 16384)
            answer = client.answer(stream)
            assert answer.status == 413 and answer.json()["code"] == "body_too_large"
        assert client.ask("GET", "/healthz").status == 200
        assert client.goaway is None
    assert gateway.refused("body_too_large") >= before + 40


def test_curl_streams_lines_as_they_come(gateway, scan):
    process = subprocess.Popen(
        ["curl", "--silent", "--show-error", "--http2", "--cacert", gateway.ca, "--max-time", "30", "--no-buffer",
         "--header", f"Authorization: Bearer {gateway.producer()}", "--header", "Content-Type: application/x-ndjson",
         "--upload-file", "-", "--request", "POST", f"{gateway.url}/api/scans/{scan}/progress"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for number in range(3):
        process.stdin.write(json.dumps({"type": "line", "n": number}).encode() + b"\n")
        process.stdin.flush()
        wait_for(lambda: gateway.get(f"/api/scans/{scan}", gateway.admin()).status == 200)
        wait_for(lambda: len(gateway.messages(scan)) == number + 1)
    out, _ = process.communicate(timeout=20)
    assert json.loads(out)["accepted"] == 3


def test_curl_follows_event_streams(gateway, scan):
    gateway.post(scan, {"type": "scanStarted"})
    process = subprocess.Popen(
        ["curl", "--silent", "--http2", "--cacert", gateway.ca, "--max-time", "30", "--no-buffer", "--include",
         "--header", f"Authorization: Bearer {gateway.reader()}", f"{gateway.url}/api/scans/{scan}/events?since=0"],
        stdout=subprocess.PIPE)
    wait_for(lambda: gateway.metrics()['sluice_connections_open{kind="event_stream"}'] == 1)
    gateway.post(scan, {"type": "phaseStarted"})
    gateway.request("DELETE", f"/api/scans/{scan}", token=gateway.admin())
    text = process.communicate(timeout=20)[0].decode()
    assert text.startswith("HTTP/2 200")
    assert text.index("event: scanStarted") < text.index("event: phaseStarted") < text.index("event: sluice.close")
    assert "transfer-encoding" not in text
    # The end is the stream's end, and no reset.
    assert process.returncode == 0


@pytest.mark.parametrize("accept", ["identity", "gzip"])
def test_many_event_streams_share_a_connection(gateway, scan, accept):
    count = 20
    gateway.post(scan, {"type": "scanStarted"})
    transports = gateway.metrics()["sluice_http2_handshakes_total"]
    with modern(gateway, limits=httpx.Limits(max_connections=1)) as client, contextlib.ExitStack() as streams:
        readers = []
        for _ in range(count):
            headers = bearer(gateway.reader()) | {"Accept-Encoding": accept}
            readers.append(streams.enter_context(
                client.stream("GET", f"/api/scans/{scan}/events?since=0", headers=headers)).iter_lines())
        assert gateway.metrics()["sluice_http2_handshakes_total"] == transports + 1
        for number in range(5):
            gateway.post(scan, {"type": "phaseStarted", "n": number})
        for lines in readers:
            seen = []
            for line in lines:
                if line.startswith("data:") and '"n"' in line:
                    seen.append(json.loads(line[5:])["n"])
                if len(seen) == 5:
                    break
            assert seen == list(range(5))
    wait_for(lambda: gateway.metrics()["sluice_http2_transports"] == 0)
    wait_for(lambda: gateway.metrics()['sluice_connections_open{kind="event_stream"}'] == 0)


def test_subscriptions_of_a_user_are_counted_across_streams(make_gateway, scan):
    gateway = make_gateway(limits={"connections": {"per_user": 3}})
    gateway.post(scan, {"type": "scanStarted"})
    with Client(gateway) as client:
        path = f"/api/scans/{scan}/events"
        streams = [client.begin("GET", path, token=gateway.reader()) for _ in range(4)]
        answer = client.answer(streams[3])
        assert answer.status == 429 and answer.json()["code"] == "too_many_connections"
        client.state.reset_stream(streams[0])
        client.flush()
        wait_for(lambda: gateway.metrics()['sluice_connections_open{kind="event_stream"}'] == 2)
        again = client.begin("GET", path, token=gateway.reader())
        client.until(lambda: client.streams.get(again, http2.NOTHING).status == 200)


def test_a_stream_beyond_the_limit_is_refused_alone(make_gateway, scan):
    gateway = make_gateway(listen={"http2": {"max_streams": 5}})
    gateway.post(scan, {"type": "scanStarted"})
    with Client(gateway) as client:
        client.until(lambda: any(isinstance(event, h2.events.RemoteSettingsChanged) for event in client.events))
        assert client.state.remote_settings.max_concurrent_streams == 5
        # A client that has not seen that yet.
        client.state.remote_settings.max_concurrent_streams = 100
        client.state.remote_settings.acknowledge()
        path = f"/api/scans/{scan}/events"
        streams = [client.begin("GET", path, token=gateway.reader()) for _ in range(7)]
        for stream in streams[5:]:
            assert client.answer(stream).reset == h2.errors.ErrorCodes.REFUSED_STREAM
        assert gateway.refused("http2_streams") == 2
        client.state.reset_stream(streams[0])
        client.flush()
        wait_for(lambda: gateway.metrics()['sluice_connections_open{kind="event_stream"}'] == 4)
        assert client.ask("GET", "/healthz").status == 200
        assert client.goaway is None


def test_a_reader_whose_window_is_shut_keeps_its_place(make_gateway, scan):
    """It costs `max_buffered` at most, and goes on from where it was, out of history."""
    gateway = make_gateway(clients={"max_buffered": "64KiB"},
                           relay={"history": {"messages": 10000, "bytes": "64MiB"}})
    gateway.post(scan, {"type": "scanStarted"})
    with Client(gateway, window=1000) as client:
        stream = client.begin("GET", f"/api/scans/{scan}/events?since=0", token=gateway.reader())
        client.until(lambda: client.streams.get(stream, http2.NOTHING).body)
        for _ in range(40):
            gateway.post(scan, [{"type": "line", "text": "x" * 1000}] * 100)
        waiting = gateway.get("/api/connections", gateway.admin()).json()["connections"]
        mine = [one for one in waiting if one["kind"] == "event_stream"]
        assert len(mine) == 1 and 0 < mine[0]["waiting_bytes"] < 1024 * 1024 and not mine[0]["is_writable"], mine
        # The connection itself is not held up by it.
        assert client.ask("GET", "/healthz").status == 200
        client.returns_window = True
        client.state.increment_flow_control_window(1 << 24, stream)
        client.state.increment_flow_control_window(1 << 24)
        client.flush()
        client.until(lambda: client.streams[stream].body.count(b"event: line") == 4000, timeout=60)
        ids = [int(line.rsplit(b":", 1)[1]) for line in client.streams[stream].body.split(b"\n")
               if line.startswith(b"id:")]
        # 0 is the beginning's own.
        assert [id for id in ids if id] == list(range(1, 4002))
        assert b"event: lag" not in client.streams[stream].body


def test_readers_that_take_nothing_are_cut(make_gateway, scan):
    gateway = make_gateway(clients={"heartbeat_interval": "300ms", "timeout": "1s"}, relay={"history": {"messages": 10000, "bytes": "64MiB"}})
    for _ in range(20):
        gateway.post(scan, [{"type": "line", "text": "x" * 1000}] * 100)
    with Client(gateway, window=1000) as client:
        event_stream = client.begin("GET", f"/api/scans/{scan}/events?since=0", token=gateway.reader())
        page = client.begin("GET", f"/api/scans/{scan}/messages?limit=1000", token=gateway.reader())
        wait_for(lambda: (client.read(0.1), gateway.refused("slow_reader") >= 2)[1])
        wait_for(lambda: gateway.metrics()['sluice_connections_open{kind="event_stream"}'] == 0)
        client.until(lambda: all(stream in client.streams and client.streams[stream].is_over
                                 for stream in (page, event_stream)))
        assert client.streams[page].reset is not None
        assert client.ask("GET", "/healthz").status == 200


def test_http1_clients_are_served_as_before(gateway, scan):
    gateway.post(scan, {"type": "scanStarted"})
    for protocols, chosen in (([], None), (["http/1.1"], "http/1.1"), (["http/1.1", "h2"], "h2"), (["spdy/3"], None)):
        with contextlib.closing(http2.secure(gateway, protocols) if protocols else gateway.socket()) as connection:
            assert connection.selected_alpn_protocol() == chosen
            if chosen != "h2":
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                assert b"200 OK" in connection.recv(4096)
    with gateway.sync_ws(scan) as socket:
        assert json.loads(socket.recv())["type"] == "subscribed"


def test_http2_can_be_switched_off(make_gateway):
    gateway = make_gateway(listen={"http2": {"enabled": False}})
    with contextlib.closing(http2.secure(gateway, ["h2", "http/1.1"])) as connection:
        assert connection.selected_alpn_protocol() == "http/1.1"


# WebSockets

class Socket:
    """A WebSocket on a stream (RFC 8441), framed by `websockets`."""

    def __init__(self, client, path, token, headers=()):
        self.client = client
        self.protocol = Protocol(Side.CLIENT)
        self.stream = client.begin(
            "CONNECT", path, token, [("sec-websocket-version", "13"), *headers], ends=False, protocol="websocket")
        client.until(lambda: client.streams.get(self.stream, http2.NOTHING).status)
        self.answer = client.streams[self.stream]
        self.taken = 0

    def pump(self):
        body = self.answer.body
        if len(body) > self.taken:
            self.protocol.receive_data(bytes(body[self.taken:]))
            self.taken = len(body)
        for data in self.protocol.data_to_send():
            with contextlib.suppress(h2.exceptions.StreamClosedError):
                self.client.data(self.stream, data, ends=not data)
        return [event.data for event in self.protocol.events_received() if event.opcode in (1, 2)]

    def is_over(self):
        """Whether the stream has ended; closing is answered on the way."""
        self.pump()
        return self.answer.is_over

    def send(self, value):
        self.protocol.send_text(json.dumps(value).encode())
        self.pump()

    def recv(self):
        frames = []
        while not frames:
            frames = self.pump()
            assert frames or self.client.read(), "nothing came"
        assert len(frames) == 1
        return json.loads(frames[0])


def test_a_websocket_on_a_stream(make_gateway, scan):
    gateway = make_gateway(listen=WEBSOCKETS)
    gateway.post(scan, {"type": "scanStarted"})
    with Client(gateway) as client:
        client.until(lambda: client.state.remote_settings.enable_connect_protocol)
        socket = Socket(client, f"/api/ws/scans/{scan}", gateway.reader(), [("sec-websocket-protocol", "sluice.v1")])
        assert socket.answer.status == 200 and socket.answer.headers["sec-websocket-protocol"] == "sluice.v1"
        assert not {"sec-websocket-accept", "upgrade", "connection"} & set(socket.answer.headers)
        assert socket.recv()["type"] == "subscribed"
        gateway.post(scan, {"type": "phaseStarted"})
        assert socket.recv() == {"scanId": scan, "seq": 2, "type": "phaseStarted"}
        socket.send({"action": "ping"})
        assert socket.recv() == {"type": "pong"}
        assert gateway.metrics()['sluice_connections_open{kind="websocket"}'] >= 1
        # Others on the same connection, an ordinary request among them.
        other = Socket(client, f"/api/ws/scans/{scan}", gateway.reader())
        assert other.recv()["type"] == "subscribed"
        assert client.ask("GET", "/healthz").status == 200
        gateway.request("DELETE", f"/api/scans/{scan}", token=gateway.admin())
        for one in (socket, other):
            one.client.until(one.is_over)
            assert one.protocol.close_rcvd.code == 1000 and one.answer.is_ended
        assert client.goaway is None


def test_a_websocket_that_is_refused_has_a_status(make_gateway, scan):
    gateway = make_gateway(listen=WEBSOCKETS)
    with Client(gateway) as client:
        client.until(lambda: client.state.remote_settings.enable_connect_protocol)

        def status(path, token=None, headers=(), protocol="websocket"):
            return client.ask("CONNECT", path, token, headers, ends=False, protocol=protocol).status

        version = [("sec-websocket-version", "13")]
        assert status(f"/api/ws/scans/{scan}", None, version) == 401
        assert status(f"/api/ws/scans/{scan}", gateway.reader()) == 426
        assert status(f"/api/ws/scans/{scan}", gateway.token(scans=["other"]), version) == 403
        assert status(f"/api/ws/scans/{scan}", gateway.reader(), [*version, ("origin", "https://evil.example")]) == 403
        assert status("/healthz", None, version) == 404
        # What waits for the end of a request would wait for ever.
        for path in ("/api/probe", "/api/scans/stats", f"/api/scans/{scan}/messages", f"/api/scans/{scan}/events"):
            assert status(path, gateway.reader(), version) == 404, path
        assert status(f"/api/ws/scans/{scan}", gateway.reader(), version, protocol="connect-udp") == 501
        assert client.goaway is None


def test_websockets_have_connections_of_their_own_unless_the_operator_wants(gateway, scan):
    with Client(gateway) as client:
        client.until(lambda: any(isinstance(event, h2.events.RemoteSettingsChanged) for event in client.events))
        assert not client.state.remote_settings.enable_connect_protocol
        stream = client.begin("CONNECT", f"/api/ws/scans/{scan}", gateway.reader(),
                              [("sec-websocket-version", "13")], ends=False, protocol="websocket")
        assert client.answer(stream).reset == h2.errors.ErrorCodes.PROTOCOL_ERROR
        assert client.ask("GET", "/healthz").status == 200


# The end

def test_a_gateway_that_stops_finishes_streams_and_says_where_to_go_on(make_gateway, scan):
    gateway = make_gateway(listen=WEBSOCKETS, shutdown={"grace": "4s"})
    gateway.post(scan, {"type": "scanStarted"})
    with Client(gateway) as client, Client(gateway) as idle:
        assert idle.ask("GET", "/healthz").status == 200
        client.until(lambda: client.state.remote_settings.enable_connect_protocol)
        events = client.begin("GET", f"/api/scans/{scan}/events", token=gateway.reader())
        upload = client.begin("POST", f"/api/scans/{scan}/progress", gateway.producer(),
                              [("content-type", "application/x-ndjson")], ends=False)
        client.data(upload, b'{"type":"a"}\n')
        socket = Socket(client, f"/api/ws/scans/{scan}", gateway.reader())
        assert socket.recv()["type"] == "subscribed"
        wait_for(lambda: len(gateway.messages(scan)) == 2)
        gateway.terminate()
        assert idle.ended() == h2.errors.ErrorCodes.NO_ERROR and idle.goaway.last_stream_id == 1
        answer = client.answer(upload)
        assert answer.status == 503 and answer.json()["accepted"] == 1
        assert client.goaway.error_code == 0 and client.goaway.last_stream_id == socket.stream
        client.until(lambda: client.streams[events].is_over)
        body = client.streams[events].body.decode()
        assert "event: sluice.close" in body and "retry:" in body and client.streams[events].is_ended
        client.until(socket.is_over)
        assert socket.protocol.close_rcvd.code == 1001 and "retryAfterMs" in socket.protocol.close_rcvd.reason
        assert gateway.wait() == 0


EVENT_STREAMS = """
new Promise(async (resolve) => {
  const headers = { Authorization: 'Bearer %(token)s' };
  const seen = [];
  let open = 0;
  for (let n = 0; n < %(count)d; n += 1) {
    const answer = await fetch('/api/tickets', { method: 'POST', headers });
    const source = new EventSource(`/api/scans/%(scan)s/events?ticket=${(await answer.json()).ticket}`);
    source.addEventListener('hit', () => {
      seen.push(n);
      source.close();
      if (seen.length === %(count)d) {
        resolve({ seen: seen.sort((a, b) => a - b), protocols: performance.getEntriesByType('resource')
          .filter((entry) => entry.name.includes('/api/tickets')).map((entry) => entry.nextHopProtocol) });
      }
    });
    source.onopen = () => {
      open += 1;
      if (open === %(count)d) {
        fetch('/api/scans/%(scan)s/progress', {
          method: 'POST', headers: { ...headers, 'Content-Type': 'application/json' }, body: '{"type":"hit"}' });
      }
    };
  }
})
"""

SOCKETS = """
new Promise((resolve) => {
  const sockets = [1, 2, 3].map(() => new WebSocket('%(url)s', ['sluice.v1', 'bearer.%(token)s']));
  const seen = [];
  for (const socket of sockets) {
    socket.onclose = (event) => resolve(`closed ${event.code}`);
    socket.onmessage = ({ data }) => {
      seen.push(JSON.parse(data).type);
      if (seen.length === 3) resolve(seen);
    };
  }
})
"""


async def test_a_browser_opens_more_than_six_event_streams(make_gateway, scan, tmp_path):
    if browsers.CHROMIUM is None:
        pytest.skip("chromium is not installed")
    gateway = make_gateway(listen=WEBSOCKETS)
    gateway.post(scan, {"type": "scanStarted"})
    async with browsers.chromium(tmp_path) as page:
        await page.open(gateway.url + "/client.js")
        before = gateway.metrics()["sluice_http2_handshakes_total"]
        assert before >= 1
        token = gateway.token(scans=["*"], scope="ingest")
        seen = await page.evaluate(EVENT_STREAMS % {"scan": scan, "token": token, "count": 12})
        assert seen["seen"] == list(range(12)) and set(seen["protocols"]) == {"h2"}
        # WebSockets too, on the connection that there is.
        opened = gateway.metrics()["sluice_http2_handshakes_total"]
        transports = gateway.metrics()["sluice_transports"]
        url = f"{gateway.wss}/api/ws/scans/{scan}"
        assert await page.evaluate(SOCKETS % {"url": url, "token": token}) == ["subscribed"] * 3
        assert gateway.metrics()["sluice_transports"] <= transports
        assert gateway.metrics()["sluice_http2_handshakes_total"] == opened


def test_nghttp_finds_no_fault(gateway):
    program = shutil.which("nghttp")
    if program is None:
        pytest.skip("nghttp is not installed")
    out = subprocess.run([program, "--verbose", "--no-verify-peer", f"{gateway.url}/healthz", f"{gateway.url}/client.js"],
                         capture_output=True, text=True, timeout=60)
    assert out.returncode == 0 and ":status: 200" in out.stdout, out.stdout[-3000:]
    assert "GOAWAY" not in out.stdout.split("send GOAWAY")[0], out.stdout[-3000:]
