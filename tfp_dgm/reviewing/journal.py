"""An append-only file of what people answered: one JSON object a line, on the disk at once."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tfp_dgm.data import DataError, check_output_file, writing
from tfp_dgm.data.file_lock import lock

_WANTED = "a journal of answers"
_LONGEST = 1_000_000  # Bytes of a line.
_ROWS, _PART = "rows", "part"
_ROWS_A_LINE = 50_000


def is_about(path: str | os.PathLike[str], head: Mapping[str, Any]) -> bool:
    """Whether a file is a journal whose entries are about what `head` says."""
    try:
        with open(path, "rb") as file:
            return _parsed(file.readline(_LONGEST).rstrip(b"\n")) == json.loads(json.dumps(head))
    except OSError:
        return False


class Journal:
    """The entries of a review, kept in the order in which they came.

    Nothing is ever changed or taken away: who takes an answer back adds an entry that says so. An
    entry is on the disk (`fsync`) when `append` returns. A kill or a power cut in the middle of
    that leaves at most a part of the last line, which was not acknowledged to anybody; it is cut
    off when the file is opened next, and `torn` tells of it.

    An entry of very many `rows` stands in several lines, each with some of them and with `part`,
    its number and that of all parts. They are one entry: where the last is missing, all are cut
    off.

    One process writes at a time; the lock ends with the process, however it ends.

    Args:
      path: the file; it is made where it is not there.
      head: what the entries are about. It is the first line of a new file, and must be that of one
        that is there.
    Raises:
      DataError: if another process has it open; if it is of something else, or an entry that was
        acknowledged is damaged, and names the line; if it cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], head: Mapping[str, Any]) -> None:
        self.path = Path(path)
        self.torn = ""
        self.lines: list[int] = []  # On which each entry begins, from 1.
        if not self.path.exists():
            check_output_file(self.path)
        with writing(self.path):
            self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        self._turn = threading.Lock()
        self._lock: int | None = None
        try:
            self._lock = self._locked()
            self.entries = self._read(head)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def append(self, entry: Mapping[str, Any]) -> None:
        """Adds an entry; it is on the disk on return.

        Raises:
          DataError: if the disk takes no more; nothing of the entry stays then.
        """
        kept = json.loads(json.dumps(entry))  # What will be read again, whatever was given.
        parts = _parts(kept)
        with self._turn:
            self._write(parts)
            self.lines.append(self._next_line)
            self._next_line += len(parts)
            self.entries.append(kept)

    def close(self) -> None:
        """Gives the file up; again does nothing."""
        for descriptor in (self._file, self._lock):
            if descriptor is not None and descriptor >= 0:
                os.close(descriptor)
        self._file, self._lock = -1, None

    def _locked(self) -> int | None:
        try:
            return lock(self.path)
        except BlockingIOError as error:
            raise DataError.at(
                self.path, "is open in another process; end that review first"
            ) from error

    def _read(self, head: Mapping[str, Any]) -> list[dict[str, Any]]:
        content = self.path.read_bytes()
        lines_of_file = content.split(b"\n")
        found = [_parsed(line) for line in lines_of_file[:-1]]
        whole = len(found)
        if whole and not lines_of_file[-1] and found[-1] is None:
            whole -= 1
        for number, entry in enumerate(found[:whole], start=1):
            if entry is None:
                raise DataError.at(
                    self.path,
                    f"expected {_WANTED}; it is damaged, or something else",
                    place=f"line {number}",
                )
        entries, lines, kept = self._joined(found[:whole])
        size = sum(len(line) + 1 for line in lines_of_file[:kept])
        if size < len(content):
            if not kept and not _may_begin(content):
                raise DataError.at(self.path, f"expected {_WANTED}; it holds something else")
            self.torn = content[size:].decode("utf-8", "replace")
            with writing(self.path):
                os.ftruncate(self._file, size)
                os.fsync(self._file)
        self.lines, self._next_line = lines[1:], max(kept, 1) + 1
        if not kept:
            self._write([head])
            self._sync_folder()
            return []
        if entries[0] != json.loads(json.dumps(head)):
            raise DataError.at(
                self.path,
                f"belongs to {_of(entries[0])}, and not to {_of(head)}; move it away to begin anew",
                place="line 1",
            )
        return entries[1:]

    def _joined(
        self, found: list[dict[str, Any] | None]
    ) -> tuple[list[dict[str, Any]], list[int], int]:
        """Entries of lines: with the line on which each begins, and how many lines are theirs."""
        entries: list[dict[str, Any]] = []
        lines: list[int] = []
        begun: list[dict[str, Any]] = []
        for number, line in enumerate(found, start=1):
            assert line is not None
            part = line.get(_PART, [1, 1])
            known = isinstance(part, list) and len(part) == 2 and type(part[1]) is int
            if not known or part != [len(begun) + 1, begun[0][_PART][1] if begun else part[1]]:
                raise DataError.at(
                    self.path, f"expected {_WANTED}; a part is missing", place=f"line {number}"
                )
            begun.append(line)
            if len(begun) == part[1]:
                entries.append(_whole(begun))
                lines.append(number + 1 - len(begun))
                begun = []
        return entries, lines, len(found) - len(begun)

    def _write(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Adds lines, all of them or none."""
        written = [_line(line) for line in lines]
        for line in written:
            if len(line) > _LONGEST:
                raise DataError.at(
                    self.path,
                    f"expected at most {_LONGEST:,} bytes of an entry; received {len(line):,}",
                )
        data = b"".join(written)
        size = os.fstat(self._file).st_size
        with writing(self.path):
            try:
                left = memoryview(data)
                while left:
                    left = left[os.write(self._file, left) :]
                os.fsync(self._file)
            except OSError:
                os.ftruncate(self._file, size)
                raise

    def _sync_folder(self) -> None:
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _line(entry: Mapping[str, Any]) -> bytes:
    text = json.dumps(entry, ensure_ascii=False, allow_nan=False) + "\n"
    return text.encode("utf-8", "backslashreplace")


def _parts(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """The lines of an entry: one, but for very many rows."""
    rows = entry.get(_ROWS)
    if not isinstance(rows, list) or len(rows) <= _ROWS_A_LINE:
        return [entry]
    count = -(-len(rows) // _ROWS_A_LINE)
    cuts = [rows[k * _ROWS_A_LINE : (k + 1) * _ROWS_A_LINE] for k in range(count)]
    return [{**entry, _ROWS: cut, _PART: [k + 1, count]} for k, cut in enumerate(cuts)]


def _whole(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """The entry of lines that `_parts` gives."""
    if len(parts) == 1:
        return parts[0]
    entry = {**parts[0], _ROWS: [row for part in parts for row in part[_ROWS]]}
    del entry[_PART]
    return entry


def _parsed(line: bytes) -> dict[str, Any] | None:
    """A line's entry; None where it is none."""
    try:
        entry = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None


def _may_begin(content: bytes) -> bool:
    """Whether a file without a whole line may be what a kill left of a first one."""
    return content[:1] in (b"{", b"\0") and b"\n" not in content.rstrip(b"\0")


def _of(head: Mapping[str, Any] | None) -> str:
    return ", ".join(f"{name} {value!r}" for name, value in (head or {}).items())
