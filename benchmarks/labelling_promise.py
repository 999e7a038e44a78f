"""How often accepted answers keep what is promised of them, in simulated worlds.

Stated probabilities are drawn, true ones made from them, and labels from these; then answers are
accepted as `dgm label` does. Nothing is trained: this judges calibration and acceptance alone.
Worlds in the family of calibration maps, and worlds outside it:

  family     temperature and floor are drawn from the prior; every label is right
  slips      the same, and a share of the labels, drawn from its prior, is any other class
  rows       a temperature of its own for each row
  classes    one class is stated with three times the confidence that is right
  cluster    5 to 25 % of the rows, told apart by nothing, are right in every second case only
  ceiling    nothing is right more often than at 90 %, however confident

A world is reachable where some confidence above which 5 % of the rows lie has the precision that
is asked for. Printed for each kind, number of labels and precision: in how many reachable worlds
some were accepted, in how many of these the precision of the accepted rows was kept, what was
accepted and what could have been; and in how many others anything was accepted, wrongly.

    python benchmarks/labelling_promise.py --json benchmarks/results/labelling_promise.json
"""

import argparse
import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from tfp_dgm.confidence import Calibration, acceptance_threshold
from tfp_dgm.data import atomic_write

KINDS = ("family", "slips", "rows", "classes", "cluster", "ceiling")
LABELS = (40, 100, 200, 400)
PRECISIONS = (0.95, 0.8)
UNLABELLED = 1_000
REACHABLE = 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="the same code in a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="results")
    options = parser.parse_args()
    runs = 4 if options.quick else 60
    cells = [(kind, labels) for kind in KINDS for labels in LABELS]
    rows = []
    for kind, labels in track(cells, console=Console(stderr=True)):
        drawn = [run(kind, labels, seed) for seed in range(runs)]
        for precision in PRECISIONS:
            rows.append(
                {
                    "name": f"{kind}, {labels} labels, asked {precision:.0%}",
                    **summary([one[precision] for one in drawn]),
                }
            )
    show(Console(), rows)
    if options.json:
        content = {
            "command": shlex.join(["python", *sys.argv]),
            "settings": {"runs": runs, "unlabelled": UNLABELLED, "reachable": REACHABLE},
            "rows": rows,
        }
        with atomic_write(options.json) as file:
            file.write((json.dumps(content, indent=2) + "\n").encode())


