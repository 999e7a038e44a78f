import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tfp_dgm.data import DataError
from tfp_dgm.reviewing.journal import Journal

HEAD = {"table": "t.csv", "digest": "ab"}


def test_entries_are_there_again_in_their_order(tmp_path):
    path = tmp_path / "journal.jsonl"
    entries = [{"n": 1, "note": "ä\n\u2028 \ud800"}, {"n": 2, "rows": [3, 4]}]
    with Journal(path, HEAD) as journal:
        for entry in entries:
            journal.append(entry)
            assert json.loads(path.read_bytes().split(b"\n")[-2]) == entry
        assert journal.entries == entries
    before = path.read_bytes()
    with Journal(path, HEAD) as journal:
        assert (journal.entries, journal.torn) == (entries, "")
        journal.append({"n": 3})
    assert path.read_bytes().startswith(before)


@pytest.mark.parametrize("left", [b'{"n": 2, "ro', b"\0\0\0\0", b'{"n": 2}', b"\xff\n", b"{\0\n"])
def test_a_torn_last_line_is_told_and_nothing_else_lost(tmp_path, left):
    path = tmp_path / "journal.jsonl"
    with Journal(path, HEAD) as journal:
        journal.append({"n": 1})
    with path.open("ab") as file:
        file.write(left)
    with Journal(path, HEAD) as journal:
        assert journal.torn == left.decode("utf-8", "replace")
        assert journal.entries == [{"n": 1}]
        journal.append({"n": 2})
    with Journal(path, HEAD) as journal:
        assert (journal.entries, journal.torn) == ([{"n": 1}, {"n": 2}], "")


def test_a_first_line_that_was_torn_is_written_again(tmp_path):
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"table": "t.c')
    with Journal(path, HEAD) as journal:
        assert journal.torn
        journal.append({"n": 1})
    assert [json.loads(line) for line in path.read_text().splitlines()] == [HEAD, {"n": 1}]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"table": "t.csv", "digest": "ab"}\n{"n": \n{"n": 2}\n', "line 2: expected a journal"),
        (b'{"table": "u.csv", "digest": "ab"}\n', "line 1: belongs to table 'u.csv', .* not to"),
        (
            b"text,label\na,b\n",
            "line 1: expected a journal of answers; it is damaged, or something",
        ),
        (b"a note of mine", "expected a journal of answers; it holds something else"),
    ],
)
def test_another_file_is_left_alone(tmp_path, content, message):
    path = tmp_path / "journal.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"journal.jsonl(, |: ){message}"):
        Journal(path, HEAD)
    assert path.read_bytes() == content


def test_one_process_writes_at_a_time(tmp_path):
    path = tmp_path / "journal.jsonl"
    with (
        Journal(path, HEAD),
        pytest.raises(DataError, match="is open in another process; end that review first"),
    ):
        Journal(path, HEAD)
    Journal(path, HEAD).close()


def test_a_full_disk_leaves_no_part_of_an_entry(tmp_path, monkeypatch):
    path = tmp_path / "journal.jsonl"
    with Journal(path, HEAD) as journal:
        journal.append({"n": 1})
        before, write = path.read_bytes(), os.write

        def half(descriptor, data):
            if descriptor != journal._file:
                return write(descriptor, data)
            if len(data) < 12:
                raise OSError(28, os.strerror(28))
            return write(descriptor, data[: len(data) // 2])

        monkeypatch.setattr(os, "write", half)
        with pytest.raises(DataError, match=r"journal.jsonl: cannot be written: No space left"):
            journal.append({"n": 2, "label": "a class"})
        monkeypatch.undo()
        assert path.read_bytes() == before
        assert journal.entries == [{"n": 1}]
        journal.append({"n": 2})
    with Journal(path, HEAD) as journal:
        assert journal.entries == [{"n": 1}, {"n": 2}]


def test_an_entry_has_its_limit(tmp_path):
    with Journal(tmp_path / "j", HEAD) as journal:
        with pytest.raises(DataError, match="expected at most 1,000,000 bytes of an entry"):
            journal.append({"note": "x" * 1_000_001})
        assert journal.entries == []


def test_what_was_acknowledged_outlives_a_kill(tmp_path):
    """A process answers as fast as it can, and tells each answer once it is kept."""
    path = tmp_path / "journal.jsonl"
    code = (
        "import sys\nfrom tfp_dgm.reviewing.journal import Journal\n"
        f"journal = Journal({str(path)!r}, {HEAD!r})\nn = len(journal.entries)\n"
        "while True:\n    n += 1\n    journal.append({'n': n, 'note': 'x' * 3000})\n"
        "    print(n, flush=True)\n"
    )
    told = 0
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
        ) as process:
            for line in process.stdout:
                told = int(line)
                if told % 20 == 19:
                    time.sleep(0.001)
                    process.send_signal(signal.SIGKILL)
        with Journal(path, HEAD) as journal:
            numbers = [entry["n"] for entry in journal.entries]
        assert numbers == list(range(1, len(numbers) + 1))
        assert told <= len(numbers) <= told + 1
    assert told >= 19


def _large(path, count=120_001):
    """A journal of an entry in three lines between two others; its bytes."""
    entry = {"kind": "label", "rows": list(range(7, 7 + count)), "label": "a class"}
    with Journal(path, HEAD) as journal:
        for one in ({"n": 1}, entry, {"n": 2}):
            journal.append(one)
        assert journal.entries == [{"n": 1}, entry, {"n": 2}]
        assert journal.lines == [2, 3, 6]
    return entry, path.read_bytes()


def test_an_entry_of_many_rows_stands_in_several_lines(tmp_path):
    path = tmp_path / "journal.jsonl"
    entry, _ = _large(path)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line.get("part") for line in lines] == [None, None, [1, 3], [2, 3], [3, 3], None]
    assert [row for line in lines for row in line.get("rows", [])] == entry["rows"]
    assert {line["label"] for line in lines[2:5]} == {"a class"}
    with Journal(path, HEAD) as journal:
        assert journal.entries == [{"n": 1}, entry, {"n": 2}]
        assert journal.lines == [2, 3, 6]
        journal.append({"n": 3})
        assert journal.lines[-1] == 7


@pytest.mark.parametrize("left", [1, 2, 3, 2.5])
def test_an_entry_of_which_a_part_is_missing_at_the_end_counts_for_nothing(tmp_path, left):
    path = tmp_path / "journal.jsonl"
    _, content = _large(path)
    lines = content.splitlines(keepends=True)
    kept = b"".join(lines[: 2 + int(left)])
    if left == 3:
        kept = kept[:-1]  # But for its last byte it is whole.
    if left == 2.5:
        kept += lines[4][:99]
    path.write_bytes(kept)
    with Journal(path, HEAD) as journal:
        assert journal.torn.startswith('{"kind": "label", "rows": [7,')
        assert journal.entries == [{"n": 1}]
        journal.append({"n": 2})
        assert journal.lines == [2, 3]
    assert path.read_bytes() == b"".join([*lines[:2], lines[5]])


@pytest.mark.parametrize(("taken", "line"), [(2, 3), (3, 4), (4, 5)])
def test_a_part_that_is_missing_in_the_middle_is_damage(tmp_path, taken, line):
    path = tmp_path / "journal.jsonl"
    _, content = _large(path)
    lines = content.splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:taken], *lines[taken + 1 :]]))
    with pytest.raises(DataError, match=f"line {line}: expected a journal of .*; a part is miss"):
        Journal(path, HEAD)
    assert len(path.read_bytes()) == len(content) - len(lines[taken])
