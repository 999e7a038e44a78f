"""How long `dgm tag` and `dgm tag predict` take, beside CRFsuite with the usual features.

500 sentences of UD English EWT are tagged and 10,000 are not: training, tagging and writing all of
it; then the 10,000 tagged as a new file; without an encoder. CRFsuite is trained on the 500 and
tags the 10,000 in memory.

    TFP_DGM_DATA=DIR python benchmarks/tagging_speed.py --json benchmarks/results/tagging_speed.json

DIR holds `ud_english_ewt/en_ewt-ud-*.conllu.gz`. CPU seconds are those of all threads together, and
hardly change with what else the machine does.
"""

import argparse
import json
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from exits.missing import end_for_want_of, wanting
from rich.console import Console
from rich.table import Table
from tagging_quality import Task, load, systems_at_hand, usual_features

from tfp_dgm.data import DataError, atomic_write
from tfp_dgm.tagging import predict_tags, tag_file

TAGGED, OTHERS = 500, 10_000


def written(path: Path, task: Task, first: int, last: int, *, tagged: int) -> None:
    """Sentences in CoNLL, of which so many carry tags."""
    lines = []
    for row in range(first, last):
        pairs = zip(task.tokens[row], task.tags[row], strict=True)
        lines += [f"{word}\t{tag if row < first + tagged else '_'}\n" for word, tag in pairs]
        lines.append("\n")
    path.write_text("".join(lines), encoding="utf-8")


def timed(name: str, sentences: int, run: Callable[[], Any]) -> dict[str, Any]:
    start, cpu = time.perf_counter(), time.process_time()
    run()
    spent = time.process_time() - cpu
    row = {
        "name": name,
        "sentences": sentences,
        "seconds": round(time.perf_counter() - start, 2),
        "CPU seconds": round(spent, 2),
        "sentences a CPU second": round(sentences / spent),
    }
    print(json.dumps(row), file=sys.stderr, flush=True)
    return row


def measured(task: Task, tagged: int, others: int, *, crfsuite: bool) -> list[dict[str, Any]]:
    end = tagged + others
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written(folder / "in.conll", task, 0, end, tagged=tagged)
        written(folder / "new.conll", task, tagged, end, tagged=0)
        rows = [
            timed(
                f"dgm tag, {tagged} tagged and {others} not",
                end,
                lambda: tag_file(folder / "in.conll", folder / "out.conll", encoder="none"),
            ),
            timed(
                f"dgm tag predict, {others}",
                others,
                lambda: predict_tags(
                    folder / "out.model", folder / "new.conll", folder / "predicted.conll"
                ),
            ),
        ]
    if crfsuite:
        import sklearn_crfsuite

        crf = sklearn_crfsuite.CRF(c1=0.1, c2=0.1, max_iterations=100)
        learned = [usual_features(words) for words in task.tokens[:tagged]]
        crf.fit(learned, task.tags[:tagged])
        new = task.tokens[tagged:end]
        rows.append(
            timed(
                f"CRFsuite, {others}",
                others,
                lambda: [crf.predict_single(usual_features(words)) for words in new],
            )
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="50 sentences and 200")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    if "TFP_DGM_DATA" not in os.environ:
        end_for_want_of("TFP_DGM_DATA, the folder with ud_english_ewt")
    with wanting(DataError, OSError):
        task = load("ewt", Path(os.environ["TFP_DGM_DATA"]), "dev")
    sizes = (50, 200) if arguments.quick else (TAGGED, OTHERS)
    rows = measured(task, *sizes, crfsuite="CRFsuite" in systems_at_hand())
    table = Table("what", "seconds", "CPU s", "sentences a CPU second")
    for row in rows:
        cells = [f"{row[key]:,}" for key in ("seconds", "CPU seconds", "sentences a CPU second")]
        table.add_row(row["name"], *cells)
    Console().print(table)
    if arguments.json is not None:
        command = shlex.join(["python", *sys.argv])
        with atomic_write(arguments.json) as file:
            file.write(json.dumps({"command": command, "rows": rows}, indent=1).encode())


if __name__ == "__main__":
    main()
