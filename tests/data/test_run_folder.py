"""A run's folder: claimed by one, resumed by its own settings, finished at once."""

import json
import sys

import numpy as np
import pytest

from tests.snapshots import snapshots
from tfp_dgm.data import DataError, RunFolder, digest, require_finished_run

SETTINGS = {"units": 4, "sizes": (2, 3), "posterior": {"kind": "normal", "scale": None}}


def run_in(path, job="testing", **others):
    return RunFolder(path, job=job, **{"settings": SETTINGS, "data": {"train": "a.txt"}, **others})


def save_state(run, epoch=1):
    run.state.mkdir(exist_ok=True)
    (run.state / "training_state.npz").write_text(str(epoch))


def finish(run):
    with run.results() as folder:
        (folder / "model.keras").write_text("a model")
        (folder / "metrics.json").write_text("{}")


@pytest.fixture
def unfinished(tmp_path):
    with run_in(tmp_path / "run") as run:
        save_state(run)
    return tmp_path / "run"


@pytest.fixture
def finished(tmp_path):
    with run_in(tmp_path / "run") as run:
        save_state(run)
        finish(run)
    return tmp_path / "run"


def test_a_finished_run_holds_settings_record_and_results_and_no_state(finished):
    names = sorted(path.name for path in finished.iterdir())
    assert names == ["metrics.json", "model.keras", "run.json", "settings.json"]
    written = json.loads((finished / "settings.json").read_text())
    assert written == {"units": 4, "sizes": [2, 3], "posterior": {"kind": "normal", "scale": None}}
    record = json.loads((finished / "run.json").read_text())
    assert (record["job"], record["data"], record["finished"]) == (
        *("testing", {"train": "a.txt"}, True),
    )
    (versions,) = record["versions"]
    assert versions["python"] == ".".join(map(str, sys.version_info[:3]))
    assert {"tfp-dgm", "tensorflow", "keras", "tensorflow-probability"} <= versions.keys()
    require_finished_run(finished, "testing")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({}, "holds an unfinished run; resume it, or name another folder"),
        ({"job": "baking"}, "expected a run of baking; received one of testing"),
        ({"job": "baking", "resume": True}, "expected a run of baking; received one of testing"),
        (
            {"settings": {**SETTINGS, "units": 8, "seed": 1}, "resume": True},
            "other settings: units is 4, received 8; seed is not there, received 1",
        ),
        (
            {"settings": {**SETTINGS, "posterior": {"kind": "iaf"}}, "resume": True},
            "posterior.kind is 'normal', received 'iaf'; posterior.scale is None, received not",
        ),
    ],
)
def test_an_unfinished_run_is_refused_to_others_and_stays(unfinished, how, message):
    before = contents(unfinished)
    with pytest.raises(DataError, match=rf"{unfinished}: .*{message}"), run_in(unfinished, **how):
        pass
    assert contents(unfinished) == before


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({}, "holds a finished run; name another folder"),
        ({"resume": True}, "there is nothing to resume: the run is finished"),
    ],
)
def test_a_finished_run_is_refused_and_stays(finished, how, message):
    before = contents(finished)
    with pytest.raises(DataError, match=message), run_in(finished, **how):
        pass
    assert contents(finished) == before


def test_what_no_run_wrote_is_refused_and_stays(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("all of it")
    (tmp_path / "file").write_text("a file")
    for how, message in (
        ({}, "expected nothing there, or a run; received a folder with 'thesis.txt'"),
        ({"resume": True}, "there is nothing to resume: no run.json"),
    ):
        with pytest.raises(DataError, match=message), run_in(tmp_path / "mine", **how):
            pass
    with pytest.raises(DataError, match="expected a folder or nothing; received a file"):
        run_in(tmp_path / "file").__enter__()
    with pytest.raises(DataError, match="nothing to resume: no such folder"):
        run_in(tmp_path / "none", resume=True).__enter__()
    with pytest.raises(DataError, match="nowhere' does not exist; create it first"):
        run_in(tmp_path / "nowhere/run").__enter__()
    assert (tmp_path / "mine/thesis.txt").read_text() == "all of it"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "mine"]


