"""What the tests of subscriptions go by is right itself."""

import pytest

from follower import Ledger


def ledger(sent, delays=None, critical=()):
    """Frames that leave at these milliseconds, each with one message that came 20 ms before."""
    result = Ledger()
    for index, at in enumerate(sent):
        kind = "error" if index in critical else "t"
        result.frames.append({"type": kind, "seq": index + 1, "times": [at if index in critical else at - 20]})
        result.received.append(at + 1 + (delays or {}).get(index, 0))
    return result


def test_one_frame_too_many_in_a_second_is_seen():
    ledger(range(0, 5000, 101)).check_rate(10)
    with pytest.raises(AssertionError, match="11 frames within 0.921 s"):
        ledger(range(0, 5000, 90)).check_rate(10)
    # In one second of many.
    with pytest.raises(AssertionError, match="11 frames"):
        ledger(sorted([*range(0, 5000, 101), 1990])).check_rate(10)
    ledger(range(0, 9000, 2005)).check_rate(1, seconds=2)
    with pytest.raises(AssertionError, match="2 frames within 1.921 s"):
        ledger(range(0, 9000, 1900)).check_rate(1, seconds=2)


def test_a_reader_that_is_held_up_is_no_frame_too_many():
    sent = range(0, 5000, 101)
    # Everything of a second is here at once, with the messages after it.
    ledger(sent, {index: 1000 - 101 * (index - 10) for index in range(10, 20)}).check_rate(10)
    # And hides none elsewhere.
    with pytest.raises(AssertionError, match="11 frames"):
        ledger(range(0, 5000, 90), {index: 500 for index in range(10, 20)}).check_rate(10)


def test_frames_that_a_critical_message_pushes_out_do_not_count():
    # One is pushed every 30 ms, with the critical message behind it at the same time.
    sent = sorted([*range(0, 3000, 30), *range(0, 3000, 30)])
    ledger(sent, critical=range(1, 200, 2)).check_rate(10)
    # A frame that left 10 ms before it was not pushed by it.
    sent = sorted([*range(0, 3000, 90), *range(10, 3010, 90)])
    with pytest.raises(AssertionError, match="11 frames"):
        ledger(sent, critical=range(1, 68, 2)).check_rate(10)
