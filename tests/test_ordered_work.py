"""Pieces of work done in order, here and by other processes."""

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tfp_dgm.ordered_work import done_in_order


@dataclass(frozen=True)
class Doubling:
    """Makes what doubles numbers, and tells in which process; the first ones take the longest."""

    def __call__(self):
        made = os.getpid()

        def double(number, said):
            said(number)
            if number < 0:
                raise ValueError(f"number: expected none below 0; received {number}")
            if number == 99:
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(0.2 if number == 0 else 0.0)
            return 2 * number, made

        return double


def _work(numbers, asked):
    for number in numbers:
        asked.append(number)
        yield f"kept {number}", number


def test_one_process_is_this_one_and_says_how_far_it_is():
    said = []
    done = done_in_order(Doubling(), _work([3, 4], []), said=said.append)
    assert list(done) == [("kept 3", (6, os.getpid())), ("kept 4", (8, os.getpid()))]
    assert said == [3, 4]


def test_several_processes_keep_the_order_and_little_in_memory():
    asked, most = [], 0
    found = []
    for kept, (double, process) in done_in_order(Doubling(), _work(range(12), asked), processes=2):
        found.append((kept, double, process))
        most = max(most, len(asked) - len(found))
    assert [(kept, double) for kept, double, _ in found] == [
        (f"kept {number}", 2 * number) for number in range(12)
    ]
    assert most <= 2
    processes = {process for *_, process in found}
    assert os.getpid() not in processes
    assert len(processes) == 2
    assert not multiprocessing.active_children()


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (-1, ValueError, "number: expected none below 0; received -1"),
        (99, ChildProcessError, "one of them was ended from outside"),
    ],
)
def test_an_error_in_a_process_ends_all(bad, error, message):
    with pytest.raises(error, match=message):
        list(done_in_order(Doubling(), _work([1, bad, 2, 3, 4, 5], []), processes=2))
    assert not multiprocessing.active_children()


def test_there_must_be_a_process():
    with pytest.raises(ValueError, match="processes: expected at least 1; received 0"):
        done_in_order(Doubling(), [], processes=0)


def test_processes_end_with_one_that_is_killed(tmp_path):
    """Its processes are found by the file that each makes: they would wait for ever."""
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent(
            f"""
            import os, pathlib, time
            from tfp_dgm.ordered_work import done_in_order

            def make():
                pathlib.Path({str(tmp_path)!r}, f"{{os.getpid()}}.pid").touch()
                return lambda number, said: number

            def work():
                yield None, 1
                time.sleep(600)

            if __name__ == "__main__":
                list(done_in_order(make, work(), processes=2))
            """
        )
    )
    parent = subprocess.Popen([sys.executable, str(program)])
    try:
        assert _within(60, lambda: list(tmp_path.glob("*.pid")))
    finally:
        parent.kill()
        parent.wait()
    (path,) = tmp_path.glob("*.pid")
    assert _within(30, lambda: not _lives(int(path.stem)))


def _within(seconds, condition):
    end = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def _lives(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
