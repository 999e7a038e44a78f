"""Sentences in columns: a word a line, a blank line after each sentence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tfp_dgm.data.data_error import DataError, shorten
from tfp_dgm.data.tag_scheme import PLAIN, TagScheme
from tfp_dgm.data.tagged_files.column_layout import DOCUMENT_START, ColumnLayout
from tfp_dgm.data.tagged_files.line_files import LineFile, line_chunks
from tfp_dgm.data.tagged_files.output_names import refuse_others
from tfp_dgm.data.tagged_files.raw_sentences import RawChunk
from tfp_dgm.data.tagged_files.tag_results import ACCEPT, SentenceResult

_NOTHING = "_"


@dataclass(frozen=True)
class ColumnFile(LineFile):
    """A file in a CoNLL format.

    Comments, blank lines and the starts of documents stay as they are.
    """

    path: Path
    layout: ColumnLayout

    def chunks(self, size: int | None, *, with_tags: bool = True) -> Iterator[RawChunk]:
        """See `TaggedFile.chunks`."""
        return line_chunks(self.path, size, self._word, starts=DOCUMENT_START)

    @property
    def tags_from(self) -> str:
        """Where the tags were looked for."""
        if self.layout.tag is None:
            return "in the only column"
        return f"in column {self.layout.tag + 1}"

    def check_output(self, output: Path) -> None:
        """Checks that a file of this format may have the name."""
        refuse_others(output, "CoNLL columns")

    def _added(self, scheme: TagScheme, result: SentenceResult) -> list[list[str]]:
        return result_columns(scheme, result)

    def _changed(self, body: str, added: list[str], place: str) -> str:
        tabs = self.layout.tabs
        missing = len(self.layout.cells(body)) < self.layout.count
        tag = [("" if tabs else _NOTHING)] * missing
        separator = "\t" if tabs or self.layout.count == 1 else " "
        return separator.join([body, *tag, *added])

    def _word(self, body: str, number: int, before: int) -> tuple[str, str] | None:
        """The word of a line and its tag; None of a comment."""
        layout = self.layout
        cells = layout.cells(body)
        if layout.is_comment(body, cells, at_start=not before):
            return None
        if len(cells) == 1 and layout.count == 2 and layout.tag == 1 and " " not in cells[0]:
            cells = [*cells, ""]
        if len(cells) != layout.count:
            between = "between tabs" if layout.tabs else "between blanks"
            raise DataError.at(
                self.path,
                f"expected {layout.count} columns {between}, as most lines have; received "
                f"{len(cells)} in {shorten(body)}",
                place=f"line {number}",
            )
        if not cells[layout.token]:
            raise DataError.at(
                self.path,
                f"expected a word in column {layout.token + 1}; received an empty one",
                place=f"line {number}",
            )
        return cells[layout.token], "" if layout.tag is None else cells[layout.tag]


def result_columns(scheme: TagScheme, result: SentenceResult) -> list[list[str]]:
    """What is added to the T lines of a sentence.

    Tag, probability and accept of each word. Where tags are of spans, the probability and accept
    of the span that begins with the word, its runner-up and the probability of that.
    """
    columns = [
        [tag, f"{probability:.4f}", ACCEPT[accept]]
        for tag, probability, accept in zip(
            result.tags, result.probabilities, result.accept, strict=True
        )
    ]
    if scheme.kind == PLAIN:
        return columns
    of_spans = {
        span.first: [
            f"{span.probability:.4f}",
            ACCEPT[span.accept],
            span.runner_up,
            f"{span.runner_up_probability:.4f}",
        ]
        for span in result.spans
    }
    nothing = [_NOTHING] * 4
    return [cells + of_spans.get(place, nothing) for place, cells in enumerate(columns)]
