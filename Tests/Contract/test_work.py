"""What work grows with, by the CPU time of the gateway's own threads in one run, and by what is answered meanwhile."""

import asyncio
import contextlib
import json
import pathlib
import threading

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
        # In turns, and the least of each: what else the process does comes on top of both.
        rounds = [(cost("alone"), cost("followed")) for _ in range(4)]
    alone, followed = (min(costs) for costs in zip(*rounds))
    print(f"\n10,000 messages: {alone:.3f} s of CPU beside no group, {followed:.3f} s beside 500")
    assert followed < alone * 1.5 + 0.02, rounds
