"""Disks that are full: sentences with the file's name, and nothing half written."""

import gzip
import io
import resource
import shutil
import zipfile
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tfp_dgm.data import (
    DataError,
    atomic_directory,
    atomic_write,
    check_output_directory,
    check_output_file,
    check_room,
    table_size,
    write_table,
    writing,
)

# As the libraries raised them on a full disk.
FULL = {
    "Python, h5py": OSError(28, "No space left on device"),
    "TensorFlow": RuntimeError(
        "{{function_node x}} /a/b.data; No space left on device [Op:SaveV2]"
    ),
    "NumPy": OSError("10000 requested and 496 written"),
    "a quota": OSError(122, "Disk quota exceeded"),
    "a file system without writing": OSError(30, "Read-only file system"),
}


@pytest.mark.parametrize("library", FULL)
def test_a_full_disk_is_a_sentence_whoever_finds_it(tmp_path, library):
    sentence = pytest.raises(DataError, match=r"out\.csv: cannot be written: ")
    with sentence as caught, writing(tmp_path / "out.csv"):
        raise FULL[library]
    said = str(caught.value)
    assert "function_node" not in said
    assert any(words in said for words in ("No space left", "496 written", "quota", "Read-only"))
    sentence = pytest.raises(DataError, match=r"model: cannot be written: ")
    with sentence, atomic_directory(tmp_path / "model"):
        raise FULL[library]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "error", [ValueError("no"), FileNotFoundError(2, "No such file"), KeyError()]
)
def test_other_errors_pass(tmp_path, error):
    with pytest.raises(type(error)), writing(tmp_path / "out.csv"):
        raise error


def test_an_error_inside_a_folder_names_where_it_was_to_stand(tmp_path):
    with pytest.raises(DataError) as caught, atomic_directory(tmp_path / "model") as folder:
        raise DataError.at(folder / "part", "cannot be written")
    assert str(caught.value) == f"{tmp_path / 'model' / 'part'}: cannot be written"


