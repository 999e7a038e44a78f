"""Large files are cut between rows, and nowhere else; their parts are the whole."""

import csv
import io
import json
import os

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.serving.beam.letter_counts import open_counts
from tfp_dgm.data import DataError
from tfp_dgm.serving.beam import shards_of
from tfp_dgm.serving.beam.parts import in_parts
from tfp_dgm.serving.beam.shard_answers import answer_shard
from tfp_dgm.serving.beam.shard_job import ShardJob
from tfp_dgm.serving.beam.shard_reader import open_shard

ROWS, BYTES = 4, 60


@pytest.fixture(scope="module", autouse=True)
def small():
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("_BYTES_PER_PART", BYTES), ("_ROWS_PER_CHUNK", ROWS)):
            patch.setattr(f"tfp_dgm.serving.beam.parts.{name}", value)
        patch.setattr("tfp_dgm.serving.beam.shard_answers._ROWS_PER_CHUNK", ROWS)
        yield


def _parts(path, **asked):
    return in_parts(shards_of(path), **asked)


def _rows(path, **asked):
    """Parts of a file; the line and the cells of each row; the sizes of all chunks."""
    parts, rows, sizes = _parts(path, **asked), [], []
    for part in parts:
        with open_shard(part, **asked) as reader:
            for chunk in reader.chunks(ROWS):
                cells = chunk.frame.astype(object).values.tolist()
                rows += zip(chunk.lines.tolist(), cells, strict=True)
                sizes.append(len(cells))
    return parts, rows, sizes


def _read_csv(text):
    """The line and the cells of each row by Python's module alone."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows, before = [], 0
    for row in reader:
        if row:
            rows.append((before + 1, row))
        before = reader.line_num
    return rows[1:]


def _quoted(cell):
    """Python's own writer leaves a lone carriage return unquoted, which ends a row."""
    if any(letter in cell for letter in ',"\n\r'):
        return '"' + cell.replace('"', '""') + '"'
    return cell


CELLS = st.text(st.sampled_from('ab",\n\r; é'), max_size=12)


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=60), st.sampled_from(["\n", "\r\n"]))
def test_csv_is_cut_where_rows_begin_whatever_is_quoted(tmp_path_factory, cells, end):
    path = tmp_path_factory.mktemp("parts") / "in.csv"
    rows = [("a\nb", "text"), *cells]
    path.write_bytes("".join(",".join(map(_quoted, row)) + end for row in rows).encode())
    text = path.read_bytes().decode()
    parts, rows, sizes = _rows(path)
    assert [(line, tuple(row)) for line, row in rows] == [
        (line, tuple(row)) for line, row in _read_csv(text)
    ]
    assert all(size == ROWS for size in sizes[:-1])
    if "\r" not in text.replace("\r\n", "") and path.stat().st_size > 400:
        assert len(parts) > 1


def test_quotes_that_are_letters_open_no_cell(tmp_path):
    lines = ['5" pipe,x', 'a "b",y', '"q",z"', "plain,w"] * 20
    (tmp_path / "in.csv").write_text("text,more\n" + "\n".join(lines) + "\n")
    parts, rows, _ = _rows(tmp_path / "in.csv")
    assert len(parts) > 3
    assert [row for _, row in rows][:4] == [
        ['5" pipe', "x"],
        ['a "b"', "y"],
        ["q", 'z"'],
        ["plain", "w"],
    ]
    assert [line for line, _ in rows] == list(range(2, 82))
    parts, rows, _ = _rows(tmp_path / "in.csv", quoting=False)
    assert [row for _, row in rows][2] == ['"q"', 'z"']


@pytest.mark.parametrize("ending", [".jsonl", ".txt"])
def test_lines_are_cut_between_lines(tmp_path, ending):
    texts = [f"row {n} " + "é" * (n % 7) for n in range(50)]
    lines = [json.dumps({"text": text}) if ending == ".jsonl" else text for text in texts]
    lines.insert(10, "")
    (tmp_path / f"in{ending}").write_bytes("\r\n".join(lines).encode())
    parts, rows, _ = _rows(tmp_path / f"in{ending}")
    assert len(parts) > 3
    if ending == ".txt":
        assert [row for _, (row,) in rows] == lines
        assert [line for line, _ in rows] == list(range(1, 52))
    else:
        assert [row for _, (row,) in rows] == texts
        assert [line for line, _ in rows] == [*range(1, 11), *range(12, 52)]


