"""Tables read: exact values, warnings, and messages that name the place."""

from __future__ import annotations

import csv
import datetime
import decimal
import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tfp_dgm.data import (
    DataError,
    LabelledTable,
    iter_table_chunks,
    read_labelled_table,
    write_table,
)

LABELLED = "text,label\na,x\nb,y\nc,\n"


def _write(path: Path, content: str | bytes) -> Path:
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def _read(path: Path, **options: object) -> LabelledTable:
    return read_labelled_table(
        path,
        **{"text_columns": ["text"], "label_column": "label", **options},  # type: ignore[arg-type]
    )


def _json_lines(*rows: object) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


# --- Reading -------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".tsv", ".tsv.gz", ".CSV"])
def test_delimited_values_stay_strings(tmp_path: Path, suffix: str) -> None:
    content = 'id,text,label,n\n007,NA,x,1.50\n008,"a, ""b""\nc",y,\n009, d ,,null\n'
    content = content.replace(",", "\t") if ".tsv" in suffix else content
    table = _read(_write(tmp_path / f"in{suffix}", content))
    mark = "\t" if ".tsv" in suffix else ","
    assert table.frame.to_dict("list") == {
        "id": ["007", "008", "009"],
        "text": ["NA", f'a{mark} "b"\nc', " d "],
        "label": ["x", "y", ""],
        "n": ["1.50", "", "null"],
    }
    assert table.texts == table.frame["text"].tolist()
    assert table.classes == ("x", "y")
    assert table.observed.tolist() == [0, 1, -1]
    np.testing.assert_array_equal(table.allowed, [[True, False], [False, True], [True, True]])


@pytest.mark.parametrize("suffix", [".jsonl", ".ndjson", ".jsonl.gz"])
def test_json_lines_keep_their_types(tmp_path: Path, suffix: str) -> None:
    rows = [
        {"text": "a", "label": "x", "n": 1, "deep": {"k": [1, None, True]}},
        {"text": "b\u2028c", "label": ["x", "y"], "n": 1.5},
        {"text": None, "label": None, "n": None, "deep": "s"},
        {"text": "d", "label": "y", "n": False},
    ]
    table = _read(_write(tmp_path / f"in{suffix}", _json_lines(*rows) + "\n"))
    assert table.frame["n"].tolist() == [1, 1.5, None, False]
    assert [type(value) for value in table.frame["n"]] == [int, float, type(None), bool]
    assert table.frame["deep"].tolist()[0] == {"k": [1, None, True]}
    assert table.texts == ["a", "b\u2028c", "", "d"]
    assert table.observed.tolist() == [0, -1, -1, 1]
    output = tmp_path / f"out{suffix}"
    write_table(table.frame, output)
    opener = gzip.open if suffix.endswith(".gz") else open
    with opener(output, "rt", encoding="utf-8", newline="\n") as file:
        assert [json.loads(line) for line in file] == rows


def test_json_labels_may_be_numbers_and_truth_values(tmp_path: Path) -> None:
    labels = [1, 2.5, True, [1, 2.5], "1", "", " ", []]
    rows = [{"text": f"t{i}", "label": label} for i, label in enumerate(labels)]
    table = _read(_write(tmp_path / "in.jsonl", _json_lines(*rows)))
    assert table.classes == ("1", "2.5", "true")
    assert table.observed.tolist() == [0, 1, 2, -1, 0, -1, -1, -1]
    assert table.allowed[3].tolist() == [True, True, False]


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    original = pa.table(
        {
            "text": ["a", None, "c"],
            "label": pa.array([["x"], ["y"], None]),
            "count": pa.array([1, None, 3], pa.int32()),
            "kind": pa.array(["p", "q", None]).dictionary_encode(),
            "price": [decimal.Decimal("1.50"), None, decimal.Decimal("2.00")],
            "at": [datetime.datetime(2020, 1, 1), None, None],
            "deep": [{"k": [1]}, None, {"k": []}],
        }
    )
    pq.write_table(original, tmp_path / "in.parquet")
    table = _read(tmp_path / "in.parquet")
    assert table.texts == ["a", "", "c"]
    assert table.observed.tolist() == [0, 1, -1]
    write_table(table.frame, tmp_path / "out.parquet", {"new": np.array([0.5, 0.25, np.nan])})
    written = pq.read_table(tmp_path / "out.parquet")
    assert written.select(original.schema.names).cast(original.schema).equals(original)
    assert written.schema.names == [*original.schema.names, "new"]
    assert written["new"].to_pylist() == [0.5, 0.25, None]


