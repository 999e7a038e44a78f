"""Quality of labelling, beside what one would use instead.

For each regime (data set, labels per class), draws the labels of the training set several times,
hides the others, and judges every method on the test set; what is accepted is judged on the hidden
rows of the training set, which is what a user would accept. One configuration for everything.

    TFP_DGM_DATA=DIR python benchmarks/labelling_quality.py \
        --json benchmarks/results/labelling_quality.json

R8, R52 and 20NG come through the registry, the last one also cut to twelve words a text. The
others are read from DIR (`labelled_sets/splits.py`); without it they are left out. The predictor
was chosen on R8, R52, 20NG, SMS spam and sentence polarity; the other five sets only report, but
that four classes of M10 were looked at, and that how an encoder is tuned was chosen on draw 10 of
SST, emotions and sentence polarity. SetFit joins where SETFIT_PYTHON in the environment names a
Python that has it; its memory is not counted. Runs that are in the JSON file already are not
repeated.
"""

import argparse
import functools
import json
import multiprocessing
import os
import resource
import shlex
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from exits.missing import wanting
from labelled_sets.draws import drawn_rows
from labelled_sets.splits import REGISTERED, SHORT, read_split
from peers.setfit_runs import SETFIT, setfit_at_hand, setfit_probabilities
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import LogisticRegression

from tfp_dgm import layers, models, networks, objectives
from tfp_dgm.data import DataError, atomic_write, fetch
from tfp_dgm.evaluation import (
    accepted_precision,
    accuracy,
    expected_calibration_error,
    macro_f1,
)
from tfp_dgm.labelling import (
    BASELINES,
    Features,
    TextClassifier,
    fit_classifier,
    fit_features,
    sentence_vectors,
)
from tfp_dgm.labelling.encoder_choice import choose_encoder
from tfp_dgm.labelling.vectors_of_sentences import read_encoder, text_vectors
from tfp_dgm.labelling.vectors_of_tokens import token_vectors

REGIMES = [
    ("r8", 5), ("r8", 10), ("r8", 20),
    ("r52", 5), ("r52", 10),
    ("20ng", 10), ("20ng", 25), ("20ng", 50),
    ("sms", 5), ("sms", 20),
    ("polarity", 20), ("polarity", 100),
    ("subjectivity", 10), ("m10", 10), ("sst", 50), ("emotions", 20), (SHORT, 20),
]  # fmt: skip
MIN_PRECISION = 0.95
# Draws 0 to 9 and from 100 on were looked at while the predictor was chosen, 10 and 11 while its
# acceptance was adjusted.
FIRST_SEED = 10
PRODUCT = "tfp_dgm"
ENCODER, UNTUNED = "tfp_dgm + MiniLM", "tfp_dgm + MiniLM, not tuned"
# Group of methods, which is the name of a method of `Problem`, and one that it always yields.
GROUPS = {"product": PRODUCT, "baselines": next(iter(BASELINES)), "generative": "M1+M2"}
GROUPS["encoded"] = ENCODER
# The package's predictor with each, and with the one that it chooses itself.
ENCODERS = {name: f"encoder {name}" for name in ("none", "light", "full", "auto")}
GROUPS["encoders"] = ENCODERS["none"]
GROUPS["setfit"] = SETFIT


def load(name: str, data: Path | None) -> tuple[list[str], np.ndarray, list[str], np.ndarray, int]:
    """Training texts and classes, test texts and classes, and the number of classes."""
    split = read_split(name, data)
    names = sorted(set(split.train_labels))
    classes = {label: number for number, label in enumerate(names)}
    return (
        split.train_texts,
        np.array([classes[label] for label in split.train_labels]),
        split.test_texts,
        np.array([classes[label] for label in split.test_labels]),
        len(names),
    )


def draw(truth: np.ndarray, labels_per_class: int, seed: int) -> np.ndarray:
    """int [N]; the class where the label is given, -1 elsewhere."""
    rng = np.random.default_rng(seed)
    observed = np.full(len(truth), -1)
    rows = drawn_rows(truth, labels_per_class, rng)
    observed[rows] = truth[rows]
    return observed


class Size(NamedTuple):
    """How much is trained, and on what."""

    rows: int | None  # Of the training set, and of the test set; None: all.
    steps: int  # Of M2 and M1+M2.


WHOLE, QUICK = Size(None, 300), Size(1000, 40)


