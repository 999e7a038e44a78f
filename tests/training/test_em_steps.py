"""Steps of expectation maximisation: against Baum and Welch's of the textbook, and hmmlearn."""

import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from tests.references import grammars, hmmlearn_numbers
from tests.references.hidden_markov import (
    covariances,
    factorial_scores,
    forward_backward,
    normal_densities,
    path_scores,
    text_densities,
    tokens_of,
    total,
)
from tests.training.em_models import (
    SENTENCES,
    TEXTS,
    VECTORS,
    K,
    V,
    chain_model,
    model_of,
    text_model,
    vector_model,
)
from tfp_dgm import layers
from tfp_dgm.training import fit_em


def logits(layer):
    return [np.asarray(weight, np.float64) for weight in layer.weights[:2]]


def test_one_step_on_texts_is_baum_and_welchs(eager):
    model = text_model()
    layer = model.likelihood
    layer.transition_logits.assign(np.where(np.eye(K)[::-1], -np.inf, layer.transition_logits))
    initial, moves = (scipy.special.softmax(weight, axis=-1) for weight in logits(layer))
    counts = [np.zeros(K), np.zeros((K, K)), np.zeros((K, V))]
    log_likelihood = 0.0
    for row in TEXTS:
        tokens = tokens_of(row)
        likelihoods = np.exp(text_densities(layer.emission_logits.numpy(), tokens))
        nats, states, pairs = forward_backward(initial, moves, likelihoods)
        log_likelihood += nats
        counts[0] += states[0]
        counts[1] += pairs
        for token, share in zip(tokens, states, strict=True):
            counts[2][:, token] += share
    possible = [np.ones(K), moves > 0, np.array([[0, 0, 1, 1, 1, 1]] * K)]
    history = fit_em(model, TEXTS, iterations=1, smoothing=0.25).history
    assert history["log_likelihood"][0] == pytest.approx(log_likelihood, rel=1e-5)
    for part, count, where in zip(layer().log_potentials, counts, possible, strict=True):
        smoothed = (count + 0.25) * where
        expected = smoothed / smoothed.sum(axis=-1, keepdims=True)
        np.testing.assert_allclose(np.exp(part), expected, atol=1e-5)


def test_one_step_on_sentences_is_inside_outside(eager):
    layer = layers.ProbabilisticContextFreeGrammar(V, 2, 3, 5, seed=2)
    model = model_of(layer)
    layer.rule_logits.assign(tf.tensor_scatter_nd_update(layer.rule_logits, [[1, 0, 3]], [-np.inf]))
    before = grammars.log_probabilities(*layer.weights)
    counts = [np.zeros_like(part) for part in before]
    log_likelihood = 0.0
    for row in SENTENCES:
        words = grammars.words_of(row)
        nats, root, rules, tags = grammars.inside_outside(*before[:2], before[2].T[words])
        log_likelihood += nats
        counts[0] += root
        counts[1] += rules
        np.add.at(counts[2].T, words, tags)
    history = fit_em(model, [SENTENCES[:2], SENTENCES[2:]], iterations=1, smoothing=0.25).history
    assert history["log_likelihood"][0] == pytest.approx(log_likelihood, rel=1e-5)
    axes = [-1, (-2, -1), -1]
    for part, count, old, axis in zip(layer().log_potentials, counts, before, axes, strict=True):
        smoothed = (count + 0.25) * np.isfinite(old)
        expected = smoothed / smoothed.sum(axis=axis, keepdims=True)
        np.testing.assert_allclose(np.exp(part), expected, atol=1e-5)


@pytest.mark.parametrize("full", [False, True], ids=["diagonal", "full"])
def test_one_step_on_vectors_is_baum_and_welchs(full, eager):
    model = vector_model(full)
    layer = model.likelihood
    initial, moves = (scipy.special.softmax(weight, axis=-1) for weight in logits(layer))
    loc, covariance = np.float64(layer.loc), covariances(layer().scale, full)
    weights, seen = [], []
    pairs = np.zeros((K, K))
    for row in np.float64(VECTORS):
        row = row[: 1 + np.flatnonzero(~np.isnan(row[:, 0]))[-1]]
        likelihoods = np.exp(normal_densities(loc, covariance, row))
        _, states, moved = forward_backward(initial, moves, likelihoods)
        pairs += moved
        weights += [
            share for share, vector in zip(states, row, strict=True) if vector[0] == vector[0]
        ]
        seen += [vector for vector in row if vector[0] == vector[0]]
    fit_em(model, [VECTORS[:2], VECTORS[2:]], iterations=1)
    np.testing.assert_allclose(
        np.exp(layer().log_potentials.transitions), pairs / pairs.sum(1, keepdims=True), atol=1e-4
    )
    for state, share in enumerate(np.transpose(weights)):
        mean = np.average(seen, axis=0, weights=share)
        spread = np.cov(np.transpose(seen), aweights=share, bias=True)
        found = covariances(layer().scale, full)[state]
        np.testing.assert_allclose(layer.loc[state], mean, rtol=1e-4)
        np.testing.assert_allclose(found, spread if full else np.diag(np.diag(spread)), rtol=1e-3)


