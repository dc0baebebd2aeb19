"""TLS as it is offered, and scanners that show a certificate."""

import http.client
import json
import shutil
import socket
import ssl
import subprocess

import pytest


def handshake(gateway, minimum, maximum, ciphers=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers(ciphers or "ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = minimum, maximum
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as plain:
        with context.wrap_socket(plain) as connection:
            return connection.version(), connection.cipher()[0]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_tls_is_refused(gateway, version):
    with pytest.raises((ssl.SSLError, ConnectionError)):
        handshake(gateway, version, version)


@pytest.mark.parametrize("ciphers", ["kRSA", "SHA1:SHA256:SHA384", "AES128-SHA", "aNULL", "eNULL", "3DES", "CAMELLIA"])
def test_weak_ciphers_are_refused(gateway, ciphers):
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).set_ciphers(ciphers + ":@SECLEVEL=0")
    except ssl.SSLError:
        pytest.skip("this client does not know them either")
    try:
        _, chosen = handshake(gateway, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, ciphers + ":@SECLEVEL=0")
    except (ssl.SSLError, ConnectionError):
        return
    assert chosen.startswith("ECDHE-") and ("GCM" in chosen or "POLY1305" in chosen)


def test_a_scanner_finds_nothing_weak(gateway):
    program = shutil.which("sslscan")
    if program is None:
        pytest.skip("sslscan is not installed")
    scan = subprocess.run(
        [program, "--no-colour", f"127.0.0.1:{gateway.port}"], capture_output=True, text=True, timeout=120)
    lines = [line.split() for line in scan.stdout.splitlines()]
    accepted = [line for line in lines if line and line[0] in ("Accepted", "Preferred")]
    assert accepted, scan.stdout
    for line in accepted:
        assert line[1] in ("TLSv1.2", "TLSv1.3"), line
        assert line[1] == "TLSv1.3" or line[4].startswith("ECDHE-"), line
        assert "GCM" in line[4] or "POLY1305" in line[4], line
    for protocol in ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1"):
        assert [protocol, "disabled"] in lines, scan.stdout
    assert "Session renegotiation not supported" in scan.stdout
    assert "Compression enabled" not in scan.stdout
    assert "not vulnerable to heartbleed" in scan.stdout


def certificate(folder, name, subject, extension, authority):
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=folder)

    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", subject,
            "-keyout", f"{name}.key", "-out", f"{name}.csr")
    (folder / f"{name}.ext").write_text(extension)
    openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.crt", "-CAkey", f"{authority}.key",
            "-CAcreateserial", "-days", "2", "-out", f"{name}.crt", "-extfile", f"{name}.ext")


def shown(gateway, name):
    """The names of the certificate that a client gets that asks for `name`."""
    context = ssl.create_default_context(cafile=gateway.folder / "ca.crt")
    context.check_hostname = False
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as plain:
        with context.wrap_socket(plain, server_hostname=name) as connection:
            names = connection.getpeercert()["subjectAltName"]
            return [value for kind, value in names if kind == "DNS"][0]


@pytest.mark.parametrize("has_own", [True, False])
def test_certificates_are_chosen_by_the_name_asked_for(make_gateway, make_folder, certificates, has_own):
    folder = make_folder()
    for suffix in ("crt", "key"):
        shutil.copy(certificates / f"other.{suffix}", folder / f"ca.{suffix}")
    for name, subject in [("own", "own.example"), ("star", "*.a.example"), ("exact", "www.a.example"), ("new", "*.a.example"),
                          ("b", "b.example")]:
        alternative = f"subjectAltName=DNS:{subject}" + (",DNS:new.example" if name == "new" else "")
        certificate(folder, name, "/CN=x", alternative + "\n", "ca")
    pairs = [{"certificate": f"{name}.crt", "private_key": f"{name}.key"} for name in ("own", "star", "exact", "b")]
    if has_own:
        tls = {"certificate": "own.crt", "private_key": "own.key", "certificates": pairs[1:]}
    else:
        tls = {"certificate": None, "private_key": None, "certificates": pairs}
    gateway = make_gateway(folder=folder, tls=tls)
    expected = {"own.example": "own.example", "x.a.example": "*.a.example", "www.a.example": "www.a.example",
                "WWW.A.Example": "www.a.example", "b.example": "b.example", "x.b.example": "own.example",
                "x.y.a.example": "own.example", "a.example": "own.example", None: "own.example"}
    assert {name: shown(gateway, name) for name in expected} == expected
    # The files are read again by a signal.
    assert shown(gateway, "new.example") == "own.example"
    for suffix in ("crt", "key"):
        shutil.copy(folder / f"new.{suffix}", folder / f"star.{suffix}")
    gateway.reload()
    assert shown(gateway, "new.example") == "*.a.example"
    # A file that does not fit leaves all of them in force.
    shutil.copy(folder / "b.key", folder / "exact.key")
    gateway.reload("configuration not reloaded")
    assert shown(gateway, "www.a.example") == "www.a.example"


def test_a_certificate_makes_a_producer(make_gateway, make_folder, certificates):
    folder = make_folder()
    for suffix in ("crt", "key"):
        shutil.copy(certificates / f"other.{suffix}", folder / f"ca.{suffix}")
    certificate(folder, "alternative", "/CN=cn-name", "subjectAltName=DNS:nmap-1.internal\n", "ca")
    certificate(folder, "common", "/O=Scans/CN=nmap-2", "basicConstraints=CA:FALSE\n", "ca")
    certificate(folder, "nameless", "/O=Scans", "basicConstraints=CA:FALSE\n", "ca")
    gateway = make_gateway(folder=folder, tls={"client_ca": "ca.crt"}, limits={"ingest": {"rate": 1, "burst": 1}})

    def answer(name, scan="a", path=None, whole=False):
        context = ssl.create_default_context(cafile=gateway.ca)
        if name:
            context.load_cert_chain(folder / f"{name}.crt", folder / f"{name}.key")
        connection = http.client.HTTPSConnection("localhost", gateway.port, context=context, timeout=20)
        if path:
            connection.request("GET", path)
        else:
            fields = {"Content-Type": "application/json"}
            connection.request("POST", f"/api/scans/{scan}/progress", b'{"type":"a"}', fields)
        response = connection.getresponse()
        return json.load(response) if whole else response.status

    assert answer(None) == 401
    assert answer("nameless") == 401
    # The fault is named: a client that shows a certificate has no use for "send a token" alone.
    problem = answer("nameless", whole=True)
    assert problem["code"] == "invalid_certificate" and "names nobody" in problem["detail"]
    assert answer(None, whole=True)["code"] == "missing_token"
    assert answer("alternative") == 202
    # Another name is another producer, with a rate of its own; the same one has spent it.
    assert answer("common") == 202
    assert answer("alternative") == 429
    # Posting is all that it may do.
    assert answer("alternative", path="/api/scans/a") == 403
    # A certificate of an unknown authority does not even pass the handshake.
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=stranger", "-keyout", str(folder / "stranger.key"),
                    "-out", str(folder / "stranger.crt")], check=True, capture_output=True)
    with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
        answer("stranger")
