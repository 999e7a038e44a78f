import gzip
import tracemalloc

import pytest

from tfp_dgm.data import DataError, read_captions, read_image_list, read_sentences

LINES = b"\xef\xbb\xbfone two\n\n  three  \r\nbad \xff byte\n \t\nnul\0here\nlast"


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
def test_what_is_left_out_is_counted(tmp_path, name):
    content = gzip.compress(LINES) if name.endswith("gz") else LINES
    (tmp_path / name).write_bytes(content)
    sentences = read_sentences(tmp_path / name)
    assert sentences.texts == ["one two", "three", "last"]
    assert sentences.num_lines == 7
    assert sentences.line_numbers == [1, 3, 7]
    assert sentences.empty == [2, 5]
    assert sentences.not_utf8 == [4, 6]
    assert sentences.warnings() == [
        "2 of 7 lines left out, empty: line 2, 5",
        "2 of 7 lines left out, not UTF-8: line 4, 6",
    ]


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_lines_end_as_on_any_system(tmp_path, end):
    lines = ["one", "", "two \u2028 \x85 words", "\u200b", "three"]
    (tmp_path / "a").write_bytes(end.join(lines).encode())
    sentences = read_sentences(tmp_path / "a")
    assert sentences.texts == ["one", lines[2], "three"]
    assert sentences.line_numbers == [1, 3, 5]
    assert sentences.empty == [2, 4]
    (tmp_path / "b").write_bytes(end.join(["a.jpg#0\tone", "a.jpg#1\ttwo"]).encode())
    assert read_captions(tmp_path / "b").captions == {"a.jpg": ["one", "two"]}
    assert read_image_list(tmp_path / "b") == ["a.jpg#0\tone", "a.jpg#1\ttwo"]


def test_a_line_without_end_is_refused_before_it_fills_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("tfp_dgm.data.sentences.MAX_CELL_CHARACTERS", 1000)
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"one\n" + b"word " * 10**6))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="line 2: expected at most 1,000 characters in a line"):
            read_sentences(tmp_path / "a.gz")
        assert tracemalloc.get_traced_memory()[1] < 2e6
    finally:
        tracemalloc.stop()


def test_nothing_is_too_long(tmp_path):
    (tmp_path / "a").write_text("word " * 5000)
    assert len(read_sentences(tmp_path / "a").texts) == 1
    assert read_sentences(tmp_path / "a").warnings() == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"", "expected at least one sentence; the file is empty"),
        ("a.txt", b"\n\n", "2 of 2 lines left out, empty"),
        ("a.txt", "text".encode("utf-16"), "expected UTF-8; received UTF-16"),
        ("a.gz", b"plain", "gzip file is damaged"),
        ("a.gz", gzip.compress(b"one\n" * 1000, mtime=0)[:30], "gzip file is damaged"),
    ],
)
def test_bad_files_are_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as error:
        read_sentences(tmp_path / name)
    assert name in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.txt: cannot be read"):
        read_sentences(tmp_path / "none.txt")
