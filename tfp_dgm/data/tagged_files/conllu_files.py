"""Sentences in the CoNLL-U format: ten columns, results among the last one's attributes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tfp_dgm.data.conllu import check_word_line
from tfp_dgm.data.data_error import DataError, listing
from tfp_dgm.data.tag_scheme import PLAIN, TagScheme
from tfp_dgm.data.tagged_files.line_files import LineFile, line_chunks
from tfp_dgm.data.tagged_files.output_names import refuse_others
from tfp_dgm.data.tagged_files.raw_sentences import RawChunk
from tfp_dgm.data.tagged_files.tag_results import ACCEPT, SentenceResult

COLUMNS = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
ATTRIBUTES = (
    "Tag",
    "TagProb",
    "TagAccept",
    "SpanProb",
    "SpanAccept",
    "SpanOther",
    "SpanOtherProb",
)
_NOTHING = "_"


@dataclass(frozen=True)
class ConlluFile(LineFile):
    """A file in the CoNLL-U format.

    Surface tokens that span several words (1-2) and empty nodes (1.1) stay as they are.

    Attributes:
      path: the file.
      token: the column of the words, from 0.
      tag: that of the tags.
    """

    path: Path
    token: int
    tag: int

    def chunks(self, size: int | None, *, with_tags: bool = True) -> Iterator[RawChunk]:
        """See `TaggedFile.chunks`."""
        return line_chunks(self.path, size, self._word)

    @property
    def tags_from(self) -> str:
        """Where the tags were looked for."""
        return f"in the column {COLUMNS[self.tag]}"

    def check_output(self, output: Path) -> None:
        """Checks that a file of this format may have the name."""
        refuse_others(output, "CoNLL-U")

    def _added(self, scheme: TagScheme, result: SentenceResult) -> list[list[str]]:
        return _attributes(scheme, result)

    def _changed(self, body: str, added: list[str], place: str) -> str:
        rest, _, attributes = body.rpartition("\t")
        there = {item.partition("=")[0] for item in attributes.split("|")}
        if taken := [repr(name) for name in ATTRIBUTES if name in there]:
            raise DataError.at(
                self.path,
                f"the last column already has {listing(taken)}, which the output would add (is it "
                "the output of an earlier run?)",
                place=place,
            )
        kept = [] if attributes == _NOTHING else [attributes]
        return f"{rest}\t{'|'.join(kept + added)}"

    def _word(self, body: str, number: int, before: int) -> tuple[str, str] | None:
        """The word of a line and its tag; None of what is no word."""
        if body.startswith("#"):
            return None
        cells = body.split("\t")
        check_word_line(self.path, number, cells, before + 1)
        return (cells[self.token], cells[self.tag]) if cells[0].isdecimal() else None


def conllu_column(path: Path, argument: str, column: int | str) -> int:
    """The place of a column, from 0, by its number from 1 or its name.

    Raises:
      DataError: if there is none.
    """
    name = str(column).lower()
    if name in COLUMNS:
        return COLUMNS.index(name)
    if name.isdecimal() and 1 <= int(name) <= len(COLUMNS):
        return int(name) - 1
    raise DataError.at(
        path, f"{argument}: expected one of {', '.join(COLUMNS)}, or 1 to 10; received {column!r}"
    )


def _attributes(scheme: TagScheme, result: SentenceResult) -> list[list[str]]:
    """What is added to each of the T words: only what there is to say."""
    found = []
    for tag, probability, accept in zip(
        result.tags, result.probabilities, result.accept, strict=True
    ):
        added = [f"Tag={_escaped(tag)}", f"TagProb={probability:.4f}"]
        found.append(added if accept is None else [*added, f"TagAccept={ACCEPT[accept]}"])
    for span in result.spans if scheme.kind != PLAIN else ():
        found[span.first].append(f"SpanProb={span.probability:.4f}")
        if span.accept is not None:
            found[span.first].append(f"SpanAccept={ACCEPT[span.accept]}")
        found[span.first] += [
            f"SpanOther={_escaped(span.runner_up)}",
            f"SpanOtherProb={span.runner_up_probability:.4f}",
        ]
    return found


def _escaped(value: str) -> str:
    """A value without the character that separates attributes, as treebanks write SpacesAfter."""
    return value.replace("\\", "\\\\").replace("|", "\\p")
