"""What objectives need beyond distributions, as models give it to them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models import toys
from tests.references.densities import softmax
from tests.saving import assert_comes_back
from tfp_dgm.models import BagOfWordsVAE, SigmoidBeliefNetwork
from tfp_dgm.objectives import (
    ELBO,
    RELAX,
    EnumeratedELBO,
    LearnedBaseline,
    MinimumDesiredRate,
    RunningAverage,
    ScoreFunctionELBO,
    WakeSleep,
)


@keras.saving.register_keras_serializable(package="tests")
class WithBaseline(toys.Mixture):
    """A mixture with a baseline that is linear in x."""

    def build(self, input_shape):
        self.baseline_layer = keras.layers.Dense(1, name="baseline")
        self.baseline_layer.build(input_shape)
        super().build(input_shape)

    def joint(self, inputs, *, training=False):
        joint = super().joint(inputs, training=training)
        return joint.replaced(baseline=lambda: self.baseline_layer(inputs)[:, 0])


@keras.saving.register_keras_serializable(package="tests")
class Dreamer(toys.Mixture):
    """A mixture whose dreams are one and the same pair."""

    def joint(self, inputs, *, training=False):
        def dream_log_posterior(seed):
            rows = tf.shape(inputs)[0]
            dreams = super(Dreamer, self).joint(tf.tile(tf.constant([DREAM]), [rows, 1]))
            return dreams.posterior.log_prob(tf.fill([rows], 2))

        joint = super().joint(inputs, training=training)
        return joint.replaced(dream_log_posterior=dream_log_posterior)


DREAM = [1.0, 0.0, 1.0, 1.0, 0.0, 0.0]


def randomized(cls):
    return toys.randomized(cls(toys.CLASSES, toys.WORDS, seed=1))


def test_sleep_phase_learns_the_posterior_of_the_dreams():
    model = randomized(Dreamer)
    kernel, bias = model.posterior_layer.projection.weights
    probabilities = softmax(np.asarray(DREAM) @ kernel.numpy() + bias.numpy())
    names = [weight.path for weight in model.trainable_weights]
    steps, _ = toys.step(model, toys.binary(5), objective=WakeSleep())
    expected = np.eye(3)[2] - probabilities  # d log q(2 | dream) / d logits
    np.testing.assert_allclose(steps[names.index(bias.path)], expected, rtol=1e-4)
    np.testing.assert_allclose(
        steps[names.index(kernel.path)], np.outer(DREAM, expected), rtol=1e-4, atol=1e-6
    )


def test_baseline_learns_the_bound():
    model, data = randomized(WithBaseline), toys.binary(6)
    objective = ScoreFunctionELBO(num_samples=2, control_variates=[LearnedBaseline()])
    model.compile(keras.optimizers.Adam(0.05), objective)

    def error():
        value = model.bound(data, objective=EnumeratedELBO()).value
        return np.abs(model.joint(data).baseline - value).mean()

    before = error()
    model.fit(tf.data.Dataset.from_tensors(data).repeat(80), shuffle=False, verbose=0)
    assert error() < 0.3 * before


@pytest.mark.usefixtures("eager")
def test_only_training_moves_what_training_moves():
    model, data = toys.vae(), toys.counts(5)[0]
    rate = MinimumDesiredRate(50.0, learning_rate=0.01)
    model.compile(keras.optimizers.SGD(0.0), ELBO(rate=rate))
    model.evaluate(data, verbose=0)
    assert rate.multiplier.numpy() == 0.0
    model.fit(data, batch_size=5, epochs=2, verbose=0)
    np.testing.assert_allclose(rate.multiplier, 2 * 0.01 * 50, rtol=0.2)


def test_state_of_an_objective_comes_back_from_a_file(tmp_path):
    objective = ELBO(rate=MinimumDesiredRate(5.0, learning_rate=0.1))
    assert_comes_back(toys.vae(seed=2), (toys.counts(6)[0],), tmp_path, objective)
    assert objective.rate.multiplier.numpy() > 0


@pytest.mark.usefixtures("eager")
def test_m2_gives_its_objective_what_it_needs():
    model, rate = toys.m2(), MinimumDesiredRate(50.0, learning_rate=0.01)
    data, kinds = toys.counts(6)
    model.compile(keras.optimizers.Adam(), ELBO(rate=rate))
    model.fit(data, np.where(np.arange(6) < 3, kinds, -1), batch_size=6, verbose=0)
    np.testing.assert_allclose(rate.multiplier, 0.01 * 50, rtol=0.2)


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (
            ScoreFunctionELBO(control_variates=[RunningAverage(), LearnedBaseline()]),
            "Mixture has no learned baseline, which ScoreFunctionELBO asks for",
        ),
        (WakeSleep(), "Mixture has no dreams, which WakeSleep asks for"),
        (RELAX(), "Network has no learned control variate, which RELAX asks for"),
    ],
    ids=repr,
)
def test_model_says_what_it_does_not_have(objective, message):
    binary = isinstance(objective, RELAX)
    model = SigmoidBeliefNetwork((toys.WORDS,), units=(3,)) if binary else toys.mixture()
    with pytest.raises(NotImplementedError, match=message):
        toys.randomized(model).bound(toys.binary(2), objective=objective)


def test_a_model_of_damped_counts_cannot_dream():
    model = BagOfWordsVAE(np.ones(toys.WORDS), units=3, latent_units=2)
    model.build((None, toys.WORDS))
    with pytest.raises(NotImplementedError, match=r"BagOfWordsVAE cannot dream: .* damped counts"):
        model.bound(toys.counts(2)[0], objective=WakeSleep())
