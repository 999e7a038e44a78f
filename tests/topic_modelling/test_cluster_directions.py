"""Clusters learned from words and an encoder's vectors, and told by both."""

import numpy as np
import pytest
import scipy.sparse
from scipy.special import logsumexp

from tfp_dgm.evaluation import clustering_scores
from tfp_dgm.models import DocumentMixture
from tfp_dgm.topic_modelling import fit_clusters
from tfp_dgm.topic_modelling.cluster_directions import ClusterDirections
from tfp_dgm.training import fit_em_of_counts

K, D, V = 3, 4, 12


def documents(number=240, sharpness=2.0, seed=1):
    """Short texts whose words hint at their kind, with vectors that tell it better."""
    random = np.random.default_rng(seed)
    kinds = random.integers(K, size=number)
    words = np.where(np.arange(V) // (V // K) == np.arange(K)[:, np.newaxis], 1.6, 1.0)
    counts = np.stack([random.multinomial(8, p) for p in (words / words.sum(1)[:, None])[kinds]])
    centres = np.eye(D)[:K]
    vectors = centres[kinds] * sharpness + random.normal(size=(number, D)) * 0.5
    return scipy.sparse.csr_matrix(counts.astype(np.float32)), vectors.astype(np.float32), kinds


def accuracy(kinds, clusters):
    return clustering_scores(kinds.tolist(), clusters.tolist())["accuracy"]


def test_log_likelihoods_are_those_of_loops():
    _, vectors, kinds = documents(20)
    start = np.eye(K)[kinds]
    directions = ClusterDirections(vectors, start)
    unit = [v / np.sqrt(sum(x * x for x in v)) for v in vectors.astype(np.float64)]
    covariance = sum(
        np.outer(v - np.mean(unit, 0), v - np.mean(unit, 0)) for v in unit
    ) / (len(unit) - 1)  # fmt: skip
    eigenvalues = np.linalg.eigvalsh(covariance)
    dimension = sum(eigenvalues) ** 2 / sum(eigenvalues**2)
    assert 1 < dimension < D
    np.testing.assert_allclose(directions.dimension, dimension, rtol=1e-5)
    sums = [sum(v for v, kind in zip(unit, kinds, strict=True) if kind == k) for k in range(K)]
    r = sum(np.sqrt(s @ s) for s in sums) / len(unit)
    kappa = r * (dimension - r**2) / (1 - r**2)
    np.testing.assert_allclose(directions.concentration, kappa, rtol=1e-5)
    expected = [[kappa * (s / np.sqrt(s @ s)) @ v for s in sums] for v in unit]
    np.testing.assert_allclose(directions(start), expected, rtol=1e-5, atol=1e-6)


def test_em_of_words_and_vectors_never_falls():
    """The objective is log sum_c p(c) p(words | c) p(vector | c), and the priors'."""
    counts, vectors, _ = documents()
    random = np.random.default_rng(3)
    start = random.dirichlet(np.ones(K), counts.shape[0])
    beside = ClusterDirections(vectors, start)
    history = fit_em_of_counts(
        DocumentMixture(K, V, damped=False, seed=1),
        counts,
        start,
        beside=beside,
        iterations=30,
        tolerance=0.0,
    )
    assert np.all(np.diff(history.objective) > -1e-8)
    assert history.objective[-1] > history.objective[0] + 5


@pytest.mark.usefixtures("eager")
def test_posteriors_are_of_words_and_vectors():
    counts, vectors, _ = documents(30)
    start = np.random.default_rng(3).dirichlet(np.ones(K), 30)
    beside = ClusterDirections(vectors, start)
    model = DocumentMixture(K, V, damped=False, seed=1)
    history = fit_em_of_counts(model, counts, start, beside=beside, iterations=1)
    joint = counts.toarray() @ np.log(np.asarray(model.topics)).T + np.log(np.asarray(model.shares))
    joint = joint + beside(start)
    posterior = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
    np.testing.assert_allclose(history.posterior, posterior, atol=1e-5)
    # This model knows no vectors.
    assert np.abs(model(counts.toarray()) - posterior).max() > 0.05


@pytest.mark.usefixtures("eager")
def test_the_model_tells_by_both_what_was_learned_of_both():
    """Bayes' rule by hand: p(z) p(words | z) exp(w_z . v / |v|)."""
    counts, vectors, _ = documents(30)
    fit = fit_clusters(counts, num_clusters=K, vectors=vectors, seed=1)
    events = np.log1p(counts.toarray().astype(np.float64))
    weights = np.asarray(fit.model.context_weights, np.float64)
    joint = np.log(fit.shares.astype(np.float64)) + events @ np.log(fit.topics.T.astype(np.float64))
    by_words = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
    joint = joint + vectors / np.linalg.norm(vectors, axis=1, keepdims=True) @ weights.T
    by_both = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
    assert np.abs(by_both - by_words).max() > 0.05
    inputs = {"counts": counts.toarray(), "context": vectors}
    np.testing.assert_allclose(fit.model(inputs), by_both, atol=1e-4)
    np.testing.assert_allclose(fit.mixtures_of(counts, 3 * vectors), by_both, atol=1e-4)
    np.testing.assert_allclose(fit.mixtures_of(counts), by_words, atol=1e-4)
    # The fit's own are those of its last E-step.
    np.testing.assert_allclose(fit.mixtures, by_both, atol=1e-4)
    # A vector of zeros says nothing.
    alone = fit.model({"counts": counts.toarray(), "context": 0 * vectors})
    np.testing.assert_allclose(alone, by_words, atol=1e-4)


def test_a_context_of_another_size_is_refused():
    model = DocumentMixture(K, V, context_units=D)
    with pytest.raises(ValueError, match=r"DocumentMixture: `x` must be .*context.*; received nd"):
        model.check_inputs(np.ones((2, V), np.float32))
    with pytest.raises(ValueError, match="DocumentMixture: `context_units` must be >= 0; rec"):
        DocumentMixture(K, V, context_units=-1)


def test_vectors_teach_what_words_say():
    """Words alone are too few for the kinds to be found; told by words, they are better found."""
    counts, vectors, kinds = documents()
    alone = fit_clusters(counts, num_clusters=K, company=False)
    beside = fit_clusters(counts, num_clusters=K, vectors=vectors)
    assert accuracy(kinds, beside.clusters) > 0.95
    by_words = beside.mixtures_of(counts).argmax(axis=1)
    assert accuracy(kinds, by_words) > accuracy(kinds, alone.clusters) + 0.05


def test_vectors_stand_beside_seeds():
    counts, vectors, kinds = documents()
    known = np.full(len(kinds), -1)
    known[:30] = (kinds[:30] + 1) % K  # Whose clusters have other numbers.
    found = fit_clusters(counts, num_clusters=K, vectors=vectors, seeded_documents=known)
    np.testing.assert_array_equal(found.clusters[:30], known[:30])
    assert np.mean(found.clusters == (kinds + 1) % K) > 0.95


@pytest.mark.parametrize("make", [np.zeros, np.ones])
def test_vectors_that_say_nothing_change_nothing(make):
    counts, _, _ = documents(60)
    vectors = make((60, D))
    directions = ClusterDirections(vectors, np.eye(K)[np.arange(60) % K])
    found = directions(np.eye(K)[np.arange(60) % K])
    np.testing.assert_allclose(found - found[:, :1], 0, atol=1e-9)
    assert np.isfinite(fit_clusters(counts, num_clusters=K, vectors=vectors).mixtures).all()


def test_vectors_of_other_documents_are_refused():
    counts, vectors, _ = documents(20)
    with pytest.raises(ValueError, match=r"`vectors` must be \[20, D\]; received \[19, 4\]"):
        fit_clusters(counts, num_clusters=K, vectors=vectors[1:])