def test_parquet_is_cut_between_groups_of_rows(tmp_path):
    table = pa.table({"id": range(90), "text": [f"text {n % 3}" for n in range(90)]})
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=7, compression="none")
    parts, rows, _ = _rows(tmp_path / "in.parquet")
    assert len(parts) > 3
    assert [(line, row[0]) for line, row in rows] == [(n + 1, n) for n in range(90)]


def test_what_has_no_place_to_be_cut_stays_whole(tmp_path):
    text = "text\n" + "word word\n" * 60
    (tmp_path / "small.csv").write_text("text\na\n")
    (tmp_path / "old.csv").write_bytes(text.replace("\n", "\r").encode())
    (tmp_path / "wide.csv").write_bytes(text.encode("utf-16"))
    (tmp_path / "one.csv").write_text('text\n"' + "word\n" * 200 + '"\n')
    for name in ("small", "old", "wide", "one"):
        assert [part.part for part in _parts(tmp_path / f"{name}.csv")] == [None], name
    pd.DataFrame({"text": ["word"] * 500}).to_parquet(tmp_path / "in.parquet")
    assert [part.part for part in _parts(tmp_path / "in.parquet")] == [None]
    (tmp_path / "in.parquet").write_bytes(b"PAR1" + bytes(range(256)) + b"PAR1")
    assert [part.part for part in _parts(tmp_path / "in.parquet")] == [None]


def _answered(folder, parts):
    job = ShardJob(str(folder), ["text"], None)
    folder.mkdir()
    records = [answer_shard(open_counts(), job, part) for part in parts]
    return job, records


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet", ".txt"])
def test_answers_of_parts_are_those_of_the_whole(tmp_path, ending):
    path = tmp_path / f"in{ending}"
    texts = [f"word{'s' * (n % 5)}" if n % 9 else "bad" for n in range(100)]
    frame = pd.DataFrame({"id": range(100), "text": texts})
    if ending == ".csv":
        frame.to_csv(path, index=False)
    elif ending == ".jsonl":
        frame.to_json(path, orient="records", lines=True)
    elif ending == ".txt":
        path.write_text("\n".join(texts) + "\n")
    else:
        frame.to_parquet(path, row_group_size=ROWS)
    parts = _parts(path)
    assert len(parts) > 2
    names = [part.name for part in parts]
    written = ".jsonl" if ending == ".txt" else ending
    count = len(parts)
    assert names == [f"in-{n:05d}-of-{count:05d}{written}" for n in range(1, count + 1)]
    whole, _ = _answered(tmp_path / "whole", shards_of(path))
    cut, records = _answered(tmp_path / "cut", parts)
    (shard,) = shards_of(path)
    found = [cut.answers_path(part) for part in parts]
    if ending == ".parquet":
        tables = [pq.read_table(one) for one in found]
        assert pa.concat_tables(tables).equals(pq.read_table(whole.answers_path(shard)))
    else:
        header = 1 if ending == ".csv" else 0
        lines = [one.read_text().splitlines() for one in found]
        joined = [*lines[0], *(line for own in lines[1:] for line in own[header:])]
        assert joined == whole.answers_path(shard).read_text().splitlines()
    dead = [path for part in parts if (path := cut.dead_letters_path(part)).exists()]
    assert "".join(path.read_text() for path in dead) == whole.dead_letters_path(shard).read_text()
    assert sum(record.rows for record in records) == 88
    assert {path.name for path in (tmp_path / "cut/state").iterdir() if path.is_dir()} == set()


def test_a_line_at_fault_is_named_by_its_number_in_the_file(tmp_path):
    lines = [json.dumps({"text": "word " * (n % 4)}) for n in range(60)]
    lines[40] = "no json"
    (tmp_path / "in.jsonl").write_text("\n".join(lines) + "\n")
    parts = _parts(tmp_path / "in.jsonl")
    _, records = _answered(tmp_path / "out", parts)
    (failure,) = [record.failure for record in records if record.failure]
    assert failure.startswith(f"{tmp_path / 'in.jsonl'}, line 41: expected a JSON object")
    (tmp_path / "in.csv").write_text("text,n\n" + "word,1\n" * 60 + "word,1,2\n" + "word,1\n" * 9)
    _, records = _answered(tmp_path / "other", _parts(tmp_path / "in.csv"))
    (failure,) = [record.failure for record in records if record.failure]
    assert f"{tmp_path / 'in.csv'}: 1 line has another number of fields" in failure
    assert "line 62 has 3" in failure


