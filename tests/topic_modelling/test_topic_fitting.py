import numpy as np
import pytest
import scipy.sparse
from scipy.optimize import linear_sum_assignment

from tfp_dgm.topic_modelling.cluster_fitting import fit_clusters
from tfp_dgm.topic_modelling.topic_fitting import fit_topics

K, V, N = 4, 40, 300
RANDOM = np.random.default_rng(7)
# Each topic has ten words of its own; a third of all words are common to all.
TOPICS = np.full((K, V), 0.3 / V)
for topic in range(K):
    TOPICS[topic, 10 * topic : 10 * topic + 10] += 0.07
MIXTURES = RANDOM.dirichlet([0.1] * K, N)
COUNTS = scipy.sparse.csr_matrix(
    np.array([RANDOM.multinomial(30, m @ TOPICS) for m in MIXTURES]), dtype=np.float32
)


def _matched(found, wanted):
    """The topic of each wanted one, by least distance."""
    distance = np.abs(found[:, np.newaxis] - wanted[np.newaxis]).sum(axis=-1)
    rows, columns = linear_sum_assignment(distance)
    return rows[np.argsort(columns)]


@pytest.fixture(scope="module")
def fit():
    return fit_topics(COUNTS, num_topics=K, seed=3)


def test_planted_topics_are_found(fit):
    order = _matched(fit.topics, TOPICS)
    np.testing.assert_allclose(fit.topics.sum(axis=1), 1, rtol=1e-5)
    assert np.abs(fit.topics[order] - TOPICS).sum(axis=1).max() < 0.25
    assert np.abs(fit.mixtures[:, order] - MIXTURES).mean() < 0.08
    for place, words in enumerate(fit.top_words(10)[order]):
        assert set(words) == set(range(10 * place, 10 * place + 10))


def test_the_same_seed_gives_the_same_topics(fit):
    again = fit_topics(COUNTS, num_topics=K, seed=3)
    np.testing.assert_array_equal(again.topics, fit.topics)
    np.testing.assert_array_equal(again.mixtures, fit.mixtures)


def test_other_seeds_find_the_same_topics(fit):
    other = fit_topics(COUNTS, num_topics=K, seed=11)
    order = _matched(other.topics, fit.topics)
    assert np.abs(other.topics[order] - fit.topics).sum(axis=1).max() < 0.05


@pytest.mark.usefixtures("eager")
def test_sparse_mixtures_are_those_of_the_model(fit):
    found = fit.mixtures_of(COUNTS[:20])
    np.testing.assert_allclose(fit.model(COUNTS[:20].toarray()), found, atol=1e-4)
    # The fitting stops near, not at, the fixed point.
    assert np.abs(found - fit.mixtures[:20]).mean() < 0.02


@pytest.mark.parametrize("fitted", [fit_topics, fit_clusters])
def test_seed_words_say_which_topic_is_which(fitted):
    wanted = [2, 0, 3, 1]
    seeds = [[10 * topic, 10 * topic + 1] for topic in wanted]
    seeds[3] = []
    sizes = {"num_topics" if fitted is fit_topics else "num_clusters": K}
    found = fitted(COUNTS, seeds=seeds, **sizes)
    np.testing.assert_array_equal(_matched(found.topics, TOPICS[wanted]), np.arange(K))


@pytest.mark.parametrize("fitted", [fit_topics, fit_clusters])
def test_seeded_documents_say_which_topic_is_which(fitted):
    wanted = np.array([1, 3, 0, 2])
    main = np.argmax(MIXTURES, axis=1)
    seeded = np.full(N, -1)
    for place, topic in enumerate(wanted):
        seeded[np.flatnonzero(main == topic)[:5]] = place
    sizes = {"num_topics" if fitted is fit_topics else "num_clusters": K}
    found = fitted(COUNTS, seeded_documents=seeded, **sizes)
    np.testing.assert_array_equal(_matched(found.topics, TOPICS[wanted]), np.arange(K))


