"""Refinement within the step, against NumPy on a bound that is quadratic in the parameters."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tests.evaluation import linear_gaussian_vae as toy
from tests.models import toys
from tests.saving import assert_comes_back
from tfp_dgm import layers
from tfp_dgm.models import VAE, SigmoidBeliefNetwork, TextVAE
from tfp_dgm.networks import MLP, LSTMDecoder, LSTMEncoder
from tfp_dgm.objectives import (
    ELBO,
    ImportanceWeighted,
    Joint,
    MinimumDesiredRate,
    SemiAmortized,
    StickingTheLanding,
)

X = np.array([[0.4, -1.3, 0.8], [2.0, 0.3, -0.6]])
START = np.array([[0.7, -0.2], [-0.5, 1.1]])
W = np.array([[0.9, -0.4], [0.3, 1.2], [-0.7, 0.5]])  # [D, Z]
RATE, MOMENTUM, STEPS = 0.15, 0.4, 3


def family(parameters):
    """So narrow that draws are means: the bound is that of a point."""
    return tfd.MultivariateNormalDiag(parameters, 1e-6 * tf.ones_like(parameters))


PRIOR = tfd.MultivariateNormalDiag(tf.zeros(2), tf.ones(2))


def evaluate(objective, start, w, training=True):
    def log_likelihood(z):
        return -0.5 * tf.reduce_sum(tf.square(X.astype("f4") - tf.linalg.matvec(w, z)), -1)

    joint = Joint(
        None,
        log_likelihood=log_likelihood,
        prior=lambda: PRIOR,
        parameters=lambda: start,
        family=family,
        training=training,
    )
    return objective(joint, seed=(1, 2))


def slope(loc, x, w, kl_weight, max_norm):
    gradient = w.T @ (x - w @ loc) - kl_weight * loc
    return gradient * min(1.0, max_norm / np.linalg.norm(gradient))


def refined(start, x, w, kl_weight=1.0, max_norm=100.0, slopes=None):
    """The oracle's last parameters; `slopes` given are taken for constants."""
    loc, velocity, found = start.copy(), np.zeros(2), []
    for step in range(STEPS):
        found.append(slope(loc, x, w, kl_weight, max_norm) if slopes is None else slopes[step])
        velocity = MOMENTUM * velocity + found[-1]
        loc = loc + RATE * velocity
    return loc, found


def losses(start, w, kl_weight=1.0, max_norm=100.0, slopes=None):
    """Loss of each row but for the constant that the scale puts into the divergence."""
    rows = []
    for b, x in enumerate(X):
        given = None if slopes is None else slopes[b]
        loc, _ = refined(start[b], x, w, kl_weight, max_norm, given)
        rows.append(0.5 * np.sum((x - w @ loc) ** 2) + kl_weight * 0.5 * np.sum(loc**2))
    return np.array(rows)


def constant(kl_weight=1.0):
    """KL(N(m, s^2) || N(0, 1)) - m^2 / 2, twice."""
    return kl_weight * 2 * (-np.log(1e-6) - 0.5 + 0.5e-12)


def semi_amortized(objective=None, **kwargs):
    run = {"num_steps": STEPS, "learning_rate": RATE, "momentum": MOMENTUM, "max_norm": 100.0}
    return SemiAmortized(objective or ELBO(), **{**run, **kwargs})


@pytest.mark.parametrize(("kl_weight", "max_norm"), [(1.0, 100.0), (0.3, 0.8)])
def test_loss_is_that_of_the_refined_parameters(kl_weight, max_norm):
    objective = semi_amortized(ELBO(kl_weight=kl_weight), max_norm=max_norm)
    bound = evaluate(objective, tf.constant(START, tf.float32), tf.constant(W, tf.float32))
    expected = losses(START, W, kl_weight, max_norm) + constant(kl_weight)
    np.testing.assert_allclose(bound.loss, expected, rtol=1e-4)


def numerical_gradient(function, at):
    result = np.zeros_like(at)
    for index in np.ndindex(*at.shape):
        step = np.zeros_like(at)
        step[index] = 1e-5
        result[index] = (function(at + step) - function(at - step)) / 2e-5
    return result


