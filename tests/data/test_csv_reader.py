"""Quotes that swallow rows, and what one row may hold."""

import gzip

import pytest

from tfp_dgm.data import (
    DataError,
    iter_table_chunks,
    read_captions,
    read_labelled_table,
)

# The first cell's quote is a letter, as is the last one's: four rows, which read as one.
SWALLOWED = 'text,label\na,x\n"Stop that,x\nb,y\nc,x\nhe said go",y\nd,y\n'


def _write(path, content):
    content = content.replace(",", "\t") if ".tsv" in path.name else content
    path.write_bytes(gzip.compress(content.encode()) if path.suffix == ".gz" else content.encode())
    return path


def _read(path, **options):
    return read_labelled_table(path, text_columns=["text"], label_column="label", **options)


def _quotes(warnings):
    return [warning for warning in warnings if "quoted cell" in warning]


@pytest.mark.parametrize("name", ["in.csv", "in.tsv", "in.csv.gz"])
def test_a_quote_that_swallows_rows_is_told_with_its_lines(tmp_path, name):
    path = _write(tmp_path / name, SWALLOWED)
    table = _read(path)
    assert len(table.texts) == 3
    (warning,) = _quotes(table.warnings)
    assert "are read as one row: lines 3 to 6;" in warning
    assert "read with `quoting=False`" in warning
    chunks = list(iter_table_chunks(path, text_columns=["text"], chunk_rows=1))
    assert [len(_quotes(chunk.warnings)) for chunk in chunks] == [0, 1, 1]


@pytest.mark.parametrize("name", ["in.csv", "in.tsv", "in.csv.gz"])
def test_without_quoting_each_line_is_a_row(tmp_path, name):
    path = _write(tmp_path / name, SWALLOWED)
    table = _read(path, quoting=False)
    assert table.texts == ["a", '"Stop that', "b", "c", 'he said go"', "d"]
    assert [table.classes[k] for k in table.observed] == ["x", "x", "y", "x", "y", "y"]
    assert _quotes(table.warnings) == []
    chunks = iter_table_chunks(path, text_columns=["text"], chunk_rows=4, quoting=False)
    assert [chunk.texts for chunk in chunks] == [table.texts[:4], table.texts[4:]]


def test_a_letter_of_several_lines_is_no_swallowed_row(tmp_path):
    letter = '"Dear all,\nthank you, and more, for\nit; yours, ""J"""'
    assert (
        _quotes(_read(_write(tmp_path / "in.csv", f"text,label\n{letter},x\nb,y\n")).warnings) == []
    )
    one_column = _write(tmp_path / "one.csv", 'text\n"a\nb"\n')
    chunks = iter_table_chunks(one_column, text_columns=["text"], chunk_rows=9)
    assert [(chunk.texts, chunk.warnings) for chunk in chunks] == [(["a\nb"], ())]


def test_swallowed_rows_are_counted_over_chunks(tmp_path):
    twice = "text,label\n" + '"a,x\r\n\r\nb",y\r\n' * 7
    *_, last = iter_table_chunks(
        _write(tmp_path / "in.csv", twice), text_columns=["text"], chunk_rows=2
    )
    (warning,) = last.warnings
    assert warning.startswith("7 quoted cells hold line ends and delimiters")
    assert "lines 2 to 4, 5 to 7, 8 to 10, 11 to 13, 14 to 16 and 2 more;" in warning


def test_tables_of_captions_say_it_too(tmp_path):
    content = 'image,caption\na.jpg,"Stop that\nb.jpg,a dog\nc.jpg,said go"\nd.jpg,a cat\n'
    path = _write(tmp_path / "in.csv", content)
    (warning,) = read_captions(path).warnings
    assert "lines 2 to 4;" in warning
    read = read_captions(path, quoting=False)
    assert list(read.captions) == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
    assert read.captions["a.jpg"] == ['"Stop that']
    assert read.warnings == []


@pytest.fixture
def small_limits(monkeypatch):
    """Limits of 30 characters a cell and 100 a row."""
    for module in ("csv_reader", "json_lines_reader", "parquet_reader"):
        monkeypatch.setattr(f"tfp_dgm.data.{module}.MAX_CELL_CHARACTERS", 30)
    for module in ("csv_reader", "json_lines_reader"):
        monkeypatch.setattr(f"tfp_dgm.data.{module}.MAX_ROW_CHARACTERS", 100)


BIG = {
    "cell": (
        "in.csv",
        f"text,label\na,x\n{'w' * 31},y\n",
        "line 3: expected at most 30 char.* cell",
    ),
    "quoted": (
        "in.csv",
        'text,label\n"' + "w\n" * 16 + '",y\n',
        "line 2: expected at most 30 .*cell",
    ),
    "line": ("in.csv", f"text,label\n{'w,' * 51}\n", "line 2: expected at most 100 .* in a line"),
    "row": (
        "in.tsv",
        "text,label\n" + '"w\n",' * 30 + "x\n",
        "line 2: expected at most 100 .* a row",
    ),
    "unclosed": (
        "in.csv",
        'text,label\na,x\n"b,y\n' + "c,z\n" * 50,
        "line 3: .* cell; a cell that",
    ),
    "unquoted": (
        "in.csv",
        f"text,label\n{'w' * 31},y\n",
        "line 2: expected at most 30 .* in a cell$",
    ),
    "JSON": (
        "in.jsonl",
        '{"label": 1}\n{"text": "' + "w" * 31 + '"}\n',
        "line 2, column 'text': .*31",
    ),
    "JSON line": (
        "in.jsonl.gz",
        f'{{"a": [{"1, " * 50}1]}}\n',
        "line 1: expected at most 100 .* line",
    ),
}


@pytest.mark.parametrize("case", BIG)
def test_no_cell_and_no_row_is_larger_than_said(tmp_path, small_limits, case):
    name, content, message = BIG[case]
    path = _write(tmp_path / name, content)
    with pytest.raises(DataError, match=message):
        list(
            iter_table_chunks(path, text_columns=["text"], chunk_rows=9, quoting=case != "unquoted")
        )


def test_large_rows_come_in_smaller_chunks(tmp_path, monkeypatch):
    for module in ("csv_reader", "json_lines_reader"):
        monkeypatch.setattr(f"tfp_dgm.data.{module}.CHUNK_CHARACTERS", 60)
    for name, line in (("in.csv", f"{'w' * 19}\n"), ("in.jsonl", '{"text": "wwwwwww"}\n')):
        path = _write(tmp_path / name, ("text\n" if name == "in.csv" else "") + line * 7)
        chunks = iter_table_chunks(path, text_columns=["text"], chunk_rows=4)
        assert [len(chunk.texts) for chunk in chunks] == [3, 3, 1]
