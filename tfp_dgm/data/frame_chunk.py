"""Consecutive rows of a table, every value as it stands in the file, every row's place known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data.data_error import listing

if TYPE_CHECKING:  # pandas takes a third of a second to import: `dgm --help` does not wait.
    import pandas as pd


@dataclass(frozen=True)
class FrameChunk:
    """Consecutive rows of a table.

    Attributes:
      frame: the rows [n], every column of the file.
      lines: int64 [n], the 1-based line on which each row starts; its row in Parquet.
      unit: what `lines` counts, "line" or "row".
      warnings: what is doubtful in the file from its start to this chunk's end, a sentence each.
    """

    frame: pd.DataFrame
    lines: NDArray[np.int64]
    unit: str
    warnings: tuple[str, ...] = ()

    def place(self, row: int) -> str:
        """Returns where a row stands in the file, such as "line 12"."""
        return f"{self.unit} {self.lines[row]}"

    def places(self, rows: Sequence[int]) -> str:
        """Returns where some rows stand in the file, such as "lines 3, 12 and 7 more"."""
        plural = self.unit if len(rows) == 1 else f"{self.unit}s"
        return f"{plural} {listing([str(self.lines[row]) for row in rows])}"


def chunk_of_lines(
    columns: Mapping[str, list[Any]], lines: Sequence[int], warnings: Sequence[str] = ()
) -> FrameChunk:
    """Makes a chunk of rows [n].

    Args:
      columns: name -> cells [n].
      lines: [n], on which each row starts.
      warnings: what is doubtful up to here.
    """
    import pandas as pd

    # dtype=object, or pandas would turn 1 and None into 1.0 and NaN; of names it would make
    # Arrow's texts, which hold no lone surrogate.
    frame = pd.DataFrame(
        dict(enumerate(pd.Series(cells, dtype=object) for cells in columns.values())),
        index=range(len(lines)),
    )
    frame.columns = pd.Index(list(columns), dtype=object)
    return FrameChunk(frame, np.asarray(lines, dtype=np.int64), "line", tuple(warnings))


def is_null(value: Any) -> bool:
    """Returns whether a frame's cell holds no value: None, NaN, pandas' NA or NaT."""
    if isinstance(value, str | bool):  # Most cells: they need no pandas to tell.
        return False
    import pandas as pd

    if value is None or value is pd.NA or value is pd.NaT:
        return True
    return isinstance(value, float | np.floating) and bool(np.isnan(value))
