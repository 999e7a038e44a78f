"""Labelling that begins from what is said of the classes, with no labels or a few.

Each set has a file of definitions in `settings/class_definitions/`, written from the names of the
classes and from what is commonly known of them, not from texts of the set. 0 to 5 labels of each
class are drawn; methods are judged on all rows that stay hidden:

  tfp_dgm               as `dgm label` does
  tfp_dgm, defined      as `dgm label --classes FILE` does
  TF-IDF, defined       the definition whose TF-IDF vector is nearest; from the first label on,
                        logistic regression on labels and definitions
  MiniLM, defined       the same on sentence vectors
  tfp_dgm + MiniLM, defined

    TFP_DGM_DATA=DIR python benchmarks/class_definitions.py \\
        --json benchmarks/results/class_definitions.json

MiniLM is read as it is: to tune it, as the command would from 50 labels on, takes minutes, and
tells nothing of definitions.

Printed: accuracy and macro F1; what may be accepted at 90 % precision, as a class or, where the
definitions are a tree, as a class or a group, and how many of these answers are right. What a
definition counts was chosen on r8 and 20ng, and which texts are like it on these, r52 and
subjectivity, mostly on other draws; that words count beside MiniLM, on draws 10 and 11. With
`--json`, draws of a set that the file holds in full are not measured again. R8, R52 and 20NG come
through the registry; SMS spam, polarity, subjectivity and emotions (comments with one of twelve
emotions) are read from DIR.
"""

import argparse
import json
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from exits.missing import wanting
from labelled_sets.draws import drawn_rows
from labelled_sets.splits import read_whole
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from tfp_dgm.data import (
    ClassDefinitions,
    DataError,
    atomic_write,
    fetch,
    read_class_definitions,
    read_json,
)
from tfp_dgm.evaluation import accuracy, macro_f1
from tfp_dgm.labelling import Features, Outcome, fit_classifier, fit_features
from tfp_dgm.labelling import sentence_vectors as encode
from tfp_dgm.labelling.guides import Guides
from tfp_dgm.networks import SentenceEncoder

SETS = ("r8", "20ng", "r52", "sms", "polarity", "subjectivity", "emotions")
LABELS = (0, 1, 2, 5)
ROWS = 3000
FIRST_SEED = 10
MIN_PRECISION = 0.9
FIGURES = ("accuracy", "macro_f1", "accepted", "accepted_right", "safe", "safe_right")
DEFINITIONS = Path(__file__).parent / "settings" / "class_definitions"


def load(name: str, classes: tuple[str, ...], data: Path | None) -> tuple[list[str], list[str]]:
    """Texts and their classes."""
    texts, labels = read_whole(name, data)
    rows = [row for row, label in enumerate(labels) if label in classes]
    return [texts[row] for row in rows], [labels[row] for row in rows]


def draw(truth: np.ndarray, labels_per_class: int, num_classes: int, seed: int) -> np.ndarray:
    """bool [N, K]; the labels that are given, of each class as many as it has."""
    rng = np.random.default_rng(seed)
    allowed = np.ones((len(truth), num_classes), bool)
    rows = drawn_rows(truth, labels_per_class, rng)
    allowed[rows] = np.arange(num_classes) == truth[rows, np.newaxis]
    return allowed


class Problem:
    """A draw of rows of one set, with all that does not depend on the labels."""

    def __init__(self, name: str, data: Path | None, rows: int, seed: int, encoder: str | None):
        self.definitions: ClassDefinitions = read_class_definitions(DEFINITIONS / f"{name}.yaml")
        classes = self.definitions.classes
        texts, labels = load(name, classes, data)
        chosen = np.random.default_rng(seed).permutation(len(texts))[:rows]
        self.texts = [texts[row] for row in chosen]
        self.truth = np.array([classes.index(labels[row]) for row in chosen])
        self.guides = Guides.of(self.definitions)
        self.seed = seed
        self.features: dict[str, Features] = {"tfp_dgm": fit_features(self.texts, seed=seed)}
        both = [*self.texts, *self.guides.texts]
        tf_idf = TfidfVectorizer(sublinear_tf=True).fit(both)
        self.vectors = {"TF-IDF": tf_idf.transform(both)}
        if encoder is not None:
            self.features["tfp_dgm + MiniLM"] = fit_features(self.texts, encoder=encoder, seed=seed)
            vectors = encode(SentenceEncoder.from_preset(encoder), both)
            self.vectors["MiniLM"] = vectors

    def methods(self, allowed: np.ndarray) -> Iterator[tuple[str, dict[str, Any]]]:
        """The figures of each method, given the labels."""
        hidden = allowed.all(axis=1)
        for name, features in self.features.items():
            for definitions in (None, self.definitions):
                if definitions is None and hidden.all():
                    continue
                _, outcome = fit_classifier(
                    self.texts,
                    allowed,
                    self.definitions.classes,
                    features=features,
                    definitions=definitions,
                    min_precision=MIN_PRECISION,
                    tune_encoder=False,
                    seed=self.seed,
                )
                yield (
                    name if definitions is None else f"{name}, defined",
                    self._quality(outcome.predicted, hidden) | self._safe(outcome, hidden),
                )
        for name, vectors in self.vectors.items():
            yield f"{name}, defined", self._quality(self._nearest(vectors, allowed), hidden)

    def _nearest(self, vectors: Any, allowed: np.ndarray) -> np.ndarray:
        """By the nearest definition or, where there are labels, by logistic regression on both."""
        single = self.guides.allowed.sum(axis=1) == 1
        guides, classes = vectors[len(self.texts) :][single], self.guides.allowed[single]
        given = np.flatnonzero(~allowed.all(axis=1))
        if not len(given):
            similar = vectors[: len(self.texts)] @ guides.T
            similar = np.asarray(similar.todense() if hasattr(similar, "todense") else similar)
            return classes[similar.argmax(axis=1)].argmax(axis=1)
        rows = np.concatenate([given, len(self.texts) + np.flatnonzero(single)])
        labels = np.concatenate([allowed[given], classes]).argmax(axis=1)
        model = LogisticRegression(C=10, class_weight="balanced", max_iter=1000)
        return model.fit(vectors[rows], labels).predict(vectors[: len(self.texts)])

    def _quality(self, predicted: np.ndarray, hidden: np.ndarray) -> dict[str, float]:
        return {
            "accuracy": accuracy(predicted[hidden], self.truth[hidden]),
            "macro_f1": macro_f1(predicted[hidden], self.truth[hidden]),
        }

    def _safe(self, outcome: Outcome, hidden: np.ndarray) -> dict[str, float | None]:
        """Shares that are accepted, and how many of the accepted are right at their level."""
        right = outcome.predicted == self.truth
        as_class = outcome.safe_level == 0
        for number, judged in enumerate(outcome.levels, start=1):
            rows = outcome.safe_level == number
            group = judged.level.group[self.truth[rows]]
            right[rows] = outcome.of_groups(number)[rows].argmax(axis=1) == group
        safe = outcome.safe_level >= 0
        return {
            "accepted": float(as_class[hidden].mean()),
            "accepted_right": _mean(right[as_class]),
            "safe": float(safe[hidden].mean()),
            "safe_right": _mean(right[safe]),
        }


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None


