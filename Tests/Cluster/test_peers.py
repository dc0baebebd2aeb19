"""Three gateways over three servers of NATS: limits, tickets, revocations and sums hold over all of them."""

import concurrent.futures
import contextlib
import json
import signal
import time
import uuid

import pytest
import websockets.exceptions

from test_gateways import Cluster, contract
from test_forward import COOKIE, Application

PER_USER = 10
SCANS = 40
RATE, BURST = 20, 40
LIMITS = {
    "scans": SCANS,
    "connections": {"per_user": PER_USER},
    "ingest": {"rate": RATE, "burst": BURST},
}


class Peers(Cluster):
    def start(self, name, files={}, **overrides):
        return super().start(name, files, **({"limits": LIMITS} | overrides))


@pytest.fixture(scope="module")
def cluster():
    cluster = Peers()
    count = lambda node: len(node.get("/api/nodes", node.admin()).json().get("nodes", []))
    contract.wait_for(lambda: all(count(node) == 3 for node in cluster.nodes))
    # What changes when nodes come is over.
    time.sleep(2)
    yield cluster
    cluster.stop()


@pytest.fixture
def scan(cluster):
    """A scan that is there for this test alone."""
    name = f"scan.{uuid.uuid4().hex}"
    assert cluster.nodes[0].post(name, {"type": "log", "n": 1}, cluster.nodes[0].producer(name)).status == 202
    yield name
    assert cluster.nodes[0].request("DELETE", f"/api/scans/{name}", token=cluster.nodes[0].admin()).status == 204


@pytest.fixture
def user():
    return f"user-{uuid.uuid4().hex}"


def opened(node, scan, token):
    """A socket that has said `subscribed`, or the code that refused it."""
    try:
        socket = node.sync_ws(scan, token)
    except websockets.exceptions.InvalidStatus as error:
        return json.loads(error.response.body)["code"]
    contract.read_until(socket, "subscribed")
    return socket


@contextlib.contextmanager
def sockets(nodes, scan, token):
    """A socket on each of these nodes; all are closed at the end."""
    found = [opened(node, scan, token) for node in nodes]
    try:
        yield found
    finally:
        for socket in found:
            if not isinstance(socket, str):
                socket.close()


def closings(sockets):
    """How these sockets end, and how long it takes."""
    begin = time.monotonic()
    return [contract.closing(socket) for socket in sockets], time.monotonic() - begin


def test_the_eleventh_connection_is_refused_on_every_node(cluster, scan, user):
    a, b, c = cluster.nodes
    token = a.reader(user)
    with sockets([a] * 4 + [b] * 3 + [c] * 3, scan, token) as ten:
        assert not any(isinstance(socket, str) for socket in ten), ten
        for node in cluster.nodes:
            assert opened(node, scan, token) == "too_many_connections"
        # Of another user there may be as many.
        opened(b, scan, b.reader(f"{user}-2")).close()
        ten[0].close()
        ten.append(contract.wait_for(lambda: None if isinstance(one := opened(c, scan, token), str) else one))
        assert opened(a, scan, token) == "too_many_connections"


def test_who_races_for_places_gets_as_many_as_there_are(cluster, scan, user):
    token = cluster.nodes[0].reader(user)
    for _ in range(3):
        with concurrent.futures.ThreadPoolExecutor(30) as pool:
            found = list(pool.map(lambda index: opened(cluster.nodes[index % 3], scan, token), range(30)))
        open_sockets = [socket for socket in found if not isinstance(socket, str)]
        for socket in open_sockets:
            socket.close()
        assert len(open_sockets) == PER_USER
        assert {code for code in found if isinstance(code, str)} == {"too_many_connections"}
        # All places are given back.
        time.sleep(0.5)


