"""A linear chain at the end of a functional model: masks, partial annotations, a file."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.references.chains import chain as all_chains
from tfp_dgm import layers

V, K, T = 12, 3, 4
TOKENS = np.array([[3, 4, 5, 6], [7, 8, 0, 0], [9, 0, 0, 0]])


@pytest.fixture(scope="module")
def tagger():
    words = keras.Input([None], dtype="int64")
    features = keras.layers.Embedding(V, 5, mask_zero=True)(words)
    chain = layers.LinearChain(K)
    model = keras.Model(words, layers.Parameters(chain)(features))
    model.compile("sgd", layers.NegativeLogLikelihood(chain))
    random = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(random.normal(size=weight.shape))
    return model, chain


def enumerated(model, row, length):
    embedding, transitions, initial, kernel, bias = (
        np.asarray(weight, np.float64) for weight in model.weights
    )
    unary = embedding[TOKENS[row, :length]] @ kernel + bias
    return all_chains(unary, np.broadcast_to(transitions, (length - 1, K, K)), initial)


def test_rows_are_as_long_as_their_masks_say(tagger):
    model, chain = tagger
    distribution = chain.distribution(model.predict(TOKENS, verbose=0))
    np.testing.assert_array_equal(distribution.lengths, [4, 2, 1])
    for row, length in enumerate([4, 2, 1]):
        rows = enumerated(model, row, length)
        np.testing.assert_allclose(distribution.entropy()[row], rows.entropy, rtol=1e-4)
        best = rows.events[np.argmax(rows.scores)]
        np.testing.assert_array_equal(distribution.mode()[row, :length], best)


def test_the_loss_of_a_partial_annotation_sums_over_what_is_not_known(tagger):
    model, _ = tagger
    targets = np.array([[0, -1, 2, -1], [-1, -1, -1, -1], [1, -1, 2, 0]])
    known = [
        lambda event: event[0] == 0 and event[2] == 2,
        lambda event: True,
        lambda event: event[0] == 1,
    ]
    expected = []
    for row, length in enumerate([4, 2, 1]):
        rows = enumerated(model, row, length)
        kept = [known[row](event) for event in rows.events]
        expected.append(-np.log(rows.probs[kept].sum()))
    loss = model.evaluate(TOKENS, targets, verbose=0)
    np.testing.assert_allclose(loss, np.mean(expected), rtol=1e-5)


@pytest.mark.slow
def test_fit_learns_tags_from_some_of_them_and_comes_back(tmp_path):
    """Quicker: `tagger` in the golden files, with a step."""
    random = np.random.default_rng(0)
    tokens = random.integers(1, V, (60, 6))
    tokens[np.arange(6) >= random.integers(1, 7, 60)[:, None]] = 0
    tags = tokens % K
    words = keras.Input([None], dtype="int64")
    chain = layers.LinearChain(K)
    outputs = layers.Parameters(chain)(keras.layers.Embedding(V, 4, mask_zero=True)(words))
    model = keras.Model(words, outputs)
    model.compile(keras.optimizers.Adam(0.1), layers.NegativeLogLikelihood(chain))
    targets = np.where(random.random(tags.shape) < 0.3, -1, tags)
    model.fit(tokens, targets, batch_size=20, epochs=8, verbose=0)
    predicted = chain.distribution(model(tokens)).mode().numpy()
    assert np.mean((predicted == tags)[tokens > 0]) > 0.95
    model.save(tmp_path / "tagger.keras")
    copy = keras.saving.load_model(tmp_path / "tagger.keras")
    losses = [one.evaluate(tokens, targets, verbose=0) for one in (model, copy)]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-6)


def test_a_mask_with_holes_is_refused():
    layer = layers.LinearChain(K)
    with pytest.raises(tf.errors.InvalidArgumentError, match="the mask must be True up to"):
        layer(tf.zeros([1, 3, 2]), mask=tf.constant([[True, False, True]]))


@pytest.mark.parametrize("padding", [0, -100, 3])
def test_targets_may_be_anything_in_the_padding(tagger, padding):
    model, _ = tagger
    targets = np.array([[0, -1, 2, -1], [1, -1, -1, -1], [1, -1, -1, -1]])
    expected = model.evaluate(TOKENS, targets, verbose=0)
    targets[1, 2:] = targets[2, 1:] = padding
    assert model.evaluate(TOKENS, targets, verbose=0) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("steps", [1, T - 1, T + 2])
def test_targets_are_one_for_every_position(tagger, steps):
    """One for each row was taken for a state at every position."""
    model, chain = tagger
    targets = np.zeros((3, steps), int)
    errors = (ValueError, tf.errors.InvalidArgumentError)
    with pytest.raises(errors, match="`y` must have a value for every position"):
        model.evaluate(TOKENS, targets, verbose=0)
    with pytest.raises(ValueError, match=r"events must have the event shape \(4,\)"):
        chain.distribution(model.predict(TOKENS, verbose=0)).log_prob(targets)


def test_targets_that_are_no_states_are_named(tagger):
    model, _ = tagger
    with pytest.raises(tf.errors.InvalidArgumentError, match="whole numbers from -1 to 2"):
        model.evaluate(TOKENS, np.full((3, T), 3), verbose=0)