@pytest.fixture
def at_most_20_kb():
    """The system refuses larger files, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("suffix", [".csv", ".tsv.gz", ".jsonl", ".parquet"])
def test_a_table_that_the_system_refuses(tmp_path, at_most_20_kb, suffix):
    output = tmp_path / f"out{suffix}"
    output.write_text("old")
    frame = pd.DataFrame({"n": np.random.default_rng(0).normal(size=9000)})
    with pytest.raises(DataError, match=r"out\..*: cannot be written: File too large$"):
        write_table(frame, output)
    assert output.read_text() == "old"
    assert list(tmp_path.iterdir()) == [output]


def test_an_array_that_the_system_refuses(tmp_path, at_most_20_kb):
    sentence = pytest.raises(DataError, match=r"a\.npy: cannot be written: ")
    with sentence, atomic_write(tmp_path / "a.npy") as file:
        np.save(file, np.zeros(9000))
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_by_its_name_and_the_system_refuses(tmp_path, at_most_20_kb):
    (tmp_path / "model.keras").write_text("old")
    sentence = pytest.raises(DataError, match=r"/model\.keras: cannot be written: File too large$")
    with (
        sentence,
        atomic_write(tmp_path / "model.keras") as file,
        zipfile.ZipFile(file.name, "w") as archive,
    ):
        archive.writestr("weights", bytes(30_000))
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


@pytest.mark.parametrize("check", [check_output_file, check_output_directory])
def test_what_the_system_says_of_a_name_is_known_before_the_work(tmp_path, check):
    check(tmp_path / "out.csv")
    with pytest.raises(DataError, match="cannot be written: File name too long"):
        check(tmp_path / ("w" * 251 + ".csv"))  # Fits, but not with the hidden file's ending.
    (tmp_path / "link.csv").symlink_to(tmp_path / "none" / "real.csv")
    with pytest.raises(DataError, match=r"link\.csv: cannot be written: No such file or directory"):
        check(tmp_path / "link.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["link.csv"]


def test_a_file_is_no_folder_to_fill(tmp_path):
    (tmp_path / "model").write_text("a file")
    with pytest.raises(DataError, match="expected a folder or nothing; found a file"):
        check_output_directory(tmp_path / "model")


def test_room_is_asked_for_together_where_files_share_a_disk(tmp_path, monkeypatch):
    def room(free, total=10**9):
        usage = SimpleNamespace(total=total, free=free)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)

    wanted = {tmp_path / "out.csv": 2_000_000, tmp_path / "out.model": 1_500_000}
    room(3_500_000)
    check_room(wanted)
    room(3_499_999)
    message = (
        r"expected room for at least 2\.0 MB for .*out\.csv and 1\.5 MB for .*out\.model; "
        r"received a disk with 3\.5 MB left"
    )
    with pytest.raises(DataError, match=message):
        check_room(wanted)
    room(0, total=0)  # A disk that does not say.
    check_room(wanted)


def test_room_of_a_real_disk(tmp_path):
    check_room({tmp_path / "small": 1})
    with pytest.raises(DataError, match="expected room for at least"):
        check_room({tmp_path / "large": 10**18})


@pytest.mark.parametrize("suffix", [".csv", ".tsv.gz", ".jsonl", ".parquet"])
def test_the_size_of_a_table_is_that_of_its_file(tmp_path, suffix):
    frame = pd.DataFrame({"text": ["ä, b", 'c "d"\n'] * 5000, "n": [None, 1] * 5000})
    write_table(frame, tmp_path / f"out{suffix}")
    assert table_size(frame, f"none/out{suffix}") == (tmp_path / f"out{suffix}").stat().st_size


def test_integers_that_parquet_cannot_hold_are_known_beforehand(tmp_path):
    frame = pd.DataFrame({"m": [1, 2], "n": pd.Series([1, 2**70], dtype=object)})
    message = (
        r"out\.parquet: a column cannot be written as Parquet \('n': .*; write \.jsonl instead"
    )
    for write in (table_size, write_table):
        with pytest.raises(DataError, match=message):
            write(frame, tmp_path / "out.parquet")
    assert list(tmp_path.iterdir()) == []
    assert table_size(frame, "out.jsonl") == len('{"m": 1, "n": 1}\n{"m": 2, "n": }\n' + str(2**70))


# --- Formulas ------------------------------------------------------------------------------

FORMULAS = [
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\uff1d1",
    "-",
]
HARMLESS = ["", "a", "a=1", " =1", "'=1", "-1.5", "+3", "-.5e-3", "1,5"]


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".csv.gz"])
def test_cells_that_spreadsheets_would_calculate_are_guarded(tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    frame = pd.DataFrame({"=text": [*FORMULAS, *HARMLESS]})
    numbers = [-1.5, -2, None, True, ["=x"]] + [0] * (len(frame) - 5)
    write_table(frame, path, {"n": numbers}, guard_formulas=True)
    content = path.read_bytes()
    text = (gzip.decompress(content) if suffix.endswith(".gz") else content).decode()
    read = pd.read_csv(
        io.StringIO(text, newline=""),
        sep="\t" if suffix == ".tsv" else ",",
        dtype=str,
        keep_default_na=False,
    )
    assert list(read.columns) == ["'=text", "n"]
    assert read["'=text"].tolist() == [*(f"'{cell}" for cell in FORMULAS), *HARMLESS]
    assert read["n"].tolist()[:5] == ["-1.5", "-2", "", "true", '["=x"]']
    # A spreadsheet that takes ; for the delimiter must not cut a cell before a formula.
    write_table(pd.DataFrame({"a": ["b;=1+1"]}), path, guard_formulas=True)
    content = path.read_bytes()
    text = (gzip.decompress(content) if suffix.endswith(".gz") else content).decode()
    assert text == '"a"\n"b;=1+1"\n'


def test_without_the_option_and_in_other_formats_cells_stay(tmp_path):
    frame = pd.DataFrame({"text": FORMULAS[:3]})
    write_table(frame, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "\n".join(["text", *FORMULAS[:3], ""])
    write_table(frame, tmp_path / "out.jsonl", guard_formulas=True)
    assert pd.read_json(tmp_path / "out.jsonl", lines=True)["text"].tolist() == FORMULAS[:3]
