"""Runs the container's health check against a server that is well, one that is not, one that is mute, and none."""

import socket
import subprocess
import sys
import threading

SCRIPT = sys.argv[1]


def verdict(answer):
    """The script's exit code when a server answers so; None: a server that accepts and says nothing."""
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def serve():
        connection, _ = listener.accept()
        with connection:
            request = b""
            # To its end: a socket that is closed with bytes unread resets the connection, and the answer may be lost.
            while not request.endswith(b"\r\n\r\n"):
                request += connection.recv(4096)
            if answer is None:
                done.wait(10)
            else:
                connection.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    code = check(listener.getsockname()[1])
    done.set()
    listener.close()
    return code


def check(port):
    command = ["bash", SCRIPT, "127.0.0.1", str(port)]
    return subprocess.run(command, stderr=subprocess.DEVNULL, timeout=10, check=False).returncode


assert verdict(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok") == 0, "a healthy gateway"
assert verdict(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n") != 0, "an unhealthy gateway"
assert verdict(None) != 0, "a mute gateway"
closed = socket.create_server(("127.0.0.1", 0))
unused = closed.getsockname()[1]
closed.close()
assert check(unused) != 0, "no gateway"
