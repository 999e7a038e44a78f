"""Steps of expectation maximisation on trees: against counts over all trees, one by one."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import logsumexp

from tests.references.dependency_models import (
    LEFT,
    RESERVED,
    RIGHT,
    DependencyModel,
    words_of,
)
from tests.references.hidden_markov import covariances
from tests.references.tagged_trees import vector_scores
from tests.training.em_models import PARSED, VECTORS, V, model_of, tagged_model, tree_model
from tfp_dgm import layers
from tfp_dgm.distributions import DependencyTreeWithValence, LinearChain
from tfp_dgm.training import fit_em, harmonic

WORDS = [words_of(row) for row in PARSED]
SMOOTHING = 0.25


def reference_of(layer):
    return DependencyModel(*(np.float64(weight) for weight in layer.weights))


def assert_normalised(found, counts):
    """The model's probabilities are the smoothed counts' shares of what is possible."""
    possible = np.ones(V)
    possible[:RESERVED] = 0
    for part, count, where in zip(found, counts, (possible, possible, np.ones(2)), strict=True):
        smoothed = (count + SMOOTHING) * where
        expected = smoothed / smoothed.sum(axis=-1, keepdims=True)
        np.testing.assert_allclose(np.exp(part), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("valences", "choose"), [(1, None), (2, None), (1, max)], ids=["alike", "valences", "hard"]
)
def test_one_step_is_the_textbooks(valences, choose, eager):
    model = tree_model(valences=valences)
    layer = model.likelihood
    reference = reference_of(layer)
    root, attachments, decisions = reference.counts(WORDS, choose)
    if valences == 1:
        attachments = attachments.sum(axis=2, keepdims=True)
    each = [reference.tree_scores(words) for words in WORDS]
    totals = [reference.log_prob(words) for words in WORDS]
    if choose is not None:
        totals = [max(score for _, score in scores) for scores in each]
    fitted = fit_em(model, PARSED, iterations=1, smoothing=SMOOTHING, hard=choose is not None)
    assert fitted.history["log_likelihood"][0] == pytest.approx(sum(totals), rel=1e-5)
    assert_normalised(layer().log_potentials, (root, attachments, decisions))


@pytest.mark.slow
def test_one_step_on_vectors_counts_every_tree_and_tagging(eager):
    model, x = tagged_model(), VECTORS[1:4]  # Of 3 words, of 1, of 5 with one not observed.
    layer = model.likelihood
    *rules, loc = (np.float64(weight) for weight in layer.weights[:4])
    spread = covariances(layer().scale, False)
    counts, weights, seen, nats = [np.zeros(part.shape) for part in rules], [], [], 0.0
    for row in np.float64(x):
        row = row[: 1 + np.flatnonzero(~np.isnan(row[:, 0]))[-1]]
        trees = vector_scores(*rules, loc, spread, row)
        total = logsumexp([score for score, *_ in trees])
        nats += total
        shares = np.zeros((len(row), 2))
        for score, _, tags, (root, attached, decided) in trees:
            share = np.exp(score - total)
            alike = [(head, side, 0, tag) for head, side, _, tag in attached]
            for count, used in zip(counts, (root, alike, decided), strict=True):
                for rule in used:
                    count[rule] += share
            shares[range(len(row)), tags] += share
        observed = ~np.isnan(row[:, 0])
        weights += list(shares[observed])
        seen += list(row[observed])
    fitted = fit_em(model, x, iterations=1, smoothing=SMOOTHING)
    assert fitted.history["log_likelihood"][0] == pytest.approx(nats, rel=1e-5)
    for part, count in zip(layer().log_potentials[:3], counts, strict=True):
        smoothed = count + SMOOTHING
        expected = smoothed / smoothed.sum(axis=-1, keepdims=True)
        np.testing.assert_allclose(np.exp(part), expected, atol=1e-4)
    for tag, share in enumerate(np.transpose(weights)):
        mean = np.average(seen, axis=0, weights=share)
        variance = np.average(np.square(seen - mean), axis=0, weights=share)
        np.testing.assert_allclose(layer.loc[tag], mean, rtol=1e-3)
        np.testing.assert_allclose(np.square(layer().scale[tag]), variance, rtol=1e-3)


def harmonic_counts(texts, constant):
    """Each word chooses its head by itself; every joint choice of heads in turn."""
    root, attachments, decisions = np.zeros(V), np.zeros((V, 2, 1, V)), np.zeros((V, 2, 2, 2))
    for tokens in texts:
        words = range(len(tokens))
        weights = np.array(
            [[0.0 if h == m else 1 / (abs(h - m) + constant) for m in words] for h in words]
        )
        sums = weights.sum(axis=0)
        shares = np.divide(weights, sums, out=np.zeros_like(weights), where=sums > 0)
        chances = (1 - 1 / len(tokens)) * shares
        for word in tokens:
            root[word] += 1 / len(tokens)
        for head in words:
            for side, there in ((LEFT, range(head)), (RIGHT, range(head + 1, len(tokens)))):
                rule = (tokens[head], side)
                chosen = np.array([chances[head, word] for word in there])
                for word, chance in zip(there, chosen, strict=True):
                    attachments[*rule, 0, tokens[word]] += chance
                for takes in np.ndindex(*[2] * len(chosen)):
                    chance = np.prod(np.where(takes, chosen, 1 - chosen))
                    some = int(any(takes))
                    decisions[*rule, some, 0] += chance
                    decisions[*rule, 0, 1] += chance * some
                    decisions[*rule, 1, 1] += chance * (sum(takes) - some)
    return root, attachments, decisions


@pytest.mark.parametrize("constant", [0.0, 1.5])
def test_the_harmonic_start_counts_every_choice_of_heads(constant, eager):
    """The first log-likelihood is that of the probabilities that these counts give."""
    counts = harmonic_counts(WORDS, constant)
    reference = DependencyModel(*(np.log(count + SMOOTHING) for count in counts))
    fitted = fit_em(
        tree_model(),
        PARSED,
        iterations=1,
        smoothing=SMOOTHING,
        guess=functools.partial(harmonic, constant=constant),
    )
    expected = sum(reference.log_prob(words) for words in WORDS)
    assert fitted.history["log_likelihood"][0] == pytest.approx(expected, rel=1e-5)


def test_harmonic_marginals_are_of_the_words_alone_in_graphs_too():
    @tf.function
    def marginals(arcs, lengths):
        stops = tf.zeros([2, 3, 2, 2])
        return harmonic(DependencyTreeWithValence(arcs, stops, lengths=lengths))

    arcs, stops = marginals(tf.fill([2, 4, 4, 2], np.nan), tf.constant([3, 1]))
    np.testing.assert_allclose(tf.reduce_sum(arcs, [1, 3]), [[0, 1, 1, 1], [0, 1, 0, 0]], rtol=1e-6)
    # Of the first word: two thirds for words, of which the next has two shares, that behind it one.
    np.testing.assert_allclose(arcs[0, 2:, 1].numpy().sum(axis=-1), [4 / 9, 2 / 9], rtol=1e-6)
    np.testing.assert_allclose(stops[0, 1, 0], [5 / 9, 4 / 9], rtol=1e-6)
    np.testing.assert_allclose(stops[1, 0], [[1, 0], [1, 0]])


@pytest.mark.slow
def test_networks_learn_by_em_and_by_gradients(eager):
    """Quicker: `dependency_model_neural` in the golden files, with a step."""
    layer = layers.NeuralDependencyModelWithValence(V, 5, seed=2)
    model = model_of(layer)
    history = fit_em(
        model, PARSED, iterations=1, gradient_steps=5, guess=harmonic, tolerance=0.0
    ).history
    assert np.diff(history["objective"]).min() > -1e-4
    before = np.mean(model.log_prob(PARSED))
    assert before == pytest.approx(history["log_likelihood"][-1] / len(PARSED), rel=1e-4)
    model.compile("adam", run_eagerly=True)
    model.optimizer.learning_rate = 0.05
    model.fit(PARSED, epochs=4, verbose=0)
    assert np.mean(model.log_prob(PARSED)) > before


def test_a_guess_of_another_kind_is_refused(eager):
    def guess(posterior):
        return LinearChain(tf.zeros([len(PARSED), 5, 2]), tf.zeros([2, 2])).marginals()

    with pytest.raises(TypeError, match=r"`marginals` must be DependencyTreeWithV.* LinearChainP"):
        fit_em(tree_model(), PARSED, guess=guess)
    posterior = DependencyTreeWithValence(tf.zeros([1, 3, 3, 2]), tf.zeros([1, 2, 2, 2]))
    with pytest.raises(ValueError, match="`constant` must be >= 0; received -1"):
        harmonic(posterior, constant=-1.0)
