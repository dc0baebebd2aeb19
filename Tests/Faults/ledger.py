"""Who was promised what, and who received what: producers and subscribers that write everything down."""

import http.client
import json
import random
import threading
import time

from deaths import joined


class Producer(threading.Thread):
    """Posts arrays, and each again with its key until it is acknowledged."""

    def __init__(self, gateway, scan, rate, seed):
        super().__init__(daemon=True)
        self.gateway, self.scan, self.rate = gateway, scan, rate
        self.random = random.Random(seed)
        self.acknowledged = {}
        self.acknowledged_at = {}
        # When each post was begun, and when it was acknowledged.
        self.posts = []
        self.problems = []
        self.retries = 0
        self.is_over = threading.Event()

    def run(self):
        number, batch, connection = 0, 0, None
        next_at = time.monotonic()
        while not self.is_over.is_set():
            count = self.random.randint(1, 40)
            messages = []
            for _ in range(count):
                number += 1
                kind = "phaseStarted" if self.random.random() < 0.05 else "hostDiscovered"
                messages.append({"type": kind, "n": number, "pad": "x" * self.random.randint(0, 300)})
            batch += 1
            connection = self.deliver(messages, f"b{batch}", connection)
            next_at = max(next_at + count / self.rate, time.monotonic() - 0.5)
            self.is_over.wait(max(0, next_at - time.monotonic()))

    def deliver(self, messages, key, connection):
        begun = time.monotonic()
        while True:
            try:
                connection = connection or self.gateway.connect(10)
                status, _, answer = self.gateway.post(self.scan, messages, key, connection)
                if status == 202:
                    now = time.monotonic()
                    self.posts.append((begun, now))
                    for offset, message in enumerate(messages):
                        self.acknowledged[answer["firstSeq"] + offset] = message["n"]
                        self.acknowledged_at[answer["firstSeq"] + offset] = now
                    if answer["accepted"] != len(messages):
                        self.problems.append(f"{key}: {answer} for {len(messages)}")
                    return connection
                # 502 and 504 are those of a proxy whose gateway went away.
                if status not in (429, 502, 503, 504):
                    self.problems.append(f"{key}: {status} {answer}")
                    return connection
            except (OSError, http.client.HTTPException, json.JSONDecodeError):
                if connection:
                    connection.close()
                connection = None
            self.retries += 1
            time.sleep(0.01)

    def longest_wait(self, begun, ended):
        """The longest that a post waited for its acknowledgement between two moments, in seconds; repeats are one post."""
        return max((to - since for since, to in self.posts if to > begun and since < ended), default=0)


class Subscriber(threading.Thread):
    """Follows a scan as an event stream and goes on where it was, however often the stream breaks."""

    def __init__(self, gateway, scan, is_slow=False):
        super().__init__(daemon=True)
        self.gateway, self.scan, self.is_slow = gateway, scan, is_slow
        self.received = {}
        self.received_at = {}
        self.last = 0
        self.position = None
        self.problems = []
        self.is_over = threading.Event()

    def run(self):
        while not self.is_over.is_set():
            try:
                self.follow()
            except (OSError, http.client.HTTPException, ValueError):
                pass
            time.sleep(0.01)

    def follow(self):
        connection = self.gateway.connect(5)
        headers = {"Authorization": f"Bearer {self.gateway.token}"}
        if self.position:
            headers["Last-Event-ID"] = self.position
        try:
            connection.request("GET", f"/api/scans/{self.scan}/events?since=0&wait=5", headers=headers)
            answer = connection.getresponse()
            event = {}
            while not self.is_over.is_set() and answer.status == 200:
                line = answer.readline()
                if not line:
                    return
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name:
                    event[name] = value
                elif event:
                    self.take(event)
                    event = {}
                    if self.is_slow and random.random() < 0.001:
                        time.sleep(0.5)
        finally:
            connection.close()

    def take(self, event):
        if "data" not in event:
            return
        data = json.loads(event["data"])
        if event.get("event") == "subscribed":
            if not data["recovered"]:
                self.problems.append(f"not recovered: {data} at {self.position}")
        elif event.get("event") == "lag":
            self.problems.append(f"lag: {data}")
        elif "n" in data:
            seq = data["seq"]
            if seq <= self.last:
                self.problems.append(f"{seq} after {self.last}")
            self.received[seq] = data["n"]
            self.received_at.setdefault(seq, time.monotonic())
            self.last = seq
        if "id" in event:
            self.position = event["id"]

    def longest_way(self, producer, begun, ended):
        """The longest time from an acknowledgement between two moments to the message's arrival here, in seconds."""
        return max((self.received_at[seq] - at for seq, at in producer.acknowledged_at.items()
                    if begun < at < ended and seq in self.received_at), default=0)


def compare(producer, subscriber):
    """What is wrong between the two sides, in words."""
    found = [f"{producer.scan}: {problem}" for problem in (producer.problems + subscriber.problems)[:5]]
    lost = [seq for seq, n in producer.acknowledged.items() if subscriber.received.get(seq) != n]
    if lost:
        found.append(f"{producer.scan}: {len(lost)} lost, first {sorted(lost)[:5]}")
    numbers = sorted(producer.acknowledged.values())
    if len(set(numbers)) != len(numbers):
        found.append(f"{producer.scan}: acknowledged twice")
    order = [producer.acknowledged[seq] for seq in sorted(producer.acknowledged)]
    if order != sorted(order):
        found.append(f"{producer.scan}: out of order")
    return found


def settle(producers, subscribers):
    """Ends producers, lets their subscribers catch up for at most 30 s, ends those too, and compares each pair."""
    for producer in producers:
        producer.is_over.set()
    problems = joined(producers, 30)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if all(max(p.acknowledged, default=0) <= s.last for p, s in zip(producers, subscribers)):
            break
        time.sleep(0.1)
    for subscriber in subscribers:
        subscriber.is_over.set()
    problems += joined(subscribers, 30)
    return problems + [problem for pair in zip(producers, subscribers) for problem in compare(*pair)]
