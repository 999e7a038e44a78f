"""Relaxed bounds: temperatures as variables, cold and saturated draws, what is refused."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tests.objectives import toys
from tests.references import enumerable
from tfp_dgm.objectives import (
    ARM,
    REBAR,
    RELAX,
    DisARM,
    GumbelSoftmaxELBO,
    StraightThroughELBO,
)

tfd = tfp.distributions

OBJECTIVES = [GumbelSoftmaxELBO(temperature=0.05), StraightThroughELBO(), REBAR(temperature=0.05)]


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda part: type(part).__name__)
@pytest.mark.parametrize(("make", "size"), [(toys.binary, 3), (toys.one_hot, 4)])
def test_saturated_draws_leave_gradients_finite(objective, make, size):
    theta = tf.random.stateless_normal([2_000, 3 * size + 2 * (size == 3)], (1, 2))
    phi = 30 * tf.random.stateless_normal([2_000, size], (3, 4))
    with tf.GradientTape() as tape:
        tape.watch([theta, phi])
        loss = objective(make(theta, phi).joint(), seed=(5, 6)).loss
    for gradient in tape.gradient(loss, [theta, phi]):
        assert np.isfinite(gradient).all()
        assert np.abs(gradient).max() > 0.1


@pytest.mark.slow
def test_assigned_temperature_reaches_a_compiled_step():
    objective, model = GumbelSoftmaxELBO(temperature=1.0), enumerable.Binary()

    def gradients():
        theta = tf.constant(np.tile(model.theta, [2_000, 1]), tf.float32)
        phi = tf.constant(np.tile(model.phi, [2_000, 1]), tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(phi)
            loss = objective(toys.binary(theta, phi).joint(), seed=(1, 2)).loss
        return tape.gradient(loss, phi)

    compiled = tf.function(gradients)
    warm = compiled().numpy()
    objective.temperature.assign(0.05)
    cold = compiled().numpy()
    assert cold.var(0).sum() > 2 * warm.var(0).sum()
    assert GumbelSoftmaxELBO.from_config(objective.get_config()).temperature.numpy() == np.float32(
        0.05
    )


@pytest.mark.slow
def test_scale_of_rebar_is_drawn_to_the_least_variance():
    """In training only; the gradient's variance falls by more than a tenth."""
    model = enumerable.Binary()
    theta = tf.constant(np.tile(model.theta, [500, 1]), tf.float32)
    phi = tf.constant(np.tile(model.phi, [500, 1]), tf.float32)
    objective = REBAR(scale=-1.0, decay=0.8)

    def step(training, seed):
        with tf.GradientTape() as tape:
            tape.watch(phi)
            joint = toys.binary(theta, phi).joint(training=training)
            loss = objective(joint, seed=(7, seed)).loss
        return tape.gradient(loss, phi).numpy().var(0).sum()

    before = step(False, 0)
    assert objective.scale.numpy() == -1.0
    for seed in range(30):
        step(True, seed)
    assert objective.scale.numpy() > 0
    assert step(False, 0) < 0.9 * before


def test_learned_control_variate_is_trained_by_the_gradient_of_the_variance():
    """Mean over 20,000 of d square / d parameter against differences of the measured variance."""
    model, objective = enumerable.Binary(), RELAX(decay=1.0)
    theta = tf.constant(np.tile(model.theta, [20_000, 1]), tf.float32)
    phi = tf.constant(np.tile(model.phi, [20_000, 1]), tf.float32)

    def run(height):
        def surrogate(z):
            return height * tf.reduce_sum(tf.tanh(z), axis=-1)

        height = tf.constant(height)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch([height, phi])
            given = {"training": True, "surrogate": lambda: surrogate}
            joint = toys.binary(theta, phi).joint(**given)
            loss = tf.reduce_mean(objective(joint, seed=(2, 9)).loss)
        of_phi = 20_000 * tape.gradient(loss, phi).numpy().astype(np.float64)
        return tape.gradient(loss, height), np.square(of_phi).sum(1).mean()

    slope, _ = run(0.3)
    (_, high), (_, low) = run(0.31), run(0.29)
    assert abs(slope) > 0.02
    np.testing.assert_allclose(slope, (high - low) / 0.02, rtol=0.02)


def test_every_layer_needs_a_learned_control_variate():
    model = enumerable.TwoLayers()
    theta, phi = (tf.constant(values[None], tf.float32) for values in (model.theta, model.phi))
    with pytest.raises(ValueError, match="each of the 2 layers of latents; received 1"):
        RELAX()(toys.two_layers(theta, phi).joint(surrogate=lambda: [tf.norm]), seed=(1, 2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: GumbelSoftmaxELBO(temperature=0), "`temperature` must be > 0; received 0"),
        (lambda: REBAR(temperature=-1), "REBAR: `temperature` must be > 0; received -1"),
        (lambda: RELAX(decay=2), r"RELAX: `decay` must lie in \[0, 1\]; received 2"),
        (lambda: StraightThroughELBO(num_samples=0), "`num_samples` must be >= 1; received 0"),
        (
            lambda: GumbelSoftmaxELBO()(
                toys.joint(None, *[tfd.Categorical(logits=tf.zeros([2, 3]))] * 2), seed=(1, 2)
            ),
            "GumbelSoftmaxELBO: expected Bernoulli or OneHotCategorical latents; received .*Categ",
        ),
        (
            lambda: DisARM()(
                toys.joint(None, *[tfd.OneHotCategorical(logits=tf.zeros([2, 3]))] * 2),
                seed=(1, 2),
            ),
            "DisARM: needs Bernoulli latents; received .*OneHotCategorical",
        ),
        (
            lambda: ARM()(toys.joint(None, *[tfd.Normal(tf.zeros([2]), 1.0)] * 2), seed=(1, 2)),
            "ARM: expected Bernoulli or OneHotCategorical latents; received .*Normal",
        ),
    ],
)
def test_errors_name_what_was_expected_and_received(call, message):
    with pytest.raises(ValueError, match=message):
        call()
