"""Annealed importance sampling where the evidence is known."""

import numpy as np
import pytest
import tensorflow as tf

from tests.evaluation import linear_gaussian_vae as toy
from tests.models import toys
from tfp_dgm.inference import (
    annealed_importance_sampling,
    reverse_annealed_importance_sampling,
    tune_step_size,
)

Z, X = toy.draw(4)
EVIDENCE = np.array([toy.REFERENCE.log_evidence(x) for x in X.astype(np.float64)])
MODEL = toy.exact()


def forward(seed, x=X, **arguments):
    function = tf.function(
        lambda x: annealed_importance_sampling(MODEL, x, seed=seed, **arguments), autograph=False
    )
    return function(x)


def test_the_likelihood_is_unbiased_after_few_steps():
    """8,000 chains of 10 steps: within 5 standard errors, which fails once in 10^6.

    Transitions that compare densities at two temperatures do not keep their target: 4,000 chains
    of them gave 0.88, 6 standard errors away.
    """
    copies = np.repeat(X[:1], 8000, axis=0)
    result = forward(
        (3, 4), copies, num_chains=1, num_steps=10, num_leapfrog_steps=3, step_size=0.35
    )
    ratio = np.exp(result.log_likelihood.numpy().astype(np.float64) - EVIDENCE[0])
    error = ratio.std() / np.sqrt(len(ratio))
    assert error < 0.06
    assert 0.1 < np.mean(result.acceptance) < 0.95
    assert abs(ratio.mean() - 1) < 5 * error


@pytest.mark.slow
def test_both_directions_bracket_the_evidence_ever_closer():
    """Means of 500 examples of the model itself, from below and from above."""
    z, x = toy.draw(500, seed=2)
    evidence = np.array([toy.REFERENCE.log_evidence(row) for row in x.astype(np.float64)])
    settings = {"num_chains": 2, "num_leapfrog_steps": 2, "step_size": 0.3}

    @tf.function(autograph=False)  # Traced once for both numbers of steps.
    def both(num_steps):
        run = {"num_steps": num_steps, **settings}
        below = annealed_importance_sampling(MODEL, x, seed=(5, 6), **run)
        above = reverse_annealed_importance_sampling(MODEL, x, z, seed=(7, 8), **run)
        return below.log_likelihood, above.log_likelihood

    widths = {}
    for num_steps in (5, 100):
        below, above = (found.numpy() - evidence for found in both(tf.constant(num_steps)))
        for gap, sign in ((below, -1), (above, 1)):  # Fails once in 10^6, but for tails.
            assert sign * gap.mean() > -5 * gap.std() / np.sqrt(500)
        widths[num_steps] = above.mean() - below.mean()
    assert widths[5] > 1
    assert widths[100] < 0.4


@pytest.mark.slow
def test_tuned_step_size_gives_the_acceptance_asked_for():
    tune = tf.function(
        lambda: tune_step_size(MODEL, X, num_leapfrog_steps=3, seed=(1, 2)), autograph=False
    )
    sizes = tune()
    assert sizes.shape == (4,)
    result = forward((1, 3), num_chains=400, num_steps=30, num_leapfrog_steps=3, step_size=sizes)
    assert 0.45 < np.mean(result.acceptance) < 0.9


def test_refuses_discrete_latents():
    with pytest.raises(ValueError, match=r"continuous latents; received .*Categorical"):
        annealed_importance_sampling(toys.randomized(toys.mixture()), toys.binary(2), seed=(1, 2))
