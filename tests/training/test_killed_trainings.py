"""A training that is killed at any moment and resumed equals one that is not: weights, figures."""

import json
import multiprocessing
import os
import random
import signal

import numpy as np
import pytest

from tests.snapshots import changes_of_files, snapshots
from tests.training import toy_trainings

JOBS = list(toy_trainings.MODELS)
POINTS = 10
STATE = "run/state/training_state.npz"


@pytest.fixture(scope="module", params=JOBS)
def whole(request, tmp_path_factory):
    """The job, its results without a kill, and the folder as kills would have left it."""
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "work").mkdir()
    with snapshots(folder / "work", folder / "taken") as taken:
        toy_trainings.train(request.param, folder / "work")
    return request.param, toy_trainings.results(request.param, folder / "work"), taken


@pytest.mark.slow
@pytest.mark.parametrize(
    "whole",
    [
        pytest.param(job, marks=pytest.mark.slow) if job != "image_modelling" else job
        for job in JOBS
    ],
    indirect=True,
)
def test_resumed_after_a_kill_equals_uninterrupted(whole):
    job, expected, taken = whole
    # Before its first state a training begins anew: `test_run_folder.py` has that.
    saved = [folder for folder in taken if (folder / STATE).exists() or is_finished(folder)]
    chosen = random.Random(7).sample(saved, POINTS)
    resumed = set()
    for folder in sorted(chosen, key=lambda path: int(path.name)):
        state = (folder / STATE).read_bytes() if (folder / STATE).exists() else None
        # The state decides what comes of a resumption: once for each.
        if is_finished(folder):
            assert_equal(toy_trainings.results(job, folder), expected)
        elif state not in resumed:
            resumed.add(state)
            toy_trainings.train(job, folder, resume=True)
            assert_equal(toy_trainings.results(job, folder), expected)
    assert len(resumed) == 2  # After the first epoch, and after the last.


def is_finished(folder):
    record = read(folder / "run/run.json")
    return record is not None and record["finished"]


def read(path):
    return json.loads(path.read_text()) if path.exists() else None


def assert_equal(found, expected):
    assert found[1] == expected[1]
    for one, other in zip(found[0], expected[0], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture(scope="module")
def processes():
    """Makes processes that have TensorFlow imported, and have not used it yet."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.training.toy_trainings"])
    return context


def killed(job, folder, point):
    """Trains until the given change of a file, and is killed before it."""
    left = iter(range(point))

    def kill():
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    with changes_of_files(kill):
        toy_trainings.train(job, folder)


def kill_and_resume(processes, job, folder, point):
    folder.mkdir()
    process = processes.Process(target=killed, args=(job, folder, point))
    process.start()
    process.join(300)
    assert process.exitcode == -signal.SIGKILL
    if not is_finished(folder):
        toy_trainings.train(job, folder, resume=(folder / "run/run.json").exists())
    return toy_trainings.results(job, folder)


@pytest.mark.slow
@pytest.mark.parametrize("whole", ["image_modelling"], indirect=True)
def test_a_process_that_is_killed_leaves_what_is_resumed(whole, processes, tmp_path):
    job, expected, taken = whole
    # Between the first epoch's state and its log.
    point = next(place for place, folder in enumerate(taken) if (folder / STATE).exists())
    assert_equal(kill_and_resume(processes, job, tmp_path / "killed", point), expected)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(POINTS))
def test_processes_that_are_killed_anywhere(whole, processes, tmp_path, number):
    job, expected, taken = whole
    point = random.Random(f"{job} {number}").randrange(len(taken))
    assert_equal(kill_and_resume(processes, job, tmp_path / "killed", point), expected)
