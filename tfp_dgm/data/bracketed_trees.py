"""Treebanks of bracketed trees, as the Penn Treebank writes them (.mrg)."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tfp_dgm.data.data_error import DataError, shorten
from tfp_dgm.data.limits import MAX_CELL_CHARACTERS
from tfp_dgm.data.text_file import open_text

_TRACE = "-NONE-"
_TOKEN = re.compile(r"[()]|[^\s()]+")
# NP-SBJ-1 is an NP; -NONE- and -LRB- are whole.
_FUNCTIONS = re.compile(r"(?<=\w)[-=].*(?<!-)$")
_LABEL = "X"  # Of a bracket that has no other.


@dataclass
class BracketedTree:
    """A node of a tree.

    Attributes:
      label: of a phrase, or a word's tag; "" where none is written.
      children: of a phrase.
      word: its number from 1 on; 0 of a phrase.
    """

    label: str
    children: list[BracketedTree] = field(default_factory=list)
    word: int = 0


@dataclass(frozen=True)
class BracketedSentence:
    """Words and tags of a sentence, and its tree; traces are left out, and what held them alone."""

    words: list[str]
    tags: list[str]
    tree: BracketedTree

    def spans(self) -> set[tuple[int, int]]:
        """The first and the last word of each phrase, counted from 0."""
        return {(min(words) - 1, max(words) - 1) for words in _words_of_phrases(self.tree)}


def read_bracketed_trees(path: str | os.PathLike[str]) -> list[BracketedSentence]:
    """Reads a plain or gzipped (.gz) file of trees, such as (S (NP (DT the) (NN cat)) (VBD sat)).

    Functions of labels are left out: NP-SBJ-1 is an NP. A tree may stand on several lines, and in
    brackets without a label.

    Raises:
      DataError: if the file cannot be read, or is of another format; names the line.
    """
    path = Path(path)
    with open_text(path, None, longest=MAX_CELL_CHARACTERS) as lines:
        sentences = list(parse_bracketed_trees(lines, path))
    if not sentences:
        raise DataError.at(path, "expected at least one bracketed tree with a word; none")
    return sentences


def parse_bracketed_trees(
    lines: Iterable[str], path: str | os.PathLike[str]
) -> Iterator[BracketedSentence]:
    """The sentences of lines, for messages those of `path`; trees of traces alone are left out.

    Raises:
      DataError: if they are of another format; names the line.
    """
    open_nodes: list[BracketedTree] = []
    words: list[str] = []
    tags: list[str] = []
    number, begun, before = 0, 0, ""
    for number, line in enumerate(lines, start=1):
        for token in _TOKEN.findall(line):
            place = f"line {number}"
            if token == "(":
                if open_nodes and open_nodes[-1].word:
                    raise DataError.at(path, "expected ) after a word; received (", place=place)
                if not open_nodes:
                    words, tags, begun = [], [], number
                open_nodes.append(BracketedTree(""))
            elif not open_nodes:
                raise DataError.at(
                    path, f"expected ( before anything else; received {shorten(token)}", place=place
                )
            elif token == ")":
                node = open_nodes.pop()
                if not open_nodes:
                    if words:
                        yield BracketedSentence(words, tags, node)
                elif node.label != _TRACE and (node.word or node.children):
                    open_nodes[-1].children.append(node)
            elif before == "(":
                open_nodes[-1].label = _FUNCTIONS.sub("", token)
            else:
                node = open_nodes[-1]
                if node.word or node.children or not node.label:
                    raise DataError.at(
                        path,
                        "expected words in brackets of their own, (TAG word); received "
                        f"{shorten(token)}",
                        place=place,
                    )
                if node.label != _TRACE:
                    words.append(token)
                    tags.append(node.label)
                node.word = len(words) or 1
            before = token
    if open_nodes:
        raise DataError.at(path, "expected ) at the end of a tree; none", place=f"line {begun}")


def write_bracketed_tree(
    file: IO[str],
    words: Sequence[str],
    spans: Collection[tuple[int, int]],
    *,
    tags: Sequence[str] | None = None,
) -> None:
    """Writes one tree on a line, each of whose brackets is labelled X.

    Args:
      file: open for writing, as UTF-8.
      words: T of them, T >= 1. Round brackets in them are written -LRB- and -RRB-, spaces "_".
      spans: the first and the last word of phrases, counted from 0, none across another; the whole
        is one in any case.
      tags: of the words; X by default.
    """
    begins, ends = [0] * len(words), [0] * len(words)
    for first, last in {*spans, (0, len(words) - 1)}:
        begins[first] += 1
        ends[last] += 1
    parts = []
    for place, word in enumerate(words):
        tag = _LABEL if tags is None else tags[place]
        leaf = f"({_written(tag)} {_written(word)})"
        parts.append(f"({_LABEL} " * begins[place] + leaf + ")" * ends[place])
    file.write(" ".join(parts) + "\n")


def _written(word: str) -> str:
    return re.sub(r"\s+", "_", word.replace("(", "-LRB-").replace(")", "-RRB-"))


def _words_of_phrases(tree: BracketedTree) -> list[list[int]]:
    """The numbers of the words below each phrase, from the leaves up."""
    order, phrases = [tree], []
    for node in order:  # Grows; parents stand before their children.
        order.extend(node.children)
    below: dict[int, list[int]] = {}
    for node in reversed(order):
        if node.word:
            below[id(node)] = [node.word]
        else:
            below[id(node)] = [word for child in node.children for word in below[id(child)]]
            phrases.append(below[id(node)])
    return phrases
