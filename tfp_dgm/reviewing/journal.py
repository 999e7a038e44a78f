"""An append-only file of what people answered: one JSON object a line, on the disk at once."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tfp_dgm.data import DataError, check_output_file, writing
from tfp_dgm.data.file_lock import lock

_WANTED = "a journal of answers"
_LONGEST = 1_000_000  # Characters of an entry.


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
        with self._turn:
            self._write(kept)
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
        lines = content.split(b"\n")
        found = [_parsed(line) for line in lines[:-1]]
        whole = len(found)
        if whole and not lines[-1] and found[-1] is None:
            whole -= 1
        for number, entry in enumerate(found[:whole], start=1):
            if entry is None:
                raise DataError.at(
                    self.path,
                    f"expected {_WANTED}; it is damaged, or something else",
                    place=f"line {number}",
                )
        size = sum(len(line) + 1 for line in lines[:whole])
        if size < len(content):
            if not whole and not _may_begin(content):
                raise DataError.at(self.path, f"expected {_WANTED}; it holds something else")
            self.torn = content[size:].decode("utf-8", "replace")
            with writing(self.path):
                os.ftruncate(self._file, size)
                os.fsync(self._file)
        if not whole:
            self._write(head)
            self._sync_folder()
            return []
        if found[0] != json.loads(json.dumps(head)):
            raise DataError.at(
                self.path,
                f"belongs to {_of(found[0])}, and not to {_of(head)}; move it away to begin anew",
                place="line 1",
            )
        return [entry for entry in found[1:whole] if entry is not None]

    def _write(self, entry: Mapping[str, Any]) -> None:
        data = (json.dumps(entry, ensure_ascii=False, allow_nan=False) + "\n").encode(
            "utf-8", "backslashreplace"
        )
        if len(data) > _LONGEST:
            raise DataError.at(
                self.path,
                f"expected at most {_LONGEST:,} bytes of an entry; received {len(data):,}",
            )
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
