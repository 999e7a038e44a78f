"""The company of words: counted by hand, and what it brings to short texts of known topics."""

import numpy as np
import pytest
import scipy.sparse

from tfp_dgm.evaluation import clustering_scores, document_completion_perplexity
from tfp_dgm.topic_modelling import (
    choose_number_of_topics,
    fit_clusters,
    fit_topics,
    number_of_topics,
)
from tfp_dgm.topic_modelling.company_of_words import (
    are_short,
    company_predicts_better,
    word_company,
)

TOPICS, OWN = 12, 60  # Topics, and the words that each has of its own.


def made(number, length, *, seed=0):
    """Documents of one topic each, whose words follow Zipf's law; counts, and topics."""
    random = np.random.default_rng(seed)
    shares = 1 / np.arange(1, OWN + 1)
    kinds = np.arange(number) % TOPICS
    counts = np.zeros((number, TOPICS * OWN), np.float32)
    for row, kind in enumerate(kinds):
        words = random.choice(OWN, size=length, p=shares / shares.sum()) + OWN * kind
        noise = random.random(length) < 0.4
        words[noise] = random.integers(TOPICS * OWN, size=noise.sum())
        np.add.at(counts[row], words, 1)
    return scipy.sparse.csr_matrix(counts), kinds


def test_company_is_counted_by_pairs_of_words_in_documents():
    counts = np.array([[2, 1, 0, 0], [0, 1, 3, 1], [1, 1, 0, 0], [0, 0, 0, 5]])
    wanted = np.zeros((4, 4))
    for row in counts:
        for first in range(4):
            for second in range(4):
                wanted[first, second] += first != second and row[first] > 0 and row[second] > 0
    found = word_company(scipy.sparse.csr_matrix(counts))
    np.testing.assert_array_equal(found.toarray(), wanted)
    assert found.nnz == np.count_nonzero(wanted)


def test_long_documents_and_few_are_not_short():
    assert are_short(made(200, 4)[0])
    assert not are_short(made(40, 4)[0])  # Too few to ask.
    assert not are_short(made(200, 60)[0])


def test_what_predicts_better_is_taken():
    counts, _ = made(100, 4)
    random = np.random.default_rng(0)
    truth = np.asarray(counts.sum(axis=0)).ravel() + 1
    worse = random.permutation(truth)

    def prediction(words):
        return lambda known: np.tile(words / words.sum(), (known.shape[0], 1))

    asked = []

    def learn(of_documents, of_company):
        def learned(rows, company):
            asked.append(rows)
            return prediction(of_company if company else of_documents)

        return learned

    assert company_predicts_better(counts, learn(worse, truth))
    assert not company_predicts_better(counts, learn(truth, worse))
    for rows in asked:  # What is asked for was not learned from.
        assert len(np.unique(rows)) == len(rows) <= 80


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_topics_of_short_texts_predict_better_and_are_those_that_they_were_made_of(seed):
    counts, _ = made(900, 5, seed=seed)
    held_out, _ = made(300, 5, seed=seed + 10)
    found = {
        company: fit_topics(counts, num_topics=TOPICS, company=company, seed=seed)
        for company in (False, True, None)
    }
    perplexity = {
        company: document_completion_perplexity(
            held_out, lambda known, fit=fit: fit.mixtures_of(known) @ fit.topics
        )
        for company, fit in found.items()
    }
    assert perplexity[True] < 0.9 * perplexity[False]
    np.testing.assert_array_equal(found[None].topics, found[True].topics)  # It was found out.
    own = np.median(found[True].top_words(10) // OWN, axis=1)
    assert sorted(own) == list(range(TOPICS))


def test_the_likelier_clusters_of_short_texts_are_kept():
    counts, kinds = made(900, 5)
    alone = fit_clusters(counts, num_clusters=TOPICS, company=False)
    both = fit_clusters(counts, num_clusters=TOPICS)
    assert both.log_likelihood[-1] > alone.log_likelihood[-1]
    accuracies = [
        clustering_scores(kinds.tolist(), fit.clusters.tolist())["accuracy"]
        for fit in (alone, both)
    ]
    assert accuracies[1] > accuracies[0] + 0.05
    np.testing.assert_allclose(both.mixtures_of(counts), both.mixtures, atol=1e-4)
    # Where the company of words finds nothing better, the first stay, with their weights.
    counts, _ = made(900, 5, seed=1)
    alone = fit_clusters(counts, num_clusters=TOPICS, company=False)
    both = fit_clusters(counts, num_clusters=TOPICS)
    assert both.log_likelihood[-1] >= alone.log_likelihood[-1]
    np.testing.assert_allclose(both.mixtures_of(counts), both.mixtures, atol=1e-4)


@pytest.mark.slow
def test_short_texts_of_twelve_topics_are_not_said_to_have_two_or_forty(monkeypatch):
    monkeypatch.setattr(number_of_topics, "CANDIDATES", (2, TOPICS, 40))
    counts, _ = made(900, 5, seed=2)
    found = choose_number_of_topics(
        counts, lambda rows, number, seed: fit_topics(counts[rows], num_topics=number, seed=seed)
    )
    assert [one.num_topics for one in found.candidates] == [2, TOPICS, 40]
    assert found.chosen == TOPICS


@pytest.mark.parametrize("given", ["words", "documents"])
def test_seeds_say_which_topic_is_which_in_short_texts_too(given):
    counts, kinds = made(900, 5, seed=1)
    wanted = np.random.default_rng(0).permutation(TOPICS).tolist()
    seeds: dict = {}
    if given == "words":
        seeds["seeds"] = [[OWN * topic, OWN * topic + 1] for topic in wanted]
    else:
        seeds["seeded_documents"] = np.full(900, -1)
        for place, topic in enumerate(wanted):
            seeds["seeded_documents"][np.flatnonzero(kinds == topic)[:8]] = place
    found = fit_topics(counts, num_topics=TOPICS, company=True, **seeds)
    assert np.median(found.top_words(10) // OWN, axis=1).tolist() == wanted
