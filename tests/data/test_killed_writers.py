"""What a process that is killed leaves behind goes with the next that writes the same."""

import subprocess
import sys

import pytest

from tfp_dgm.data import atomic_directory, atomic_write

# Writes half of something, says so, and waits to be killed.
WRITER = """
import sys, time
from tfp_dgm.data import atomic_directory, atomic_write
with {make}(sys.argv[1]) as made:
    (made / "half").write_text("half") if {make} is atomic_directory else made.write(b"half")
    print("half", flush=True)
    time.sleep(60)
"""


def _half_written(make, path):
    return subprocess.Popen(
        [sys.executable, "-c", WRITER.format(make=make.__name__), str(path)],
        stdout=subprocess.PIPE,
        text=True,
    )


def _write(make, path):
    with make(path) as made:
        if make is atomic_directory:
            (made / "file").write_text("whole")
        else:
            made.write(b"whole")


@pytest.mark.parametrize("make", [atomic_write, atomic_directory])
def test_what_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_not(make, tmp_path):
    target = tmp_path / "model.keras"
    others = [tmp_path / ".model.keras", tmp_path / ".other.0123abcd.tmp.keras"]
    for other in others:
        other.write_text("of another")
    with _half_written(make, target) as process:
        try:
            assert process.stdout.readline() == "half\n"
            (half,) = set(tmp_path.iterdir()) - set(others)
            _write(make, target)
            assert half.exists()
        finally:
            process.kill()
    assert half.exists()
    _write(make, target)
    assert set(tmp_path.iterdir()) == {target, *others}


def test_a_folder_that_was_moved_aside_goes_with_the_next(tmp_path):
    _write(atomic_directory, tmp_path / "model")
    (tmp_path / ".model.old").mkdir()
    _write(atomic_directory, tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_file_may_be_written_by_its_name(tmp_path):
    with atomic_write(tmp_path / "model.keras") as file:
        with open(file.name, "wb") as other:
            other.write(b"whole")
        assert str(file.name).endswith(".tmp.keras")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"whole"]
