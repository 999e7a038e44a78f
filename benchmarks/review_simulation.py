"""What an answer is worth: a review by somebody who knows the truth.

A table with five labels of each class is labelled; then rows are answered in rounds, as the page of
`dgm review` shows them, and after each round the model is trained anew, by the functions that the
page calls: the queue, the trainings, their figures and the advice. Orders:

  teach    what teaches most, the page's first order
  doubt    the most doubtful first
  random   at random

and `teach, slips` with one answer of ten wrong. Sets: the training part of Reuters R8, its test
part held out; and posts to six groups of 20 Newsgroups, which were looked at while orders and
advice were built. R8 was not, but for one thing: that the advice counts rows made safe among those
still open was decided after a first run on it, which never advised to stop.

    python benchmarks/review_simulation.py \
        --json benchmarks/results/review_simulation.json --plot docs/review_simulation.svg

Printed, by the number of answers: accuracy on held-out texts; on the rows that are still open; of
the whole table, answers and guesses together; how many rows are left to the person at a precision
of 95 %. Beside the truth stands what the page tells, and how often its advice to stop was right.
"""

import argparse
import json
import os
import shlex
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from exits.missing import wanting
from labelled_sets.draws import drawn_rows
from rich.console import Console
from rich.table import Table

from tfp_dgm.data import DataError, atomic_write, load_text_classification
from tfp_dgm.labelling import Features, fit_classifier, fit_features, metrics
from tfp_dgm.labelling.outcome_columns import new_columns
from tfp_dgm.reviewing.review_rows import Guesses, ReviewRows, guesses_of
from tfp_dgm.reviewing.rounds import Round, advice, compared, round_of
from tfp_dgm.reviewing.row_queue import DOUBT, RANDOM, TEACH, RowQueue
from tfp_dgm.reviewing.rows_that_teach import teaching_rows

LABELS = 5  # Of each class, at the start.
SLIPS = 0.1
KINDS = {"teach": TEACH, "random": RANDOM, "doubt": DOUBT, "teach, slips": TEACH}
PRECISION, LITTLE = 0.95, 0.005
REUTERS, TOPICS = "R8", "posts, chosen on"
SETS = [TOPICS, REUTERS]
ANSWERS = {TOPICS: 400, REUTERS: 1000}
GROUPS = (
    "comp.graphics",
    "comp.os.ms-windows.misc",
    "comp.sys.ibm.pc.hardware",
    "comp.sys.mac.hardware",
    "comp.windows.x",
    "misc.forsale",
)


@dataclass(frozen=True)
class Data:
    """A table and held-out texts, with the truth.

    Attributes:
      texts, truth: N texts and their classes, int [N].
      held_out, held_out_truth: the same of others.
      names: of the classes.
    """

    texts: list[str]
    truth: np.ndarray
    held_out: list[str]
    held_out_truth: np.ndarray
    names: list[str]

    @classmethod
    def of(cls, texts: Any, labels: Any, held_out: Any, held_out_labels: Any) -> "Data":
        names, truth = np.unique(labels, return_inverse=True)
        held_out_truth = np.searchsorted(names, held_out_labels)
        return cls(list(texts), truth, list(held_out), held_out_truth, names.tolist())


def load(name: str, rows: int | None) -> Data:
    """A set by its name; at most so many rows of topics."""
    with wanting(DataError):
        split = load_text_classification("r8" if name == REUTERS else "20ng")
    if name == REUTERS:
        return Data.of(split.train_texts, split.train_labels, split.test_texts, split.test_labels)
    rng = np.random.default_rng(0)
    found: list[Any] = []
    for texts, labels in (
        (split.train_texts, split.train_labels),
        (split.test_texts, split.test_labels),
    ):
        chosen = rng.permutation(np.flatnonzero(np.isin(labels, GROUPS)))[:rows]
        found += [[texts[row] for row in chosen], [labels[row] for row in chosen]]
    return Data.of(*found)


