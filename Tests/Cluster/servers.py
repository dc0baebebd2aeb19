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


def configuration(name, folder, client, route, monitor, routes):
    listed = ", ".join(f'"nats://127.0.0.1:{port}"' for port in routes)
    return f"""
server_name: {name}
listen: 127.0.0.1:{client}
http: 127.0.0.1:{monitor}
jetstream {{ store_dir: "{folder}/{name}" }}
cluster {{ name: test, listen: 127.0.0.1:{route}, routes: [{listed}] }}
"""


class Servers:
    def __init__(self, folder, program="nats-server"):
        self.folder = folder
        self.program = program
        ports = free_ports(9)
        self.clients, self.routes, self.monitors = ports[:3], ports[3:6], ports[6:]
        self.processes = [None] * 3
        for index in range(3):
            text = configuration(
                f"s{index}", folder, self.clients[index], self.routes[index], self.monitors[index], self.routes
            )
            with open(f"{folder}/s{index}.conf", "w") as file:
                file.write(text)

    def start(self, index):
        log = open(f"{self.folder}/s{index}.log", "ab")
        self.processes[index] = subprocess.Popen(
            [self.program, "-c", f"{self.folder}/s{index}.conf"], stdout=log, stderr=log
        )

    def wait(self, seconds=30):
        """Until JetStream is ready on all of them."""
        end = time.monotonic() + seconds
        for port in self.monitors:
            while not self.is_healthy(port):
                if time.monotonic() > end:
                    raise SystemExit(f"servers.py: no JetStream after {seconds} s; see {self.folder}")
                time.sleep(0.1)

    @staticmethod
    def is_healthy(port):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1) as answer:
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
        return ",".join(f"nats://127.0.0.1:{port}" for port in self.clients)


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