def test_a_part_of_another_file_is_another(tmp_path):
    (tmp_path / "in.txt").write_text("word\n" * 60)
    states = [part.state() for part in _parts(tmp_path / "in.txt")]
    assert len({json.dumps(state) for state in states}) == len(states)
    assert np.all([state[:3] == states[0][:3] for state in states])
    count = len(states)
    (tmp_path / f"in-00001-of-{count:05d}.txt").write_text("word\n")
    with pytest.raises(
        DataError, match=r"its answers would be in-00001-of-000\d\d\.jsonl, as those"
    ):
        _parts(tmp_path)


@pytest.mark.parametrize("odd", ["\ufeffword", "%PDF-1.4", "BZh91AY&SYx", f"{'word ' * 51}..ustar"])
def test_a_line_that_looks_like_the_beginning_of_a_file_is_a_text(tmp_path, odd):
    texts = [odd if n and n % ROWS == 0 else f"word word word {n}" for n in range(60)]
    (tmp_path / "in.txt").write_text("\n".join(texts) + "\n")
    parts, rows, _ = _rows(tmp_path / "in.txt")
    assert len(parts) > 3
    assert [row for _, (row,) in rows] == texts


def test_a_mark_of_the_byte_order_is_no_part_of_a_header(tmp_path):
    text = '\ufeff"te\nxt",n\n' + "".join(f"word {n},{n}\n" for n in range(60))
    (tmp_path / "in.csv").write_text(text)
    parts = _parts(tmp_path / "in.csv")
    assert len(parts) > 3
    for part in parts:
        with open_shard(part) as reader:
            frames = [chunk.frame for chunk in reader.chunks(ROWS)]
        assert {tuple(frame.columns) for frame in frames} == {("te\nxt", "n")}
    _, rows, _ = _rows(tmp_path / "in.csv")
    assert [row for _, row in rows] == [[f"word {n}", str(n)] for n in range(60)]
    assert [line for line, _ in rows] == list(range(3, 63))


def test_what_is_no_text_in_a_part_is_named_by_its_line(tmp_path):
    lines = [b"word word"] * 60
    lines[40] = b"caf\xe9"
    (tmp_path / "in.txt").write_bytes(b"\n".join(lines))
    _, records = _answered(tmp_path / "out", _parts(tmp_path / "in.txt"))
    (failure,) = [record.failure for record in records if record.failure]
    assert failure.startswith(f"{tmp_path / 'in.txt'}, line 41: expected UTF-8")
    assert "byte 0xe9; convert" in failure  # Its offset would be that of the part.


def _rewritten(path):
    path.write_text("text\n" + "other words here\n" * 60)


def _shortened(path):
    path.write_bytes(path.read_bytes()[:200])


def _touched(path):
    os.utime(path, ns=(1, 1))


@pytest.mark.parametrize("change", [_rewritten, _shortened, _touched])
def test_a_file_that_changed_after_it_was_cut_is_not_answered_by_its_cuts(tmp_path, change):
    path = tmp_path / "in.csv"
    path.write_text("text\n" + "word word\n" * 60)
    parts = _parts(path)
    change(path)
    _, records = _answered(tmp_path / "out", parts)
    changed = f"{path}: the file changed while the run was at work"
    assert [record.failure.partition(";")[0] for record in records] == [changed] * len(parts)
    assert [*(tmp_path / "out/shards").iterdir()] == []
    _, records = _answered(tmp_path / "later", _parts(path))
    assert [record.failure for record in records] == [None] * len(records)


def test_groups_that_lie_side_by_side_are_one_span(tmp_path):
    table = pa.table({"text": [f"text {n}" for n in range(400)], "n": range(400)})
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=1, compression="none")
    (part, *_), rows, _ = _rows(tmp_path / "in.parquet")
    first, after = part.part.groups
    _, data, _ = part.part.spans
    metadata = pq.read_metadata(tmp_path / "in.parquet")
    sizes = [
        metadata.row_group(group).column(column).total_compressed_size
        for group in range(first, after)
        for column in range(2)
    ]
    assert data[1] - data[0] == sum(sizes)
    assert [row[1] for _, row in rows] == list(range(400))


def test_a_name_with_no_room_for_a_number_stays_that_of_one_shard(tmp_path):
    for length, cut in ((100, True), (230, False)):
        path = tmp_path / ("é" * (length // 2) + ".csv")
        path.write_text("text\n" + "word word\n" * 60)
        parts = _parts(path)
        assert (len(parts) > 1) == cut
        _, records = _answered(tmp_path / f"out{length}", parts)
        assert sum(record.rows for record in records) == 60
