"""Several labels a row, beside what one would use instead.

Of each set a pool of texts is drawn; in each draw some of them are annotated in full, and every
method is judged on the others, whose annotations were hidden:

  tfp_dgm, tfp_dgm + MiniLM    as `dgm label --multi-label` does, without an encoder and with one
  ... + names                  the same with `--classes`, of names alone
  TF-IDF + LR, MiniLM + LR     a logistic regression of each class on the annotated rows; yes from
                               a half on
  ... + balanced LR            the same, where rows with the class weigh as much as those without
  SetFit                       MiniLM tuned on pairs of annotated texts, then a regression of each
                               class; where SETFIT_PYTHON in the environment names a Python that
                               has it

The sets: go_emotions (comments with up to 28 emotions), W-NUT 2017 (sentences, with the types of
names in them), and Flickr8k (a caption, with which of 20 words the four other captions of its
picture have). Emotions were looked at while the predictor was built, in other rows and draws; the
other two sets were not. What is accepted was chosen on other rows, newsgroups, and captions of
Flickr30k (which holds most pictures of Flickr8k: 105 or more of the 2,000 of its pool are here).

    TFP_DGM_DATA=DIR python benchmarks/multi_label_quality.py \
        --json benchmarks/results/multi_label_quality.json

Printed, as means over draws with their spread: micro and macro F1 (of classes that occur), rows of
which everything is right, expected calibration error of all probabilities, CPU seconds of all but
the features; and at 80 % and 95 % asked precision what is accepted of the labels that are predicted
and of the rows, and how many accepting classes and runs kept it. Beside these counts stand, in
brackets, those to be expected by chance if each accepted answer were right with exactly its stated
probability, and if each were with the one asked for. With `--json`, what the file holds already is
not measured again.
"""

import argparse
import gzip
import json
import os
import re
import resource
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from exits.missing import end_for_want_of, wanting
from peers.setfit_runs import SETFIT, setfit_at_hand, setfit_probabilities
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from tfp_dgm.data import (
    ClassDefinition,
    ClassDefinitions,
    DataError,
    atomic_write,
    fetch,
    read_json,
)
from tfp_dgm.evaluation import expected_calibration_error
from tfp_dgm.labelling import Features, fit_features, sentence_vectors
from tfp_dgm.labelling.multi_label import fit_multi_label
from tfp_dgm.networks import SentenceEncoder

PRECISIONS = (0.8, 0.95)
POOL, ANNOTATED = 2000, (60, 600)
QUICK_POOL, QUICK_ANNOTATED = 500, (150,)
# Draws 0 to 9 are for choosing, and those up to 19 have shown which promises were broken.
FIRST_DRAW = 20
METHODS = 8  # Without SetFit.
THINGS = [
    *("man", "woman", "boy", "girl", "child", "people", "dog", "shirt", "hat", "ball", "bike"),
    *("water", "grass", "snow", "beach", "street", "red", "blue", "white", "black"),
]

Rows = list[tuple[str, set[str]]]
Run = tuple[str, str, int, int]  # A set, a method, a draw, and how many rows are annotated.


def emotions(folder: Path) -> Rows:
    names = (folder / "go_emotions/labels.txt").read_text("utf-8").split()
    rows = []
    for line in lines(folder / "go_emotions/test.tsv.gz"):
        text, numbers, _ = line.split("\t")
        rows.append((text, {names[int(number)] for number in numbers.split(",")}))
    return rows


def entities(folder: Path) -> Rows:
    rows: Rows = []
    words: list[str] = []
    types: set[str] = set()
    for line in [*lines(folder / "wnut17/wnut17train.conll.gz"), ""]:
        if line.strip():
            word, tag = line.split("\t")[:2]
            words.append(word)
            types |= {tag[2:]} - {""}
        elif words:
            rows.append((" ".join(words), types))
            words, types = [], set()
    return rows


def captions(folder: Path) -> Rows:
    of_picture: dict[str, list[str]] = {}
    for line in lines(folder / "flickr8k/Flickr8k.token.txt.gz"):
        name, caption = line.split("\t")
        of_picture.setdefault(name.split("#")[0], []).append(caption)
    return [
        (
            first,
            {thing for thing in THINGS if thing in re.findall("[a-z]+", " ".join(rest).lower())},
        )
        for first, *rest in of_picture.values()
    ]


