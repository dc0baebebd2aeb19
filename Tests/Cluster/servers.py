"""Three servers of NATS with JetStream on loopback, and a command that uses them.

    servers.py COMMAND...

SLUICE_NATS names their addresses, SLUICE_NATS_PROCESSES their processes, both with commas between. They end with the
command, and their files with them.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request


def free_ports(count):
    """Ports that nobody listens on now, all different."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def configuration(name, folder, client, route, monitor, routes, more):
    listed = ", ".join(f'"nats://{address}"' for address in routes)
    return f"""
server_name: {name}
listen: {client}
http: {monitor}
jetstream {{ store_dir: "{folder}/{name}" }}
cluster {{ name: test, listen: {route}, routes: [{listed}] }}
{more}
"""


class Servers:
    """Three servers: on loopback, or on the addresses and in the network namespaces that they are given."""

    def __init__(self, folder, program="nats-server", clients=None, routes=None, prefixes=((), (), ()), more=""):
        self.folder = folder
        self.program = program
        self.prefixes = prefixes
        if clients:
            self.clients, self.routes = [f"{host}:4222" for host in clients], [f"{host}:6222" for host in routes]
            self.monitors = [f"{host}:8222" for host in clients]
        else:
            addresses = [f"127.0.0.1:{port}" for port in free_ports(9)]
            self.clients, self.routes, self.monitors = addresses[:3], addresses[3:6], addresses[6:]
        self.processes = [None] * 3
        for index in range(3):
            text = configuration(
                f"s{index}", folder, self.clients[index], self.routes[index], self.monitors[index], self.routes, more
            )
            with open(f"{folder}/s{index}.conf", "w") as file:
                file.write(text)

    def start(self, index):
        log = open(f"{self.folder}/s{index}.log", "ab")
        self.processes[index] = subprocess.Popen(
            [*self.prefixes[index], self.program, "-c", f"{self.folder}/s{index}.conf"], stdout=log, stderr=log
        )
        log.close()

    def wait(self, seconds=30):
        """Until JetStream is ready on all of them."""
        end = time.monotonic() + seconds
        for monitor in self.monitors:
            while not self.is_healthy(monitor):
                if time.monotonic() > end:
                    raise SystemExit(f"servers.py: no JetStream after {seconds} s; see {self.folder}")
                time.sleep(0.1)

    @staticmethod
    def is_healthy(monitor):
        try:
            with urllib.request.urlopen(f"http://{monitor}/healthz", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    def stop(self):
        for process in self.processes:
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait()

    @property
    def urls(self):
        return ",".join(f"nats://{address}" for address in self.clients)


def main():
    folder = tempfile.mkdtemp(prefix="sluice-nats-")
    servers = Servers(folder)
    try:
        for index in range(3):
            servers.start(index)
        servers.wait()
        environment = dict(
            os.environ,
            SLUICE_NATS=servers.urls,
            SLUICE_NATS_PROCESSES=",".join(str(process.pid) for process in servers.processes),
        )
        code = subprocess.call(sys.argv[1:], env=environment)
    finally:
        servers.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
