"""`fit_topics` by neural models: planted topics found, seeds, collapse, little data, refusals."""

import numpy as np
import pytest
import scipy.sparse
from scipy.optimize import linear_sum_assignment

from tfp_dgm.evaluation import document_completion_perplexity
from tfp_dgm.topic_modelling import amortized_fitting, fit_topics
from tfp_dgm.topic_modelling.amortized_models import word_vectors
from tfp_dgm.topic_modelling.collapsed_topics import TopicCollapse
from tfp_dgm.topic_modelling.count_batches import CountBatches
from tfp_dgm.topic_modelling.topic_doubts import doubts_of_topics
from tfp_dgm.topic_modelling.topic_evidence import topic_evidence

K, V, N, H = 3, 24, 240, 5
RANDOM = np.random.default_rng(7)
# Each topic has eight words of its own; a third of all words are common to all.
TOPICS = np.full((K, V), 0.3 / V)
for topic in range(K):
    TOPICS[topic, 8 * topic : 8 * topic + 8] += 0.7 / 8
MIXTURES = RANDOM.dirichlet([0.2] * K, N)
COUNTS = scipy.sparse.csr_matrix(
    np.array([RANDOM.multinomial(25, m @ TOPICS) for m in MIXTURES]), dtype=np.float32
)
# What an encoder might say of the texts.
CONTEXTS = (MIXTURES @ RANDOM.normal(size=(K, H)) + 0.1 * RANDOM.normal(size=(N, H))).astype("f4")


def _contexts(model):
    return {"contexts": CONTEXTS} if model == "ctm" else {}


def _matched(found, wanted):
    distance = np.abs(found[:, np.newaxis] - wanted[np.newaxis]).sum(axis=-1)
    rows, columns = linear_sum_assignment(distance)
    return rows[np.argsort(columns)]


@pytest.fixture
def few_epochs(monkeypatch, eager):
    """Three, of four batches; the first epoch is of the inference network alone."""
    monkeypatch.setattr(amortized_fitting, "_EPOCHS", 2)
    monkeypatch.setattr(amortized_fitting, "_LEAST_BATCHES", 4)


@pytest.fixture
def few_steps(monkeypatch, few_epochs):
    """Two in each epoch."""
    monkeypatch.setattr(amortized_fitting, "_LEAST_BATCHES", 2)


@pytest.fixture(scope="module")
def etm():
    return fit_topics(COUNTS, num_topics=K, model="etm", seed=3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "prior"),
    [
        ("prodlda", None),
        ("ctm", None),
        ("etm", "correlated"),
        pytest.param("etm", "dirichlet", marks=pytest.mark.slow),
        pytest.param("prodlda", "flow", marks=pytest.mark.slow),
        pytest.param("prodlda", "dirichlet", marks=pytest.mark.slow),
    ],
)
def test_planted_topics_are_found(model, prior):
    fit = fit_topics(COUNTS, num_topics=K, model=model, prior=prior, seed=3, **_contexts(model))
    order = _matched(fit.topics, TOPICS)
    np.testing.assert_allclose(fit.topics.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(fit.mixtures.sum(axis=1), 1, rtol=1e-5)
    assert fit.shares.sum() == pytest.approx(1, rel=1e-5)
    assert np.abs(fit.mixtures[:, order] - MIXTURES).mean() < 0.12
    for place, words in enumerate(fit.top_words(8)[order]):
        assert set(words) == set(range(8 * place, 8 * place + 8))
    assert fit.active_units(COUNTS, _given(model)) >= K - 1


def _given(model):
    return CONTEXTS if model == "ctm" else None


@pytest.mark.slow
def test_topics_of_vectors_are_found(etm):
    order = _matched(etm.topics, TOPICS)
    assert np.abs(etm.topics[order] - TOPICS).sum(axis=1).max() < 0.3


@pytest.mark.slow
@pytest.mark.usefixtures("few_steps")
def test_the_same_seed_gives_the_same_topics():
    first, again = (fit_topics(COUNTS, num_topics=K, model="etm", seed=3) for _ in range(2))
    np.testing.assert_array_equal(again.topics, first.topics)
    np.testing.assert_array_equal(again.mixtures, first.mixtures)


@pytest.mark.slow
def test_sparse_mixtures_are_those_of_the_model(etm):
    found = etm.mixtures_of(COUNTS[:20])
    np.testing.assert_allclose(etm.model(COUNTS[:20].toarray()), found, atol=1e-5)
    np.testing.assert_allclose(found, etm.mixtures[:20], atol=1e-5)


def test_further_words_are_predicted_better_than_by_their_frequencies(etm):
    fresh = np.random.default_rng(11)
    mixtures = fresh.dirichlet([0.2] * K, 200)
    held = scipy.sparse.csr_matrix(
        np.array([fresh.multinomial(40, m @ TOPICS) for m in mixtures]), dtype=np.float32
    )
    share = np.asarray(COUNTS.sum(axis=0)).ravel() / COUNTS.sum()
    plain = document_completion_perplexity(held, lambda known: np.tile(share, (known.shape[0], 1)))
    assert document_completion_perplexity(held, etm.word_probabilities) < 0.8 * plain


def test_evidence_is_above_that_of_no_topics_and_below_that_of_the_truth(etm):
    """Of the words in their order, mixtures known: an upper limit, on average."""
    share = np.asarray(COUNTS.sum(axis=0)).ravel() / COUNTS.sum()
    none = (COUNTS @ np.log(share)).sum() / COUNTS.sum()
    truth = COUNTS.multiply(np.log(MIXTURES @ TOPICS)).sum() / COUNTS.sum()
    lda = fit_topics(COUNTS, num_topics=K, seed=3)
    for fit in (etm, lda):
        found = topic_evidence(fit, COUNTS, seed=1)
        assert none < found.nats_a_word < truth
        assert found.perplexity == pytest.approx(np.exp(-found.nats_a_word))
        assert found.documents == N
    assert lda.active_units(COUNTS) is None


@pytest.mark.slow
def test_a_network_that_tells_nothing_is_seen(etm, few_steps):
    fit = fit_topics(COUNTS, num_topics=K, model="etm", seed=4)
    projection = fit.model.posterior_layer.projection
    projection.kernel.assign(np.zeros(projection.kernel.shape))
    assert fit.active_units(COUNTS) == 0
    assert etm.active_units(COUNTS) == K
    given = (["a"] * 60, [str(n) for n in range(60)], np.zeros(60, int), TopicCollapse([], []))
    said = doubts_of_topics(*given, ["x", "y", "z"], kind="topic", active=0)
    assert any("Of 3 latents of the inference network 0 tell texts apart" in one for one in said)
    assert not any("latents" in one for one in doubts_of_topics(*given, "xyz", kind="topic"))


@pytest.mark.slow
@pytest.mark.usefixtures("few_steps")
@pytest.mark.parametrize("model", ["prodlda", "etm"])
def test_seeds_say_which_topic_is_which(model):
    _assert_seeds_say_which_topic_is_which(model)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["prodlda", "etm"])
