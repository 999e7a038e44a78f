"""Tables written: checks up front, all of the file or none of it, exact round trips."""

from __future__ import annotations

import csv
import datetime
import decimal
import gzip
import json
import math
import os
import signal
import subprocess
import sys
import textwrap
import tracemalloc
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfp_dgm.data import (
    DataError,
    TableWriter,
    check_new_columns,
    check_output_path,
    iter_table_chunks,
    read_labelled_table,
    write_table,
)


def test_formats_of_other_values(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": ["a", "b"]})
    new: dict[str, Iterable[Any]] = {
        "label": ["x", None],
        "probability": np.array([0.5, np.nan]),
        "accept": np.array([True, False]),
        "set": [["x", "y"], []],
    }
    write_table(frame, tmp_path / "out.csv", new)
    assert (tmp_path / "out.csv").read_text() == (
        'text,label,probability,accept,set\na,x,0.5,true,"[""x"", ""y""]"\nb,,,false,[]\n'
    )
    write_table(frame, tmp_path / "out.jsonl", new)
    assert (tmp_path / "out.jsonl").read_text() == (
        '{"text": "a", "label": "x", "probability": 0.5, "accept": true, "set": ["x", "y"]}\n'
        '{"text": "b", "label": null, "accept": false, "set": []}\n'
    )


def test_json_lines_of_values_that_json_lacks(tmp_path: Path) -> None:
    frame = pd.DataFrame({"at": [datetime.date(2020, 1, 2)], "price": [decimal.Decimal("1.50")]})
    write_table(frame, tmp_path / "out.jsonl", {"n": [np.float32(0.5)]})
    assert json.loads((tmp_path / "out.jsonl").read_text()) == {
        "at": "2020-01-02",
        "price": "1.50",
        "n": 0.5,
    }


@pytest.mark.parametrize("source", ["in.parquet", "in.jsonl"])
def test_dates_and_decimals_stand_in_csv_without_quotes(tmp_path: Path, source: str) -> None:
    at = [datetime.date(2020, 1, 2), None]
    frame = pd.DataFrame(
        {"text": ["a", "b"], "at": at, "price": [decimal.Decimal("1.50"), decimal.Decimal(2)]}
    )
    write_table(frame, tmp_path / source)
    (chunk,) = iter_table_chunks(tmp_path / source, text_columns=["text"], chunk_rows=9)
    moments = {"seen": np.array(["2020-01-02T03:04", "NaT"], "datetime64[s]")}
    write_table(chunk.frame, tmp_path / "out.csv", moments)
    with (tmp_path / "out.csv").open(newline="") as file:
        header, first, second = csv.reader(file)
    assert header == ["text", "at", "price", "seen"]
    assert first == ["a", "2020-01-02", "1.50", "2020-01-02 03:04:00"]
    assert second[:2] == ["b", ""]
    assert decimal.Decimal(second[2]) == 2
    assert second[3] == ""
    assert (tmp_path / "out.csv").read_text().count('"') == 0


@pytest.mark.parametrize("cells", [[1, "x"], [1, True], [1.5, True], [True, 1.5, None]])
def test_parquet_refuses_mixed_types(tmp_path: Path, cells: list[Any]) -> None:
    frame = pd.DataFrame({"a": pd.Series(cells, dtype=object)})
    with pytest.raises(DataError, match=r"out\.parquet: a column cannot be written .* \('a': "):
        write_table(frame, tmp_path / "out.parquet")
    assert list(tmp_path.iterdir()) == []


def test_checks_of_the_output_path(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("text\na\n")
    with pytest.raises(DataError, match=r"the folder '.*none' does not exist; create it first"):
        check_output_path(tmp_path / "none" / "out.csv")
    with pytest.raises(DataError, match=r"unsupported extension '\.txt'"):
        check_output_path(tmp_path / "out.txt")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match="expected a file to write; received a folder"):
        check_output_path(tmp_path / "folder.csv")
    check_output_path(tmp_path / "out.csv", [path])
    (tmp_path / "soft.csv").symlink_to(path)
    (tmp_path / "hard.csv").hardlink_to(path)
    os.mkdir(tmp_path / "sub")
    for output in ("in.csv", "sub/../in.csv", "soft.csv", "hard.csv"):
        with pytest.raises(DataError, match=r"is the input '.*' itself; choose another name"):
            TableWriter(tmp_path / output, inputs=[tmp_path / "gone.csv", path])


def test_new_columns_must_be_new(tmp_path: Path) -> None:
    check_new_columns("in.csv", ["text", "label"], ["predicted"])
    frame = pd.DataFrame({"text": ["a"], "predicted": ["x"]})
    message = r"out\.csv: the table already has 'predicted', which .* rename or drop"
    with pytest.raises(DataError, match=message):
        write_table(frame, tmp_path / "out.csv", {"predicted": ["y"]})
    assert not (tmp_path / "out.csv").exists()


def test_links_and_modes_are_kept(tmp_path: Path) -> None:
    target = tmp_path / "real.csv"
    target.write_text("old")
    target.chmod(0o640)
    (tmp_path / "link.csv").symlink_to(target)
    write_table(pd.DataFrame({"a": ["1"]}), tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert target.read_text() == "a\n1\n"
    assert target.stat().st_mode & 0o777 == 0o640


def _write_half(output: Path, error: type[BaseException]) -> None:
    with TableWriter(output) as writer:
        writer.write(pd.DataFrame({"a": ["1"]}))
        raise error


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".jsonl", ".parquet"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_exception_leaves_the_old_output(
    tmp_path: Path, suffix: str, error: type[BaseException]
) -> None:
    output = tmp_path / f"out{suffix}"
    output.write_text("old")
    with pytest.raises(error):
        _write_half(output, error)
    assert output.read_text() == "old"
    assert list(tmp_path.iterdir()) == [output]


def test_a_kill_leaves_the_old_output(tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    output.write_text("old")
    program = f"""
        import os, signal
        import pandas as pd
        from tfp_dgm.data import TableWriter
        with TableWriter({str(output)!r}) as writer:
            writer.write(pd.DataFrame({{"a": ["1"] * 100_000}}))
            os.kill(os.getpid(), signal.SIGKILL)
        """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert output.read_text() == "old"


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_column_that_a_later_chunk_lacks_is_empty_there(tmp_path: Path, suffix: str) -> None:
    output = tmp_path / f"out{suffix}"
    with TableWriter(output) as writer:
        writer.write(pd.DataFrame({"a": ["1"], "b": ["2"]}))
        writer.write(pd.DataFrame({"b": ["3"]}))
    if suffix == ".csv":
        assert output.read_text() == "a,b\n1,2\n,3\n"
    else:
        assert pq.read_table(output).to_pydict() == {"a": ["1", None], "b": ["2", "3"]}


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_column_that_comes_late_is_refused_not_dropped(tmp_path: Path, suffix: str) -> None:
    output = tmp_path / f"out{suffix}"
    refused = pytest.raises(DataError, match=r"received also \['b'\] in later ones; write \.jsonl")
    with refused, TableWriter(output) as writer:
        writer.write(pd.DataFrame({"a": ["1"]}))
        writer.write(pd.DataFrame({"a": ["1"], "b": ["1"]}))
    assert not output.exists()


# Arrow's types beside those that pandas' own metadata can name.
ARROW_VALUES = {
    "list": pa.array([["a"], []]),
    "large_list": pa.array([[1, 2], None], pa.large_list(pa.int64())),
    "fixed_size_list": pa.array([[1, 2], [3, 4]], pa.list_(pa.int64(), 2)),
    "struct": pa.array([{"a": 1}, None]),
    "map": pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int64())),
    "dictionary": pa.array(["a", "b"]).dictionary_encode(),
    "fixed_size_binary": pa.array([b"a", None], pa.binary(1)),
    "int64": pa.array([2**53 + 1, None]),
    "timestamp": pa.array([0, None], pa.timestamp("us", "Europe/Berlin")),
    "decimal": pa.array([decimal.Decimal("1.50"), None]),
}


@pytest.mark.parametrize("kind", ARROW_VALUES)
def test_pandas_reads_what_parquet_holds(tmp_path: Path, kind: str) -> None:
    values = ARROW_VALUES[kind]
    pq.write_table(pa.table({"text": ["a", "b"], "values": values}), tmp_path / "in.parquet")
    (chunk,) = iter_table_chunks(tmp_path / "in.parquet", text_columns=["text"], chunk_rows=9)
    write_table(chunk.frame, tmp_path / "out.parquet", {"new": [["x"], []]})
    written = pq.read_table(tmp_path / "out.parquet")
    assert written.schema.field("values").type == values.type
    assert written["values"].to_pylist() == values.to_pylist()
    read = pd.read_parquet(tmp_path / "out.parquet")
    assert list(read.columns) == ["text", "values", "new"]
    assert [list(cell) for cell in read["new"]] == [["x"], []]


@pytest.mark.parametrize(
    ("first", "later", "kind"),
    [
        ([], ["x"], pa.list_(pa.string())),
        (None, "x", pa.string()),
        (None, ["x"], pa.list_(pa.string())),
        (1, 1.5, pa.float64()),
        ([1], [1.5], pa.list_(pa.float64())),
        ({}, {"a": 1}, pa.struct({"a": pa.int64()})),
        ({"a": 1}, {"a": None, "b": "x"}, pa.struct({"a": pa.int64(), "b": pa.string()})),
    ],
)
def test_all_chunks_tell_the_types_of_parquet(
    tmp_path: Path, first: Any, later: Any, kind: pa.DataType
) -> None:
    with TableWriter(tmp_path / "out.parquet") as writer:
        for value in (first, first, later, first):
            writer.write(pd.DataFrame({"n": [7], "a": pd.Series([value], dtype=object)}))
    assert [path.name for path in tmp_path.iterdir()] == ["out.parquet"]
    written = pq.read_table(tmp_path / "out.parquet")
    assert written.schema.field("a").type.equals(kind)
    assert written["n"].to_pylist() == [7] * 4
    expected = [first, first, later, first]
    if isinstance(later, dict):  # A struct has all its fields in each row.
        names = [kind.field(number).name for number in range(kind.num_fields)]
        expected = [{name: cell.get(name) for name in names} for cell in expected]
    assert written["a"].to_pylist() == expected


@pytest.mark.parametrize(("first", "later"), [(1, "x"), (True, 1), (2**53 + 1, 1.5), ([1], 1)])
def test_parquet_refuses_types_that_do_not_go_together(
    tmp_path: Path, first: Any, later: Any
) -> None:
    refused = pytest.raises(DataError, match=r"out\.parquet: a column cannot be written as Parquet")
    with refused, TableWriter(tmp_path / "out.parquet") as writer:
        for value in (first, later):
            writer.write(pd.DataFrame({"a": pd.Series([value], dtype=object)}))
    assert list(tmp_path.iterdir()) == []


def test_parquet_needs_a_chunk(tmp_path: Path) -> None:
    writer = TableWriter(tmp_path / "out.parquet").__enter__()
    with pytest.raises(DataError, match="nothing to write"):
        writer.__exit__(None, None, None)
    assert list(tmp_path.iterdir()) == []


# --- Round trips and streams ---------------------------------------------------------------

CELLS = st.text(
    st.one_of(
        st.sampled_from(",\t\"\n\r'| \u2028\x85\x0b\x1c\ufeff"), st.characters(codec="utf-8")
    ),
    max_size=8,
).map(lambda text: text.replace("\0", ""))
ROUND_TRIP = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.mark.parametrize("suffix", [".csv", ".tsv.gz"])
@ROUND_TRIP
@given(data=st.data())
def test_delimited_round_trip(tmp_path: Path, suffix: str, data: st.DataObject) -> None:
    names = data.draw(st.lists(CELLS, min_size=1, max_size=3, unique=True))
    rows = data.draw(st.lists(st.tuples(*[CELLS] * len(names)), min_size=1, max_size=6))
    frame = pd.DataFrame(
        {
            name: pd.Series(list(column), dtype=object)
            for name, column in zip(names, zip(*rows, strict=True), strict=True)
        }
    )
    path = tmp_path / f"t{suffix}"
    write_table(frame, path)
    chunk_rows = data.draw(st.integers(1, 7))
    read = [
        chunk for chunk in iter_table_chunks(path, text_columns=names[:1], chunk_rows=chunk_rows)
    ]
    assert [list(chunk.frame.columns) for chunk in read] == [names] * len(read)
    assert [row for chunk in read for row in chunk.frame.itertuples(index=False, name=None)] == rows
    assert [text for chunk in read for text in chunk.texts] == [row[0] for row in rows]


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@ROUND_TRIP
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {"text": CELLS}, optional={"a": JSON_VALUES, "b": JSON_VALUES, "ü": JSON_VALUES}
        ),
        min_size=1,
        max_size=6,
    ),
    chunk_rows=st.integers(1, 7),
)
def test_json_lines_round_trip(
    tmp_path: Path, rows: list[dict[str, object]], chunk_rows: int
) -> None:
    path, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with TableWriter(output) as writer:
        for chunk in iter_table_chunks(path, text_columns=["text"], chunk_rows=chunk_rows):
            writer.write(chunk.frame)
    with output.open(encoding="utf-8", newline="\n") as file:
        read = [json.loads(line) for line in file]
    assert read == rows
    assert json.dumps(read, sort_keys=True) == json.dumps(rows, sort_keys=True)  # 1 is not True.


