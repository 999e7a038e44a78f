"""Models that their distribution's own log-probability trains: a chain's latent is summed out."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tests.references.densities import softmax
from tests.saving import assert_comes_back
from tfp_dgm import layers
from tfp_dgm.models import ExactLikelihoodModel, LanguageModel
from tfp_dgm.networks import MLP

STATES, SYMBOLS, LENGTH = 2, 3, 4
RANDOM = np.random.default_rng(3)
X = RANDOM.integers(0, SYMBOLS, (5, LENGTH))


@keras.saving.register_keras_serializable(package="tests")
class Chain(layers.DistributionLayer):
    """Sequences of symbols, each written by the state of a hidden Markov chain."""

    def build(self, input_shape=None):
        shapes = {"start": (STATES,), "moves": (STATES, STATES), "writes": (STATES, SYMBOLS)}
        for name, shape in shapes.items():
            if not self.built:
                setattr(self, name, self.add_weight(shape=shape, name=name))
        self.built = True

    @property
    def value_shape(self):
        return (LENGTH,)

    def call(self, features, training=False):
        return tfd.HiddenMarkovModel(
            tfd.Categorical(logits=tf.convert_to_tensor(self.start)),
            tfd.Categorical(logits=tf.convert_to_tensor(self.moves)),
            tfd.Categorical(logits=tf.convert_to_tensor(self.writes)),
            LENGTH,
        )


def log_prob_of_chain(model, symbols):
    """log p(x), one path of states after the other."""
    start, moves, writes = (
        np.apply_along_axis(softmax, -1, weight.numpy().astype(np.float64))
        for weight in model.likelihood.weights
    )
    total = 0.0
    for path in itertools.product(range(STATES), repeat=LENGTH):
        probability = start[path[0]]
        for before, after in itertools.pairwise(path):
            probability *= moves[before, after]
        for state, symbol in zip(path, symbols, strict=True):
            probability *= writes[state, symbol]
        total += probability
    return np.log(total)


def chain():
    model = ExactLikelihoodModel(Chain(), seed=1)
    model.build(X.shape)
    for weight in model.weights:
        weight.assign(RANDOM.normal(size=weight.shape))
    return model


def test_bound_is_the_log_probability_with_the_latent_summed_out():
    model = chain()
    expected = np.array([log_prob_of_chain(model, row) for row in X])
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-5)
    model.compile(keras.optimizers.SGD(0.1))
    logs = model.evaluate(X, verbose=0, return_dict=True)
    assert logs == pytest.approx({"loss": -expected.mean(), "bound": expected.mean()}, rel=1e-5)
    model.fit(tf.data.Dataset.from_tensors(X).repeat(30), shuffle=False, verbose=0)
    trained = np.array([log_prob_of_chain(model, row) for row in X])
    assert trained.mean() > expected.mean() + 0.3


def test_given_a_condition_it_is_a_regression():
    """Of least squares, whose optimum is known: p(x | c) = N(x; W c + b, 1)."""
    random = np.random.default_rng(2)
    c = random.normal(size=(40, 2)).astype(np.float32)
    x = (c @ [[1.5], [-0.7]] + 0.3 + random.normal(scale=0.1, size=(40, 1))).astype(np.float32)
    likelihood = layers.MultivariateNormalDiag(1, min_scale=0.5)
    model = ExactLikelihoodModel(likelihood, encoder=keras.layers.Identity())
    model.compile(keras.optimizers.Adam(0.1))
    data = tf.data.Dataset.from_tensors({"condition": c, "event": x}).repeat(150)
    model.fit(data, shuffle=False, verbose=0)
    found = model.distribution({"condition": c, "event": x}).mean()
    design = np.column_stack([c, np.ones(40)])
    np.testing.assert_allclose(found, design @ np.linalg.lstsq(design, x)[0], atol=0.05)


@pytest.mark.parametrize(
    ("model", "data"),
    [
        (ExactLikelihoodModel(Chain(), seed=2), X),
        (
            ExactLikelihoodModel(layers.IndependentBernoulli(3), encoder=MLP([4]), seed=2),
            {"condition": X[:, :2].astype("f4"), "event": (X[:, :3] > 0).astype("f4")},
        ),
    ],
    ids=["unconditional", "conditional"],
)
def test_comes_back_from_a_file_and_trains_on(model, data, tmp_path):
    assert_comes_back(model, (data,), tmp_path)


def test_events_are_checked_and_other_layers_refused():
    model = ExactLikelihoodModel(layers.IndependentBernoulli(3))
    model.compile("sgd")
    with pytest.raises(tf.errors.InvalidArgumentError, match="ExactLikelihoodModel: `x`"):
        model.fit(np.full([2, 3], 1.5, np.float32), verbose=0)
    with pytest.raises(
        TypeError, match=r"`likelihood` must be a distribution layer.* received <Den"
    ):
        ExactLikelihoodModel(keras.layers.Dense(3))
    assert issubclass(LanguageModel, ExactLikelihoodModel)
    with pytest.raises(NotImplementedError, match="ExactLikelihoodModel has no `joint`"):
        model.posterior(X)