def lines(path: Path) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return file.read().split("\n")[:-1]


SETS: dict[str, Callable[[Path], Rows]] = {
    "emotions, other rows chosen on": emotions,
    "entities": entities,
    "captions": captions,
}


def load(name: str, folder: Path, pool: int) -> tuple[list[str], np.ndarray, list[str]]:
    """Texts [N], whether each class applies bool [N, K], and the classes."""
    with wanting(FileNotFoundError):
        rows = SETS[name](folder)
    kept = np.random.default_rng(0).permutation(len(rows))[:pool]
    classes = sorted(set().union(*(labels for _, labels in rows)))
    truth = np.array([[name in rows[row][1] for name in classes] for row in kept])
    return [rows[row][0] for row in kept], truth, classes


def product(
    texts: list[str],
    truth: np.ndarray,
    classes: list[str],
    annotated: np.ndarray,
    features: Features,
    seed: int,
    definitions: ClassDefinitions | None = None,
) -> dict[str, Any]:
    """The figures of the package's predictor."""
    marks = np.full(truth.shape, -1, np.int8)
    marks[annotated] = truth[annotated]
    hidden = np.delete(np.arange(len(texts)), annotated)
    figures: dict[str, Any] = {}
    for precision in PRECISIONS:
        start = time.process_time()
        _, outcome = fit_multi_label(
            texts,
            marks,
            classes,
            min_precision=precision,
            seed=seed,
            features=features,
            definitions=definitions,
        )
        seconds = time.process_time() - start
        right = (outcome.predicted == truth).all(axis=1)[hidden]
        rows, labels = outcome.accepted_rows[hidden], outcome.accepted[hidden]
        hits = (labels & truth[hidden]).sum(axis=0)
        accepting = labels.any(axis=0)
        kept = hits[accepting] >= precision * labels.sum(axis=0)[accepting] - 1e-9
        stated = [outcome.constrained[hidden][labels[:, k], k] for k in np.flatnonzero(accepting)]
        whole = [outcome.row_probability[hidden][rows]] if rows.any() else []
        figures |= {
            f"labels_{precision:.0%}": float(
                labels.sum() / max(1, outcome.predicted[hidden].sum())
            ),
            f"labels_precision_{precision:.0%}": share(hits.sum(), labels.sum()),
            f"classes_{precision:.0%}": int(accepting.sum()),
            f"classes_kept_{precision:.0%}": int(kept.sum()),
            **by_chance("classes", stated, precision),
            f"rows_{precision:.0%}": float(rows.mean()),
            f"rows_precision_{precision:.0%}": share(right[rows].sum(), rows.sum()),
            **by_chance("runs", whole, precision),
        }
    probabilities, predicted = outcome.probabilities[hidden], outcome.predicted[hidden]
    return quality(probabilities, predicted, truth[hidden]) | {"seconds": seconds} | figures


def by_chance(of: str, stated: list[np.ndarray], precision: float) -> dict[str, float]:
    """How many sets would keep the promise, if answers were right as stated, or just as asked."""
    return {
        f"{of}_{name}_{precision:.0%}": float(sum(chance(p, precision) for p in probabilities))
        for name, probabilities in (
            ("stated", stated),
            ("asked", [np.full(len(p), precision) for p in stated]),
        )
    }


def chance(probabilities: np.ndarray, precision: float) -> float:
    """That the share asked for of independent answers is right (Poisson's binomial)."""
    of_hits = np.ones(1)
    for p in probabilities.astype(float):
        of_hits = np.append(of_hits * (1 - p), 0) + np.append(0, of_hits * p)
    return float(of_hits[int(np.ceil(precision * len(probabilities) - 1e-9)) :].sum())


def regressions(
    vectors: Any, truth: np.ndarray, annotated: np.ndarray, weight: str | None
) -> dict[str, Any]:
    """The figures of one logistic regression a class."""
    start = time.process_time()
    hidden = np.delete(np.arange(len(truth)), annotated)
    probabilities = np.zeros((len(hidden), truth.shape[1]))
    for k in range(truth.shape[1]):
        given = truth[annotated, k]
        if given.min() == given.max():
            probabilities[:, k] = given[0]
            continue
        model = LogisticRegression(C=10, max_iter=1000, class_weight=weight)
        model.fit(vectors[annotated], given)
        probabilities[:, k] = model.predict_proba(vectors[hidden])[:, 1]
    seconds = time.process_time() - start
    return quality(probabilities, probabilities >= 0.5, truth[hidden]) | {"seconds": seconds}


