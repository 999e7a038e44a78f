"""CoNLL columns with results behind them, read again, and the answers to them written."""

from __future__ import annotations

from dataclasses import dataclass

from tfp_dgm.data.data_error import DataError, shorten
from tfp_dgm.data.tagged_files.column_files import ColumnFile
from tfp_dgm.data.tagged_files.raw_sentences import RawChunk, RawSentence
from tfp_dgm.data.tagged_files.read_values import accept_of, probability_of
from tfp_dgm.data.tagged_files.result_files import LinesWithResults, WordResult
from tfp_dgm.data.tagged_files.tag_results import ACCEPT

OF_WORDS, OF_SPANS = 3, 7  # How many columns a result has.
_NOTHING = "_"


@dataclass(frozen=True)
class ColumnsWithResults(LinesWithResults, ColumnFile):
    """A file that `ColumnFile` wrote; its layout is that of the source.

    Attributes:
      added: how many columns of results there are.
    """

    added: int

    def _word(self, body: str, number: int, before: int) -> tuple[str, str] | None:
        source, cells = self._parted(body)
        if not self._are_results(cells):
            if body.startswith("#"):  # A comment, which got none.
                return None
            raise DataError.at(
                self.path,
                f"expected {self.added} columns of results; received {shorten(body)}",
                place=f"line {number}",
            )
        return super()._word(source, number, before)

    def word_result(self, chunk: RawChunk, sentence: RawSentence, word: int) -> WordResult:
        """What stands behind a word."""
        _, cells = self._parted(chunk.pieces[sentence.pieces[word]].rstrip("\r\n"))
        tag, probability, accept, *of_span = cells
        place = (self.path, sentence.place(word))
        span = None
        if of_span and of_span[0] != _NOTHING:
            span = (
                probability_of(of_span[0], *place),
                accept_of(of_span[1], *place),
                of_span[2],
                probability_of(of_span[3], *place),
            )
        return WordResult(tag, probability_of(probability, *place), accept_of(accept, *place), span)

    def answered(self, body: str, tag: str | None) -> str:
        """The source's line, with another tag where one is given."""
        source, _ = self._parted(body)
        column = self.layout.tag
        if tag is None or column is None:
            return source
        if self.layout.tabs:
            cells = source.split("\t")
            return "\t".join([*cells[:column], tag, *cells[column + 1 :]])
        begin, end = _places(source)[column]
        return source[:begin] + tag + source[end:]

    def _parted(self, body: str) -> tuple[str, list[str]]:
        """A line of the source, and the cells that were added to it."""
        tabs = self.layout.tabs or self.layout.count == 1
        source, *cells = body.rsplit("\t" if tabs else " ", self.added)
        return source, cells

    def _are_results(self, cells: list[str]) -> bool:
        return (
            len(cells) == self.added
            and cells[1][:2] in ("0.", "1.")
            and cells[2] in ACCEPT.values()
        )


def _places(line: str) -> list[tuple[int, int]]:
    """Where the cells of a line begin and end that stand between blanks."""
    found = []
    begin: int | None = None
    for place, character in enumerate([*line, " "]):
        if character in " \t":
            if begin is not None:
                found.append((begin, place))
            begin = None
        elif begin is None:
            begin = place
    return found
