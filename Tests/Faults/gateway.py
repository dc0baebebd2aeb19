"""A gateway in a folder of its own: started, asked, killed, started again. Python's own library only."""

import base64
import hashlib
import hmac
import http.client
import json
import os
import signal
import socket
import subprocess
import time

SECRET = b"0123456789abcdef0123456789abcdef"


def token(**claims):
    """A JWT that may do everything, unless the claims say otherwise."""
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    body = {"sub": "ledger", "roles": ["admin"], "scope": "ingest", "exp": int(time.time()) + 86400, **claims}
    text = part({"alg": "HS256", "typ": "JWT"}) + b"." + part(body)
    signature = hmac.new(SECRET, text, hashlib.sha256).digest()
    return (text + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


GIVEN = set()


def free_port():
    """A port that nobody listens on now, and that was not given before."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port not in GIVEN:
            GIVEN.add(port)
            return port


class Gateway:
    def __init__(self, program, folder, durability="batched", storage=None, prefix=(), more="", retention=None,
                 host="127.0.0.1", engine=None):
        self.program = os.path.abspath(program)
        self.folder = str(folder)
        self.host = host
        self.port = free_port()
        self.admin_port = free_port()
        self.prefix = list(prefix)
        self.process = None
        self.token = token()
        self.storage = storage or os.path.join(self.folder, "store")
        os.makedirs(self.folder, exist_ok=True)
        with open(os.path.join(self.folder, "jwt.key"), "wb", opener=lambda p, f: os.open(p, f, 0o600)) as file:
            file.write(SECRET)
        with open(os.path.join(self.folder, "config.yaml"), "w") as file:
            file.write(
                f"listen: {{ host: {host}, port: {self.port}, plaintext: true }}\n"
                f"admin: {{ host: {host}, port: {self.admin_port} }}\n"
                "auth: { keys: [ { id: main, algorithm: HS256, secret_file: jwt.key } ] }\n"
                "relay: { max_messages_per_second: 0, history: { messages: 200 } }\n"
                "limits:\n"
                "  accepts: { rate: 10000, burst: 10000 }\n"
                "  handshakes: { rate: 1000, burst: 1000 }\n"
                "  requests: { rate: 10000, burst: 10000 }\n"
                "  ingest: { rate: 1000000, burst: 1000000 }\n"
                "  connections: { total: 400, per_user: 200, per_address: 300 }\n"
                + (f"engine: {engine}\n" if engine else
                   f"storage: {{ path: {self.storage}, durability: {durability}, retention: {retention or '{}'} }}\n")
                + more
            )

    def start(self, wait=20.0):
        """Starts it; the seconds until it accepts connections."""
        log = open(os.path.join(self.folder, "gateway.log"), "ab")
        begin = time.monotonic()
        self.process = subprocess.Popen(
            self.prefix + [self.program, "serve", "--config", os.path.join(self.folder, "config.yaml")],
            stderr=log,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "SWIFT_BACKTRACE": "enable=no"},
        )
        log.close()
        while time.monotonic() - begin < wait:
            if self.process.poll() is not None:
                raise RuntimeError(f"the gateway ended with {self.process.returncode}: {self.log()[-600:]}")
            try:
                socket.create_connection((self.host, self.port), timeout=1).close()
                return time.monotonic() - begin
            except OSError:
                time.sleep(0.005)
        raise RuntimeError("the gateway does not listen")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                return self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process.returncode if self.process else None

    def log(self):
        with open(os.path.join(self.folder, "gateway.log"), errors="replace") as file:
            return file.read()

    def connect(self, timeout=30):
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def ask(self, method, path, body=None, headers=None, connection=None, timeout=30):
        """The status, the headers and the body of an answer."""
        own = connection or self.connect(timeout)
        try:
            head = {"Authorization": f"Bearer {self.token}", **(headers or {})}
            if isinstance(body, (dict, list)):
                body = json.dumps(body)
                head.setdefault("Content-Type", "application/json")
            own.request(method, path, body=body, headers=head)
            answer = own.getresponse()
            text = answer.read()
            is_json = "json" in (answer.headers.get("Content-Type") or "")
            return answer.status, answer.headers, json.loads(text) if is_json and text else text
        finally:
            if connection is None:
                own.close()

    def post(self, scan, messages, key=None, connection=None, timeout=30):
        headers = {"Idempotency-Key": key} if key else {}
        return self.ask("POST", f"/api/scans/{scan}/progress", messages, headers, connection, timeout)

    def admin(self, path):
        connection = http.client.HTTPConnection(self.host, self.admin_port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def metric(self, name):
        for line in self.admin("/metrics")[1].splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        return None

    def messages(self, scan, since=0):
        """Everything that can be read of a scan, page by page."""
        found = []
        while True:
            status, _, page = self.ask("GET", f"/api/scans/{scan}/messages?since={since}&limit=1000")
            if status != 200:
                raise RuntimeError(f"messages: {status} {page}")
            found += page["messages"]
            if page["next"] is None:
                return found
            since = page["next"]

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
