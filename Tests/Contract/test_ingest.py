"""What scanners post: forms of body, numbering, refusals, repetition, ownership, and a scan's life."""

import concurrent.futures
import json
import threading

import pytest

from conftest import Answer, closing, is_problem, read_until

RESERVED_TYPES = ["batch", "lag", "subscribed", "unsubscribed", "ack", "pong", "tokenExpiring", "scanStalled",
                  "scanResumed"]


# Forms of body


def test_one_object(gateway, scan):
    answer = gateway.post(scan, '{"type":"hostDiscovered","ip":"192.168.1.1"}')
    assert answer.status == 202
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {"scanId": scan, "accepted": 1, "firstSeq": 1, "lastSeq": 1}


def test_an_array_is_numbered_in_its_order(gateway, scan):
    gateway.post(scan, {"type": "first"})
    answer = gateway.post(scan, [{"type": "t", "n": n} for n in range(40)])
    assert answer.json() == {"scanId": scan, "accepted": 40, "firstSeq": 2, "lastSeq": 41}
    messages = gateway.messages(scan, since=1)
    assert [(m["seq"], m["n"]) for m in messages] == [(n + 2, n) for n in range(40)]


def test_an_empty_array_is_taken_and_numbers_nothing(gateway, scan):
    answer = gateway.post(scan, [])
    assert answer.status == 202
    assert answer.json() == {"scanId": scan, "accepted": 0}
    gateway.post(scan, {"type": "t"})
    assert gateway.post(scan, " [ ] ").json() == {"scanId": scan, "accepted": 0}


def test_a_media_type_may_have_parameters_and_any_case(gateway, scan):
    for content_type in ["application/json; charset=utf-8", "Application/JSON"]:
        assert gateway.post(scan, '{"type":"t"}', content_type=content_type).status == 202
    answer = gateway.post(scan, '{"type":"t"}\n', content_type="application/x-ndjson; charset=utf-8")
    assert answer.status == 202


def test_a_document_may_be_chunked(gateway, scan):
    body = iter([b'[{"type":', b'"a"},', b'{"type":"b"}]'])
    connection = gateway.connection()
    headers = {"Authorization": f"Bearer {gateway.producer()}", "Content-Type": "application/json"}
    connection.request("POST", f"/api/scans/{scan}/progress", body, headers, encode_chunked=True)
    assert Answer(connection.getresponse()).json()["accepted"] == 2
    connection.close()


def test_lines_of_a_whole_body(gateway, scan):
    body = '{"type":"a"}\n\n{"type":"b"}\r\n{"type":"c"}'
    answer = gateway.post(scan, body, content_type="application/x-ndjson")
    assert answer.status == 202, answer
    assert answer.json() == {"scanId": scan, "accepted": 3, "firstSeq": 1, "lastSeq": 3}


def test_lines_of_nothing(gateway, scan):
    answer = gateway.post(scan, "", content_type="application/x-ndjson")
    assert (answer.status, answer.json()) == (202, {"scanId": scan, "accepted": 0})


def test_every_line_of_an_open_stream_is_relayed_at_once(gateway, scan):
    with gateway.stream(scan) as upload:
        upload.send({"type": "scanStarted"})
        with gateway.sync_ws(scan + "?since=0&wait=10") as subscriber:
            read_until(subscriber, "scanStarted")
            for n in range(3):
                upload.send({"type": f"line{n}"})
                read_until(subscriber, f"line{n}")
            upload.send('{"type":"spl')
            with pytest.raises(TimeoutError):
                subscriber.recv(timeout=0.3)
            upload.send('it"}\n{"type":"after"}\n{"ty')
            assert [m["type"] for m in read_until(subscriber, "after")] == ["split", "after"]
            upload.send('pe":"last"}')
            answer = upload.end()
            read_until(subscriber, "last")
        assert answer.json() == {"scanId": scan, "accepted": 7, "firstSeq": 1, "lastSeq": 7}


