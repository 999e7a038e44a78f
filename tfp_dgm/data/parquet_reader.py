"""Apache Parquet: every column keeps its type, backed by Arrow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfp_dgm.data.column_names import check_unique
from tfp_dgm.data.data_error import DataError
from tfp_dgm.data.foreign_content import refuse_foreign_content
from tfp_dgm.data.frame_chunk import FrameChunk
from tfp_dgm.data.limits import CHUNK_CHARACTERS, MAX_CELL_CHARACTERS

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


@dataclass(frozen=True)
class ParquetReader:
    """Apache Parquet."""

    path: Path

    def chunks(self, rows: int) -> Iterator[FrameChunk]:
        """See `TableReader.chunks`."""
        import pandas as pd
        import pyarrow as pa
        import pyarrow.parquet as pq

        start = 1
        try:
            with self.path.open("rb") as file:
                refuse_foreign_content(file, self.path, expected="Parquet")
            with pq.ParquetFile(self.path) as table:
                check_unique(self.path, table.schema_arrow.names, place=None)
                for batch in self._batches(table, rows):
                    self._check_lengths(batch, start)
                    # Without the pandas metadata, which would turn a column into the index.
                    frame = batch.to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True)
                    yield FrameChunk(frame, np.arange(start, start + len(frame)), "row")
                    start += len(frame)
        except (pa.ArrowException, OSError) as error:
            raise DataError.at(self.path, f"cannot be read as Parquet: {error}") from error
        if start == 1:
            raise DataError.at(self.path, "there are columns but no row")

    def _batches(self, table: pq.ParquetFile, rows: int) -> Iterator[pa.RecordBatch]:
        """Each group of rows in batches, the smaller the larger its rows are when unpacked."""
        start = 1
        for number in range(table.num_row_groups):
            group = table.metadata.row_group(number)
            columns = [group.column(index) for index in range(group.num_columns)]
            for column in columns:
                mean = column.total_uncompressed_size // max(group.num_rows, 1)
                # A character takes four bytes at most, so that one cell at least is too large.
                if mean > 4 * MAX_CELL_CHARACTERS and "." not in column.path_in_schema:
                    raise DataError.at(
                        self.path,
                        f"expected at most {MAX_CELL_CHARACTERS:,} characters in a cell, received "
                        f"{mean:,} bytes in each on average",
                        place=f"rows {start} to {start + group.num_rows - 1}",
                        column=column.path_in_schema,
                    )
            unpacked = sum(column.total_uncompressed_size for column in columns)
            few = CHUNK_CHARACTERS * group.num_rows // max(unpacked, 1)
            yield from table.iter_batches(batch_size=max(1, min(rows, few)), row_groups=[number])
            start += group.num_rows

    def _check_lengths(self, batch: pa.RecordBatch, start: int) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
                continue
            lengths = pc.fill_null(pc.utf8_length(column), 0).to_numpy()
            if len(lengths) and lengths.max() > MAX_CELL_CHARACTERS:
                raise DataError.at(
                    self.path,
                    f"expected at most {MAX_CELL_CHARACTERS:,} characters in a cell, received "
                    f"{lengths.max():,}",
                    place=f"row {start + int(lengths.argmax())}",
                    column=name,
                )
