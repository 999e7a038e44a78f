"""Phrases and beginnings: counted by hand, in strings and in padded ids; what they are worth."""

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import tensorflow as tf

from tfp_dgm.labelling import fit_classifier
from tfp_dgm.labelling.word_order import MAX_PHRASES, WordOrder
from tfp_dgm.text import WordCounts

WORDS = ["how", "many", "what", "is", "apple", "the"]
TEXTS = [
    "How many apple",
    "how many, the apple",
    "apple how many how many how many",
    "What is the apple?",
    "what is how",
    "zork how many",
    "the zork apple",
    "",
    "apple",
    "apple the apple the",
]


def phrases(text):
    """The phrases of a text as tuples of words, beginnings after None."""
    words = [word.strip(",?") for word in text.lower().split()]
    found = [pair for pair in pairwise(words) if set(pair) <= set(WORDS)]
    for size in (1, 2, 3):
        if len(words) >= size and set(words[:size]) <= set(WORDS):
            found.append((None, *words[:size]))
    return Counter(found)


def expected_weights(texts):
    """TF-IDF [N, P] of the phrases that two of TEXTS have, and these."""
    documents = Counter(phrase for text in TEXTS for phrase in phrases(text))
    known = [phrase for phrase, count in documents.items() if count >= 2]
    rows = np.zeros((len(texts), len(known)))
    for row, text in zip(rows, texts, strict=True):
        for phrase, count in phrases(text).items():
            if phrase in known:
                idf = math.log((1 + len(TEXTS)) / (1 + documents[phrase])) + 1
                row[known.index(phrase)] = (1 + math.log(count)) * idf
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9), known


@pytest.fixture(scope="module")
def fitted():
    return WordOrder.fit(TEXTS, WordCounts(WORDS), seed=0)


def test_phrases_are_counted_as_by_hand(fitted):
    """Inner products of all texts, which no order of the phrases and no basis changes."""
    layer, vectors = fitted
    others = [*TEXTS, "How many how", "many what is the apple how many", "is is is"]
    weights = layer.phrase_weights(others, WordCounts(WORDS)).toarray()
    expected, known = expected_weights(others)
    assert len(layer.phrases) == len(known)
    np.testing.assert_allclose(weights @ weights.T, expected @ expected.T, atol=1e-6)
    # As many dimensions as texts differ in lose nothing of these.
    np.testing.assert_allclose(vectors @ vectors.T, (expected @ expected.T)[:10, :10], atol=1e-5)


def test_texts_in_another_order_differ(fitted):
    counts = WordCounts(WORDS)
    one, other, same = fitted[0].of_texts(["how many apple", "apple how many", "How many"], counts)
    assert one @ other < 0.7
    assert one @ same > one @ other + 0.2


@pytest.mark.parametrize("compiled", [False, True])
def test_padded_ids_and_strings_have_the_vectors_of_the_fit(fitted, compiled):
    layer, vectors = fitted
    ids = WordCounts(WORDS).word_ids(tf.constant(TEXTS))
    np.testing.assert_allclose(layer.of_ragged(ids), vectors, atol=1e-6)
    padded = tf.cast(ids.to_tensor(0, shape=[None, 16]), tf.int32)
    call = tf.function(layer, jit_compile=compiled, autograph=False)
    np.testing.assert_allclose(call(padded), vectors, atol=1e-6)
    np.testing.assert_allclose(layer.of_texts(TEXTS, WordCounts(WORDS)), vectors, atol=1e-6)


def test_no_texts_and_lone_surrogates(fitted):
    layer, _ = fitted
    none = WordCounts(WORDS).word_ids(tf.constant([], tf.string))
    assert layer.of_ragged(none).shape == (0, layer.projection.units)
    assert layer.of_texts([], WordCounts(WORDS)).shape == (0, layer.projection.units)
    vectors = layer.of_texts(["\ud800", "how many"], WordCounts(WORDS))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [0, 1], atol=1e-6)


def test_each_word_has_its_part_of_a_phrase(fitted):
    layer, _ = fitted
    parts = layer.words_of_phrases().toarray()
    _, known = expected_weights([])
    wanted = [Counter(word for word in phrase if word is not None) for phrase in known]
    wanted = [[count[word] / count.total() for word in WORDS] for count in wanted]
    np.testing.assert_allclose(sorted(parts.tolist()), sorted(wanted), atol=1e-6)


def test_texts_without_a_common_phrase_have_no_order():
    texts = ["one two", "three four", "five"]
    assert WordOrder.fit(texts, WordCounts.fit(texts), seed=0) is None
    assert WordOrder.fit(["", "?"], WordCounts(["a"]), seed=0) is None


def test_the_most_frequent_phrases_are_kept(monkeypatch):
    monkeypatch.setattr("tfp_dgm.labelling.word_order.MAX_PHRASES", 3)
    counts = WordCounts(WORDS)
    layer, _ = WordOrder.fit(TEXTS, counts, seed=0)
    assert MAX_PHRASES > 3 == len(layer.phrases)
    # "how many" is in four texts, "the apple" in two, the beginning "apple" in three.
    kept = layer.phrase_weights(["is how many", "apple"], counts).getnnz(axis=1)
    assert kept.tolist() == [1, 1]


@pytest.mark.slow
def test_word_order_alone_tells_classes():
    """Every text has the same words, once each: only their order differs."""
    rng = np.random.default_rng(0)
    words = np.array([f"w{n}" for n in range(6)])
    texts, truth = [], []
    for row in range(240):
        order = rng.permutation(words[2:]).tolist()
        place = rng.integers(4)
        order[place:place] = ["w0", "w1"] if row % 2 else ["w1", "w0"]
        texts.append(" ".join(order))
        truth.append(row % 2)
    truth = np.array(truth)
    allowed = np.ones((240, 2), bool)
    allowed[:60] = np.eye(2, dtype=bool)[truth[:60]]
    classifier, outcome = fit_classifier(texts, allowed, ["back", "forth"])
    assert (outcome.predicted[60:] == truth[60:]).mean() > 0.95
    served = classifier.serving_signatures()["serving_default"]
    np.testing.assert_allclose(
        served.plain()(tf.constant(texts[60:]))["probabilities"],
        outcome.probabilities[60:],
        atol=1e-4,
    )
