"""Labelling where the labels were not drawn as benchmarks draw them.

Each kind of draw is tried on sets of four topics of 20 Newsgroups and, where a folder is given, of
M10 (titles of papers), with several draws, beside logistic regression on TF-IDF whose classes
weigh alike:

  even        20 labels of each class
  uneven      48, 20, 8 and 4 labels of four classes that are equally frequent
  skewed      the same labels, and the rows are as uneven
  one         30, 30 and 1 labels of three classes that are equally frequent
  copies      20 labels of each class, a quarter of them wrong, each text five times
  slips       50 labels of each class, a tenth of them wrong

    TFP_DGM_DATA=DIR python benchmarks/labelling_draws.py \
        --json benchmarks/results/labelling_draws.json

Printed: accuracy on the hidden rows, recall of the class with fewest labels, calibration error,
what was accepted at 80 % and 95 % precision, and how many of the accepting runs kept it; of the
labels that look wrong, how many are, and how many wrong ones are found, beside cleanlab where that
is installed. The sets of topics named "chosen on" were looked at while the labelling was built; the
others were not.
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
from labelled_sets.splits import read_whole
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from tfp_dgm.data import atomic_write
from tfp_dgm.evaluation import accuracy, expected_calibration_error
from tfp_dgm.labelling import Features, fit_classifier, fit_features

PRECISIONS = (0.8, 0.95)
LABELS = (48, 20, 8, 4)
SLIPS = {"copies": 0.25, "slips": 0.1}
KINDS = ("even", "uneven", "skewed", "one", "copies", "slips")
SETS = {
    "topics A, chosen on": ["comp.graphics", "rec.autos", "sci.med", "talk.politics.guns"],
    "topics B": ["comp.windows.x", "rec.motorcycles", "sci.electronics", "soc.religion.christian"],
    "topics C": [
        "comp.sys.ibm.pc.hardware",
        "comp.os.ms-windows.misc",
        "misc.forsale",
        "talk.politics.misc",
    ],
    "M10, chosen on": ["4", "5", "6", "7"],
    "M10, others": ["0", "2", "8", "9"],
}
ROWS_OF_A_CLASS, FEW_ROWS = 400, 120


def load(name: str, data: Path | None, rows_of_a_class: int) -> tuple[list[str], np.ndarray] | None:
    """Texts and classes 0 to 3 of a set, so many of each at most; None where it is not there."""
    source = "m10" if name.startswith("M10") else "20ng"
    if source == "m10" and data is None:
        return None
    texts, labels = read_whole(source, data)
    rng = np.random.default_rng(0)
    rows = [
        rng.permutation(np.flatnonzero(np.array(labels) == label))[:rows_of_a_class]
        for label in SETS[name]
    ]
    truth = np.repeat(np.arange(len(rows)), [len(part) for part in rows])
    return [texts[row] for row in np.concatenate(rows)], truth


def draw(kind: str, truth: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The rows that are there, copies and all; their classes; the labels given, -1 for none."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    order = rng.permutation(4)  # Which class is the rare one changes from draw to draw.
    counts = {"uneven": LABELS, "skewed": LABELS, "slips": (50,) * 4, "one": (30, 30, 1, 0)}
    shares = {"skewed": np.array(LABELS) / LABELS[0], "one": np.array([1, 1, 1, 0])}
    there, labels = np.zeros(len(truth), bool), np.full(len(truth), -1)
    for place, k in enumerate(order):
        members = rng.permutation(np.flatnonzero(truth == k))
        members = members[: int(len(members) * shares.get(kind, np.ones(4))[place])]
        there[members] = True
        labels[members[: counts.get(kind, (20,) * 4)[place]]] = place
    labelled = np.flatnonzero(labels >= 0)
    if kind in SLIPS:
        wrong = rng.permutation(labelled)[: round(SLIPS[kind] * len(labelled))]
        labels[wrong] = (labels[wrong] + rng.integers(1, 4, len(wrong))) % 4
    rows = np.flatnonzero(there)
    if kind == "copies":
        rows = np.concatenate([rows, np.tile(labelled, 4)])
    return rows, np.argsort(order)[truth[rows]], labels[rows]


def run(
    kind: str, texts: list[str], truth: np.ndarray, seed: int, features: Features
) -> dict[str, dict[str, Any]]:
    """The figures of one draw, by method; `features` are those of all texts."""
    rows, truth, labels = draw(kind, truth, seed)
    if len(rows) != len(texts):
        texts = [texts[row] for row in rows]
        features = fit_features(texts)
    num_classes = int(truth.max()) + 1
    given = labels >= 0
    allowed = np.ones((len(texts), num_classes), bool)
    allowed[given] = np.eye(num_classes, dtype=bool)[labels[given]]
    names = [f"class {k}" for k in range(num_classes)]
    figures: dict[str, Any] = {}
    for precision in PRECISIONS:
        _, outcome = fit_classifier(
            texts, allowed, names, min_precision=precision, seed=seed, features=features
        )
        accepted = outcome.accepted[~given]
        right = outcome.predicted[~given] == truth[~given]
        figures[f"coverage_{precision:.0%}"] = float(accepted.mean())
        figures[f"precision_{precision:.0%}"] = (
            float(right[accepted].mean()) if accepted.any() else None
        )
    wrong, suspects = labels[given] != truth[given], outcome.suspects[given]
    figures |= quality(outcome.constrained[~given], truth[~given], labels)
    if kind in SLIPS:
        figures["suspects_wrong"] = float(wrong[suspects].mean()) if suspects.any() else None
        figures["wrong_found"] = float(suspects[wrong].mean())

    vectorizer = TfidfVectorizer(sublinear_tf=True, min_df=2)
    vectors = vectorizer.fit_transform(texts)
    peer = LogisticRegression(C=10, max_iter=1000, class_weight="balanced")
    peer.fit(vectors[given], labels[given])
    found = quality(peer.predict_proba(vectors[~given]), truth[~given], labels)
    if kind in SLIPS:
        found |= suspects_of_cleanlab(peer, vectors[given], labels[given], wrong)
    return {"tfp_dgm": figures, "TF-IDF + balanced LR": found}


def suspects_of_cleanlab(
    model: LogisticRegression, vectors: Any, labels: np.ndarray, wrong: np.ndarray
) -> dict[str, Any]:
    """What cleanlab, where installed, suspects by the model's cross-validated probabilities."""
    try:
        from cleanlab.filter import find_label_issues
    except ImportError:
        return {}
    probabilities = cross_val_predict(model, vectors, labels, cv=5, method="predict_proba")
    suspects = find_label_issues(labels, probabilities)
    return {
        "suspects_wrong": float(wrong[suspects].mean()) if suspects.any() else None,
        "wrong_found": float(suspects[wrong].mean()),
    }


