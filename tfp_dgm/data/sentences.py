"""Files of sentences, one a line."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tfp_dgm.data.data_error import DataError, listing
from tfp_dgm.data.limits import MAX_CELL_CHARACTERS
from tfp_dgm.data.text_file import lines_of, open_bytes
from tfp_dgm.data.visible_text import is_blank

_LINES_SHOWN = 5
_EMPTY, _NOT_UTF8 = "empty", "not UTF-8"


@dataclass(frozen=True)
class Sentences:
    """The lines of a file that are sentences, and what was left out.

    Attributes:
      texts: the sentences, without spaces at their ends.
      num_lines: lines of the file.
      empty: numbers of the lines that hold nothing, or nothing that can be seen.
      not_utf8: numbers of the lines that are not UTF-8 or hold a NUL byte.
    """

    texts: list[str]
    num_lines: int
    empty: list[int]
    not_utf8: list[int]

    @property
    def line_numbers(self) -> list[int]:
        """The number of each text's line, counted from 1."""
        left_out = {*self.empty, *self.not_utf8}
        return [n for n in range(1, self.num_lines + 1) if n not in left_out]

    def warnings(self) -> list[str]:
        """What was left out, one sentence a kind, with the first line numbers."""
        kinds = ((_EMPTY, self.empty), (_NOT_UTF8, self.not_utf8))
        return [
            f"{len(lines):,} of {self.num_lines:,} lines left out, {name}: "
            f"line {listing([str(line) for line in lines], _LINES_SHOWN)}"
            for name, lines in kinds
            if lines
        ]


def read_sentences(path: str | os.PathLike[str]) -> Sentences:
    """Reads a plain or gzipped (.gz) file of sentences, one a line.

    Args:
      path: the file; a byte order mark is taken off.
    Raises:
      DataError: if the file cannot be read or unpacked, is UTF-16, UTF-32 or no text at all, or
        holds no sentence or one of more than 20 million characters.
    """
    texts: list[str] = []
    left_out: dict[str, list[int]] = {_EMPTY: [], _NOT_UTF8: []}
    number = 0
    for number, text, fault in iter_lines(path):
        if fault is None:
            texts.append(text)
        else:
            left_out[fault].append(number)
    sentences = Sentences(texts, number, left_out[_EMPTY], left_out[_NOT_UTF8])
    if not sentences.texts:
        problems = "; ".join(sentences.warnings()) or "the file is empty"
        raise DataError.at(path, f"expected at least one sentence; {problems}")
    return sentences


def iter_lines(path: str | os.PathLike[str]) -> Iterator[tuple[int, str, str | None]]:
    """The lines of a plain or gzipped file, one in memory at a time.

    Yields:
      The line's number, from 1; its text without spaces at its ends; and why it is no sentence,
      "empty" or "not UTF-8", or None where it is one.
    Raises:
      DataError: see `read_sentences`.
    """
    path = Path(path)
    with (
        open_bytes(path) as binary,
        # What is not UTF-8 is left out line by line, and a line may end as on any system.
        io.TextIOWrapper(binary, encoding="utf-8-sig", errors="surrogateescape") as file,
    ):
        for number, line in enumerate(lines_of(file, path, MAX_CELL_CHARACTERS), start=1):
            text = line.strip()
            fault = None
            if "\0" in text or not _is_utf8(text):
                fault = _NOT_UTF8
            elif is_blank(text):
                fault = _EMPTY
            yield number, text, fault


def _is_utf8(text: str) -> bool:
    return text.isascii() or not any("\udc80" <= character <= "\udcff" for character in text)
