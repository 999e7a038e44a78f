"""Trainings on what people have answered by now, in a process of its own."""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfp_dgm.data import DataError, read_json
from tfp_dgm.reviewing.review_rows import guesses_of, read_texts
from tfp_dgm.reviewing.review_sentences import read_review_sentences
from tfp_dgm.reviewing.rounds import Round, round_of, write_round
from tfp_dgm.reviewing.word_guesses import word_guesses

if TYPE_CHECKING:
    from tfp_dgm.labelling import KeptFeatures

LABEL_JOB, TAG_JOB = "label", "tag"
JOB, ANSWERED, LABELLED, LOG = "job.json", "answered.jsonl", "labelled.jsonl", "log.txt"
TAGGED_MODEL = "tagged.model"
_NICE = 10  # The page goes first.


class RoundTrainer:
    """Trains in the folders of rounds; what no label changes stays from one to the next."""

    def __init__(self) -> None:
        self._kept: KeptFeatures | None = None

    def train(self, folder: Path) -> None:
        """Trains on what people answered, as the first labelling or tagging was asked to.

        Writes the labelled table, or the tagged sentences, and the model's folder; last the round's
        figures, without which it counts for nothing.

        Args:
          folder: of the round.
        Raises:
          DataError: as `labelling.label_file` and `tagging.tag_file`.
        """
        start = time.monotonic()
        job = read_json(folder / JOB, "a training's settings")
        run = {LABEL_JOB: self._label, TAG_JOB: self._tag}[job["job"]]
        found = run(folder, job["arguments"], {"number": job["number"], **job["figures"]})
        write_round(folder, replace(found, seconds=round(time.monotonic() - start, 1)))

    def _label(self, folder: Path, arguments: dict[str, Any], figures: dict[str, Any]) -> Round:
        from tfp_dgm.labelling import KeptFeatures, label_file

        self._kept = self._kept or KeptFeatures()
        if arguments["definitions"] is not None:
            arguments["definitions"] = folder / arguments["definitions"]
        done = label_file(folder / ANSWERED, folder / LABELLED, kept=self._kept, **arguments)
        frame, _ = read_texts(folder / LABELLED, arguments["text_columns"])
        return round_of(
            guesses=guesses_of(frame),
            labelled=(~done.outcome.unannotated).tolist(),
            metrics=read_json(done.model_directory / "metrics.json", "the metrics of a labelling"),
            seconds=0.0,
            **figures,
        )

    def _tag(self, folder: Path, arguments: dict[str, Any], figures: dict[str, Any]) -> Round:
        from tfp_dgm.tagging import tag_file

        model = folder / TAGGED_MODEL
        source, output = (folder / arguments.pop(name) for name in ("source", "output"))
        tag_file(source, output, model_directory=model, **arguments)
        words = word_guesses(read_review_sentences(model).guesses)
        return round_of(
            guesses=words,
            labelled=(~words.open).tolist(),
            metrics=read_json(model / "metrics.json", "the metrics of a tagging"),
            seconds=0.0,
            **figures,
        )


def main() -> None:
    """Trains on each folder that is named in a line of the input, and answers 0 or 1.

    What a training says goes into its folder's log, whose last line tells why one failed.
    """
    with os.fdopen(os.dup(1), "w") as answers:
        folders: queue.Queue[Path] = queue.Queue()
        threading.Thread(target=_read, args=(folders,), daemon=True).start()
        trainer = RoundTrainer()
        while True:
            folder = folders.get()
            with (folder / LOG).open("ab") as log:
                os.dup2(log.fileno(), 1)
                os.dup2(log.fileno(), 2)
            try:
                trainer.train(folder)
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
