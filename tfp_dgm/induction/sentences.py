"""The sentences that structures are induced from: plain text, or a treebank."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tfp_dgm.data import (
    AnnotatedSentence,
    RunFolder,
    digest,
    read_bracketed_trees,
    read_conllu,
    read_sentences,
)

_SPACES = re.compile(r"[ \t\n\v\f\r]+")  # Those at which a vocabulary cuts in the graph.


@dataclass(frozen=True)
class Sentences:
    """Sentences cut into words.

    Attributes:
      words: of each sentence, none of them with a space inside.
      annotations: what a treebank says of each; None of plain text.
      spans: the first and the last word, counted from 0, of the phrases of each; None but of
        bracketed trees.
      warnings: what a person should know of the file.
    """

    words: list[list[str]]
    annotations: list[AnnotatedSentence] | None
    warnings: list[str]
    spans: list[set[tuple[int, int]]] | None = None

    @property
    def texts(self) -> list[str]:
        """The words of each sentence between spaces."""
        return [" ".join(words) for words in self.words]

    @property
    def forms(self) -> list[list[str]]:
        """The words of each sentence as the file has them."""
        return self.words if self.annotations is None else [row.words for row in self.annotations]

    @property
    def num_words(self) -> int:
        """Of all sentences."""
        return sum(map(len, self.words))

    def gold_tags(self, column: Literal["xpos", "upos"]) -> list[str] | None:
        """The annotated tags of all words, one after the other; None unless every word has one."""
        if self.annotations is None:
            return None
        tags = [tag for sentence in self.annotations for tag in getattr(sentence, column)]
        return None if "_" in tags else tags


def read_words(path: str | os.PathLike[str]) -> Sentences:
    """Reads sentences, plain or gzipped (.gz).

    A file that ends in .conllu is a treebank, and so is one in .mrg, of bracketed trees; their
    annotations serve for scores, and where they are asked for. Any other holds a sentence a line,
    its words and marks between spaces.

    Raises:
      DataError: if the file cannot be read, or is of another format; names the line.
    """
    path = Path(path)
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(".conllu"):
        return _treebank(read_conllu(path), None)
    if name.endswith(".mrg"):
        trees = read_bracketed_trees(path)
        nothing = [["_"] * len(tree.words) for tree in trees]
        annotated = [
            AnnotatedSentence(tree.words, none, tree.tags, [None] * len(none))
            for tree, none in zip(trees, nothing, strict=True)
        ]
        return _treebank(annotated, [tree.spans() for tree in trees])
    sentences = read_sentences(path)
    words = [_SPACES.split(text) for text in sentences.texts]
    return Sentences(words, None, sentences.warnings())


def read_words_of_run(
    path: str | os.PathLike[str], run: RunFolder, say: Callable[[str], None]
) -> Sentences:
    """Reads the sentences of a run and says what a person should know of the file.

    Raises:
      DataError: as `read_words`, and if the run was begun with another text.
    """
    sentences = read_words(path)
    run.require_data({"text_file": digest(sentences.texts)})
    for warning in sentences.warnings:
        say(f"Warning: {warning}")
    return sentences


def _treebank(
    annotated: list[AnnotatedSentence], spans: list[set[tuple[int, int]]] | None
) -> Sentences:
    words = [[_SPACES.sub("_", word) for word in row.words] for row in annotated]
    return Sentences(words, annotated, [], spans)
