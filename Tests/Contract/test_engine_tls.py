"""TLS to the servers of an engine: where it is asked for, nothing is said without it."""

import contextlib
import json
import socket
import ssl
import subprocess
import threading

import pytest

from conftest import BASE, SLUICE, clean_environment, merged

INFO = {"server_id": "x", "server_name": "x", "version": "2.11.0", "max_payload": 1048576, "headers": True, "jetstream": True}


class Server:
    """Says what a server of NATS says first, and keeps what it is told; `certificate`: speaks TLS then."""

    def __init__(self, certificate=None, **info):
        self.heard = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"nats://127.0.0.1:{self.listener.getsockname()[1]}"
        self.info = f"INFO {json.dumps(INFO | info)}\r\n".encode()
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(f"{certificate}.crt", f"{certificate}.key")
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.settimeout(10)
            connection.sendall(self.info)
            with contextlib.suppress(OSError), connection:
                if self.context:
                    connection = self.context.wrap_socket(connection, server_side=True)
                told = connection.recv(65536)
                self.heard.append(told)
                connection.close()

    def close(self):
        self.listener.close()


@pytest.fixture
def ask(make_folder, certificates):
    """`sluice check --engine` with a user and a password: its exit code, its words, and what the server was told."""

    def ask(tls=None, address=lambda url: url, certificate=None, **info):
        folder = make_folder()
        (folder / "password").write_text("open sesame")
        (folder / "password").chmod(0o600)
        server = Server(certificate and certificates / certificate, **info)
        nats = {"servers": [address(server.url)], "user": "u", "password_file": "password", "tls": tls or {}}
        (folder / "config.yaml").write_text(json.dumps(merged(BASE, {"engine": {"nats": nats}})))
        found = subprocess.run([SLUICE, "check", "--engine", "--config", folder / "config.yaml"], capture_output=True,
                               text=True, env=clean_environment(), timeout=60)
        server.close()
        return found.returncode, found.stdout + found.stderr, server.heard

    return ask


@pytest.mark.parametrize("asked", ["ca", "scheme"])
def test_a_server_that_offers_no_tls_is_told_nothing(ask, asked):
    tls = {"ca": "gateway.crt"} if asked == "ca" else None
    address = (lambda url: url) if asked == "ca" else (lambda url: url.replace("nats", "tls"))
    code, text, heard = ask(tls, address)
    assert code == 69 and "TLS" in text, text
    assert heard and not any(heard), heard


def test_a_server_with_another_certificate_is_told_nothing(ask):
    code, text, heard = ask({"ca": "gateway.crt"}, certificate="other", tls_required=True)
    assert code == 69, text
    assert not any(heard), heard


@pytest.mark.parametrize("info", [{"tls_required": True}, {"tls_available": True}])
def test_a_server_that_offers_tls_is_told_the_password_within(ask, info):
    code, text, heard = ask({"ca": "gateway.crt"}, certificate="gateway", **info)
    assert code == 69, text
    assert any(b"CONNECT" in told and b"open sesame" in told for told in heard), heard