def test_a_ticket_is_used_once_whichever_nodes_it_is_shown_to(cluster, scan, user):
    a, b, c = cluster.nodes
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for _ in range(10):
            ticket = a.request("POST", "/api/tickets", token=a.reader(user)).json()["ticket"]
            found = list(pool.map(lambda node: opened(node, f"{scan}?ticket={ticket}", False), [b, c, a]))
            first = [socket for socket in found if not isinstance(socket, str)]
            assert len(first) == 1, found
            assert sorted(code for code in found if isinstance(code, str)) == ["invalid_token"] * 2
            first[0].close()
            assert opened(a, f"{scan}?ticket={ticket}", False) == "invalid_token"
    assert opened(b, f"{scan}?ticket=nonsense", False) == "invalid_token"
    answer = a.request("POST", "/api/tickets", token=a.producer())
    ticket = answer.json()["ticket"]
    assert opened(c, f"{scan}?ticket={ticket}", False) == "forbidden"
    assert c.request("POST", f"/api/tickets?ticket={ticket}").status == 401


def test_a_ticket_for_signing_in_is_traded_once_whichever_nodes_it_is_shown_to(cluster, scan, user):
    a, b, c = cluster.nodes

    def ticket(token):
        answer = a.request("POST", "/api/tickets", {"use": "sign_in"}, token=token)
        assert answer.status == 201 and answer.json()["ticket"].startswith("signin_"), answer
        return answer.json()["ticket"]

    trade = lambda node, text: node.request("POST", "/api/tickets/redeem", {"ticket": text})
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        for round in range(5):
            token = a.reader(f"{user}-{round}")
            text = ticket(token)
            answers = list(pool.map(lambda node: trade(node, text), [b, c, a, c, b, a]))
            assert sorted(answer.status for answer in answers) == [200] + [401] * 5, answers
            assert next(answer for answer in answers if answer.status == 200).json()["token"] == token
            assert {answer.code for answer in answers if answer.status == 401} == {"invalid_ticket"}
    token = a.reader(user, jti=f"{user}-1")
    # It opens nothing anywhere and stays good; one for a connection is not traded, and stays good too.
    text = ticket(token)
    assert [opened(node, f"{scan}?ticket={text}", False) for node in cluster.nodes] == ["invalid_token"] * 3
    plain = a.request("POST", "/api/tickets", token=token).json()["ticket"]
    assert [trade(node, shown).code for node in cluster.nodes for shown in (plain, f"signin_{plain}")] == ["invalid_ticket"] * 6
    assert trade(c, text).json()["token"] == token
    opened(b, f"{scan}?ticket={plain}", False).close()
    # A revocation that another node was told of ends it.
    text = ticket(token)
    assert b.request("POST", "/api/tokens/revoke", {"jti": f"{user}-1"}, token=b.admin()).status == 204
    assert [trade(node, text).code for node in cluster.nodes] == ["invalid_token"] * 3
    assert a.request("POST", "/api/tickets", {"use": "sign_in"}, token=token).code == "invalid_token"


def test_a_ticket_of_the_applications_visitor_is_used_once_on_any_node(cluster, scan):
    application = Application()
    forward = {"url": application.url, "cache": "0s"}
    nodes = [cluster.start(f"forward{index}", auth={"forward": forward}) for index in range(2)]
    try:
        def ticket():
            answer = nodes[0].request("POST", "/api/tickets", None, COOKIE)
            assert answer.status == 201, answer
            return answer.json()["ticket"]

        first = ticket()
        socket = opened(nodes[1], f"{scan}?ticket={first}", False)
        assert not isinstance(socket, str), socket
        # It was asked again, about what is wanted now, with what it was shown for the ticket.
        told = application.asked[-1][1]
        assert (told["x-sluice-action"], told["x-sluice-scan"], told["cookie"]) == ("subscribe", scan, COOKIE["Cookie"])
        assert opened(nodes[0], f"{scan}?ticket={first}", False) == "invalid_token"
        socket.close()
        # A ticket is exchanged for no other, and is that visitor's alone.
        assert nodes[1].request("POST", f"/api/tickets?ticket={ticket()}").status == 403
        second = ticket()
        application.users = {"s1": {"sub": "bob", "scans": ["*"]}}
        assert opened(nodes[1], f"{scan}?ticket={second}", False) == "invalid_token"
        application.users = {}
        assert opened(nodes[1], f"{scan}?ticket={second}", False) == "not_signed_in"
        # It was not used up by what was refused.
        application.users = {"s1": {"sub": "alice", "scans": ["*"]}}
        opened(nodes[1], f"{scan}?ticket={second}", False).close()
    finally:
        application.close()
        for node in nodes:
            node.kill()


