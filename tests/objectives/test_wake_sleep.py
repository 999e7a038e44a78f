"""How far wake-phi and sleep-phi are from the gradients that they stand for."""

import numpy as np
import pytest

from tests.objectives import toys
from tests.objectives.estimators import BINARY, COUNT, assert_bias
from tests.references import enumerable
from tfp_dgm.objectives import ReweightedWakeSleep, WakeSleep


@pytest.mark.parametrize(
    ("objective", "target", "bias"),
    [
        (ReweightedWakeSleep(num_samples=2), enumerable.true_posterior_phi, 0.654),
        (ReweightedWakeSleep(num_samples=3), enumerable.true_posterior_phi, 0.491),
        (ReweightedWakeSleep(num_samples=20), enumerable.true_posterior_phi, 0.076),
        # Of a q that looks at no x, which comes to the prior whatever the image.
        (WakeSleep(), enumerable.elbo, 0.955),
    ],
)
def test_bias_is_the_documented_one(objective, target, bias):
    """Relative to the exact gradient; within 5 standard errors: fails once in 10^5."""
    make, model = BINARY
    _, _, phi = toys.estimates(objective, make, model, COUNT)
    assert_bias(phi, enumerable.gradients(target, model)[1], bias)


def test_wake_phi_comes_to_the_divergence_from_the_true_posterior():
    _, model = BINARY
    exact = enumerable.gradients(enumerable.true_posterior_phi, model)[1]
    found = [enumerable.gradients(enumerable.wake_phi(draws), model)[1] for draws in (1, 2, 3)]
    assert (np.diff([np.linalg.norm(gradient - exact) for gradient in found]) < 0).all()
