import threading

import numpy as np
import pytest

from tfp_dgm.serving import RequestError
from tfp_dgm.serving.embedded.micro_batcher import MicroBatcher


class Recorder:
    """Squares; refuses 13; the first call waits until it is let go."""

    def __init__(self):
        self.calls = []
        self.entered, self.go = threading.Event(), threading.Event()

    def __call__(self, inputs):
        x = inputs["x"]
        self.calls.append(x.tolist())
        self.entered.set()
        assert self.go.wait(10)
        if 13 in x:
            raise ValueError("unlucky")
        return {"y": x**2}


def _ask(batcher, *rows):
    return batcher.submit({"x": np.array(rows)})


def _answers(futures):
    return [future.result(10)["y"].tolist() for future in futures]


def _with_first_running(recorder, **options):
    batcher = MicroBatcher(recorder, **options)
    first = _ask(batcher, 1)
    assert recorder.entered.wait(10)
    return batcher, first


def test_what_waits_together_runs_together_in_order():
    recorder, sizes = Recorder(), []
    batcher, first = _with_first_running(recorder, sizes=[1, 4], on_batch=sizes.append)
    rest = [_ask(batcher, *rows) for rows in ([2], [3, 4], [5, 6], [7])]
    recorder.go.set()
    assert _answers([first, *rest]) == [[1], [4], [9, 16], [25, 36], [49]]
    # [2], [3, 4] leave one place, which [5, 6] do not fit; each batch is filled up to 4.
    assert recorder.calls == [[1], [2, 3, 4, 2], [5, 6, 7, 5]]
    assert sizes == [1, 3, 3]
    batcher.close()


def test_without_batching_each_runs_by_itself():
    recorder = Recorder()
    batcher, first = _with_first_running(recorder, sizes=[1, 4], batching=False)
    rest = [_ask(batcher, 2), _ask(batcher, 3)]
    recorder.go.set()
    assert _answers([first, *rest]) == [[1], [4], [9]]
    assert recorder.calls == [[1], [2], [3]]
    batcher.close()


def test_a_bad_row_does_not_spoil_its_neighbours():
    recorder = Recorder()
    batcher, first = _with_first_running(recorder)
    rest = [_ask(batcher, 2), _ask(batcher, 13), _ask(batcher, 3)]
    recorder.go.set()
    assert _answers([first, rest[0], rest[2]]) == [[1], [4], [9]]
    with pytest.raises(ValueError, match="unlucky"):
        rest[1].result(10)
    batcher.close()


def test_rows_of_other_shapes_are_not_joined():
    recorder = Recorder()
    batcher, first = _with_first_running(recorder)
    rest = [_ask(batcher, 2), batcher.submit({"x": np.array([[3, 4]])})]
    recorder.go.set()
    assert _answers([first, *rest]) == [[1], [4], [[9, 16]]]
    batcher.close()


def test_too_many_waiting_are_told_to_come_again():
    recorder = Recorder()
    batcher, first = _with_first_running(recorder, max_waiting=2)
    rest = [_ask(batcher, 2), _ask(batcher, 3)]
    with pytest.raises(RequestError, match="too many requests") as caught:
        _ask(batcher, 4)
    assert caught.value.status == 503
    recorder.go.set()
    assert _answers([first, *rest]) == [[1], [4], [9]]
    batcher.close()


def test_what_was_cancelled_is_not_run_and_what_waits_is_answered_before_the_end():
    recorder = Recorder()
    batcher, first = _with_first_running(recorder, batching=False)
    dropped, kept = _ask(batcher, 2), _ask(batcher, 3)
    assert dropped.cancel()
    batcher.close()
    recorder.go.set()
    assert _answers([first, kept]) == [[1], [9]]
    assert recorder.calls == [[1], [3]]
