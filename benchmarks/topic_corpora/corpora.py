"""Documents as lists of tokens, with their classes."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse

from tfp_dgm.data import load_text_classification
from tfp_dgm.text import WordCounts
from tfp_dgm.topic_modelling.learned_vocabulary import count_texts

NAMES = ("20ng", "m10", "r8")
_LEAST_TOKENS = 5  # OCTIS leaves out shorter posts.
# Endings that a lemma lacks, and what stands in their place, tried in this order.
_ENDINGS = (("ies", "y"), ("es", ""), ("es", "e"), ("s", ""), ("ing", ""), ("ing", "e"))
_ENDINGS += (("ied", "y"), ("ed", ""), ("ed", "e"))


@dataclass(frozen=True)
class Corpus:
    """N documents over V words.

    Attributes:
      name: one of `NAMES`.
      documents: [N] lists of words.
      vocabulary: [V].
      counts: sparse float32 [N, V].
      classes: [N].
      texts: [N]; what an encoder reads.
    """

    name: str
    documents: list[list[str]]
    vocabulary: list[str]
    counts: scipy.sparse.csr_matrix
    classes: list[str]
    texts: list[str]


def load(name: str, data: Path) -> Corpus:
    """Reads a corpus.

    `20ng` is made as OCTIS makes it, of the posts of both parts in lower case: words of its
    vocabulary stay, those that only an ending parts from one become it, for want of its lemmatiser,
    and posts of fewer than five words go. `m10` is read as OCTIS has it. `r8` has the vocabulary
    that `dgm topics` learns.
    """
    return _READERS[name](data)


def _read_20ng(data: Path) -> Corpus:
    words = (data / "octis_20ng/vocabulary.txt").read_text("utf-8").split()
    split = load_text_classification("20ng")
    texts, classes = split.train_texts + split.test_texts, split.train_labels + split.test_labels
    known = set(words)
    lemmas: dict[str, str | None] = {}
    documents = []
    for text in texts:
        tokens = re.findall(r"[a-z]+", text.lower())
        for token in tokens:
            if token not in lemmas:
                lemmas[token] = _lemma(token, known)
        documents.append([lemma for token in tokens if (lemma := lemmas[token]) is not None])
    rows = [row for row, tokens in enumerate(documents) if len(tokens) >= _LEAST_TOKENS]
    return _corpus(
        "20ng",
        [documents[row] for row in rows],
        words,
        [classes[row] for row in rows],
        [texts[row] for row in rows],
    )


def _lemma(token: str, known: set[str]) -> str | None:
    if token in known:
        return token
    for ending, instead in _ENDINGS:
        if token.endswith(ending) and (lemma := token.removesuffix(ending) + instead) in known:
            return lemma
    return None


def _read_m10(data: Path) -> Corpus:
    lines = (data / "octis_m10/corpus.tsv").read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line]
    words = (data / "octis_m10/vocabulary.txt").read_text("utf-8").split()
    texts = [row[0] for row in rows]
    return _corpus("m10", [text.split() for text in texts], words, [row[2] for row in rows], texts)


def _read_r8(data: Path) -> Corpus:
    split = load_text_classification("r8")
    texts, classes = split.train_texts + split.test_texts, split.train_labels + split.test_labels
    words = list(count_texts(texts, max_words=3_000).vocabulary)
    known = set(words)
    documents = [[word for word in text.split() if word in known] for text in texts]
    rows = [row for row, tokens in enumerate(documents) if tokens]
    return _corpus(
        "r8",
        [documents[row] for row in rows],
        words,
        [classes[row] for row in rows],
        [texts[row] for row in rows],
    )


_READERS: dict[str, Callable[[Path], Corpus]] = {
    "20ng": _read_20ng,
    "m10": _read_m10,
    "r8": _read_r8,
}


def _corpus(
    name: str,
    documents: list[list[str]],
    words: Sequence[str],
    classes: list[str],
    texts: list[str],
) -> Corpus:
    seen = Counter(word for tokens in documents for word in tokens)
    vocabulary = [word for word in words if word in seen]
    counts = WordCounts(vocabulary).count_matrix([" ".join(tokens) for tokens in documents])
    return Corpus(name, documents, vocabulary, counts.astype(np.float32), classes, texts)