def quality(probabilities: np.ndarray, truth: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    predicted = probabilities.argmax(axis=1)
    rare = np.bincount(labels[labels >= 0]).argmin()
    return {
        "accuracy": accuracy(predicted, truth),
        "rare_recall": float((predicted == rare)[truth == rare].mean()),
        "ece": expected_calibration_error(probabilities, truth),
    }


def summary(name: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over draws, the spread of the accuracy, and the promises kept."""
    row: dict[str, Any] = {"name": name, "runs": len(runs)}
    for key in runs[0]:
        values = [one[key] for one in runs if one[key] is not None]
        row[key] = float(np.mean(values)) if values else None
    row["accuracy_sd"] = float(np.std([one["accuracy"] for one in runs]))
    for precision in PRECISIONS:
        key = f"precision_{precision:.0%}"
        if key in runs[0]:
            accepting = [one[key] for one in runs if one[key] is not None]
            row[f"accepting_{precision:.0%}"] = len(accepting)
            row[f"kept_{precision:.0%}"] = sum(value >= precision for value in accepting)
    return row


def show(console: Console, rows: list[dict[str, Any]]) -> None:
    table = Table()
    titles = ("draw, set, method", "acc", "rare", "ECE", "at 80 %", "kept", "at 95 %", "kept")
    for title in (*titles, "suspects wrong", "wrong found"):
        table.add_column(title, justify="left" if title == titles[0] else "right", no_wrap=True)

    def percent(row: dict[str, Any], key: str) -> str:
        return "-" if row.get(key) is None else f"{row[key]:.1%}"

    for row in rows:
        cells = [percent(row, key) for key in ("accuracy", "rare_recall", "ece")]
        for precision in ("80%", "95%"):
            kept, accepting = row.get(f"kept_{precision}"), row.get(f"accepting_{precision}")
            cells += [percent(row, f"coverage_{precision}")]
            cells += ["-" if kept is None else f"{kept} of {accepting}"]
        cells += [percent(row, key) for key in ("suspects_wrong", "wrong_found")]
        table.add_row(row["name"], *cells)
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="one set of few rows, two kinds, one draw"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="results")
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("TFP_DGM_DATA"),
        help="folder that holds octis_m10/; TFP_DGM_DATA in the environment",
    )
    parser.add_argument("--draws", type=int, default=3, help="of each kind on each set")
    parser.add_argument("--only", nargs="+", default=list(SETS), choices=SETS, help="sets, by name")
    options = parser.parse_args()
    sets, kinds, draws, size = options.only, KINDS, options.draws, ROWS_OF_A_CLASS
    if options.quick:
        sets, kinds, draws, size = sets[:1], KINDS[:2], 1, FEW_ROWS
    rows = []
    for name in sets:
        found = load(name, options.data and Path(options.data), size)
        if found is None:
            continue
        features = fit_features(found[0])
        for kind in track(kinds, name, console=Console(stderr=True)):
            runs = [run(kind, *found, seed, features) for seed in range(draws)]
            for method in runs[0]:
                label = f"{kind}, {name}, {method}"
                rows.append(summary(label, [one[method] for one in runs]))
                if options.json:
                    content = {"command": shlex.join(["python", *sys.argv]), "rows": rows}
                    with atomic_write(options.json) as file:
                        file.write((json.dumps(content, indent=1) + "\n").encode())
    show(Console(width=160), rows)


if __name__ == "__main__":
    main()
