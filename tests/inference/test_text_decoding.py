"""Decoding of texts: against enumeration of every text of a tiny model."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tests.models.texts import V, Z, make_language_model, make_vae
from tests.networks.decoders import DECODERS
from tfp_dgm import inference, layers, networks

T = 3


def randomize(layer, scale):
    random = np.random.default_rng(7)
    for weight in layer.weights:
        weight.assign(random.normal(scale=scale, size=weight.shape))
    return layer


@pytest.fixture(scope="module")
def likelihood():
    decoder = networks.LSTMDecoder(V, 4, conditioning_units=Z, embedding_units=4)
    layer = layers.TokenSequence(decoder, T)
    layer.build()
    return randomize(layer, 1.0)


CONDITIONING = np.array([[0.5, -1.0], [2.0, 0.3], [-1.5, 1.5]], np.float32)  # [B, Z]


def all_rows(prefix=()):
    rows = []
    for row in itertools.product([0, *range(2, V)], repeat=T):
        end = row.index(2) + 1 if 2 in row else T
        good = 0 not in row[:end] and not any(row[end:])
        if good and row[: len(prefix)] == tuple(prefix):
            rows.append(row)
    return np.array(rows, np.int32)


def log_probs(likelihood, z, rows):
    return likelihood(np.repeat(z[np.newaxis], len(rows), axis=0)).log_prob(rows).numpy()


def test_wide_beam_is_exhaustive_search(likelihood):
    token_ids, scores = (
        part.numpy() for part in inference.beam_search(likelihood(CONDITIONING), 40)
    )
    rows = all_rows()
    for b, z in enumerate(CONDITIONING):
        expected = log_probs(likelihood, z, rows)
        order = np.argsort(-expected)[:40]
        np.testing.assert_allclose(scores[b], expected[order], rtol=1e-4)
        np.testing.assert_array_equal(token_ids[b, :5], rows[order[:5]])


def test_beam_scores_are_log_probabilities_and_a_beam_of_one_is_greedy(likelihood):
    texts = likelihood(CONDITIONING)
    token_ids, scores = inference.beam_search(texts, 1)
    np.testing.assert_array_equal(token_ids[:, 0], inference.greedy(texts))
    np.testing.assert_allclose(texts.log_prob(token_ids[:, 0]), scores[:, 0], rtol=1e-5)


def test_length_penalty_ranks_by_the_penalised_score(likelihood):
    rows = all_rows()
    lengths = (rows > 0).sum(axis=1)
    token_ids, _ = inference.beam_search(likelihood(CONDITIONING), 60, length_penalty=2.0)
    for b, z in enumerate(CONDITIONING):
        ranked = log_probs(likelihood, z, rows) / ((5 + lengths) / 6) ** 2.0
        np.testing.assert_array_equal(token_ids[b, 0], rows[np.argmax(ranked)])


def test_beam_keeps_the_prefix_and_finds_the_best_end(likelihood):
    prefix = np.array([[5, 4], [6, 0], [0, 0]], np.int32)
    token_ids, scores = inference.beam_search(likelihood(CONDITIONING), 40, prefix=prefix)
    for b, z in enumerate(CONDITIONING):
        rows = all_rows([token for token in prefix[b] if token])
        expected = log_probs(likelihood, z, rows)
        np.testing.assert_array_equal(token_ids[b, 0], rows[np.argmax(expected)])
        np.testing.assert_allclose(scores[b, 0], expected.max(), rtol=1e-4)


def _diverse_beams(log_prob, groups, size, diversity):
    """The best text of each group, by the algorithm as it is published, over lists."""
    beams = [[((), 0.0)] for _ in range(groups)]
    for time in range(T):
        said = np.zeros(V)
        for group, kept in enumerate(beams):
            candidates = []
            for row, score in kept:
                if row and row[-1] == 2:
                    candidates.append((score, row, score))
                    continue
                for word in range(2, V):
                    longer = (*row, word)
                    own = log_prob(longer + (0,) * (T - len(longer)))
                    candidates.append((own - diversity * said[word], longer, own))
            candidates.sort(key=lambda one: -one[0])
            beams[group] = [(row, own) for _, row, own in candidates[: size // groups]]
            for row, _ in beams[group]:
                if len(row) == time + 1:
                    said[row[-1]] += 1
    best = [max(kept, key=lambda one: one[1]) for kept in beams]
    best.sort(key=lambda one: -one[1])
    return np.array([row + (0,) * (T - len(row)) for row, _ in best]), [own for _, own in best]


@pytest.mark.parametrize(
    ("groups", "size", "diversity"),
    [(1, 4, 0.5), (3, 3, 0.5), (3, 9, 1.5), (2, 8, 30.0), (3, 3, 1e38)],
)
def test_groups_of_a_beam_avoid_each_others_words(likelihood, groups, size, diversity):
    token_ids, scores = inference.diverse_beam_search(
        likelihood(CONDITIONING), groups, size, diversity=diversity
    )
    for b, z in enumerate(CONDITIONING):

        def log_prob(row, z=z):
            return log_probs(likelihood, z, np.array([row], np.int32))[0]

        rows, expected = _diverse_beams(log_prob, groups, size, diversity)
        np.testing.assert_array_equal(token_ids[b], rows)
        np.testing.assert_allclose(scores[b], expected, rtol=1e-4)


def test_groups_without_diversity_are_beams_of_their_own(likelihood):
    texts = likelihood(CONDITIONING)
    token_ids, _ = inference.diverse_beam_search(texts, 2, 6, diversity=0.0)
    alone = inference.beam_search(texts, 3)[0][:, 0]
    np.testing.assert_array_equal(token_ids, np.stack([alone, alone], axis=1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_groups": 0}, "multiple of `num_groups`, which is at least 1; received 0 and 0"),
        ({"num_groups": 3, "beam_size": 4}, "multiple of .* received 4 and 3"),
        ({"num_groups": 2, "diversity": -1.0}, "`diversity` must be a number .* received -1.0"),
        ({"num_groups": 2, "diversity": np.nan}, "`diversity` must be a number .* received nan"),
    ],
)
def test_a_diverse_beam_of_nonsense_is_refused(likelihood, arguments, message):
    with pytest.raises(ValueError, match=message):
        inference.diverse_beam_search(likelihood(CONDITIONING), **arguments)


@pytest.mark.parametrize(("penalty", "jit_compile"), [(0.0, False), (2.0, True)])
def test_a_beam_wider_than_there_are_texts_holds_each_once_and_then_none(
    likelihood, penalty, jit_compile
):
    prefix = np.array([[5, 4], [6, 0], [2, 0]], np.int32)
    size = 60

    @tf.function(jit_compile=jit_compile, autograph=False)
    def search():
        return inference.beam_search(
            likelihood(CONDITIONING), size, prefix=prefix, length_penalty=penalty
        )

    token_ids, scores = (part.numpy() for part in search())
    for b, z in enumerate(CONDITIONING):
        rows = all_rows([token for token in prefix[b] if token])
        expected = log_probs(likelihood, z, rows)
        ranked = expected / ((5 + (rows > 0).sum(axis=1)) / 6) ** penalty
        order = np.argsort(-ranked)
        count = len(rows)
        assert count < size
        np.testing.assert_array_equal(token_ids[b, :count], rows[order])
        np.testing.assert_allclose(scores[b, :count], expected[order], rtol=1e-4)
        assert not token_ids[b, count:].any()
        assert np.isneginf(scores[b, count:]).all()


def test_greedy_takes_the_likeliest_token(likelihood):
    texts = inference.greedy(likelihood(CONDITIONING)).numpy()
    for b, z in enumerate(CONDITIONING):
        row = []
        while len(row) < T and (not row or row[-1] != 2):
            continuations = []
            for token in range(2, V):
                rows = all_rows([*row, token])
                continuations.append(np.exp(log_probs(likelihood, z, rows)).sum())
            row.append(2 + int(np.argmax(continuations)))
        np.testing.assert_array_equal(texts[b], row + [0] * (T - len(row)))


def seeds(count):
    return tf.stack([tf.range(count), tf.fill([count], 11)], axis=1)


def repeated(likelihood, count):
    return likelihood(np.repeat(CONDITIONING[:1], count, axis=0))


def shares(rows, draws):
    return np.array([(draws == row).all(axis=1).mean() for row in rows])


def assert_shares(rows, draws, expected):
    """Each within 5 standard errors: fails once in 10^4 for some hundred rows."""
    found = shares(rows, draws)
    assert found.sum() == pytest.approx(1)
    error = np.sqrt(expected * (1 - expected) / len(draws))
    np.testing.assert_array_less(np.abs(found - expected), 5 * error + 2e-4)


def test_ancestral_draws_follow_the_enumerated_probabilities(likelihood):
    count, rows = 20_000, all_rows()
    draws = inference.sample_texts(repeated(likelihood, count), seeds(count)).numpy()
    assert_shares(rows, draws, np.exp(log_probs(likelihood, CONDITIONING[0], rows)))


@pytest.mark.parametrize(
    "settings",
    [{"temperature": 0.5}, {"top_k": 2}, {"top_p": 0.6}, {"temperature": 2.0, "top_k": 4}],
)
def test_draws_from_the_head_follow_its_probabilities(likelihood, settings):
    """Step by step in NumPy: the head of each conditional distribution, normalised anew."""
    rows = all_rows()
    joint = np.exp(log_probs(likelihood, CONDITIONING[0], rows).astype(np.float64))

    def conditional(prefix):
        masses = np.zeros(V)
        for row, mass in zip(rows, joint, strict=True):
            if tuple(row[: len(prefix)]) == prefix:
                masses[row[len(prefix)]] += mass
        p = (masses / masses.sum()) ** (1 / settings.get("temperature", 1.0))
        p /= p.sum()
        order = np.argsort(-p)
        keep = np.ones(V, bool)
        keep[order[settings.get("top_k", V) :]] = False
        if "top_p" in settings:
            before = np.cumsum(p[order]) - p[order]
            keep[order[before >= settings["top_p"]]] = False
        return np.where(keep, p, 0) / p[keep].sum()

    expected = []
    for row in rows:
        mass = 1.0
        for t in range(T):
            if t and row[t - 1] in (0, 2):
                break
            mass *= conditional(tuple(row[:t]))[row[t]]
        expected.append(mass)
    count = 8_000
    draws = inference.sample_texts(repeated(likelihood, count), seeds(count), **settings)
    assert_shares(rows, draws.numpy(), np.array(expected))


@pytest.mark.slow
@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_seed_gives_one_text_in_any_batch_and_mode(likelihood, compiled):
    def draw(z, seeds, temperature):
        return inference.sample_texts(
            likelihood(z), seeds, temperature=temperature, top_k=5, top_p=0.95
        )

    z, temperature = np.tile(CONDITIONING, (4, 1)), np.linspace(0.5, 1.5, 12).astype(np.float32)
    eager = draw(z, seeds(12), temperature).numpy()
    graph = tf.function(draw, jit_compile=compiled)(z, seeds(12), temperature)
    np.testing.assert_array_equal(graph, eager)
    for b in (0, 7):
        alone = draw(z[b : b + 1], seeds(12)[b : b + 1], temperature[b : b + 1])
        np.testing.assert_array_equal(alone[0], eager[b])
    assert len(np.unique(eager, axis=0)) > 3


def test_drawn_texts_keep_their_prefix(likelihood):
    prefix = np.array([[5, 4], [6, 0], [0, 0]], np.int32)
    texts = inference.sample_texts(likelihood(CONDITIONING), seeds(3), prefix=prefix).numpy()
    np.testing.assert_array_equal(texts[0, :2], [5, 4])
    assert texts[1, 0] == 6
    np.testing.assert_array_equal(
        texts[2], inference.sample_texts(likelihood(CONDITIONING), seeds(3)).numpy()[2]
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["gru, memory, skips", "transformer, memory, skips", "convolutional"]
)
def test_every_decoder_is_searched(name):
    cls, arguments = DECODERS[name]
    decoder = cls(V, conditioning_units=Z, embedding_units=5, **arguments)
    decoder.build()
    randomize(decoder, 0.5)
    memory = None
    if decoder.memory_units:
        memory = np.random.default_rng(1).normal(size=(3, 4, 5)).astype(np.float32)
    texts = layers.TokenSequence(decoder, T)(CONDITIONING, memory)
    search = tf.function(lambda: inference.beam_search(texts, 4), autograph=False)
    token_ids, scores = search()
    for k in range(4):
        np.testing.assert_allclose(texts.log_prob(token_ids[:, k]), scores[:, k], rtol=1e-3)
    assert inference.greedy(texts).shape == (3, T)
    assert texts.sample(2, seed=(1, 2)).shape == (2, 3, T)


def test_keep_head_by_hand():
    logits = tf.math.log([[0.5, 0.3, 0.15, 0.05], [0.1, 0.1, 0.2, 0.6]])
    kept = tf.math.is_finite(inference.keep_head(logits, top_k=[2, 1])).numpy()
    np.testing.assert_array_equal(kept, [[1, 1, 0, 0], [0, 0, 0, 1]])
    kept = tf.math.is_finite(inference.keep_head(logits, top_p=[0.85, 0.1])).numpy()
    np.testing.assert_array_equal(kept, [[1, 1, 1, 0], [0, 0, 0, 1]])


@pytest.mark.parametrize("mode_steps", [0, 2])
def test_imputation_keeps_the_beginning(mode_steps):
    model = make_vae()
    model.build((None, None))
    randomize(model, 0.8)
    prefix = np.array([[4, 5, 3], [6, 0, 0]], np.int32)
    texts = inference.impute(model, prefix, beam_size=3, mode_steps=mode_steps).numpy()
    np.testing.assert_array_equal(texts[0, :3], prefix[0])
    assert texts[1, 0] == 6
    for row in texts:
        end = list(row).index(2) if 2 in row else len(row)
        assert (row[:end] > 2).all()
        assert not row[end + 1 :].any()


def test_conditional_modes_do_not_lower_the_likelihood_given_their_latent():
    """The end found last is the best that the beam knows for the latent of the sentence before."""
    model = make_vae()
    model.build((None, None))
    randomize(model, 1.2)
    prefix = np.array([[4, 5], [6, 3], [5, 5]], np.int32)
    before = inference.impute(model, prefix, beam_size=200)
    after = inference.impute(model, prefix, beam_size=200, mode_steps=1)
    texts = model.decode(model.posterior(before).mean())
    assert np.all(texts.log_prob(after) >= texts.log_prob(before) - 1e-4)


def test_a_language_model_imputes_without_a_latent():
    model = make_language_model()
    model.build()
    randomize(model, 0.8)
    texts = inference.impute(model, np.array([[4, 5]]), beam_size=3).numpy()
    np.testing.assert_array_equal(texts[0, :2], [4, 5])
    with pytest.raises(ValueError, match="`mode_steps` must be >= 0, and 0 for a model without"):
        inference.impute(model, np.array([[4]]), mode_steps=1)


def test_errors_name_the_argument(likelihood):
    with pytest.raises(ValueError, match="`beam_size` must be >= 1; received 0"):
        inference.beam_search(likelihood(CONDITIONING), 0)
    with pytest.raises(ValueError, match=r"batch shape \[B\]"):
        inference.greedy(likelihood(CONDITIONING[np.newaxis]))
    with pytest.raises(ValueError, match="at most 3 tokens"):
        inference.greedy(likelihood(CONDITIONING), prefix=np.zeros((3, 9), int))
