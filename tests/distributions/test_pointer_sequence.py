"""Subsequences as a distribution: against NumPy's recursion and enumeration of them all."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import logsumexp

from tests.references.pointed_subsequences import pointed_log_prob, subsequences
from tests.references.recurrent_text import weights_of
from tfp_dgm import inference, layers, networks
from tfp_dgm.distributions import PartlyGiven, PointerSequence, point_estimate

V, Z, D, LENGTH = 8, 3, 4, 4
# With a word that stands twice, twice in a row, and a shorter text.
SOURCES = np.array([[4, 5, 4, 6], [7, 7, 3, 5], [5, 6, 0, 0]], np.int32)
MOST = np.array([3, 2, 3])
RANDOM = np.random.default_rng(6)
CONDITIONING = RANDOM.normal(size=(3, Z)).astype(np.float32)
FEATURES = RANDOM.normal(size=(3, 4, D)).astype(np.float32)


@pytest.fixture(scope="module")
def pointer():
    decoder = networks.LSTMDecoder(V, 5, conditioning_units=Z, embedding_units=4)
    layer = layers.PointerSequence(decoder, LENGTH)
    layer.build((None, None, D))
    random = np.random.default_rng(5)
    for weight in layer.weights:
        weight.assign(random.normal(scale=0.8, size=weight.shape))
    return layer


# Of the second row as many as it may have; of the third more than there are.
LEAST = np.array([2, 2, 3])
LIMITS = pytest.mark.parametrize("least", [None, LEAST], ids=["any", "least"])


def distribution_of(pointer, rows=slice(None), columns=4, most=MOST, least=None):
    return pointer(
        FEATURES[rows, :columns],
        SOURCES[rows, :columns],
        CONDITIONING[rows],
        None if most is None else most[rows],
        None if least is None else least[rows],
    )


def words_of(row):
    return [int(token) for token in SOURCES[row] if token]


def closed(words, length=LENGTH):
    return np.array([*words, 2] + [0] * (length - len(words) - 1), np.int32)


def oracle(pointer, row, most=MOST, least=None):
    """Rows of token ids, and their log-probabilities."""
    fewest = 0 if least is None else min(least[row], len(words_of(row)))
    weights = weights_of(pointer.decoder)
    keys = FEATURES[row].astype(np.float64) @ np.asarray(pointer.key_map.kernel, np.float64)
    words = words_of(row)
    every = subsequences(words, most[row], fewest)
    log_probs = [
        pointed_log_prob(weights, CONDITIONING[row], words, keys, chosen, most[row], fewest)
        for chosen in every
    ]
    return np.stack([closed(chosen) for chosen in every]), np.array(log_probs)


def log_probs_of(distribution, texts, row):
    """Of texts [N, L], for one row of the distribution."""
    tiled = np.repeat(texts[:, np.newaxis], 3, axis=1)
    return distribution.log_prob(tiled).numpy()[:, row]


@LIMITS
@pytest.mark.parametrize("mode", ["eager", "graph"])
def test_log_prob_equals_numpy_recursion_and_sums_to_one(pointer, mode, least):
    def log_prob(texts):
        return distribution_of(pointer, least=least).log_prob(texts)

    run = log_prob if mode == "eager" else tf.function(log_prob)
    for row in range(3):
        texts, expected = oracle(pointer, row, least=least)
        assert len(texts) > 3 or (least is not None and row == 2)
        found = run(tf.constant(np.repeat(texts[:, np.newaxis], 3, axis=1)))[:, row]
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-5)
        np.testing.assert_allclose(logsumexp(found), 0.0, atol=1e-5)


def test_what_is_no_subsequence_is_impossible(pointer):
    distribution = distribution_of(pointer)
    for row, words in [(0, [5, 4, 5]), (0, [7]), (1, [7, 7, 7]), (1, [7, 3, 5]), (2, [6, 5])]:
        assert log_probs_of(distribution, closed(words)[np.newaxis], row) == [-np.inf]
    # Tokens after END; PAD alone is no text yet.
    after = np.array([[4, 2, 4, 0], [0, 0, 0, 0]], np.int32)
    np.testing.assert_array_equal(log_probs_of(distribution, after, 0), [-np.inf, 0.0])


def test_too_few_words_are_impossible(pointer):
    """Also where the last of them stands at the end of the source, and END cannot but follow."""
    distribution = distribution_of(pointer, least=LEAST)
    for row, words in [(0, []), (0, [4]), (0, [6]), (1, [5]), (2, []), (2, [5]), (2, [6])]:
        assert log_probs_of(distribution, closed(words)[np.newaxis], row) == [-np.inf]
    beginnings = np.array([[6], [2]], np.int32)
    np.testing.assert_array_equal(log_probs_of(distribution, beginnings, 0), [-np.inf] * 2)
    # A source of fewer words is all of itself, and so is one of none.
    np.testing.assert_allclose(log_probs_of(distribution, closed([5, 6])[np.newaxis], 2), 0.0)
    none = pointer(FEATURES[:1], np.zeros((1, 4)), CONDITIONING[:1], np.array([3]), np.array([2]))
    np.testing.assert_array_equal(none.log_prob(closed([])[np.newaxis]), [0.0])
    np.testing.assert_array_equal(none.sample(3, seed=(1, 2)), [[closed([])]] * 3)


def test_more_words_at_least_than_at_most_are_as_many_as_may_be(pointer):
    found = distribution_of(pointer, least=np.array([9, 3, 4]))
    exact = distribution_of(pointer, least=MOST)
    for row in range(3):
        texts = np.stack([closed(words) for words in subsequences(words_of(row), 3)])
        np.testing.assert_array_equal(
            log_probs_of(found, texts, row), log_probs_of(exact, texts, row)
        )


@LIMITS
def test_beginnings_have_the_probability_of_all_that_begin_so(pointer, least):
    texts, log_probs = oracle(pointer, 0, least=least)
    distribution = distribution_of(pointer, least=least)
    for beginning in ([4], [4, 4], [5]):
        begin = (texts[:, : len(beginning)] == beginning).all(axis=1)
        assert begin.sum() > 1
        found = log_probs_of(distribution, np.array([beginning], np.int32), 0)
        np.testing.assert_allclose(found, [logsumexp(log_probs[begin])], rtol=1e-5)


@LIMITS
def test_padding_and_batching_change_nothing(pointer, least):
    texts = np.stack([closed([4, 6]), closed([7, 3]), closed([5, 6])])
    whole = distribution_of(pointer, least=least)
    together = whole.log_prob(np.pad(texts, [[0, 0], [0, 3]])).numpy()
    assert np.isfinite(together).all()
    for row in range(3):
        rows = slice(row, row + 1)
        alone = distribution_of(pointer, rows, columns=len(words_of(row)), least=least)
        kept = texts[row][texts[row] > 0]
        np.testing.assert_allclose(alone.log_prob(kept[np.newaxis]), together[row : row + 1], 1e-5)
        np.testing.assert_array_equal(point_estimate(alone)[0], point_estimate(whole)[row])


@LIMITS
def test_draws_follow_the_probabilities(pointer, least):
    """20,000 draws of each text, each share within 5 standard errors: fails once in 10^4."""
    size = 20_000
    draws = distribution_of(pointer, least=least).sample(size, seed=(3, 9)).numpy()
    assert draws.shape == (size, 3, LENGTH)
    for row in range(3):
        texts, log_probs = oracle(pointer, row, least=least)
        counts = np.array([(draws[:, row] == text).all(axis=1).mean() for text in texts])
        assert counts.sum() == pytest.approx(1)
        error = np.sqrt(np.exp(log_probs) * (1 - np.exp(log_probs)) / size)
        np.testing.assert_array_less(np.abs(counts - np.exp(log_probs)), 5 * error + 1e-4)


def test_no_limit_but_the_length(pointer):
    unlimited = distribution_of(pointer, most=None)
    texts, expected = oracle(pointer, 0, most=[LENGTH - 1])
    np.testing.assert_allclose(log_probs_of(unlimited, texts, 0), expected, rtol=2e-5, atol=1e-5)


@LIMITS
def test_greedy_takes_the_likeliest_word_not_the_likeliest_place(pointer, least):
    """Row by row against the oracle: the beginnings' probabilities are sums over what follows."""
    distribution = distribution_of(pointer, least=least)
    found = point_estimate(distribution).numpy()
    np.testing.assert_array_equal(inference.greedy(distribution), found)
    for row in range(3):
        texts, log_probs = oracle(pointer, row, least=least)
        written = []
        while not written or written[-1] != 2:
            fitting = (texts[:, : len(written)] == written).all(axis=1)
            column = texts[:, len(written)]
            shares = {
                token: logsumexp(log_probs[fitting & (column == token)])
                for token in set(column[fitting])
            }
            written.append(max(shares, key=shares.get))
        np.testing.assert_array_equal(found[row], closed(written[:-1]))