def test_a_revocation_holds_on_every_node_and_on_those_that_come_later(cluster, scan, user):
    a, b, c = cluster.nodes
    token, other = a.reader(user, jti=f"{user}-1"), a.reader(user, jti=f"{user}-2")
    ticket = b.request("POST", "/api/tickets", token=token).json()["ticket"]
    with sockets(cluster.nodes, scan, token) as ours, sockets(cluster.nodes, scan, other) as others:
        answer = b.request("POST", "/api/tokens/revoke", {"jti": f"{user}-1"}, token=b.admin())
        assert answer.status == 204, answer
        ends, seconds = closings(ours)
        assert {code for code, _ in ends} == {4401} and seconds < 2, (ends, seconds)
        for node in cluster.nodes:
            assert contract.whoami(node, token) == 401 and contract.whoami(node, other) == 200
            assert opened(node, scan, token) == "invalid_token"
        assert opened(c, f"{scan}?ticket={ticket}", False) == "invalid_token"
        # All of the user's, and later ones do not bring back what they end.
        for instant in [time.time() + 60, 1]:
            body = {"sub": user, "issuedBefore": instant}
            assert c.request("POST", "/api/tokens/revoke", body, token=c.admin()).status == 204
        ends, seconds = closings(others)
        assert {code for code, _ in ends} == {4401} and seconds < 2, (ends, seconds)
    late = cluster.start("late")
    try:
        assert contract.whoami(late, token) == 401 and contract.whoami(late, other) == 401
        assert contract.whoami(late, late.reader()) == 200
    finally:
        late.terminate()
        assert late.wait() == 0
    # One that stops in order is gone at once.
    contract.wait_for(lambda: "late" not in str(a.get("/api/nodes", a.admin()).json()), timeout=1.5)


def test_a_node_that_was_paused_obeys_what_was_said_meanwhile(cluster, scan, user):
    a, b, c = cluster.nodes
    token, other = a.reader(user), a.reader(f"{user}-2")
    with sockets([c], scan, token) as revoked, sockets([c, c], scan, other) as disconnected:
        c.process.send_signal(signal.SIGSTOP)
        try:
            body = {"sub": user, "issuedBefore": time.time() + 60}
            assert a.request("POST", "/api/tokens/revoke", body, token=a.admin()).status == 204
            answer = b.request("POST", f"/api/users/{user}-2/disconnect", token=b.admin())
            assert answer.json() == {"closed": 0}
            time.sleep(4)
        finally:
            c.process.send_signal(signal.SIGCONT)
        ends, seconds = closings(revoked)
        assert {code for code, _ in ends} == {4401} and seconds < 2, (ends, seconds)
        ends, seconds = closings(disconnected)
        assert {code for code, _ in ends} == {4403}, (ends, seconds)
        assert contract.whoami(c, token) == 401


def test_disconnects_and_subscribers_are_summed(cluster, scan, user):
    a, b, c = cluster.nodes
    token = a.reader(user)
    with sockets([a, b, b, c], scan, token) as ours, sockets([c], scan, c.reader(f"{user}-2")) as others:
        path = f"/api/scans/stats?q={scan}"
        stats = lambda node: node.get(path, node.admin()).json()["scans"][0]["subscribers"]
        for node in cluster.nodes:
            contract.wait_for(lambda: stats(node) == 5, timeout=3)
            state = lambda: node.get(f"/api/scans/{scan}", node.admin()).json()["subscribers"]
            contract.wait_for(lambda: state() == 5, timeout=3)
        answer = c.request("POST", f"/api/users/{user}/disconnect", token=c.admin())
        assert answer.json() == {"closed": 4}
        assert {code for code, _ in closings(ours)[0]} == {4403}
        assert others[0].ping().wait(timeout=5)
        for node in cluster.nodes:
            contract.wait_for(lambda: stats(node) == 1, timeout=3)