@pytest.mark.parametrize("second_order", [True, False])
@pytest.mark.parametrize("max_norm", [100.0, 0.8])
def test_gradient_goes_through_the_steps_or_takes_their_slopes_for_constants(
    second_order, max_norm
):
    start, w = tf.constant(START, tf.float32), tf.constant(W, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch([start, w])
        bound = evaluate(semi_amortized(max_norm=max_norm, second_order=second_order), start, w)
        loss = tf.reduce_sum(bound.loss)
    of_start, of_w = tape.gradient(loss, [start, w])
    slopes = None
    if not second_order:
        slopes = [refined(START[b], x, W, max_norm=max_norm)[1] for b, x in enumerate(X)]
    run = {"max_norm": max_norm, "slopes": slopes}
    expected_start = numerical_gradient(lambda s: losses(s, W, **run).sum(), START)
    expected_w = numerical_gradient(lambda w: losses(START, w, **run).sum(), W)
    np.testing.assert_allclose(of_start, expected_start, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(of_w, expected_w, rtol=1e-3, atol=1e-4)
    assert np.abs(expected_w).max() > 0.1


def test_evaluation_knows_no_weight_of_training():
    start, w = tf.constant(START, tf.float32), tf.constant(W, tf.float32)
    bounds = [
        evaluate(semi_amortized(ELBO(kl_weight=weight)), start, w, training=False)
        for weight in (0.1, 1.0)
    ]
    np.testing.assert_array_equal(bounds[0].value, bounds[1].value)
    np.testing.assert_allclose(bounds[0].value, -losses(START, W) - constant(), rtol=1e-4)


def test_a_multiplier_moves_once_a_step_and_not_in_the_refinement():
    rate = MinimumDesiredRate(50.0, learning_rate=0.01)
    objective = semi_amortized(ELBO(rate=rate))
    start, w = tf.constant(START, tf.float32), tf.constant(W, tf.float32)
    bound = evaluate(objective, start, w)
    expected = 0.01 * (50.0 - np.mean(bound.kl))
    np.testing.assert_allclose(rate.multiplier, expected, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_model_trains_with_a_higher_bound_than_amortised_and_comes_back(tmp_path):
    """Quicker: the bound of the best posterior, below; `vae_semi_amortized` in the golden files."""
    x = toys.counts(8)[0]
    model = toys.randomized(toys.vae())
    model.compile(keras.optimizers.SGD(0.0))
    amortised = model.evaluate(x, verbose=0, return_dict=True)["bound"]
    objective = SemiAmortized(ELBO(num_samples=4), num_steps=4, learning_rate=0.05)
    model.compile(keras.optimizers.SGD(0.0), objective)
    assert model.evaluate(x, verbose=0, return_dict=True)["bound"] > amortised + 0.2
    assert_comes_back(toys.vae(), (x,), tmp_path, objective)


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_bound_comes_near_that_of_the_best_posterior_in_training_and_evaluation():
    """Of a linear Gaussian model, whose best factorised posterior is known.

    64 draws of 32 examples, of spread below 2 nats: within 4 standard errors, 0.2 nats.
    """
    _, x = toy.draw(32)
    model, scale = toy.factorised(shift=0.5, scale=0.4 * toy.best_scale())
    kernel, bias = toy.mean_map()
    means = x.astype(np.float64) @ kernel + bias

    def bound(scale, shift):
        covariance = np.diag(scale**2)
        rows = zip(x.astype(np.float64), means, strict=True)
        return np.mean([toy.REFERENCE.bound(x, mean + shift, covariance) for x, mean in rows])

    best, amortised = bound(toy.best_scale(), 0.0), bound(scale, 0.5)
    assert best - amortised > 1.0
    objective = SemiAmortized(ELBO(num_samples=64), num_steps=10, learning_rate=0.2)
    model.compile(keras.optimizers.SGD(0.0), objective)
    run = {"batch_size": 32, "verbose": 0}
    trained = model.fit(x, **run).history["bound"][0]
    evaluated = model.evaluate(x, return_dict=True, **run)["bound"]
    for found in (trained, evaluated):
        assert found == pytest.approx(best, abs=0.2)


def test_model_without_such_a_posterior_says_so():
    model = toys.mixture()
    model.compile("sgd", SemiAmortized(ELBO()))
    with pytest.raises(
        NotImplementedError, match="Mixture has no parameters of its posterior, which SemiAm"
    ):
        model.bound(toys.binary(2))
    model = SigmoidBeliefNetwork((toys.WORDS,), units=(3,))
    model.compile("sgd", SemiAmortized(ELBO()))
    with pytest.raises(NotImplementedError, match="Network has no parameters of its posterior"):
        model.bound(toys.binary(2))


@pytest.mark.parametrize(
    ("concentration", "second_order", "refused"),
    [(None, True, True), (None, False, False), (3.0, True, False)],
    ids=["learned", "learned, first order", "fixed"],
)
def test_a_learned_concentration_has_no_second_derivatives(concentration, second_order, refused):
    model = VAE(
        MLP([4], activation="tanh"),
        None,
        layers.BagOfWords(toys.WORDS),
        posterior=layers.PowerSpherical(3, concentration=concentration),
        prior=layers.SphericalUniformPrior(3),
        seed=1,
    )
    model.build((None, toys.WORDS))
    x, run = toys.counts(4)[0], {"seed": tf.constant([1, 2])}
    run["objective"] = SemiAmortized(ELBO(), num_steps=2, second_order=second_order)
    assert np.isfinite(model.bound(x, **run).value).all()
    if refused:
        with pytest.raises(ValueError, match=r"give the layer a fixed `concentration`, or take"):
            model.bound(x, training=True, **run)
        return
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model.bound(x, training=True, **run).loss)
    for gradient in tape.gradient(loss, [weight.value for weight in model.trainable_weights]):
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize(
    "objective",
    [ImportanceWeighted(num_samples=2), ELBO(gradient=StickingTheLanding())],
    ids=["importance weighted", "sticking the landing"],
)
def test_surrogates_have_no_second_derivatives(objective):
    with pytest.raises(ValueError, match=r"plain gradient .* received .* `second_order=False`"):
        SemiAmortized(objective)
    SemiAmortized(objective, second_order=False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_steps": 0}, "SemiAmortized: `num_steps` must be >= 1; received 0"),
        ({"momentum": 1.0}, "`momentum` < 1; received 1.0, 5.0 and 1.0"),
        ({"max_norm": 0.0}, "`max_norm` > 0"),
    ],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        SemiAmortized(ELBO(), **arguments)


@pytest.mark.slow
def test_second_order_gradient_goes_through_a_recurrent_decoder():
    """Central differences of the refined loss, along one random direction of each weight.

    Quicker: `test_gradient_goes_through_the_steps_or_takes_their_slopes_for_constants`.
    """
    model = TextVAE(
        LSTMEncoder(12, 4, embedding_units=3),
        LSTMDecoder(12, 5, embedding_units=4, conditioning_units=2),
        posterior=layers.MultivariateNormalDiag(2, min_scale=1e-3),
        seed=1,
    )
    token_ids = tf.constant([[5, 6, 7, 2, 0], [8, 9, 4, 5, 2]])
    model.build((None, 5))
    random = np.random.default_rng(3)
    for weight in model.trainable_weights:
        weight.assign(random.normal(scale=0.5, size=weight.shape))
    objective = SemiAmortized(ELBO(), num_steps=1, learning_rate=0.3)
    start = tf.constant([[0.3, -0.4, -1, -1], [0.5, 0.2, -1, -1]])

    @tf.function
    def loss():
        joint = model.joint(token_ids, training=True).replaced(parameters=lambda: start)
        bound = objective(joint, seed=(1, 2))
        return tf.reduce_sum(bound.loss)

    @tf.function
    def gradients():
        with tf.GradientTape() as tape:
            total = loss()
        return tape.gradient(total, [weight.value for weight in weights])

    weights = model.likelihood.trainable_weights
    for weight, gradient in zip(weights, gradients(), strict=True):
        value, gradient = weight.numpy(), tf.convert_to_tensor(gradient).numpy()
        step = random.normal(scale=0.01, size=value.shape).astype("f4")
        weight.assign(value + step)
        above = loss()
        weight.assign(value - step)
        below = loss()
        weight.assign(value)
        expected = np.sum(gradient * step)
        np.testing.assert_allclose((above - below) / 2, expected, rtol=5e-3, atol=1e-5)
