"""A run of shards: as many workers as one likes, killed or resumed, leave the same files."""

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from tfp_dgm.data import DataError, RunFolder
from tfp_dgm.serving.opening import Opening

pytest.importorskip("apache_beam")
from tfp_dgm.serving.beam import BulkRun, answer_shards

NAMES = [f"{letter}.csv" for letter in "abcdef"]


@pytest.fixture
def shards(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "marks").mkdir()
    for number, name in enumerate(NAMES):
        texts = [f"row {number} {n}" for n in range(5 + number)] + [name.replace(".csv", "mark")]
        frame = pd.DataFrame({"id": range(len(texts)), "text": texts})
        frame.to_csv(tmp_path / "in" / name, index=False)
    return tmp_path


def _run(folder, output="out", *, workers=1, mode="in_memory", resume=False, options=None, **asked):
    opening = Opening(
        "tests.serving.beam.letter_counts", "open_counts", (str(folder / "marks"),), False
    )
    model = asked.pop("model", {"model": "letters"})
    run = BulkRun(
        str(folder / "in/*.csv"),
        folder / output,
        runner_options={
            "direct_num_workers": str(workers),
            "direct_running_mode": mode,
            **(options or {}),
        },
        resume=resume,
        **asked,
    )
    return answer_shards(lambda ending: opening, run, default_columns=["text"], model=model)


def _found(folder):
    return {path.name: path.read_bytes() for path in (folder / "shards").iterdir()}


def _expected(folder):
    """What pandas makes of the sources, without the code that is tested."""
    found = {}
    for name in NAMES:
        frame = pd.read_csv(folder / "in" / name)
        frame["letters"] = frame["text"].map(len)
        frame["upper"] = frame["text"].map(lambda text: text.upper() if text.isalpha() else None)
        found[name] = frame.to_csv(index=False).encode()
    return found


@pytest.mark.slow
def test_a_killed_worker_costs_nothing_and_doubles_nothing(shards):
    """Two processes, of which the one that has the fourth shard is killed."""
    (shards / "marks" / "dmark").touch()
    totals = _run(shards, workers=2, mode="multi_processing")
    assert not (shards / "marks" / "dmark").exists()
    assert _found(shards / "out") == _expected(shards)
    assert (totals.shards, totals.rows, totals.dead) == (6, 51, 0)
    assert [told["texts"] for told in totals.told] == [6, 7, 8, 9, 10, 11]
    names = {path.name for path in (shards / "out").iterdir()}
    assert names == {"metrics.json", "run.json", "settings.json", "shards"}


