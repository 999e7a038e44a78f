"""The discrepancy of latents and prior against double sums over all of them."""

import numpy as np
import pytest

from tests.models import toys
from tfp_dgm import layers
from tfp_dgm.evaluation import prior_discrepancy
from tfp_dgm.models import VAE
from tfp_dgm.networks import MLP
from tfp_dgm.objectives import RadialBasisFunction

X, _ = toys.counts(30)
pytestmark = pytest.mark.usefixtures("eager")


def model_of(shift):
    """Latents are the parameters' bias alone: all at one point."""
    model = VAE(
        MLP([3]), None, layers.BagOfWords(toys.WORDS), posterior=layers.PointMass(2), seed=1
    )
    model.build(X.shape)
    kernel, bias = model.posterior_layer.projection.weights
    kernel.assign(np.zeros(kernel.shape))
    bias.assign(shift)
    return model


def expected(distance, variance, width):
    """E exp(-|d|^2 / width), d of two dimensions ~ N(shift, variance I), |shift|^2 = distance."""
    shrunk = width + 2 * variance
    return width / shrunk * np.exp(-distance / shrunk)


def test_a_point_is_apart_from_the_prior_as_the_closed_form_says():
    """2,000 latents in blocks of 100: within 5 standard errors, which it tells itself."""
    data = np.tile(X, [67, 1])[:2000]
    kernel = RadialBasisFunction(scales=[0.5, 2.0])
    found = prior_discrepancy(model_of([1.0, -0.5]), data, kernel=kernel, block=100, seed=3)
    # The kernel's scale is twice the total variance of the prior's two dimensions, 4.
    closed = sum(1 + expected(0, 2, width) - 2 * expected(1.25, 1, width) for width in (2.0, 8.0))
    error = found["discrepancy_standard_error"]
    assert 0 < error < 0.05
    assert abs(found["discrepancy"] - closed) < 5 * error + 0.05  # The scale is of 500 draws.


def test_few_examples_are_one_block_and_one_is_too_few():
    found = prior_discrepancy(model_of([0.0, 0.0]), X)
    assert found["discrepancy_standard_error"] is None
    with pytest.raises(ValueError, match="expected at least 2 examples"):
        prior_discrepancy(model_of([0.0, 0.0]), X[:1])
