import numpy as np
import pytest
import scipy.sparse
from scipy.integrate import quad
from scipy.special import gammaln, logsumexp

from tfp_dgm.evaluation import document_completion, document_log_likelihood
from tfp_dgm.inference import mixture_posteriors

RANDOM = np.random.default_rng(5)
TOPICS = RANDOM.dirichlet([0.4] * 6, 2)
COUNTS = scipy.sparse.csr_matrix(
    np.array([[3, 0, 1, 0, 2, 0], [0, 1, 0, 0, 0, 0], [5, 4, 0, 7, 1, 3], [0] * 6], np.float32)
)


def _by_quadrature(counts, topics, concentration):
    """log p(counts) of two topics, the mixture (t, 1 - t) integrated out."""
    a, b = concentration
    beta = gammaln(a) + gammaln(b) - gammaln(a + b)

    def likelihood(t):
        return np.exp(counts @ np.log(t * topics[0] + (1 - t) * topics[1]))

    value, _ = quad(likelihood, 0, 1, weight="alg", wvar=(a - 1, b - 1), epsabs=0, epsrel=1e-9)
    return np.log(value) - beta


def _by_enumeration(counts, topics, concentration):
    """log of the sum over the topics of all tokens."""
    tokens = np.repeat(np.arange(len(counts)), counts.astype(int))
    total, terms = np.sum(concentration), []
    for assigned in np.ndindex(*[len(topics)] * len(tokens)):
        used = np.bincount(assigned, minlength=len(topics))
        of_topics = (gammaln(concentration + used) - gammaln(concentration)).sum()
        words = sum(np.log(topics[k, v]) for k, v in zip(assigned, tokens, strict=True))
        terms.append(of_topics + gammaln(total) - gammaln(total + len(tokens)) + words)
    return logsumexp(terms)


@pytest.mark.parametrize("concentration", [(0.3, 1.4), (0.02, 0.05), (2.5, 0.7)])
def test_documents_are_as_likely_as_by_quadrature(concentration):
    wanted = [_by_quadrature(row, TOPICS, concentration) for row in COUNTS.toarray()]
    found = document_log_likelihood(COUNTS, TOPICS, concentration, num_samples=20_000, seed=1)
    np.testing.assert_allclose(found, wanted, atol=0.03)
    assert found[3] == pytest.approx(0, abs=1e-6)  # Of no words.


def test_documents_of_three_topics_are_as_likely_as_by_enumeration():
    topics, concentration = RANDOM.dirichlet([0.5] * 6, 3), np.array([0.3, 0.8, 0.1])
    wanted = [_by_enumeration(row, topics, concentration) for row in COUNTS[:2].toarray()]
    found = document_log_likelihood(COUNTS[:2], topics, concentration, num_samples=20_000)
    np.testing.assert_allclose(found, wanted, atol=0.03)


def test_the_bound_is_below_and_rises_with_the_draws():
    many = scipy.sparse.csr_matrix(np.repeat(COUNTS[2].toarray(), 400, axis=0))
    wanted = _by_quadrature(COUNTS[2].toarray()[0], TOPICS, (0.3, 0.4))
    found = [
        document_log_likelihood(many, TOPICS, (0.3, 0.4), num_samples=number).mean()
        for number in (1, 5, 50)
    ]
    assert found[0] < found[1] < found[2] < wanted + 0.01
    assert found[0] < wanted - 0.01


def test_what_a_further_half_costs_is_what_document_completion_tells():
    """log p(both halves) - log p(one half) is the other's log-probability given the first."""
    topics, concentration = RANDOM.dirichlet([0.1] * 30, 4), np.full(4, 0.4)
    mixtures = RANDOM.dirichlet(concentration, 300)
    counts = scipy.sparse.csr_matrix(
        np.array([RANDOM.multinomial(60, mixture @ topics) for mixture in mixtures]), dtype=float
    )
    halves = []

    def predict(known):
        halves.append(known)
        posterior = mixture_posteriors(known, topics.astype(np.float32), concentration)
        return posterior / posterior.sum(axis=1, keepdims=True) @ topics

    completion, tokens = document_completion(counts, predict, seed=2)
    both, half = (
        document_log_likelihood(one, topics, concentration, num_samples=200)
        for one in (counts, scipy.sparse.vstack(halves))
    )
    # Document completion takes the posterior's mean, which costs it a little.
    difference = ((both - half) - completion).sum() / tokens.sum()
    assert 0 < difference < 0.02


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"concentration": [0.1] * 3},
            r"expected `topics` \[K, V\] of \(3,\) .* received \(2, 6\)",
        ),
        ({"counts": COUNTS[:, :4]}, "and 4 words; received"),
        ({"num_samples": 0}, "`num_samples` must be >= 1; received 0"),
    ],
)
def test_arguments_that_do_not_fit_are_named(arguments, message):
    with pytest.raises(ValueError, match=f"document_log_likelihood: .*{message}"):
        document_log_likelihood(
            **{"counts": COUNTS, "topics": TOPICS, "concentration": [0.1, 0.2], **arguments}
        )
