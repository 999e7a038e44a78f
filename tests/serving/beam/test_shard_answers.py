"""A shard's answers are whole, in order, or nothing; what has none is a dead letter."""

import dataclasses
import gzip
import json

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.serving.beam.letter_counts import open_counts
from tfp_dgm.data import DataError
from tfp_dgm.serving.beam import shards_of
from tfp_dgm.serving.beam.shard_answers import answer_shard
from tfp_dgm.serving.beam.shard_job import ShardJob, ShardRecord

ENDINGS = (".csv", ".tsv", ".csv.gz", ".jsonl", ".jsonl.gz", ".parquet", ".txt", ".txt.gz")


def _job(folder, schema=None, **asked):
    (folder / "out").mkdir(exist_ok=True)
    return ShardJob(str(folder / "out"), ["text"], schema, **asked)


def _answered(folder, name, **asked):
    job = _job(folder, **asked)
    (shard,) = shards_of(folder / name)
    return job, shard, answer_shard(open_counts(), job, shard)


def _dead(job, shard):
    lines = job.dead_letters_path(shard).read_text().splitlines()
    return [json.loads(line) for line in lines]


def _write(path, frame):
    name = path.name.removesuffix(".gz")
    pack = gzip.compress if path.suffix == ".gz" else bytes
    if name.endswith(".parquet"):
        frame.to_parquet(path)
    elif name.endswith(".jsonl"):
        path.write_bytes(pack(frame.to_json(orient="records", lines=True).encode()))
    elif name.endswith(".txt"):
        path.write_bytes(pack("".join(f"{text}\n" for text in frame["text"]).encode()))
    else:
        separator = "\t" if name.endswith(".tsv") else ","
        path.write_bytes(pack(frame.to_csv(index=False, sep=separator).encode()))


def _read(path):
    name = path.name.removesuffix(".gz")
    if name.endswith(".parquet"):
        return pd.read_parquet(path)
    if name.endswith(".jsonl"):
        return pd.read_json(path, lines=True, dtype=False)
    return pd.read_csv(path, sep="\t" if name.endswith(".tsv") else ",", keep_default_na=False)


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_row_and_column_stays_in_order(tmp_path, ending, monkeypatch):
    monkeypatch.setattr("tfp_dgm.serving.beam.shard_answers._ROWS_PER_CHUNK", 3)
    frame = pd.DataFrame({"id": range(8), "text": [f"{'w' * (n % 5)} x" for n in range(8)]})
    _write(tmp_path / f"in{ending}", frame)
    job, shard, record = _answered(tmp_path, f"in{ending}")
    found = _read(job.answers_path(shard))
    assert found["text"].tolist() == frame["text"].tolist()
    assert found["letters"].tolist() == frame["text"].str.len().tolist()
    if ".txt" not in ending:
        assert found["id"].tolist() == list(range(8))
    assert (record.rows, record.dead, record.batches, record.failure) == (8, 0, 3, None)
    assert record.told == {"texts": 8}
    assert not job.dead_letters_path(shard).exists()
    assert ShardRecord.read(job.record_path(shard)) == dataclasses.replace(record, warnings=[])


def test_rows_at_fault_are_dead_letters_and_the_others_have_answers(tmp_path):
    rows = [{"text": "good"}, {"text": 7, "n": 1}, {"text": "bad one"}, {"text": "late", "n": None}]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    job, shard, record = _answered(tmp_path, "in.jsonl")
    lines = job.answers_path(shard).read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"text": "good", "letters": 4, "upper": "GOOD"},
        {"text": "late", "n": None, "letters": 4, "upper": "LATE"},
    ]
    source = str(tmp_path / "in.jsonl")
    first, second = _dead(job, shard)
    assert (first["file"], first["row"], first["cells"]) == (source, 2, {"text": 7, "n": 1})
    assert "expected a string; received 7 (int)" in first["reason"]
    assert second == {
        "file": source,
        "row": 3,
        "reason": "a bad text",
        "cells": {"text": "bad one"},
    }
    assert (record.rows, record.dead) == (2, 2)


def _broken_gzip(path):
    packed = gzip.compress(b"text\n" + b"".join(b"row %d\n" % n for n in range(20_000)))
    path.write_bytes(packed[: len(packed) // 2])


def _other_columns(path):
    path.write_bytes(gzip.compress(b"text,more\na,b\n"))


def _ragged(path):
    path.write_bytes(gzip.compress(b"text\na\nb,c\n"))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_broken_gzip, "the gzip file is damaged"),
        (_other_columns, "expected the columns ['text'] of the first shard"),
        (_ragged, "1 line has another number of fields than the header"),
        (lambda path: path.write_bytes(gzip.compress(b"")), "the file is empty"),
        (lambda path: path.write_bytes(gzip.compress(b"text,letters\na,1\n")), "already has"),
    ],
)
def test_a_shard_that_cannot_be_read_has_no_answers_and_says_why(tmp_path, spoil, reason):
    path = tmp_path / "in.csv.gz"
    path.write_bytes(gzip.compress(b"text\nearlier\n"))
    _answered(tmp_path, "in.csv.gz")
    spoil(path)
    schema = None if "already" in reason else [("text", "")]
    job, shard, record = _answered(tmp_path, "in.csv.gz", schema=schema)
    assert reason in record.failure
    assert str(path) in record.failure
    assert _dead(job, shard) == [
        {"file": str(path), "row": None, "reason": record.failure, "cells": {}}
    ]
    assert not job.answers_path(shard).exists()
    assert [path.name for path in job.answers_path(shard).parent.iterdir()] == []


