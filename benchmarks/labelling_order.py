"""Labelling where word order carries the class, and where it does not: with its view and without.

Of each set a pool is drawn, 10 labels of each class are given, and every method is judged on the
others:

  tfp_dgm                     as `dgm label` does, without an encoder
  tfp_dgm, no order           the same without the heads on neighbouring words and beginnings
  TF-IDF + LR, ... of pairs   logistic regression on words, and on words and pairs of them

    TFP_DGM_DATA=DIR python benchmarks/labelling_order.py \
        --json benchmarks/results/labelling_order.json

In the first sets order and function words decide, by grammar (English-EWT: whether a sentence is a
statement, a command, a question of either kind or a fragment; the tense of its verb) or by who is
named first where a caption names several (Flickr30k, Flickr8k: a man, a woman, a child, a dog,
people). The others are short texts on topics and moods: the first words of newsgroups and of news,
comments, SMS. Those named "chosen on" were looked at while the view was built; the others were
not, but that English-EWT is in both parts, and Flickr30k holds most pictures of Flickr8k.

Printed, as means over draws: accuracy with its spread, expected calibration error, what was
accepted at 90 % asked precision and how many of the accepting runs kept it, and the CPU seconds of
all but the features. With `--json`, what the file holds already is not measured again.
"""

import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from labelled_sets.draws import drawn_rows
from labelled_sets.splits import lines_of, read_whole
from recorded.benchmark_options import folder_within, parser_of
from recorded.resumed_rows import record, rows_so_far
from rich.console import Console
from rich.table import Table
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from tfp_dgm.evaluation import accuracy, expected_calibration_error
from tfp_dgm.labelling import Features, fit_classifier, fit_features

LABELS, PRECISION = 10, 0.9
LEAST = 30  # Rows that a class has at least.
PEOPLE = {
    "man": "man men guy",
    "woman": "woman women lady",
    "child": "boy boys girl girls child children kid kids baby toddler",
    "dog": "dog dogs",
    "people": "people group crowd person",
}
EMOTIONS = [
    "admiration",
    "amusement",
    "anger",
    "confusion",
    "curiosity",
    "gratitude",
    "love",
    "sadness",
]
Pairs = Iterator[tuple[str, str]]


