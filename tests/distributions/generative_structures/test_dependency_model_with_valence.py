"""Texts of dependency models: against every projective tree, and the branching of heads."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tests.references.dependency_models import (
    RESERVED,
    DependencyModel,
    chances_of_sizes,
    valence_parts,
    words_of,
)
from tfp_dgm.distributions import DependencyModelWithValence

V, T = 6, 4
RANDOM = np.random.default_rng(5)
ROOT, ATTACHMENTS, DECISIONS = (
    RANDOM.normal(size=shape) for shape in [(V,), (V, 2, 2, V), (V, 2, 2, 2)]
)
DECISIONS[..., 0] += 2.0  # Heads stop soon enough.
ATTACHMENTS[3, 0, 1, 4] = DECISIONS[5, 1, 1, 1] = -np.inf
# Closed, filled up, full, of one word; nothing; the last three are impossible.
X = np.int32(
    [
        [3, 4, 5, 2],
        [4, 3, 0, 0],
        [5, 5, 3, 4],
        [4, 2, 0, 0],
        [0, 0, 0, 0],
        [2, 0, 0, 0],
        [3, 0, 4, 2],
        [3, 1, 4, 2],
    ]
)


@pytest.fixture(scope="module", params=[2, 1], ids=["valences", "alike"])
def valences(request):
    return request.param


@pytest.fixture(scope="module")
def family(valences):
    return DependencyModelWithValence(ROOT, ATTACHMENTS[:, :, :valences], DECISIONS, max_length=T)


@pytest.fixture(scope="module")
def oracle(valences):
    return DependencyModel(ROOT, ATTACHMENTS[:, :, :valences], DECISIONS)


def test_log_prob_sums_over_every_tree(family, oracle):
    expected = [oracle.log_prob(words_of(row)) for row in X[:4]] + [0.0] + [-np.inf] * 3
    np.testing.assert_allclose(family.log_prob(X), expected, rtol=1e-5, atol=1e-6)
    stacked = family.log_prob(np.stack([X[:2], X[2:4]]))
    np.testing.assert_allclose(stacked, np.reshape(expected[:4], (2, 2)), rtol=1e-5)


def test_posterior_is_the_share_of_every_tree(family, oracle):
    posterior = family.posterior(X[:4])
    marginals, modes = posterior.marginals(), posterior.mode().numpy()
    best = []
    for row, x in enumerate(X[:4]):
        scores, total = oracle.tree_scores(words_of(x)), oracle.log_prob(words_of(x))
        arcs, stops = np.zeros((T + 1, T + 1, 2)), np.zeros((T + 1, 2, 2))
        for heads, score in scores:
            for part, places in zip((arcs, stops), valence_parts(heads), strict=True):
                for place in places:
                    part[place] += np.exp(score - total)
        np.testing.assert_allclose(marginals.arcs[row], arcs, atol=1e-5)
        np.testing.assert_allclose(marginals.stops[row], stops[1:], atol=1e-5)
        heads, score = max(scores, key=lambda pair: pair[1])
        assert tuple(modes[row, : len(heads)]) == heads
        best.append(score)
    np.testing.assert_allclose(family.log_joint(X[:4], modes), best, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_derivatives_in_the_potentials_are_expected_counts(oracle, valences, compiled):
    @tf.function(jit_compile=compiled)
    def derivatives():
        parts = [
            tf.constant(part, tf.float32)
            for part in (ROOT, ATTACHMENTS[:, :, :valences], DECISIONS)
        ]
        model = DependencyModelWithValence(*parts, max_length=T)
        with tf.GradientTape() as tape:
            tape.watch(model.log_potentials)
            log_prob = model.log_prob(X[:4])
        gradients = tape.gradient(log_prob, model.log_potentials)
        return [tf.convert_to_tensor(gradient) for gradient in gradients]

    root, attachments, decisions = oracle.counts([words_of(row) for row in X[:4]])
    if valences == 1:
        attachments = attachments.sum(axis=2, keepdims=True)
    for count, expected in zip(derivatives(), (root, attachments, decisions), strict=True):
        np.testing.assert_allclose(count, expected, atol=1e-5)


def texts_of(size):
    return np.int32(list(itertools.product(range(RESERVED, V), repeat=size)))


def test_probabilities_of_all_texts_of_a_size_are_those_of_branching(family, oracle):
    """And so they sum to one over all sizes, as those of a branching process that ends do."""
    expected = chances_of_sizes(oracle, 60)
    assert expected.sum() == pytest.approx(1.0, abs=1e-3)
    for size in (1, 2, 4):
        found = np.exp(family.log_prob(texts_of(size))).sum()
        assert found == pytest.approx(expected[size - 1], rel=1e-4)


def test_draws_follow_log_prob(family):
    """Texts of up to two words, of which few are expected in one class, by chi-square."""
    draws = family.copy(max_length=2).sample(5000, seed=[3, 4]).numpy()
    ones = np.pad(texts_of(1), [[0, 0], [0, 1]], constant_values=2)
    texts = np.concatenate([ones, texts_of(2)])
    chances = np.exp(np.float64(family.log_prob(texts)))
    counts = np.array([(draws == text).all(axis=1).sum() for text in texts])
    assert counts.sum() == 5000
    assert stats.chisquare(counts, 5000 * chances / chances.sum()).pvalue > 1e-3


def test_sizes_of_draws_are_those_of_branching(family, oracle):
    draws = family.copy(max_length=5).sample(5000, seed=[5, 6]).numpy()
    sizes = [len(words_of(row)) for row in draws]
    expected = chances_of_sizes(oracle, 5)
    counts = np.bincount(sizes, minlength=6)[1:]
    assert stats.chisquare(counts, 5000 * expected / expected.sum()).pvalue > 1e-3


@pytest.mark.slow
def test_texts_that_never_end_are_not_waited_for():
    endless = DECISIONS + np.array([0.0, 60.0])
    family = DependencyModelWithValence(ROOT, ATTACHMENTS, endless, max_length=2)
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="at most 2 words are drawn too seldom"
    ):
        tf.function(family.sample)(1, seed=[1, 2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"root_logits": ATTACHMENTS}, r"`root_logits` must be \[V\]; received"),
        (
            {"attachment_logits": ATTACHMENTS[:4]},
            r"`attachment_logits` must be \[V, 2, 1 or 2, V\]",
        ),
        (
            {"decision_logits": DECISIONS[:, :1]},
            r"`decision_logits` must be .* received .*\(6, 1, ",
        ),
        ({"max_length": 0}, "`max_length` must be >= 1; received 0"),
    ],
)
def test_errors_name_argument_and_what_came(change, message):
    usual = {
        "root_logits": ROOT,
        "attachment_logits": ATTACHMENTS,
        "decision_logits": DECISIONS,
        "max_length": 2,
    }
    with pytest.raises(ValueError, match=f"DependencyModelWithValence: {message}"):
        DependencyModelWithValence(**(usual | change))