def test_done_again_it_leaves_the_same_files(tmp_path):
    (tmp_path / "in.csv").write_text("text\na\nbad\nb\n")
    job, shard, _ = _answered(tmp_path, "in.csv")
    paths = [job.answers_path(shard), job.dead_letters_path(shard)]
    before = [path.read_bytes() for path in paths]
    _answered(tmp_path, "in.csv")
    assert [path.read_bytes() for path in paths] == before
    everything = {path.name for path in (tmp_path / "out").rglob("*")}
    assert everything == {"shards", "in.csv", "state", "in.csv.json", "in.csv.dead.jsonl"}


def test_a_column_without_values_has_its_type_in_every_shard_of_parquet(tmp_path):
    pd.DataFrame({"text": ["a1", "b2"]}).to_parquet(tmp_path / "a.parquet")
    pd.DataFrame({"text": ["a", "b2"]}).to_parquet(tmp_path / "b.parquet")
    kinds = []
    for name in "ab":
        job, shard, _ = _answered(tmp_path, f"{name}.parquet")
        kinds.append(pd.read_parquet(job.answers_path(shard), dtype_backend="pyarrow").dtypes)
    assert str(kinds[0]["upper"].pyarrow_dtype) == "string"
    assert kinds[0].tolist() == kinds[1].tolist()


@pytest.mark.parametrize("ending", [".csv", ".tsv.gz", ".parquet"])
def test_columns_without_a_row_are_answered_by_columns_without_a_row(tmp_path, ending):
    frame = pd.DataFrame({"id": [7], "text": ["a"]})
    for name, rows in (("full", 1), ("none", 0)):
        _write(tmp_path / f"{name}{ending}", frame[:rows])
    (job, full, _), (_, none, record) = (
        _answered(tmp_path, f"{name}{ending}") for name in ("full", "none")
    )
    assert (record.rows, record.dead, record.failure, record.written) == (0, 0, None, True)
    found = _read(job.answers_path(none))
    assert (len(found), [*found]) == (0, ["id", "text", "letters", "upper"])
    assert not job.dead_letters_path(none).exists()
    if ending == ".parquet":
        schemas = [pq.read_schema(job.answers_path(shard)) for shard in (full, none)]
        assert schemas[0].equals(schemas[1])


def test_a_file_of_no_bytes_is_no_table(tmp_path):
    for name in ("a.csv", "b.jsonl", "c.txt", "d.parquet"):
        (tmp_path / name).touch()
        job, shard, record = _answered(tmp_path, name)
        assert record.failure is not None
        assert not job.answers_path(shard).exists()


def test_a_null_is_an_empty_text(tmp_path):
    pd.DataFrame({"text": ["a", None]}).to_parquet(tmp_path / "in.parquet")
    job, shard, record = _answered(tmp_path, "in.parquet")
    assert pd.read_parquet(job.answers_path(shard))["letters"].tolist() == [1, 0]
    assert (record.rows, record.dead) == (2, 0)


def test_a_full_disk_is_an_error_and_no_dead_letter(tmp_path, full_disk):
    (tmp_path / "in.csv").write_text("text\n" + "abcdefgh\n" * 1500)
    job = _job(tmp_path)
    (shard,) = shards_of(tmp_path / "in.csv")
    with pytest.raises(DataError, match=r"shards/in\.csv: cannot be written: File too large"):
        answer_shard(open_counts(), job, shard)
    assert not job.record_path(shard).exists()
    assert [*job.answers_path(shard).parent.iterdir()] == []


def test_a_shard_that_is_gone_is_a_dead_letter(tmp_path):
    (tmp_path / "in.csv").write_text("text\na\n")
    job = _job(tmp_path)
    (shard,) = shards_of(tmp_path / "in.csv")
    (tmp_path / "in.csv").unlink()
    record = answer_shard(open_counts(), job, shard)
    assert record.failure == f"{tmp_path / 'in.csv'}: no such file"
    (letter,) = _dead(job, shard)
    assert (letter["row"], letter["reason"]) == (None, record.failure)


def test_a_shard_that_is_written_while_it_is_read_has_no_answers(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("text\na\n")

    class Slow:
        names, kinds = open_counts().names, open_counts().kinds

        def begin(self):
            return self

        def answer(self, texts):
            path.write_text("text\na\nand more\n")
            return [[1, None] for _ in texts]

        def told(self):
            return None

    job = _job(tmp_path)
    (shard,) = shards_of(path)
    record = answer_shard(Slow(), job, shard)
    assert "the file changed while the run was at work" in record.failure
    assert not job.answers_path(shard).exists()
    assert [file.name for file in job.answers_path(shard).parent.iterdir()] == []


def test_a_record_of_a_hidden_shard_is_no_hidden_file(tmp_path):
    (tmp_path / ".in.csv").write_text("text\na\n")
    _, _, record = _answered(tmp_path, ".in.csv")
    assert record.rows == 1
    assert [path.name for path in (tmp_path / "out/state").iterdir()] == ["%2Ein.csv.json"]
