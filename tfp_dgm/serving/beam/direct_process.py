"""The direct runner in a process of its own, which ends when one of its workers is lost.

By itself it waits for a worker that was killed, for ever. Run as a program it reads a pipeline of
shards from standard input and writes what became of it to standard output, as JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tfp_dgm.data import DataError
from tfp_dgm.serving.beam.shard_job import ShardJob
from tfp_dgm.serving.beam.shards import Part, Shard
from tfp_dgm.serving.opening import Opening

_SECONDS_BETWEEN_LOOKS = 1.0
_LAST_CHARACTERS = 2000


class LostWorkerError(Exception):
    """A worker's process ended before its work; says how."""


def run_directly(
    given: Mapping[str, str], shards: Sequence[Shard], opening: Opening, job: ShardJob
) -> None:
    """Runs the pipeline, and ends all its processes whatever happens.

    Args:
      given: options of the runner.
    Raises:
      LostWorkerError: if a process was killed.
      DataError: if something cannot be written.
      RuntimeError: if a worker fails; its traceback.
    """
    request = {
        "options": dict(given),
        "shards": [asdict(shard) for shard in shards],
        "opening": asdict(opening),
        "job": asdict(job),
    }
    # Of this process's path: what can be imported here can be there, and nothing else: a program
    # run by its module's name would take a random.py of the working folder for Python's own.
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)),
        "PYTHONSAFEPATH": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    # Nothing of it goes to a file: on a full disk workers would wait for their own messages.
    log = bytearray()
    reader = threading.Thread(target=_keep_end, args=(process.stderr, log), daemon=True)
    reader.start()
    try:
        with contextlib.suppress(BrokenPipeError), process.stdin:
            process.stdin.write(json.dumps(request).encode())
        told = process.stdout.read()
        process.wait()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
    if process.returncode != 0 or not told:
        reader.join()
        raise LostWorkerError(log.decode("utf-8", "replace").strip())
    found = json.loads(told)
    if found["error"] is not None:
        raise (DataError if found["of_data"] else RuntimeError)(found["error"])


def _keep_end(stream: Any, end: bytearray) -> None:
    """Reads a stream to its end, and keeps the last of it."""
    with stream:
        while piece := stream.read1():
            end += piece
            del end[:-_LAST_CHARACTERS]


def main() -> None:
    """Runs what standard input says."""
    request = json.load(sys.stdin)
    parent = os.getppid()
    threading.excepthook = _end_with_worker
    threading.Thread(target=_end_with_parent, args=(parent,), daemon=True).start()
    from tfp_dgm.serving.beam.runners import DIRECT, run_pipeline

    schema = request["job"].pop("schema")
    job = ShardJob(schema=schema and [tuple(column) for column in schema], **request["job"])
    shards = [_shard(**shard) for shard in request["shards"]]
    told: dict[str, Any] = {"error": None}
    try:
        run_pipeline(DIRECT, request["options"], shards, Opening(**request["opening"]), job)
    except Exception as failure:
        told = {"error": str(failure), "of_data": isinstance(failure, DataError)}
    sys.stdout.write(json.dumps(told))
    sys.stdout.flush()


def _shard(source: str, name: str, part: Mapping[str, Any] | None) -> Shard:
    return Shard(source, name, None if part is None else Part(**part))


def _end_with_worker(failure: Any) -> None:
    """Ends all, where a thread that waits for a worker says that it has ended."""
    threading.__excepthook__(failure)
    if "Worker subprocess exited" in str(failure.exc_value):
        sys.stderr.flush()
        os.killpg(os.getpgrp(), signal.SIGKILL)


def _end_with_parent(parent: int) -> None:
    """Ends all, where who waits for the end was killed."""
    while os.getppid() == parent:
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main()