def test_seeds_say_so_to_the_end_of_training(model):
    """Quicker: the test above, of six steps."""
    _assert_seeds_say_which_topic_is_which(model)


def _assert_seeds_say_which_topic_is_which(model):
    wanted = [2, 0, 1]
    seeds = [[16, 17], [0, 1], []]
    fit = fit_topics(COUNTS, num_topics=K, model=model, seeds=seeds)
    np.testing.assert_array_equal(_matched(fit.topics, TOPICS[wanted]), np.arange(K))
    main, seeded = np.argmax(MIXTURES, axis=1), np.full(N, -1)
    for place, topic in enumerate(wanted):
        seeded[np.flatnonzero(main == topic)[:5]] = place
    fit = fit_topics(COUNTS, num_topics=K, model=model, seeded_documents=seeded)
    np.testing.assert_array_equal(_matched(fit.topics, TOPICS[wanted]), np.arange(K))


@pytest.mark.slow
@pytest.mark.usefixtures("few_epochs")
@pytest.mark.parametrize("model", ["prodlda", "etm"])
@pytest.mark.parametrize(
    "rows",
    [np.zeros(3, int), np.arange(2), np.repeat(5, 250)],
    ids=["three equal", "fewer than topics", "one, 250 times"],
)
def test_few_or_equal_documents_give_finite_topics(model, rows):
    counts = scipy.sparse.vstack([COUNTS[rows], scipy.sparse.csr_matrix((1, V))])
    fit = fit_topics(counts, num_topics=K, model=model)
    for values in (fit.topics, fit.mixtures, fit.shares):
        assert np.all(np.isfinite(values))
        np.testing.assert_allclose(values.sum(axis=-1), 1, rtol=1e-4)


def test_words_of_the_same_documents_have_like_vectors():
    vectors = word_vectors(COUNTS, seed=1)
    assert vectors.shape == (V, V - 1)
    alike = vectors @ vectors.T / (V - 1)
    own = np.kron(np.eye(K), np.ones((8, 8))).astype(bool)
    assert alike[own & ~np.eye(V, dtype=bool)].mean() > alike[~own].mean() + 0.2


def test_batches_hold_every_document_once_and_one_size():
    batches = CountBatches(COUNTS, CONTEXTS, batch_size=50, seed=1)
    seen = [batches[n][0] for n in range(len(batches))]
    assert [len(one["counts"]) for one in seen] == [48] * 5
    rows = np.concatenate([np.concatenate([one["counts"], one["context"]], 1) for one in seen])
    whole = np.concatenate([COUNTS.toarray(), CONTEXTS], axis=1)
    np.testing.assert_array_equal(rows[np.lexsort(rows.T)], whole[np.lexsort(whole.T)])
    first = batches.order.copy()
    batches.on_epoch_end()
    assert (batches.order != first).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": "lsa"}, "`model` must be one of lda, prodlda, etm, ctm; received 'lsa'"),
        ({"num_topics": 1}, "`num_topics` must be >= 2 of the model 'prodlda'; received 1"),
        ({"prior": "beta"}, "`prior` of the model 'prodlda' must be one of laplace, .*'beta'"),
        ({"model": "lda", "prior": "flow"}, "of the model 'lda' must be no other than its own"),
        ({"model": "ctm"}, "the model 'ctm' needs `contexts`; received none"),
        ({"contexts": CONTEXTS}, "`contexts` are for the model 'ctm'; it is 'prodlda'"),
        ({"vectors": TOPICS.T}, "`vectors` are for the model 'etm'; it is 'prodlda'"),
        ({"model": "etm", "vectors": TOPICS}, r"shape \[24, any\]; received \(3, 24\)"),
        ({"model": "ctm", "contexts": CONTEXTS * np.inf}, "`contexts` must be finite numbers"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, message):
    with pytest.raises(ValueError, match=f"fit_topics: .*{message}"):
        fit_topics(**{"counts": COUNTS, "num_topics": K, "model": "prodlda", **arguments})
