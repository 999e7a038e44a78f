"""`make bench` tells a benchmark that lacks its data from one that fails."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = {
    "a.py": "print('a table')",
    "b.py": "from exits.missing import wanting\nwith wanting(OSError):\n    open('no such file')",
    "c.py": "raise ValueError('of a fault')",
}


@pytest.mark.parametrize("scripts", ["abc", "ab"])
def test_missing_data_are_no_fault(tmp_path, scripts):
    shutil.copytree(ROOT / "benchmarks/exits", tmp_path / "benchmarks/exits")
    for name in ("Makefile", "setup.py", "requirements.lock"):
        shutil.copy2(ROOT / name, tmp_path)
    for letter in scripts:
        (tmp_path / "benchmarks" / f"{letter}.py").write_text(SCRIPTS[f"{letter}.py"])
    (tmp_path / "venv/bin").mkdir(parents=True)
    (tmp_path / "venv/bin/python").symlink_to(sys.executable)
    (tmp_path / "venv/.installed").touch()
    environment = {**os.environ, "MAKEFLAGS": ""}
    done = subprocess.run(
        ["make", "bench", "VENV=venv"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) == ("c" not in scripts), done.stderr
    assert "a table" in done.stdout
    assert (
        "Left out for want of data or a package\nbenchmarks/b.py: Wanted: [Errno 2]" in done.stdout
    )
    failed = "== Failed\nbenchmarks/c.py: exit code 1: ValueError: of a fault"
    assert (failed in done.stdout) == ("c" in scripts)
