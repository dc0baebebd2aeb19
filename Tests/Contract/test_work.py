"""What work grows with, by the CPU time of the gateway's own threads in one run, and by what is answered meanwhile."""

import asyncio
import contextlib
import json
import pathlib
import select
import socket
import threading

from attack import get
from conftest import wait_for


def cpu(gateway):
    """Seconds that the process has run."""
    tasks = pathlib.Path(f"/proc/{gateway.process.pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


@contextlib.contextmanager
def subscribers(gateway, queries):
    """A subscriber for each query, that reads and throws away, by a thread of its own."""
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    over = asyncio.Event()

    async def follow(query, opened):
        async with gateway.ws(query, ping_interval=None, compression=None) as socket:
            opened.release()
            reader = asyncio.ensure_future(drain(socket))
            await over.wait()
            reader.cancel()

    async def drain(socket):
        async for _ in socket:
            pass

    async def all_of_them():
        opened = asyncio.Semaphore(0)
        tasks = [asyncio.ensure_future(follow(query, opened)) for query in queries]
        for _ in tasks:
            await opened.acquire()
        ready.set()
        await asyncio.gather(*tasks, return_exceptions=True)

    thread = threading.Thread(target=lambda: loop.run_until_complete(all_of_them()), daemon=True)
    thread.start()
    assert ready.wait(60)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(60)


def test_groups_that_want_nothing_of_it_do_not_make_a_message_dearer(make_gateway):
    gateway = make_gateway(listen={"plaintext": True})
    body = json.dumps([{"type": "t", "n": n} for n in range(1000)])
    for scan in ("alone", "followed"):
        gateway.post(scan, {"type": "scanStarted"})

    def cost(scan):
        """CPU time of 10,000 messages."""
        connection = gateway.connection()
        before = cpu(gateway)
        for _ in range(10):
            assert gateway.post(scan, body, connection=connection).status == 202
        after = cpu(gateway)
        connection.close()
        return after - before

    with subscribers(gateway, [f"followed?filters=f{n}&rate={0.1 + n / 50:.2f}" for n in range(500)]):
        wait_for(lambda: gateway.metrics()["sluice_subscriptions"] == 500)
        # In turns, and the least of each: the process's other work adds to both.
        rounds = [(cost("alone"), cost("followed")) for _ in range(4)]
    alone, followed = (min(costs) for costs in zip(*rounds))
    print(f"\n10,000 messages: {alone:.3f} s of CPU beside no group, {followed:.3f} s beside 500")
    assert followed < alone * 1.5 + 0.02, rounds


@contextlib.contextmanager
def asked_meanwhile(gateway, **requests):
    """Asks for each again and again, on a connection of its own; how often it was answered so far."""
    answered = dict.fromkeys(requests, 0)
    over = threading.Event()
    failures = []

    def ask(name, request):
        connection = gateway.connection()
        try:
            while not over.is_set():
                assert request(connection).status in (200, 202)
                answered[name] += 1
        except Exception as error:  # told by the test's own thread
            failures.append(error)
        connection.close()

    threads = [threading.Thread(target=ask, args=item) for item in requests.items()]
    for thread in threads:
        thread.start()
    try:
        wait_for(lambda: failures or all(answered.values()))
        yield answered
    finally:
        over.set()
        for thread in threads:
            thread.join(30)
    assert not failures, failures


def test_a_long_request_does_not_hold_the_loop(make_gateway):
    gateway = make_gateway(listen={"plaintext": True, "event_loops": 1})
    for scan in ("a", "b"):
        gateway.post(scan, {"type": "scanStarted"})
    body = json.dumps([{"type": "t", "n": n} for n in range(1000)])
    # Each is a group of its own, and all want every message: one request is shown to groups 400,000 times.
    with subscribers(gateway, [f"a?filters=t,f{n}&rate=0.1" for n in range(400)]):
        wait_for(lambda: gateway.metrics()["sluice_subscriptions"] == 400)
        with asked_meanwhile(
                gateway, post=lambda connection: gateway.post("b", {"type": "t"}, connection=connection),
                health=lambda connection: gateway.request("GET", "/healthz", connection=connection)) as answered:
            connection = gateway.connection()
            before = dict(answered)
            assert gateway.post("a", body, connection=connection).json()["accepted"] == 1000
            meanwhile = {name: count - before[name] for name, count in answered.items()}
            connection.close()
    print(f"\n1,000 messages for 400 groups, answered meanwhile: {meanwhile}")
    # It takes 25 turns of the loop at least. A loop that is held would answer each of them once, at its end.
    assert min(meanwhile.values()) >= 5, meanwhile


def test_a_crowd_that_reads_all_of_history_does_not_hold_the_loop(make_gateway):
    gateway = make_gateway(listen={"plaintext": True, "event_loops": 1})
    for start in range(0, 1000, 250):
        gateway.post("a", [{"type": "t", "n": n, "text": "x" * 4000} for n in range(start, start + 250)])
    count = 60
    sockets = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(count)]
    with asked_meanwhile(gateway, health=lambda connection: gateway.request("GET", "/healthz", connection=connection)) \
            as answered:
        before = answered["health"]
        token = gateway.reader()
        for one in sockets:
            one.sendall(get("/api/scans/a/events?since=0", f"Authorization: Bearer {token}", "Connection: close"))
        # Four megabytes for each, read as fast as they come.
        left = dict.fromkeys(sockets, 4_000_000)
        while left:
            for one in select.select(list(left), [], [], 20)[0]:
                left[one] -= len(one.recv(1 << 20))
                if left[one] <= 0:
                    del left[one]
        meanwhile = answered["health"] - before
    for one in sockets:
        one.close()
    print(f"\n{count} readers of 4 MB each, health checks answered meanwhile: {meanwhile}")
    # It takes a dozen turns of the loop at least. A loop that is held would answer once, at its end.
    assert meanwhile >= 5, meanwhile
