"""Certificates that an authority issues to the gateway itself: Debian's pebble, which really comes to look."""

import datetime
import http.client
import http.server
import json
import os
import re
import shutil
import socket
import ssl
import stat
import subprocess
import threading
import time

import pytest
from cryptography import x509

from conftest import PATIENCE, Answer, clean_environment, is_problem, make_certificate, wait_for
from test_config import check

NAMES = ["one.example", "two.example", "three.example"]

pytestmark = pytest.mark.skipif(
    not (shutil.which("pebble") and shutil.which("pebble-challtestsrv")), reason="needs Debian's pebble")


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Authority:
    """Pebble, the names that it looks up, and a directory in front of it that can be slow, broken, or full of advice.

    All but the directory goes to pebble itself. It comes to `tls_port` and `http_port` of 127.0.0.1 for every name.
    """

    def __init__(self, folder, validity=None, refused_nonces=5):
        self.folder = folder
        self.port, self.manage_port, self.tls_port, self.http_port, self.dns_port, self.dns_manage_port = free_ports(6)
        make_certificate(folder, "pebble")
        pebble = {
            "listenAddress": f"127.0.0.1:{self.port}", "managementListenAddress": f"127.0.0.1:{self.manage_port}",
            "certificate": str(folder / "pebble.crt"), "privateKey": str(folder / "pebble.key"),
            "httpPort": self.http_port, "tlsPort": self.tls_port, "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
        }
        if validity:
            pebble["certificateValidityPeriod"] = validity
        (folder / "pebble.json").write_text(json.dumps({"pebble": pebble}))
        self.log_file = folder / "pebble.log"
        environment = clean_environment(PEBBLE_VA_NOSLEEP="1", PEBBLE_WFE_NONCEREJECT=str(refused_nonces),
                                        PEBBLE_AUTHZREUSE="0")
        with open(self.log_file, "wb") as log:
            self.processes = [
                subprocess.Popen(
                    ["pebble-challtestsrv", "-defaultIPv6", "", "-http01", "", "-https01", "", "-tlsalpn01", "",
                     "-dns01", f"127.0.0.1:{self.dns_port}", "-management", f"127.0.0.1:{self.dns_manage_port}"],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment),
                subprocess.Popen(
                    ["pebble", "-config", str(folder / "pebble.json"), "-dnsserver", f"127.0.0.1:{self.dns_port}"],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)]
        self.ssl = ssl.create_default_context(cafile=str(folder / "pebble.crt"))
        wait_for(self.is_there)
        (folder / "root.pem").write_bytes(self.get(self.manage_port, "/roots/0"))
        self.directory = json.loads(self.get(self.port, "/dir"))
        # The directory in front.
        self.go = threading.Event()
        self.go.set()
        self.failure = None
        self.windows = None
        self.asked = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                outer.go.wait(PATIENCE)
                status, headers, body = 200, {}, dict(outer.directory)
                if outer.failure:
                    status, headers, body = outer.failure
                elif self.path.startswith("/renewal/"):
                    body = {"suggestedWindow": outer.windows(self.path.rpartition("/")[2])}
                elif outer.windows:
                    body["renewalInfo"] = f"{outer.front}/renewal"
                body = json.dumps(body).encode()
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(body))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.front = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def get(self, port, path):
        connection = http.client.HTTPSConnection("localhost", port, context=self.ssl, timeout=PATIENCE)
        connection.request("GET", path)
        return connection.getresponse().read()

    def is_there(self):
        assert all(process.poll() is None for process in self.processes), self.log_file.read_text()
        try:
            return self.get(self.port, "/dir") and self.get(self.manage_port, "/roots/0")
        except OSError:
            return False

    def section(self, **values):
        """`tls.acme`."""
        return {"directory": f"{self.front}/dir", "domains": NAMES[:2], "ca": str(self.folder / "pebble.crt"),
                "email": "ops@one.example", "agree_to_terms": True} | values

    def config(self, files=False, **values):
        """The parts of a gateway's configuration; without `files` there is no other certificate."""
        tls = {"acme": self.section(**values)}
        if not files:
            tls |= {"certificate": None, "private_key": None}
        return {"tls": tls, "listen": {"port": self.tls_port, "redirect_http": {"port": self.http_port}}}

    def close(self):
        self.go.set()
        self.server.shutdown()
        self.server.server_close()
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def make_authority(make_folder):
    started = []

    def make(**values):
        started.append(Authority(make_folder(), **values))
        return started[-1]

    yield make
    for authority in started:
        authority.close()


