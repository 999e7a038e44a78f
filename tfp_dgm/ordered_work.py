"""Work that comes piece by piece, done in order by one process or by several."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

from tfp_dgm.native_messages import quiet_start

Kept = TypeVar("Kept")
Sent = TypeVar("Sent")
Done = TypeVar("Done")

# Does a piece, and says how far it is with it.
Worker = Callable[[Sent, Callable[[int], None]], Done]

_THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


def done_in_order(
    make: Callable[[], Worker[Sent, Done]],
    work: Iterable[tuple[Kept, Sent]],
    *,
    processes: int = 1,
    said: Callable[[int], None] = lambda done: None,
) -> Iterator[tuple[Kept, Done]]:
    """Does pieces of work, and gives them in the order in which they came.

    Of the pieces no more are in memory than one a process, and one that waits.

    Args:
      make: makes what does the work, once in each process that does; it is pickled. Where this one
        does, at once.
      work: of each piece what stays here, and what is sent to a process.
      processes: so many do the work; one is this one.
      said: told of how far a piece is, where this process does it.
    Returns:
      What stayed here of each piece, and what was done of it.
    Raises:
      ValueError: if there is to be no process.
      ChildProcessError: when a piece is asked for, if a process was ended from outside.
    """
    if processes < 1:
        raise ValueError(f"processes: expected at least 1; received {processes}")
    if processes > 1:
        return _by_others(make, work, processes)
    worker = make()
    return ((kept, worker(sent, said)) for kept, sent in work)


def _by_others(
    make: Callable[[], Worker[Sent, Done]], work: Iterable[tuple[Kept, Sent]], processes: int
) -> Iterator[tuple[Kept, Done]]:
    waiting: deque[tuple[Kept, Future[Done]]] = deque()
    made = pickle.dumps(make)  # What it imports may be TensorFlow, which is to be quiet then.
    with process_pool(processes) as pool:
        try:
            for kept, sent in work:
                waiting.append((kept, pool.submit(_do, made, sent)))
                if len(waiting) > processes:
                    first, future = waiting.popleft()
                    yield first, future.result()
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()
        except BrokenProcessPool as error:
            raise ChildProcessError(
                "processes: one of them was ended from outside (is there memory for so many?)"
            ) from error


@contextmanager
def process_pool(
    processes: int, load: Callable[[], None] | None = None
) -> Iterator[ProcessPoolExecutor]:
    """Processes that share the cores, and end with the block, or with this process.

    Args:
      processes: how many.
      load: what each does first; None for nothing.
    """
    before = set(multiprocessing.active_children())
    # TensorFlow's threads are lost in a fork.
    context = multiprocessing.get_context("spawn")
    threads = max(1, (os.cpu_count() or 1) // processes)
    with ProcessPoolExecutor(
        processes, context, initializer=_start, initargs=(threads, load)
    ) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in set(multiprocessing.active_children()) - before:
                process.terminate()
                process.join()
            raise


def _start(threads: int, load: Callable[[], None] | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Of Ctrl-C the first process tells the others.
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for name in _THREADS:
        os.environ.setdefault(name, str(threads))
    if load is not None:
        load()


def _end_with_parent() -> None:
    """Ends a process whose parent was killed, which else would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


_made: dict[str, Any] = {}


def _do(made: bytes, sent: Sent) -> Done:
    """In a process of the pool, which makes what does the work when it is first asked."""
    if "worker" not in _made:
        with quiet_start():
            _made["worker"] = pickle.loads(made)()
    worker: Worker[Sent, Done] = _made["worker"]
    return worker(sent, lambda done: None)
