import gzip

import pytest

from tfp_dgm.data import DataError, read_sentences

LINES = (
    b"\xef\xbb\xbfone two\n\n  three  \r\nbad \xff byte\nfour five six seven\n \t\nnul\0here\nlast"
)


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
def test_what_is_left_out_is_counted(tmp_path, name):
    content = gzip.compress(LINES) if name.endswith("gz") else LINES
    (tmp_path / name).write_bytes(content)
    sentences = read_sentences(tmp_path / name, max_words=3)
    assert sentences.texts == ["one two", "three", "last"]
    assert sentences.num_lines == 8
    assert sentences.line_numbers == [1, 3, 8]
    assert sentences.empty == [2, 6]
    assert sentences.not_utf8 == [4, 7]
    assert sentences.too_long == [5]
    assert sentences.warnings() == [
        "2 of 8 lines left out, empty: line 2, 6",
        "2 of 8 lines left out, not UTF-8: line 4, 7",
        "1 of 8 lines left out, longer than allowed: line 5",
    ]


def test_nothing_is_too_long_unless_said(tmp_path):
    (tmp_path / "a").write_text("word " * 5000)
    assert len(read_sentences(tmp_path / "a").texts) == 1
    assert read_sentences(tmp_path / "a").warnings() == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"", "expected at least one sentence; the file is empty"),
        ("a.txt", b"\n\n", "2 of 2 lines left out, empty"),
        ("a.txt", "text".encode("utf-16"), "expected UTF-8, got UTF-16"),
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
