#!/usr/bin/env python3
"""What a request over HTTP/2 costs the gateway and nginx, by h2load (Debian: nghttp2-client, nginx), in turns.

    Benchmarks/beside_nginx.py [--sluice PROGRAM] [--rounds N] [--requests N] [--h1] [CASE...]

Each server has one event loop, one certificate (P-256), no log, and a process of its own, whose CPU time is read from
/proc/PID/stat. The cases:

    small    GET of three bytes: the gateway's /healthz, a file of nginx's
    json     GET of 300 bytes of JSON: a scan's state with an HS256 token, a file of nginx's
    routed   GET of 300 bytes that both fetch from a second nginx, over connections that they keep

A round is one run of each. The best of all rounds is printed, since other work on the machine only makes figures worse;
each round's with --verbose.
"""

import argparse
import base64
import contextlib
import hashlib
import hmac
import json
import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request

TOP = pathlib.Path(__file__).resolve().parents[1]
CLIENTS, STREAMS = 16, 10
WARM_UP = 2000
TICKS = os.sysconf("SC_CLK_TCK")
SECRET = b"0123456789abcdef0123456789abcdef"
DOCUMENT = json.dumps({"text": "a" * 288})


def program(name, package):
    found = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")
    return found or sys.exit(f"beside_nginx: needs {name} (Debian: {package})")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def cpu_seconds(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@contextlib.contextmanager
def running(command, port, **options):
    """A process, once it listens."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, **options) as process:
        try:
            for _ in range(200):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                if process.poll() is not None:
                    sys.exit(f"beside_nginx: {command[0]} ended")
                time.sleep(0.05)
            yield process
        finally:
            process.terminate()


def nginx(folder, name, server, rest=""):
    """A configuration of one process; the command that runs it."""
    home = folder / name
    home.mkdir()
    (home / "nginx.conf").write_text(
        f"daemon off; master_process off; worker_processes 1; pid {home}/pid; error_log {home}/error.log;\n"
        f"events {{ worker_connections 1000; }}\nhttp {{ access_log off; keepalive_requests 100000000;\n"
        + "".join(f"{kind}_temp_path {home}/{kind};\n" for kind in
                  ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        + f"types {{ application/json json; }} default_type text/plain; tcp_nodelay on;\n{rest}\n"
        f"server {{ root {folder}/files; {server} }} }}\n")
    user = ["-g", "user root;"] if os.geteuid() == 0 else []
    return [program("nginx", "nginx"), "-p", home, "-e", home / "error.log", "-c", home / "nginx.conf", *user]


def token(**claims):
    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    text = part(b'{"alg":"HS256"}') + b"." + part(json.dumps({"exp": int(time.time()) + 86_400} | claims).encode())
    return (text + b"." + part(hmac.digest(SECRET, text, hashlib.sha256))).decode()


def write_files(folder, port, upstream):
    (folder / "files/app").mkdir(parents=True)
    (folder / "files/healthz").write_text("ok\n")
    for name in ("files/small.json", "files/app/small.json"):
        (folder / name).write_text(DOCUMENT)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", folder / "key.pem",
         "-out", folder / "crt.pem"], check=True, capture_output=True)
    (folder / "jwt.key").write_bytes(SECRET)
    many = {"rate": 1_000_000, "burst": 1_000_000}
    (folder / "config.yaml").write_text(json.dumps({
        "listen": {"host": "127.0.0.1", "port": port, "event_loops": 1},
        "tls": {"certificate": "crt.pem", "private_key": "key.pem"}, "admin": {"host": "127.0.0.1", "port": 0},
        "auth": {"keys": [{"id": "main", "algorithm": "HS256", "secret_file": "jwt.key"}]},
        "log": {"level": "error"}, "limits": {"requests": many, "accepts": many, "handshakes": many},
        "proxy": {"routes": [{"path": "/app", "upstreams": [f"http://127.0.0.1:{upstream}"]}]}}))


def post(folder, port):
    """A scan to be asked for, whose state is as long as the other document."""
    message = json.dumps([{"type": "scanStarted"}]).encode()
    request = urllib.request.Request(f"https://localhost:{port}/api/scans/bench/progress", message, {
        "Content-Type": "application/json", "Authorization": f"Bearer {token(sub='bench', scope='ingest')}"})
    context = ssl.create_default_context(cafile=folder / "crt.pem")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    opener.open(request, timeout=20).close()


def load(url, count, options, fields):
    """Requests a second."""
    command = [program("h2load", "nghttp2-client"), "-n", str(count), "-c", str(CLIENTS), "-m", str(STREAMS),
               *options, *(part for field in fields for part in ("-H", field)), url]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600).stdout
    good = int(re.search(r"status codes: (\d+) 2xx", told)[1])
    if good != count:
        sys.exit(f"beside_nginx: {url}: {good} of {count} answers are good\n{told}")
    return float(re.search(r", ([\d.]+) req/s", told)[1])


def measure(server, count, options):
    """Microseconds of CPU for each request, and requests a second."""
    process, url, fields = server
    load(url, WARM_UP, options, fields)
    before = cpu_seconds(process)
    rate = load(url, count, options, fields)
    return (cpu_seconds(process) - before) / count * 1e6, rate


def run(arguments, folder):
    port, front, behind = free_port(), free_port(), free_port()
    write_files(folder, port, behind)
    tls = (f"listen 127.0.0.1:{front} ssl http2; ssl_certificate {folder}/crt.pem; ssl_certificate_key {folder}/key.pem;"
           "ssl_protocols TLSv1.2 TLSv1.3;")
    proxy = ("location /app/ { proxy_pass http://behind; proxy_http_version 1.1; proxy_set_header Connection '';"
             "proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr;"
             "proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Request-Id $request_id; }")
    servers = [
        nginx(folder, "behind", f"listen 127.0.0.1:{behind};"),
        nginx(folder, "front", tls + proxy, f"upstream behind {{ server 127.0.0.1:{behind}; keepalive 256; }}"),
        [arguments.sluice, "serve", "--config", folder / "config.yaml"],
    ]
    with contextlib.ExitStack() as stack:
        _, other, gateway = [
            stack.enter_context(running(command, number, stderr=subprocess.DEVNULL, env=os.environ | {"SWIFT_BACKTRACE": "enable=no"}))
            for command, number in zip(servers, (behind, front, port))]
        post(folder, port)
        bearer = [f"Authorization: Bearer {token(sub='bench', scans=['*'])}"]
        ours, theirs = f"https://localhost:{port}", f"https://localhost:{front}"
        cases = {
            "small": ((gateway, ours + "/healthz", []), (other, theirs + "/healthz", [])),
            "json": ((gateway, ours + "/api/scans/bench", bearer), (other, theirs + "/small.json", [])),
            "routed": ((gateway, ours + "/app/small.json", []), (other, theirs + "/app/small.json", [])),
        }
        options = ["--h1"] if arguments.h1 else []
        figures = {name: ([], []) for name in arguments.cases or cases}
        for _ in range(arguments.rounds):
            for name, found in figures.items():
                for place, server in zip(found, cases[name]):
                    place.append(measure(server, arguments.requests, options))
    print(f"{'case':8} {'':>10} {'sluice':>10} {'nginx':>10} {'ratio':>7}")
    for name, found in figures.items():
        for index, (unit, best) in enumerate((("µs CPU", min), ("requests/s", max))):
            ours, theirs = (best(figure[index] for figure in one) for one in found)
            print(f"{name if index == 0 else '':8} {unit:>10} {ours:10.1f} {theirs:10.1f} {ours / theirs:7.2f}")
        if arguments.verbose:
            for one, who in zip(found, ("sluice", "nginx")):
                print(f"{'':8} {who:>10} " + " ".join(f"{cpu:.1f}/{rate:.0f}" for cpu, rate in one))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sluice", default=os.environ.get("SLUICE", TOP / ".build/release/sluice"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=40_000)
    parser.add_argument("--h1", action="store_true", help="HTTP/1.1 instead")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("cases", nargs="*")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run(arguments, pathlib.Path(folder))


if __name__ == "__main__":
    main()
