"""Labelled sets by their names, each with the one split that all benchmarks share."""

import gzip
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from exits.missing import wanting
from recorded.benchmark_options import folder_within

from tfp_dgm.data import DataError, TextClassificationSplit, load_text_classification

REGISTERED = ("r8", "r52", "20ng")
SHORT, FIRST_WORDS = "20ng short", 12  # 20 Newsgroups, and how many words of each text.
# Classes of the split of emotions, whose others are rarer or hard to tell.
EMOTIONS = ("admiration", "amusement", "anger", "gratitude", "love", "sadness")
_LEAVES = re.compile(r" ([^ ()]+)\)")
_BRACKETS = {"-LRB-": "(", "-RRB-": ")"}


def read_split(name: str, data: Path | None) -> TextClassificationSplit:
    """A set in its standard split, or in a fixed one, 70 : 30.

    Args:
      name: one of `REGISTERED`, `SHORT`, "sst" (no neutral sentences) or one of `LOCAL`.
      data: the folder of the sets that are not registered.
    """
    if name in REGISTERED:
        with wanting(DataError):
            return load_text_classification(name)
    if name == SHORT:
        long = read_split("20ng", data)
        return TextClassificationSplit(
            [_beginning(text) for text in long.train_texts],
            long.train_labels,
            [_beginning(text) for text in long.test_texts],
            long.test_labels,
        )
    if name == "sst":
        train, test = (list(_sst(data, part)) for part in ("train", "test"))
    else:
        rows = list(LOCAL[name](data))
        if name == "emotions":
            rows = [row for row in rows if row[1] in EMOTIONS]
        rows = [rows[row] for row in np.random.default_rng(0).permutation(len(rows))]
        cut = len(rows) * 7 // 10
        train, test = rows[:cut], rows[cut:]
    return TextClassificationSplit(
        *([row[column] for row in part] for part in (train, test) for column in (0, 1))
    )


def read_whole(name: str, data: Path | None) -> tuple[list[str], list[str]]:
    """Texts and labels: the training part of a registered set, all of one of `LOCAL`."""
    if name in REGISTERED:
        split = read_split(name, data)
        return split.train_texts, split.train_labels
    rows = list(LOCAL[name](data))
    return [text for text, _ in rows], [label for _, label in rows]


def _beginning(text: str) -> str:
    return " ".join(text.split()[:FIRST_WORDS])


def lines_of(path: Path, encoding: str = "utf-8") -> list[str]:
    """The lines of a file, which may be compressed."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    return content.decode(encoding).splitlines()


def _sms(data: Path | None) -> Iterator[tuple[str, str]]:
    for line in lines_of(folder_within(data, "sms_spam") / "SMSSpamCollection"):
        if line:
            label, text = line.split("\t", 1)
            yield text, label


def _m10(data: Path | None) -> Iterator[tuple[str, str]]:
    for line in lines_of(folder_within(data, "octis_m10") / "corpus.tsv"):
        text, _, label = line.split("\t")
        yield text, label


def _emotions(data: Path | None) -> Iterator[tuple[str, str]]:
    """Comments that have one emotion."""
    folder = folder_within(data, "go_emotions")
    names = lines_of(folder / "labels.txt")
    for line in lines_of(folder / "train.tsv.gz"):
        text, numbers, _ = line.split("\t")
        if "," not in numbers:
            yield text, names[int(numbers)]


def _polarity(data: Path | None) -> Iterator[tuple[str, str]]:
    folder = folder_within(data, "pang_lee") / "sentence_polarity"
    for label in ("negative", "positive"):
        for text in lines_of(folder / f"rt-polarity.{label[:3]}.txt.gz", "latin-1"):
            yield text, label


def _subjectivity(data: Path | None) -> Iterator[tuple[str, str]]:
    folder = folder_within(data, "pang_lee") / "subjectivity"
    for file, label in (("plot", "objective"), ("quote", "subjective")):
        for text in lines_of(folder / f"{file}.tok.gt9.5000.txt.gz", "latin-1"):
            yield text, label


def _sst(data: Path | None, part: str) -> Iterator[tuple[str, str]]:
    """Sentences of trees whose root is not neutral."""
    for tree in lines_of(folder_within(data, "sst") / f"{part}.txt.gz"):
        if tree[1] != "2":
            words = [_BRACKETS.get(word, word) for word in _LEAVES.findall(tree)]
            yield " ".join(words).replace("\\/", "/"), "negative" if tree[1] < "2" else "positive"


LOCAL: dict[str, Callable[[Path | None], Iterator[tuple[str, str]]]] = {
    "sms": _sms,
    "polarity": _polarity,
    "subjectivity": _subjectivity,
    "m10": _m10,
    "emotions": _emotions,
}
