import keras
import numpy as np
import pytest
import scipy.sparse
import tensorflow as tf
from scipy.special import logsumexp

from tfp_dgm import layers
from tfp_dgm.models import DocumentMixture, ExactLikelihoodModel
from tfp_dgm.training import fit_em, fit_em_of_counts

N, K, V = 30, 3, 6
COUNTS = np.random.default_rng(4).poisson(0.9, (N, V)).astype(np.float32)
START = np.random.default_rng(5).dirichlet(np.ones(K), N)
SPARSE = scipy.sparse.csr_matrix(COUNTS)


def _posterior_by_loops(model, counts):
    shares, topics = np.asarray(model.shares), np.asarray(model.topics)
    joint = np.array(
        [
            [
                np.log(shares[k]) + sum(c * np.log(topics[k, v]) for v, c in enumerate(row))
                for k in range(K)
            ]
            for row in counts
        ]
    )  # fmt: skip
    evidence = logsumexp(joint, axis=1)
    return np.exp(joint - evidence[:, np.newaxis]), evidence


@pytest.mark.parametrize("damped", [False, True])
@pytest.mark.usefixtures("eager")
def test_posterior_and_evidence_are_those_of_enumeration(damped):
    model = DocumentMixture(K, V, damped=damped, seed=1)
    history = fit_em_of_counts(model, SPARSE, START, iterations=7, tolerance=0.0)
    events = np.log1p(COUNTS) if damped else COUNTS
    posterior, evidence = _posterior_by_loops(model, events)
    np.testing.assert_allclose(history.posterior, posterior, atol=1e-5)
    np.testing.assert_allclose(model(COUNTS), posterior, atol=1e-5)
    np.testing.assert_allclose(model.log_prob(COUNTS), evidence, rtol=1e-5)
    np.testing.assert_allclose(history.log_likelihood[-1], evidence.sum(), rtol=1e-6)


def test_objective_never_falls():
    model = DocumentMixture(K, V, seed=1)
    history = fit_em_of_counts(model, SPARSE, START, iterations=40, tolerance=0.0)
    assert np.all(np.diff(history.objective) > -1e-8)
    assert history.objective[-1] > history.objective[0] + 0.3


@pytest.mark.usefixtures("eager")
def test_dense_em_by_derivatives_goes_the_same_way():
    """Whose E-step is the gradient of log p(x), and whose smoothing is one for all."""
    model = DocumentMixture(K, V, damped=False, seed=1)
    fit_em_of_counts(model, SPARSE, START, iterations=1, word_prior=1.0)
    layer = layers.NaiveBayesMixture(V, K, seed=2)
    dense = ExactLikelihoodModel(layer)
    dense.build((None, V))
    layer.set_weights(model.likelihood.get_weights())
    fit_em(dense, COUNTS, iterations=5, tolerance=0.0, smoothing=1.0)
    fit_em_of_counts(model, SPARSE, START, iterations=6, word_prior=1.0, tolerance=0.0)
    np.testing.assert_allclose(
        np.asarray(layer().log_potentials.words), np.log(model.topics), atol=1e-3
    )


def test_known_documents_stay_where_they_are():
    known = np.full(N, -1)
    known[:6] = [2, 2, 1, 1, 0, 0]
    history = fit_em_of_counts(DocumentMixture(K, V, seed=1), SPARSE, START, known=known)
    np.testing.assert_array_equal(history.posterior[:6], np.eye(K)[known[:6]])
    assert np.all(history.posterior[6:] < 1)


def test_gradients_reach_the_likelihood_that_em_reaches():
    """From the same start, `fit` on dense batches and EM end at one maximum.

    Of many steps, which are traced, in one epoch.
    """
    random = np.random.default_rng(3)
    rates = np.array([[6, 2, 1, 1, 3, 2], [1, 5, 2, 6, 1, 1], [2, 1, 7, 1, 2, 5]])  # [K, V]
    kinds = random.choice(K, 90, p=[0.5, 0.3, 0.2])
    counts = random.poisson(rates[kinds]).astype(np.float32)
    start = 0.6 * np.eye(K)[kinds] + 0.4 / K
    by_em, by_gradients = (DocumentMixture(K, V, damped=False, seed=1) for _ in range(2))
    first = {"iterations": 1, "word_prior": 1e-6}
    fit_em_of_counts(by_gradients, scipy.sparse.csr_matrix(counts), start, **first)
    begun = np.mean(by_gradients.log_prob(counts))
    all_the_way = {"iterations": 300, "word_prior": 1e-6, "tolerance": 0.0}
    fit_em_of_counts(by_em, scipy.sparse.csr_matrix(counts), start, **all_the_way)
    by_gradients.compile(keras.optimizers.Adam(0.05))
    steps = tf.data.Dataset.from_tensors(counts).repeat(150)
    by_gradients.fit(steps, shuffle=False, verbose=0)
    reached, expected = (np.mean(model.log_prob(counts)) for model in (by_gradients, by_em))
    assert expected > begun + 0.5
    # EM counts one document of each kind beforehand: its shares are not quite the likeliest.
    np.testing.assert_allclose(reached, expected, atol=1e-3)
    np.testing.assert_allclose(by_gradients.topics, by_em.topics, atol=2e-3)
    np.testing.assert_allclose(by_gradients.shares, by_em.shares, atol=0.01)
