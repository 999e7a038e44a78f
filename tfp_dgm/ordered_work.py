"""Work that comes piece by piece, done by threads and given in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Kept = TypeVar("Kept")
Sent = TypeVar("Sent")
Done = TypeVar("Done")

# What is done in Python itself is done by one thread at a time, whatever the number of cores.
_MOST_THREADS = 4


def done_in_order(
    do: Callable[[Sent], Done], work: Iterable[tuple[Kept, Sent]], *, threads: int
) -> Iterator[tuple[Kept, Done]]:
    """Does pieces of work, while this thread brings the next and uses what is done.

    It pays where most of the work is TensorFlow's or NumPy's, which let other threads run. Then
    several processes would do no more, since this one must bring and use it all; and each would
    take seconds to load TensorFlow.

    Args:
      do: what was sent -> what is done of it; called by several threads at once.
      work: of each piece what stays here, and what is sent. No more pieces are taken than are
        being done, and one.
      threads: so many do the work.
    Returns:
      What stayed here of each piece and what was done of it, in the order in which they came.
    """
    waiting: deque[tuple[Kept, Future[Done]]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for kept, sent in work:
            waiting.append((kept, pool.submit(do, sent)))
            if len(waiting) > threads:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()
    finally:
        # Of what nobody will use, what has not begun does not begin.
        pool.shutdown(wait=False, cancel_futures=True)


def useful_threads() -> int:
    """How many threads are of use to work that Python and TensorFlow share."""
    # Where the system tells, only the cores that this process may use.
    allowed = getattr(os, "sched_getaffinity", None)
    return min(_MOST_THREADS, len(allowed(0)) if allowed else os.cpu_count() or 1)
