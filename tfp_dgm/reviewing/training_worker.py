"""The process in which a review's trainings run, seen from the review."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

from tfp_dgm.reviewing.retraining_process import LOG

_ROUNDS = 20  # Of one process: TensorFlow keeps of each what it traced.


class TrainingWorker:
    """Trains round after round in one process, which keeps what no label changes.

    It starts with the first round, and stays until `close`, or until it has trained twenty. One
    that was killed is started anew for the next round.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._rounds = 0
        self._turn, self._working = threading.Lock(), threading.Lock()
        self._closed = False

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The process that runs, or ran last; None before the first round."""
        return self._process

    def train(self, folder: Path) -> int:
        """Trains in a round's folder; 0 where it went well. One round at a time.

        Args:
          folder: of the round, where its log is written, too.
        """
        with self._working:
            with self._turn:
                if self._closed:
                    return 1
                process = self._started(folder)
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                process.stdin.write(os.fsencode(folder.absolute()) + b"\n")
                process.stdin.flush()
            except BrokenPipeError:
                return process.wait() or 1
            said = process.stdout.readline()
            return int(said) if said.strip() else process.wait() or 1

    def close(self) -> None:
        """Ends the process, and with it a training that is under way."""
        with self._turn:
            self._closed = True
            if self._process is not None:
                self._process.terminate()
        with self._working:
            if self._process is not None:
                _end(self._process)

    def _started(self, folder: Path) -> subprocess.Popen[bytes]:
        """The process that runs, or a new one, whose start is told in a round's log."""
        old = self._process
        if old is not None and old.poll() is None and self._rounds < _ROUNDS:
            self._rounds += 1
            return old
        if old is not None:
            _end(old)
        with (folder / LOG).open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tfp_dgm.reviewing.retraining_process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        self._rounds = 1
        return self._process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with process:  # Which waits for it, and closes its pipes.
        pass
