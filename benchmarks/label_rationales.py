"""Whether the words that `--rationales` keeps tell the label, and what they could add to it.

From texts that the labelling never saw, the words kept are judged by what is read from them alone.
Settings were chosen on R8, SMS spam and sentence polarity; the other sets were not looked at.

  kept        words kept of those that the vocabulary has, mean over the texts, %
  agreement   texts whose predicted label the rationale classifier reads from the words kept, %
  accuracy    of the labels predicted, %; `read_accuracy` of those read from the words kept
  stays       texts to which the labeller itself, given the words kept alone, answers as to the
              whole, %; `stays_reasons` given as many words of the largest exact share in the
              log-odds, `stays_random` given as many at random
  gain        nats a text that the rationale classifier would add to the labeller as a further
              member of its mixture; `gain_accuracy` its percentage points. Weight and temperature,
              and the temperature of the labeller alone, are chosen by the truth of half of the
              texts, far more than a labelling has, and the gain is that on the other half: more
              than could be had

    TFP_DGM_DATA=DIR python benchmarks/label_rationales.py \
        --json benchmarks/results/label_rationales.json

3,000 training texts, a few labels of each class, no encoder. A run that is stopped goes on where it
was.
"""

import argparse
import os
import time
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from exits.missing import end_for_want_of
from labelling_quality import draw, load
from recorded.resumed_rows import measure, rows_so_far
from rich.console import Console
from rich.table import Table

from tfp_dgm.labelling import TextClassifier, WordReasons, fit_classifier
from tfp_dgm.labelling.rationale_fitting import fit_rationales
from tfp_dgm.labelling.rationale_tokens import known_of
from tfp_dgm.labelling.word_rationales import WordRationales
from tfp_dgm.text import word_spans

# Data, and labels of each class.
CHOSEN = {"Reuters R8": ("r8", 20), "SMS spam": ("sms", 20), "polarity": ("polarity", 100)}
OTHERS = {"20 Newsgroups": ("20ng", 25), "subjectivity": ("subjectivity", 20)}
SETS = {**CHOSEN, **OTHERS}
TRAINING_ROWS, ASKED_ROWS = 3000, 1000
WEIGHTS = np.linspace(0, 0.9, 19)
POWERS = np.exp(np.linspace(-0.7, 1.1, 19))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one set, 600 texts")
    parser.add_argument("--json", type=Path, metavar="FILE", help="results")
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("TFP_DGM_DATA"),
        help="folder that holds sms_spam/ and pang_lee/; TFP_DGM_DATA in the environment",
    )
    parser.add_argument("--draws", type=int, default=1, help="of the labels of each set")
    options = parser.parse_args()
    if options.data is None:
        end_for_want_of("sms_spam/ and pang_lee/ in the folder that TFP_DGM_DATA names")
    rows = rows_so_far(options.json)
    for seed in range(1 if options.quick else options.draws):
        for name in ["SMS spam"] if options.quick else SETS:
            figures = partial(run, name, options.data, seed, quick=options.quick)
            measure(rows, f"{name}: {seed}", figures, options.json)
    show(rows)


def run(name: str, data: Path, seed: int, *, quick: bool) -> dict[str, Any]:
    """One draw of the labels."""
    source, labels_per_class = SETS[name]
    train, truth, test, test_truth, _ = load(source, data)
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(train))[: 600 if quick else TRAINING_ROWS]
    asked = rng.permutation(len(test))[: 200 if quick else ASKED_ROWS]
    observed = draw(truth[rows], labels_per_class, seed)
    classes = range(int(truth.max()) + 1)
    allowed = (observed[:, np.newaxis] < 0) | (observed[:, np.newaxis] == [*classes])
    names = [str(k) for k in classes]
    classifier, outcome = fit_classifier([train[row] for row in rows], allowed, names, seed=seed)
    start = time.process_time()
    classifier, _ = fit_rationales(
        classifier, outcome, seed=seed, progress=lambda step, done, total: None
    )
    seconds = time.process_time() - start
    found = figures(classifier, [test[row] for row in asked], test_truth[asked], rng)
    return {"chosen_on": name in CHOSEN, **found, "cpu_seconds": round(seconds, 1)}


