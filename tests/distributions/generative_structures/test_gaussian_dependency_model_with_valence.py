"""Vectors of dependency models: against every projective tree by every tagging."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats
from scipy.special import logsumexp

from tests.references.dependency_models import RESERVED, DependencyModel, chances_of_sizes
from tests.references.hidden_markov import covariances
from tests.references.tagged_trees import vector_scores
from tfp_dgm.distributions import GaussianDependencyModelWithValence

K, T, D = 2, 4, 2
RANDOM = np.random.default_rng(7)
ROOT, ATTACHMENTS, DECISIONS, LOC = (
    RANDOM.normal(size=shape) for shape in [(K,), (K, 2, 2, K), (K, 2, 2, 2), (K, D)]
)
DECISIONS[..., 0] += 1.0  # Heads stop soon enough.
ATTACHMENTS[0, 1, 1, 1] = DECISIONS[1, 0, 1, 1] = -np.inf
DIAGONAL = np.exp(RANDOM.normal(scale=0.5, size=(K, D)))
FULL = np.tril(RANDOM.normal(size=(K, D, D)), -1) + DIAGONAL[..., np.newaxis] * np.eye(D)
X = RANDOM.normal(size=(4, T, D)).astype(np.float32)
X[1, 1:] = np.nan  # One word.
X[2, 3:] = X[2, 1, 0] = np.nan  # Three, of which the middle one is not observed.


@pytest.fixture(scope="module", params=[(2, False), (1, True)], ids=["valences", "alike, full"])
def case(request):
    """The distribution, and every tagged tree of every row."""
    valences, full = request.param
    scale = FULL if full else DIAGONAL
    attachments = ATTACHMENTS[:, :, :valences]
    family = GaussianDependencyModelWithValence(
        ROOT, attachments, DECISIONS, LOC, scale, num_steps=T
    )
    rows = [np.float64(row[:size]) for row, size in zip(X, [4, 1, 3, 4], strict=True)]
    spread = covariances(scale, full)
    return family, [vector_scores(ROOT, attachments, DECISIONS, LOC, spread, row) for row in rows]


def total(trees):
    return logsumexp([score for score, *_ in trees])


def test_log_prob_sums_over_every_tree_and_tagging(case):
    family, rows = case
    expected = list(map(total, rows))
    np.testing.assert_allclose(family.log_prob(X), expected, rtol=1e-5)
    longer = np.concatenate([X, np.full([4, 2, D], np.nan, np.float32)], axis=1)
    np.testing.assert_allclose(family.log_prob(longer), expected, rtol=1e-5)
    nothing = np.full([1, 3, D], np.nan, np.float32)
    np.testing.assert_allclose(family.log_prob(nothing), [0.0], atol=1e-6)


@pytest.mark.slow
def test_posterior_is_over_heads_and_tags(case):
    family, rows = case
    posterior = family.posterior(X)
    marginals, modes = posterior.marginals().arcs, posterior.mode().numpy()
    for row, trees in enumerate(rows):
        expected = np.zeros((T + 1, T + 1, K))
        for score, heads, tags, _ in trees:
            for word, (head, tag) in enumerate(zip(heads, tags, strict=True), start=1):
                expected[head, word, tag] += np.exp(score - total(trees))
        np.testing.assert_allclose(marginals[row], expected, atol=1e-5)
        _, heads, tags, _ = max(trees)
        np.testing.assert_array_equal(modes[row, : len(heads)], np.stack([heads, tags], axis=1))
        assert not modes[row, len(heads) :].any()
    best = [max(trees)[0] for trees in rows]
    np.testing.assert_allclose(family.log_joint(X, modes), best, rtol=1e-5)


def test_derivatives_in_the_potentials_are_expected_statistics(case):
    family, rows = case
    with tf.GradientTape() as tape:
        tape.watch(family.log_potentials)
        log_prob = family.log_prob(X)
    found = tape.gradient(log_prob, family.log_potentials)
    counts = [np.zeros(shape) for shape in [(K,), (K, 2, 2, K), (K, 2, 2, 2)]]
    number, first = np.zeros(K), np.zeros((K, D))
    for vectors, trees in zip(X, rows, strict=True):
        for score, _, tags, rules in trees:
            share = np.exp(score - total(trees))
            for count, used in zip(counts, rules, strict=True):
                for rule in used:
                    count[rule] += share
            for tag, vector in zip(tags, vectors, strict=False):
                if not np.isnan(vector).any():
                    number[tag] += share
                    first[tag] += share * (vector - np.asarray(family.centre))
    if found.attachments.shape[2] == 1:
        counts[1] = counts[1].sum(axis=2, keepdims=True)
    for part, count in zip(found[:3], counts, strict=True):
        np.testing.assert_allclose(part, count, atol=2e-5)
    np.testing.assert_allclose(found.constant, number, atol=2e-5)
    np.testing.assert_allclose(found.linear, first, rtol=1e-4, atol=2e-5)


def test_draws_are_of_the_sizes_of_branching_and_of_the_normals():
    family = GaussianDependencyModelWithValence(
        ROOT, ATTACHMENTS, DECISIONS, 10 * LOC, DIAGONAL, num_steps=4
    )
    draws = family.sample(3000, seed=[5, 6]).numpy()
    sizes = np.sum(~np.isnan(draws[..., 0]), axis=1)
    # The same story over tokens, of which the first are in no tree.
    root, decisions = (
        np.pad(part, [(RESERVED, 0)] + [(0, 0)] * (part.ndim - 1)) for part in (ROOT, DECISIONS)
    )
    attachments = np.pad(ATTACHMENTS, [(RESERVED, 0), (0, 0), (0, 0), (RESERVED, 0)])
    chances = chances_of_sizes(DependencyModel(root, attachments, decisions), 4)
    counts = np.bincount(sizes, minlength=5)[1:]
    assert stats.chisquare(counts, 3000 * chances / chances.sum()).pvalue > 1e-3
    alone = draws[sizes == 1, 0]
    weights = np.exp(
        ROOT
        + np.log(
            np.exp(decisions[RESERVED:, :, 0, 0]) / np.exp(decisions[RESERVED:, :, 0]).sum(-1)
        ).sum(axis=1)
    )
    mean = weights @ (10 * LOC) / weights.sum()
    error = alone.std(axis=0) / np.sqrt(len(alone))
    np.testing.assert_array_less(np.abs(alone.mean(axis=0) - mean), 5 * error)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"root_logits": LOC}, r"`root_logits` must be \[K\]; received"),
        ({"attachment_logits": ATTACHMENTS[:1]}, r"`attachment_logits` must be .* received"),
        ({"decision_logits": DECISIONS[:, :1]}, r"`decision_logits` must be .* received"),
        ({"loc": LOC[:1]}, r"`loc` must be .* received"),
        ({"scale": DIAGONAL[:1]}, r"`scale` must be .* received"),
        ({"num_steps": 0}, "`num_steps` must be >= 1; received 0"),
    ],
)
def test_errors_name_argument_and_what_came(change, message):
    usual = {
        "root_logits": ROOT,
        "attachment_logits": ATTACHMENTS,
        "decision_logits": DECISIONS,
        "loc": LOC,
        "scale": DIAGONAL,
        "num_steps": 2,
    }
    with pytest.raises(ValueError, match=f"GaussianDependencyModelWithValence: {message}"):
        GaussianDependencyModelWithValence(**(usual | change))
