"""Which layers of MiniLM are worth reading for labels: logistic regression on their means.

The vectors of a text are the means of its tokens' states after each of the six layers, each of unit
length; those of several layers stand side by side, over the root of their number. `4, 6` is what
`dgm label` reads. It was chosen on SMS spam, sentence polarity, R8 and 20 Newsgroups; the other
five sets were looked at, too, but decided nothing. Labels are drawn from 2,500 texts of the
training set (all of a class that has fewer), accuracies are of 1,500 of the test set.

    TFP_DGM_DATA=DIR python benchmarks/encoder_layers.py \
        --json benchmarks/results/encoder_layers.json

`labelled_sets/splits.py` says what DIR holds.
"""

import itertools
from typing import Any

import numpy as np
from labelled_sets.draws import drawn_rows
from labelled_sets.splits import read_split
from recorded.benchmark_options import parser_of
from recorded.resumed_rows import record, rows_so_far
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import LogisticRegression

from tfp_dgm.data import TextClassificationSplit, fetch
from tfp_dgm.networks import SentenceEncoder

CHOSEN_ON = ("sms", "polarity", "r8", "20ng")
SETS = (*CHOSEN_ON, "sst", "emotions", "subjectivity", "m10", "20ng short")
LAYERS = {
    "6": (6,),
    "4, 6": (4, 6),
    "3, 6": (3, 6),
    "5, 6": (5, 6),
    "4, 5, 6": (4, 5, 6),
    "3, 4, 5, 6": (3, 4, 5, 6),
}
ALL = 6
COUNTS, DRAWS = (10, 25), 5
CHOICES = tuple(itertools.product(COUNTS, LAYERS))
TRAIN, TEST = 2500, 1500


def states(encoder: SentenceEncoder, texts: list[str]) -> np.ndarray:
    """The unit-length means of each layer, [N, 6, E]."""
    vectors = encoder.encode(texts) * ALL**0.5
    return vectors.reshape(len(texts), ALL, -1)


def some(texts: list[str], labels: list[str], count: int) -> tuple[list[str], np.ndarray]:
    rows = np.random.default_rng(0).permutation(len(texts))[:count]
    return [texts[row] for row in rows], np.array([labels[row] for row in rows])


def accuracies(encoder: SentenceEncoder, split: TextClassificationSplit) -> dict[str, Any]:
    """For each count and choice of layers, the accuracy [draws]."""
    texts, truth = some(split.train_texts, split.train_labels, TRAIN)
    asked, right = some(split.test_texts, split.test_labels, TEST)
    train, test = states(encoder, texts), states(encoder, asked)
    found: dict[str, Any] = {}
    for count in COUNTS:
        for draw in range(DRAWS):
            rows = drawn_rows(truth, count, np.random.default_rng(draw))
            for name, layers in LAYERS.items():
                read = [layer - 1 for layer in layers]
                x, y = (part[:, read].reshape(len(part), -1) for part in (train[rows], test))
                scale = len(layers) ** -0.5
                regression = LogisticRegression(C=10, max_iter=500).fit(scale * x, truth[rows])
                accuracy = (regression.predict(scale * y) == right).mean()
                found.setdefault((count, name), []).append(float(accuracy))
    return found


def main() -> None:
    parser = parser_of(__doc__, "the labelled sets", quick="SMS spam alone")
    options = parser.parse_args()
    rows = rows_so_far(options.json)
    depths = [layer / ALL for layer in range(1, ALL + 1)]
    encoder = SentenceEncoder.from_preset(str(fetch("minilm")), depths=depths)
    for name in SETS[:1] if options.quick else SETS:
        asked = {f"{name}, {c} a class, layers {layers}": (c, layers) for c, layers in CHOICES}
        known = {row["name"] for row in rows}
        if asked.keys() <= known:
            continue
        found = accuracies(encoder, read_split(name, options.data))
        for title, (count, layers) in asked.items():
            if title in known:
                continue
            values = found[count, layers]
            row = {"name": title, "draws": len(values)}
            row |= {
                "accuracy": float(np.mean(values)),
                "accuracy_sd": float(np.std(values, ddof=1)),
            }
            gained = np.mean(np.subtract(values, found[count, "6"]))
            row |= {"gained": float(gained), "chosen_on": name in CHOSEN_ON}
            record(rows, row, options.json, quick=options.quick)
    table = Table("", "accuracy", "over draws", "gained")
    for row in rows:
        shares = (f"{100 * row[figure]:.1f}" for figure in ("accuracy", "accuracy_sd", "gained"))
        table.add_row(row["name"], *shares)
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