def some(texts: list[str], truth: np.ndarray, rows: int | None) -> tuple[list[str], np.ndarray]:
    """So many rows drawn at random, or all."""
    if rows is None:
        return texts, truth
    drawn = np.random.default_rng(0).permutation(len(texts))[:rows]
    return [texts[row] for row in drawn], truth[drawn]


class Problem:
    """One data set, with the features that depend on no label."""

    def __init__(
        self, name: str, data: Path | None, encoder: str | None, seed: int, size: Size
    ) -> None:
        train, truth, test, test_truth, self.num_classes = load(name, data)
        self.train, self.truth = some(train, truth, size.rows)
        self.test, self.test_truth = some(test, test_truth, size.rows)
        self.encoder = encoder
        self.seed = seed
        self.steps = size.steps

    @functools.cached_property
    def timed_features(self) -> tuple[Features, float]:
        """The product's features, and the seconds that they took."""
        start = time.perf_counter()
        features = fit_features(self.train, encoder=self.encoder, seed=self.seed)
        return features, time.perf_counter() - start

    @property
    def features(self) -> Features:
        return self.timed_features[0]

    def product(self, observed: np.ndarray) -> Iterator[tuple[str, dict[str, Any]]]:
        """The package's predictor."""
        yield PRODUCT, self._product(observed, self.timed_features)

    def allowed(self, observed: np.ndarray) -> np.ndarray:
        """bool [N, K]; what the labels that are given allow."""
        allowed = np.ones((len(observed), self.num_classes), bool)
        given = observed >= 0
        allowed[given] = np.eye(self.num_classes, dtype=bool)[observed[given]]
        return allowed

    def _product(
        self,
        observed: np.ndarray,
        timed_features: tuple[Features, float],
        *,
        tune_encoder: bool = True,
    ) -> dict[str, Any]:
        features, before = timed_features
        start = time.perf_counter()
        given = observed >= 0
        classifier, outcome = fit_classifier(
            self.train,
            self.allowed(observed),
            [str(k) for k in range(self.num_classes)],
            min_precision=MIN_PRECISION,
            tune_encoder=tune_encoder,
            seed=self.seed,
            features=features,
        )
        answers = np.concatenate(list(self.predict(classifier)))
        seconds = before + time.perf_counter() - start
        return self.judge(
            observed, outcome.probabilities[~given], answers, outcome.accepted[~given], seconds
        )

    def predict(self, classifier: TextClassifier) -> Iterator[np.ndarray]:
        """The classifier's answers to the test texts, whose vectors the cache keeps."""
        encoder = classifier.encoder
        vectors = None if encoder is None else text_vectors(encoder, self.test)
        graph = tf.function(classifier, reduce_retracing=True)
        for start in range(0, len(self.test), 256):
            rows = slice(start, start + 256)
            given = [] if vectors is None else [tf.constant(vectors[rows])]
            yield graph(tf.constant(self.test[rows]), *given).numpy()

    def judge(
        self,
        observed: np.ndarray,
        hidden: np.ndarray,
        test: np.ndarray,
        accepted: np.ndarray,
        seconds: float,
    ) -> dict[str, Any]:
        """Every figure of one run, from the probabilities of hidden rows and of the test set."""
        truth = self.truth[observed < 0]
        verdict = accepted_precision(accepted, hidden.argmax(axis=1) == truth)
        return {
            "accuracy": accuracy(test.argmax(axis=1), self.test_truth),
            "macro_f1": macro_f1(test.argmax(axis=1), self.test_truth),
            "ece": expected_calibration_error(test, self.test_truth),
            "hidden_accuracy": accuracy(hidden.argmax(axis=1), truth),
            "hidden_macro_f1": macro_f1(hidden.argmax(axis=1), truth),
            "hidden_ece": expected_calibration_error(hidden, truth),
            "coverage": verdict["coverage"],
            "precision": verdict["precision"] if accepted.any() else None,
            "seconds": seconds,
            "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }

    def plain(
        self, observed: np.ndarray, probabilities: np.ndarray, start: float
    ) -> dict[str, Any]:
        """`judge` for a method that accepts what it gives the precision asked for."""
        texts = int((observed < 0).sum())
        hidden, test = probabilities[:texts], probabilities[texts:]
        seconds = time.perf_counter() - start
        return self.judge(observed, hidden, test, hidden.max(axis=1) >= MIN_PRECISION, seconds)

    def asked(self, observed: np.ndarray) -> list[str]:
        """The hidden texts and the test texts, as the other methods are asked."""
        hidden = [text for text, k in zip(self.train, observed, strict=True) if k < 0]
        return [*hidden, *self.test]

    def baselines(self, observed: np.ndarray) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, baseline in BASELINES.items():
            start = time.perf_counter()
            answers = baseline(self.train, observed, self.asked(observed), self.seed)
            yield name, self.plain(observed, answers, start)

    def generative(self, observed: np.ndarray) -> Iterator[tuple[str, dict[str, Any]]]:
        """M1, M2 and M1+M2 by themselves, on the words that the product's VAE sees."""
        features = self.features
        counts = features.word_counts.count_matrix([*self.train, *self.test])
        counts = counts[:, features.vae_words]
        asked = np.concatenate(
            [np.flatnonzero(observed < 0), len(observed) + np.arange(len(self.test))]
        )
        means = np.concatenate([features.vae(part).numpy() for part in dense(counts)])
        means /= features.vae_scale

        start = time.perf_counter()
        given = np.flatnonzero(observed >= 0)
        regression = LogisticRegression(C=10, max_iter=1000).fit(means[given], observed[given])
        yield "M1", self.plain(observed, regression.predict_proba(means[asked]), start)

        start = time.perf_counter()
        size = counts.shape[1]
        classes = objectives.EnumeratedELBO()
        if self.num_classes > 20:
            classes = objectives.ScoreFunctionELBO(num_samples=8)
        words = models.M2(
            self.num_classes,
            encoder=keras.Sequential(
                [keras.layers.UnitNormalization(), networks.MLP([256], input_dropout=0.3)]
            ),
            decoder=None,
            likelihood=layers.BagOfWords(size),
            latent_units=50,
            classification_weight=100.0,
            class_objective=classes,
            seed=self.seed,
        )
        damped = counts.log1p()
        self._fit(words, lambda rows: damped[rows].toarray(), size, observed)
        answers = np.concatenate([words(part).numpy() for part in dense(damped[asked])])
        yield "M2", self.plain(observed, answers, start)

        start = time.perf_counter()
        stacked = models.M1M2(
            features.vae,
            models.M2(
                self.num_classes,
                encoder=networks.MLP([100]),
                classifier=networks.MLP([100], dropout=0.3),
                decoder=networks.MLP([100]),
                likelihood=layers.MultivariateNormalDiag(means.shape[1]),
                latent_units=10,
                classification_weight=30.0,
                seed=self.seed,
            ),
            seed=self.seed,
        )
        self._fit(stacked, lambda rows: counts[rows].toarray(), size, observed)
        answers = np.concatenate([stacked(part).numpy() for part in dense(counts[asked])])
        yield "M1+M2", self.plain(observed, answers, start)

    def _fit(self, model: models.M2, inputs: Any, size: int, observed: np.ndarray) -> None:
        """Trains; each batch holds 128 of all rows and 32 of the labelled ones."""
        given = np.flatnonzero(observed >= 0)

        def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            rng = np.random.default_rng(self.seed)
            while True:
                rows = np.concatenate([rng.integers(0, len(observed), 128), rng.choice(given, 32)])
                yield inputs(rows), observed[rows]

        signature = (tf.TensorSpec([160, size], tf.float32), tf.TensorSpec([160], tf.int64))
        data = tf.data.Dataset.from_generator(batches, output_signature=signature)
        schedule = keras.optimizers.schedules.CosineDecay(3e-3, self.steps)
        model.compile(keras.optimizers.Adam(schedule, global_clipnorm=100.0))
        model.fit(data.prefetch(2), steps_per_epoch=self.steps, shuffle=False, verbose=0)

    def encoded(self, observed: np.ndarray) -> Iterator[tuple[str, dict[str, Any]]]:
        """The package's predictor with MiniLM, tuned where that pays and as it was; and another.

        Logistic regression on MiniLM's vectors alone is on its last layer's, as sentence
        transformers give them.
        """
        yield ENCODER, self._product(observed, self.timed_features)
        yield UNTUNED, self._product(observed, self.timed_features, tune_encoder=False)
        start = time.perf_counter()
        vectors, test_vectors = self.last_layer
        given = np.flatnonzero(observed >= 0)
        regression = LogisticRegression(C=10, max_iter=1000).fit(vectors[given], observed[given])
        asked = np.concatenate([vectors[observed < 0], test_vectors])
        yield (
            "MiniLM + logistic regression",
            self.plain(observed, regression.predict_proba(asked), start),
        )

    def setfit(self, observed: np.ndarray) -> Iterator[tuple[str, dict[str, Any]]]:
        """SetFit on MiniLM."""
        start = time.perf_counter()
        given = np.flatnonzero(observed >= 0)
        texts = [self.train[row] for row in given]
        asked = self.asked(observed)
        answers = setfit_probabilities(self.encoder, texts, observed[given], asked, self.seed)
        yield GROUPS["setfit"], self.plain(observed, answers, start)

    def encoders(self, observed: np.ndarray) -> Iterator[tuple[str, dict[str, Any]]]:
        """The package's predictor without an encoder, with a light one, with MiniLM, as it chooses.

        What it would choose is trained once; the choice's own seconds are added.
        """
        figures = {}
        for name, timed_features in self.timed_features_by_encoder.items():
            figures[name] = self._product(observed, timed_features)
            yield ENCODERS[name], figures[name]
        features = self.timed_features_by_encoder["none"][0]
        start = time.perf_counter()
        _, choice = choose_encoder(
            self.train,
            features.words,
            features.views[1][:, :-1],  # Without the column of ones.
            [self.allowed(observed)],
            seed=self.seed,
            progress=lambda step, done, total: None,
        )
        seconds = time.perf_counter() - start
        chosen = figures[choice.taken]
        about = {"taken": choice.taken, "gains": choice.gains}
        yield ENCODERS["auto"], {**chosen, **about, "seconds": chosen["seconds"] + seconds}

    @functools.cached_property
    def timed_features_by_encoder(self) -> dict[str, tuple[Features, float]]:
        """The features with each encoder, and the seconds that they took."""
        full = read_encoder(self.encoder)
        found = {}
        for name in ("none", "light", "full"):
            start = time.perf_counter()
            encoder = {"none": None, "full": full}.get(name)
            if name == "light":
                encoder = token_vectors(full, self.train)
            features = fit_features(self.train, encoder=encoder, seed=self.seed)
            found[name] = features, time.perf_counter() - start
        return found

    @functools.cached_property
    def last_layer(self) -> tuple[np.ndarray, np.ndarray]:
        """Sentence vectors of the training's and the test's texts."""
        encoder = networks.SentenceEncoder.from_preset(self.encoder)
        return sentence_vectors(encoder, self.train), sentence_vectors(encoder, self.test)


def dense(matrix: Any) -> Iterator[np.ndarray]:
    """The rows of a sparse matrix, 1,024 at a time."""
    for start in range(0, matrix.shape[0], 1024):
        yield matrix[start : start + 1024].toarray()


def run(job: tuple[str, list[int], str, int, Path | None, Size]) -> list[dict[str, Any]]:
    """All runs of one data set, group of methods and seed; in a process of its own."""
    name, regimes, group, seed, data, size = job
    with wanting(DataError):
        wanted = group in ("encoded", "encoders", "setfit")
        encoder = str(fetch("minilm")) if wanted else None
    problem = Problem(name, data, encoder, seed, size)
    rows = []
    for labels_per_class in regimes:
        observed = draw(problem.truth, labels_per_class, seed)
        for method, figures in getattr(problem, group)(observed):
            about = {"data": name, "labels_per_class": labels_per_class, "method": method}
            rows.append({**about, "seed": seed, **figures})
    return rows


FIGURES = ("accuracy", "macro_f1", "ece", "hidden_accuracy", "hidden_macro_f1", "hidden_ece")


def summarise(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row for each regime and method: means, spreads, and the promise kept."""
    rows = []
    keys = dict.fromkeys((r["data"], r["labels_per_class"], r["method"]) for r in runs)
    for data, labels_per_class, method in keys:
        same = [
            r
            for r in runs
            if (r["data"], r["labels_per_class"], r["method"]) == (data, labels_per_class, method)
        ]
        precisions = [r["precision"] for r in same if r["precision"] is not None]
        row: dict[str, Any] = {"name": f"{data}, {labels_per_class} per class, {method}"}
        row |= {"runs": len(same)}
        for figure in FIGURES:
            values = [r[figure] for r in same]
            row |= {
                figure: float(np.mean(values)),
                f"{figure}_sd": float(np.std(values, ddof=1)) if len(same) > 1 else None,
            }
        row |= {
            "coverage": float(np.mean([r["coverage"] for r in same])),
            "precision": float(np.mean(precisions)) if precisions else None,
            "worst_precision": min(precisions, default=None),
            "promise_kept": float(
                np.mean([r["precision"] is None or r["precision"] >= MIN_PRECISION for r in same])
            ),
            "seconds": float(np.mean([r["seconds"] for r in same])),
            "peak_memory_mb": float(np.max([r["peak_memory_mb"] for r in same])),
        }
        rows.append(row)
    return rows


def show(rows: list[dict[str, Any]]) -> None:
    """Prints the table."""
    table = Table()
    titles = ("", "acc", "F1", "ECE", "coverage", "precision", "worst", "kept", "s", "MB")
    for title in titles:
        table.add_column(title, justify="right" if title else "left", no_wrap=True)
    for row in rows:
        sd = row["accuracy_sd"]
        table.add_row(
            row["name"],
            f"{row['accuracy']:.1%}" + ("" if sd is None else f" +-{100 * sd:.1f}"),
            f"{row['macro_f1']:.1%}",
            f"{row['ece']:.1%}",
            f"{row['coverage']:.0%}",
            *("-" if row[k] is None else f"{row[k]:.1%}" for k in ("precision", "worst_precision")),
            f"{row['promise_kept']:.0%}",
            f"{row['seconds']:.1f}",
            f"{row['peak_memory_mb']:,.0f}",
        )
    Console(width=150).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="R8, 10 per class, one draw, fewer texts"
    )
    parser.add_argument("--json", type=Path, help="where the results go, and are resumed from")
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("TFP_DGM_DATA"),
        help="folder of the sets that are not registered; TFP_DGM_DATA in the environment",
    )
    parser.add_argument("--seeds", type=int, default=5, help="draws of the labels")
    parser.add_argument(
        "--groups",
        nargs="+",
        choices=GROUPS,
        help="of methods (default: all, SetFit where it is named; with --quick the first two)",
    )
    parser.add_argument("--only", nargs="+", help="data sets, by name")
    arguments = parser.parse_args()
    groups = [group for group in GROUPS if group != "setfit" or setfit_at_hand()]
    groups = arguments.groups or (groups[:2] if arguments.quick else groups)
    regimes: dict[str, list[int]] = {}
    for name, labels_per_class in REGIMES:
        local = name not in (*REGISTERED, SHORT)
        if arguments.quick and (name, labels_per_class) != ("r8", 10):
            continue
        if (local and arguments.data is None) or (arguments.only and name not in arguments.only):
            continue
        regimes.setdefault(name, []).append(labels_per_class)
    result: dict[str, Any] = {
        "command": shlex.join(["python", *sys.argv]),
        "quick": arguments.quick,
        "rows": [],
        "runs": [],
    }
    if arguments.json and arguments.json.exists():
        earlier = json.loads(arguments.json.read_text())
        if earlier["quick"] == arguments.quick:  # Runs of another size are not mixed in.
            result["runs"] = earlier["runs"]
    done = {(r["data"], r["labels_per_class"], r["method"], r["seed"]) for r in result["runs"]}
    jobs = []
    for group in groups:
        for seed in range(FIRST_SEED, FIRST_SEED + (1 if arguments.quick else arguments.seeds)):
            for name, counts in regimes.items():
                open_counts = [n for n in counts if (name, n, GROUPS[group], seed) not in done]
                size = QUICK if arguments.quick else WHOLE
                together = [open_counts] if open_counts else []
                if group == "setfit":  # Has no features to share, and takes long.
                    together = [[count] for count in open_counts]
                for counts_of_job in together:
                    jobs.append((name, counts_of_job, group, seed, arguments.data, size))
    # A process for each job, so that its peak memory is that of its own methods, one after another.
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for number, rows in enumerate(pool.imap(run, jobs, chunksize=1), 1):
            result["runs"] += rows
            result["rows"] = summarise(result["runs"])
            print(f"{number} of {len(jobs)}: {rows[0]['data']}, seed {rows[0]['seed']}", flush=True)
            if arguments.json:
                with atomic_write(arguments.json) as file:
                    file.write(json.dumps(result, indent=1).encode())
    show(summarise(result["runs"]))


if __name__ == "__main__":
    main()