@pytest.mark.parametrize("chunk_rows", [1, 5])
def test_half_a_pair_of_utf_16_in_names_and_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk_rows: int
) -> None:
    monkeypatch.setattr("tfp_dgm.data.table_texts._ROWS_PER_CHUNK", chunk_rows)
    path, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    rows = [
        {"text": "a", "label": "x", "\ud800": 1},
        {"text": "b", "label": "y", "b\udfff": {"\ud800": "\ud801"}},
        {"text": "c\ud800", "\ud800": None},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    table = read_labelled_table(path, text_columns=["text"], label_column="label")
    write_table(table.frame, output)
    assert [json.loads(line) for line in output.read_text().splitlines()] == rows
    with TableWriter(output) as writer:
        for chunk in iter_table_chunks(path, text_columns=["text"], chunk_rows=chunk_rows):
            writer.write(chunk.frame)
    assert [json.loads(line) for line in output.read_text().splitlines()] == rows
    with pytest.raises(
        DataError, match=r"no such column 'txt'; the columns are 'text', 'label', '"
    ):
        read_labelled_table(path, text_columns=["txt"], label_column="label")
    with pytest.raises(DataError, match=r"as Parquet \('text', '.ud800', 'b.udfff': .*utf-8"):
        write_table(table.frame, tmp_path / "out.parquet")


NUMBERS = st.none() | st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.none() | st.text(alphabet="ab", max_size=2)
RECORDS = st.none() | st.fixed_dictionaries({}, optional={"a": NUMBERS, "b": st.lists(TEXTS)})
PARTS = NUMBERS | st.lists(NUMBERS, max_size=2)  # Not all of these go together.


@ROUND_TRIP
@given(
    cells=st.lists(NUMBERS, min_size=2, max_size=6)
    | st.lists(PARTS, min_size=2, max_size=6)
    | st.lists(st.none() | st.lists(TEXTS, max_size=2), min_size=2, max_size=6)
    | st.lists(RECORDS, min_size=2, max_size=6),
    chunk_rows=st.integers(1, 3),
)
def test_parquet_in_a_stream_is_parquet_at_once(
    tmp_path: Path, cells: list[Any], chunk_rows: int
) -> None:
    frame = pd.DataFrame({"n": range(len(cells)), "a": pd.Series(cells, dtype=object)})
    streamed, whole = tmp_path / "streamed.parquet", tmp_path / "whole.parquet"
    for path in (streamed, whole):
        path.unlink(missing_ok=True)
    with suppress(DataError):
        write_table(frame, whole)
    with suppress(DataError), TableWriter(streamed) as writer:
        for start in range(0, len(cells), chunk_rows):
            writer.write(frame[start : start + chunk_rows])
    assert streamed.exists() == whole.exists()
    if whole.exists():
        assert pq.read_table(streamed).equals(pq.read_table(whole))


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".jsonl.gz", ".parquet"])
@pytest.mark.parametrize("chunk_rows", [1, 7, 100, 1000])
def test_streamed_equals_whole(tmp_path: Path, suffix: str, chunk_rows: int) -> None:
    rows = 100
    frame = pd.DataFrame(
        {
            "text": [f"text\n{i}" * (i % 3) for i in range(rows)],
            "label": [["x", "y", None][i % 3] for i in range(rows)],
        }
    )
    path = tmp_path / f"in{suffix}"
    write_table(frame, path)
    whole = read_labelled_table(path, text_columns=["text"], label_column="label")
    new = [f"{i % 7}" for i in range(rows)]
    path_of_whole = tmp_path / f"whole{suffix}"
    write_table(whole.frame, path_of_whole, {"new": new})

    texts: list[str] = []
    streamed = tmp_path / f"streamed{suffix}"
    with TableWriter(streamed, inputs=[path]) as writer:
        for chunk in iter_table_chunks(path, text_columns=["text"], chunk_rows=chunk_rows):
            assert len(chunk.texts) == len(chunk.frame) <= chunk_rows
            end = len(texts) + len(chunk.texts)
            writer.write(chunk.frame, {"new": new[len(texts) : end]})
            texts += chunk.texts
    assert texts == whole.texts
    if suffix == ".parquet":
        assert pq.read_table(streamed).equals(pq.read_table(path_of_whole))
    elif suffix.endswith(".gz"):
        with gzip.open(streamed) as one, gzip.open(path_of_whole) as other:
            assert one.read() == other.read()
    else:
        assert streamed.read_bytes() == path_of_whole.read_bytes()


