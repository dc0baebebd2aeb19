"""What a service manager is told and hands over: systemd's protocols, sd_notify(3) and sd_listen_fds(3)."""

import os
import signal
import socket
import ssl
import subprocess

import pytest

from conftest import BASE, SLUICE, Gateway, clean_environment, wait_for


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    """A socket that is told, and what the environment calls it."""
    name = str(tmp_path / "notify") if request.param == "path" else f"\0sluice-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(name)
        listener.settimeout(20)
        yield listener, name.replace("\0", "@")


def told(listener):
    """The next thing that is told besides that it lives: names and values."""
    while True:
        lines = dict(line.split("=", 1) for line in listener.recv(4096).decode().split("\n"))
        if lines != {"WATCHDOG": "1"}:
            return lines


def test_start_reload_and_stop_are_told(make_gateway, manager):
    listener, name = manager
    gateway = make_gateway(environment={"NOTIFY_SOCKET": name})
    assert told(listener) == {"READY": "1"}
    assert gateway.get("/healthz").status == 200
    gateway.reload(relay={"stall_after": "2m"})
    reloading = told(listener)
    assert reloading.pop("RELOADING") == "1" and int(reloading.pop("MONOTONIC_USEC")) > 0 and not reloading
    assert told(listener) == {"READY": "1"}
    # A reload that fails is over, too.
    gateway.reload("nonsense: unknown key", nonsense=1)
    assert "RELOADING" in told(listener) and told(listener) == {"READY": "1"}
    gateway.terminate()
    assert told(listener) == {"STOPPING": "1"}
    assert gateway.wait() == 0


def test_the_watchdog_hears_of_a_process_that_lives_and_of_no_other(make_gateway, manager):
    listener, name = manager
    gateway = make_gateway(environment={"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "200000"})
    assert told_alive(listener) and told_alive(listener)
    gateway.process.send_signal(signal.SIGSTOP)
    try:
        listener.settimeout(1)
        with pytest.raises(TimeoutError):
            while True:
                listener.recv(4096)
    finally:
        gateway.process.send_signal(signal.SIGCONT)
    listener.settimeout(20)
    assert told_alive(listener)


def told_alive(listener):
    while listener.recv(4096) != b"WATCHDOG=1":
        pass
    return True


@pytest.mark.parametrize("environment", [
    {"NOTIFY_SOCKET": "/nowhere/notify", "WATCHDOG_USEC": "100000"},
    {"NOTIFY_SOCKET": "/" + "x" * 200},
    {"NOTIFY_SOCKET": ""},
    {"WATCHDOG_USEC": "100000"},
])
def test_a_manager_that_is_not_there_changes_nothing(make_gateway, environment):
    gateway = make_gateway(environment=environment)
    assert gateway.get("/healthz").status == 200
    wait_for(lambda: gateway.metrics()["sluice_event_loop_lag_seconds_count"] > 0)
    gateway.terminate()
    assert gateway.wait() == 0


class Inheriting(Gateway):
    """A gateway that is handed a socket that listens, as its descriptor 3."""

    def __init__(self, folder, config, listener, names="listen"):
        self.listener, self.names = listener, names
        super().__init__(folder, config)

    def _start(self, log, environment):
        self.log_file.write_text("")
        script = f"exec 3<&{self.listener.fileno()}; LISTEN_PID=$$ exec \"$@\""
        return subprocess.Popen(
            ["/bin/bash", "-c", script, "sh", SLUICE, "serve", "--config", str(self.config_file)],
            cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
            pass_fds=(self.listener.fileno(),),
            env=clean_environment(LISTEN_FDS="1", LISTEN_FDNAMES=self.names))


def ask(connection, gateway):
    """The status of the health of whoever accepts the connection."""
    context = ssl.create_default_context(cafile=gateway.ca)
    with context.wrap_socket(connection, server_hostname="localhost") as secure:
        secure.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return int(secure.recv(4096).split()[1])


def test_nobody_is_refused_while_one_process_follows_another(make_folder):
    folder = make_folder()
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        place = listener.getsockname()
        old = Inheriting(folder, BASE, listener)
        try:
            assert old.port == place[1] and ask(socket.create_connection(place, 10), old) == 200
            with old.sync_ws("a?wait=60"):
                old.terminate()
                wait_for(lambda: "gateway drains" in old.log())
                # The old process is still draining, and takes no new connection.
                waiting = [socket.create_connection(place, 10) for _ in range(5)]
                assert old.wait() == 0
            # There is no process now, and connections stand.
            waiting += [socket.create_connection(place, 10) for _ in range(5)]
            old = Inheriting(folder, BASE, listener)
            assert [ask(connection, old) for connection in waiting] == [200] * 10
            assert ask(socket.create_connection(place, 10), old) == 200
        finally:
            old.kill()


def test_a_socket_of_another_name_is_not_the_clients(make_folder):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        gateway = Inheriting(make_folder(), BASE, listener, names="admin")
        try:
            assert gateway.admin_port == listener.getsockname()[1] != gateway.port
            assert gateway.metrics()["sluice_scans"] == 0
        finally:
            gateway.kill()
