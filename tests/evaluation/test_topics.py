"""Scores of topics: gensim's values, windows one by one, enumeration, known mixtures."""

import itertools
import math

import numpy as np
import pytest
import scipy.sparse
from scipy.spatial.distance import jensenshannon

from tfp_dgm.evaluation import (
    document_completion,
    document_completion_perplexity,
    match_topics,
    topic_c_v,
    topic_diversity,
    topic_npmi,
    topic_stability,
)

TOPICS = [["w0", "w2", "w4", "w6"], ["w1", "w3", "w5", "w7"], ["w0", "w1", "w8", "w13"]]
# gensim 4.4.0's values, rounded to 9 digits, of
#   CoherenceModel(topics=TOPICS, texts=documents(), dictionary=Dictionary(documents()),
#                  coherence=NAME, window_size=WINDOW, processes=1).get_coherence_per_topic()
# A window that is longer than every document is the document.
GENSIM = {
    ("c_npmi", 10): [0.047000849, 0.057839023, -0.396429191],
    ("c_npmi", 1000): [0.245615483, 0.258566187, -0.427399963],
    ("c_npmi", 3): [-0.01472776, -0.014861527, -0.421249758],
    ("c_v", 110): [0.792168838, 0.801038267, 0.344508337],
    ("c_v", 5): [0.532334613, 0.541142416, 0.282894317],
}


def documents(seed=3, count=60):
    """Even words stand in even documents more often; w13 meets no word of a topic."""
    random = np.random.default_rng(seed)
    words = [f"w{i}" for i in range(14)]
    made = []
    for n in range(count):
        weights = np.where(np.arange(14) % 2 == n % 2, 4.0, 1.0)
        weights[13] = 0
        if n % 2:
            weights[0] = 0
        size = int(random.integers(1, 30))
        made.append(random.choice(words, size=size, p=weights / weights.sum()).tolist())
    return [*made, ["w13", "alone"]]


def ours(name, window):
    if name == "c_v":
        return topic_c_v(TOPICS, documents(), window=window, as_gensim=True)
    return topic_npmi(TOPICS, documents(), window=window, as_gensim=True)


@pytest.mark.parametrize(("name", "window"), GENSIM)
def test_coherence_is_gensims(name, window):
    np.testing.assert_allclose(ours(name, window), GENSIM[name, window], atol=2e-9)


@pytest.mark.parametrize(("name", "window"), GENSIM)
def test_coherence_is_what_gensim_says_here(name, window):
    models = pytest.importorskip("gensim.models")
    corpora = pytest.importorskip("gensim.corpora")
    model = models.CoherenceModel(
        topics=TOPICS,
        texts=documents(),
        dictionary=corpora.Dictionary(documents()),
        coherence=name,
        window_size=window,
        processes=1,
    )
    np.testing.assert_allclose(ours(name, window), model.get_coherence_per_topic(), atol=2e-9)


@pytest.mark.parametrize("window", [None, 3, 10])
def test_documents_without_repetitions_are_counted_as_gensim_counts_them(window):
    texts = [list(dict.fromkeys(text)) for text in documents()]
    ours = topic_npmi(TOPICS, texts, window=window)
    np.testing.assert_allclose(ours, topic_npmi(TOPICS, texts, window=window, as_gensim=True))


def test_without_window_words_meet_in_documents():
    whole = topic_npmi(TOPICS, documents())
    np.testing.assert_allclose(whole, GENSIM["c_npmi", 1000], atol=2e-9)


def test_windows_one_by_one():
    """NPMI of pairs by Python's loops, of documents with repetitions and shorter than a window."""
    texts = [list("abcabd"), list("a"), [], list("ddbca"), list("cc")]
    sets = [
        set(text[start : start + 3]) for text in texts for start in range(max(len(text) - 2, 1))
    ]

    def share(*words):
        return sum(set(words) <= window for window in sets) / len(sets)

    expected = [
        math.log((share(a, b) + 1e-12) / (share(a) * share(b))) / -math.log(share(a, b) + 1e-12)
        for a, b in itertools.combinations("abcd", 2)
    ]
    assert topic_npmi([list("abcd")], texts, window=3) == pytest.approx([np.mean(expected)])


def test_many_documents_are_counted_in_parts(monkeypatch):
    whole = topic_npmi(TOPICS, documents(), window=4)
    monkeypatch.setattr("tfp_dgm.evaluation.word_cooccurrences._TOKENS_AT_ONCE", 17)
    np.testing.assert_array_equal(topic_npmi(TOPICS, documents(), window=4), whole)


