"""Trainings on what people have answered by now, in a process of its own."""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfp_dgm.data import DataError, read_json
from tfp_dgm.reviewing.review_rows import guesses_of, read_texts
from tfp_dgm.reviewing.rounds import round_of, write_round

if TYPE_CHECKING:
    from tfp_dgm.labelling import KeptFeatures

JOB, ANSWERED, LABELLED, LOG = "job.json", "answered.jsonl", "labelled.jsonl", "log.txt"
_NICE = 10  # The page goes first.


def train_round(folder: Path, kept: KeptFeatures | None = None) -> None:
    """Trains on the table in a round's folder, as the first labelling was asked to.

    Writes the labelled table and its model's folder; last the round's figures, without which it
    counts for nothing.

    Args:
      folder: of the round.
      kept: where what no label changes stays for the next round.
    Raises:
      DataError: as `labelling.label_file`.
    """
    start = time.monotonic()
    job = read_json(folder / JOB, "a training's settings")
    from tfp_dgm.labelling import label_file

    arguments: dict[str, Any] = job["arguments"]
    if arguments["definitions"] is not None:
        arguments["definitions"] = folder / arguments["definitions"]
    done = label_file(folder / ANSWERED, folder / LABELLED, kept=kept, **arguments)
    frame, _ = read_texts(folder / LABELLED, arguments["text_columns"])
    metrics = read_json(done.model_directory / "metrics.json", "the metrics of a labelling")
    found = round_of(
        job["number"],
        guesses_of(frame),
        (~done.outcome.unannotated).tolist(),
        metrics,
        seconds=round(time.monotonic() - start, 1),
        **job["figures"],
    )
    write_round(folder, found)


def main() -> None:
    """Trains on each folder that is named in a line of the input, and answers 0 or 1.

    What a training says goes into its folder's log, whose last line tells why one failed.
    """
    with os.fdopen(os.dup(1), "w") as answers:
        folders: queue.Queue[Path] = queue.Queue()
        threading.Thread(target=_read, args=(folders,), daemon=True).start()
        kept = None
        while True:
            folder = folders.get()
            with (folder / LOG).open("ab") as log:
                os.dup2(log.fileno(), 1)
                os.dup2(log.fileno(), 2)
            try:
                from tfp_dgm.labelling import KeptFeatures

                kept = kept or KeptFeatures()
                train_round(folder, kept)
                code = 0
            except (DataError, OSError, ImportError) as problem:
                print(problem, file=sys.stderr, flush=True)
                code = 1
            except Exception:
                traceback.print_exc()
                code = 1
            print(code, file=answers, flush=True)


def _read(folders: queue.Queue[Path]) -> None:
    """Takes folders; ends this process with its input: a killed review can say nothing more."""
    line = b""
    while found := os.read(0, 4096):  # A thread within `sys.stdin` would break an orderly end.
        *whole, line = (line + found).split(b"\n")
        for name in whole:
            folders.put(Path(os.fsdecode(name)))
    os._exit(1)


if __name__ == "__main__":
    os.nice(_NICE)
    main()