def test_one_step_on_chains_is_weighted_least_squares(eager):
    """By enumeration: rows of indicators of the chains' states, weighted by every path's share."""
    model, x = chain_model(full=True), VECTORS[:3, :3]
    layer = model.likelihood
    covariance = covariances(layer().scale, True)
    rows, targets, shares = [], [], []
    for row in np.float64(x):
        row = row[: 1 + np.flatnonzero(~np.isnan(row[:, 0]))[-1]]
        scores = factorial_scores(*logits(layer), np.float64(layer.loc), covariance, row)
        for path, score in scores.items():
            for states, vector in zip(path, row, strict=True):
                rows.append(np.eye(2)[list(states)].ravel())
                targets.append(vector)
                shares.append(np.exp(score - total(scores)))
    root = np.sqrt(shares)[:, np.newaxis]
    solution = np.linalg.lstsq(root * rows, root * targets)[0]
    rest = np.array(targets) - np.array(rows) @ solution
    fit_em(model, x, iterations=1)
    found = layer.loc.numpy().reshape(4, 2)
    np.testing.assert_allclose(np.array(rows) @ found, np.array(rows) @ solution, atol=1e-4)
    expected = (rest * np.array(shares)[:, np.newaxis]).T @ rest / sum(shares)
    np.testing.assert_allclose(covariances(layer().scale, True), expected, rtol=1e-3, atol=1e-5)


def test_hard_em_counts_the_best_paths(eager):
    model = text_model()
    layer = model.likelihood
    counts, best_scores = np.zeros((K, V)), 0.0
    for row in TEXTS:
        tokens = tokens_of(row)
        scores = path_scores(*logits(layer), text_densities(layer.emission_logits.numpy(), tokens))
        best = max(scores, key=scores.get)
        best_scores += scores[best]
        for state, token in zip(best, tokens, strict=True):
            counts[state, token] += 1
    history = fit_em(model, TEXTS, iterations=1, hard=True, smoothing=0.5).history
    assert history["log_likelihood"][0] == pytest.approx(best_scores, rel=1e-5)
    smoothed = (counts + 0.5)[:, 2:]
    expected = smoothed / smoothed.sum(axis=1, keepdims=True)
    found = np.exp(layer().log_potentials.emissions)[:, 2:]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("kind", hmmlearn_numbers.HMMLEARN)
def test_six_iterations_are_hmmlearns(kind, eager):
    """The numbers are those that `tests/references/hmmlearn_numbers.py` printed."""
    expected, states, means, spreads = hmmlearn_numbers.HMMLEARN[kind]
    full = kind == "full"
    layer = layers.GaussianHiddenMarkov(2, 2, 7, full_covariance=full, min_scale=1e-3)
    model = model_of(layer)
    layer.initial_logits.assign(np.log(hmmlearn_numbers.INITIAL))
    layer.transition_logits.assign(np.log(hmmlearn_numbers.TRANSITIONS))
    layer.assign_normals(hmmlearn_numbers.MEANS, np.stack([np.eye(2) if full else np.ones(2)] * 2))
    x = np.full([3, 7, 2], np.nan, np.float32)
    ends = np.cumsum(hmmlearn_numbers.LENGTHS)
    for row, (end, size) in enumerate(zip(ends, hmmlearn_numbers.LENGTHS, strict=True)):
        x[row, :size] = hmmlearn_numbers.VECTORS[end - size : end]
    found = layer().posterior(x).mode().numpy()
    np.testing.assert_array_equal(found[~np.isnan(x[..., 0])], states)
    history = fit_em(model, x, iterations=hmmlearn_numbers.ITERATIONS, tolerance=0.0).history
    np.testing.assert_allclose(history["log_likelihood"][:-1], expected, rtol=1e-4)
    np.testing.assert_allclose(layer.loc, means, rtol=1e-3)
    np.testing.assert_allclose(covariances(layer().scale, full), spreads, rtol=1e-3)
