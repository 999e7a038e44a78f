"""Rows of no class: told from the others, kept out of what is accepted, beside other detectors.

Classes of a data set are left out at random: their rows, and those of classes too small to be
labelled, are of none of the classes that are labelled. Of every other class a few rows carry
labels; everything else is to be labelled. Judged on the rows without a label: how well the score of
"none" tells those that are (AUROC), what share of them is accepted at 95 %, whether the accepted
rows keep the promise, counting them as wrong, and what share of the rows of the classes is
accepted. In a clean world no class is left out. Titles are the first twelve words of 20 Newsgroups'
posts, headlines the first ten of R52's reports.

The other detectors' scores: one less the greatest probability of a logistic regression on TF-IDF or
on MiniLM's vectors, the cosine distance to the nearest labelled text, and scikit-learn's isolation
forest, local outlier factor and one-class SVM, fitted to the labelled texts. The regressions accept
what they give 95 %; the others only score.

    TFP_DGM_DATA=DIR python benchmarks/out_of_scope.py \
        --json benchmarks/results/out_of_scope.json

20 Newsgroups and R52 come through the registry; M10 is read from DIR (`octis_m10/corpus.tsv`), and
left out without it. The score was chosen on another draw of 20 Newsgroups and R52 and on groups of
Flickr8k's captions, and the evidence from which on a share is told on clean draws of R8, R52,
20 Newsgroups, M10, SMS spam and sentence polarity. To count such rows below that evidence, too, in
so far as they are believed in, was tried on these draws, and cost more coverage of clean sets than
it kept promises.
"""

import argparse
import json
import os
import shlex
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from exits.missing import wanting
from labelled_sets.splits import read_whole
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sklearn.ensemble import IsolationForest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import LocalOutlierFactor
from sklearn.svm import OneClassSVM

from tfp_dgm.data import DataError, atomic_write, fetch
from tfp_dgm.labelling import Features, fit_classifier, fit_features, sentence_vectors
from tfp_dgm.labelling.text_views import ENCODER, WITH_ENCODER
from tfp_dgm.networks import SentenceEncoder

# Data set, words of a text that are read (None: all), labels and rows of a class, and the share of
# classes that are left out; 0 is a clean world.
WORLDS = [
    ("20ng", 12, 10, 60, 0.25),
    ("20ng", None, 10, 60, 0.25),
    ("20ng", None, 10, 60, 0.0),
    ("r52", 10, 10, 60, 0.25),
    ("r52", None, 20, 100, 0.25),
    ("r52", None, 20, 100, 0.0),
    ("m10", None, 20, 150, 0.3),
]
MOST_STRANGERS = 300
MIN_PRECISION = 0.95
FIRST_SEED = 2
PRODUCT = "tfp_dgm"


@dataclass(frozen=True)
class World:
    """Texts [N], their classes with -1 for none, and which are labelled."""

    texts: list[str]
    truth: np.ndarray
    labelled: np.ndarray
    num_classes: int

    @property
    def strange(self) -> np.ndarray:
        """bool [m]; which of the rows without a label are of no class."""
        return self.truth[~self.labelled] < 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two worlds, one draw, no encoder")
    parser.add_argument("--json", type=Path, metavar="FILE", help="results")
    parser.add_argument("--seeds", type=int, default=2, help="draws of each world")
    options = parser.parse_args()
    data = Path(os.environ["TFP_DGM_DATA"]) if os.environ.get("TFP_DGM_DATA") else None
    worlds = [world for world in WORLDS if world[0] != "m10" or data]
    seeds = options.seeds
    encoder = None
    if options.quick:
        worlds, seeds = worlds[:3:2], 1
    else:
        with wanting(DataError):
            encoder = str(fetch("minilm"))
    jobs = [(world, seed) for world in worlds for seed in range(FIRST_SEED, FIRST_SEED + seeds)]
    runs: dict[str, list[dict[str, Any]]] = {}
    for world, seed in track(jobs, console=Console(stderr=True)):
        for method, figures in judged(draw(world, seed, data), encoder):
            runs.setdefault(f"{title(world)}: {method}", []).append(figures)
    rows = [{"name": name, **summary(found)} for name, found in runs.items()]
    show(Console(), rows)
    if options.json:
        content = {
            "command": shlex.join(["python", *sys.argv]),
            "settings": {"seeds": seeds, "min_precision": MIN_PRECISION},
            "rows": rows,
        }
        with atomic_write(options.json) as file:
            file.write((json.dumps(content, indent=2) + "\n").encode())


def title(world: tuple[str, int | None, int, int, float]) -> str:
    name, words, labels, _, left_out = world
    kind = "" if words is None else f", first {words} words"
    return f"{name}{kind}, {labels} labels{'' if left_out else ', clean'}"


def draw(world: tuple[str, int | None, int, int, float], seed: int, data: Path | None) -> World:
    """Classes left out, rows, and labels, all drawn."""
    name, words, labels, rows_of_class, left_out = world
    texts, names_of_rows = read_whole(name, data)
    classes = np.array(names_of_rows)
    texts = [" ".join(text.split()[:words]) for text in texts]
    rng = np.random.default_rng(seed)
    names, counts = np.unique(classes, return_counts=True)
    known = rng.permutation(names[counts >= 2 * labels])
    known = sorted(known[round(left_out * len(known)) :])
    chosen: list[int] = []
    truth: list[int] = []
    for k, kept in enumerate(known):
        rows = rng.permutation(np.flatnonzero(classes == kept))[:rows_of_class]
        chosen += rows.tolist()
        truth += [k] * len(rows)
    if left_out:
        rows = rng.permutation(np.flatnonzero(~np.isin(classes, known)))[:MOST_STRANGERS]
        chosen += rows.tolist()
        truth += [-1] * len(rows)
    order = rng.permutation(len(chosen))
    mixed = np.array(truth)[order]
    labelled = np.zeros(len(order), bool)
    for k in range(len(known)):
        labelled[rng.permutation(np.flatnonzero(mixed == k))[:labels]] = True
    return World([texts[chosen[i]] for i in order], mixed, labelled, len(known))