def setfit(
    encoder: str, texts: list[str], truth: np.ndarray, annotated: np.ndarray, seed: int
) -> dict[str, Any]:
    """The figures of SetFit, a regression a class; the seconds are those of its process."""
    hidden = np.delete(np.arange(len(texts)), annotated)
    start = seconds_of_children()
    probabilities = setfit_probabilities(
        encoder,
        [texts[row] for row in annotated],
        truth[annotated].astype(int),
        [texts[row] for row in hidden],
        seed,
    )
    seconds = seconds_of_children() - start
    return quality(probabilities, probabilities >= 0.5, truth[hidden]) | {"seconds": seconds}


def seconds_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def quality(probabilities: np.ndarray, predicted: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    occurs = truth.any(axis=0)
    two = np.stack([1 - probabilities.ravel(), probabilities.ravel()], axis=1)
    f1 = {
        f"{average}_f1": float(
            f1_score(truth[:, occurs], predicted[:, occurs], average=average, zero_division=0)
        )
        for average in ("micro", "macro")
    }
    return f1 | {
        "rows_right": float((predicted == truth).all(axis=1).mean()),
        "ece": expected_calibration_error(two, truth.ravel().astype(int)),
    }


def share(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None


def methods(
    name: str,
    folder: Path,
    draws: range,
    pool: int,
    sizes: Sequence[int],
    with_setfit: bool,
    known: set[Run],
) -> Iterator[dict[str, Any]]:
    """For each draw, the figures of every method whose runs are not known yet."""
    texts, truth, classes = load(name, folder, pool)
    with wanting(DataError):
        encoder = str(fetch("minilm"))
    plain, encoded = fit_features(texts), fit_features(texts, encoder=encoder)
    words = TfidfVectorizer(sublinear_tf=True, min_df=2).fit_transform(texts)
    vectors = sentence_vectors(SentenceEncoder.from_preset(encoder), texts)
    named = ClassDefinitions(tuple(map(ClassDefinition, classes)))
    for seed, size in [(seed, size) for seed in draws for size in sizes]:
        annotated = np.random.default_rng(seed).permutation(len(texts))[:size]
        ours = partial(product, texts, truth, classes, annotated, seed=seed)
        runs: dict[str, Callable[[], dict[str, Any]]] = {
            "tfp_dgm": partial(ours, features=plain),
            "tfp_dgm + MiniLM": partial(ours, features=encoded),
            "tfp_dgm + names": partial(ours, features=plain, definitions=named),
            "tfp_dgm + MiniLM + names": partial(ours, features=encoded, definitions=named),
        }
        for kind, inputs in (("TF-IDF", words), ("MiniLM", vectors)):
            for label, weight in ((f"{kind} + LR", None), (f"{kind} + balanced LR", "balanced")):
                runs[label] = partial(regressions, inputs, truth, annotated, weight)
        if with_setfit:
            runs[SETFIT] = partial(setfit, encoder, texts, truth, annotated, seed)
        for method, figures in runs.items():
            if (name, method, seed, size) not in known:
                told = {"data": name, "method": method, "draw": seed, "annotated": size}
                yield told | figures()


def summary(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row for each set and method: means and spreads, and the promises kept."""
    rows = []
    kinds = dict.fromkeys((run["data"], run["annotated"], run["method"]) for run in runs)
    for data, size, method in sorted(kinds, key=lambda kind: kind[:2]):
        kind = data, size, method
        same = [run for run in runs if (run["data"], run["annotated"], run["method"]) == kind]
        row: dict[str, Any] = {"name": f"{data}, {size} annotated, {method}", "runs": len(same)}
        for key in dict.fromkeys(key for run in same for key in run):
            values = [run[key] for run in same if run.get(key) is not None]
            if key in ("data", "method", "draw", "annotated"):
                continue
            if key.startswith(("classes_", "runs_")):
                row[key] = sum(values)
                continue
            row[key] = float(np.mean(values)) if values else None
            row[f"{key}_sd"] = float(np.std(values, ddof=1)) if len(values) > 1 else None
        for precision in PRECISIONS:
            key = f"rows_precision_{precision:.0%}"
            judged = [run[key] for run in same if key in run]
            if judged:
                reached = [one for one in judged if one is not None]
                row["judged"] = len(judged)
                row[f"accepting_{precision:.0%}"] = len(reached)
                row[f"kept_{precision:.0%}"] = sum(one >= precision for one in reached)
        rows.append(row)
    return rows


def show(rows: list[dict[str, Any]]) -> None:
    table = Table()
    titles = ["set, method", "micro F1", "macro F1", "rows right", "ECE", "s"]
    for precision in PRECISIONS:
        titles += [f"labels at {precision:.0%}", "classes kept", "rows", "runs kept"]
    for title in titles:
        table.add_column(title, justify="left" if title == titles[0] else "right", no_wrap=True)
    for row in rows:
        cells = [
            f"{row[key]:.1%}" + (f" ±{row[f'{key}_sd']:.1%}" if row[f"{key}_sd"] else "")
            for key in ("micro_f1", "macro_f1", "rows_right", "ece")
        ]
        cells.append(f"{row['seconds']:.1f}")
        for precision in (f"{one:.0%}" for one in PRECISIONS):
            if f"labels_{precision}" not in row:
                cells += ["-"] * 4
                continue
            cells += [
                f"{row[f'labels_{precision}']:.0%}",
                f"{row[f'classes_kept_{precision}']} of {row[f'classes_{precision}']}"
                + in_brackets(row, "classes", precision),
                f"{row[f'rows_{precision}']:.0%}",
                f"{row[f'kept_{precision}']} of {row[f'accepting_{precision}']}"
                + in_brackets(row, "runs", precision),
            ]
        table.add_row(row["name"], *cells)
    Console(width=240).print(table)


def in_brackets(row: dict[str, Any], of: str, precision: str) -> str:
    return f" ({row[f'{of}_stated_{precision}']:.1f}; {row[f'{of}_asked_{precision}']:.1f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one set and one draw, no SetFit")
    parser.add_argument("--json", type=Path, metavar="FILE", help="results")
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("TFP_DGM_DATA"),
        help="folder that holds go_emotions/, wnut17/, flickr8k/; TFP_DGM_DATA in the environment",
    )
    parser.add_argument("--draws", type=int, default=4, help="of annotated rows, of each set")
    parser.add_argument("--first", type=int, default=FIRST_DRAW, help="the first of them")
    parser.add_argument(
        "--annotated", nargs="+", type=int, default=ANNOTATED, help="so many rows in each draw"
    )
    parser.add_argument("--only", nargs="+", default=list(SETS), choices=SETS, help="sets, by name")
    options = parser.parse_args()
    if options.data is None:
        end_for_want_of("--data, or TFP_DGM_DATA in the environment: a folder of data")
    sets, draws = options.only, range(options.first, options.first + options.draws)
    sizes, with_setfit = (POOL, tuple(options.annotated)), setfit_at_hand()
    if options.quick:
        sets, draws, sizes = ["entities"], draws[:1], (QUICK_POOL, QUICK_ANNOTATED)
        with_setfit = False
    runs: list[dict[str, Any]] = []
    if options.json and options.json.is_file():
        runs = read_json(options.json, "runs")["runs"]
    known = {(run["data"], run["method"], run["draw"], run["annotated"]) for run in runs}
    # Sets take turns, so that what is stopped has runs of all.
    asked = Path(options.data), draws, *sizes, with_setfit, known
    turns = zip_longest(*(methods(name, *asked) for name in sets))
    total = len(draws) * len(sizes[1]) * (METHODS + with_setfit)
    for turn in track(turns, "Runs of each set", total, console=Console(stderr=True)):
        runs += [found for found in turn if found is not None]
        if options.json:
            content = {
                "command": shlex.join(["python", *sys.argv]),
                "rows": summary(runs),
                "runs": runs,
            }
            with atomic_write(options.json) as file:
                file.write((json.dumps(content, indent=1) + "\n").encode())
    show(summary(runs))


if __name__ == "__main__":
    main()
