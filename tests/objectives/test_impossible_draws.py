"""Every objective where the model gives some or all draws no probability: log-weights of -inf."""

import itertools

import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from tests.objectives import toys
from tests.objectives.estimators import BINARY, GAUSSIAN, ROWS, name_of
from tfp_dgm.objectives import (
    ELBO,
    REBAR,
    CombinationImportanceWeighted,
    ExactMarginal,
    ImportanceWeighted,
    MultiplyImportanceWeighted,
    PartiallyImportanceWeighted,
    Renyi,
    ReweightedWakeSleep,
    RunningAverage,
    ScoreFunctionELBO,
    ScoreFunctionImportanceWeighted,
    StickingTheLanding,
    WakeSleep,
)

COUNT = 24
OBJECTIVES = {name_of(row): row for row in ROWS if row.model in (BINARY, GAUSSIAN)}
# The logarithm of a mean of weights is -inf where all are 0; a mean of log-weights, where any is.
OF_WEIGHTS = (
    ImportanceWeighted,
    ScoreFunctionImportanceWeighted,
    ReweightedWakeSleep,
    ExactMarginal,
)


def without(make, limit, low=-np.inf):
    """The problem with a likelihood that is 0 where the first latent is above a limit."""

    def made(theta, phi):
        problem = make(theta, phi)

        def log_likelihood(z):
            barrier = tf.where(z[..., 0] > limit, tf.constant(low, tf.float32), 0.0)
            return problem.log_likelihood(z) + barrier

        return problem._replace(log_likelihood=log_likelihood)

    return made


def is_infinite(objective, log_weights):
    infinite = np.isinf(log_weights)
    if isinstance(objective, WakeSleep | CombinationImportanceWeighted):
        return infinite.any(axis=0)
    if isinstance(objective, MultiplyImportanceWeighted):
        if isinstance(objective, PartiallyImportanceWeighted):
            return infinite.all(axis=0)
        return has_impossible_group(objective, infinite)
    return infinite.all(axis=0) if isinstance(objective, OF_WEIGHTS) else infinite.any(axis=0)


def has_impossible_group(objective, infinite):
    groups = infinite.reshape(objective.num_bounds, objective.num_samples, -1)
    return groups.all(axis=1).any(axis=0)


@pytest.mark.parametrize("share", ["some", "all"])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_nothing_becomes_nan(name, share):
    row = OBJECTIVES[name]
    make, model = row.model
    limit = -np.inf if share == "all" else {GAUSSIAN[0]: model.phi[0]}.get(make, 0.5)
    bound, *gradients = toys.estimates(row.objective, without(make, limit), model, COUNT)
    infinite = is_infinite(row.objective, bound.log_weights.numpy())
    if share == "all":
        assert infinite.all()
    else:
        assert np.isinf(bound.log_weights).any()
    np.testing.assert_array_equal(np.isneginf(bound.value), infinite)
    np.testing.assert_array_equal(np.isposinf(bound.loss), infinite)
    np.testing.assert_allclose(bound.loss[~infinite], -bound.value[~infinite], rtol=1e-4)
    for gradient in gradients:
        assert np.isfinite(gradient).all()
        np.testing.assert_array_equal(gradient[infinite], 0)


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, row in OBJECTIVES.items()
        if isinstance(row.objective, ImportanceWeighted | ReweightedWakeSleep | Renyi)
        and not isinstance(row.objective, CombinationImportanceWeighted | WakeSleep)
    ],
)
def test_an_impossible_draw_counts_as_one_that_is_next_to_impossible(name):
    """Weights of e^-10,000, which no rounding keeps apart from 0, give the same gradients."""
    row = OBJECTIVES[name]
    make, model = row.model
    limit = {GAUSSIAN[0]: model.phi[0]}.get(make, 0.5)
    bound, *gradients = toys.estimates(row.objective, without(make, limit), model, COUNT)
    near, *others = toys.estimates(row.objective, without(make, limit, -1e4), model, COUNT)
    kept = np.isfinite(bound.value)
    if isinstance(row.objective, MultiplyImportanceWeighted):
        # In the limit, such a group's own bound would still draw the posterior along.
        kept &= ~has_impossible_group(row.objective, np.isinf(bound.log_weights))
    assert kept.any()
    np.testing.assert_allclose(bound.value[kept], near.value[kept], rtol=1e-4)
    for gradient, other in zip(gradients, others, strict=True):
        np.testing.assert_allclose(gradient[kept], other[kept], rtol=1e-3, atol=1e-4)


def test_marginal_of_the_values_that_are_left():
    make, model = BINARY
    bound, *_ = toys.estimates(ExactMarginal(), without(make, 0.5), model, 2)
    theta, phi = (tf.constant([part], tf.float32) for part in (model.theta, model.phi))
    problem = make(theta, phi)
    left = np.array([[z] for z in itertools.product([0], [0, 1], [0, 1])], np.float32)
    log_joint = problem.log_likelihood(left) + problem.prior.log_prob(left)
    np.testing.assert_allclose(bound.value, [scipy.special.logsumexp(log_joint)] * 2, rtol=1e-5)


@pytest.mark.parametrize("weight", [0.0, 1.0])
@pytest.mark.parametrize("gradient", [None, StickingTheLanding()])
def test_a_rate_of_weight_zero_spares_an_infinite_one(weight, gradient):
    """A prior on [-1, 1] for a Normal posterior: infinite, and at first not looked at."""
    tfd = toys.tfd
    loc = tf.constant([[0.0], [5.0]])
    with tf.GradientTape() as tape:
        tape.watch(loc)
        posterior = tfd.MultivariateNormalDiag(loc, tf.fill([2, 1], 0.01))
        prior = tfd.Independent(tfd.Uniform(tf.fill([1], -1.0), 1.0), 1)
        objective = ELBO(kl_weight=weight, gradient=gradient)
        bound = objective(toys.joint(lambda z: 3 * z[..., 0], posterior, prior), seed=(1, 2))
    slope = tape.gradient(bound.loss, loc)
    assert np.isinf(bound.kl).tolist() == [False, True]
    assert np.isinf(bound.loss).tolist() == [False, weight == 1]
    np.testing.assert_allclose(slope[1], [0.0 if weight else -3.0], rtol=1e-5)


def test_averages_of_training_leave_impossible_draws_out():
    make, model = BINARY
    theta, phi = (
        tf.constant(np.tile(part, [COUNT, 1]), tf.float32) for part in (model.theta, model.phi)
    )
    problem = without(make, 0.5)(theta, phi)
    average = RunningAverage(decay=0.75, average=-4.0)
    objective = ScoreFunctionELBO(num_samples=3, control_variates=[average])
    log_weights = objective(problem.joint(training=True), seed=(1, 2)).log_weights.numpy()
    possible = np.isfinite(log_weights)
    assert 0 < possible.mean() < 1
    np.testing.assert_allclose(average.average, -3 + 0.25 * log_weights[possible].mean(), rtol=1e-5)
    rebar = REBAR(num_samples=3)
    rebar(problem.joint(training=True), seed=(1, 2))
    assert np.isfinite(rebar.scale)
