"""Progress that says what is being done: bars on a terminal, lines in a log."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

_LINE_SECONDS = 30.0


@contextmanager
def progress_bar(*, quiet: bool = False) -> Iterator[Callable[[str, int, int | None], None]]:
    """Yields `progress(step, done, total)`, which tells stderr how far each step is.

    On a terminal a step is a bar; elsewhere it is a line when it begins, one at most every half
    minute, and one when it ends. With `quiet` it tells nothing.
    """
    console = Console(stderr=True, quiet=quiet)
    if not console.is_terminal:
        yield _Lines(console)
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as bars:
        tasks: dict[str, TaskID] = {}

        def progress(step: str, done: int, total: int | None) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=total)
            bars.update(tasks[step], completed=done)

        yield progress


@contextmanager
def status(message: str, *, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """Yields `tell(message)`, which tells stderr what is being done now; `message` comes first."""
    console = Console(stderr=True, quiet=quiet)
    if console.is_terminal:
        with console.status(message) as spinner:
            yield spinner.update
        return

    def tell(message: str) -> None:
        _print(console, message)

    tell(message)
    yield tell


class _Lines:
    """Steps as lines; a step of a single part is named when it begins, and no more."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told: dict[str, tuple[float, int]] = {}  # When a step was last told, and how far.

    def __call__(self, step: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if step in self._told:
            told, before = self._told[step]
            ended = done == total and done != before and total != 1
            if not ended and now - told < _LINE_SECONDS:
                return
        self._told[step] = (now, done)
        parts = "" if total in (None, 1) else f": {done:,} of {total:,}"
        _print(self._console, f"{step}{parts}")


def _print(console: Console, message: str) -> None:
    console.print(message, markup=False, highlight=False, soft_wrap=True)
