"""Whether accepted tags are as precise as promised, how many there are, and calibration.

Of UD English EWT (universal tags: words) and W-NUT 2017 (names that are new: spans), some sentences
are drawn from the training part and tagged; 2,000 others stand in the file without tags. Of what
`tag_sentences` accepts of these, at least 95 % (spans: 80 %, which is more than the tagger reaches
for all) are to be right, in nine runs of ten. Words outside spans are accepted by themselves, and
judged by the same promise.

    TFP_DGM_DATA=DIR python benchmarks/tagging_promise.py \
        --json benchmarks/results/tagging_promise.json

DIR holds `ud_english_ewt/en_ewt-ud-train.conllu.gz` and `wnut17/wnut17train.conll.gz`. With
`--json`, what the file holds already is not measured again. Draws 0 to 29 were looked at while the
judge was written; others are reported.
"""

import argparse
import json
import os
import shlex
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from exits.missing import end_for_want_of, wanting
from rich.console import Console
from rich.table import Table

from tfp_dgm.data import DataError, TaggedSentences, atomic_write, read_tagged_sentences
from tfp_dgm.evaluation import expected_calibration_error
from tfp_dgm.tagging import TagOutcome, tag_sentences

DRAWS = tuple(range(30, 40))
SIZES = {"ewt": (50, 100, 500), "wnut": (500, 1000)}
FILES = {
    "ewt": "ud_english_ewt/en_ewt-ud-train.conllu.gz",
    "wnut": "wnut17/wnut17train.conll.gz",
}
MIN_PRECISION = {"ewt": 0.95, "wnut": 0.8}
OTHERS = 2000


def drawn(file: TaggedSentences, size: int, draw: int) -> tuple[list, list, list]:
    """Words, given tags and true tags; the first `size` sentences are tagged."""
    order = np.random.default_rng(draw).permutation(len(file.tokens))[: size + OTHERS]
    tokens, truth = [file.tokens[i] for i in order], [file.tags[i] for i in order]
    hidden = [[()] * len(tags) for tags in truth[size:]]
    return tokens, [*truth[:size], *hidden], truth


def judged(
    outcome: TagOutcome, truth: list[list[tuple[str, ...]]], size: int
) -> list[dict[str, Any]]:
    """Of each kind of answer: what was accepted of sentences that have no tag, and how it is right.

    Args:
      outcome: of all sentences.
      truth: their tags.
      size: so many sentences, the first ones, had tags.
    Returns:
      A row for words (of spans: outside them), and one for spans: `of`, `kept` (None where nothing
      is accepted), `precision`, `coverage` and `calibration error`, per cent.
    """
    number = {tag: place for place, tag in enumerate(outcome.space.tags)}
    rows = slice(outcome.starts[size], None)
    true = np.array([number.get(tag[0], -1) for tags in truth for tag in tags])[rows]
    right = outcome.predicted[rows] == true
    accepted = outcome.accept[rows]
    if outcome.of_spans is not None:
        alone = outcome.predicted[rows] == number["O"]
        accepted, able = accepted & alone, alone
    else:
        able = np.ones(len(right), bool)
    error = expected_calibration_error(
        outcome.probabilities[rows], np.where(true < 0, len(number), true)
    )
    found = [{"of": "words", **_figures(accepted, right, able, outcome.min_precision, error)}]
    if outcome.of_spans is not None:
        scheme = outcome.scheme
        spans = []
        for own, tags in zip(outcome.spans[size:], truth[size:], strict=True):
            labels = scheme.allowed(tags).argmax(axis=1)
            given = {
                (span.first, span.last, span.name)
                for span in scheme.spans([scheme.labels[k] for k in labels])
            }
            spans += [(s.probability, s.accept, (s.first, s.last, s.name) in given) for s in own]
        probability, accept, true_spans = map(np.array, zip(*spans, strict=True))
        both = np.stack([1 - probability, probability], axis=1)
        bins = np.clip((probability * 15).astype(int), 0, 14)
        gaps = np.bincount(bins, both[:, 1] - true_spans, minlength=15)
        figures = _figures(
            accept.astype(bool),
            true_spans.astype(bool),
            np.ones(len(spans), bool),
            outcome.min_precision,
            float(np.abs(gaps).sum() / len(spans)),
        )
        found.append({"of": "spans", **figures})
    return found


def _figures(
    accepted: np.ndarray, right: np.ndarray, able: np.ndarray, asked: float, error: float
) -> dict[str, Any]:
    precision = float(right[accepted].mean()) if accepted.any() else None
    return {
        "kept": None if precision is None else precision >= asked,
        "precision": None if precision is None else round(100 * precision, 2),
        "coverage": round(100 * float(accepted[able].mean()), 2),
        "right in all": round(100 * float(right[able].mean()), 2),
        "calibration error": round(100 * float(error), 2),
    }


def show(rows: list[dict[str, Any]]) -> None:
    table = Table("task", "tagged", "of", "runs", "accepting", "kept", "coverage", "ECE", "CPU s")
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["task"], str(row["tagged"]), row["of"]), []).append(row)
    for key, group in groups.items():
        told = [row["kept"] for row in group if row["kept"] is not None]
        means = [
            f"{np.mean([row[name] for row in group]):.1f}"
            for name in ("coverage", "calibration error", "CPU seconds")
        ]
        table.add_row(*key, str(len(group)), str(len(told)), str(sum(told)), *means)
    Console().print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="one draw of 50 sentences")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--tasks", nargs="+", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--sizes", nargs="+", type=int, help="sentences with tags")
    parser.add_argument("--draws", nargs="+", type=int, default=list(DRAWS))
    arguments = parser.parse_args()
    if "TFP_DGM_DATA" not in os.environ:
        end_for_want_of("TFP_DGM_DATA, the folder with ud_english_ewt and wnut17")
    data = Path(os.environ["TFP_DGM_DATA"])
    if arguments.quick:
        arguments.tasks, arguments.draws, arguments.sizes = ["ewt"], arguments.draws[:1], [50]
    rows: list[dict[str, Any]] = []
    commands = [shlex.join(["python", *sys.argv])]
    if arguments.json is not None and arguments.json.exists():
        measured_before = json.loads(arguments.json.read_text("utf-8"))
        rows = measured_before["rows"]
        commands = list(dict.fromkeys([*measured_before["command"].split("; "), *commands]))
    names = {row["name"] for row in rows}
    for task in arguments.tasks:
        with wanting(DataError, OSError):
            file = read_tagged_sentences(data / FILES[task])
        for draw in arguments.draws:
            for size in arguments.sizes or SIZES[task]:
                name = f"{task} {size} draw {draw}"
                if f"{name} words" in names:
                    continue
                tokens, given, truth = drawn(file, size, draw)
                start = time.process_time()
                _, outcome = tag_sentences(
                    tokens, given, file.scheme, min_precision=MIN_PRECISION[task], seed=draw
                )
                spent = {"CPU seconds": round(time.process_time() - start, 2)}
                for found in judged(outcome, truth, size):
                    keys = {"name": f"{name} {found['of']}", "task": task, "tagged": size}
                    rows.append({**keys, "draw": draw, **found, **spent})
                    print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
                if arguments.json is not None:
                    written = json.dumps({"command": "; ".join(commands), "rows": rows}, indent=1)
                    with atomic_write(arguments.json) as out:
                        out.write(written.encode())
    show(rows)


if __name__ == "__main__":
    main()
