"""Apache Parquet: every column keeps its type, backed by Arrow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfp_dgm.data.column_names import check_unique
from tfp_dgm.data.data_error import DataError, NoRowsError
from tfp_dgm.data.foreign_content import refuse_foreign_content
from tfp_dgm.data.frame_chunk import FrameChunk
from tfp_dgm.data.limits import CHUNK_CHARACTERS, MAX_CELL_CHARACTERS

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


@dataclass(frozen=True)
class ParquetReader:
    """Apache Parquet.

    Attributes:
      path: the file.
      groups: the first of its groups of rows that is read, and the first that is not; None for all.
    """

    path: Path
    groups: tuple[int, int] | None = None

    def chunks(self, rows: int) -> Iterator[FrameChunk]:
        """See `TableReader.chunks`."""
        import pandas as pd
        import pyarrow as pa
        import pyarrow.parquet as pq

        start, found = 1, False
        try:
            with self.path.open("rb") as file:
                refuse_foreign_content(file, self.path, expected="Parquet")
            schema = pq.read_schema(self.path)
            check_unique(self.path, schema.names, place=None)
            schema = pa.schema([field.with_type(_without_views(field.type)) for field in schema])
            texts = [field.name for field in schema if _is_text(field.type)]
            # As dictionaries, where one long text that many rows have stands once.
            with pq.ParquetFile(self.path, read_dictionary=texts) as table:
                start = 1 + sum(
                    table.metadata.row_group(number).num_rows
                    for number in range(self._groups(table).start)
                )
                for batch in self._batches(table, rows, start):
                    for part in self._parts(batch, texts, start):
                        columns = [
                            column if column.type == field.type else column.cast(field.type)
                            for field, column in zip(schema, part.columns, strict=True)
                        ]
                        part = pa.RecordBatch.from_arrays(columns, names=schema.names)
                        frame = part.to_pandas(types_mapper=pd.ArrowDtype)
                        yield FrameChunk(frame, np.arange(start, start + len(frame)), "row")
                        start += len(frame)
                        found = True
        except (pa.ArrowException, OSError) as error:
            raise DataError.at(self.path, f"cannot be read as Parquet: {error}") from error
        if not found:
            nothing = NoRowsError.at(self.path, "there are columns but no row")
            nothing.frame = schema.empty_table().to_pandas(types_mapper=pd.ArrowDtype)
            raise nothing

    def _groups(self, table: pq.ParquetFile) -> range:
        return range(*(self.groups or (0, table.num_row_groups)))

    def _batches(self, table: pq.ParquetFile, rows: int, start: int) -> Iterator[pa.RecordBatch]:
        """Each group of rows in batches, the smaller the larger its rows are when unpacked."""
        for number in self._groups(table):
            group = table.metadata.row_group(number)
            columns = [group.column(index) for index in range(group.num_columns)]
            for column in columns:
                mean = column.total_uncompressed_size // max(group.num_rows, 1)
                # A character takes four bytes at most, so that one cell at least is too large.
                if mean > 4 * MAX_CELL_CHARACTERS:
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

    def _parts(
        self, batch: pa.RecordBatch, texts: list[str], start: int
    ) -> Iterator[pa.RecordBatch]:
        """A batch in parts of CHUNK_CHARACTERS, or of one row that has more.

        Args:
          start: the batch's first row in the file, for messages.
        """
        import pyarrow.compute as pc

        total = np.zeros(batch.num_rows, np.int64)
        for name in texts:
            cells = batch.column(name)
            lengths = pc.utf8_length(cells.dictionary).take(cells.indices)
            lengths = pc.fill_null(lengths, 0).to_numpy(zero_copy_only=False)
            if len(lengths) and lengths.max() > MAX_CELL_CHARACTERS:
                raise DataError.at(
                    self.path,
                    f"expected at most {MAX_CELL_CHARACTERS:,} characters in a cell, received "
                    f"{lengths.max():,}",
                    place=f"row {start + int(lengths.argmax())}",
                    column=name,
                )
            total += lengths
        ends = np.cumsum(total)
        first = 0
        while first < batch.num_rows:
            before = ends[first] - total[first]
            end = int(np.searchsorted(ends, before + CHUNK_CHARACTERS, side="right"))
            end = max(end, first + 1)
            yield batch.slice(first, end - first)
            first = end


def _without_views(kind: pa.DataType) -> pa.DataType:
    """The type of the same values that pandas can take rows of."""
    import pyarrow as pa

    if pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_binary_view(kind):
        return pa.binary()
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_without_views(kind.value_type)))
    return kind


def _is_text(kind: pa.DataType) -> bool:
    """Whether cells of an Arrow type are texts, be they in a dictionary already."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
