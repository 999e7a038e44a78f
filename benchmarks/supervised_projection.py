"""What a supervised projection of sentence vectors would add to logistic regression on them.

SetFit tunes an encoder by pairs of labelled texts [1]. Here the vectors are computed once, and a
linear map of them is learned from the same labels, before a logistic regression reads them:

    within       whitening within the classes, W^(-1/2) with W = 0.4 cov + 0.6 trace(cov) / E
    contrastive  I + D by the supervised contrastive loss [2] at temperature 0.1 on unit-length
                 vectors, with a penalty 3 |D|^2 / E
    ... mixed    the mean of the probabilities with and without

The settings were chosen on draws 0 and 1 of M10; the registry's R8 and 20 Newsgroups are reported
on draws 10 and on. M10 is read from DIR (`octis_m10/corpus.tsv`). Differences are beside the
regression on the vectors as they are, on the same test texts (2,000 at most).

    TFP_DGM_DATA=DIR python benchmarks/supervised_projection.py \
        --json benchmarks/results/supervised_projection.json

[1] Tunstall et al. Efficient Few-Shot Learning Without Prompts. 2022. arXiv:2209.11055
[2] Khosla et al. Supervised Contrastive Learning. NeurIPS 2020. arXiv:2004.11362
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from labelled_sets.draws import drawn_rows
from labelled_sets.splits import read_split
from recorded.benchmark_options import parser_of
from recorded.resumed_rows import record
from rich.console import Console
from rich.table import Table
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from tfp_dgm.data import fetch
from tfp_dgm.labelling import sentence_vectors
from tfp_dgm.networks import SentenceEncoder

# Data set, and the first draw of its labels.
SETS = {"m10": 0, "r8": 10, "20ng": 10}
MOST_TEST = 2000
SHRUNK, TEMPERATURE, PENALTY, STEPS = 0.6, 0.1, 3.0, 30


def within(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The shrunk whitening [E, E] within the classes [n] of vectors [n, E]."""
    centred = np.concatenate([x[y == k] - x[y == k].mean(axis=0) for k in np.unique(y)])
    covariance = centred.T @ centred / len(x)
    even = np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    values, axes = np.linalg.eigh((1 - SHRUNK) * covariance + SHRUNK * even)
    return (axes * values**-0.5) @ axes.T


def contrastive(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The map [E, E] that brings vectors [n, E] of one class [n] together, others apart."""
    size = x.shape[1]
    same = (y[:, np.newaxis] == y) & ~np.eye(len(y), dtype=bool)
    wanted = same / np.maximum(same.sum(axis=1, keepdims=True), 1)

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        change = flat.reshape(size, size)
        mapped = x + x @ change
        lengths = np.linalg.norm(mapped, axis=1, keepdims=True)
        z = mapped / lengths
        scores = z @ z.T / TEMPERATURE
        np.fill_diagonal(scores, -np.inf)
        scores -= scores.max(axis=1, keepdims=True)
        softmax = np.exp(scores)
        sums = softmax.sum(axis=1, keepdims=True)
        value = -(wanted * np.where(same, scores - np.log(sums), 0)).sum() / len(x)
        of_scores = (softmax / sums * same.any(axis=1, keepdims=True) - wanted) / len(x)
        of_z = (of_scores + of_scores.T) @ z / TEMPERATURE
        of_mapped = (of_z - (of_z * z).sum(axis=1, keepdims=True) * z) / lengths
        penalised = value + PENALTY * (change**2).sum() / size
        return penalised, (x.T @ of_mapped + 2 * PENALTY * change / size).ravel()

    start = np.zeros(size * size)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS})
    return np.eye(size) + found.x.reshape(size, size)


MAPS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "within": within,
    "contrastive": contrastive,
}


def answers(x: np.ndarray, y: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Probabilities [T, K] by logistic regression on unit-length vectors."""
    x, asked = (part / np.linalg.norm(part, axis=1, keepdims=True) for part in (x, asked))
    return LogisticRegression(C=10, max_iter=300).fit(x, y).predict_proba(asked)


def judged(
    train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray], count: int, seed: int
) -> dict[str, tuple[float, float]]:
    """Accuracy, and nats a label, of each method with `count` labels of each class."""
    rng = np.random.default_rng(seed)
    vectors, truth = train
    rows = drawn_rows(truth, count, rng)
    x, y = vectors[rows].astype(float), truth[rows]
    plain = answers(x, y, test[0])
    found = {"as they are": plain}
    for name, learn in MAPS.items():
        projection = learn(x, y)
        found[name] = answers(x @ projection, y, test[0] @ projection)
        found[f"{name}, mixed"] = (plain + found[name]) / 2
    right = np.arange(len(test[1])), test[1]
    return {
        name: (float((p.argmax(1) == test[1]).mean()), float(-np.log(p[right] + 1e-12).mean()))
        for name, p in found.items()
    }


def rows_of(name: str, data: Path | None, counts: list[int], seeds: int) -> list[dict[str, Any]]:
    split = read_split(name, data)
    texts, labels = split.train_texts, split.train_labels
    encoder = SentenceEncoder.from_preset(str(fetch("minilm")))
    test_texts, test_labels = split.test_texts[:MOST_TEST], split.test_labels[:MOST_TEST]
    names = sorted(set(labels))
    train = sentence_vectors(encoder, texts), np.searchsorted(names, labels)
    test = sentence_vectors(encoder, test_texts).astype(float), np.searchsorted(names, test_labels)
    rows = []
    for count in counts:
        draws = [judged(train, test, count, SETS[name] + seed) for seed in range(seeds)]
        for method in draws[0]:
            found = np.array([draw[method] for draw in draws])
            gained = found[:, 0] - [draw["as they are"][0] for draw in draws]
            row = {"name": f"{name}, {count} a class, {method}", "draws": seeds}
            row |= {"accuracy": float(found[:, 0].mean()), "nats": float(found[:, 1].mean())}
            rows.append(row | {"gained": float(gained.mean()), "worst": float(gained.min())})
    return rows


def main() -> None:
    parser = parser_of(__doc__, "octis_m10/", quick="M10, 10 labels a class, one draw")
    parser.add_argument("--seeds", type=int, default=5, help="draws of the labels")
    options = parser.parse_args()
    names, counts, seeds = list(SETS), [10, 25], options.seeds
    if options.quick:
        names, counts, seeds = names[:1], counts[:1], 1
    rows: list[dict[str, Any]] = []
    for name in names:
        for row in rows_of(name, options.data, counts, seeds):
            record(rows, row, options.json, quick=options.quick)
    table = Table("", "accuracy", "gained", "worst", "nats")
    for row in rows:
        shares = (f"{100 * row[figure]:.1f}" for figure in ("accuracy", "gained", "worst"))
        table.add_row(row["name"], *shares, f"{row['nats']:.3f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
