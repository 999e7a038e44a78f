"""What a file is that is not the text, or the table, that its name says."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
from pathlib import Path

from tfp_dgm.data.data_error import DataError

# How the files start, what they are, and what to do. Where letters alone would tell, what follows
# them in a file of the kind is asked for, too.
_STARTS = (
    (rb"\x1f\x8b", "gzip", "unpack it, or add .gz to its name"),
    (rb"PAR1[\x00-\x08\x0e-\x1f]", "Parquet", "give its name the ending .parquet"),
    (rb"BZh[1-9]1AY&SY", "bzip2", "unpack it"),
    (rb"\xfd7zXZ\x00", "xz", "unpack it"),
    (rb"\x28\xb5\x2f\xfd", "Zstandard", "unpack it"),
    (rb"7z\xbc\xaf\x27\x1c", "7-Zip", "unpack it"),
    (rb"Rar!\x1a\x07", "RAR", "unpack it"),
    (rb"(?s:.{257})ustar", "a tar archive", "unpack it"),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook", "save it as CSV UTF-8"),
    (rb"%PDF-\d", "PDF", "extract its text"),
    (rb"SQLite format 3\x00", "an SQLite database", "export its table as CSV"),
    (rb"ARROW1\x00\x00", "Arrow (Feather)", "write it as Parquet"),
)
_ZIP = b"PK\x03\x04"
_SPREADSHEETS = {"xl/workbook.xml", "xl/workbook.bin"}
# UTF-32's little-endian mark starts with UTF-16's, hence the order.
_MARKS = {
    "UTF-32": (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff"),
    "UTF-16": (b"\xff\xfe", b"\xfe\xff"),
}
_UNMARKED = {
    "UTF-16LE": rb"(?:[\x09-\x7e]\x00){4}",
    "UTF-16BE": rb"(?:\x00[\x09-\x7e]){4}",
}
# No encoding of text has these but UTF-16 and UTF-32.
_BINARY = re.compile(rb"[\x00-\x06\x0e-\x1a]")


def refuse_foreign_content(
    file: io.BufferedReader | gzip.GzipFile, path: Path, *, expected: str = "UTF-8 text"
) -> None:
    """Raises a DataError that names what a file is, if its first bytes tell that it is another.

    Args:
      file: at its start; stays there.
      path: for the message.
      expected: "UTF-8 text", "gzip" or "Parquet".
    """
    head = file.peek(512)[:512]
    if head.startswith(_ZIP):
        kind, remedy = _kind_of_zip(file)
        raise _received(path, expected, kind, remedy)
    for start, kind, remedy in _STARTS:
        if kind != expected and re.match(start, head):
            raise _received(path, expected, kind, remedy)
    if expected == "UTF-8 text":
        for encoding, marks in _MARKS.items():
            if head.startswith(marks):
                raise DataError.at(path, expected_utf8(f"{encoding} text", encoding))
        for encoding, pattern in _UNMARKED.items():
            if re.match(pattern, head):
                raise DataError.at(path, expected_utf8(f"{encoding} text", encoding))


def expected_utf8(received: str, encoding: str) -> str:
    """Returns the message for a text that is not UTF-8, and what converts it."""
    return (
        f"expected UTF-8; received {received}; convert the file, for example with "
        f"`iconv -f {encoding} -t UTF-8 IN > OUT` if it is {encoding}"
    )


def is_binary(part: bytes) -> bool:
    """Returns whether some bytes are no text in any encoding of one byte a letter."""
    return _BINARY.search(part) is not None


def _received(path: Path, expected: str, kind: str, remedy: str) -> DataError:
    return DataError.at(path, f"expected {expected}, received {kind}; {remedy}")


def _kind_of_zip(file: io.BufferedReader | gzip.GzipFile) -> tuple[str, str]:
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, EOFError):
        return "zip", "unpack it"
    if _SPREADSHEETS & set(names):
        return "an Excel workbook", "save it as CSV UTF-8"
    if "content.xml" in names:
        return "an OpenDocument file", "save it as CSV UTF-8"
    if "word/document.xml" in names:
        return "a Word document", "save its text"
    return f"zip (of {', '.join(map(repr, names[:3]))}{', ...' * (len(names) > 3)})", "unpack it"
