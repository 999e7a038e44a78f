"""Texts with latent alignments, against NumPy's enumeration of all alignments and all texts."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.references import latent_alignments
from tests.references.recurrent_text import lstm_log_prob, weights_of
from tfp_dgm import distributions, layers, networks
from tfp_dgm.inference import beam_search, greedy

V, Z, D, M = 6, 3, 4, 3
TEXTS = np.array([[4, 5, 3, 2], [3, 2, 0, 0], [2, 0, 0, 0]], np.int32)  # [B, T]
KEPT = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 0]], bool)  # [B, M]


def values(*shape, seed=8):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


MEMORY = values(3, M, D, seed=9)


def made(cell=networks.LSTMDecoder, scale=0.9, **kwargs):
    decoder = cell(V, 5, conditioning_units=Z, embedding_units=4, memory_units=D, **kwargs)
    layer = layers.AlignedTokenSequence(decoder, max_length=3)
    layer.build()
    random = np.random.default_rng(5)
    for weight in layer.weights:
        weight.assign(random.normal(scale=scale, size=weight.shape))
    return layer


@pytest.fixture(scope="module")
def layer():
    return made()


def tables(layer, z, row, memory, kept):
    tokens = [token for token in row if token]
    return latent_alignments.tables(weights_of(layer.decoder), z, tokens, memory[kept])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "training", "positions_at_once"),
    [
        ("eager", False, None),
        ("eager", True, 4),
        ("graph", True, 4),
        ("graph", True, None),
        ("xla", True, None),
        ("xla", False, None),
    ],
)
def test_log_prob_is_the_sum_over_all_alignments(layer, mode, training, positions_at_once):
    z = values(2, 3, Z)  # [S, B, Z]

    def log_prob(z, texts, memory, kept):
        text = layer(z, memory, kept, training=training, positions_at_once=positions_at_once)
        return text.log_prob(texts)

    run = log_prob if mode == "eager" else tf.function(log_prob, jit_compile=mode == "xla")
    expected = [
        [
            latent_alignments.log_marginal(*tables(layer, z[s, b], TEXTS[b], MEMORY[b], KEPT[b]))
            for b in range(3)
        ]
        for s in range(2)
    ]
    assert np.ptp(expected) > 1
    np.testing.assert_allclose(run(z, TEXTS, MEMORY, KEPT), expected, rtol=2e-5)


@pytest.mark.parametrize("training", [False, True])
def test_without_any_source_that_is_there_all_count(layer, training):
    """Each as much as the others, as of a row of padding: its tokens are not certain."""
    kept = np.array([[0, 0, 0], [1, 0, 1]], bool)
    z, memory, row = values(2, Z), MEMORY[:2], TEXTS[0]
    texts = layer(z, memory=memory, memory_mask=kept, training=training)
    aligned = texts.aligned(np.stack([row, row]))
    expected = []
    for b, among in enumerate([np.ones(M, bool), kept[1]]):
        log_prior, log_px = tables(layer, z[b], row, memory[b], among)
        if b == 0:  # None is more likely than another.
            log_prior = np.full_like(log_prior, -np.log(M))
        expected.append(latent_alignments.log_marginal(log_prior, log_px))
    np.testing.assert_allclose(texts.log_prob(np.stack([row, row])), expected, rtol=1e-5)
    mean = aligned.log_likelihood(tf.fill([2, len(row), M], 1 / M))
    assert (mean.numpy() < 0).all()


@pytest.mark.parametrize("training", [False, True])
def test_posterior_and_likelihoods_are_those_of_all_alignments(layer, training):
    z = values(3, Z)
    text = layer(z, MEMORY, KEPT, training=training).aligned(TEXTS)
    each, posterior = text.log_likelihood_of_each.numpy(), text.posterior.numpy()
    one_hot = np.zeros((2, 3, 4, M), np.float32)  # Two draws of each token's alignment.
    drawn = [[[0, 2, 1, 0], [2, 0, 0, 0], [1, 0, 0, 0]], [[1, 1, 0, 2], [0, 2, 0, 0], [0, 0, 0, 0]]]
    np.put_along_axis(one_hot, np.array(drawn)[..., np.newaxis], 1.0, axis=-1)
    of_draws = text.log_likelihood(tf.constant(one_hot)).numpy()
    for b in range(3):
        prior, likelihood = tables(layer, z[b], TEXTS[b], MEMORY[b], KEPT[b])
        length = len(prior)
        np.testing.assert_allclose(each[b, :length][:, KEPT[b]], likelihood, rtol=1e-4)
        np.testing.assert_array_equal(each[b, length:], 0.0)
        np.testing.assert_allclose(
            posterior[b, :length][:, KEPT[b]],
            latent_alignments.posterior(prior, likelihood),
            rtol=1e-4,
            atol=1e-6,
        )
        np.testing.assert_allclose(posterior[b, :length][:, ~KEPT[b]], 0.0, atol=1e-8)
        place = np.cumsum(KEPT[b]) - 1
        for s, t in itertools.product(range(2), range(4)):
            source = drawn[s][b][t]
            expected = 0.0
            if t < length and KEPT[b][source]:
                expected = likelihood[t, place[source]]
            np.testing.assert_allclose(of_draws[s, b, t], expected, rtol=1e-4)


def test_the_prior_as_weights_is_soft_attention(layer):
    """The same weights under `layers.TokenSequence`, whose oracle takes the mean of the sources."""
    z = values(3, Z)
    text = layer(z, MEMORY, KEPT).aligned(TEXTS)
    found = text.log_likelihood(tf.exp(text.log_prior)[tf.newaxis])[0].numpy()
    for b in range(3):
        tokens = [token for token in TEXTS[b] if token]
        expected = lstm_log_prob(weights_of(layer.decoder), z[b], tokens, MEMORY[b][KEPT[b]])
        np.testing.assert_allclose(found[b].sum(), expected, rtol=2e-5)
    soft = layers.TokenSequence(layer.decoder, 3)(z, MEMORY, KEPT)
    np.testing.assert_allclose(found.sum(axis=-1), soft.log_prob(TEXTS), rtol=2e-5)
    assert np.abs(soft.log_prob(TEXTS) - layer(z, MEMORY, KEPT).log_prob(TEXTS)).max() > 0.05


def all_rows():
    rows = []
    for row in itertools.product([0, 2, 3, 4, 5], repeat=3):
        end = row.index(2) + 1 if 2 in row else 3
        if 0 not in row[:end] and not any(row[end:]):
            rows.append(row)
    return np.array(rows, np.int32)


def of_one(layer, rows=1, b=1):
    """The distribution of one row's text, several times."""
    z = np.repeat(values(3, Z)[b : b + 1], rows, axis=0)
    memory = np.repeat(MEMORY[b : b + 1], rows, axis=0)
    return layer(z, memory, np.repeat(KEPT[b : b + 1], rows, axis=0))


