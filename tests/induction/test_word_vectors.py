"""Vectors of neighbours: their products are the information, by counts in plain Python."""

import math
from collections import Counter

import numpy as np
import pytest

from tfp_dgm.data import DataError
from tfp_dgm.induction import distributional_vectors
from tfp_dgm.induction.word_vectors import _spelled
from tfp_dgm.text import neighbour_counts, positive_information

V = 9
RANDOM = np.random.default_rng(3)
ROWS = [RANDOM.integers(4, V, size=length).astype(np.int32) for length in (3, 5, 1, 7, 6)]

COUNT = np.bincount(np.concatenate(ROWS), minlength=V)


def contexts_of(rows, frequent, offsets):
    """(word, offset, context) -> how often; "end" is beyond the sentence."""
    counts = Counter()
    for row in rows:
        for place, word in enumerate(row):
            for side in offsets:
                beside = place + side
                context = int(row[beside]) if 0 <= beside < len(row) else "end"
                if context == "end" or context in frequent:
                    counts[int(word), side, context] += 1
    return counts


@pytest.mark.parametrize("offsets", [(-1, 1), (-2, -1, 1, 2)])
def test_information_by_the_definition(offsets):
    tokens = Counter(int(token) for row in ROWS for token in row)
    frequent = sorted(tokens, key=lambda token: (-tokens[token], token))[:3]
    counts = contexts_of(ROWS, frequent, offsets)
    total = sum(counts.values())
    words, contexts = Counter(), Counter()
    for (word, side, context), count in counts.items():
        words[word] += count
        contexts[side, context] += count
    damped = sum((count / total) ** 0.75 for count in contexts.values())
    found = positive_information(neighbour_counts(ROWS, COUNT, 3, offsets)).toarray()
    assert found.shape == (V, 4 * len(offsets))
    expected = np.zeros((V, 4 * len(offsets)))
    columns = [(side, context) for side in offsets for context in [*frequent, "end"]]
    for (word, side, context), count in counts.items():
        of_context = (contexts[side, context] / total) ** 0.75 / damped
        value = math.log(count / total / (words[word] / total * of_context))
        expected[word, columns.index((side, context))] = max(0, value)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_vectors_are_the_nearest_of_their_rank():
    """Rows of U sqrt(s) of the exact decomposition, but for signs, of length sqrt(D)."""
    information = positive_information(neighbour_counts(ROWS, COUNT, 4)).toarray()
    left, values, _ = np.linalg.svd(information)
    expected = left[:, :2] * np.sqrt(values[:2])
    expected *= np.sqrt(2) / np.linalg.norm(expected, axis=1, keepdims=True).clip(1e-9)
    vectors = distributional_vectors(ROWS, V, units=2, num_contexts=4, seed=0)
    assert np.isnan(vectors[:3]).all()
    np.testing.assert_allclose(
        vectors[4:] @ vectors[4:].T, expected[4:] @ expected[4:].T, atol=1e-2
    )
    assert np.ptp(expected[4:] @ expected[4:].T) > 1


def test_pretrained_vectors_weigh_as_much_as_what_the_text_tells():
    """By the exact decomposition of both side by side."""
    information = positive_information(neighbour_counts(ROWS, COUNT, 4)).toarray()
    pretrained = RANDOM.normal(size=(V - 4, 3)) + 5.0
    mean = np.mean([pretrained[token - 4] for row in ROWS for token in row], axis=0)
    beside = np.zeros((V, 3))
    beside[4:] = pretrained - mean
    beside *= np.sqrt(np.sum(information**2) / np.sum(beside**2))
    left, values, _ = np.linalg.svd(np.hstack([information, beside]))
    expected = left[4:, :2] * np.sqrt(values[:2])
    expected *= np.sqrt(2) / np.linalg.norm(expected, axis=1, keepdims=True)
    settings = {"units": 2, "num_contexts": 4, "seed": 0}
    vectors = distributional_vectors(ROWS, V, pretrained=pretrained, **settings)
    found = vectors[4:] @ vectors[4:].T
    np.testing.assert_allclose(found, expected @ expected.T, atol=1e-2)
    alone = distributional_vectors(ROWS, V, **settings)[4:]
    assert np.abs(alone @ alone.T - found).max() > 0.5


def test_a_word_without_contexts_has_the_mean_of_words_like_it():
    rows = [np.array([4, 5, 4, 5, 6, 7, 6], np.int32)]  # 6 and 7 are no contexts; 7 has no other.
    vectors = distributional_vectors(rows, 8, units=2, num_contexts=2, seed=0)
    assert np.abs(vectors[4] - vectors[5]).max() > 0.1
    for unknown in (3, 7):
        np.testing.assert_allclose(vectors[unknown], vectors[4:7].mean(axis=0), rtol=1e-5)
    once = [np.array([8, 4], np.int32)]  # Of two words that occur once, one with contexts.
    vectors = distributional_vectors([*rows, *once], 10, units=2, num_contexts=2, seed=0)
    for unknown in (7, 9):
        np.testing.assert_allclose(vectors[unknown], vectors[8], rtol=1e-5)


def test_words_that_are_spelled_alike_come_closer():
    spellings = ["going", "doing", "house", "horse", "x"]
    vectors = {
        given: distributional_vectors(ROWS, V, units=3, num_contexts=4, spellings=given, seed=0)
        for given in (None, tuple(spellings))
    }
    for one, other in ((4, 5), (6, 7)):
        before, after = (found[one] @ found[other] for found in vectors.values())
        assert after > before + 0.1


def test_features_are_counted_with_their_words():
    # -g, -ng and -ing of the first two, -e, -se of the next two.
    table = _spelled(["going", "doing", "house", "horse", "x"], COUNT).toarray()
    assert table.sum(axis=1).tolist() == [0, 0, 0, 0, *(COUNT[4:9] * [3, 3, 2, 2, 0])]
    assert sorted(table.sum(axis=0)) == sorted(
        [COUNT[[4, 5]].sum()] * 3 + [COUNT[[6, 7]].sum()] * 2
    )


def test_too_many_dimensions_are_refused():
    with pytest.raises(DataError, match=r"model\.units must be below 9, .*; received 9"):
        distributional_vectors(ROWS, V, units=9, num_contexts=5, seed=0)
