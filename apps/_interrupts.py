"""Ctrl-C and SIGTERM: a sentence at once, no half-written files, and a prompt end."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_SAID = {
    signal.SIGINT: "Interrupted: removing what is unfinished; Ctrl-C again ends at once",
    signal.SIGTERM: "Terminated: removing what is unfinished",
}


@contextmanager
def prompt_interrupts() -> Iterator[None]:
    """Ends the process with 128 and the signal's number once the block has cleaned up.

    Without it the end says nothing, waits for TensorFlow's threads, and SIGTERM leaves temporaries.
    A second signal does not wait for the clean-up, nor for who swallowed the first.
    """
    stderr = os.dup(2)  # `quiet_start` turns it off for a while.
    received: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        if received:
            os._exit(128 + number)
        received.append(number)
        start = "\n" if os.isatty(stderr) else ""  # Behind the bars of a terminal, and its ^C.
        os.write(stderr, f"{start}{_SAID[signal.Signals(number)]}\n".encode())
        raise KeyboardInterrupt

    for number in _SAID:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        if received:
            for stream in (sys.stdout, sys.stderr):
                with suppress(OSError):  # Nobody may read it any more.
                    stream.flush()
            os._exit(128 + received[0])