def _few_texts():
    """90 texts of three kinds that share no word but common ones, and their kinds."""
    random = np.random.default_rng(0)
    kinds = np.arange(90) % 3
    counts = np.zeros((90, 38), np.float32)
    for row, kind in enumerate(kinds):
        np.add.at(counts[row], random.choice(8, size=8) + 8 * kind, 1)
        np.add.at(counts[row], random.choice(14, size=6) + 24, 1)
    return scipy.sparse.csr_matrix(counts), kinds


@pytest.mark.parametrize("seed", range(4))
def test_few_texts_of_different_words_are_told_apart(seed):
    counts, kinds = _few_texts()
    topics = np.argmax(fit_topics(counts, num_topics=3, seed=seed).mixtures, axis=1)
    clusters = fit_clusters(counts, num_clusters=3, seed=seed).clusters
    for found in (topics, clusters):
        assert len({(a, b) for a, b in zip(found, kinds, strict=True)}) == 3


@pytest.mark.parametrize("seed", range(3))
def test_seed_words_and_seeded_documents_stand_beside_each_other(seed):
    counts, kinds = _few_texts()
    seeded = np.full(90, -1)
    seeded[np.flatnonzero(kinds == 2)[:2]] = 1
    seeds = {"seeds": [[8, 9], [], []], "seeded_documents": seeded, "seed": seed}
    topics = np.argmax(fit_topics(counts, num_topics=3, **seeds).mixtures, axis=1)
    clusters = fit_clusters(counts, num_clusters=3, **seeds).clusters
    for found in (topics, clusters):
        np.testing.assert_array_equal(found, np.array([2, 0, 1])[kinds])


def test_clusters_are_the_main_topics():
    found = fit_clusters(COUNTS, num_clusters=K, seed=1)
    order = _matched(found.topics, TOPICS)
    sure = MIXTURES.max(axis=1) > 0.8
    main = np.argmax(MIXTURES, axis=1)
    assert np.mean(np.argsort(order)[found.clusters][sure] == main[sure]) > 0.97
    np.testing.assert_allclose(found.mixtures_of(COUNTS), found.mixtures, atol=1e-4)


@pytest.mark.parametrize("fitted", [fit_topics, fit_clusters])
@pytest.mark.parametrize(
    "rows",
    [np.zeros(3, int), np.arange(2), np.repeat(5, 400)],
    ids=["three equal", "fewer than topics", "one, 400 times"],
)
def test_few_or_equal_documents_give_finite_topics(fitted, rows):
    counts = scipy.sparse.vstack([COUNTS[rows], scipy.sparse.csr_matrix((1, V))])
    sizes = {"num_topics" if fitted is fit_topics else "num_clusters": K}
    found = fitted(counts, **sizes)
    for values in (found.topics, found.mixtures, found.shares):
        assert np.all(np.isfinite(values))
        np.testing.assert_allclose(values.sum(axis=-1), 1, rtol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_topics": 0}, "`num_topics` must be >= 1; received 0"),
        ({"counts": COUNTS * 0}, "`counts` must be finite, >= 0, and not all of them 0"),
        ({"counts": -COUNTS}, "`counts` must be finite, >= 0"),
        ({"seeds": [[1]]}, "`seeds` must be words of 4 topics, `num_topics`; received 1"),
        ({"seeds": [[1], [V], [], []]}, "`seeds` must be ids of words, from 0 to 39; .* 1 to 40"),
        ({"seeded_documents": np.zeros(3, int)}, r"must be of 300 documents; .* shape \(3,\)"),
        ({"seeded_documents": np.full(N, 4)}, "must be from 0 to 3, or -1; received 4 to 4"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, message):
    with pytest.raises(ValueError, match=f"fit_topics: .*{message}"):
        fit_topics(**{"counts": COUNTS, "num_topics": K, **arguments})