def simulate(
    data: Data, kind: str, seed: int, features: Features, *, answers: int, every: int
) -> Iterator[dict[str, Any]]:
    """Answers rows in rounds; yields what is true and what is told after each training."""
    rng = np.random.default_rng(seed)
    num_rows, num_classes = len(data.texts), len(data.names)
    said = np.full(num_rows, -1)
    labelled = drawn_rows(data.truth, LABELS, rng)
    said[labelled] = data.truth[labelled]
    given = ["" if k < 0 else data.names[k] for k in said]
    previous: Guesses | None = None
    answered = np.zeros(num_rows, bool)
    rounds: list[Round] = []
    drawn = np.zeros(0, np.int64)
    held_out: tuple[tf.Tensor, list[tf.Tensor]] | None = None
    while True:
        start = time.process_time()
        allowed = np.ones((num_rows, num_classes), bool)
        allowed[said >= 0] = np.eye(num_classes, dtype=bool)[said[said >= 0]]
        model, outcome = fit_classifier(data.texts, allowed, data.names, features=features)
        guesses = guesses_of(pd.DataFrame(new_columns(outcome)))
        seconds = time.process_time() - start
        open_rows = said < 0
        before = said if previous is None else guessed(previous, data)
        found = round_of(
            len(rounds),
            guesses,
            (~open_rows).tolist(),
            metrics(outcome),
            answers=int(answered.sum()),
            seconds=seconds,
            drawn=len(drawn),
            drawn_right=int((before[drawn] == said[drawn]).sum()),
        )
        if previous is not None:
            found = compared(found, previous, guesses, open_rows)
        rounds.append(found)
        held_out = held_out or model.views(tf.constant(data.held_out))
        predicted = model.probabilities(*held_out).numpy().argmax(axis=1)
        now = guessed(guesses, data)
        right = now == data.truth
        accepted = guesses.accepted & open_rows
        yield {
            "answers": found.answers,
            "held_out": float((predicted == data.held_out_truth).mean()),
            "rest": float(right[open_rows].mean()),
            "table": float(np.where(open_rows, right, said == data.truth).mean()),
            "gained": None
            if previous is None
            else float(right[open_rows].mean() - (before == data.truth)[open_rows].mean()),
            "left": found.left,
            "accepted": found.accepted,
            "precision": float(right[accepted].mean()) if accepted.any() else None,
            "expected": found.expected,
            "checked": found.checked,
            "drawn": found.drawn,
            "drawn_right": found.drawn_right,
            "changed": found.changed,
            "made_safe": found.made_safe,
            "stop": advice(rounds).startswith("You can stop"),
            "seconds": seconds,
        }
        if found.answers >= answers:
            return
        previous = guesses
        rows = ReviewRows(
            model=Path(),
            table=Path(),
            label_column="label",
            classes=tuple(data.names),
            frame=pd.DataFrame(),
            texts=data.texts,
            given=given,
            guesses=guesses,
            settings={},
        )
        queue = RowQueue(rows, teaching_rows(rows, guesses, answered), answered, seed=seed)
        asked = queue.left(KINDS[kind], answered)[:every]
        said[asked] = data.truth[asked]
        if kind.endswith("slips"):
            wrong = asked[rng.random(len(asked)) < SLIPS]
            said[wrong] = (said[wrong] + rng.integers(1, num_classes, len(wrong))) % num_classes
        answered[asked] = True
        drawn = queue.sample(answered)


def guessed(guesses: Guesses, data: Data) -> np.ndarray:
    """Guesses as numbers of classes, int [N]; -1 for none of them."""
    places = {name: k for k, name in enumerate(data.names)}
    return np.array([places.get(name, -1) for name in guesses.label])


