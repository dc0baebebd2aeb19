"""`sluice init` and `sluice certificate`: what they write, what they leave alone, and what they print, as it is printed."""

import os
import re
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import urllib.request

import pytest

from commands import sluice
from conftest import SLUICE, clean_environment, wait_for

FILES = ["certs/ca.crt", "certs/gateway.crt", "certs/gateway.key", "config.yaml", "secrets/ca.key", "secrets/ingest.key",
         "secrets/jwt.key"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def made(folder, *options, **others):
    """`sluice init` at a free port; what it said, and the port."""
    port = free_port()
    result = sluice("init", folder, "--listen", f"127.0.0.1:{port}", "--admin", "127.0.0.1:0", *options, **others)
    assert result.returncode == 0 and result.stderr_text == "", result.stderr_text
    return result.stdout_text, port


def tree(folder):
    return {str(path.relative_to(folder)): (stat.S_IMODE(path.stat().st_mode), path.is_file() and path.read_bytes())
            for path in folder.rglob("*")}


def tools(folder, *names):
    """A `PATH` of these programs and ours alone."""
    folder.mkdir()
    (folder / "sluice").symlink_to(SLUICE)
    for name in names:
        (folder / name).symlink_to(shutil.which(name))
    return clean_environment(PATH=str(folder))


def serving(command, folder, environment, port):
    """Starts a gateway by a shell's line, and waits for it."""
    with open(folder / "log", "ab") as log:
        process = subprocess.Popen(["/bin/sh", "-c", f"exec {command}"], cwd=folder, env=environment, stderr=log)
    try:
        wait_for(lambda: f"port={port} " in (folder / "log").read_text() or process.poll() is not None)
        assert process.poll() is None, (folder / "log").read_text()
    except BaseException:
        process.kill()
        process.wait()
        raise
    return process


def test_what_it_prints_works_as_it_stands(tmp_path):
    environment = tools(tmp_path / "bin", "sh", "cat", "curl", "sleep")
    port = free_port()
    result = subprocess.run(
        [SLUICE, "init", "my gateway", "--listen", f"127.0.0.1:{port}", "--admin", "127.0.0.1:0"],
        cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    serve, run, post, link = re.findall(r"^   ((?:sluice|echo|https:).*)$", result.stdout, re.M)
    assert "Bearer" not in post.split(" | ", 1)[1]
    gateway = serving(serve, tmp_path, environment, port)
    try:
        assert f"console=https://localhost:{port}/" in (tmp_path / "log").read_text()
        for command in run, post:
            done = subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, env=environment, capture_output=True,
                                  text=True, timeout=60)
            assert done.returncode == 0, done.stderr
        assert '"accepted":1' in done.stdout
        # As strict as the strictest clients are.
        context = ssl.create_default_context(cafile=tmp_path / "my gateway/certs/ca.crt")
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        page, token = link.split("/#token=")
        assert b"<html" in urllib.request.urlopen(page, context=context, timeout=20).read()
        request = urllib.request.Request(f"{page}/api/scans/stats", headers={"Authorization": f"Bearer {token}"})
        listed = urllib.request.urlopen(request, context=context, timeout=20).read().decode()
        assert '"first"' in listed and '"second"' in listed and '"total_messages":' in listed
    finally:
        gateway.send_signal(signal.SIGTERM)
        assert gateway.wait(20) == 0


@pytest.mark.parametrize("mask", [0, 0o077], ids=oct)
def test_files_are_for_whom_they_are_whatever_the_umask_is(tmp_path, mask):
    made(tmp_path / "gateway", umask=mask)
    modes = {name: oct(mode) for name, (mode, _) in tree(tmp_path / "gateway").items()}
    assert modes == {
        "certs": "0o755", "certs/ca.crt": "0o644", "certs/gateway.crt": "0o644", "certs/gateway.key": "0o600",
        "config.yaml": "0o640", "secrets": "0o700", "secrets/ca.key": "0o600", "secrets/ingest.key": "0o600",
        "secrets/jwt.key": "0o600"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to another group")
def test_what_the_gateway_reads_may_belong_to_its_group(tmp_path):
    output, _ = made(tmp_path / "gateway", "--group", "games", "--storage", "/nowhere/at/all", "--quiet")
    assert output == ""
    groups = {name for name in FILES if (tmp_path / "gateway" / name).group() == "games"}
    secret = {"certs/gateway.key", "config.yaml", "secrets/jwt.key"}
    assert groups == secret | {"certs/ca.crt", "certs/gateway.crt"}
    assert all(oct((tmp_path / "gateway" / name).stat().st_mode & 0o777) == "0o640" for name in secret)
    assert oct((tmp_path / "gateway/secrets").stat().st_mode & 0o777) == "0o750"
    assert (tmp_path / "gateway").group() == (tmp_path / "gateway/secrets").group() == "games"


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_overwritten(tmp_path, name):
    made(tmp_path)
    for other in FILES:
        if other != name:
            (tmp_path / other).unlink()
    before = tree(tmp_path)
    result = sluice("init", tmp_path)
    assert result.returncode == 73 and result.stdout_text == ""
    assert name in result.stderr_text and "nothing was changed" in result.stderr_text
    assert tree(tmp_path) == before


@pytest.mark.parametrize("options", [
    ["--listen", "8443"], ["--listen", "0.0.0.0:0"], ["--admin", "x"], ["--name", "a b"], ["--name", "a.example:8443"],
    ["--days", "0"], ["--days", "826"], ["--origin", "https://a.example/"], ["--ingest-key", ""], ["--group", "no such"],
    ["--listen", "127.0.0.1:9464"]], ids=" ".join)
def test_options_that_make_no_configuration_write_nothing(tmp_path, options):
    result = sluice("init", tmp_path / "gateway", *options)
    assert result.returncode == 64 and result.stdout_text == "" and result.stderr_text
    assert not (tmp_path / "gateway").exists()


def test_a_renewed_certificate_is_taken_up_by_a_running_gateway(tmp_path):
    _, port = made(tmp_path, "--name", "gateway.example")
    context = ssl.create_default_context(cafile=tmp_path / "certs/ca.crt")

    def names():
        with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as secure:
                return [name for _, name in secure.getpeercert()["subjectAltName"]]

    gateway = serving(f"'{SLUICE}' serve --config config.yaml", tmp_path, clean_environment(), port)
    try:
        assert names()[:2] == ["gateway.example", "localhost"]
        result = sluice("certificate", tmp_path, "--name", "other.example")
        assert result.returncode == 0 and "other.example" in result.stdout_text, result.stderr_text
        gateway.send_signal(signal.SIGHUP)
        wait_for(lambda: names()[:2] == ["other.example", "localhost"])
        (tmp_path / "secrets/ca.key").unlink()
        before = tree(tmp_path / "certs")
        result = sluice("certificate", tmp_path)
        assert result.returncode == 73 and "secrets/ca.key" in result.stderr_text
        assert tree(tmp_path / "certs") == before
    finally:
        gateway.send_signal(signal.SIGTERM)
        assert gateway.wait(20) == 0
