"""Pieces of work done in order, by threads."""

import threading
import time

import pytest

from tfp_dgm.ordered_work import done_in_order, useful_threads


def _work(numbers, asked):
    for number in numbers:
        asked.append(number)
        yield f"kept {number}", number


def test_pieces_come_in_order_whichever_is_done_first():
    first_waits = threading.Event()

    def double(number):
        if number == 0:
            assert first_waits.wait(30)  # Until a later piece is done.
        if number == 1:
            first_waits.set()
        return 2 * number

    done = list(done_in_order(double, _work(range(12), []), threads=2))
    assert done == [(f"kept {number}", 2 * number) for number in range(12)]


def test_the_next_pieces_are_done_while_one_is_used_and_no_more_are_taken():
    asked, done = [], []
    found = done_in_order(lambda number: done.append(number), _work(range(9), asked), threads=2)
    assert next(found) == ("kept 0", None)
    assert asked == [0, 1, 2]
    end = time.monotonic() + 30
    while len(done) < 3 and time.monotonic() < end:
        time.sleep(0.01)
    assert sorted(done) == [0, 1, 2]
    for used, _ in enumerate(found, start=1):
        assert len(asked) <= used + 3


def test_an_error_comes_in_its_place_and_ends_the_work():
    asked = []

    def refuse(number):
        if number == 2:
            raise ValueError(f"number: received {number}")
        return number

    found = done_in_order(refuse, _work(range(99), asked), threads=2)
    assert [next(found)[1], next(found)[1]] == [0, 1]
    with pytest.raises(ValueError, match="number: received 2"):
        next(found)
    assert len(asked) < 9


def test_an_error_of_who_brings_the_work_passes():
    def broken():
        yield "kept", 1
        raise OSError("a broken file")

    with pytest.raises(OSError, match="a broken file"):
        list(done_in_order(lambda number: number, broken(), threads=3))


def test_threads_are_no_more_than_cores():
    assert 1 <= useful_threads() <= 4