def test_two_places_of_a_word_outweigh_a_better_one(pointer):
    """A word at two places, 40 % each, is taken before one at 60 % of one place."""
    decoder = networks.LSTMDecoder(V, 5, conditioning_units=Z, embedding_units=4)
    layer = layers.PointerSequence(decoder, 2)
    layer.build((None, None, D))
    for weight in layer.weights:
        weight.assign(tf.zeros_like(weight))
    layer.decoder.state_maps[0].bias.assign(np.repeat([0.0, 2.0], 5))
    layer.decoder.input_maps[0].bias.assign(np.repeat([0, 2, 2, 3], 5).astype(np.float32))
    layer.key_map.kernel.assign(np.eye(D, 5, dtype=np.float32))
    layer.decoder.output_bias.assign(np.full(V, -5, np.float32))
    features = np.zeros((1, 3, D), np.float32)
    features[0, 1, 0] = 0.5
    distribution = layer(features, np.array([[4, 5, 4]]), np.zeros((1, Z), np.float32))
    of = {word: distribution.log_prob(closed([word], 2)[np.newaxis])[0] for word in (4, 5)}
    assert of[4] > of[5] > of[4] - np.log(2)
    np.testing.assert_array_equal(point_estimate(distribution), [closed([4], 2)])


@LIMITS
def test_a_wide_beam_finds_every_subsequence(pointer, least):
    distribution = distribution_of(pointer, least=least)
    texts, log_probs = inference.beam_search(distribution, 20)
    for row in range(3):
        every, expected = oracle(pointer, row, least=least)
        best = np.argsort(-expected)
        np.testing.assert_array_equal(texts[row, : len(every)], every[best])
        np.testing.assert_allclose(log_probs[row, : len(every)], expected[best], rtol=2e-5)
        assert np.all(log_probs[row, len(every) :].numpy() < -1e8)


