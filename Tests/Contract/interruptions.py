"""Connections that break at random moments, and the ledger of what their clients got in spite of it."""

import asyncio
import contextlib
import copy
import dataclasses
import json
import math
import random
import socket
import struct

from follower import Ledger, post

#: About what it takes to become a subscription.
HANDSHAKE_BYTES = 1500


class Breaker:
    """Relays to a gateway, and breaks each connection at a random byte or moment, for as long as it is told to.

    A connection ends with a reset or with an end of its stream, mostly within a TLS record; the gateway learns of it
    the same way or the other, or only later.
    """

    def __init__(self, gateway, seed, is_breaking, reach=80_000, patience=0.8):
        self.gateway, self.is_breaking = gateway, is_breaking
        self.choices = random.Random(seed)
        self.reach, self.patience = reach, patience
        self.connections = set()
        #: How many connections were broken here.
        self.breaks = 0

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_):
        self.server.close()
        for connection in self.connections:
            connection.cancel()
        await asyncio.gather(*self.connections, return_exceptions=True)

    @property
    def view(self):
        """The gateway, as it is reached through here."""
        view = copy.copy(self.gateway)
        view.port = self.server.sockets[0].getsockname()[1]
        view.authority = f"localhost:{view.port}"
        view.url, view.wss = f"https://{view.authority}", f"wss://{view.authority}"
        return view

    async def _accepted(self, reader, writer):
        self.connections.add(task := asyncio.current_task())
        ends = [writer]
        try:
            away_reader, away_writer = await asyncio.open_connection("127.0.0.1", self.gateway.port)
            ends.append(away_writer)
            if await self._relay((reader, writer), (away_reader, away_writer)):
                self.breaks += 1
                end(writer, self.choices.random() < 0.5)
                if self.choices.random() < 0.2:
                    await asyncio.sleep(self.choices.uniform(0.2, 2))
                end(away_writer, self.choices.random() < 0.5)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for writer in ends:
                writer.close()
            self.connections.discard(task)

    async def _relay(self, near, far):
        """Passes bytes on until either side ends, or until it is time to break: then it is true."""
        # By time the break mostly comes between messages, by bytes mostly within one, or within history.
        by_bytes = int(math.exp(self.choices.uniform(math.log(HANDSHAKE_BYTES), math.log(self.reach))))
        by_handshake = self.choices.randrange(1, HANDSHAKE_BYTES)
        (count,) = self.choices.choices([by_handshake, by_bytes, math.inf], [1, 4, 5])
        upwards = asyncio.create_task(self._pass(near[0], far[1], math.inf))
        downwards = asyncio.create_task(self._pass(far[0], near[1], count))
        both = {upwards, downwards}
        try:
            timeout = self.choices.uniform(0.02, self.patience)
            done, _ = await asyncio.wait(both, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                if self.is_breaking():
                    return True
                done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            return any([task.result() for task in done])
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    async def _pass(self, reader, writer, count):
        """True once so many bytes passed, false at their end."""
        while data := await reader.read(65536):
            if len(data) >= count and self.is_breaking():
                writer.write(data[:count])
                return True
            count = max(1, count - len(data))
            writer.write(data)
            await writer.drain()
        return False


def end(writer, is_abrupt):
    """Ends a connection by a reset, or by the end of its stream."""
    if not is_abrupt:
        writer.close()
        return
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@dataclasses.dataclass
class Posted:
    text: str
    #: What it is the state of; None for an event, none of which may be missing.
    key: tuple | None


class Book:
    """What the gateway took, by its own answers: each scan's texts by their seqs."""

    def __init__(self, scans):
        self.posted = {scan: {} for scan in scans}

    def enter(self, scan, messages, answer):
        seqs = range(answer["firstSeq"], answer["lastSeq"] + 1)
        assert len(seqs) == answer["accepted"] == len(messages)
        self.posted[scan] |= dict(zip(seqs, messages))

    def frame(self, scan, seqs, is_batch):
        """The text of a frame with these messages."""
        texts = [self.posted[scan][seq].text if seq in self.posted[scan] else "{" for seq in seqs]
        if is_batch:
            messages = ",".join(f'{{"seq":{seq},{text[1:]}' for seq, text in zip(seqs, texts))
            return f'{{"type":"batch","scanId":"{scan}","messages":[{messages}]}}'
        own = "" if '"scanId"' in texts[0] else f'"scanId":"{scan}",'
        return f'{{{own}"seq":{seqs[0]},{texts[0][1:]}'


class Account:
    """What one client got over all its connections, and where it goes on.

    It is over with the `scanCompleted` of each of its scans.
    """

    def __init__(self, kind, scans, quota=0):
        self.kind, self.scans, self.quota = kind, scans, quota
        self.breaker = None
        self.places = dict.fromkeys(scans, 0)
        self.epochs = {}
        self.last_id = None
        #: Scan, seqs, text and whether it is a batch, of each frame with messages.
        self.frames = []
        self.lags = []
        self.faults = []
        self.completed = set()
        self.is_subscribed = False
        #: Connections that ended too early, and the subscriptions among them.
        self.ends = 0
        self.interruptions = 0

    @property
    def is_over(self):
        return len(self.completed) == len(self.scans)

    @property
    def is_due(self):
        """Whether it is to be interrupted further."""
        return self.interruptions < self.quota

    def resume(self, scan):
        """The query that goes on."""
        epoch = {"epoch": self.epochs[scan]} if scan in self.epochs else {}
        return {"since": self.places[scan]} | epoch

    def take(self, text):
        """Notes a whole frame, or an event's data."""
        frame = json.loads(text)
        kind, scan = frame["type"], frame.get("scanId", self.scans[0])
        carried = Ledger.carried(frame)
        if kind == "subscribed":
            self.is_subscribed = True
            if self.epochs.setdefault(scan, frame["epoch"]) != frame["epoch"] or not frame["recovered"]:
                self.faults.append(frame)
        elif kind == "lag":
            self.lags.append(frame)
        elif not carried:
            self.faults.append(frame)
        if carried:
            seqs = [message["seq"] for message in carried]
            self.frames.append((scan, seqs, text, kind == "batch"))
            self.places[scan] = seqs[-1]
            if carried[-1]["type"] == "scanCompleted":
                self.completed.add(scan)

    def broke(self):
        """Notes that the connection is no more; nobody but the breaker may end one too early."""
        self.ends += not self.is_over
        assert self.ends <= self.breaker.breaks, f"{self.kind}: {self.ends} ends, {self.breaker.breaks} breaks"
        self.interruptions += self.is_subscribed and not self.is_over
        self.is_subscribed = False

    def judge(self, book):
        """Holds against the book what came."""
        verdict = Verdict(self.kind, self.interruptions, lags=len(self.lags), faults=list(self.faults))
        for scan in self.scans:
            posted, seen, newest = book.posted[scan], set(), 0
            for _, seqs, text, is_batch in (frame for frame in self.frames if frame[0] == scan):
                verdict.altered += text != book.frame(scan, seqs, is_batch)
                for seq in seqs:
                    verdict.messages += 1
                    verdict.doubled += seq in seen
                    verdict.disordered += seq not in seen and seq < newest
                    seen.add(seq)
                    newest = max(newest, seq)
            state = {message.key: seq for seq, message in posted.items() if message.key}
            wanted = {seq for seq, message in posted.items() if not message.key} | set(state.values())
            verdict.lost += len(wanted - seen)
            verdict.faults += [f"{scan} has no {seq}" for seq in sorted(seen - posted.keys())]
        return verdict


@dataclasses.dataclass
class Verdict:
    kind: str
    interruptions: int
    messages: int = 0
    lost: int = 0
    doubled: int = 0
    disordered: int = 0
    altered: int = 0
    lags: int = 0
    faults: list = dataclasses.field(default_factory=list)

    @classmethod
    def of_all(cls, kind, verdicts):
        counts = [field.name for field in dataclasses.fields(cls) if field.type is int]
        return cls(kind, **{name: sum(getattr(verdict, name) for verdict in verdicts) for name in counts})

    @property
    def is_clean(self):
        return not any([self.lost, self.doubled, self.disordered, self.altered, self.lags, self.faults])

    def __str__(self):
        counts = {name: value for name, value in vars(self).items() if name not in ("kind", "faults")}
        return f"{self.kind}: " + ", ".join(f"{value} {name}" for name, value in counts.items()) + (
            f"; {self.faults[:3]}" if self.faults else "")


EVENTS, CRITICAL = ["hostDiscovered", "portFound", "vulnerability"], ["phaseStarted", "scanStarted", "error"]
STATE = ["scanProgress", "progress", "stats"]
MORE = ["", ' , "x" : 1.50E+2', ',"u":"\\u00e9 \\/ é"', ',"scanId":"SCAN"', ',"d":{"k":1,"k":2}']


def flood(choices, scan, count, number):
    """Messages of all sorts, in spellings that only a relay that leaves them alone keeps."""
    messages = []
    for kind in choices.choices(EVENTS + CRITICAL + STATE, [30, 30, 10, 1, 1, 1, 10, 10, 5], k=count):
        number += 1
        pad = choices.randbytes(choices.choice([0, 10, 60, 60, 400])).hex()
        key = None
        more = choices.choice(MORE).replace("SCAN", scan)
        if kind in STATE:
            key = (kind, choices.choice("abc") if kind == "scanProgress" else None)
            more += f',"phase":"{key[1]}"' if key[1] else ""
        messages.append(Posted(f'{{ "n":{number},"type":"{kind}","pad":"{pad}"{more}}}', key))
    return messages


def body(messages):
    return "[" + ",".join(message.text for message in messages) + "]"


async def produce(gateway, scans, accounts, book, choices):
    """Posts to all scans until nobody is to be interrupted any more, then completes them."""
    number = 0
    with contextlib.closing(gateway.connection()) as connection:
        async def put(scan, messages):
            book.enter(scan, messages, await post(gateway, scan, body(messages), connection=connection))

        while any(account.is_due for account in accounts):
            messages = flood(choices, scan := choices.choice(scans), choices.randrange(1, 40), number)
            number += len(messages)
            await put(scan, messages)
            await asyncio.sleep(choices.uniform(0.01, 0.1))
        for scan in scans:
            await put(scan, [Posted('{"type":"scanCompleted"}', None)])
