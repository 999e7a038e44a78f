"""What a few packed bytes of Parquet may unfold to."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tfp_dgm.data import DataError, iter_table_chunks, open_table
from tfp_dgm.data.data_error import NoRowsError


@pytest.fixture(autouse=True)
def small_limits(monkeypatch):
    """30 characters a cell and 100 a chunk."""
    monkeypatch.setattr("tfp_dgm.data.parquet_reader.MAX_CELL_CHARACTERS", 30)
    monkeypatch.setattr("tfp_dgm.data.parquet_reader.CHUNK_CHARACTERS", 100)


def _chunks(path, chunk_rows=50):
    return list(iter_table_chunks(path, text_columns=["text"], chunk_rows=chunk_rows))


@pytest.mark.parametrize("large", [pa.string(), pa.large_string(), "dictionary"])
def test_a_cell_that_is_too_large_is_named(tmp_path, large):
    texts = ["a", None, "ü" * 30, "w" * 31, "b"] + ["c"] * 20
    column = (
        pa.array(texts).dictionary_encode() if large == "dictionary" else pa.array(texts, large)
    )
    pq.write_table(pa.table({"text": column}), tmp_path / "in.parquet", row_group_size=6)
    with pytest.raises(
        DataError, match=r"row 4, column 'text': expected at most 30 .* received 31"
    ):
        _chunks(tmp_path / "in.parquet")


def test_cells_that_are_too_large_on_average_are_not_unpacked(tmp_path, monkeypatch):
    def unpack(*_, **__):
        raise AssertionError

    pq.write_table(pa.table({"text": ["a", "w" * 1000]}), tmp_path / "in.parquet")
    monkeypatch.setattr(pq.ParquetFile, "iter_batches", unpack)
    with pytest.raises(DataError, match="rows 1 to 2, column 'text': expected at most 30 charact"):
        _chunks(tmp_path / "in.parquet")


def test_one_text_of_many_rows_comes_in_small_chunks(tmp_path):
    table = pa.table({"text": ["w" * 30] * 7 + ["x", None, "y"], "n": range(10)})
    pq.write_table(table, tmp_path / "in.parquet")
    chunks = _chunks(tmp_path / "in.parquet")
    assert max(len("".join(chunk.texts)) for chunk in chunks) <= 100
    assert 3 <= len(chunks) <= 5
    assert [n for chunk in chunks for n in chunk.frame["n"]] == list(range(10))
    assert [text for chunk in chunks for text in chunk.texts] == ["w" * 30] * 7 + ["x", "", "y"]
    assert {chunk.frame["text"].dtype.pyarrow_dtype for chunk in chunks} == {pa.string()}


def test_columns_of_views_are_read_as_those_of_values(tmp_path):
    table = pa.table(
        {
            "text": pa.array(["one", None, "é"], pa.string_view()),
            "raw": pa.array([b"x", b"", None], pa.binary_view()),
            "words": pa.array([["a"], [], None], pa.list_(pa.string_view())),
        }
    )
    pq.write_table(table, tmp_path / "in.parquet")
    frames = [chunk.frame for chunk in open_table(tmp_path / "in.parquet").chunks(10)]
    frame = pd.concat(frames, ignore_index=True)
    rows = frame.iloc[[2, 0]]
    assert rows["text"].tolist() == ["é", "one"]
    assert rows["raw"].tolist()[1] == b"x"
    assert list(rows["words"].tolist()[1]) == ["a"]
    pq.write_table(table.slice(0, 0), tmp_path / "none.parquet")
    with pytest.raises(NoRowsError) as caught:
        next(open_table(tmp_path / "none.parquet").chunks(10))
    assert list(caught.value.frame.dtypes) == list(frame.dtypes)
