"""The examples of proxies with a test's own ports and paths, and nothing else changed."""

import functools
import re
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent


def program(name):
    """Where a proxy is installed; None if it is not."""
    found = shutil.which(name) or f"/usr/sbin/{name}"
    return found if Path(found).exists() else None


def adapted(example, changes):
    """The text of an example with each change made; one that finds nothing to change is a fault."""
    text = (HERE / example).read_text(encoding="utf-8")
    for old, new in changes:
        text, count = re.subn(old, new, text)
        assert count, f"{example} no longer has {old}"
    return text


def make_certificate(folder):
    """A throw-away certificate for what the proxy is called, and for the loopback."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=gateway.example.org", "-addext", "subjectAltName=DNS:gateway.example.org,DNS:localhost",
         "-keyout", folder / "gateway.key", "-out", folder / "gateway.crt"],
        check=True, capture_output=True,
    )
    both = (folder / "gateway.crt").read_text() + (folder / "gateway.key").read_text()
    (folder / "gateway.pem").write_text(both)


def nginx(folder, gateway, secure, plain, is_root, example="nginx/sluice.conf"):
    """Writes what nginx needs; the command that checks it, and the command that runs it.

    The gateway is at a port, or at a socket's path.
    """
    make_certificate(folder)
    address = f"127.0.0.1:{gateway}" if isinstance(gateway, int) else f"unix:{gateway}"
    text = adapted(example, [
        (r"server (127|10)\.0\.0\.\d+:8080", f"server {address}"),
        (r"listen \[::\]:\d+[^;]*;", ""),
        (r"listen 443", f"listen 127.0.0.1:{secure}"),
        (r"listen 80;", f"listen 127.0.0.1:{plain};"),
        (r"/etc/nginx/certs", str(folder)),
        (r"/var/log/nginx", str(folder)),
    ])
    (folder / "sluice.conf").write_text(text, encoding="utf-8")
    (folder / "nginx.conf").write_text(
        f"daemon off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\nhttp {{\n"
        + "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in
                  ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        + f"access_log off;\ninclude {folder}/sluice.conf;\n}}\n",
        encoding="utf-8",
    )
    return nginx_commands(folder, is_root)


def nginx_commands(folder, is_root):
    """The command that checks a folder's `nginx.conf`, and the command that runs it."""
    command = [program("nginx"), "-p", folder, "-e", folder / "error.log", "-c", folder / "nginx.conf"]
    if is_root:
        command += ["-g", "user root;"]
    return [*command, "-t"], command


def haproxy(folder, gateway, secure, plain, is_root, example="haproxy/haproxy.cfg"):
    """Writes what HAProxy needs; the command that checks it, and the command that runs it, which logs on stdout."""
    make_certificate(folder)
    text = adapted(example, [
        (r"(server gateway\S*) (127|10)\.0\.0\.\d+:8080( check)( port 9464)?", rf"\1 127.0.0.1:{gateway}\3"),
        (r"bind :443", f"bind 127.0.0.1:{secure}"),
        (r"bind :80", f"bind 127.0.0.1:{plain}"),
        (r"/etc/haproxy/certs", str(folder)),
        (r"log /dev/log", "log stdout format raw"),
        # As many as the machine that runs the test may open.
        (r"maxconn 50000", "maxconn 200"),
        # A test's client on a machine that stands still for a while is not a slow attacker.
        (r"timeout http-request 10s", "timeout http-request 60s"),
    ])
    (folder / "haproxy.cfg").write_text(text, encoding="utf-8")
    command = [program("haproxy"), "-f", folder / "haproxy.cfg"]
    return [*command, "-c"], [*command, "-db"]


def caddy(folder, gateway, secure, plain, is_root):
    """Writes what Caddy needs; the command that checks it, and the command that runs it."""
    make_certificate(folder)
    text = adapted("caddy/Caddyfile", [
        (r"127\.0\.0\.1:8080 \{", f"127.0.0.1:{gateway} {{"),
        (r"(?m)^gateway\.example\.org \{", "gateway.example.org, localhost {\n"
         f"\tbind 127.0.0.1\n\ttls {folder}/gateway.crt {folder}/gateway.key"),
        (r"/var/log/caddy", str(folder)),
    ])
    (folder / "Caddyfile").write_text(
        f"{{\n\tadmin off\n\thttp_port {plain}\n\thttps_port {secure}\n\tdefault_sni localhost\n\tocsp_stapling off\n}}\n\n{text}",
        encoding="utf-8")
    environment = ["env", f"XDG_DATA_HOME={folder}", f"XDG_CONFIG_HOME={folder}", program("caddy")]
    arguments = ["--config", folder / "Caddyfile", "--adapter", "caddyfile"]
    return [*environment, "validate", *arguments], [*environment, "run", *arguments]


def haproxy_tcp(folder, gateway, redirects, secure, plain, is_root):
    """The same for HAProxy that passes connections on; the gateway has one port for them, and one for redirects."""
    text = adapted("haproxy/tcp.cfg", [
        (r"10\.0\.0\.\d+:8443", f"127.0.0.1:{gateway}"),
        (r"10\.0\.0\.\d+:8080", f"127.0.0.1:{redirects}"),
        (r"bind :443", f"bind 127.0.0.1:{secure}"),
        (r"bind :80", f"bind 127.0.0.1:{plain}"),
        (r"log /dev/log", "log stdout format raw"),
        (r"maxconn 50000", "maxconn 200"),
        (r"inter 5s", "inter 100ms"),
    ])
    (folder / "haproxy.cfg").write_text(text, encoding="utf-8")
    command = [program("haproxy"), "-f", folder / "haproxy.cfg"]
    return [*command, "-c"], [*command, "-db"]


def nginx_stream(folder, gateway, redirects, secure, plain, is_root):
    """The same for nginx that passes connections on."""
    text = adapted("nginx/stream.conf", [
        (r"10\.0\.0\.\d+:8443", f"127.0.0.1:{gateway}"),
        (r"10\.0\.0\.\d+:8080", f"127.0.0.1:{redirects}"),
        (r"listen \[::\]:\d+[^;]*;", ""),
        (r"listen 443", f"listen 127.0.0.1:{secure}"),
        (r"listen 80;", f"listen 127.0.0.1:{plain};"),
        (r"/var/log/nginx", str(folder)),
    ])
    module = NGINX_STREAM if NGINX_STREAM.exists() else None
    (folder / "nginx.conf").write_text(
        (f"load_module {module};\n" if module else "") + f"daemon off;\npid {folder}/pid;\nevents {{}}\n{text}",
        encoding="utf-8")
    return nginx_commands(folder, is_root)


#: Where Debian has nginx's module for connections.
NGINX_STREAM = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
PROXIES = {"nginx": nginx, "haproxy": haproxy, "caddy": caddy}
# Those that pass connections on, and what each needs.
BALANCERS = {
    "haproxy-tcp": (haproxy_tcp, lambda: program("haproxy") is not None),
    "nginx-stream": (nginx_stream, lambda: program("nginx") is not None and NGINX_STREAM.exists()),
}
# Those before several gateways; here all of them are one.
CLUSTER_PROXIES = {
    "nginx-cluster": functools.partial(nginx, example="cluster/nginx.conf"),
    "haproxy-cluster": functools.partial(haproxy, example="cluster/haproxy.cfg"),
}
