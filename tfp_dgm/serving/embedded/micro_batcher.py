"""Requests that wait together run together."""

import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress

import numpy as np

from tfp_dgm.serving.request_error import RequestError

Arrays = Mapping[str, np.ndarray]
Answer = dict[str, np.ndarray]


class MicroBatcher:
    """Runs a function of batches in a thread of its own.

    While one batch runs, the requests that arrive wait; then as many as fit are run as one, in
    the order of their arrival. A lone request never waits for company.

    Args:
      function: inputs name -> [B, ...] to outputs name -> [B, ...], each row on its own.
      sizes: the allowed batch sizes, ascending; a batch is filled up to the next with copies of
        its first row. None given: batches are run as they are, of up to 64 rows.
      batching: False runs each request by itself.
      max_waiting: the most requests that wait.
      on_batch: called with the number of rows of each batch.
      name: of the thread.
    """

    def __init__(
        self,
        function: Callable[[Arrays], Answer],
        *,
        sizes: Sequence[int] = (),
        batching: bool = True,
        max_waiting: int = 1000,
        on_batch: Callable[[int], None] | None = None,
        name: str | None = None,
    ) -> None:
        self._function = function
        self._sizes = list(sizes)
        self._max_rows = (self._sizes or [64])[-1] if batching else 1
        self._on_batch = on_batch
        self._waiting: queue.Queue[tuple[Arrays, Future[Answer]] | None] = queue.Queue(max_waiting)
        self._left: tuple[Arrays, Future[Answer]] | None = None
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def submit(self, inputs: Arrays) -> "Future[Answer]":
        """Queues rows; the future holds their outputs.

        Raises:
          RequestError: 503, if too many wait already.
        """
        future: Future[Answer] = Future()
        try:
            self._waiting.put_nowait((inputs, future))
        except queue.Full:
            raise RequestError("too many requests are waiting; try again", 503) from None
        return future

    def close(self) -> None:
        """Ends the thread when all that waits is answered."""
        self._waiting.put(None)

    def _work(self) -> None:
        while True:
            first = self._left or self._waiting.get()
            self._left = None
            if first is None:
                return
            self._answer(self._with_company(first))

    def _with_company(
        self, first: tuple[Arrays, "Future[Answer]"]
    ) -> list[tuple[Arrays, "Future[Answer]"]]:
        """The requests behind the first that fit into its batch."""
        together, rows = [first], _rows(first[0])
        while rows < self._max_rows:
            try:
                following = self._waiting.get_nowait()
            except queue.Empty:
                break
            if following is None:
                self._waiting.put(None)
                break
            if rows + _rows(following[0]) > self._max_rows or not _alike(first[0], following[0]):
                self._left = following
                break
            together.append(following)
            rows += _rows(following[0])
        return together

    def _answer(self, requests: list[tuple[Arrays, "Future[Answer]"]]) -> None:
        requests = [request for request in requests if not request[1].cancelled()]
        if not requests:
            return
        try:
            answer = self._run([inputs for inputs, _ in requests])
        except Exception as error:
            if len(requests) > 1:  # One bad row must not spoil its neighbours.
                for request in requests:
                    self._answer([request])
            else:
                with suppress(InvalidStateError):
                    requests[0][1].set_exception(error)
            return
        start = 0
        for inputs, future in requests:
            stop = start + _rows(inputs)
            with suppress(InvalidStateError):  # Cancelled in the meantime.
                future.set_result({name: value[start:stop] for name, value in answer.items()})
            start = stop

    def _run(self, parts: list[Arrays]) -> Answer:
        inputs = {
            name: np.concatenate([part[name] for part in parts]) if len(parts) > 1 else value
            for name, value in parts[0].items()
        }
        rows = _rows(inputs)
        if self._on_batch is not None:
            self._on_batch(rows)
        size = next((size for size in self._sizes if size >= rows), rows)
        if size > rows:
            inputs = {
                name: np.concatenate([value, np.repeat(value[:1], size - rows, axis=0)])
                for name, value in inputs.items()
            }
        return {name: value[:rows] for name, value in self._function(inputs).items()}


def _rows(inputs: Arrays) -> int:
    return len(next(iter(inputs.values())))


def _alike(first: Arrays, second: Arrays) -> bool:
    return all(first[name].shape[1:] == second[name].shape[1:] for name in first)