def judged(world: World, encoder: str | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every method's figures."""
    features = fit_features(world.texts, encoder=encoder, seed=0)
    # Without the encoder all else is the same.
    yield PRODUCT, product(world, without_encoder(features))
    vectorizer = TfidfVectorizer(sublinear_tf=True, min_df=2)
    yield from others(world, "TF-IDF", vectorizer.fit_transform(world.texts))
    if encoder is not None:
        yield f"{PRODUCT} + MiniLM", product(world, features)
        last_layer = sentence_vectors(SentenceEncoder.from_preset(encoder), world.texts)
        yield from others(world, "MiniLM", last_layer)


def without_encoder(features: Features) -> Features:
    """The same without both views that the encoder has a part in."""
    if features.encoder is None:
        return features
    views = [*features.views[:WITH_ENCODER], *features.views[ENCODER + 1 :]]
    return replace(features, encoder=None, views=views)


def product(world: World, features: Any) -> dict[str, Any]:
    allowed = np.ones((len(world.texts), world.num_classes), bool)
    allowed[world.labelled] = np.eye(world.num_classes, dtype=bool)[world.truth[world.labelled]]
    start = time.process_time()
    _, outcome = fit_classifier(
        world.texts,
        allowed,
        [f"class {k:02}" for k in range(world.num_classes)],
        min_precision=MIN_PRECISION,
        features=features,
    )
    seconds = time.process_time() - start
    rows = ~world.labelled
    # Where no row of no class is found, doubt is all that there is.
    found = outcome.none_share is not None
    score = outcome.none_probability if found else 1 - outcome.confidence
    figures = judge(world, score[rows], outcome.predicted[rows], outcome.accepted[rows], seconds)
    share, low, high = outcome.none_share or (0.0, 0.0, 0.0)
    return {**figures, "share": share, "share_in_range": low <= world.strange.mean() <= high}


def others(world: World, name: str, vectors: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    known, asked = vectors[world.labelled], vectors[~world.labelled]
    start = time.process_time()
    regression = LogisticRegression(C=10, max_iter=1000).fit(known, world.truth[world.labelled])
    answers = regression.predict_proba(asked)
    seconds = time.process_time() - start
    best, sure = answers.argmax(axis=1), answers.max(axis=1)
    yield (
        f"{name} + logistic regression",
        judge(world, 1 - sure, best, sure >= MIN_PRECISION, seconds),
    )
    if not world.strange.any():
        return  # What follows only scores.
    similar = asked @ known.T
    nearest = np.asarray(similar.max(axis=1).todense() if name == "TF-IDF" else similar.max(axis=1))
    scores = {"nearest label": 1 - nearest.ravel()}
    for kind, detector in (
        ("isolation forest", IsolationForest(random_state=0)),
        ("local outlier factor", LocalOutlierFactor(novelty=True)),
        ("one-class SVM", OneClassSVM(nu=0.1)),
    ):
        scores[kind] = -detector.fit(known).decision_function(asked)
    for kind, score in scores.items():
        yield f"{name}, {kind}", judge(world, score, best, None, 0.0)


def judge(
    world: World,
    score: np.ndarray,
    predicted: np.ndarray,
    accepted: np.ndarray | None,
    seconds: float,
) -> dict[str, Any]:
    """Figures on the rows without a label: of scores, of answers and of what is accepted."""
    strange, truth = world.strange, world.truth[~world.labelled]
    figures: dict[str, Any] = {
        "auroc": float(roc_auc_score(strange, score)) if strange.any() else None,
        "strange": float(strange.mean()),
        "accuracy": float((predicted == truth)[~strange].mean()),
        "cpu_seconds": seconds,
    }
    if accepted is not None:
        right = (predicted == truth)[accepted]
        figures |= {
            "accepted_strangers": float(accepted[strange].mean()) if strange.any() else None,
            "coverage": float(accepted[~strange].mean()),
            "precision": float(right.mean()) if accepted.any() else None,
        }
    return figures


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over draws; and in how many that accepted anything the promise was kept."""
    found: dict[str, Any] = {"runs": len(runs)}
    for name in runs[0]:
        values = [float(run[name]) for run in runs if run[name] is not None]
        found[name] = round(float(np.mean(values)), 4) if values else None
    precisions = [run["precision"] for run in runs if run.get("precision") is not None]
    found["accepting"] = len(precisions)
    found["kept"] = sum(precision >= MIN_PRECISION for precision in precisions)
    return found


def show(console: Console, rows: list[dict[str, Any]]) -> None:
    table = Table()
    columns = ("auroc", "accepted_strangers", "coverage", "precision", "accuracy", "share")
    for column in ("", *columns, "kept", "CPU s"):
        table.add_column(column.replace("_", " "))
    shown = ""
    for row in rows:
        world, method = row["name"].split(": ")
        if world != shown:
            table.add_row(world)
            shown = world
        figures = [row.get(column) for column in columns]
        table.add_row(
            f"  {method}",
            *("-" if figure is None else f"{figure:.3f}" for figure in figures),
            f"{row['kept']} of {row['accepting']}",
            f"{row['cpu_seconds']:.0f}",
        )
    console.print(table)


if __name__ == "__main__":
    main()