def test_requests_of_one_connection_keep_their_order(gateway, scan):
    bodies = [json.dumps([{"type": "t", "n": 10 * i + j} for j in range(10)]).encode() for i in range(20)]
    head = (f"POST /api/scans/{scan}/progress HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {gateway.producer()}\r\nContent-Length: ")
    socket = gateway.socket()
    socket.sendall(b"".join(head.encode() + b"%d\r\n\r\n%b" % (len(body), body) for body in bodies))
    received = b""
    while received.count(b'"lastSeq":') < 20 or not received.endswith(b"}"):
        data = socket.recv(65536)
        assert data, received
        received += data
    socket.close()
    firsts = [int(part.split(b",")[0]) for part in received.split(b'"firstSeq":')[1:]]
    assert firsts == [1 + 10 * i for i in range(20)]
    assert [m["n"] for m in gateway.messages(scan)] == list(range(200))


# Bytes


@pytest.mark.parametrize("message", [
    '{"type":"t","n":1.0E+2,"m":-0,"o":1e400,"p":12345678901234567890123,"q":0.10}',
    r'{"type":"t","s":"\u00e9\/\ud83d\ude00\"\\ é 😀 \u0000"}',
    r'{"type":"t","s":"half \ud800"}',
    '{"type":"t","d":{"a":1,"a":2,"seq":9,"scanId":"other","type":4}}',
    '{ \t"type" : "t" ,\r\n  "list" : [ 1 , 2 ,  { } ] }',
    '{"z":1,"a":2,"type":"t","x":3,"x":4}',
    '{"\\u0074ype":"t"}',
    '{"type":"\\u0074"}',
])
def test_a_message_reaches_subscribers_byte_for_byte(gateway, scan, message):
    gateway.post(scan, {"type": "first"})
    with gateway.sync_ws(scan) as subscriber:
        subscriber.recv(timeout=10)
        assert gateway.post(scan, message).status == 202
        assert subscriber.recv(timeout=10) == f'{{"scanId":"{scan}","seq":2,' + message[1:]
        assert gateway.post(scan, f"[ {message} ,{message}]").status == 202
        frame = subscriber.recv(timeout=10)
        assert frame == (f'{{"type":"batch","scanId":"{scan}","messages":[{{"seq":3,{message[1:]},'
                         f'{{"seq":4,{message[1:]}]}}')
    body = gateway.get(f"/api/scans/{scan}/messages?since=3", gateway.reader()).body.decode()
    assert f'{{"seq":4,{message[1:]}' in body


def test_a_message_that_brings_its_scan_id_gets_no_second(gateway, scan):
    with gateway.sync_ws(scan + "?wait=10") as subscriber:
        message = f'{{"scanId" : "{scan}", "type":"t"}}'
        assert gateway.post(scan, message).status == 202
        assert json.loads(subscriber.recv(timeout=10))["type"] == "subscribed"
        assert subscriber.recv(timeout=10) == '{"seq":1,' + message[1:]


def test_lines_keep_their_bytes(gateway, scan):
    lines = ['{ "type":"t", "n":1.50 }', '{"type":"t","s":"\\u2028"}']
    gateway.post(scan, "\n".join(lines), content_type="application/x-ndjson")
    body = gateway.get(f"/api/scans/{scan}/messages", gateway.reader()).body.decode()
    assert all(line[1:] in body for line in lines)


# Refusals


