"""Two replicas under `tf.distribute` equal one; see `replicas.py`, which runs them."""

import functools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

# Each test needs a training, an export or a process, which they share.
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
QUICK = ("seeds", "noisy", "m2", "categorical", "adversarial")
# Masked texts, free bits, gradients that are clipped; a codebook of moving averages.
SLOW = ("text", "quantized")


@functools.cache
def runs_of(names):
    command = [sys.executable, "-m", "tests.models.replicas", *names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("m2", "history"),
        ("m2", "weights"),
        ("categorical", "history"),
        ("categorical", "evaluated"),
        ("categorical", "weights"),
        ("adversarial", "history"),
        ("adversarial", "weights"),
        pytest.param("text", "history", marks=pytest.mark.slow),
        pytest.param("text", "weights", marks=pytest.mark.slow),
        pytest.param("quantized", "history", marks=pytest.mark.slow),
        pytest.param("quantized", "weights", marks=pytest.mark.slow),
    ],
)
def test_two_replicas_equal_one(name, part):
    run = runs_of(QUICK if name in QUICK else SLOW)[name]
    one, two = run["one"][part], run["two"][part]
    assert len(one) == len(two) > 0
    for (key, value), other in zip(one.items(), two.values(), strict=True):
        np.testing.assert_allclose(other, value, rtol=2e-4, atol=1e-5, err_msg=key)


def test_training_moves_the_loss():
    first, second = runs_of(QUICK)["m2"]["one"]["history"]["loss"]
    assert second < first - 0.05


def test_replicas_draw_different_noise():
    (first, second), (third, fourth) = runs_of(QUICK)["seeds"]
    assert len({tuple(seed) for seed in (first, second, third, fourth)}) == 4


def test_loss_of_a_model_with_noise_is_the_expected_one_on_two():
    """Of 2,000 draws, within 5 standard errors: fails once in 10^6."""
    noisy = runs_of(QUICK)["noisy"]
    assert 0 < noisy["standard_error"] < 0.1
    assert abs(noisy["loss"] - noisy["expected"]) < 5 * noisy["standard_error"]
