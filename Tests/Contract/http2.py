"""An HTTP/2 client to look at frames with, and to send what no client sends."""

import json
import select
import socket
import ssl
import struct
import time
import typing

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
import hpack
from hyperframe import frame as frames

from conftest import PATIENCE


def secure(gateway, protocols=("h2",)):
    """A connection whose handshake offers these protocols."""
    context = ssl.create_default_context(cafile=gateway.ca)
    context.set_alpn_protocols(list(protocols))
    plain = socket.create_connection(("127.0.0.1", gateway.port), timeout=PATIENCE)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(plain, server_hostname="localhost")


class GoAway(typing.NamedTuple):
    last_stream_id: int
    error_code: int


class Patient(h2.connection.H2Connection):
    """Takes what still comes on streams that were begun before the other end said that it ends."""

    def _receive_goaway_frame(self, frame):
        result = super()._receive_goaway_frame(frame)
        self.state_machine.state = h2.connection.ConnectionState.CLIENT_OPEN
        return result


class Client:
    """A connection with the state of python's `h2`, which gives windows back by itself unless told otherwise."""

    def __init__(self, gateway, window=None):
        self.gateway = gateway
        self.socket = secure(gateway)
        assert self.socket.selected_alpn_protocol() == "h2"
        # No checks: what comes is looked at, and what is sent may be wrong.
        self.state = Patient(h2.config.H2Configuration(
            header_encoding="utf-8", validate_inbound_headers=False, validate_outbound_headers=False,
            normalize_outbound_headers=False))
        self.returns_window = window is None
        if window is not None:
            self.state.local_settings = h2.settings.Settings(
                client=True, initial_values={h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window})
        self.state.initiate_connection()
        self.streams = {}
        self.events = []
        self.goaway = None
        self.bytes = b""
        self.is_closed = False
        self.flush()

    def flush(self):
        self.socket.sendall(self.state.data_to_send())

    def send(self, *bare):
        """Frames as they are, past the state."""
        self.socket.sendall(b"".join(one if isinstance(one, bytes) else one.serialize() for one in bare))

    def fields(self, method, path, token=None, headers=(), protocol=None):
        fields = [(":method", method), (":scheme", "https"), (":authority", self.gateway.authority), (":path", path)]
        fields += [(":protocol", protocol)] if protocol else []
        fields += [("authorization", f"Bearer {token}")] if token else []
        return fields + list(headers)

    def begin(self, method, path, token=None, headers=(), ends=True, protocol=None):
        """Begins a request; its stream's number."""
        stream = self.state.get_next_available_stream_id()
        self.state.send_headers(stream, self.fields(method, path, token, headers, protocol), end_stream=ends)
        self.flush()
        return stream

    def data(self, stream, data=b"", ends=False):
        self.state.send_data(stream, data, end_stream=ends)
        self.flush()

    def read(self, timeout=PATIENCE):
        """Takes what comes next; False if nothing does in time or ever."""
        if self.is_closed:
            return False
        if not self.socket.pending() and not select.select([self.socket], [], [], timeout)[0]:
            return False
        try:
            data = self.socket.recv(65536)
        except (ssl.SSLError, ConnectionError):
            data = b""
        if not data:
            self.is_closed = True
            return False
        self.look(data)
        try:
            for event in self.state.receive_data(data):
                self.note(event)
        except h2.exceptions.ProtocolError:
            # Frames that crossed on the way may be too much for it once the connection ends.
            if self.goaway is None:
                raise
        try:
            self.flush()
        except (ssl.SSLError, ConnectionError):
            self.is_closed = True
        return True

    def look(self, data):
        """Finds the frame that ends the connection, whatever the state makes of it."""
        self.bytes += data
        while len(self.bytes) >= 9 + (length := int.from_bytes(self.bytes[:3], "big")):
            if self.bytes[3] == 7:
                self.goaway = GoAway(*struct.unpack_from("!II", self.bytes, 9))
            self.bytes = self.bytes[9 + length:]

    def note(self, event):
        self.events.append(event)
        stream = getattr(event, "stream_id", None)
        if not stream:
            return
        answer = self.streams.setdefault(stream, Answer())
        if isinstance(event, h2.events.ResponseReceived):
            answer.headers = dict(event.headers)
            answer.status = int(answer.headers[":status"])
        elif isinstance(event, h2.events.DataReceived):
            answer.body += event.data
            if self.returns_window and event.flow_controlled_length:
                self.state.acknowledge_received_data(event.flow_controlled_length, stream)
        elif isinstance(event, h2.events.StreamEnded):
            answer.is_ended = True
        elif isinstance(event, h2.events.StreamReset):
            answer.reset = h2.errors.ErrorCodes(event.error_code)

    def until(self, condition, timeout=PATIENCE):
        """Reads until the condition holds."""
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, (self.goaway, self.streams)
            if not self.read(0.2):
                assert not self.is_closed or condition(), (self.goaway, self.streams)
        return True

    def answer(self, stream):
        """A stream's answer, once it is whole, or reset."""
        self.until(lambda: self.streams.get(stream, NOTHING).is_over)
        return self.streams[stream]

    def ask(self, *arguments, **options):
        return self.answer(self.begin(*arguments, **options))

    def ended(self):
        """The frame by which the gateway ends the connection, and then it does."""
        end = time.monotonic() + PATIENCE
        while self.goaway is None and not self.is_closed and time.monotonic() < end:
            self.read(0.2)
        return h2.errors.ErrorCodes(self.goaway.error_code) if self.goaway else None

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Answer:
    def __init__(self):
        self.status, self.headers, self.body = None, {}, b""
        self.is_ended, self.reset = False, None

    @property
    def is_over(self):
        return self.is_ended or self.reset is not None

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:200]!r} ended={self.is_ended} reset={self.reset}>"


NOTHING = Answer()


def header_block(fields):
    return hpack.Encoder().encode(fields)


def window_update(stream, increment):
    return frames.WindowUpdateFrame(stream, window_increment=increment)


def ping():
    return frames.PingFrame(0, opaque_data=struct.pack("!Q", 1))