def rows_of(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row of each set, number of labels and method: means and deviations over the draws."""
    rows = []
    keys = dict.fromkeys((run["data"], run["labels"], run["method"]) for run in runs)
    for name, labels, method in keys:
        draws = [
            run
            for run in runs
            if (run["data"], run["labels"], run["method"]) == (name, labels, method)
        ]
        row: dict[str, Any] = {"name": f"{name}, {labels} labels, {method}", "draws": len(draws)}
        for figure in [figure for figure in FIGURES if figure in draws[0]]:
            values = np.array([one[figure] for one in draws if one[figure] is not None])
            row[figure] = float(values.mean()) if len(values) else None
            row[f"{figure}_deviation"] = float(values.std(ddof=1)) if len(values) > 1 else None
        if "safe_right" in draws[0]:
            accepting = [one["safe_right"] for one in draws if one["safe_right"] is not None]
            row["accepting"] = len(accepting)
            row["kept"] = int(sum(right >= MIN_PRECISION for right in accepting))
        rows.append(row)
    return rows


def show(rows: list[dict[str, Any]]) -> None:
    """Prints the rows."""
    figures = [name for name in FIGURES if name != "accepted_right"]
    table = Table("", *figures, "kept")
    for row in rows:
        shown = [_percent(row.get(figure), row.get(f"{figure}_deviation")) for figure in figures]
        kept = f"{row['kept']} of {row['accepting']}" if "kept" in row else ""
        table.add_row(row["name"], *shown, kept)
    Console(width=140).print(table)


def _percent(value: float | None, deviation: float | None) -> str:
    if value is None:
        return ""
    return f"{100 * value:.1f}" + ("" if deviation is None else f" ± {100 * deviation:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one draw of few rows and labels, r8")
    parser.add_argument("--json", type=Path, metavar="FILE", help="results")
    parser.add_argument("--only", action="append", choices=SETS, help="a set; several times")
    parser.add_argument("--seeds", type=int, default=3, help="draws of rows and labels")
    parser.add_argument("--no-encoder", action="store_true", help="leaves MiniLM out")
    arguments = parser.parse_args()
    data = os.environ.get("TFP_DGM_DATA")
    names = ["r8"] if arguments.quick else arguments.only or list(SETS)
    if data is None:
        names = [name for name in names if name in ("r8", "r52", "20ng")]
    encoder = None
    if not (arguments.quick or arguments.no_encoder):
        with wanting(DataError):
            encoder = str(fetch("minilm"))
    seeds = range(FIRST_SEED, FIRST_SEED + (1 if arguments.quick else arguments.seeds))
    labels = (2,) if arguments.quick else LABELS
    size = {"rows_drawn": 600 if arguments.quick else ROWS, "encoder": encoder is not None}
    runs: list[dict[str, Any]] = []
    if arguments.json and arguments.json.is_file():
        earlier = read_json(arguments.json, "runs").get("runs", [])
        runs = [run for run in earlier if size.items() <= run.items()]  # No others are mixed in.
    known = {(run["data"], run["seed"]) for run in runs}
    tasks = [(name, seed) for name in names for seed in seeds if (name, seed) not in known]
    for name, seed in track(tasks, "Labelling", console=Console(stderr=True)):
        where = None if data is None else Path(data)
        problem = Problem(name, where, size["rows_drawn"], seed, encoder)
        for count in labels:
            allowed = draw(problem.truth, count, len(problem.definitions.classes), seed)
            run = {"data": name, "seed": seed, "labels": count, **size}
            runs += [run | {"method": method} | told for method, told in problem.methods(allowed)]
        if arguments.json:
            command = shlex.join(["python", "benchmarks/class_definitions.py", *sys.argv[1:]])
            content = {"command": command, "rows": rows_of(runs), "runs": runs}
            with atomic_write(arguments.json) as file:
                file.write((json.dumps(content, indent=1) + "\n").encode())
    show(rows_of(runs))


if __name__ == "__main__":
    main()