def test_words_that_never_meet_or_never_stand_there_are_no_nan():
    texts = [["a", "b"], ["c", "b"], ["b"]]
    assert topic_npmi([["a", "c"]], texts) < -0.8  # They never meet.
    assert topic_npmi([["a", "never"], ["never", "neither"]], texts).tolist() == [-1, -1]
    assert topic_npmi([["b", "b"]], texts).tolist() == [0]  # In every document.
    assert topic_c_v([["never", "neither"]], texts).tolist() == [0]
    assert np.isfinite(topic_c_v([["a", "c"], ["b", "a"], ["a", "never"]], texts)).all()


def test_what_cannot_be_scored_is_refused():
    with pytest.raises(ValueError, match="documents: expected one or more"):
        topic_npmi([["a", "b"]], [])
    with pytest.raises(ValueError, match="two words or more; received topic 1 of 1"):
        topic_c_v([["a", "b"], ["a"]], [["a"]])
    with pytest.raises(ValueError, match="received none"):
        topic_npmi([], [["a"]])
    with pytest.raises(ValueError, match="window: expected 1 token"):
        topic_npmi([["a", "b"]], [["a"]], window=0)


def test_diversity():
    assert topic_diversity([["a", "b", "c"], ["a", "d", "b"]]) == pytest.approx(4 / 6)
    with pytest.raises(ValueError, match="at least one word"):
        topic_diversity([])


def known_mixture():
    """Documents of two topics that share no word: one half tells the other."""
    random = np.random.default_rng(5)
    topics = np.array([[0.5, 0.3, 0.2, 0, 0, 0], [0, 0, 0, 0.1, 0.2, 0.7]])
    counts = np.array([random.multinomial(40, topics[n % 2]) for n in range(200)])
    return topics, scipy.sparse.csr_matrix(counts.astype(np.float32))


def test_completion_of_known_documents_is_their_entropy():
    topics, counts = known_mixture()

    def predict(known):
        of_first = np.asarray(known[:, :3].sum(axis=1)) > 0
        return np.where(of_first, topics[0], topics[1])

    likelihood, tokens = document_completion(counts, predict, seed=1)
    assert likelihood.shape == tokens.shape == (200,)
    # Halves are random, about 20 of 40 tokens.
    assert abs(tokens.mean() - 20) < 1
    assert 2 < tokens.std() < 4.5
    entropies = -np.sum(np.where(topics > 0, topics * np.log(np.maximum(topics, 1e-9)), 0), axis=1)
    perplexity = document_completion_perplexity(counts, predict, seed=1)
    assert math.log(perplexity) == pytest.approx(entropies.mean(), abs=0.02)
    # What is asked for was not shown.
    seen = []
    document_completion(counts, lambda known: (seen.append(known), predict(known))[1], seed=1)
    shown = np.asarray(scipy.sparse.vstack(seen).sum(axis=1)).ravel()
    np.testing.assert_array_equal(shown + tokens, 40)


def test_completion_of_no_words_is_refused():
    empty = scipy.sparse.csr_matrix((3, 4), dtype=np.float32)
    with pytest.raises(ValueError, match="counts: expected documents with words"):
        document_completion_perplexity(empty, lambda known: np.full(known.shape, 0.25))


def random_topics(seed, topics=4, words=7):
    return np.random.default_rng(seed).dirichlet(np.full(words, 0.3), size=topics)


def test_matching_is_the_best_of_all_assignments():
    first, second = random_topics(0), random_topics(1)
    alike = np.array([[1 - jensenshannon(a, b, base=2) ** 2 for b in second] for a in first])
    best = max(
        itertools.permutations(range(4)), key=lambda order: sum(alike[range(4), list(order)])
    )
    partner, similarity = match_topics(first, second)
    assert partner.tolist() == list(best)
    np.testing.assert_allclose(similarity, alike[range(4), list(best)], atol=1e-12)


def test_topics_without_a_partner():
    first = random_topics(2)
    partner, similarity = match_topics(first, first[[3, 1]])
    assert partner.tolist() == [-1, 1, -1, 0]
    np.testing.assert_allclose(similarity, [0, 1, 0, 1], atol=1e-12)
    with pytest.raises(ValueError, match="over as many words as the first"):
        match_topics(first, first[:, 1:])


def test_stability_is_what_matched_topics_have_in_common():
    first = random_topics(3, topics=3, words=30)
    order = [2, 0, 1]
    other = first[order].copy()
    place = order.index(1)
    top = np.argsort(-other[place])
    # Two of its five first words give way to two others.
    other[place, top[[3, 4, 20, 21]]] = other[place, top[[20, 21, 3, 4]]]
    mean, of_first = topic_stability([first, other], top_words=5)
    np.testing.assert_allclose(of_first, [1, 3 / 7, 1])
    assert mean == pytest.approx((2 + 3 / 7) / 3)
    with pytest.raises(ValueError, match="fits: expected two or more"):
        topic_stability([first])