@pytest.mark.slow
def test_a_run_that_is_killed_leaves_no_worker_and_resumes(shards):
    (shards / "marks" / "dmark").mkdir()
    program = (
        "from pathlib import Path; from tests.serving.beam.test_shard_run import _run; "
        f"_run(Path({str(shards)!r}), mode='multi_processing')"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    while not (shards / "marks/dmark/seen").exists():
        assert run.poll() is None
        time.sleep(0.1)
    run.kill()
    run.wait()
    time.sleep(3)  # More than the second after which its processes look for it.
    shutil.rmtree(shards / "marks" / "dmark")
    time.sleep(1)
    assert not (shards / "out/shards/d.csv").exists()
    _run(shards, resume=(shards / "out/state").exists())
    assert _found(shards / "out") == _expected(shards)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_as_many_workers_as_one_likes_give_the_same_files(shards, workers):
    _run(shards, workers=workers, mode="multi_processing")
    assert _found(shards / "out") == _expected(shards)


@pytest.mark.slow
def test_a_bundle_that_is_run_again_doubles_nothing(shards):
    totals = _run(shards, options={"direct_runner_bundle_repeat": "1"})
    assert _found(shards / "out") == _expected(shards)
    assert totals.rows == 51


@pytest.mark.slow
def test_resumed_what_is_done_stays_and_what_failed_or_changed_is_done(shards):
    good = (shards / "in/b.csv").read_bytes()
    (shards / "in/b.csv").write_bytes(b"id,other\n1,x\n")
    (shards / "in/c.csv").write_bytes(b"id,text\n0,bad\n1,fine\n")
    warnings = []
    totals = _run(shards)
    assert [*totals.failures] == [str(shards / "in/b.csv")]
    dead = [
        json.loads(line) for line in (shards / "out/dead_letters.jsonl").read_text().splitlines()
    ]
    assert [(Path(letter["file"]).name, letter["row"]) for letter in dead] == [
        ("b.csv", None),
        ("c.csv", 2),
    ]
    with pytest.raises(DataError, match="holds an unfinished run; resume it"):
        _run(shards)
    with pytest.raises(DataError, match="has other settings: model is 'letters', received 'x'"):
        _run(shards, resume=True, model={"model": "x"})

    kept = {name: (shards / "out/shards" / name).stat().st_ino for name in ("a.csv", "e.csv")}
    (shards / "in/b.csv").write_bytes(good)
    time.sleep(0.01)
    (shards / "in/d.csv").write_bytes(b"id,text\n7,new\n")
    (shards / "in/f.csv").unlink()
    totals = _run(shards, resume=True, warn=warnings.append)
    assert warnings == ["f.csv: its source is gone; so are its answers"]
    assert totals.failures == {}
    found = _found(shards / "out")
    assert sorted(found) == NAMES[:5]
    assert found["b.csv"] == _expected_of(good)
    assert found["c.csv"] == b"id,text,letters,upper\n1,fine,4,FINE\n"
    assert found["d.csv"] == b"id,text,letters,upper\n7,new,3,NEW\n"
    assert {name: (shards / "out/shards" / name).stat().st_ino for name in kept} == kept
    assert json.loads((shards / "out/metrics.json").read_text())["dead"] == 1
    with pytest.raises(DataError, match="nothing to resume: the run is finished"):
        _run(shards, resume=True)


def _expected_of(source):
    lines = source.decode().splitlines()[1:]
    texts = [line.split(",")[1] for line in lines]
    return "".join(
        [
            "id,text,letters,upper\n",
            *(
                f"{line},{len(text)},{text.upper() if text.isalpha() else ''}\n"
                for line, text in zip(lines, texts, strict=True)
            ),
        ]
    ).encode()


@pytest.mark.slow
def test_large_files_are_cut_and_headers_alone_are_answered(shards, monkeypatch):
    monkeypatch.setattr("tfp_dgm.serving.beam.parts._BYTES_PER_PART", 2000)
    monkeypatch.setattr("tfp_dgm.serving.beam.parts._ROWS_PER_CHUNK", 64)
    frame = pd.DataFrame({"id": range(600), "text": [f"text {n}" for n in range(600)]})
    frame.to_csv(shards / "in/c.csv", index=False)
    (shards / "in/d.csv").write_text("id,text\n")
    totals = _run(shards)
    expected = _expected(shards)
    assert expected.pop("d.csv") == b"id,text,letters,upper\n"
    found = _found(shards / "out")
    assert found.pop("d.csv") == b"id,text,letters,upper\n"
    parts = sorted(name for name in found if name.startswith("c-"))
    assert len(parts) > 2
    assert parts[0] == f"c-00001-of-{len(parts):05d}.csv"
    header, whole = expected["c.csv"].split(b"\n", 1)
    assert b"".join(found.pop(name).removeprefix(header + b"\n") for name in parts) == whole
    assert found == {name: rows for name, rows in expected.items() if name != "c.csv"}
    assert (totals.shards, totals.rows, totals.failures) == (6, 51 - 8 - 9 + 600, {})


@pytest.mark.slow
def test_modules_of_the_working_folder_are_not_taken_for_those_of_python(shards, monkeypatch):
    (shards / "random.py").write_text("raise RuntimeError('not the one of Python')")
    monkeypatch.chdir(shards)
    _run(shards, workers=2, mode="multi_processing")
    assert _found(shards / "out") == _expected(shards)


def test_two_runs_into_one_folder_are_refused(shards):
    with (
        RunFolder(shards / "out", job="prediction", settings={}),
        pytest.raises(DataError, match="another process is at work there"),
    ):
        _run(shards)


def test_a_folder_of_something_else_is_left_alone(shards):
    (shards / "out").mkdir()
    (shards / "out/diary.txt").touch()
    with pytest.raises(DataError, match=r"received a folder with 'diary\.txt'"):
        _run(shards)
    assert [path.name for path in (shards / "out").iterdir()] == ["diary.txt"]


@pytest.mark.parametrize(
    ("runner", "options", "problem"),
    [
        ("NoRunner", {}, "runner: expected one of Beam's; received 'NoRunner'"),
        ("DirectRunner", {"direct_workers": "2"}, r"received \['direct_workers'\]"),
        ("DirectRunner", {"direct_num_workers": "many"}, "runner_options: expected options of"),
    ],
)
def test_an_unknown_runner_or_option_is_refused(shards, runner, options, problem):
    with pytest.raises(ValueError, match=problem):
        _run(shards, runner=runner, options=options)
    assert not (shards / "out").exists()


@pytest.mark.slow
def test_a_disk_that_is_full_in_a_worker_is_named_and_the_run_resumes(shards, request):
    texts = ["abcdefgh"] * 1500
    pd.DataFrame({"id": range(1500), "text": texts}).to_csv(shards / "in/c.csv", index=False)
    request.getfixturevalue("full_disk")
    with pytest.raises(DataError, match=r"shards/c\.csv: cannot be written: File too large$"):
        _run(shards)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    _run(shards, resume=(shards / "out/state").exists())
    assert _found(shards / "out") == _expected(shards)