def sentences(data: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The texts of English-EWT with their words: form, lemma, tag, features, head, relation."""
    folder = folder_within(data, "ud_english_ewt")
    for part in ("train", "dev", "test"):
        for block in "\n".join(lines_of(folder / f"en_ewt-ud-{part}.conllu.gz")).split("\n\n"):
            text = re.search(r"^# text = (.*)$", block, re.MULTILINE)
            rows = [line.split("\t") for line in block.splitlines() if line[:1].isdigit()]
            names = ("id", "form", "lemma", "tag", "_", "features", "head", "relation")
            words = [dict(zip(names, row, strict=False)) for row in rows if row[0].isdigit()]
            if text and words:
                yield text[1], words


def root_of(words: list[dict[str, Any]]) -> dict[str, Any]:
    return next(word for word in words if word["relation"] == "root")


def moods(data: Path) -> Pairs:
    for text, words in sentences(data):
        root = root_of(words)
        own = [word["relation"] for word in words if word["head"] == root["id"]]
        if not 3 <= sum(word["tag"] != "PUNCT" for word in words) <= 25:
            continue
        if text.rstrip(" )\"'").endswith("?"):
            asked = any("PronType=Int" in word["features"] for word in words)
            yield text, "open question" if asked else "yes or no"
        elif "Mood=Imp" in root["features"]:
            yield text, "command"
        elif any(relation.startswith(("nsubj", "expl")) for relation in own):
            yield text, "statement"
        elif root["tag"] in ("NOUN", "PROPN"):
            yield text, "fragment"


def tenses(data: Path) -> Pairs:
    modals = {"can", "could", "would", "should", "may", "might", "must"}
    for text, words in sentences(data):
        root = root_of(words)
        size = sum(word["tag"] != "PUNCT" for word in words)
        if not 4 <= size <= 20 or text.endswith("?") or root["tag"] != "VERB":
            continue
        own = [word for word in words if word["head"] == root["id"]]
        helpers = {word["lemma"] for word in own if word["relation"].startswith("aux")}
        finite = "VerbForm=Fin" in root["features"]
        if "will" in helpers:
            yield text, "future"
        elif helpers & modals:
            yield text, "modal"
        elif "have" in helpers:
            yield text, "perfect"
        elif any(word["relation"] == "aux:pass" for word in own):
            yield text, "passive"
        elif finite and "Tense=Past" in root["features"]:
            yield text, "past"
        elif finite and "Tense=Pres" in root["features"]:
            yield text, "present"


def who_is_first(captions: list[str]) -> Pairs:
    """Captions that name several."""
    kinds = {word: kind for kind, words in PEOPLE.items() for word in words.split()}
    for caption in captions:
        named = [kinds[word] for word in re.findall("[a-z]+", caption.lower()) if word in kinds]
        if len(set(named)) > 1:
            yield caption, named[0]


def flickr30k(data: Path) -> Pairs:
    folder = folder_within(data, "multi30k_captions")
    return who_is_first(lines_of(folder / "train.en.txt.gz")[:20_000])


def flickr8k(data: Path) -> Pairs:
    lines = lines_of(folder_within(data, "flickr8k") / "Flickr8k.token.txt.gz")
    return who_is_first([line.split("\t", 1)[1] for line in lines])


def first_words(name: str, words: int) -> Pairs:
    for text, label in zip(*read_whole(name, None), strict=True):
        yield " ".join(text.split()[:words]), label


def emotions(data: Path) -> Pairs:
    rows = zip(*read_whole("emotions", data), strict=True)
    return ((text, label) for text, label in rows if label in EMOTIONS)


def sms(data: Path) -> Pairs:
    return zip(*read_whole("sms", data), strict=True)


# Of each set its rows, and how many of a class are taken at most.
SETS: dict[str, tuple[Callable[[Path], Pairs], int]] = {
    "kinds of sentences, chosen on": (moods, 400),
    "first of Flickr30k, chosen on": (flickr30k, 400),
    "tenses": (tenses, 300),
    "first of Flickr8k": (flickr8k, 400),
    "20 Newsgroups, 12 words": (lambda data: first_words("20ng", 12), 100),
    "R52, 10 words": (lambda data: first_words("r52", 10), 200),
    "emotions": (emotions, 250),
    "SMS": (sms, 1000),
}


def load(name: str, data: Path) -> tuple[list[str], np.ndarray]:
    """The texts of a pool, no two alike, and their classes [N]."""
    read, most = SETS[name]
    found: dict[str, tuple[str, str]] = {}
    for text, label in read(data):
        found.setdefault(text.lower(), (text, label))
    texts, labels = map(np.array, zip(*found.values(), strict=True))
    rng = np.random.default_rng(0)
    names, counts = np.unique(labels, return_counts=True)
    kept = [rng.permutation(np.flatnonzero(labels == k))[:most] for k in names[counts >= LEAST]]
    truth = np.repeat(np.arange(len(kept)), [len(rows) for rows in kept])
    return texts[np.concatenate(kept)].tolist(), truth


def answers(
    texts: list[str], truth: np.ndarray, given: np.ndarray, features: Features
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The figures of each method where the rows `given` have their labels."""
    hidden = np.setdiff1d(np.arange(len(texts)), given)
    allowed = np.ones((len(texts), truth.max() + 1), bool)
    allowed[given] = np.eye(truth.max() + 1, dtype=bool)[truth[given]]
    unordered = replace(features, views=features.views[:-1], word_order=None)
    for method, seen in (("tfp_dgm", features), ("tfp_dgm, no order", unordered)):
        start = time.process_time()
        names = [str(k) for k in range(truth.max() + 1)]
        _, found = fit_classifier(texts, allowed, names, min_precision=PRECISION, features=seen)
        seconds = time.process_time() - start
        right, accepted = found.predicted[hidden] == truth[hidden], found.accepted[hidden]
        yield (
            method,
            {
                "accuracy": float(right.mean()),
                "ece": expected_calibration_error(found.probabilities[hidden], truth[hidden]),
                "accepted": float(accepted.mean()),
                "precision": float(right[accepted].mean()) if accepted.any() else None,
                "cpu_seconds": seconds,
            },
        )
    for method, longest in (("TF-IDF + LR", 1), ("TF-IDF + LR of pairs", 2)):
        vectorizer = TfidfVectorizer(sublinear_tf=True, min_df=2, ngram_range=(1, longest))
        vectors = vectorizer.fit_transform(texts)
        model = LogisticRegression(C=10, max_iter=1000).fit(vectors[given], truth[given])
        yield method, {"accuracy": accuracy(model.predict(vectors[hidden]), truth[hidden])}


def summary(name: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over draws, the spread of the accuracy, and the promises kept."""
    row: dict[str, Any] = {"name": name, "runs": len(runs)}
    for key in runs[0].keys() - {"precision"}:
        row[key] = float(np.mean([run[key] for run in runs]))
    row["accuracy_sd"] = float(np.std([run["accuracy"] for run in runs]))
    accepting = [run["precision"] for run in runs if run.get("precision") is not None]
    return row | {"accepting": len(accepting), "kept": sum(p >= PRECISION for p in accepting)}


def main() -> None:
    parser = parser_of(__doc__, "the sets", quick="one set, one draw")
    parser.add_argument("--draws", type=int, default=3, help="of the labels of each set")
    options = parser.parse_args()
    draws = 1 if options.quick else options.draws
    rows = rows_so_far(options.json)
    for name in list(SETS)[1:2] if options.quick else SETS:
        if any(row["name"].startswith(f"{name}: ") for row in rows):
            continue
        texts, truth = load(name, options.data)
        features = fit_features(texts)
        runs: dict[str, list[dict[str, Any]]] = {}
        for seed in range(draws):
            rng = np.random.default_rng([seed, 5])
            given = drawn_rows(truth, LABELS, rng)
            for method, figures in answers(texts, truth, given, features):
                runs.setdefault(method, []).append(figures)
        for method, each in runs.items():
            record(rows, summary(f"{name}: {method}", each), options.json)
    show(Console(width=120), rows)


def show(console: Console, rows: list[dict[str, Any]]) -> None:
    table = Table()
    for title in ("set: method", "accuracy", "ECE", "accepted", "kept", "CPU s"):
        table.add_column(title)
    for row in rows:
        cells = [row["name"], f"{row['accuracy']:.1%} ± {row['accuracy_sd']:.1%}"]
        if "ece" in row:
            cells += [f"{row['ece']:.1%}", f"{row['accepted']:.1%}"]
            cells += [f"{row['kept']} of {row['accepting']}", f"{row['cpu_seconds']:.1f}"]
        table.add_row(*cells)
    console.print(table)


if __name__ == "__main__":
    main()
