"""What a training of a review costs: the first, and later ones of the same process.

The training part of Reuters R8 with 20 labels of each class; 50 more before each later training, in
the process that `dgm review` starts. Printed: CPU seconds of that process, imports and all, and its
memory after each training.

    python benchmarks/review_trainings.py --json benchmarks/results/review_trainings.json
"""

import argparse
import json
import os
import shlex
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from exits.missing import end_for_want_of, wanting
from rich.console import Console
from rich.table import Table

from tfp_dgm.data import DataError, atomic_write, load_text_classification, write_json
from tfp_dgm.reviewing.retraining_process import ANSWERED, JOB, LABEL_JOB, LOG
from tfp_dgm.reviewing.training_worker import TrainingWorker

LABELS, ANSWERS = 20, 50


def write_job(folder: Path, number: int, texts: list[str], labels: list[str]) -> None:
    """A round as `Retrainer` writes it."""
    folder.mkdir()
    with (folder / ANSWERED).open("w", encoding="utf-8") as file:
        for text, label in zip(texts, labels, strict=True):
            file.write(json.dumps({"text": text, "label": label}) + "\n")
    arguments = {
        "text_columns": ["text"],
        "label_column": "label",
        "classes": None,
        "definitions": None,
        "min_precision": 0.95,
        "separator": "|",
        "encoder": "none",
        "seed": 0,
    }
    figures = {"answers": ANSWERS * number}
    job = {"job": LABEL_JOB, "number": number, "arguments": arguments, "figures": figures}
    write_json(folder / JOB, job)


def used(process: int) -> tuple[float, float]:
    """CPU seconds of a process so far, and the memory that it holds, in GB."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    ticks = int(fields[11]) + int(fields[12])  # utime and stime; see proc(5).
    pages = int(fields[21])
    return ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE") / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few rows")
    parser.add_argument("--json", type=Path, metavar="FILE", help="results")
    parser.add_argument("--trainings", type=int, default=3)
    options = parser.parse_args()
    if not Path("/proc/self/stat").exists():
        end_for_want_of("/proc, which tells what a process used")
    with wanting(DataError):
        split = load_text_classification("r8")
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(split.train_texts))[: 400 if options.quick else None]
    texts = [split.train_texts[row] for row in rows]
    truth = np.array([split.train_labels[row] for row in rows])
    labels = np.full(len(rows), "", object)
    for name in np.unique(truth):
        some = np.flatnonzero(truth == name)[:LABELS]
        labels[some] = truth[some]
    found: list[dict[str, Any]] = []
    worker, before = TrainingWorker(), 0.0
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(1, 1 + (2 if options.quick else options.trainings)):
            folder = Path(scratch) / str(number)
            write_job(folder, number, texts, labels.tolist())
            if worker.train(folder):
                sys.exit((folder / LOG).read_text(encoding="utf-8"))
            assert worker.process is not None
            seconds, memory = used(worker.process.pid)
            found.append(
                {
                    "name": f"training {number}",
                    "rows": len(rows),
                    "labels": int((labels != "").sum()),
                    "cpu_seconds": round(seconds - before, 2),
                    "memory_gb": round(memory, 3),
                }
            )
            before = seconds
            some = rng.permutation(np.flatnonzero(labels == ""))[:ANSWERS]
            labels[some] = truth[some]
    worker.close()
    if options.json:
        content = {"command": shlex.join(["python", *sys.argv]), "rows": found}
        with atomic_write(options.json) as file:
            file.write((json.dumps(content, indent=1) + "\n").encode())
    table = Table(*found[0])
    for row in found:
        table.add_row(*map(str, row.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