@pytest.mark.parametrize("body, code", [
    ("", "invalid_message"),
    ("nonsense", "invalid_message"),
    ("17", "invalid_message"),
    ('"text"', "invalid_message"),
    ("null", "invalid_message"),
    ("{}", "invalid_message"),
    ('{"type":7}', "invalid_message"),
    ('{"type":null}', "invalid_message"),
    ('{"type":""}', "invalid_message"),
    ('{"type":"%s"}' % ("x" * 129), "invalid_message"),
    ('{"type":"a\\u0000b"}', "invalid_message"),
    ('{"type":"a\\u007fb"}', "invalid_message"),
    ('{"type":"a\nb"}', "invalid_message"),
    ('{"type":"t","type":"t"}', "invalid_message"),
    ('{"type":"t","\\u0074ype":"t"}', "invalid_message"),
    ('{"type":"t",}', "invalid_message"),
    ('{"type":"t"} {"type":"t"}', "invalid_message"),
    ('{"type":"t"}x', "invalid_message"),
    ("{'type':'t'}", "invalid_message"),
    ('{"type":"t","n":01}', "invalid_message"),
    ('{"type":"t","n":NaN}', "invalid_message"),
    ('{"type":"t","n":1.}', "invalid_message"),
    ('{"type":"t","s":"\\x"}', "invalid_message"),
    (b'{"type":"t","s":"\xff"}', "invalid_message"),
    (b'{"type":"t","s":"\xed\xa0\x80"}', "invalid_message"),
    (b'\xef\xbb\xbf{"type":"t"}', "invalid_message"),
    ('{"type":"t","seq":1}', "reserved_field"),
    ('{"type":"t","s\\u0065q":1}', "reserved_field"),
    ('{"type":"t","scanId":"another"}', "scan_id_mismatch"),
    ('{"type":"t","scanId":7}', "scan_id_mismatch"),
    ('{"type":"b\\u0061tch"}', "reserved_type"),
    *(('{"type":"%s"}' % type, "reserved_type") for type in RESERVED_TYPES),
])
def test_a_message_that_does_not_pass(gateway, scan, body, code):
    is_problem(gateway.post(scan, body), 400, code)
    assert gateway.get(f"/api/scans/{scan}", gateway.admin()).status == 404


def test_a_scan_id_twice(gateway, scan):
    answer = gateway.post(scan, f'{{"type":"t","scanId":"{scan}","scanId":"{scan}"}}')
    assert answer.status == 400


@pytest.mark.parametrize("type", ["x" * 128, "é" * 128, "a b", "日本"])
def test_types_are_the_producers_own(gateway, scan, type):
    assert gateway.post(scan, {"type": type}).status == 202


def test_an_array_is_all_or_nothing(gateway, scan):
    gateway.post(scan, {"type": "before"})
    body = '[{"type":"a"},{"type":"b"},{"type":"c","seq":1},{"type":"d"}]'
    problem = is_problem(gateway.post(scan, body), 400, "reserved_field")
    assert problem["index"] == 2
    assert body.index('{"type":"c"') <= problem["offset"] < body.index(',{"type":"d"')
    body = '[{"type":"a"},{"type":nope}]'
    problem = is_problem(gateway.post(scan, body), 400, "invalid_message")
    assert problem["index"] == 1
    assert body.index("nope") <= problem["offset"] <= body.index("nope") + 1
    problem = is_problem(gateway.post(scan, '[{"type":"a"},7]'), 400, "invalid_message")
    assert problem["index"] == 1
    problem = is_problem(gateway.post(scan, '{"type":7}'), 400, "invalid_message")
    assert problem["index"] == 0
    assert [m["type"] for m in gateway.messages(scan)] == ["before"]


def test_a_broken_line_ends_the_request(gateway, scan):
    body = '{"type":"a"}\n\n{"type":"b"}\n{"type":"batch"}\n{"type":"c"}\n'
    problem = is_problem(gateway.post(scan, body, content_type="application/x-ndjson"), 400, "reserved_type")
    assert (problem["line"], problem["accepted"]) == (4, 2)
    assert [m["type"] for m in gateway.messages(scan)] == ["a", "b"]


def test_a_broken_line_ends_an_open_stream(gateway, scan):
    with gateway.stream(scan) as upload:
        upload.send({"type": "a"})
        upload.send("[]\n")
        problem = is_problem(upload.answer(), 400, "invalid_message")
    assert (problem["line"], problem["accepted"]) == (2, 1)


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/x-www-form-urlencoded", ""])
def test_another_media_type(gateway, scan, content_type):
    is_problem(gateway.post(scan, '{"type":"t"}', content_type=content_type), 415, "unsupported_media_type")


def test_a_body_in_a_content_encoding(gateway, scan):
    answer = gateway.post(scan, b"x", headers={"Content-Encoding": "gzip"})
    assert answer.status == 415


@pytest.mark.parametrize("bad", ["a%20b", "a%2Fb", "stats", "..", ".", "x" * 129, "%C3%A9", "a+b", "a*"])
def test_a_scan_id_that_is_none(gateway, bad):
    is_problem(gateway.post(bad, {"type": "t"}), 400, "invalid_scan_id")


