"""The page on distribution layers: its blocks run, one after the other."""

import re
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

PAGE = Path(__file__).parents[2] / "docs" / "distribution_layers.md"


@pytest.fixture(scope="module")
def names():
    """Everything that the blocks of the page define."""
    defined = {"__name__": "page"}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        exec(compile(block, PAGE.name, "exec"), defined)
    return defined


def test_a_prior_of_ones_own_is_a_loss_that_learns(names):
    """The divergence of N(loc, scale) from Laplace(0, 1), by SciPy, within 5 standard errors."""
    sample, features = names["sample"], np.tile(names["features"][:1], [4000, 1])
    with tf.GradientTape() as tape:
        sample(features)
        (loss,) = sample.losses
    (gradient,) = tape.gradient(loss, [sample.prior.log_scale.value])
    posterior = sample.layer(features[:1])
    loc, scale = posterior.mean().numpy()[0], posterior.stddev().numpy()[0]
    draws = scipy.stats.norm(loc, scale).rvs((4000, 4), random_state=1)
    log_ratio = scipy.stats.norm(loc, scale).logpdf(draws) - scipy.stats.laplace.logpdf(draws)
    ratios = log_ratio.sum(axis=1)
    error = ratios.std() * np.sqrt(2 / 4000)
    assert abs(loss - ratios.mean()) < 5 * error
    # d/d log_scale of -log p(z) is 1 - |z| / scale.
    slopes = 1 - np.abs(draws)
    np.testing.assert_array_less(
        np.abs(gradient - slopes.mean(axis=0)), 5 * slopes.std(axis=0) * np.sqrt(2 / 4000)
    )
