"""Which files a pattern names, and that they are of one kind."""

import gzip

import numpy as np
import pandas as pd
import pytest

from tfp_dgm.data import DataError
from tfp_dgm.serving.beam import shards_of
from tfp_dgm.serving.beam.shards import check_schema, common_schema, open_shard, schema_of


def _files(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("text\na\n")


def test_a_pattern_names_files_in_order_and_keeps_folders(tmp_path):
    _files(tmp_path, "in/b/1.csv", "in/a/1.csv", "in/a/0.csv", "in/a/_SUCCESS", "in/a/.x.csv")
    shards = shards_of(tmp_path / "in/**/*")
    assert [shard.name for shard in shards] == ["a/0.csv", "a/1.csv", "b/1.csv"]
    assert [shard.key for shard in shards] == ["a%2F0.csv", "a%2F1.csv", "b%2F1.csv"]
    assert [shard.name for shard in shards_of(tmp_path / "in/a")] == ["0.csv", "1.csv"]
    assert [shard.name for shard in shards_of(tmp_path / "in/a/1.csv")] == ["1.csv"]
    assert [shard.name for shard in shards_of(tmp_path / "in/?/1.csv")] == ["a/1.csv", "b/1.csv"]


def test_plain_text_becomes_json_lines(tmp_path):
    _files(tmp_path, "a.txt")
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(b"x\n\ny z\n"))
    assert [shard.name for shard in shards_of(tmp_path)] == ["a.jsonl", "b.jsonl.gz"]
    (chunk,) = open_shard(str(tmp_path / "b.txt.gz")).chunks(10)
    assert chunk.frame["text"].tolist() == ["x", "", "y z"]
    assert chunk.lines.tolist() == [1, 2, 3]
    assert [len(c.frame) for c in open_shard(str(tmp_path / "b.txt.gz")).chunks(2)] == [2, 1]


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        ((), "no such file; expected a file, a folder, or a pattern"),
        (("a.csv", "b.tsv"), "b.tsv: expected shards of one format; received .tsv, and .csv in "),
        (("a.csv", "b.doc"), "b.doc: unsupported extension '.doc'"),
        (("a.txt", "a.TXT"), "its answers would be a.jsonl, as those of"),
    ],
)
def test_what_is_no_table_of_shards_is_refused(tmp_path, names, problem):
    _files(tmp_path, *names)
    with pytest.raises(DataError) as raised:
        shards_of(tmp_path / "*")
    assert problem in str(raised.value)


def _schema(path):
    return schema_of(next(iter(open_shard(str(path)).chunks(1))), str(path))


def test_the_schema_is_that_of_the_first_shard_that_can_be_read(tmp_path):
    (tmp_path / "a.csv").write_text("")
    _files(tmp_path, "b.csv")
    shards = shards_of(tmp_path)
    assert common_schema(shards, ["text"]) == [("text", "")]
    with pytest.raises(DataError, match=r"b\.csv: no such column 'body'"):
        common_schema(shards, ["body"])
    with pytest.raises(DataError, match=r"a\.csv: the file is empty"):
        common_schema(shards[:1], ["text"])


def test_another_type_or_column_is_named(tmp_path):
    pd.DataFrame({"text": ["a"], "n": [1]}).to_parquet(tmp_path / "a.parquet")
    pd.DataFrame({"text": ["a"], "n": [1.5]}).to_parquet(tmp_path / "b.parquet")
    pd.DataFrame({"text": ["a"]}).to_parquet(tmp_path / "c.parquet")
    first, other, less = (_schema(tmp_path / f"{name}.parquet") for name in "abc")
    check_schema("x", first, list(first))
    with pytest.raises(DataError, match=r"x, column 'n': expected int64\[pyarrow\].*double"):
        check_schema("x", first, other)
    with pytest.raises(DataError, match=r"expected the columns \['text', 'n'\].*received \['tex"):
        check_schema("x", first, less)


def test_rows_of_json_lines_may_differ(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n{"b": 1}\n')
    assert _schema(tmp_path / "a.jsonl") is None


def test_a_source_that_is_written_anew_is_known(tmp_path):
    _files(tmp_path, "a.csv")
    (shard,) = shards_of(tmp_path)
    before = shard.state()
    (tmp_path / "a.csv").write_text("text\nab\n")
    assert not np.array_equal(before, shard.state())
