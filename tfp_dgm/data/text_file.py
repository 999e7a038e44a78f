"""The lines of a text file, with errors that say what the file is instead."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tfp_dgm.data.data_error import DataError

# UTF-32's little-endian mark starts with UTF-16's, hence the order.
_FOREIGN_MARKS = {
    "UTF-32": (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff"),
    "UTF-16": (b"\xff\xfe", b"\xfe\xff"),
}


@contextmanager
def open_text(path: Path, newline: str) -> Iterator[Iterator[str]]:
    """Opens a UTF-8 file, gzipped (.gz) or not, with a byte order mark or without.

    Args:
      path: the file.
      newline: as for `open`.
    Yields:
      The lines, with their ends.
    Raises:
      DataError: where the file is not UTF-8 or holds a NUL byte, and names the line; if it
        cannot be opened or unpacked.
    """
    try:
        with _open_bytes(path) as binary:
            head = binary.peek(4)[:4]
            for encoding, marks in _FOREIGN_MARKS.items():
                if head.startswith(marks):
                    raise DataError.at(path, _expected_utf8(f"{encoding} text", encoding))
            with io.TextIOWrapper(binary, encoding="utf-8-sig", newline=newline) as text:
                yield _without_nul(text, path)
    except UnicodeDecodeError as error:
        raise _not_utf8(path) from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError.at(path, f"the gzip file is damaged: {error}") from error
    except OSError as error:
        raise DataError.at(path, f"cannot be read: {error.strerror}") from error


def _open_bytes(path: Path) -> io.BufferedReader | gzip.GzipFile:
    return gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")


def _without_nul(text: io.TextIOWrapper, path: Path) -> Iterator[str]:
    for number, line in enumerate(text, start=1):
        if "\0" in line:
            raise DataError.at(
                path, "expected text, got a NUL byte (binary data?)", place=f"line {number}"
            )
        yield line


def _not_utf8(path: Path) -> DataError:
    """Finds the first byte that is not UTF-8, by a second pass that only an error pays for."""
    offset = 0
    with _open_bytes(path) as binary:
        for number, line in enumerate(binary, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                at = offset + error.start
                byte = f"byte 0x{line[error.start]:02x} at offset {at}"
                return DataError.at(path, _expected_utf8(byte, "CP1252"), place=f"line {number}")
            offset += len(line)
    raise AssertionError(f"{path} changed while it was read")


def _expected_utf8(got: str, encoding: str) -> str:
    return (
        f"expected UTF-8, got {got}; convert the file, for example with "
        f"`iconv -f {encoding} -t UTF-8 IN > OUT` if it is {encoding}"
    )
