"""The number of topics: the rule on made scores, and texts of a known number."""

from dataclasses import dataclass

import numpy as np
import pytest
import scipy.sparse
from sklearn.decomposition import LatentDirichletAllocation

from tfp_dgm.topic_modelling import choose_number_of_topics, number_of_topics
from tfp_dgm.topic_modelling.number_of_topics import _choice


def choice(scores, stabilities, of_one=-5.0, numbers=(5, 10, 20, 30), empty=(0, 0, 0, 0)):
    """Of log-likelihoods a word; the same in four documents of 25 words."""
    likelihoods = np.tile(25 * np.array(scores)[:, np.newaxis], (1, 4))
    return _choice(
        numbers, likelihoods, np.full(4, 25 * of_one), np.full(4, 25), stabilities, empty
    )


def test_the_stablest_of_those_with_four_fifths_of_the_gain_is_chosen():
    found = choice([-4.5, -4.19, -4.1, -4.0], [0.9, 0.5, 0.4, 0.3])
    assert found.chosen == 10  # 5 has half of the gain only.
    np.testing.assert_allclose([one.gain for one in found.candidates], [0.5, 0.81, 0.9, 1.0])
    assert [one.num_topics for one in found.candidates] == [5, 10, 20, 30]
    np.testing.assert_allclose(found.candidates[1].log_likelihood, -4.19)
    assert choice([-4.5, -4.21, -4.1, -4.0], [0.9, 0.5, 0.4, 0.3]).chosen == 20


def test_where_topics_gain_nothing_the_best_is_chosen():
    assert choice([-5.5, -5.4, -5.6, -5.7], [0.9, 0.1, 0.4, 0.3]).chosen == 10


def test_numbers_that_leave_topics_empty_are_too_many():
    found = choice([-4.5, -4.19, -4.1, -4.0], [0.3, 0.4, 0.5, 0.9], empty=(0, 2, 5, 20))
    assert found.chosen == 10
    assert [one.empty for one in found.candidates] == [0, 2, 5, 20]
    assert found.candidates[1].gain == 1  # The best of those that are in question.
    # Where there is no other, it is the smallest.
    assert choice([-4.5, -4.19, -4.1, -4.0], [0.3, 0.4, 0.5, 0.9], empty=(2, 3, 8, 20)).chosen == 5


def test_standard_errors_are_of_differences_between_documents():
    random = np.random.default_rng(0)
    likelihoods = random.normal(-100, 5, size=(2, 50))
    found = _choice((5, 10), likelihoods, np.full(50, -200.0), np.full(50, 10), [0.5, 0.6], [0, 0])
    worse, best = np.argsort(likelihoods.sum(axis=1))
    differences = likelihoods[worse] - likelihoods[best]
    expected = differences.std() * np.sqrt(50) / 500
    assert found.candidates[worse].standard_error == pytest.approx(expected)
    assert found.candidates[best].standard_error == 0


@dataclass
class Sklearn:
    """Another implementation's topics."""

    topics: np.ndarray
    model: LatentDirichletAllocation

    def mixtures_of(self, counts):
        return self.model.transform(counts)


def fitting(counts):
    def fit(rows, number, seed):
        model = LatentDirichletAllocation(number, random_state=seed, max_iter=15).fit(counts[rows])
        return Sklearn(model.components_ / model.components_.sum(axis=1, keepdims=True), model)

    return fit


@pytest.mark.slow
def test_texts_of_ten_topics_are_not_said_to_have_five_or_forty(monkeypatch):
    monkeypatch.setattr(number_of_topics, "CANDIDATES", (3, 10, 30))
    random = np.random.default_rng(2)
    topics = np.kron(np.eye(10), np.ones(8)) + 0.01
    topics /= topics.sum(axis=1, keepdims=True)
    rows = [random.multinomial(40, topics[n % 10]) for n in range(400)]
    counts = scipy.sparse.csr_matrix(np.array(rows, np.float32))
    told = []
    found = choose_number_of_topics(
        counts, fitting(counts), progress=lambda *step: told.append(step)
    )
    assert found.chosen == 10
    assert [one.num_topics for one in found.candidates] == [3, 10, 30]
    assert told[-1] == ("Choosing the number of topics", 3, 3)
    # No fewer than seeds ask for.
    assert choose_number_of_topics(counts, fitting(counts), least=12).chosen == 30


def test_few_documents_are_not_asked():
    counts = scipy.sparse.csr_matrix(np.ones((20, 4), np.float32))
    found = choose_number_of_topics(counts, fitting(counts))
    assert (found.chosen, found.candidates) == (5, ())
    assert choose_number_of_topics(counts[:6], fitting(counts[:6])).chosen == 3
    assert choose_number_of_topics(counts[:6], fitting(counts[:6]), least=4).chosen == 4