@pytest.mark.parametrize("resume", [False, True])
def test_a_second_run_at_the_same_time_is_refused(tmp_path, resume):
    with run_in(tmp_path / "run") as run:
        with (
            pytest.raises(DataError, match="another process is at work there; let it end"),
            run_in(tmp_path / "run", resume=resume),
        ):
            pass
        finish(run)
    require_finished_run(tmp_path / "run", "testing")


def test_a_resumed_run_keeps_its_record_and_goes_on(unfinished, monkeypatch):
    newer = {"python": "4.0"}
    monkeypatch.setattr("tfp_dgm.data.run_folder.installed_versions", lambda: newer)
    with pytest.raises(DataError, match="the run there is unfinished; resume it first"):
        require_finished_run(unfinished, "testing")
    with run_in(unfinished, resume=True, data={"train": "b.txt"}) as run:
        assert (run.state / "training_state.npz").read_text() == "1"
        finish(run)
    record = json.loads((unfinished / "run.json").read_text())
    assert record["data"] == {"train": "a.txt"}
    assert record["versions"][1] == newer
    with pytest.raises(DataError, match="expected a run of baking; received one of testing"):
        require_finished_run(unfinished, "baking")


def test_a_run_that_fails_before_it_saved_anything_leaves_nothing(tmp_path):
    (tmp_path / "empty").mkdir()
    for name in ("new", "empty"):
        with pytest.raises(KeyError), run_in(tmp_path / name):
            raise KeyError
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]
    assert not list((tmp_path / "empty").iterdir())
    with pytest.raises(KeyError), run_in(tmp_path / "new") as run:
        (run.path / "notes.txt").write_text("of somebody")
        raise KeyError
    assert (tmp_path / "new/notes.txt").read_text() == "of somebody"
    with run_in(tmp_path / "new", settings={"units": 9}) as run:  # Nothing is lost by it.
        finish(run)
    assert json.loads((tmp_path / "new/settings.json").read_text()) == {"units": 9}


def test_a_run_that_fails_later_stays_to_be_resumed(tmp_path):
    with pytest.raises(KeyError), run_in(tmp_path / "run") as run:
        save_state(run)
        with run.results() as folder:
            (folder / "model.keras").write_text("half")
            raise KeyError
    names = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert names == ["run.json", "settings.json", "state"]


def test_other_data_are_refused_by_name(unfinished):
    first = {"train": digest(np.arange(3)), "test": digest(["a", "b"])}
    with run_in(unfinished, resume=True) as run:
        run.require_data(first)
        run.require_data(first)
    other = {**first, "train": digest(np.arange(3.0))}
    with (
        pytest.raises(DataError, match=r"the unfinished run has other data: train is '\w{16}'"),
        run_in(unfinished, resume=True) as run,
    ):
        run.require_data(other)
    assert digest(np.zeros((2, 3))) != digest(np.zeros((3, 2)))
    assert digest("a", "b") != digest("ab")


@pytest.mark.parametrize("content", ["{", "[]", '{"job": "testing"}'])
def test_a_spoilt_record_is_named(unfinished, content):
    (unfinished / "run.json").write_text(content)
    with pytest.raises(DataError, match=r"run.json: "), run_in(unfinished, resume=True):
        pass


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_kill_at_any_moment_leaves_a_run_that_resumes_or_is_finished(tmp_path):
    (tmp_path / "work").mkdir()
    watched = snapshots(tmp_path / "work", tmp_path / "taken")
    with watched as taken, run_in(tmp_path / "work/run") as run:
        run.require_data({"train": "1"})
        save_state(run)
        finish(run)
    assert len(taken) > 15
    seen = set()
    for path in (copy / "run" for copy in taken):
        if not (path / "run.json").exists():
            seen.add("nothing")
            with run_in(path) as run:
                finish(run)
        elif json.loads((path / "run.json").read_text())["finished"]:
            seen.add("finished")
            assert (path / "model.keras").read_text() == "a model"
        else:
            seen.add("unfinished")
            with run_in(path, resume=True) as run:
                run.require_data({"train": "1"})
                finish(run)
        require_finished_run(path, "testing")
        assert (path / "model.keras").read_text() == "a model"
        assert not [path for path in path.iterdir() if path.name.startswith(".")]
    assert seen == {"nothing", "unfinished", "finished"}
