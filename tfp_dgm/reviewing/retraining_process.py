"""A training on what people have answered by now, in a process of its own."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tfp_dgm.data import DataError, read_json
from tfp_dgm.reviewing.review_rows import guesses_of, read_texts
from tfp_dgm.reviewing.rounds import round_of, write_round

JOB, ANSWERED, LABELLED, LOG = "job.json", "answered.jsonl", "labelled.jsonl", "log.txt"
_NICE = 10  # The page goes first.


def main(folder: Path) -> None:
    """Trains on the table in a round's folder, as the first labelling was asked to.

    Writes the labelled table and its model's folder; last the round's figures, without which it
    counts for nothing.

    Raises:
      DataError: as `labelling.label_file`.
    """
    start = time.monotonic()
    job = read_json(folder / JOB, "a training's settings")
    from tfp_dgm.labelling import label_file

    arguments: dict[str, Any] = job["arguments"]
    if arguments["definitions"] is not None:
        arguments["definitions"] = folder / arguments["definitions"]
    done = label_file(folder / ANSWERED, folder / LABELLED, **arguments)
    frame, _ = read_texts(folder / LABELLED, arguments["text_columns"])
    metrics = read_json(done.model_directory / "metrics.json", "the metrics of a labelling")
    found = round_of(
        job["number"],
        guesses_of(frame),
        (~done.outcome.unannotated).tolist(),
        metrics,
        answers=job["answers"],
        about=job["about"],
        seconds=round(time.monotonic() - start, 1),
    )
    write_round(folder, found)


def _end_with_the_review() -> None:
    """Ends this process when its input does: a review that is killed can say nothing more."""
    os.read(0, 1)  # A thread within `sys.stdin` would break an orderly end.
    os._exit(1)


if __name__ == "__main__":
    os.nice(_NICE)
    threading.Thread(target=_end_with_the_review, daemon=True).start()
    try:
        main(Path(sys.argv[1]))
    except (DataError, OSError, ImportError) as problem:
        sys.exit(f"{problem}")  # The last line of the log, which the page shows.