def world(kind: str, rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Stated and true probabilities [rows, K] of 2, 4 or 8 classes."""
    num_classes = int(rng.choice([2, 4, 8]))
    logits = rng.normal(0, rng.uniform(1.5, 6), (rows, num_classes))
    stated = softmax(logits)
    best = stated.max(axis=1)
    if kind in ("family", "slips"):
        temperature, floor = np.exp(rng.normal(0, 0.6)), share(rng)
        true = softmax(logits / temperature)
        errors = floor * (1 - 1 / num_classes)
        others = without_best(softmax(logits / (1.5 * temperature)), stated)
        true = (1 - floor) * true + errors * others
        true[np.arange(rows), stated.argmax(axis=1)] += floor / num_classes
    elif kind == "rows":
        true = softmax(logits / np.exp(rng.normal(0, 0.5, (rows, 1))))
    elif kind == "classes":
        true = softmax(logits / np.where(logits.argmax(axis=1) == 0, 3, 1)[:, np.newaxis])
    elif kind == "cluster":
        true = with_best(stated, np.where(rng.random(rows) < rng.uniform(0.05, 0.25), 0.5, best))
    else:
        true = with_best(stated, np.minimum(best, 0.9))
    return stated, true


def share(rng: np.random.Generator) -> float:
    """A floor, or a share of slips, from its prior."""
    return min(float(rng.exponential(0.01 if rng.random() < 0.8 else 0.1)), 0.5)


def softmax(logits: np.ndarray) -> np.ndarray:
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)


def without_best(probabilities: np.ndarray, stated: np.ndarray) -> np.ndarray:
    """The probabilities, given that the stated best class is not the one."""
    others = probabilities.copy()
    others[np.arange(len(others)), stated.argmax(axis=1)] = 0
    return others / others.sum(axis=1, keepdims=True)


def with_best(stated: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The stated probabilities, but that the best class has probability `right` [rows]."""
    true = without_best(stated, stated) * (1 - right)[:, np.newaxis]
    true[np.arange(len(true)), stated.argmax(axis=1)] = right
    return true


def run(kind: str, labels: int, seed: int) -> dict[float, dict[str, Any]]:
    """One world: for each precision asked for, what was accepted, and how much of it was right."""
    rng = np.random.default_rng([seed, labels, KINDS.index(kind)])
    stated, true = world(kind, rng, labels + UNLABELLED)
    num_classes = stated.shape[1]
    truth = (rng.random((len(true), 1)) > true.cumsum(axis=1)[:, :-1]).sum(axis=1)
    slipped = rng.random(labels) < (share(rng) if kind == "slips" else 0)
    given = truth[:labels] + slipped * rng.integers(1, num_classes, labels)
    allowed = np.eye(num_classes, dtype=bool)[given % num_classes]
    # A model that was trained on a surprising label follows it more often where it is right; how
    # much more often differs from one data set to the next.
    follows = rng.random(labels) < np.where(slipped, rng.uniform(0.1, 0.4), rng.uniform(0.5, 0.85))
    annotated = {
        "allowed": allowed,
        "fitted": np.where(follows[:, np.newaxis], allowed, stated[:labels]),
    }
    calibration = Calibration.fit(stated[:labels], weights=np.ones(labels), **annotated)
    hidden, right = stated[labels:], stated[labels:].argmax(axis=1) == truth[labels:]
    confidence = calibration(hidden).max(axis=1)
    order = np.argsort(-hidden.max(axis=1))
    expected = true[labels:][np.arange(UNLABELLED), hidden.argmax(axis=1)][order]
    expected = expected.cumsum() / np.arange(1, UNLABELLED + 1)
    found = {}
    for precision in PRECISIONS:
        threshold = acceptance_threshold(
            calibration, hidden, precision, cross_fitted=stated[:labels], **annotated
        )
        accepted = confidence >= (np.inf if threshold is None else threshold)
        enough = np.flatnonzero(expected >= precision)
        found[precision] = {
            "possible": float(enough[-1] + 1) / UNLABELLED if len(enough) else 0.0,
            "coverage": float(accepted.mean()),
            "kept": bool(accepted.any() and right[accepted].mean() >= precision),
        }
    return found


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    reachable = [one for one in runs if one["possible"] >= REACHABLE]
    others = [one for one in runs if one["possible"] < REACHABLE]
    return {
        "reachable": len(reachable),
        "accepting": sum(one["coverage"] > 0 for one in reachable),
        "kept": sum(one["kept"] for one in reachable),
        "coverage": mean([one["coverage"] for one in reachable]),
        "possible_coverage": mean([one["possible"] for one in reachable]),
        "unreachable": len(others),
        "unreachable_accepting": sum(one["coverage"] > 0 for one in others),
    }


def mean(values: list[float]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None


def show(console: Console, rows: list[dict[str, Any]]) -> None:
    table = Table()
    for column in (
        "world",
        "accepting",
        "kept",
        "coverage",
        "possible",
        "not reachable: accepting",
    ):
        table.add_column(column)
    for row in rows:
        table.add_row(
            row["name"],
            f"{row['accepting']} of {row['reachable']}",
            f"{row['kept']} of {row['accepting']}",
            "-" if row["coverage"] is None else f"{row['coverage']:.0%}",
            "-" if row["possible_coverage"] is None else f"{row['possible_coverage']:.0%}",
            f"{row['unreachable_accepting']} of {row['unreachable']}",
        )
    console.print(table)


if __name__ == "__main__":
    main()
