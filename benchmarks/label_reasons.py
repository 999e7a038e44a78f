"""Whether the words that `--reasons` names are the reasons: answers after they are deleted.

From each of 200 texts that the labelling never saw (100 with MiniLM), the one, three and five
strongest reasons for the answer are deleted, each wherever it stands, and the classifier is asked
again. Beside them as many other words of the same text:

  leave-one-out   those without which, one at a time, the answer's log-odds against the runner-up
                  are lowest, by the classifier as a whole: an answer for every word of a text
  TF-IDF          those of the largest TF-IDF
  random          drawn evenly from the words that the vocabulary has

    TFP_DGM_DATA=DIR python benchmarks/label_reasons.py \
        --json benchmarks/results/label_reasons.json

Printed, in per cent with the deviation over draws of the labels: answers that changed, and how many
of all are right afterwards. 3,000 training texts of each set, a few labels of each class. The sets
are those of `labelling_quality.py`; SMS spam is read from DIR, and left out without it. Sets that
are in the JSON file already are not repeated.
"""

import argparse
import json
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from exits.missing import wanting
from labelling_quality import draw, load
from rich.console import Console
from rich.table import Table

from tfp_dgm.data import DataError, atomic_write, fetch
from tfp_dgm.labelling import TextClassifier, WordReasons, fit_classifier
from tfp_dgm.text import WordSpan, without_words, word_spans

# Data, labels of each class, texts that are asked about, whether MiniLM reads them, too.
SETS = {
    "Reuters R8": ("r8", 20, 200, False),
    "SMS spam": ("sms", 20, 200, False),
    "SMS spam + MiniLM": ("sms", 20, 100, True),
    "20 Newsgroups": ("20ng", 25, 200, False),
}
DELETED = (1, 3, 5)
TRAINING_ROWS = 3000
Ranked = list[list[str]]  # Words of each text, the first to be deleted first.


class Judge:
    """A classifier, and texts whose answers are known."""

    def __init__(self, classifier: TextClassifier, texts: list[str], truth: np.ndarray) -> None:
        self.classifier = classifier
        self.texts, self.truth = texts, truth
        self.spans: list[list[WordSpan]] = word_spans(texts)
        self._graph = tf.function(classifier, reduce_retracing=True)
        self.probabilities = self.ask(texts)
        self.answers, self.others = np.argsort(-self.probabilities, axis=1, kind="stable")[:, :2].T

    def ask(self, texts: list[str]) -> np.ndarray:
        """Probabilities [N, K], texts of like length together."""
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        answers = np.zeros((len(texts), len(self.classifier.classes)))
        for start in range(0, len(texts), 128):
            rows = order[start : start + 128]
            answers[rows] = self._graph(tf.constant([texts[row] for row in rows])).numpy()
        return answers

    def without(self, words: Ranked) -> np.ndarray:
        """Probabilities [N, K] of each text without its words."""
        parts = zip(self.texts, self.spans, words, strict=True)
        return self.ask([without_words(text, spans, set(out)) for text, spans, out in parts])

    def known_words(self) -> Iterator[list[str]]:
        """The different words of each text that the vocabulary has."""
        vocabulary = set(self.classifier.word_counts.vocabulary)
        for spans in self.spans:
            yield [word for word in dict.fromkeys(s.word for s in spans) if word in vocabulary]

    def reasons(self) -> Ranked:
        """The words for each answer, by the package."""
        found = WordReasons(self.classifier)(self.texts, self.answers, self.others)
        return [[word for word, added in why if added > 0] for why in found]

    def leave_one_out(self) -> Ranked:
        """Every word of a text, by the log-odds without it."""
        words = list(self.known_words())
        rows = np.repeat(np.arange(len(words)), [len(some) for some in words])
        left = [
            without_words(self.texts[row], self.spans[row], {word})
            for row, some in enumerate(words)
            for word in some
        ]
        answers = self.ask(left)
        at = np.arange(len(rows))
        odds = np.log(answers[at, self.answers[rows]]) - np.log(answers[at, self.others[rows]])
        return [
            [some[i] for i in np.argsort(odds[rows == row], kind="stable")]
            for row, some in enumerate(words)
        ]

    def largest(self) -> Ranked:
        """Every word of a text, by TF-IDF."""
        vocabulary = self.classifier.word_counts.vocabulary
        counts = self.classifier.word_counts.count_matrix(self.texts)
        weights = self.classifier.tf_idf.transform(counts)
        return [
            [vocabulary[row.indices[i]] for i in np.argsort(-row.data, kind="stable")]
            for row in weights
        ]

    def random(self, seed: int) -> Ranked:
        """Every word of a text, in an order that is drawn."""
        rng = np.random.default_rng(seed)
        return [rng.permutation(words).tolist() for words in self.known_words()]


