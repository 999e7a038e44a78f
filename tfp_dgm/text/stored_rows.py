"""Rows of token ids on the disk."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

_TOKENS, _ENDS = "tokens.int32", "ends.npy"


class StoredRows(Sequence[NDArray[np.int32]]):
    """N rows of token ids in a folder's files, mapped into memory: a row is read when it is taken.

    In memory are the places where the rows end, 8 bytes a row.

    Args:
      folder: that `write` filled.
    Raises:
      ValueError: if its files do not belong together.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ends = np.load(folder / _ENDS, allow_pickle=False)
        size = (folder / _TOKENS).stat().st_size // 4
        if not len(self._ends) or size != self._ends[-1]:
            raise ValueError(
                f"StoredRows: expected in {folder} as many token ids as its rows have; found {size}"
            )
        self._tokens = np.memmap(folder / _TOKENS, np.int32, "r")

    @classmethod
    def write(cls, folder: Path, rows: Iterable[NDArray[np.integer]]) -> "StoredRows":
        """Writes rows, of which one is in memory at a time, into a folder that is there."""
        lengths = []
        with (folder / _TOKENS).open("wb") as file:
            for row in rows:
                file.write(np.asarray(row, np.int32).tobytes())
                lengths.append(len(row))
        np.save(folder / _ENDS, np.cumsum(lengths, dtype=np.int64))
        return cls(folder)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Of the rows, [N]."""
        return np.diff(self._ends, prepend=0)

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, place: int) -> NDArray[np.int32]: ...

    @overload
    def __getitem__(self, place: slice) -> list[NDArray[np.int32]]: ...

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        end = int(self._ends[place])  # Which counts negative places from the end.
        place = range(len(self))[place]
        return np.asarray(self._tokens[int(self._ends[place - 1]) if place else 0 : end])