def test_probabilities_of_all_rows_sum_to_one_and_steps_agree(layer):
    rows = all_rows()
    distribution = of_one(layer, len(rows))
    log_prob = distribution.log_prob(rows).numpy()
    np.testing.assert_allclose(np.exp(log_prob).sum(), 1.0, rtol=1e-5)
    state, last, total = distribution.initial_state(), np.ones(len(rows), np.int32), 0.0
    for time in range(3):
        logits, state = distribution.step(last, tf.constant(time), state)
        scores = np.take_along_axis(logits.numpy(), rows[:, time : time + 1], axis=1)[:, 0]
        total = total + np.where(rows[:, time] > 0, scores, 0.0)
        last = rows[:, time]
    np.testing.assert_allclose(total, log_prob, rtol=1e-4)
    assert logits.numpy()[:, :2].max() < -1e8


def test_a_beam_finds_the_likeliest_text(layer):
    rows = all_rows()
    log_prob = of_one(layer, len(rows)).log_prob(rows).numpy()
    best = rows[np.argsort(-log_prob)[:5]]
    texts, scores = beam_search(of_one(layer), 64)
    np.testing.assert_array_equal(texts[0, :5], best)
    np.testing.assert_allclose(scores[0, :5], np.sort(log_prob)[::-1][:5], rtol=1e-4)
    assert greedy(of_one(layer)).shape == (1, 3)


def test_draws_follow_the_probabilities(layer):
    """10,000 draws of 61 rows, each within 5 standard errors: fails once in 10^4."""
    rows, size = all_rows(), 10_000
    draws = of_one(layer).sample(size, seed=(3, 9)).numpy()[:, 0]
    expected = of_one(layer, len(rows)).prob(rows).numpy()
    counts = np.array([(draws == row).all(axis=1).mean() for row in rows])
    assert counts.sum() == pytest.approx(1)
    error = np.sqrt(expected * (1 - expected) / size)
    np.testing.assert_array_less(np.abs(counts - expected), 5 * error + 1e-4)