def test_a_producer_has_one_rate_on_all_nodes(cluster, scan, user):
    a = cluster.nodes[0]
    token = a.producer(user)
    begin = time.monotonic()

    def produce(node):
        taken = 0
        connection = node.connection()
        while time.monotonic() < begin + 6:
            answer = node.post(scan, {"type": "log", "n": 1}, token, connection=connection)
            assert answer.status in (202, 429), answer
            taken += answer.status == 202
            time.sleep(0 if answer.status == 202 else 0.02)
        connection.close()
        return taken

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        taken = list(pool.map(produce, cluster.nodes))
    seconds = time.monotonic() - begin
    # Without each other they would have taken three times the rate, too.
    assert sum(taken) <= RATE * seconds + 3 * BURST, taken
    assert sum(taken) >= BURST + RATE * 4


def test_scans_are_counted_over_all_nodes(cluster):
    a = cluster.nodes[0]
    total = lambda: a.get("/api/scans/stats", a.admin()).json()["total_scans"]
    contract.wait_for(lambda: total() == 0, timeout=5)
    time.sleep(3)
    names = [f"many.{uuid.uuid4().hex}" for _ in range(SCANS)]
    try:
        for index, name in enumerate(names):
            node = cluster.nodes[index % 3]
            assert node.post(name, {"type": "log", "n": 1}, node.producer(name)).status == 202
        time.sleep(3)
        for node in cluster.nodes:
            answer = node.post(f"many.{uuid.uuid4().hex}", {"type": "log", "n": 1}, node.producer(names[0]))
            assert answer.status == 503 and answer.code == "too_many_scans", answer
            # One that is there takes more, on every node.
            assert node.post(names[0], {"type": "log", "n": 2}, node.producer(names[0])).status == 202
    finally:
        for name in names:
            a.request("DELETE", f"/api/scans/{name}", token=a.admin())
    another = lambda: cluster.nodes[1].post("many.more", {"type": "log", "n": 1}).status == 202
    contract.wait_for(another, timeout=4)
    assert a.request("DELETE", "/api/scans/many.more", token=a.admin()).status == 204


def test_places_of_a_node_that_was_killed_are_free_again(cluster, scan, user):
    a, b, c = cluster.nodes
    token = a.reader(user)
    with sockets([a] * 3 + [b] * 3 + [c] * 4, scan, token) as ten:
        assert not any(isinstance(socket, str) for socket in ten), ten
        assert opened(a, scan, token) == "too_many_connections"
        c.process.send_signal(signal.SIGKILL)
        c.process.wait()
        time.sleep(4)
        with sockets([a, b, a, b], scan, token) as four:
            assert not any(isinstance(socket, str) for socket in four), four
            assert {opened(node, scan, token) for node in (a, b)} == {"too_many_connections"}
            cluster.nodes[2] = cluster.start("node2")
            time.sleep(3)
            assert {opened(node, scan, token) for node in cluster.nodes} == {"too_many_connections"}
            for socket in ten[:6] + four:
                assert socket.ping().wait(timeout=5)


def test_tickets_go_on_while_servers_are_stopped_in_turn(cluster, scan, user):
    for index, process in enumerate(cluster.servers.processes):
        process.terminate()
        for number in range(12):
            maker, taker = cluster.nodes[number % 3], cluster.nodes[(number + 1) % 3]
            answer = maker.request("POST", "/api/tickets", token=maker.reader(user))
            assert answer.status == 201, answer
            socket = opened(taker, f"{scan}?ticket={answer.json()['ticket']}", False)
            assert not isinstance(socket, str), socket
            socket.close()
        process.wait()
        cluster.servers.start(index)
        cluster.servers.wait()
    # Each of them led something.
    for node in cluster.nodes:
        contract.wait_for(lambda: node.metrics()["sluice_engine_elections_total"] >= 1)
