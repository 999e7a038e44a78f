"""Shards of sentences: which files there are, what is read of them, and what is at fault."""

import gzip
import json
import tracemalloc

import pandas as pd
import pytest

from tfp_dgm.data import DataError, find_shards, iter_shard


def write(folder, name, content):
    path = folder / name
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(content)
    return path


def test_files_of_folders_and_patterns_stand_in_the_order_of_their_names(tmp_path):
    for name in ("b.txt", "a.txt.gz", "_SUCCESS", ".hidden", "c.txt"):
        write(tmp_path / "all", name, b"")
    write(tmp_path / "deep" / "x", "d.txt", b"")
    assert [file.name for file in find_shards(tmp_path / "all")] == ["a.txt.gz", "b.txt", "c.txt"]
    assert [file.name for file in find_shards(tmp_path / "all/[bc].*")] == ["b.txt", "c.txt"]
    assert [file.name for file in find_shards(tmp_path / "deep/**/*.txt")] == ["d.txt"]
    assert find_shards(tmp_path / "all/b.txt") == [tmp_path / "all/b.txt"]


def test_a_file_whose_name_is_a_pattern_is_that_file(tmp_path):
    file = write(tmp_path, "a[1].txt", b"one\n")
    write(tmp_path, "a1.txt", b"two\n")
    assert find_shards(file) == [file]


@pytest.mark.parametrize(
    ("names", "path", "message"),
    [
        ((), "none", r"none: no such file or folder"),
        (("in/_SUCCESS",), "in", r"in: expected files of sentences there; found none"),
        ((), "in/*.txt", r"in/\*\.txt: expected files of sentences there; found none"),
        (("in/a.txt", "in/README"), "in", r"of one kind; 'README' is of no ending, 'a\.txt' of"),
        (("in/a.parquet", "in/b.txt.gz"), "in/*", r"'a\.parquet' is of \.parquet, 'b\.txt\.gz' of"),
        (
            ("in/a.txt", "in/b/c.txt"),
            "in",
            r"received the folder 'b'; give a pattern, such as '.*/",
        ),
    ],
)
def test_what_stands_for_no_shards_is_refused(tmp_path, names, path, message):
    for name in names:
        write(tmp_path, name, b"one\n")
    with pytest.raises(DataError, match=message):
        find_shards(tmp_path / path)


def texts_of(path, column="text"):
    return [(place, text, fault) for place, text, fault in iter_shard(path, column)]


def test_each_kind_gives_its_texts_and_places(tmp_path):
    lines = write(tmp_path, "a.txt.gz", gzip.compress(b" one two \n\n\xff\nthree"))
    assert texts_of(lines) == [
        ("line 1", "one two", None),
        ("line 2", "", "empty"),
        ("line 3", "\udcff", "not UTF-8"),
        ("line 4", "three", None),
    ]
    objects = [{"text": " one two ", "n": 1}, {"n": 2}, {"text": None}, {"text": "three"}]
    content = "\n\n".join(json.dumps(value) for value in objects).encode()
    expected = [("one two", None), ("", "empty"), ("", "empty"), ("three", None)]
    assert texts_of(write(tmp_path, "a.jsonl", content)) == [
        (f"line {2 * n + 1}", *text) for n, text in enumerate(expected)
    ]
    pd.DataFrame({"text": [" one two ", "\u200b", None, "three"]}).to_parquet(
        tmp_path / "a.parquet"
    )
    found = texts_of(tmp_path / "a.parquet")
    assert [(place, fault) for place, _, fault in found] == [
        (f"row {n + 1}", fault) for n, (_, fault) in enumerate(expected)
    ]
    assert [text for _, text, fault in found if fault is None] == ["one two", "three"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"", r"a\.txt: expected at least one sentence; the file is empty"),
        ("a.txt", b"\n\xff\n", r"one sentence; received line 1, empty, line 2, not UTF-8"),
        ("a.jsonl", b"", r"a\.jsonl: the file is empty"),
        ("a.jsonl", b'{"texts": "one"}\n', r"no such column 'text'; the columns are 'texts'"),
        (
            "a.jsonl",
            b'{"text": "one"}\n{"text": 3}\n',
            r"line 2, column 'text': expected a text; r",
        ),
        ("a.jsonl", b'{"text": "one"}\n{"text": "tw', r"line 2: expected a JSON object"),
        ("a.parquet", b"text", r"a\.parquet: cannot be read as Parquet"),
    ],
)
def test_a_shard_at_fault_is_named(tmp_path, name, content, message):
    with pytest.raises(DataError, match=message):
        texts_of(write(tmp_path, name, content))


def damaged(content):
    """A gzip file that ends early, and one whose last bytes are others."""
    whole = gzip.compress(content, mtime=0)
    return [whole[: len(whole) // 2], whole[:-8] + b"\0" * 8]


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("ending", [".txt.gz", ".jsonl.gz"])
def test_a_broken_gzip_is_named_with_its_line(tmp_path, which, ending):
    rows = [json.dumps({"text": f"{n * 7919 % 100_003} {n}"}) for n in range(5000)]
    content = damaged("\n".join(rows).encode())[which]
    read = 0
    with pytest.raises(DataError, match=r"after line \d+: the gzip file is damaged") as error:
        for _ in iter_shard(write(tmp_path, f"a{ending}", content), "text"):
            read += 1
    assert str(error.value).startswith(f"{tmp_path}/a{ending}, after line ")
    named = int(str(error.value).split("after line ")[1].split(":")[0])
    assert read <= named < 5000


def test_a_shard_is_never_in_memory_whole(tmp_path):
    path = write(tmp_path, "a.txt.gz", gzip.compress(b"a sentence of some words\n" * 200_000))
    tracemalloc.start()
    try:
        assert sum(1 for _ in iter_shard(path, "text")) == 200_000
        assert tracemalloc.get_traced_memory()[1] < 5e5  # Of 5,000,000 bytes.
    finally:
        tracemalloc.stop()


def test_a_pattern_leaves_out_what_an_engine_has_not_finished_and_nothing_else(tmp_path):
    (tmp_path / "a.txt").write_text("one\n")
    (tmp_path / "_temporary").mkdir()
    (tmp_path / "_temporary" / "a.txt").write_text("one\n")
    assert find_shards(tmp_path / "**/*.txt") == [tmp_path / "a.txt"]
    (tmp_path / "b.txt").symlink_to(tmp_path / "gone")
    with pytest.raises(DataError, match=r"b\.txt: no such file: a link to something"):
        find_shards(tmp_path / "*.txt")
