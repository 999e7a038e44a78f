"""Files of sentences, one a line."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tfp_dgm.data.data_error import DataError, listing

_LINES_SHOWN = 5


@dataclass(frozen=True)
class Sentences:
    """The lines of a file that are sentences, and what was left out.

    Attributes:
      texts: the sentences, without spaces at their ends.
      num_lines: lines of the file.
      empty: numbers of the lines that hold nothing.
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
        kinds = (("empty", self.empty), ("not UTF-8", self.not_utf8))
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
      DataError: if the file cannot be read or unpacked, is UTF-16 or UTF-32, or holds no sentence.
    """
    path = Path(path)
    texts: list[str] = []
    empty: list[int] = []
    not_utf8: list[int] = []
    number = 0
    for number, line in enumerate(_lines(path), start=1):
        try:
            text = line.decode("utf-8").strip()
        except UnicodeDecodeError:
            not_utf8.append(number)
            continue
        if "\0" in text:
            not_utf8.append(number)
        elif not text:
            empty.append(number)
        else:
            texts.append(text)
    sentences = Sentences(texts, number, empty, not_utf8)
    if not sentences.texts:
        problems = "; ".join(sentences.warnings()) or "the file is empty"
        raise DataError.at(path, f"expected at least one sentence; {problems}")
    return sentences


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file):
                if number == 0:
                    if line.startswith((b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")):
                        raise DataError.at(
                            path,
                            "expected UTF-8, got UTF-16 or UTF-32; convert the file, for example "
                            "with `iconv -f UTF-16 -t UTF-8 IN > OUT`",
                        )
                    line = line.removeprefix(b"\xef\xbb\xbf")
                yield line
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError.at(path, f"the gzip file is damaged: {error}") from error
    except OSError as error:
        raise DataError.at(path, f"cannot be read: {error.strerror}") from error