@LIMITS
def test_gradients_are_those_of_differences_and_finite_where_impossible(pointer, least):
    texts = np.stack([closed([4, 6]), closed([7, 5]), closed([6, 5])])  # The last: impossible.
    kernel = pointer.key_map.kernel

    def total():
        return tf.reduce_sum(distribution_of(pointer, least=least).log_prob(texts)[:2])

    with tf.GradientTape() as tape:
        log_probs = distribution_of(pointer, least=least).log_prob(texts)
        value = tf.reduce_sum(tf.where(tf.math.is_inf(log_probs), 0.0, log_probs))
    gradients = tape.gradient(value, pointer.trainable_weights)
    assert all(np.isfinite(np.asarray(tf.convert_to_tensor(part))).all() for part in gradients)
    index = [weight is kernel for weight in pointer.trainable_weights].index(True)
    start, step = kernel.numpy(), 1e-2
    for place in [(0, 1), (2, 3)]:
        moved = []
        for sign in (1, -1):
            changed = start.copy()
            changed[place] += sign * step
            kernel.assign(changed)
            moved.append(float(total()))
        kernel.assign(start)
        difference = (moved[0] - moved[1]) / (2 * step)
        np.testing.assert_allclose(gradients[index][place], difference, rtol=5e-3, atol=2e-3)


def test_given_rows_are_certain_and_the_others_as_they_were(pointer):
    whole = distribution_of(pointer)
    events = np.stack([closed([4, 4]), np.zeros(LENGTH, np.int32), closed([6])])
    known = PartlyGiven(whole, events, [True, False, True])
    draws = known.sample(50, seed=(1, 2)).numpy()
    assert (draws[:, 0] == events[0]).all()
    assert (draws[:, 2] == events[2]).all()
    assert len({tuple(draw) for draw in draws[:, 1]}) > 2
    asked = np.stack([closed([4, 4]), closed([7]), closed([5])])
    found = known.log_prob(asked).numpy()
    np.testing.assert_array_equal(found[[0, 2]], [0.0, -np.inf])
    np.testing.assert_allclose(found[1], whole.log_prob(asked)[1], rtol=1e-6)
    assert known.batch_shape == whole.batch_shape
    assert known.event_shape == whole.event_shape


def test_rows_of_the_distribution_are_those_of_its_parameters(pointer, caplog):
    """TFP slices all of them; of parameters that it is not told of it warns."""
    whole = distribution_of(pointer, least=LEAST)
    assert whole.batch_shape == [3]
    texts = np.stack([closed([4, 6]), closed([7, 3]), closed([5, 6])])
    np.testing.assert_allclose(whole[1:].log_prob(texts[1:]), whole.log_prob(texts)[1:], rtol=1e-6)
    assert not caplog.records


def test_refusals():
    with pytest.raises(ValueError, match=r"`max_length` must be a positive int; received 0"):
        layers.PointerSequence(networks.LSTMDecoder(V, 5), 0)
    with pytest.raises(ValueError, match=r"`memory_units` must be 0.* received 3"):
        layers.PointerSequence(networks.LSTMDecoder(V, 5, memory_units=3), 4)
    with pytest.raises(ValueError, match=r"PointerSequence: `max_length` must be >= 1"):
        PointerSequence(CONDITIONING, None, SOURCES, FEATURES, MOST, max_length=0)
