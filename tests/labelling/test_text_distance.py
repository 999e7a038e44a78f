"""How far texts are from the training's: as new ones are, where these are like them."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from scipy.spatial.distance import mahalanobis as by_scipy

from tfp_dgm.labelling.text_distance import TextDistance, mahalanobis, word_numbers
from tfp_dgm.text import TfIdf, WordCounts

WORDS = [f"w{n}" for n in range(400)]


def _texts(rows, seed, words=WORDS):
    rng = np.random.default_rng(seed)
    chances = 1 / np.arange(1, len(words) + 1)
    drawn = rng.choice(words, (rows, 8), p=chances / chances.sum())
    return [" ".join(row) for row in drawn]


def _features(texts, units=20):
    word_counts = WordCounts.fit(texts)
    counts = word_counts.count_matrix(texts)
    tf_idf = TfIdf.fit(counts)
    words = tf_idf.transform(counts)
    units = min(units, len(word_counts.vocabulary))
    _, _, components = np.linalg.svd(words.toarray(), full_matrices=False)
    lsa = components[:units].T
    return SimpleNamespace(word_counts=word_counts, tf_idf=tf_idf, lsa=lsa, words=words)


def _novelty(fitted, features, texts, vectors=None):
    counts = features.word_counts.count_matrix(texts)
    known = np.asarray(counts.sum(axis=1)).ravel()
    lengths = np.array([len(text.split()) for text in texts])
    explained = known / np.maximum(lengths, 1)
    explained = explained * np.linalg.norm(features.tf_idf.transform(counts) @ features.lsa, axis=1)
    layer = fitted.layer()
    vectors = None if vectors is None else tf.constant(vectors)
    distance = layer.distance(tf.constant(1 - explained, tf.float32), vectors)
    return layer(distance).numpy(), distance.numpy() <= layer.limit


def test_new_texts_of_the_same_kind_are_spread_evenly_and_others_are_far():
    texts = _texts(900, seed=0)
    features = _features(texts)
    fitted = TextDistance.fit(texts, features, None)
    assert len(fitted.held_out) == 900
    same, near = _novelty(fitted, features, _texts(400, seed=1))
    assert same.mean() == pytest.approx(0.5, abs=0.06)
    assert (same > 0.9).mean() == pytest.approx(0.1, abs=0.05)
    assert near.mean() > 0.98
    other, near = _novelty(fitted, features, _texts(100, 2, [f"x{n}" for n in range(50)]))
    assert (other > 0.999).all()
    assert not near.any()


def test_texts_of_which_nothing_is_known_are_far_where_many_are_hardly_known():
    """Half of the words stand once, so that more than a text in a hundred is hardly explained."""
    rng = np.random.default_rng(0)
    texts = [
        f"{text} " + " ".join(f"r{n}" for n in rng.integers(0, 10**6, 40))
        for text in _texts(300, 0)
    ]
    texts += [" ".join(f"s{n}" for n in rng.integers(0, 10**6, 9)) for _ in range(20)]
    features = _features(texts)
    fitted = TextDistance.fit(texts, features, None)
    assert np.quantile(fitted.held_out, 0.99) + 0.1 * fitted.weights[0] > fitted.weights[0]
    _, near = _novelty(fitted, features, ["", "unheard of", *texts[:50]])
    assert near.tolist() == [False, False, *[True] * 50]
    far = fitted.far(texts, features, None)
    assert far.tolist() == [False] * 300 + [True] * 20


@pytest.mark.parametrize("encoded", [False, True])
def test_the_texts_themselves_are_far_where_the_layer_says_so(encoded):
    texts = [*_texts(300, seed=0), *_texts(9, 1, [f"x{n}" for n in range(900)]), ""]
    features = _features(texts)
    vectors = np.random.default_rng(0).normal(size=(310, 4)).astype(np.float32) if encoded else None
    fitted = TextDistance.fit(texts, features, vectors)
    _, near = _novelty(fitted, features, texts, vectors)
    far = fitted.far(texts, features, vectors)
    np.testing.assert_array_equal(far, ~near)
    assert far[-1] or encoded
    assert not fitted.far([], features, None).size


def test_vectors_far_from_the_others_are_far():
    texts = _texts(300, seed=0)
    features = _features(texts)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(300, 4)).astype(np.float32)
    fitted = TextDistance.fit(texts, features, vectors)
    same, _ = _novelty(fitted, features, texts[:50], vectors[:50])
    far, near = _novelty(fitted, features, texts[:50], vectors[:50] + 9)
    assert same.mean() < 0.6
    assert (far > 0.999).all()
    assert not near.any()


def test_the_distance_of_vectors_is_mahalanobis():
    rng = np.random.default_rng(0)
    rows, center = rng.normal(size=(5, 3)), rng.normal(size=3)
    root = rng.normal(size=(3, 3))
    precision = root @ root.T
    expected = [by_scipy(row, center, precision) ** 2 for row in rows]
    np.testing.assert_allclose(mahalanobis(rows, center, precision), expected)


@pytest.mark.parametrize("texts", [["a b", "c"], ["a", "", "b a", "a", ""], ["one"] * 7])
def test_few_and_empty_texts_have_a_novelty(texts):
    features = _features(texts)
    fitted = TextDistance.fit(texts, features, None)
    found, _ = _novelty(fitted, features, [*texts, "", "never seen"])
    assert np.isfinite(found).all()
    assert ((found >= 0) & (found <= 1)).all()
    assert found[-1] == pytest.approx(1)


def test_all_words_of_a_text_are_counted():
    word_counts = WordCounts(["a", "b"])
    assert word_numbers(word_counts, ["a c! a", "", "b"]).tolist() == [3, 0, 1]
    assert len(word_numbers(word_counts, [])) == 0
