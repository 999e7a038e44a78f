"""Which files a pattern names, and that they are of one kind."""

import gzip
import os

import numpy as np
import pandas as pd
import pytest

from tfp_dgm.data import DataError
from tfp_dgm.serving.beam import shards_of
from tfp_dgm.serving.beam.shard_reader import (
    check_schema,
    common_schema,
    open_shard,
    schema_of,
)
from tfp_dgm.serving.beam.shards import Shard


def _files(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("text\na\n")


def _chunks(path, rows):
    with open_shard(Shard(str(path), path.name)) as reader:
        return list(reader.chunks(rows))


def test_a_pattern_names_files_in_order_and_keeps_folders(tmp_path):
    _files(tmp_path, "in/b/1.csv", "in/a/1.csv", "in/a/0.csv", "in/a/_SUCCESS", "in/a/.x.csv")
    shards = shards_of(tmp_path / "in/**/*")
    assert [shard.name for shard in shards] == ["a/0.csv", "a/1.csv", "b/1.csv"]
    assert [shard.key for shard in shards] == ["a%2F0.csv", "a%2F1.csv", "b%2F1.csv"]
    assert [shard.name for shard in shards_of(tmp_path / "in/a")] == ["0.csv", "1.csv"]
    assert [shard.name for shard in shards_of(tmp_path / "in/a/1.csv")] == ["1.csv"]
    assert [shard.name for shard in shards_of(tmp_path / "in/?/1.csv")] == ["a/1.csv", "b/1.csv"]


def test_folders_of_an_engine_that_are_unfinished_are_left_out_unless_asked_for(tmp_path):
    _files(tmp_path, "in/a.csv", "in/_temporary/0/a.csv", "in/b/.x/c.csv", "_other/d.csv")
    assert [shard.name for shard in shards_of(tmp_path / "in/**/*.csv")] == ["a.csv"]
    assert [shard.name for shard in shards_of(tmp_path / "*/_temporary/**/*.csv")] == ["a.csv"]
    assert [shard.name for shard in shards_of(tmp_path / "_other/*.csv")] == ["d.csv"]


def test_answers_of_the_run_are_no_shards(tmp_path):
    _files(tmp_path, "a.csv", "b/a.csv", "out/shards/a.csv", "output/a.csv")
    found = shards_of(tmp_path / "**/*.csv", output=tmp_path / "out")
    assert [shard.name for shard in found] == ["a.csv", "b/a.csv", "output/a.csv"]


def test_what_a_pattern_matches_is_never_left_out_in_silence(tmp_path):
    _files(tmp_path, "a.csv", "b/c.csv")
    (tmp_path / "z.csv").symlink_to(tmp_path / "gone.csv")
    with pytest.raises(DataError, match=r"z\.csv: no such file: a link to something that is not"):
        shards_of(tmp_path / "*.csv")
    (tmp_path / "z.csv").unlink()
    _files(tmp_path, "z.csv/part-0.csv")
    with pytest.raises(DataError, match=r"z\.csv: expected files; received a folder"):
        shards_of(tmp_path / "*.csv")
    names = [shard.name for shard in shards_of(tmp_path / "**")]
    assert names == ["a.csv", "b/c.csv", "z.csv/part-0.csv"]


def test_a_name_that_is_no_text_is_refused_and_any_text_is_a_key(tmp_path):
    _files(tmp_path, "評価" * 40 + ".csv", "評価" * 39 + "評.csv")
    keys = [shard.key for shard in shards_of(tmp_path)]
    assert len(set(keys)) == 2
    for key in keys:
        (tmp_path / f".{key}.01234567.tmp.dead.jsonl").touch()
    try:
        (tmp_path / "caf\udce9.csv").touch()
    except OSError:
        pytest.skip("a file system of UTF-8 alone")
    with pytest.raises(DataError, match=r"caf\\xe9\.csv': expected a name in UTF-8"):
        shards_of(tmp_path)


def test_plain_text_becomes_json_lines(tmp_path):
    _files(tmp_path, "a.txt")
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(b"x\n\ny z\n"))
    assert [shard.name for shard in shards_of(tmp_path)] == ["a.jsonl", "b.jsonl.gz"]
    (chunk,) = _chunks(tmp_path / "b.txt.gz", 10)
    assert chunk.frame["text"].tolist() == ["x", "", "y z"]
    assert chunk.lines.tolist() == [1, 2, 3]
    assert [len(chunk.frame) for chunk in _chunks(tmp_path / "b.txt.gz", 2)] == [2, 1]


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
    return schema_of(_chunks(path, 1)[0], str(path))


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


def test_another_file_of_the_same_name_size_and_time_is_known(tmp_path):
    _files(tmp_path, "a/x.csv", "b/x.csv")
    for folder in "ab":
        os.utime(tmp_path / folder / "x.csv", ns=(1, 1))
    (one,), (other,) = (shards_of(tmp_path / folder) for folder in "ab")
    assert one.name == other.name
    assert one.state() != other.state()


def test_a_stored_file_of_another_kind_is_named_by_its_url(tmp_path):
    (tmp_path / "in.md").write_text("x")
    with pytest.raises(DataError, match=f"^file://{tmp_path}/in.md: unsupported extension"):
        shards_of(f"file://{tmp_path}/in.md")