def shown(gateway, authority, name, protocols=None):
    """The certificate that a client gets which asks for a name and trusts nothing but the authority."""
    context = ssl.create_default_context(cafile=str(authority.folder / "root.pem"))
    if protocols:
        context.set_alpn_protocols(protocols)
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=PATIENCE) as plain:
        with context.wrap_socket(plain, server_hostname=name) as secure:
            return x509.load_der_x509_certificate(secure.getpeercert(True))


def readyz(gateway):
    connection = http.client.HTTPConnection("127.0.0.1", gateway.admin_port, timeout=PATIENCE)
    connection.request("GET", "/readyz")
    return Answer(connection.getresponse())


def is_ready(gateway):
    return readyz(gateway).status == 200


def orders(gateway):
    metrics = gateway.metrics()
    return tuple(metrics[f'sluice_acme_orders_total{{result="{result}"}}'] for result in ("issued", "failed"))


def kept(folder):
    """The paths and modes of all that is in the folder `acme`, and its own."""
    found = {}
    for place, folders, files in os.walk(folder / "acme"):
        for path in [place] + [os.path.join(place, name) for name in files]:
            found[os.path.relpath(path, folder)] = stat.S_IMODE(os.stat(path).st_mode)
    return found


@pytest.mark.parametrize("challenge", ["tls-alpn-01", "http-01"])
def test_the_first_certificate(make_gateway, make_authority, scan, challenge):
    authority = make_authority(refused_nonces=25)
    authority.go.clear()
    gateway = make_gateway(**authority.config(challenge=challenge))
    # Nothing to show: not ready, and clients are told by an alert. The operator sees why.
    problem = is_problem(readyz(gateway), 503, "certificate_unavailable")
    assert problem["detail"] == "there is no certificate yet"
    for protocols in (None, ["acme-tls/1"], ["http/1.1"]):
        with pytest.raises(ssl.SSLError, match="(?i)alert"):
            shown(gateway, authority, "one.example", protocols)
    assert orders(gateway) == (0, 0)
    assert "sluice_certificate_expiry_timestamp_seconds" not in gateway.metrics()
    authority.go.set()
    wait_for(lambda: is_ready(gateway))
    certificates = [shown(gateway, authority, name) for name in NAMES[:2]]
    assert len({certificate.serial_number for certificate in certificates}) == 1
    names = certificates[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert sorted(names.get_values_for_type(x509.DNSName)) == sorted(NAMES[:2])
    assert orders(gateway) == (1, 0)
    end = gateway.metrics()["sluice_certificate_expiry_timestamp_seconds"]
    assert end == certificates[0].not_valid_after_utc.timestamp()
    # It serves.
    context = ssl.create_default_context(cafile=str(authority.folder / "root.pem"))
    context.check_hostname = False
    gateway.ssl = context
    assert gateway.post(scan, {"type": "a"}).status == 202
    # What a client asks for that is no authority's, or asks after the challenge is over.
    assert shown(gateway, authority, "one.example", ["acme-tls/1"]).serial_number == certificates[0].serial_number
    # All of it is the gateway's alone.
    modes = kept(gateway.folder)
    assert sorted(modes.values()) == [0o600, 0o600, 0o700, 0o700], modes
    assert "PRIVATE" not in gateway.log() and "error" not in gateway.log()
    # The next start takes it from there.
    gateway.kill()
    gateway.log_file.unlink()
    again = make_gateway(folder=gateway.folder, **authority.config(challenge=challenge))
    assert is_ready(again)
    assert shown(again, authority, "two.example").serial_number == certificates[0].serial_number
    time.sleep(1.5)
    assert orders(again) == (0, 0)
    assert kept(gateway.folder) == modes
    result = check_again(again)
    assert "holds until " in result and "renewed by " in result


def check_again(gateway):
    result = check(gateway.folder, gateway.config_file.read_text())
    assert result.returncode == 0, result
    return result.stdout


def test_tokens_of_http_01_are_served_while_they_are_looked_for(make_gateway, make_authority):
    authority = make_authority()
    gateway = make_gateway(**authority.config(challenge="http-01"))
    wait_for(lambda: is_ready(gateway))
    for path in ("/.well-known/acme-challenge/unknown", "/.well-known/acme-challenge/", "/"):
        connection = http.client.HTTPConnection("127.0.0.1", authority.http_port, timeout=PATIENCE)
        connection.request("GET", path, headers={"Host": "one.example"})
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Location"]) == (308, f"https://one.example:{gateway.port}{path}")


@pytest.mark.parametrize("is_advised", [False, True], ids=["by-age", "by-advice"])
def test_a_renewal_drops_no_connection(make_gateway, make_authority, scan, is_advised):
    # By age it is renewed after 8 of 12 seconds; by advice after 3 of 30, instead of 20.
    authority = make_authority(validity=30 if is_advised else 12)
    first = []

    def window(id):
        first.append(id)
        begin = datetime.datetime(2000 if id == first[0] else 2100, 1, 1, tzinfo=datetime.timezone.utc)
        return {"start": begin.isoformat(), "end": (begin + datetime.timedelta(days=1)).isoformat()}

    if is_advised:
        authority.windows = window
    gateway = make_gateway(**authority.config())
    wait_for(lambda: is_ready(gateway))
    context = ssl.create_default_context(cafile=str(authority.folder / "root.pem"))
    context.check_hostname = False
    gateway.ssl = context
    old = shown(gateway, authority, "one.example")
    gateway.post(scan, {"type": "a"})
    with gateway.sync_ws(scan) as socket:
        json.loads(socket.recv(timeout=PATIENCE))
        serials = [old.serial_number]
        end = time.monotonic() + PATIENCE
        while serials[-1] == old.serial_number:
            assert time.monotonic() < end, gateway.log()
            # Each client gets one that holds, also while the authority looks.
            serials.append(shown(gateway, authority, "two.example").serial_number)
            assert is_ready(gateway)
            time.sleep(0.01)
        gateway.post(scan, {"type": "b"})
        assert json.loads(socket.recv(timeout=PATIENCE))["type"] == "b"
    assert orders(gateway) == (2, 0)
    assert len(serials) > 10
    if is_advised:
        wait_for(lambda: "wants the certificate renewed earlier" in gateway.log())
        wait_for(lambda: len(set(first)) == 2)


def test_a_failing_authority_leaves_the_old_one(make_gateway, make_authority):
    authority = make_authority(validity=8)
    gateway = make_gateway(**authority.config())
    wait_for(lambda: is_ready(gateway))
    old = shown(gateway, authority, "one.example")
    authority.failure = 503, {"Retry-After": "3600"}, {"type": "urn:ietf:params:acme:error:serverInternal"}
    wait_for(lambda: orders(gateway) == (1, 1))
    said = "certificate not renewed; the old one stays.*the authority has trouble of its own.*retry_seconds=3600"
    wait_for(lambda: re.search(said, gateway.log()))
    # It is shown, and all is well, until it ends.
    assert gateway.metrics()["sluice_certificate_expiry_timestamp_seconds"] == old.not_valid_after_utc.timestamp()
    wait_for(lambda: not is_ready(gateway))
    assert time.time() >= old.not_valid_after_utc.timestamp()
    assert "the certificate ended on" in is_problem(readyz(gateway), 503, "certificate_unavailable")["detail"]
    # A new start does not wait, and orders another.
    authority.failure = None
    gateway.kill()
    gateway.log_file.unlink()
    again = make_gateway(folder=gateway.folder, **authority.config())
    wait_for(lambda: is_ready(again))
    assert shown(again, authority, "one.example").serial_number != old.serial_number


def test_files_serve_until_there_is_one(make_gateway, make_authority):
    authority = make_authority()
    authority.go.clear()
    gateway = make_gateway(**authority.config(files=True))
    assert is_ready(gateway)
    assert gateway.get("/healthz").status == 200
    with pytest.raises(ssl.SSLCertVerificationError):
        shown(gateway, authority, "one.example")
    authority.go.set()
    wait_for(lambda: orders(gateway) == (1, 0))
    assert shown(gateway, authority, "one.example")
    # Other names, and clients that give none, get what they got.
    assert gateway.get("/healthz").status == 200


def seen(gateway, name, protocols=None, pieces=False):
    """What a client sees that trusts everybody: its certificate, the protocol, and all that a request is answered."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(protocols)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    secure = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=PATIENCE) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def step(action):
            while True:
                try:
                    result = action()
                    plain.sendall(outgoing.read())
                    return result
                except ssl.SSLWantReadError:
                    data = outgoing.read()
                    size = 50 if pieces else max(1, len(data))
                    for start in range(0, len(data), size):
                        plain.sendall(data[start:start + size])
                        time.sleep(0.002 if pieces else 0)
                    received = plain.recv(65536)
                    incoming.write(received) if received else incoming.write_eof()

        step(secure.do_handshake)
        certificate = x509.load_der_x509_certificate(secure.getpeercert(True))
        answer = b""
        try:
            step(lambda: secure.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
            answer = step(lambda: secure.read(65536))
        except (ssl.SSLError, ConnectionError):
            pass
        return certificate, secure.selected_alpn_protocol(), answer


def test_a_challenge_is_for_authorities_alone(make_gateway, make_authority):
    authority = make_authority()
    config = authority.config(files=True, domains=NAMES[:1])
    config["listen"]["port"] = 0
    # The authority's own connection leads to somebody who says nothing, so that it takes its time.
    with socket.create_server(("127.0.0.1", authority.tls_port)):
        gateway = make_gateway(**config)
        number = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")

        def proof():
            certificate, protocol, answer = seen(gateway, "One.Example", ["acme-tls/1"])
            found = [extension for extension in certificate.extensions if extension.oid == number]
            return found and (certificate, protocol, answer, found[0])

        certificate, protocol, answer, extension = wait_for(proof)
        assert protocol == "acme-tls/1" and answer == b""
        assert extension.critical and re.fullmatch(rb"\x04\x20.{32}", extension.value.value, re.S)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == ["one.example"] and len(list(names)) == 1
        own = x509.load_pem_x509_certificate((gateway.folder / "gateway.crt").read_bytes())
        # Everybody else is served as ever, however slowly he comes.
        for name, protocols in [("one.example", None), ("one.example", ["http/1.1"]), ("localhost", ["acme-tls/1"]),
                                ("one.example", ["http/1.1", "acme-tls/1"])]:
            for pieces in (False, True):
                certificate, _, answer = seen(gateway, name, protocols, pieces)
                assert certificate == own and answer.startswith(b"HTTP/1.1 200"), (name, protocols, pieces)
        assert seen(gateway, "one.example", ["h2"])[1] == "h2"
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=PATIENCE) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
            plain.settimeout(PATIENCE)
            while plain.recv(4096):
                pass
        assert orders(gateway) == (0, 0)
        # An order under way does not hold up the end.
        gateway.terminate()
        assert gateway.wait(PATIENCE / 2) == 0


def test_another_name_needs_no_restart(make_gateway, make_authority):
    authority = make_authority()
    gateway = make_gateway(**authority.config(files=True))
    wait_for(lambda: orders(gateway) == (1, 0))
    old = shown(gateway, authority, "one.example").serial_number
    gateway.reload(tls={"acme": {"domains": NAMES}})
    assert shown(gateway, authority, "one.example")
    wait_for(lambda: orders(gateway) == (2, 0))
    assert shown(gateway, authority, "three.example").serial_number != old
    # It takes over where files were, and gives back.
    gateway.reload(tls={"certificate": None, "private_key": None})
    assert shown(gateway, authority, "three.example")
    gateway.reload(tls={"certificate": "gateway.crt", "private_key": "gateway.key",
                        "acme": {"directory": None, "domains": []}})
    assert gateway.get("/healthz").status == 200
    with pytest.raises(ssl.SSLCertVerificationError):
        shown(gateway, authority, "one.example")
    # Another authority; without files the old one is shown until it has issued.
    authority.go.clear()
    gateway.reload(tls={"certificate": None, "private_key": None,
                        "acme": authority.section(domains=NAMES, directory=f"{authority.front}/other")})
    assert gateway.get("/healthz").status == 200
    authority.go.set()
    wait_for(lambda: orders(gateway) == (3, 0))
    assert shown(gateway, authority, "three.example")
    with pytest.raises(OSError):
        gateway.get("/healthz")


def test_what_went_wrong_is_said_in_plain_words(make_gateway, make_authority):
    authority = make_authority()
    config = authority.config()
    # Pebble comes to a port where nobody is.
    config["listen"]["port"] = 0
    gateway = make_gateway(**config)
    wait_for(lambda: orders(gateway) == (0, 1))
    problem = is_problem(readyz(gateway), 503, "certificate_unavailable")
    # Of its names the authority says which it tried first.
    said = "(one|two)[.]example: the authority does not take the proof: Failed to connect to"
    assert re.search(said, problem["detail"]), problem
    wait_for(lambda: re.search("no certificate issued.*does not take the proof.*retry_seconds=60", gateway.log()))
    # The account is kept, and nothing else.
    assert sorted(kept(gateway.folder).values()) == [0o600, 0o700, 0o700]


def test_a_folder_that_cannot_be_written_is_no_order(make_gateway, make_authority, make_folder):
    authority = make_authority()
    folder = make_folder()
    (folder / "file").write_text("")
    gateway = make_gateway(folder=folder, **authority.config(folder="file/acme"))
    wait_for(lambda: orders(gateway) == (0, 1))
    wait_for(lambda: "the folder cannot be made" in gateway.log())
    assert authority.asked == []


ACME = """\
listen: { host: 127.0.0.1, port: 0 }
admin: { port: 0 }
auth:
  keys: [ { id: main, algorithm: HS256, secret_file: jwt.key } ]
tls: { acme: { directory: "https://ca.example/dir", domains: [a.example, b.example], agree_to_terms: true } }
"""


@pytest.mark.parametrize("old, new, fault", [
    ("agree_to_terms: true", "agree_to_terms: false", "tls.acme.agree_to_terms: expected true"),
    (", agree_to_terms: true", "", "tls.acme.agree_to_terms: expected true"),
    ("[a.example", '["*.a.example"', "tls.acme.domains[0]: expected a name without a star"),
    ("[a.example", "[192.0.2.1", "tls.acme.domains[0]: expected the name of a host"),
    ("[a.example", "[b.example", "tls.acme.domains[1]: the name stands there twice"),
    ("[a.example, b.example]", "[]", "tls.acme.domains: needed"),
    ("https://ca", "http://ca", "tls.acme.directory: expected https://, or http:// to this machine itself"),
    ("https://ca.example/dir", "ca.example", "tls.acme.directory: expected an address with https://"),
    ('directory: "https://ca.example/dir", ', "", "tls.acme: needs directory"),
    ("domains", "challenge: http-01, domains", "tls.acme.challenge: http-01 needs listen.redirect_http.port"),
    ("domains", "challenge: dns-01, domains", "tls.acme.challenge: expected"),
    ("domains", 'email: "a@b.c,d@e.f", domains', "tls.acme.email: expected one address"),
    ("domains", "folder: jwt.key, domains", "tls.acme.folder: expected a folder, found the file"),
    ("domains", "ca: missing.crt, domains", "tls.acme.ca: no such file"),
    ("domains", "terms: true, domains", "tls.acme.terms: unknown key"),
])
def test_faults_of_the_configuration(make_folder, old, new, fault):
    result = check(make_folder(), ACME.replace(old, new, 1))
    assert result.returncode == 78
    assert f": {fault}" in result.stderr, result.stderr


def test_check_says_what_would_be_done_and_asks_nobody(make_folder):
    folder = make_folder()
    result = check(folder, ACME)
    assert result.returncode == 0, result
    said = "certificate for a.example, b.example, from https://ca.example/dir by tls-alpn-01: none in "
    assert said + f"{folder}/acme/ca.example-" in result.stdout
    assert "it would be ordered at the start" in result.stdout
    assert not (folder / "acme").exists()
    loopback = check(folder, ACME.replace("https://ca.example", "http://127.0.0.1:1"))
    assert loopback.returncode == 0, loopback
    plain = check(folder, ACME.replace("port: 0", "port: 0, plaintext: true", 1))
    assert plain.returncode == 0 and "tls.acme: has no effect with listen.plaintext" in plain.stderr
    assert "certificate for" not in plain.stdout