@pytest.mark.parametrize("cell", [networks.LSTMDecoder, networks.GRUDecoder])
def test_padding_changes_nothing(cell):
    """Neither of the texts nor of the sources, whatever stands there; nor in the gradient."""
    layer = made(cell, num_layers=2, skip_connections=True, tie_embeddings=True)
    z = values(3, Z)
    texts, kept = np.pad(TEXTS, [[0, 0], [0, 2]]), np.pad(KEPT, [[0, 0], [0, 2]])
    filled = np.concatenate([np.where(KEPT[..., None], MEMORY, 9.0), values(3, 2, D)], axis=1)
    weights = [weight.value for weight in layer.trainable_weights]

    def gradients(*arguments):
        with tf.GradientTape() as tape:
            log_prob = layer(*arguments[:-1]).log_prob(arguments[-1])
            total = tf.reduce_sum(log_prob)
        found = tape.gradient(total, weights)
        return log_prob.numpy(), [tf.convert_to_tensor(part).numpy() for part in found]

    together, of_padded = gradients(z, filled.astype(np.float32), kept, texts)
    alone = [
        gradients(
            z[b : b + 1],
            MEMORY[b : b + 1, KEPT[b]],
            np.ones([1, KEPT[b].sum()], bool),
            TEXTS[b : b + 1, TEXTS[b] > 0],
        )
        for b in range(3)
    ]
    np.testing.assert_allclose(together, [log_prob[0] for log_prob, _ in alone], rtol=1e-5)
    for place, weight in enumerate(layer.trainable_weights):
        expected = sum(parts[place] for _, parts in alone)
        np.testing.assert_allclose(of_padded[place], expected, rtol=1e-3, atol=1e-5)
        assert np.abs(expected).max() > 1e-5, weight.path


def test_the_gradient_is_the_same_in_chunks_and_in_turn(layer):
    """Against central differences of the NumPy oracle, for the weights of the attention."""
    z = values(3, Z)
    names = {"query": layer.decoder.attention.query, "attended": layer.decoder.attended}
    for kwargs in ({}, {"training": True}, {"training": True, "positions_at_once": 4}):
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(layer(z, MEMORY, KEPT, **kwargs).log_prob(TEXTS))
        found = tape.gradient(total, [part.kernel.value for part in names.values()])
        for name, gradient in zip(names, found, strict=True):
            for place in ((0, 1), (3, 2)):
                expected = difference(layer, z, name, place)
                assert gradient[place].numpy() == pytest.approx(expected, rel=2e-3, abs=1e-4)


def difference(layer, z, name, place, step=1e-4):
    totals = []
    for sign in (1, -1):
        weights = weights_of(layer.decoder)
        weights[name][place] += sign * step
        totals.append(
            sum(
                latent_alignments.log_marginal(
                    *latent_alignments.tables(
                        weights, z[b], [token for token in TEXTS[b] if token], MEMORY[b][KEPT[b]]
                    )
                )
                for b in range(3)
            )
        )
    return (totals[0] - totals[1]) / (2 * step)


def test_copies_are_of_the_same_family(layer):
    distribution = layer(values(3, Z), MEMORY, KEPT)
    copy = distribution.copy(conditioning=values(3, Z, seed=1))
    assert isinstance(copy, distributions.AlignedTokenSequence)
    np.testing.assert_allclose(
        copy.log_prob(TEXTS), layer(values(3, Z, seed=1), MEMORY, KEPT).log_prob(TEXTS), rtol=1e-5
    )


def test_half_precision_gives_float32():
    decoder = networks.LSTMDecoder(V, 5, memory_units=D, embedding_units=4, dtype="mixed_bfloat16")
    layer = layers.AlignedTokenSequence(decoder, 3)
    exact = networks.LSTMDecoder(V, 5, memory_units=D, embedding_units=4)
    whole = layers.AlignedTokenSequence(exact, 3)
    for part in (layer, whole):
        part.build()
    for weight, other in zip(layer.weights, whole.weights, strict=True):
        weight.assign(other)
    nothing = tf.zeros([3, 0])
    found = layer(nothing, MEMORY, KEPT).log_prob(TEXTS)
    assert found.dtype == tf.float32
    np.testing.assert_allclose(found, whole(nothing, MEMORY, KEPT).log_prob(TEXTS), rtol=2e-2)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: layers.AlignedTokenSequence(networks.LSTMDecoder(V, 5), 3),
            ValueError,
            "`decoder` must have `memory_units` > 0",
        ),
        (
            lambda: layers.AlignedTokenSequence(
                networks.TransformerDecoder(V, 4, memory_units=D, num_heads=2), 3
            ),
            TypeError,
            "`decoder` must be recurrent, .* received TransformerDecoder",
        ),
        (
            lambda: layers.AlignedTokenSequence(
                networks.LSTMDecoder(V, 5, memory_units=D), 3, positions_at_once=0
            ),
            ValueError,
            "`positions_at_once` must be >= 1 or None; received 0",
        ),
    ],
)
def test_decoders_that_do_not_fit_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_comes_back_from_its_configuration(layer):
    copy = layers.AlignedTokenSequence.from_config(layer.get_config())
    assert isinstance(copy.decoder, networks.LSTMDecoder)
    assert keras.saving.get_registered_name(type(copy)) == "tfp_dgm>AlignedTokenSequence"
