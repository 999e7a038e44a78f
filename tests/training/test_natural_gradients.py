import numpy as np
import pytest
import scipy.sparse
from scipy.optimize import minimize
from scipy.special import digamma, gammaln
from scipy.stats import dirichlet
from sklearn.decomposition import LatentDirichletAllocation as Peer

from tfp_dgm.inference import mixture_posteriors
from tfp_dgm.models import LatentDirichletAllocation
from tfp_dgm.training import fit_by_natural_gradients
from tfp_dgm.training.natural_gradients import likeliest_concentration, variational_bound

N, K, V = 40, 3, 8
RANDOM = np.random.default_rng(2)
PLANTED = np.array(
    [[4, 4, 1, 0.1, 0.1, 0.1, 0.1, 0.1], [0.1, 0.1, 4, 4, 2, 0.1, 0.1, 0.1], [0.1] * 5 + [3, 4, 5]]
)
PLANTED /= PLANTED.sum(axis=1, keepdims=True)
MIXTURES = RANDOM.dirichlet([0.2] * K, size=N)
COUNTS = scipy.sparse.csr_matrix(
    np.array([RANDOM.multinomial(25, m @ PLANTED) for m in MIXTURES]), dtype=np.float32
)


def lda(seed=0):
    return LatentDirichletAllocation(K, V, seed=seed)


def test_bound_is_that_of_scikit_learn():
    peer = Peer(K, doc_topic_prior=0.3, topic_word_prior=0.2, random_state=0).fit(COUNTS)
    topics = peer.components_
    expected_topics = np.exp(digamma(topics) - digamma(topics.sum(axis=1, keepdims=True)))
    posterior = mixture_posteriors(COUNTS, expected_topics, np.full(K, 0.3), steps=300)
    expected = peer._approx_bound(COUNTS, posterior, sub_sampling=False)
    found = variational_bound(COUNTS, topics, 0.2, posterior, np.full(K, 0.3))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_converges_where_scikit_learn_does():
    """From the same topics, with the same priors."""
    model = lda()
    model.assign(np.full(K, 0.3), PLANTED * 50 + 5)
    history = fit_by_natural_gradients(
        model, COUNTS, topic_prior=0.2, learn_concentration=False, passes=400, tolerance=1e-7
    )
    peer = Peer(
        K, doc_topic_prior=0.3, topic_word_prior=0.2, max_iter=300, learning_method="batch",
        max_doc_update_iter=300, mean_change_tol=1e-6, random_state=0,
    )  # fmt: skip
    peer._init_latent_vars(V, np.float64)
    peer.components_ = PLANTED * 50 + 5.0
    peer.exp_dirichlet_component_ = np.exp(
        digamma(peer.components_) - digamma(peer.components_.sum(axis=1, keepdims=True))
    )
    for _ in range(300):
        peer._em_step(COUNTS.astype(np.float64), total_samples=N, batch_update=True)
    # A document between two topics may go to another one of them.
    peer_topics = peer.components_ / peer.components_.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.topics, peer_topics, atol=0.03)
    expected = np.exp(
        digamma(peer.components_) - digamma(peer.components_.sum(axis=1, keepdims=True))
    )
    posterior = mixture_posteriors(COUNTS, expected, np.full(K, 0.3), steps=300)
    bound = variational_bound(COUNTS, peer.components_, 0.2, posterior, np.full(K, 0.3))
    np.testing.assert_allclose(history.bound[-1], bound, atol=3)
    assert np.all(np.diff(history.bound) > -1e-3)


def test_topics_that_do_not_follow_stay():
    """What documents have of them, and how common they are, do follow."""
    model = lda()
    topics = PLANTED * 400 + 0.5
    model.assign(np.full(K, 0.3), topics)
    history = fit_by_natural_gradients(
        model, COUNTS, learn_topics=False, learn_concentration=False, passes=300, tolerance=0
    )
    np.testing.assert_allclose(model.topic_concentration, topics, rtol=1e-5)
    expected = np.exp(digamma(topics) - digamma(topics.sum(axis=1, keepdims=True)))
    wanted = mixture_posteriors(COUNTS, expected, np.full(K, 0.3), steps=300)
    np.testing.assert_allclose(history.posterior, wanted, atol=0.05)
    assert np.all(np.diff(history.bound) > -1e-3)
    fit_by_natural_gradients(model, COUNTS, learn_topics=False)
    np.testing.assert_allclose(model.topic_concentration, topics, rtol=1e-5)
    assert np.abs(model.concentration.numpy() - 0.3).max() > 0.01


@pytest.mark.parametrize("batch_size", [None, 10])
def test_planted_topics_are_found(batch_size):
    model = lda()
    model.assign(np.full(K, 0.3), PLANTED * 20 + RANDOM.gamma(2.0, size=(K, V)))
    history = fit_by_natural_gradients(model, COUNTS, batch_size=batch_size, passes=80, seed=1)
    np.testing.assert_allclose(model.topics, PLANTED, atol=0.09)
    found = history.posterior / history.posterior.sum(axis=1, keepdims=True)
    assert np.abs(found - MIXTURES).mean() < 0.05


def test_concentration_is_the_likeliest():
    posterior = np.random.default_rng(1).gamma(3.0, size=(30, K)).astype(np.float32)
    mean_log = np.mean(digamma(posterior) - digamma(posterior.sum(axis=1, keepdims=True)), axis=0)

    def loss(log_alpha):
        alpha = np.exp(log_alpha)
        return gammaln(alpha).sum() - gammaln(alpha.sum()) - ((alpha - 1) * mean_log).sum()

    expected = np.exp(minimize(loss, np.zeros(K), tol=1e-10).x)
    found = likeliest_concentration(np.ones(K), posterior, np.zeros([30, 1]))
    np.testing.assert_allclose(found, expected, rtol=1e-3)
    drawn = np.random.default_rng(3).dirichlet([0.5, 1.0, 2.0], size=5)
    assert np.isfinite([dirichlet.logpdf(row, found) for row in drawn]).all()


def test_what_is_known_of_documents_is_added_to_their_prior():
    model = lda()
    model.assign(np.full(K, 0.3), PLANTED * 20 + 1)
    known = np.zeros([N, K])
    known[5, 1] = 1000
    history = fit_by_natural_gradients(model, COUNTS, document_prior=known, passes=3)
    posterior = history.posterior
    assert posterior[5, 1] > 1000
    length = COUNTS.sum(axis=1)
    np.testing.assert_allclose(
        posterior.sum(axis=1, keepdims=True) - known.sum(axis=1, keepdims=True),
        length + 0.3 * K,
        rtol=1e-4,
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"counts": COUNTS[:, :5]}, r"expected `counts` of 8 words; received \(40, 5\)"),
        ({"passes": 0}, "`passes` must be >= 1; received 0"),
        ({"batch_size": 0}, "`batch_size` must be >= 1; received 0"),
        ({"topic_prior": 0.0}, "`topic_prior` must be > 0; received 0"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, message):
    with pytest.raises(ValueError, match=f"fit_by_natural_gradients: {message}"):
        fit_by_natural_gradients(lda(), **{"counts": COUNTS, **arguments})