def test_parquet_index_of_pandas_stays_a_column(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": ["a", "b"], "label": [1, 2]}, index=[7, 9])
    frame.to_parquet(tmp_path / "in.parquet")
    table = _read(tmp_path / "in.parquet")
    assert table.frame["__index_level_0__"].tolist() == [7, 9]
    assert table.classes == ("1", "2")


def test_several_text_columns_are_joined(tmp_path: Path) -> None:
    path = _write(tmp_path / "in.csv", "title,body,label\nA,b,x\nC,,y\n")
    assert _read(path, text_columns=["title", "body"]).texts == ["A\nb", "C\n"]


def test_sets_of_allowed_classes(tmp_path: Path) -> None:
    path = _write(tmp_path / "in.csv", "text,label\na,x\nb,y\nc,z\nd, x | z \ne,y|y\nf,z|x|y\n")
    table = _read(path)
    assert table.observed.tolist() == [0, 1, 2, -1, 1, -1]
    assert table.allowed[3].tolist() == [True, False, True]
    assert table.allowed[5].all()
    assert _read(path, separator="").classes == (" x | z ", "x", "y", "y|y", "z", "z|x|y")
    semicolons = _write(tmp_path / "s.csv", "text,label\na,x\nb,y|z\nc,x;y|z\n")
    assert _read(semicolons, separator=";").classes == ("x", "y|z")


def test_classes_may_be_given(tmp_path: Path) -> None:
    path = _write(tmp_path / "in.csv", "text,label\na,x\nb,y\nc,x|z\n")
    table = _read(path, classes=["z", "y", "x", "w"])
    assert table.classes == ("w", "x", "y", "z")
    assert table.allowed[2].tolist() == [False, True, False, True]
    with pytest.raises(DataError, match=r"line 3, column 'label': unknown class 'y'; the known"):
        _read(path, classes=["x", "z"])


def test_line_ends_marks_and_blank_lines(tmp_path: Path) -> None:
    content = b'\xef\xbb\xbftext,label\r\n"a\r\nb",x\r\n\r\nc\xe2\x80\xa8d,y\r\n'
    table = _read(_write(tmp_path / "in.csv", content))
    assert list(table.frame.columns) == ["text", "label"]
    assert table.texts == ["a\r\nb", "c\u2028d"]
    assert _read(_write(tmp_path / "mac.csv", b"text,label\ra,x\rb,y\r")).texts == ["a", "b"]
    json_lines = b'\xef\xbb\xbf{"text": "a", "label": 1}\r\n{"text": "b", "label": 2}'
    assert _read(_write(tmp_path / "in.jsonl", json_lines)).texts == ["a", "b"]


def test_blank_lines_are_empty_cells_where_there_is_one_column(tmp_path: Path) -> None:
    path = _write(tmp_path / "in.csv", "\ntext\na\n\nb\r\n\r\n")
    chunks = iter_table_chunks(path, text_columns=["text"], chunk_rows=3)
    assert [chunk.texts for chunk in chunks] == [["a", "", "b"], [""]]
    path = _write(tmp_path / "in.csv", "text\na\n\nb,c\n")
    with pytest.raises(DataError, match="expected 1, but line 4 has 2"):
        list(iter_table_chunks(path, text_columns=["text"], chunk_rows=3))


def test_a_column_of_names_is_no_label_column(tmp_path: Path) -> None:
    def rows(count: int, twice: int) -> Path:
        names = [*range(count), *range(twice)]
        lines = [f"t{number},n{number}\n" for number in names]
        return _write(tmp_path / "in.csv", "text,label\n" + "".join(lines))

    message = (
        r"column 'label': expected labels that rows share; received 60,000 different ones in "
        r"60,001 rows, such as 'n0', 'n1', 'n2'; is it the label column\?"
    )
    with pytest.raises(DataError, match=message):
        _read(rows(60_000, 1))
    with pytest.raises(DataError, match="received 1,001 different ones in 1,501 rows"):
        _read(rows(1_001, 500))
    # Just not so many, just shared often enough, or just as the classes are said to be.
    assert len(_read(rows(1_000, 0)).classes) == 1_000
    assert len(_read(rows(1_001, 501)).classes) == 1_001
    assert len(_read(rows(1_001, 0), classes=[f"n{k}" for k in range(1_001)]).classes) == 1_001


def test_labels_that_allow_every_class_say_nothing(tmp_path: Path) -> None:
    path = _write(tmp_path / "in.csv", "text,label\na,x|y\nb,\nc,y|x\n")
    message = r"in\.csv, column 'label': every label allows each of the classes \('x', 'y'\), so"
    with pytest.raises(DataError, match=message):
        _read(path, classes=["x", "y"])
    assert _read(path, classes=["x", "y", "z"]).allowed[0].tolist() == [True, True, False]


def test_ten_megabytes_in_one_cell(tmp_path: Path) -> None:
    limit = csv.field_size_limit()
    huge = "word, " * 1_700_000
    path = _write(tmp_path / "in.csv", f'text,label\n"{huge}",x\nb,y\n')
    table = _read(path)
    assert table.frame["text"][0] == huge
    assert len(table.texts[0]) == 1_000_000
    assert any("more than 1,000,000 characters: line 2" in text for text in table.warnings)
    write_table(table.frame, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == path.read_bytes()
    assert csv.field_size_limit() == limit


def test_lone_surrogates_survive_and_do_not_reach_the_model(tmp_path: Path) -> None:
    line = '{"text": "a\\ud800", "label": "x"}\n{"text": "b", "label": "y"}\n'
    table = _read(_write(tmp_path / "in.jsonl", line))
    assert table.texts == ["a?", "b"]
    write_table(table.frame, tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_text() == line


# --- Warnings ------------------------------------------------------------------------------


def _warnings(tmp_path: Path, *rows: tuple[str, str]) -> list[str]:
    plenty = [(f"{label}{i}", label) for label in "xy" for i in range(3)]
    frame = pd.DataFrame([*plenty, *rows], columns=["text", "label"])
    write_table(frame, tmp_path / "in.csv")
    return _read(tmp_path / "in.csv").warnings


def test_no_warnings_without_cause(tmp_path: Path) -> None:
    assert _warnings(tmp_path, ("x0", "x"), ("x0", ""), ("x0", "x|y")) == []


def test_warns_of_labels_that_differ_in_case_or_space_only(tmp_path: Path) -> None:
    rows = [(f"{label}-{i}", label) for label in ["New  York", " new york"] for i in range(3)]
    (warning,) = _warnings(tmp_path, *rows)
    assert warning.startswith("The labels ' new york' (3), 'New  York' (3) differ in case or")


def test_warns_of_few_labels(tmp_path: Path) -> None:
    (warning,) = _warnings(tmp_path, ("p", "one"), ("q", "two"), ("r", "two"))
    assert "Fewer than 3 labels for 'one' (1), 'two' (2)" in warning


def test_warns_of_conflicting_labels(tmp_path: Path) -> None:
    (warning,) = _warnings(tmp_path, ("x0", "y"), ("y1", "x"), ("x2", "x|y"))
    assert warning.startswith("2 texts with conflicting labels on identical copies")
    assert "'x0': line 2 'x', line 8 'y'; 'y1': line 6 'y', line 9 'x'" in warning


def test_warns_of_empty_texts(tmp_path: Path) -> None:
    (warning,) = _warnings(tmp_path, ("", "x"), (" \n", "y"), ("", ""))
    assert warning == "3 empty texts: lines 8, 9, 11."  # The second has a line break inside.


# --- Bad input -----------------------------------------------------------------------------

BAD_TABLES: dict[str, tuple[str, str | bytes, str]] = {
    "empty": ("in.csv", "", r"in\.csv: the file is empty; expected a header row"),
    "blank lines": ("in.csv", "\n\n", "the file is empty"),
    "header only": ("in.csv", "text,label\n", "there is a header but no row"),
    "no column": (
        "in.csv",
        "txt,label\na,x\n",
        r"no such column 'text'; the columns are 'txt', 'label'; did you mean 'txt'\?",
    ),
    "delimiter": ("in.csv", "text;label\na;x\n", "header looks like several columns with another"),
    "tabs": ("in.csv", "id\tsentence\n1\tx\n", "header looks like several columns with another"),
    "twice": ("in.csv", "text,a,label,a\nt,1,x,2\n", "line 1: expected distinct .* than one 'a'"),
    "no labels": ("in.csv", "text,label\na,\nb,  \n", "column 'label': there are no labels at all"),
    "one class": ("in.csv", "text,label\na,x\nb,x\nc,\n", "two or more classes; received only 'x'"),
    "unknown in set": (
        "in.csv",
        'text,label\n"a\nb",x\nb,y\nc,x|zebra\n',
        r"line 5, column 'label': unknown class 'zebra' in an allowed set \('x' or 'zebra'\); "
        r"the known classes are 'x', 'y'; a class must be",
    ),
    "only sets": ("in.csv", "text,label\na,x|y\n", "unknown class 'x'.*known classes are none"),
    "empty in set": ("in.csv", "text,label\na,x\nb,y\nc,x|\n", r"line 4.*an empty one in 'x\|'"),
    "ragged": (
        "in.csv",
        "text,label\na\n" + "b,y\n" * 70_000 + "c,d,e\n",
        "2 lines have another number of fields than the header: expected 2, "
        "but line 2 has 1, line 70003 has 3$",
    ),
    "very ragged": ("in.csv", "text,label\n" + "a\n" * 9, r"9 lines .* line 6 has 1, \.\.\.$"),
    "one ragged": ("in.tsv", "text\tlabel\na\tx\ty\n", "1 line has .*: expected 2, but line 2 has"),
    "open quote": ("in.csv", 'text,label\na,x\n"b,y\nc,z\n', "line 3: a quote is opened and never"),
    "after quote": ("in.csv", 'text,label\n"a"b,x\n', "line 2: ',' expected after '\"'; a cell"),
    "NUL": ("in.csv", "text,label\na,x\nb\0,y\n", "line 3: expected text; received a NUL byte"),
    "not UTF-8": (
        "in.csv",
        b"text,label\na,x\n" + "né,y\n".encode("cp1252"),
        r"line 3: expected UTF-8; received byte 0xe9 at offset 16; convert .*iconv -f CP1252",
    ),
    "not UTF-8, gzipped": (
        "in.jsonl.gz",
        '{"text": "é"}\n'.encode("latin-1"),
        "line 1: expected UTF-8; received byte 0xe9 at offset 10",
    ),
    "UTF-16": ("in.csv", LABELLED.encode("utf-16"), "received UTF-16 text; convert.*-f UTF-16"),
    "UTF-32": ("in.tsv", LABELLED.encode("utf-32"), "received UTF-32 text"),
    "JSON empty": ("in.jsonl", "\n", "the file is empty; expected a JSON object a line"),
    "JSON invalid": (
        "in.jsonl",
        '{"text": 1}\n\n{"a"\n',
        r"line 3: expected a JSON object; received .* delimiter at character 6\)",
    ),
    "JSON array": ("in.jsonl", '["a"]\n', r"line 1: expected a JSON object; received \['a'\]"),
    "JSON NaN": ("in.jsonl", '{"text": NaN}\n', "line 1.*NaN is not JSON; write null"),
    "JSON infinite": (
        "in.jsonl",
        '{"text": "a", "n": 1e308}\n{"text": "b", "n": [-1e400]}\n',
        r"line 2: expected a JSON object; received .* \(-1e400 is too large for a number; write it",
    ),
    "JSON twice": ("in.jsonl", '{"a": 1, "a": 2}\n', "line 1.*duplicate key 'a'"),
    "JSON deep": ("in.jsonl", "[" * 100_000 + "\n", "line 1: expected a JSON object"),
    "JSON no column": ("in.jsonl", '{"text": "a"}\n', "no such column 'label'"),
    "JSON label": (
        "in.jsonl",
        _json_lines({"text": "a", "label": "x"}, {"text": "b", "label": {"k": 1}}),
        r"line 2, column 'label': expected a label .* received \{'k': 1\}",
    ),
    "JSON label in list": (
        "in.jsonl",
        _json_lines({"text": "a", "label": ["x", ["y"]]}),
        r"line 1, column 'label': expected a label .* received \['x', \['y'\]\]",
    ),
    "JSON text": (
        "in.jsonl",
        _json_lines({"text": "a", "label": "x"}, {"text": 7, "label": "y"}),
        r"line 2, column 'text': expected a string; received 7 \(int\)",
    ),
    "Parquet": ("in.parquet", b"PAR1 not really", r"in\.parquet: cannot be read as Parquet"),
    "extension": ("in.xlsx", "", r"unsupported extension '\.xlsx'; expected one of \.csv, \.tsv"),
    "no extension": ("in", "", "unsupported extension ''"),
    "gzipped Parquet": ("in.parquet.gz", "", "unsupported extension"),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_bad_tables(tmp_path: Path, case: str) -> None:
    name, content, message = BAD_TABLES[case]
    path = _write(tmp_path / name, content)
    with pytest.raises(DataError, match=f"(?s){message}") as caught:
        _read(path)
    assert str(path) in str(caught.value)


def test_bad_paths_and_columns(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv: no such file"):
        _read(tmp_path / "none.csv")
    with pytest.raises(DataError, match="expected a file; received a folder"):
        _read(tmp_path)
    path = _write(tmp_path / "in.csv", LABELLED)
    with pytest.raises(DataError, match="at least one column; received none"):
        _read(path, text_columns=[])
    with pytest.raises(DataError, match="column 'label': the label column is a text column"):
        _read(path, text_columns=["text", "label"])


@pytest.mark.parametrize("keep", [5, 30])
def test_damaged_gzip(tmp_path: Path, keep: int) -> None:
    whole = gzip.compress(LABELLED.encode() * 10)
    (tmp_path / "in.csv.gz").write_bytes(whole[:keep])
    with pytest.raises(DataError, match="the gzip file is damaged"):
        _read(tmp_path / "in.csv.gz")
    (tmp_path / "in.csv.gz").write_text(LABELLED)
    with pytest.raises(DataError, match="the gzip file is damaged"):
        _read(tmp_path / "in.csv.gz")


def test_parquet_rows_and_duplicate_columns(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table({"text": ["a", "b"], "label": ["x", "x|z"]}), path)
    with pytest.raises(DataError, match="row 2, column 'label': unknown class 'z'"):
        _read(path)
    pq.write_table(pa.table([["a"], ["b"]], names=["text", "text"]), path)
    with pytest.raises(DataError, match="distinct column names; received more than one 'text'"):
        _read(path)
    pq.write_table(pa.table({"text": [], "label": []}), path)
    with pytest.raises(DataError, match="there are columns but no row"):
        _read(path)