def summary(name: str, runs: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Of the runs of one order: means by the number of answers, and what was told."""
    found: list[dict[str, Any]] = []
    for steps in zip(*runs, strict=True):
        row: dict[str, Any] = {"name": f"{name}, {steps[0]['answers']} answers", "runs": len(runs)}
        for key in steps[0]:
            values = [step[key] for step in steps if step[key] is not None]
            row[key] = float(np.mean(values)) if values else None
        row["held_out_by_run"] = [step["held_out"] for step in steps]
        row["left_by_run"] = [step["left"] for step in steps]
        found.append(row)
    pairs = [pair for run in runs for pair in pairwise(run)]
    hundreds = [(after["answers"] - before["answers"]) / 100 for before, after in pairs]
    worth = [after["gained"] / part for (_, after), part in zip(pairs, hundreds, strict=True)]
    stop = [before["stop"] for before, _ in pairs]
    accepting = [step for run in runs for step in run if step["precision"] is not None]
    drawn = sum(after["drawn"] for _, after in pairs)
    told: dict[str, Any] = {
        "name": f"{name}, told",
        "runs": len(runs),
        "trainings": sum(map(len, runs)),
        "expected_error": mean_error(runs, "expected"),
        "checked_error": mean_error(runs, "checked"),
        "drawn": drawn,
        # Of the rows drawn, and of all that were open when they were.
        "drawn_right": sum(after["drawn_right"] for _, after in pairs) / max(drawn, 1),
        "open_right": sum(after["drawn"] * before["rest"] for before, after in pairs)
        / max(drawn, 1),
        "stop_said": sum(stop),
        "stop_kept": sum(said and gain < LITTLE for said, gain in zip(stop, worth, strict=True)),
        "worth_after_stop": [gain for said, gain in zip(stop, worth, strict=True) if said],
        "worth_little": sum(gain < LITTLE for gain in worth),
        "accepting": len(accepting),
        "promise_kept": sum(step["precision"] >= PRECISION for step in accepting),
        "mended_of_changed": float(
            np.sum([after["gained"] for _, after in pairs])
            / max(np.sum([after["changed"] for _, after in pairs]), 1e-9)
        ),
    }
    return [*found, told]


def mean_error(runs: list[list[dict[str, Any]]], key: str) -> float:
    """How far what is told is above the share of open rows that is right, in the mean."""
    return float(np.mean([step[key] - step["rest"] for run in runs for step in run]))


def plot(path: Path, name: str, results: dict[str, list[list[dict[str, Any]]]]) -> None:
    """Draws accuracy and the rows that are left against the number of answers, as SVG."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    # The same figures give the same file, and letters stay letters.
    mpl.rcParams |= {"svg.hashsalt": "0", "svg.fonttype": "none"}
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    axes = figure.subplots(1, 2)
    panels = (
        ("held_out", f"{name}: accuracy on held-out texts, %", 100),
        ("left", "rows left to a person at a precision of 95 %", 1),
    )
    for axis, (key, title, scale) in zip(axes, panels, strict=True):
        for number, (kind, runs) in enumerate(results.items()):
            answers = [step["answers"] for step in runs[0]]
            values = scale * np.array([[step[key] for step in run] for run in runs])
            axis.plot(answers, values.mean(axis=0), color=f"C{number}", label=kind)
            axis.fill_between(
                answers, values.min(axis=0), values.max(axis=0), color=f"C{number}", alpha=0.15
            )
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("answers")
        axis.grid(alpha=0.3)
    axes[0].legend(frameon=False)
    figure.savefig(path, format="svg", metadata={"Date": None})


def show(console: Console, rows: list[dict[str, Any]]) -> None:
    columns = {
        "held_out": "held out",
        "rest": "rest",
        "table": "table",
        "expected": "told: expected",
        "checked": "told: checked",
        "changed": "changed",
        "gained": "gained",
        "precision": "precision",
    }
    table = Table()
    table.add_column("set, order", no_wrap=True)
    for title in (*columns.values(), "left", "stop", "CPU s"):
        table.add_column(title, justify="right")
    for row in rows:
        if "held_out" not in row:
            continue
        cells = ["-" if row[key] is None else f"{row[key]:.1%}" for key in columns]
        cells += [f"{row['left']:,.0f}", f"{row['stop']:.0%}", f"{row['seconds']:.1f}"]
        table.add_row(row["name"], *cells)
    console.print(table)
    for row in rows:
        if "stop_said" in row:
            console.print(
                f"{row['name']}: stop said {row['stop_said']} times, kept {row['stop_kept']}; "
                f"promise kept {row['promise_kept']} of {row['accepting']}; expected "
                f"{row['expected_error']:+.1%}, checked {row['checked_error']:+.1%} off; drawn "
                f"{row['drawn_right']:.1%} of {row['drawn']} right, open {row['open_right']:.1%}; "
                f"mended {row['mended_of_changed']:.2f} of what changed"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few rows, one run")
    parser.add_argument("--json", type=Path, metavar="FILE", help="results")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="SVG of the last set")
    parser.add_argument("--seeds", type=int, default=2, help="runs of each order")
    parser.add_argument("--every", type=int, default=100, help="answers before a training")
    parser.add_argument("--only", nargs="+", default=SETS, choices=SETS, help="sets, by name")
    parser.add_argument("--orders", nargs="+", default=list(KINDS), choices=KINDS)
    options = parser.parse_args()
    sets, orders, seeds, every = options.only, options.orders, options.seeds, options.every
    if options.quick:
        sets, orders, seeds, every = [TOPICS], ["teach", "random"], 1, 50
    rows: dict[str, list[dict[str, Any]]] = {}
    for name in sets:
        data = load(name, 400 if options.quick else 1500)
        keras.utils.set_random_seed(0)
        features = fit_features(data.texts)
        answers = 100 if options.quick else ANSWERS[name]
        results: dict[str, list[list[dict[str, Any]]]] = {}
        for seed in range(seeds):
            for kind in orders:
                run = list(simulate(data, kind, seed, features, answers=answers, every=every))
                results.setdefault(kind, []).append(run)
                rows[f"{name}, {kind}"] = summary(f"{name}, {kind}", results[kind])
                if options.json:
                    content = {
                        "command": shlex.join(["python", *sys.argv]),
                        "rows": [row for found in rows.values() for row in found],
                    }
                    with atomic_write(options.json) as file:
                        file.write((json.dumps(content, indent=1) + "\n").encode())
                if options.plot:
                    plot(options.plot, name, results)
    show(Console(width=180), [row for found in rows.values() for row in found])


if __name__ == "__main__":
    main()
