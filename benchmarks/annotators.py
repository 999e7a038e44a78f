"""The truths behind the answers of several annotators, with and without the texts.

Answers of a crowd without texts are read from DIR (`crowd/{rte,web}_{crowd,truth}.txt`): 800 pairs
of sentences by 164 annotators (two classes), and 2,665 pairs of a query and a page by 177 (five, in
an order). So is sentence polarity (`pang_lee/sentence_polarity/rt-polarity.{neg,pos}.txt.gz`):
2,400 sentences of each draw, 1,400 of which three of eight simulated annotators answered; five of
them know something, one guesses, one says the same always, and one is systematically wrong.

    TFP_DGM_DATA=DIR python benchmarks/annotators.py --json benchmarks/results/annotators.json

Methods: the most frequent answer, ties drawn; crowd-kit's `DawidSkene`, where that is installed;
ours on the answers alone; and ours with the classifier's p(y | text) as prior. Printed: accuracy of
the inferred truths, what they claim on average, and how many verdicts on simulated annotators are
right; for polarity also the classifier's accuracy on the other 1,000 sentences, what it claims of
them, and what it accepted at 80 % precision. The strength of the pool was chosen on `rte` and `web`
(8 and more were worse on both than 1 and 2, which are alike), the number of rounds on draws 0 to 5
of polarity (3,000 sentences), which are not reported.
"""

import argparse
import gzip
import json
import os
import shlex
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from exits.missing import end_for_want_of
from rich.console import Console
from rich.table import Table

from tfp_dgm.data import atomic_write
from tfp_dgm.labelling import Answers, fit_classifier, fit_features, fit_from_answers
from tfp_dgm.labelling.annotators import Crowd, Reliability, fit_dawid_skene, reliabilities

CROWDS = ("rte", "web")
FIRST_SEED = 10
MIN_PRECISION = 0.8
ROWS, ANSWERED, ANSWERS_OF_A_ROW = 2400, 1400, 3
# p(answer | class) of the simulated annotators.
CONFUSIONS = np.array(
    [
        [[0.85, 0.15], [0.2, 0.8]],
        [[0.75, 0.25], [0.25, 0.75]],
        [[0.9, 0.1], [0.45, 0.55]],
        [[0.7, 0.3], [0.25, 0.75]],
        [[0.8, 0.2], [0.3, 0.7]],
        [[0.5, 0.5], [0.5, 0.5]],
        [[1.0, 0.0], [1.0, 0.0]],
        [[0.15, 0.85], [0.8, 0.2]],
    ]
)
NAMES = ("careful", "fair", "strict", "middling", "good", "guesses", "always the same", "wrong")
KINDS = dict.fromkeys(NAMES, "reliable") | {
    "guesses": "spammer",
    "always the same": "spammer",
    "wrong": "adversary",
}


def load_crowd(name: str, data: Path) -> tuple[Answers, np.ndarray]:
    """Answers, and the truths [N]; -1 where none is known."""
    row, annotator, label = np.loadtxt(data / f"crowd/{name}_crowd.txt", int).T - 1
    known, truth = np.loadtxt(data / f"crowd/{name}_truth.txt", int).T - 1
    names = [str(number + 1) for number in range(annotator.max() + 1)]
    answers = Answers(row, annotator, label, int(row.max()) + 1, int(label.max()) + 1, names)
    truths = np.full(answers.num_rows, -1)
    truths[known] = truth
    return answers, truths


