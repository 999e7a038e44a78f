"""A population that the labels lack is seen, counted and shown; without one, nothing is."""

import tracemalloc
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from scipy.special import softmax
from scipy.stats import poisson

from tfp_dgm.labelling import unlike_labelled as module
from tfp_dgm.labelling.unlike_labelled import unlike_labelled, unlike_labelled_warning

FOLDS = 5
VOCABULARY = [f"word{v}" for v in range(40)]


class World:
    """Rows of four topics on words of their own and common ones; of the last, no label is drawn."""

    def __init__(self, sizes: list[int], seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.truth = rng.permutation(np.repeat(range(4), sizes))
        chances = np.full((4, 40), 0.5)
        for topic in range(4):
            chances[topic, 8 * topic : 8 * topic + 8] = 3.0
        counts = rng.poisson(12 * (chances / chances.sum(axis=1, keepdims=True))[self.truth])
        dense = counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1)
        self.vectors = dense.astype(np.float32)
        self.words = scipy.sparse.csr_matrix(self.vectors)
        self.texts = [f"{row} {VOCABULARY[counts[row].argmax()]}" for row in range(len(counts))]
        # A model that knows three topics, and is the less sure the less a text is of one of them.
        evidence = [self.vectors[:, 8 * k : 8 * k + 8].sum(axis=1) for k in range(3)]
        probabilities = softmax(4 * np.stack(evidence, axis=1), axis=1).astype(np.float32)
        self.answers = np.repeat(probabilities[:, :, np.newaxis], FOLDS, axis=2)

    def found(self, labels: list[int], seed: int) -> np.ndarray:
        """What is found where so many labels of each topic are drawn."""
        rng = np.random.default_rng(seed)
        drawn = [
            rng.choice(np.flatnonzero(self.truth == topic), number, replace=False)
            for topic, number in enumerate(labels)
        ]
        rows = np.concatenate(drawn)
        return unlike_labelled(
            self.texts,
            self.words,
            self.vectors,
            rows,
            np.eye(3, dtype=bool)[self.truth[rows]],
            np.arange(len(rows)) % FOLDS,
            self.answers,
            seed=seed,
        )


@pytest.mark.parametrize("labels", [[20, 20, 20], [60, 25, 10]], ids=["even", "uneven"])
def test_a_topic_without_labels_is_found(labels: list[int]) -> None:
    world = World([150, 150, 150, 90])
    found = world.found(labels, seed=1)
    assert 40 <= len(found) <= 120
    assert (world.truth[found] == 3).mean() > 0.9


@pytest.mark.parametrize("labels", [[5, 5, 5], [20, 20, 20], [60, 25, 10]])
def test_where_all_topics_have_labels_nothing_is_found(labels: list[int]) -> None:
    world = World([150, 150, 150, 0])
    alarms = sum(len(world.found(labels, seed)) > 0 for seed in range(20))
    assert alarms <= 3  # At 2 %, more happen in 0.1 % of the tests.


def test_a_scattered_dozen_is_not_called_a_population() -> None:
    assert len(World([150, 150, 150, 5]).found([20, 20, 20], seed=0)) == 0


def test_nothing_is_open_and_nothing_is_judged() -> None:
    world = World([4, 4, 4, 0])
    assert world.found([4, 4, 4], seed=0).tolist() == []


def test_the_ratio_is_that_of_two_poisson_rates() -> None:
    observed, expected, total = np.array([0.0, 2.0, 7.0, 9.0]), np.array([6.0, 6.5, 7.5, 8.0]), 40
    ratio = module._log_likelihood_ratio(observed, expected, total)
    for o, e, value in zip(observed[:3], expected[:3], ratio[:3], strict=True):
        free = poisson.logpmf(o, max(o, 1e-12)) + poisson.logpmf(total - o, total - o)
        fixed = poisson.logpmf(o, e) + poisson.logpmf(total - o, total - e)
        np.testing.assert_allclose(value, free - fixed, rtol=1e-6)
    assert ratio[3] == 0  # More than expected speaks against a lack.


def test_the_p_value_counts_draws_whose_least_p_is_as_small() -> None:
    rng = np.random.default_rng(0)
    chance = rng.integers(0, 12, (30, 2)).astype(float)
    for found in (np.array([11.0, 3.0]), np.array([0.0, 0.0]), np.array([20.0, 20.0])):
        rows = [found, *chance]
        least = [
            min(sum(other[m] >= row[m] for other in rows) / len(rows) for m in range(2))
            for row in rows
        ]
        expected = sum(value <= least[0] for value in least) / len(rows)
        assert module._p_value(found, chance) == pytest.approx(expected)


def test_of_copies_one_is_judged_and_none_that_its_model_has_seen() -> None:
    texts = ["a cat", "A  cat", "a dog", "a dog", "a hen"]
    judged = module._judged(texts, np.array([0, 0, 1, 2, 3]))
    assert judged.tolist() == [True, False, False, False, True]


def test_one_long_text_takes_no_memory_for_each_of_the_others() -> None:
    texts = [*(f"text {n}" for n in range(500)), "long " * 100_000]
    tracemalloc.start()
    assert module._judged(texts, np.zeros(501, int)).all()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000  # As an array of strings they would be 1,000,000,000 bytes.


def test_the_warning_says_how_many_shows_some_and_names_their_words() -> None:
    words: Any = scipy.sparse.csr_matrix(np.eye(4)[[0, 0, 1, 1, 2, 2, 3, 3]])
    texts = [f"text {row} {'x' * 200}" for row in range(8)]
    warning = unlike_labelled_warning(
        np.array([5, 4]), texts, words, ["ship", "car", "moon", "tax"], 6
    )
    assert "About 2 of the 6 rows without a label (33%)" in warning
    assert warning.index("'text 5 xxx") < warning.index("'text 4 xxx")
    assert "words that mark them: moon" in warning
    assert len(warning) < 900
