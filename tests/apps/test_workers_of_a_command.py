"""`dgm text-vae train --workers` by two processes: killed and resumed, told other settings."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.sentence_modelling.untrained_models import SMALL, sentences
from tests.training.free_addresses import free_addresses
from tfp_dgm.models import load_model

pytestmark = pytest.mark.slow

# Without a latent and what is dropped, so that two workers give the numbers of one.
SETTINGS = SMALL | {"model": "language_model", "batch_size": 16, "epochs": 12, "seed": 3}
SETTINGS = SETTINGS | {"learning_rate.value": 0.02}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(3):
        (tmp_path / "in" / f"{number}.txt").write_text(sentences(27, number))
    (tmp_path / "valid.txt").write_text(sentences(23, 9))
    (tmp_path / "temporary").mkdir()
    return tmp_path


def start(folder, addresses, index, output, *more):
    task = {"type": "worker", "index": index}
    told = json.dumps({"cluster": {"worker": addresses}, "task": task})
    words = ["text-vae", "train", "in", "valid.txt", "--output", output, "--quiet", *more]
    words += [f"--set={name}={value}" for name, value in SETTINGS.items()]
    if len(addresses) > 1:
        words.append("--workers")
    program = "from tfp_dgm_apps.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", program, *words],
        cwd=folder,
        env=os.environ | {"TF_CONFIG": told, "TMPDIR": str(folder / "temporary")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def in_training(folder, addresses):
    """Two workers that have saved a first state, and its figures, which are written after it."""
    processes = [start(folder, addresses, index, "two") for index in range(2)]
    history = folder / "two" / "history.json"
    while not history.exists():
        assert processes[0].poll() is None, processes[0].communicate()
        time.sleep(0.02)
    return processes


def ended(processes):
    """Exit code and errors of each."""
    said = [process.communicate(timeout=400)[1] for process in processes]
    return [(process.returncode, errors) for process, errors in zip(processes, said, strict=True)]


def results(folder, output):
    weights = load_model(folder / output / "model.keras").get_weights()
    return weights, json.loads((folder / output / "history.json").read_text())


@pytest.mark.parametrize("lost", [0, 1])
def test_a_lost_worker_ends_all_who_then_resume(folder, lost):
    addresses = free_addresses(2)
    processes = in_training(folder, addresses)
    os.kill(processes[lost].pid, signal.SIGKILL)
    killed = time.monotonic()
    code, errors = ended(processes)[1 - lost]
    assert time.monotonic() - killed < 120
    assert code == 2
    assert errors.splitlines()[-1].startswith(f"Error: lost worker {lost} ({addresses[lost]})")
    record = json.loads((folder / "two" / "run.json").read_text())
    assert not record["finished"]
    assert 1 <= len(json.loads((folder / "two" / "history.json").read_text())) < 12
    addresses = free_addresses(2)
    more = ["--resume"]
    resumed = [start(folder, addresses, index, "two", *more) for index in range(2)]
    assert [code for code, _ in ended(resumed)] == [0, 0]
    assert ended([start(folder, ["alone:1"], 0, "one")])[0][0] == 0
    (weights, history), (expected, alone) = (results(folder, name) for name in ("two", "one"))
    for weight, other in zip(weights, expected, strict=True):
        np.testing.assert_allclose(weight, other, rtol=1e-3, atol=1e-4)
    for epoch, other in zip(history, alone, strict=True):
        assert epoch == pytest.approx(other, rel=1e-4)


def test_other_settings_are_named_and_leave_nothing(folder):
    addresses = free_addresses(2)
    processes = [start(folder, addresses, 0, "two"), start(folder, addresses, 1, "two", "--seed=4")]
    (chief, said), (other, refused) = ended(processes)
    assert chief == other == 2
    assert f"worker 1 ({addresses[1]}): has other settings, data or versions than" in said
    assert "settings.seed is 4, expected 3 as in the chief" in refused
    assert not (folder / "two").exists()
    assert list((folder / "temporary").iterdir()) == []


def test_a_worker_that_is_terminated_ends_as_any_command(folder):
    processes = in_training(folder, free_addresses(2))
    processes[1].terminate()
    (chief, said), (other, _) = ended(processes)
    assert (chief, other) == (2, 128 + signal.SIGTERM)
    assert "lost worker 1" in said
    assert list((folder / "temporary").iterdir()) == []