def polarity(data: Path, seed: int) -> tuple[list[str], np.ndarray, Answers]:
    """Sentences, their classes, and simulated answers to the first of them."""
    texts: list[str] = []
    for label in ("neg", "pos"):
        path = data / f"pang_lee/sentence_polarity/rt-polarity.{label}.txt.gz"
        texts += gzip.decompress(path.read_bytes()).decode("latin-1").splitlines()
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(texts))[:ROWS]
    truth = (order >= len(texts) // 2).astype(int)
    who = [rng.permutation(len(NAMES))[:ANSWERS_OF_A_ROW] for _ in range(ANSWERED)]
    annotator = np.concatenate(who)
    row = np.repeat(np.arange(ANSWERED), ANSWERS_OF_A_ROW)
    label = (rng.random(len(row)) < CONFUSIONS[annotator, truth[row], 1]).astype(int)
    return [texts[n] for n in order], truth, Answers(row, annotator, label, ROWS, 2, NAMES)


def votes(answers: Answers, seed: int) -> np.ndarray:
    """The shares of the answers, ties drawn."""
    drawn = 1e-6 * np.random.default_rng(seed).random(answers.votes.shape)
    counts = answers.votes + drawn
    return counts / counts.sum(axis=1, keepdims=True)


def of_crowd_kit(answers: Answers) -> np.ndarray | None:
    """p(y | answers) by crowd-kit; None where it is not installed."""
    try:
        import pandas as pd
        from crowdkit.aggregation import DawidSkene
    except ImportError:
        return None
    table = pd.DataFrame({"task": answers.row, "worker": answers.annotator, "label": answers.label})
    found = DawidSkene(n_iter=100).fit_predict_proba(table)
    probabilities = np.zeros((answers.num_rows, answers.num_classes))
    probabilities[np.ix_(found.index, found.columns)] = found.to_numpy()
    return probabilities


def of_truths(probabilities: np.ndarray, truth: np.ndarray, rows: np.ndarray) -> dict[str, float]:
    """How often the inferred truths of some rows are right, and how often they claim to be."""
    chosen = probabilities[rows]
    return {
        "truths": float((chosen.argmax(axis=1) == truth[rows]).mean()),
        "truths_claimed": float(chosen.max(axis=1).mean()),
    }


def without_texts(
    answers: Answers, truth: np.ndarray, seed: int
) -> Iterator[tuple[str, np.ndarray, dict[str, Any]]]:
    """Name, probabilities and figures of each method that sees the answers alone."""
    rows = answers.answered & (truth >= 0)
    for name, method in (
        ("majority vote", lambda: votes(answers, seed)),
        ("crowd-kit, Dawid-Skene", lambda: of_crowd_kit(answers)),
    ):
        start = time.perf_counter()
        found = method()
        seconds = time.perf_counter() - start
        if found is not None:
            yield name, found, of_truths(found, truth, rows) | {"seconds": seconds}
    start = time.perf_counter()
    model = fit_dawid_skene(answers)
    found = model.posterior(answers)
    figures: dict[str, Any] = of_truths(found, truth, rows)
    figures["seconds"] = time.perf_counter() - start
    judged = reliabilities(model, answers)
    figures |= of_annotators(judged, answers, truth)
    yield "tfp_dgm, answers alone", found, figures


def of_annotators(
    judged: Sequence[Reliability], answers: Answers, truth: np.ndarray
) -> dict[str, Any]:
    """The verdicts, how many of those on simulated annotators are right, and of the intervals."""
    known = truth[answers.row] >= 0
    right, held = answers.label == truth[answers.row], []
    for one in judged:
        mine = known & (answers.annotator == answers.names.index(one.name))
        if mine.any():
            held.append(one.low <= right[mine].mean() <= one.high)
    figures: dict[str, Any] = {
        "verdicts": dict(Counter(one.verdict for one in judged)),
        "interval_held": float(np.mean(held)),
    }
    if tuple(answers.names) == NAMES:
        figures["verdicts_right"] = float(
            np.mean([one.verdict == KINDS[one.name] for one in judged])
        )
    return figures


def with_texts(seed: int, data: Path) -> dict[str, dict[str, Any]]:
    """The figures of one draw of polarity, by method."""
    texts, truth, answers = polarity(data, seed)
    keras.utils.set_random_seed(seed)
    features = fit_features(texts, seed=seed)
    options: Any = {"features": features, "seed": seed, "min_precision": MIN_PRECISION}
    rest = np.arange(ROWS) >= ANSWERED
    figures = {}
    for name, found, row in without_texts(answers, truth, seed):
        allowed = np.eye(2, dtype=bool)[found.argmax(axis=1)]
        allowed[rest] = True
        _, outcome = fit_classifier(texts, allowed, ["neg", "pos"], **options)
        figures[name] = row | of_classifier(outcome, truth, rest)
    start = time.perf_counter()
    _, outcome = fit_from_answers(texts, answers, ["neg", "pos"], **options)
    crowd = outcome.crowd
    assert isinstance(crowd, Crowd)
    figures["tfp_dgm, answers and texts"] = {
        **of_truths(crowd.truth, truth, answers.answered),
        "seconds": time.perf_counter() - start,
        **of_annotators(crowd.annotators, answers, truth),
        **of_classifier(outcome, truth, rest),
    }
    return figures


def of_classifier(outcome: Any, truth: np.ndarray, rest: np.ndarray) -> dict[str, Any]:
    """What the classifier is worth on rows that nobody answered."""
    right, accepted = (outcome.predicted == truth)[rest], outcome.accepted[rest]
    return {
        "accuracy": float(right.mean()),
        "claimed": float(outcome.confidence[rest].mean()),
        "coverage": float(accepted.mean()),
        "precision": float(right[accepted].mean()) if accepted.any() else None,
    }


def summary(data: str, method: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over the draws, and how many accepting ones kept the precision asked for."""
    row: dict[str, Any] = {"data": data, "method": method, "draws": len(runs)}
    for key in runs[0]:
        values = [run[key] for run in runs if run[key] is not None]
        if key == "verdicts":
            row[key] = dict(sum((Counter(value) for value in values), Counter()))
        else:
            row[key] = float(np.mean(values)) if values else None
    if "precision" in runs[0]:
        accepting = [run["precision"] for run in runs if run["precision"] is not None]
        row |= {"accepting": len(accepting)}
        row |= {"kept": sum(value >= MIN_PRECISION for value in accepting)}
        row |= {"truths_of_draws": [run["truths"] for run in runs]}
    return row


def show(rows: list[dict[str, Any]]) -> None:
    table = Table()
    titles = {
        "truths": "truths right",
        "truths_claimed": "claimed",
        "verdicts_right": "verdicts right",
        "interval_held": "intervals that hold",
        "accuracy": "others right",
        "claimed": "claimed",
        "coverage": "accepted",
        "precision": "of these right",
    }
    for title in ("data", "method", *titles.values(), "kept"):
        table.add_column(title, justify="left" if title in ("data", "method") else "right")
    for row in rows:
        cells = ["-" if row.get(key) is None else f"{row[key]:.1%}" for key in titles]
        kept = f"{row['kept']} of {row['accepting']}" if row.get("accepting") else "-"
        table.add_row(row["data"], row["method"], *cells, kept)
    Console(width=150).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one draw of polarity")
    parser.add_argument("--json", type=Path, metavar="FILE", help="results")
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("TFP_DGM_DATA"),
        help="folder that holds crowd/ and pang_lee/; TFP_DGM_DATA in the environment",
    )
    parser.add_argument("--draws", type=int, default=5, help="of polarity's annotators")
    options = parser.parse_args()
    if options.data is None:
        end_for_want_of("a folder with crowd/ and pang_lee/: --data, or TFP_DGM_DATA")
    data = Path(options.data)
    rows = []
    for name in CROWDS:
        for method, _, figures in without_texts(*load_crowd(name, data), seed=0):
            rows.append(summary(name, method, [figures]))
    runs: dict[str, list[dict[str, Any]]] = {}
    for seed in range(FIRST_SEED, FIRST_SEED + (1 if options.quick else options.draws)):
        print(f"polarity, draw {seed}", file=sys.stderr)
        for method, figures in with_texts(seed, data).items():
            runs.setdefault(method, []).append(figures)
    rows += [summary("polarity", method, of_method) for method, of_method in runs.items()]
    if options.json:
        named = [{"name": f"{row['data']}, {row['method']}", **row} for row in rows]
        content = {"command": shlex.join(["python", *sys.argv]), "rows": named}
        with atomic_write(options.json) as file:
            file.write((json.dumps(content, indent=1) + "\n").encode())
    show(rows)


if __name__ == "__main__":
    main()