@pytest.mark.parametrize("good", ["A-Z.a_z~0-9", "x" * 128, "...", "%61bc"])
def test_scan_ids(gateway, scan, good):
    name = good if len(good) == 128 else good + scan
    answer = gateway.post(name, {"type": "t"})
    assert answer.status == 202
    assert answer.json()["scanId"] == name.replace("%61", "a")


# Repetition


def test_a_repeated_request_gets_the_first_answer_and_relays_nothing(gateway, scan):
    headers = {"Idempotency-Key": "key-1"}
    first = gateway.post(scan, [{"type": "a"}, {"type": "b"}], headers=headers)
    assert first.status == 202 and first.headers["Idempotent-Replayed"] is None
    gateway.post(scan, {"type": "between"})
    again = gateway.post(scan, [{"type": "a"}, {"type": "b"}], headers=headers)
    assert again.status == 202 and again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == first.json()
    assert len(gateway.messages(scan)) == 3


def test_a_key_with_another_body(gateway, scan):
    headers = {"Idempotency-Key": "k"}
    gateway.post(scan, {"type": "a"}, headers=headers)
    is_problem(gateway.post(scan, {"type": "b"}, headers=headers), 422, "idempotency_conflict")
    assert len(gateway.messages(scan)) == 1


def test_a_key_counts_for_its_scan_alone(gateway, scan):
    headers = {"Idempotency-Key": "k"}
    gateway.post(scan, {"type": "a"}, headers=headers)
    assert gateway.post(scan + "-2", {"type": "a"}, headers=headers).headers["Idempotent-Replayed"] is None


def test_only_what_was_taken_is_remembered(gateway, scan):
    headers = {"Idempotency-Key": "k"}
    assert gateway.post(scan, {"type": "batch"}, headers=headers).status == 400
    answer = gateway.post(scan, {"type": "a"}, headers=headers)
    assert answer.status == 202 and answer.headers["Idempotent-Replayed"] is None


def test_twins_at_the_same_time_are_relayed_once(gateway, scan):
    body = json.dumps([{"type": "t", "n": n} for n in range(500)])
    token = gateway.producer()
    barrier = threading.Barrier(8)

    def post(_):
        barrier.wait()
        return gateway.post(scan, body, token, headers={"Idempotency-Key": "twin"})

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, range(8)))
    assert {answer.status for answer in answers} == {202}
    assert len({answer.body for answer in answers}) == 1
    assert [answer.headers["Idempotent-Replayed"] for answer in answers].count(None) == 1
    assert gateway.get(f"/api/scans/{scan}", gateway.admin()).json()["seq"] == 500


def test_lines_cannot_be_repeated(gateway, scan):
    answer = gateway.post(scan, '{"type":"t"}\n', headers={"Idempotency-Key": "k"},
                          content_type="application/x-ndjson")
    is_problem(answer, 400, "idempotency_unsupported")


@pytest.mark.parametrize("key", ["", "x" * 129, "a b", "é".encode()])
def test_a_key_that_is_none(gateway, scan, key):
    is_problem(gateway.post(scan, {"type": "t"}, headers={"Idempotency-Key": key}), 400, "invalid_idempotency_key")


def test_the_longest_key(gateway, scan):
    assert gateway.post(scan, {"type": "t"}, headers={"Idempotency-Key": "~" * 128}).status == 202


# The owner of a scan


def test_the_first_owner_stays(gateway, scan):
    assert gateway.post(scan, {"type": "t"}, headers={"Scan-Owner": "u-1"}).status == 202
    assert gateway.post(scan, {"type": "t"}, headers={"Scan-Owner": "u-1"}).status == 202
    answer = gateway.post(scan, {"type": "t"}, headers={"Scan-Owner": "u-2"})
    is_problem(answer, 409, "owner_conflict")
    answer = gateway.post(scan, '{"type":"t"}\n', headers={"Scan-Owner": "u-2"}, content_type="application/x-ndjson")
    is_problem(answer, 409, "owner_conflict")
    state = gateway.get(f"/api/scans/{scan}", gateway.token("u-1"))
    assert state.status == 200 and state.json()["owner"] == "u-1"
    assert state.json()["seq"] == 2
    assert gateway.get(f"/api/scans/{scan}", gateway.token("u-2")).status == 403


