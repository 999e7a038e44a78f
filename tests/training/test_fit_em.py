"""Fitting by expectation maximisation: what it promises of every family, and what it refuses."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.em_models import (
    PARSED,
    TEXTS,
    VECTORS,
    K,
    V,
    chain_model,
    model_of,
    tagged_model,
    text_model,
    tree_model,
    vector_model,
)
from tfp_dgm import distributions, layers
from tfp_dgm.models import ExactLikelihoodModel
from tfp_dgm.networks import MLP
from tfp_dgm.training import fit_em


# Quicker than the hard: `test_hard_em_counts_the_best_paths`, and one step on trees.
@pytest.mark.slow
@pytest.mark.parametrize(
    "hard", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["soft", "hard"]
)
@pytest.mark.parametrize(
    ("make", "data", "smoothing"),
    [
        (text_model, TEXTS, 0.3),
        (text_model, TEXTS, 0.0),
        (tree_model, PARSED, 0.2),
        (tagged_model, VECTORS, 0.1),
        (lambda: vector_model(False), VECTORS, 0.0),
        (lambda: vector_model(True), VECTORS, 0.1),
        (lambda: chain_model(False), VECTORS, 0.1),
        (lambda: chain_model(True), VECTORS, 0.0),
    ],
)
def test_the_objective_never_falls(make, data, smoothing, hard, eager):
    history = fit_em(
        make(), data, iterations=3, smoothing=smoothing, hard=hard, tolerance=0.0
    ).history
    gains = np.diff(history["objective"])
    assert gains.min() > -1e-4
    assert gains.sum() > 1.0
    assert (history["objective"] == history["log_likelihood"]) == (smoothing == 0)


@pytest.mark.slow
def test_statistics_are_added_over_batches(eager):
    whole, streamed = text_model(), text_model()
    run = {"iterations": 4, "smoothing": 0.1, "tolerance": 0.0}
    data = tf.data.Dataset.from_tensor_slices(TEXTS).batch(2)
    expected = fit_em(whole, TEXTS, **run).history
    found = fit_em(streamed, data, **run).history
    np.testing.assert_allclose(found["objective"], expected["objective"], rtol=1e-5)
    for ours, theirs in zip(streamed.weights, whole.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "data"),
    [
        (text_model, TEXTS),
        pytest.param(lambda: vector_model(True), VECTORS, marks=pytest.mark.slow),
        pytest.param(lambda: chain_model(0), VECTORS, marks=pytest.mark.slow),
    ],
)
def test_the_best_of_several_seeds_is_kept(make, data, eager):
    model = make()
    fitted = fit_em(model, data, iterations=2, smoothing=0.1, seeds=[4, 5])
    assert fitted.objectives[fitted.seed] == max(fitted.objectives.values())
    assert len({round(value, 3) for value in fitted.objectives.values()}) > 1
    assert fitted.history["objective"][-1] == fitted.objectives[fitted.seed]
    now = np.sum(model.log_prob(data))
    assert now == pytest.approx(fitted.history["log_likelihood"][-1], rel=1e-5)
    again = fit_em(make(), data, iterations=2, smoothing=0.1, seeds=[fitted.seed])
    np.testing.assert_allclose(again.history["objective"], fitted.history["objective"], rtol=1e-5)


def neural_model():
    return model_of(layers.NeuralHiddenMarkovText(V, K, 5, embedding_units=4, seed=3))


@pytest.mark.slow
@pytest.mark.parametrize("make", [text_model, neural_model])
def test_runs_at_the_same_time_are_those_of_one_after_the_other(make, eager):
    told = []
    how = {"iterations": 2, "smoothing": 0.1, "seeds": [4, 5, 6], "gradient_steps": 2}
    alone, together = make(), make()
    expected = fit_em(alone, TEXTS, **how)
    found = fit_em(together, TEXTS, threads=2, progress=lambda *step: told.append(step), **how)
    assert found.seed == expected.seed
    assert list(found.objectives) == [4, 5, 6]
    for seed, objective in expected.objectives.items():
        assert found.objectives[seed] == pytest.approx(objective, rel=1e-6)
    for ours, theirs in zip(together.weights, alone.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    names = [f"EM, seed {seed}" for seed in how["seeds"]]
    assert [[step for step in told if step[0] == name] for name in names] == [
        [(name, 1, 2), (name, 2, 2)] for name in names
    ]


def test_iterations_end_where_they_gain_little(eager):
    told = []
    history = fit_em(
        text_model(), TEXTS, iterations=9, tolerance=1e3, progress=lambda *step: told.append(step)
    ).history
    assert len(history["objective"]) == 2
    assert told == [("EM", 1, 9)]


class Featured(layers.Prior):
    """Texts whose emissions are a log-linear map of features of tokens: no closed form."""

    def _add_weights(self):
        draw = keras.initializers.RandomNormal(stddev=1.0, seed=3)
        shapes = {"initial": (K,), "moves": (K, K), "writes": (K, self.units)}
        for name, shape in shapes.items():
            setattr(self, name, self.add_weight(shape=shape, initializer=draw, name=name))

    def _features(self):
        return np.eye(V, self.units, dtype=np.float32)

    value_shape = (None,)

    def _distribution(self):
        emissions = tf.matmul(tf.convert_to_tensor(self.writes), self._features(), transpose_b=True)
        initial, moves = (tf.convert_to_tensor(weight) for weight in (self.initial, self.moves))
        return distributions.HiddenMarkovText(initial, moves, emissions, max_length=5)


@pytest.mark.slow
def test_gradient_steps_reach_the_closed_form_where_there_is_one():
    layer = Featured(V)
    model = model_of(layer)
    before = layer().log_potentials
    closed = text_model()
    for weight, value in zip(closed.weights, layer.weights, strict=True):
        weight.assign(value)
    fit_em(closed, TEXTS, iterations=1, smoothing=0.2)
    fit_em(model, TEXTS, iterations=1, smoothing=0.2, gradient_steps=400, learning_rate=0.1)
    expected = closed.likelihood().log_potentials
    for part, wanted, first in zip(layer().log_potentials, expected, before, strict=True):
        np.testing.assert_allclose(np.exp(part), np.exp(wanted), atol=5e-3)
        assert np.abs(np.exp(first) - np.exp(wanted)).max() > 0.05


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.1, 30.0])
def test_gradient_steps_never_let_the_objective_fall(rate, eager):
    """With steps that are far too long, too: they are taken back."""
    fitted = fit_em(
        model_of(Featured(4)), TEXTS, iterations=4, gradient_steps=3, learning_rate=rate
    )
    gains = np.diff(fitted.history["objective"])
    assert gains.min() > -1e-4
    assert gains.sum() > 0.5


class Vectors(Featured):
    def _distribution(self):
        initial, moves = (tf.convert_to_tensor(weight) for weight in (self.initial, self.moves))
        loc = tf.convert_to_tensor(self.writes)
        return distributions.GaussianHiddenMarkov(initial, moves, loc, tf.ones([K, 2]), num_steps=5)


@pytest.mark.slow
def test_what_em_made_impossible_is_saved_and_trained_on(tmp_path, eager):
    model = text_model()
    texts = TEXTS[[1, 3]]  # Of one word, and of none.
    fit_em(model, texts, iterations=3, tolerance=0.0)
    assert np.isneginf(model.likelihood.emission_logits).any()
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(texts, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    found = copy.predict(texts, verbose=0)
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found, model.predict(texts, verbose=0))


def without_a_token():
    model = text_model()
    values = model.likelihood.emission_logits.numpy()
    values[:, 4] = -np.inf
    model.likelihood.emission_logits.assign(values)
    return model


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"iterations": 0}, ValueError, "`iterations` must be >= 1; received 0"),
        ({"tolerance": -1.0}, ValueError, "`tolerance` must be >= 0; received -1.0"),
        ({"smoothing": -0.1}, ValueError, "`smoothing` must be >= 0 .* received -0.1"),
        ({"gradient_steps": 0}, ValueError, "`gradient_steps` must be >= 1; received 0"),
        ({"learning_rate": 0}, ValueError, "`learning_rate` must be > 0; received 0"),
        ({"batches": []}, ValueError, "`batches` must hold at least one batch; received none"),
        ({"batches": iter([TEXTS])}, TypeError, "`batches` must be .* received list_iterator"),
        ({"batches": [(TEXTS, TEXTS)]}, TypeError, "of events alone; received tuple as batch 0"),
        (
            {"model": without_a_token(), "batches": [TEXTS[3:4], TEXTS[2:4]]},
            ValueError,
            "finite log-probability .* received -inf of row 0 of batch 1",
        ),
        (
            {"batches": TEXTS[:, ::-1].copy()},
            tf.errors.InvalidArgumentError,
            "HiddenMarkovText expects ids below 6",
        ),
        ({"model": keras.Sequential()}, TypeError, "`model` must be .* received Sequential"),
        (
            {"model": ExactLikelihoodModel(layers.IndependentBernoulli(5))},
            TypeError,
            "received a IndependentBernoulli, which gives a BinaryVariables",
        ),
        (
            {"model": ExactLikelihoodModel(layers.HiddenMarkovText(6, 2, 3), encoder=MLP([2]))},
            TypeError,
            "received one with the encoder mlp",
        ),
        (
            {"model": model_of(Vectors(2)), "batches": VECTORS},
            TypeError,
            "needs potentials that are log-probabilities, .* received Vectors, which has",
        ),
        ({"model": model_of(Featured(4)), "seeds": [1]}, TypeError, "`seeds` .* received Featured"),
        (
            {"model": vector_model(False), "batches": VECTORS[2:3], "seeds": [1]},
            ValueError,
            "as many vectors in the first batch as there are states, 3; received 1",
        ),
    ],
)
def test_bad_input_is_named(arguments, error, message, eager):
    with pytest.raises(error, match=message):
        fit_em(**{"model": text_model(), "batches": TEXTS, "iterations": 1, **arguments})
