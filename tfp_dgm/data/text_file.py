"""The lines of a text file, with errors that say what the file is instead."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tfp_dgm.data.data_error import DataError
from tfp_dgm.data.foreign_content import expected_utf8, is_binary, refuse_foreign_content

_PIECE = 2**20  # Characters.
_NOT_UTF8 = re.compile("[\udc80-\udcff]")


@contextmanager
def open_text(
    path: Path, newline: str | None, *, longest: int | None, first: int = 1
) -> Iterator[Iterator[str]]:
    """Opens a UTF-8 file, gzipped (.gz) or not, with a byte order mark or without.

    Args:
      path: the file.
      newline: as for `open`.
      longest: the most characters of a line, which is read into memory whole; None for any.
      first: what the first line is called: another number where the file is a later part of one,
        of which its first bytes tell nothing.
    Yields:
      The lines, with their ends.
    Raises:
      DataError: where the file is not UTF-8, holds a NUL byte or too long a line, and names the
        line; if it is of another kind, which it names; if it cannot be opened or unpacked.
    """
    try:
        with (
            open_bytes(path, is_part=first > 1) as binary,
            io.TextIOWrapper(binary, encoding=_encoding(first), newline=newline) as text,
        ):
            yield _checked(lines_of(text, path, longest, first), path, first)
    except UnicodeDecodeError as error:
        raise _not_utf8(path, first) from error


def _encoding(first: int) -> str:
    # In the middle of a file the letter of a byte order mark is one like any other.
    return "utf-8-sig" if first == 1 else "utf-8"


@contextmanager
def open_bytes(path: Path, *, is_part: bool = False) -> Iterator[io.BufferedReader | gzip.GzipFile]:
    """Opens a file that is to be text, gzipped (.gz) or not.

    Args:
      path: the file.
      is_part: whether it was cut off a text, so that its first bytes may be any.
    Raises:
      DataError: if it cannot be opened or unpacked, or its first bytes tell that it is of another
        kind.
    """
    try:
        with path.open("rb") as file:
            if path.suffix.lower() == ".gz":
                refuse_foreign_content(file, path, expected="gzip")
                with gzip.GzipFile(fileobj=file) as unpacked:
                    refuse_foreign_content(unpacked, path)
                    yield unpacked
            else:
                if not is_part:
                    refuse_foreign_content(file, path)
                yield file
    except gzip.BadGzipFile as error:
        raise DataError.at(
            path, f"the gzip file is damaged: {error}; if it is plain, take .gz off its name"
        ) from error
    except (EOFError, zlib.error) as error:
        raise DataError.at(path, f"the gzip file is damaged: {error}") from error
    except OSError as error:
        raise DataError.at(path, f"cannot be read: {error.strerror}") from error


def lines_of(
    text: io.TextIOWrapper, path: Path, longest: int | None, first: int = 1
) -> Iterator[str]:
    """Yields a file's lines; no more of one is read than may be.

    Raises:
      DataError: where one has more than `longest` characters, or what follows it cannot be
        unpacked; names it.
    """
    if longest is None:
        yield from text
        return
    number = 0
    while line := _next_line(text, path, longest, number):
        number += 1
        if len(line) > longest:
            raise DataError.at(
                path,
                f"expected at most {longest:,} characters in a line",
                place=f"line {first - 1 + number}",
            )
        yield line


def _next_line(text: io.TextIOWrapper, path: Path, longest: int, number: int) -> str:
    try:
        return text.readline(longest + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        if number == 0:  # It may be no gzip at all: see `open_bytes`.
            raise
        raise DataError.at(
            path, f"the gzip file is damaged: {error}", place=f"after line {number}"
        ) from error


def _checked(lines: Iterator[str], path: Path, first: int) -> Iterator[str]:
    for number, line in enumerate(lines, start=first):
        if "\0" in line:
            raise DataError.at(
                path, "expected text; received a NUL byte (binary data?)", place=f"line {number}"
            )
        yield line


def _not_utf8(path: Path, first: int) -> DataError:
    """Finds the first byte that is not UTF-8, by a second pass that only an error pays for."""
    offset, number = 0, first
    with (
        open_bytes(path, is_part=first > 1) as binary,
        io.TextIOWrapper(binary, encoding="utf-8", errors="surrogateescape", newline="") as text,
    ):
        head = binary.peek(_PIECE)
        while piece := text.readline(_PIECE):
            if found := _NOT_UTF8.search(piece):
                offset += len(piece[: found.start()].encode("utf-8"))
                byte = f"byte 0x{ord(found[0]) - 0xDC00:02x}"
                if first == 1:  # Of a part nobody knows where it begins.
                    byte += f" at offset {offset}"
                problem = expected_utf8(byte, "CP1252")
                if is_binary(head):
                    problem = f"expected UTF-8 text, received binary data, such as {byte}"
                return DataError.at(path, problem, place=f"line {number}")
            offset += len(piece.encode("utf-8"))
            number += piece.endswith(("\n", "\r"))
    raise AssertionError(f"{path} changed while it was read")