def test_an_owner_is_bytes_and_not_what_unicode_takes_for_the_same(gateway, scan):
    def put(owner):
        return gateway.request("PUT", f"/api/scans/{scan}", {"owner": owner}, token=gateway.producer())

    assert [put("zo\u00eb").status, put("zo\u00eb").status] == [201, 200]
    is_problem(put("zoe\u0308"), 409, "owner_conflict")


def test_an_owner_can_come_later(gateway, scan):
    gateway.post(scan, {"type": "t"})
    assert gateway.get(f"/api/scans/{scan}", gateway.token("u-1")).status == 403
    gateway.post(scan, [], headers={"Scan-Owner": "u-1"})
    assert gateway.get(f"/api/scans/{scan}", gateway.token("u-1")).status == 200


def test_a_scan_is_announced_by_put(gateway, scan):
    path = f"/api/scans/{scan}"
    put = lambda body, token=None: gateway.request("PUT", path, body, token=token or gateway.producer())
    assert put({"owner": "u-1", "name": "Nightly"}).status == 201
    assert put({"owner": "u-1", "name": "Nightly"}).status == 200
    is_problem(put({"owner": "u-2"}), 409, "owner_conflict")
    state = gateway.get(path, gateway.token("u-1")).json()
    assert (state["owner"], state["name"], state["message_count"]) == ("u-1", "Nightly", 0)
    answer = put({"name": "Weekly"})
    assert (answer.status, answer.json()) == (200, {"scanId": scan, "owner": "u-1", "name": "Weekly"})
    state = gateway.get(path, gateway.token("u-1")).json()
    assert (state["owner"], state["name"]) == ("u-1", "Weekly")
    is_problem(put({"name": "x"}, gateway.reader("u-1")), 403, "forbidden")
    assert put("[]").status == 400
    assert put('{"owner":7}').status == 400


@pytest.mark.parametrize("who", ["admin", "owner", "producer"])
def test_a_scan_is_deleted(gateway, scan, who):
    gateway.post(scan, {"type": "t"}, headers={"Scan-Owner": "u-1"})
    path = f"/api/scans/{scan}"
    is_problem(gateway.request("DELETE", path, token=gateway.reader("u-2")), 403, "forbidden")
    token = {"admin": gateway.admin(), "owner": gateway.token("u-1"), "producer": gateway.producer()}[who]
    with gateway.sync_ws(scan) as subscriber:
        epoch = json.loads(subscriber.recv(timeout=10))["epoch"]
        assert gateway.request("DELETE", path, token=token).status == 204
        assert closing(subscriber)[0] == 1000
    assert gateway.get(path, gateway.admin()).status == 404
    assert gateway.request("DELETE", path, token=gateway.admin()).status == 404
    assert gateway.post(scan, {"type": "t"}).json()["firstSeq"] == 1
    state = gateway.get(path, gateway.admin()).json()
    assert state["epoch"] != epoch and state["owner"] is None


def test_a_key_is_forgotten_with_its_scan(gateway, scan):
    headers = {"Idempotency-Key": "k"}
    gateway.post(scan, {"type": "t"}, headers=headers)
    gateway.request("DELETE", f"/api/scans/{scan}", token=gateway.admin())
    assert gateway.post(scan, {"type": "u"}, headers=headers).status == 202


def test_a_stream_that_falls_silent_is_told_what_was_taken(make_gateway):
    gateway = make_gateway(limits={"timeouts": {"stream_idle": "1s"}})
    with gateway.stream("a") as stream:
        stream.send(b'{"type":"t"}\n{"type":"t"}\n')
        answer = stream.answer()
    is_problem(answer, 408, "request_timeout")
    assert answer.json()["accepted"] == 2 and answer.json()["lastSeq"] == 2
    with gateway.stream("b") as stream:
        answer = stream.answer()
    assert answer.json()["accepted"] == 0 and "lastSeq" not in answer.json()