def test_streaming_checks_at_once_and_on_the_way(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        iter_table_chunks(tmp_path / "none.csv", text_columns=["text"], chunk_rows=5)
    path = tmp_path / "in.csv"
    path.write_text("text\na\nb\nc,d\n")
    chunks = iter_table_chunks(path, text_columns=["text"], chunk_rows=2)
    assert next(chunks).texts == ["a", "b"]
    with pytest.raises(DataError, match=r"1 line has .* line 4 has 2"):
        next(chunks)
    with pytest.raises(DataError, match=r"no such column 'txet'.*did you mean 'text'"):
        next(iter_table_chunks(path, text_columns=["txet"], chunk_rows=2))


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_streaming_memory_is_flat(tmp_path: Path, suffix: str) -> None:
    def peak(rows: int) -> int:
        path = tmp_path / f"{rows}{suffix}"
        write_table(pd.DataFrame({"text": [f"some text {i}" for i in range(rows)]}), path)
        tracemalloc.start()
        try:
            with TableWriter(tmp_path / f"out{suffix}") as writer:
                for chunk in iter_table_chunks(path, text_columns=["text"], chunk_rows=250):
                    writer.write(chunk.frame)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(500)  # Whatever is imported and cached on first use.
    assert peak(5_000) < 1.5 * peak(1_000)


def test_reading_imports_no_tensorflow() -> None:
    program = "import sys, tfp_dgm.data; print([m for m in sys.modules if m in %r])"
    heavy = ("tensorflow", "keras", "tensorflow_probability", "pandas", "pyarrow")
    done = subprocess.run(
        [sys.executable, "-c", program % (heavy,)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_many_rows_stand_whole_and_in_order(tmp_path: Path, suffix: str) -> None:
    """More rows than are text at once; one cell alone needs quotes that the others lack."""
    texts = [f"text {n}" for n in range(2500)]
    texts[1500] = "a lone\rcarriage return"
    numbers = [n / 7 for n in range(2500)]
    numbers[3], numbers[1600] = float("inf"), float("nan")
    mixed = ["a" if n % 3 else (n % 2 == 0 if n % 5 else None) for n in range(2500)]
    path = tmp_path / f"out{suffix}"
    write_table(pd.DataFrame({"text": texts}), path, {"number": numbers, "mixed": mixed})
    if suffix == ".csv":
        with path.open(newline="") as file:
            _, *rows = csv.reader(file)
        cells = [row[1] for row in rows]
        words = [row[2] for row in rows]
        assert words == [
            "a" if n % 3 else ("" if n % 5 == 0 else json.dumps(n % 2 == 0)) for n in range(2500)
        ]
    else:
        records = [json.loads(line) for line in path.read_text().splitlines()]
        rows = [[record["text"]] for record in records]
        cells = [json.dumps(record.get("number", "")).strip('"') for record in records]
        assert [record["mixed"] for record in records] == mixed
    assert [row[0] for row in rows] == texts
    assert cells[3] == "Infinity"
    assert cells[1600] == ""
    known = [n for n in range(2500) if n not in (3, 1600)]
    assert [float(cells[n]) for n in known] == [numbers[n] for n in known]


def test_numbers_that_json_lacks_are_json_all_the_same(tmp_path):
    """Read by Python's module, told to take no constant that JSON has not."""
    cells = [[math.inf, 1.0], [math.nan], {"a": [-math.inf, None]}, -math.inf, np.array([np.nan])]
    frame = pd.DataFrame({"text": list("abcde"), "cell": pd.Series(cells, dtype=object)})
    for name in ("out.jsonl", "out.csv"):
        write_table(frame, tmp_path / name)
    found = [
        json.loads(line, parse_constant=lambda word: pytest.fail(word))["cell"]
        for line in (tmp_path / "out.jsonl").read_text().splitlines()
    ]
    assert found == [["Infinity", 1.0], [None], {"a": ["-Infinity", None]}, "-Infinity", [None]]
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = [row["cell"] for row in csv.DictReader(file)]
    assert rows[:2] == ['["Infinity", 1.0]', "[null]"]
    assert rows[3] == "-Infinity"
