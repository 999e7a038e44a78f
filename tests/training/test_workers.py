"""Two processes that train together equal one; see `trained_together.py`, which they run."""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.as_python import as_python
from tests.training import trained_together
from tests.training.free_addresses import free_addresses
from tfp_dgm.settings import Cluster
from tfp_dgm.training import Workers, join_workers

ROOT = Path(__file__).parents[2]
QUICK = ("seeds", "categorical", "m2", "stream", "exchanged", "refused")
SLOW = ("text",)


@functools.cache
def runs_of(names):
    addresses = free_addresses(2)
    processes = []
    for index in range(2):
        task = {"type": "worker", "index": index}
        told = json.dumps({"cluster": {"worker": addresses}, "task": task})
        command = [sys.executable, "-m", "tests.training.trained_together", *names]
        environment = os.environ | {"TF_CONFIG": told}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        processes.append(subprocess.Popen(command, cwd=ROOT, env=environment, **pipes))
    try:
        said = [process.communicate(timeout=900) for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], [errors for _, errors in said]
    return [json.loads(output.splitlines()[-1]) for output, _ in said]


@functools.cache
def alone(name):
    if name == "stream":
        return trained_together.stream(Workers())
    with as_python():
        return trained_together.trained(Workers(), name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("categorical", "history"),
        ("categorical", "evaluated"),
        ("categorical", "weights"),
        ("m2", "history"),
        ("m2", "weights"),
        ("stream", "history"),
        ("stream", "weights"),
        pytest.param("text", "history", marks=pytest.mark.slow),
        pytest.param("text", "weights", marks=pytest.mark.slow),
    ],
)
def test_two_workers_equal_one(name, part):
    first, second = (run[name][part] for run in runs_of(QUICK if name in QUICK else SLOW))
    assert first == second  # To the last bit, or they would drift apart.
    expected = alone(name)[part]
    assert len(expected) == len(first) > 0
    if isinstance(expected, dict):
        expected, first = list(expected.values()), list(first.values())
    for one, two in zip(expected, first, strict=True):
        np.testing.assert_allclose(two, one, rtol=2e-4, atol=1e-5)


@pytest.mark.slow
def test_workers_draw_different_noise():
    (first, second), (third, fourth) = (run["seeds"] for run in runs_of(QUICK))
    assert len({tuple(seed) for seed in (first, second, third, fourth)}) == 4


def test_all_know_what_the_chief_knows():
    (chief, said), (other, refused) = (run["exchanged"] for run in runs_of(QUICK))
    assert chief == other == ["", b"12345".hex(), bytes(range(256)).hex()]
    assert said.startswith("worker 1 (127.0.0.1:")
    assert "has other settings, data or versions than the chief; it says which" in said
    assert refused.startswith("worker 1 (127.0.0.1:")
    assert refused.endswith("settings.seed is 4, expected 3 as in the chief")


def test_what_stays_in_one_process_is_refused():
    for run in runs_of(QUICK):
        assert run["refused"] == "AggressiveTraining: its inner loops run in one process only"


def test_one_process_alone_is_as_without_workers():
    with join_workers(Cluster(("a:1",), 0)) as workers:
        assert workers.is_chief
        assert workers.from_chief(b"content") == b"content"
        workers.require_same(seed=1)


def test_workers_join_before_anything_is_computed():
    import tensorflow as tf

    tf.constant(1.0)
    cluster = Cluster(tuple(free_addresses(2)), 1)
    with pytest.raises(RuntimeError, match="before the process computes"), join_workers(cluster):
        pass