def run(name: str, data: Path | None, seed: int, quick: bool) -> dict[str, dict[str, Any]]:
    """Figures of one draw of the labels, by method."""
    source, labels_per_class, most_texts, encoded = SETS[name]
    train, truth, test, test_truth, num_classes = load(source, data)
    with wanting(DataError):
        encoder = str(fetch("minilm")) if encoded else None
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(train))[:TRAINING_ROWS]
    asked = rng.permutation(len(test))[: 50 if quick else most_texts]
    observed = draw(truth[rows], labels_per_class, seed)
    allowed = (observed[:, np.newaxis] < 0) | (observed[:, np.newaxis] == np.arange(num_classes))
    classifier, _ = fit_classifier(
        [train[row] for row in rows],
        allowed,
        [str(k) for k in range(num_classes)],
        encoder=encoder,
        seed=seed,
    )
    judge = Judge(classifier, [test[row] for row in asked], test_truth[asked])
    start = time.process_time()
    reasons = judge.reasons()
    seconds = time.process_time() - start
    methods: dict[str, Callable[[], Ranked]] = {
        "leave-one-out": judge.leave_one_out,
        "TF-IDF": judge.largest,
        "random": lambda: judge.random(seed),
    }
    ranked = {"reasons": reasons, **{method: rank() for method, rank in methods.items()}}
    figures = {}
    for method, words in ranked.items():
        figures[method] = {"accuracy": float((judge.answers == judge.truth).mean())}
        for most in DELETED:
            # As many of each method: a text may have fewer reasons.
            deleted = [
                some[: min(most, len(why))] for some, why in zip(words, reasons, strict=True)
            ]
            answers = judge.without(deleted).argmax(axis=1)
            figures[method][f"changed_{most}"] = float((answers != judge.answers).mean())
            figures[method][f"accuracy_{most}"] = float((answers == judge.truth).mean())
    figures["reasons"]["cpu_seconds_per_1000_texts"] = seconds / len(judge.texts) * 1000
    return figures


def summary(name: str, method: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Means and deviations over the draws of the labels."""
    row: dict[str, Any] = {"name": f"{name}, {method}", "set": name, "runs": len(runs)}
    for figure in runs[0]:
        values = [one[figure] for one in runs]
        row[figure] = float(np.mean(values))
        row[f"{figure}_deviation"] = float(np.std(values))
    return row


def show(rows: list[dict[str, Any]]) -> None:
    table = Table()
    columns = ["set, words deleted", "right before"]
    columns += [f"{what}, {most}" for what in ("changed", "right") for most in DELETED]
    for column in columns:
        table.add_column(column, justify="left" if column == columns[0] else "right")
    for row in rows:
        keys = [f"{what}_{most}" for what in ("changed", "accuracy") for most in DELETED]
        cells = [
            f"{100 * row[key]:.1f} ± {100 * row[f'{key}_deviation']:.1f}"
            for key in ("accuracy", *keys)
        ]
        table.add_row(row["name"], *cells)
    Console(width=150).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one set, one draw, 50 texts")
    parser.add_argument("--json", type=Path, metavar="FILE", help="results")
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("TFP_DGM_DATA"),
        help="folder that holds sms_spam/; TFP_DGM_DATA in the environment",
    )
    parser.add_argument("--draws", type=int, default=3, help="of the labels of each set")
    parser.add_argument("--only", nargs="+", default=list(SETS), choices=SETS, help="sets, by name")
    options = parser.parse_args()
    names, draws = options.only, options.draws
    if options.quick:
        names, draws = names[:1], 1
    rows: list[dict[str, Any]] = []
    if options.json and options.json.exists():
        earlier = json.loads(options.json.read_text())
        if earlier["quick"] == options.quick:  # Runs of another size are not mixed in.
            rows = earlier["rows"]
    done = {row["set"] for row in rows}
    for name in names:
        if name in done or (SETS[name][0] == "sms" and options.data is None):
            continue
        runs = [run(name, options.data, seed, options.quick) for seed in range(draws)]
        rows += [summary(name, method, [one[method] for one in runs]) for method in runs[0]]
        print(name, "is done", file=sys.stderr, flush=True)
        if options.json:
            command = shlex.join(["python", *sys.argv])
            content = {"command": command, "quick": options.quick, "rows": rows}
            with atomic_write(options.json) as file:
                file.write((json.dumps(content, indent=1) + "\n").encode())
    show(rows)


if __name__ == "__main__":
    main()