def figures(
    classifier: TextClassifier, texts: list[str], truth: np.ndarray, rng: np.random.Generator
) -> dict[str, float]:
    probabilities = ask(classifier, texts)
    answers, others = np.argsort(-probabilities, axis=1, kind="stable")[:, :2].T
    assert classifier.rationales is not None
    kept, told, known = WordRationales(classifier.rationales, classifier.word_counts).read(texts)
    shares = np.array([len(words) for words in kept]) / np.maximum(known, 1)

    def stays(chosen: list[list[str]]) -> float:
        alone = ask(classifier, [" ".join(words) for words in chosen])
        return 100 * float((alone.argmax(axis=1) == answers).mean())

    gain, accuracy = gained(probabilities, read_by(classifier, texts), truth)
    return {
        "kept": 100 * float(shares.mean()),
        "agreement": 100 * float((told == answers).mean()),
        "accuracy": 100 * float((answers == truth).mean()),
        "read_accuracy": 100 * float((told == truth).mean()),
        "stays": stays(kept),
        "stays_reasons": stays(strongest(classifier, texts, answers, others, kept)),
        "stays_random": stays(at_random(classifier, texts, kept, rng)),
        "gain": gain,
        "gain_accuracy": accuracy,
    }


def ask(classifier: TextClassifier, texts: list[str]) -> np.ndarray:
    """Probabilities [N, K]."""
    graph = tf.function(classifier, reduce_retracing=True)
    batches = range(0, len(texts), 250)
    return np.concatenate([graph(tf.constant(texts[at : at + 250])).numpy() for at in batches])


def read_by(classifier: TextClassifier, texts: list[str]) -> np.ndarray:
    """Probabilities [N, K] of the rationale classifier."""
    rationales = classifier.rationales
    assert rationales is not None
    found = []
    for at in range(0, len(texts), 250):
        token_ids = known_of(classifier.word_counts, tf.constant(texts[at : at + 250]))
        found.append(rationales(token_ids).numpy())
    return np.concatenate(found)


def strongest(
    classifier: TextClassifier,
    texts: list[str],
    answers: np.ndarray,
    others: np.ndarray,
    kept: list[list[str]],
) -> list[list[str]]:
    """As many different words of each text, those that add most to the log-odds."""
    shares = WordReasons(classifier).linear_shares(texts, answers, others)
    return [
        sorted(share, key=lambda word: -share[word])[: len(set(words))]
        for share, words in zip(shares, kept, strict=True)
    ]


def at_random(
    classifier: TextClassifier, texts: list[str], kept: list[list[str]], rng: np.random.Generator
) -> list[list[str]]:
    """As many different words of each text, of those that the vocabulary has."""
    vocabulary = set(classifier.word_counts.vocabulary)
    chosen = []
    for spans, words in zip(word_spans(texts), kept, strict=True):
        known = sorted({span.word for span in spans} & vocabulary)
        chosen.append(rng.permutation(known)[: len(set(words))].tolist())
    return chosen


def gained(
    probabilities: np.ndarray, by_rationales: np.ndarray, truth: np.ndarray
) -> tuple[float, float]:
    """Nats a text, and percentage points, on the second half of the texts."""
    half = len(truth) // 2

    def mixed(weight: float, power: float) -> np.ndarray:
        found = (1 - weight) * probabilities + weight * by_rationales
        found = np.maximum(found, 1e-6) ** power
        return found / found.sum(axis=1, keepdims=True)

    def nats(answers: np.ndarray, rows: slice) -> float:
        given = answers[rows][np.arange(len(truth[rows])), truth[rows]]
        return float(np.log(given).mean())

    def best(weights: np.ndarray) -> np.ndarray:
        pairs = [(weight, power) for weight in weights for power in POWERS]
        return mixed(*max(pairs, key=lambda pair: nats(mixed(*pair), slice(half))))

    alone, together = best(WEIGHTS[:1]), best(WEIGHTS)
    rest = slice(half, None)
    right = [(one[rest].argmax(axis=1) == truth[rest]).mean() for one in (together, alone)]
    return nats(together, rest) - nats(alone, rest), 100 * float(right[0] - right[1])


def show(rows: list[dict[str, Any]]) -> None:
    columns = [name for name in rows[0] if name not in ("name", "chosen_on")]
    table = Table("set", *columns)
    for name in dict.fromkeys(row["name"].rpartition(": ")[0] for row in rows):
        own = [row for row in rows if row["name"].rpartition(": ")[0] == name]
        cells = [f"{np.mean([row[column] for row in own]):.3g}" for column in columns]
        table.add_row(f"{name} ({len(own)})", *cells)
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
