"""What encoders are worth, in worlds where it is known."""

import numpy as np
import pytest
import scipy.sparse

from tfp_dgm.labelling.encoder_gains import encoder_gains, sampled_rows

CLASSES = 3


def _world(words_tell, vectors_tell, rows=300, labelled=120, seed=0):
    """Texts whose words and whose vectors tell the class with these probabilities."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, CLASSES, rows)

    def told(share):
        return np.where(rng.random(rows) < share, truth, rng.integers(0, CLASSES, rows))

    words = np.zeros((rows, 30), np.float32)
    words[range(rows), 10 * told(words_tell) + rng.integers(0, 10, rows)] = 0.9
    for row in range(rows):  # Words of no class, so that no two texts are copies.
        words[row, rng.integers(0, 30, 2)] += 0.3
    words /= np.linalg.norm(words, axis=1, keepdims=True)
    vectors = np.eye(8, dtype=np.float32)[told(vectors_tell)]
    vectors = vectors + 0.1 * rng.normal(size=(rows, 8)).astype(np.float32)
    allowed = np.ones((rows, CLASSES), bool)
    allowed[:labelled] = np.eye(CLASSES, dtype=bool)[truth[:labelled]]
    return vectors, [f"text {n}" for n in range(rows)], words, allowed


def _gains(vectors, texts, words, allowed):
    sparse = scipy.sparse.csr_matrix(words)
    return encoder_gains(vectors, texts, sparse, words, allowed, seed=0)


def test_vectors_gain_what_they_tell_beyond_words():
    vectors, *world = _world(0.0, 0.9)
    noise = np.random.default_rng(1).normal(size=vectors.shape).astype(np.float32)
    gains = _gains({"telling": vectors, "noise": noise}, *world)
    # Words tell nothing: log 3 nats. Vectors err in 2/3 of 10 %, to either of two classes.
    right = 0.9 + 0.1 / 3
    known = np.log(3) + right * np.log(right) + (1 - right) * np.log((1 - right) / 2)
    assert gains["telling"].mean == pytest.approx(known, abs=4 * gains["telling"].error)
    assert gains["noise"].mean < 0.05
    assert 0 < gains["telling"].error < 0.1


def test_what_words_tell_already_is_no_gain():
    both, *together = _world(1.0, 1.0)
    vectors, *apart = _world(0.0, 1.0)
    known = _gains({"a": both}, *together)["a"].mean
    assert -0.1 < known < 0.3
    assert _gains({"a": vectors}, *apart)["a"].mean > known + 0.5


def test_no_label_is_judged_by_a_model_that_saw_it_or_a_copy_of_its_text():
    """Vectors that only name their text: whoever saw a copy would know its label."""
    rng = np.random.default_rng(0)
    _, texts, words, allowed = _world(0.0, 0.0, rows=120, labelled=120)
    twins = np.repeat(np.arange(60), 2)
    texts, words = [texts[n] for n in twins], words[twins]
    allowed = np.eye(CLASSES, dtype=bool)[rng.integers(0, CLASSES, 60)][twins]
    allowed = np.concatenate([allowed, np.ones((5, CLASSES), bool)])
    texts, words = [*texts, *texts[:5]], np.concatenate([words, words[:5]])
    names = np.eye(60, dtype=np.float32)[np.concatenate([twins, twins[:5]])]
    assert _gains({"names": names}, texts, words, allowed)["names"].mean < 0.05


def test_sets_of_classes_and_rows_without_annotation_are_no_obstacle():
    vectors, texts, words, allowed = _world(0.5, 0.9, labelled=40)
    allowed[:5] = [True, True, False]
    gain = _gains({"a": vectors}, texts, words, allowed)["a"]
    assert np.isfinite(gain.mean)
    assert gain.mean > 0


def test_a_sample_has_most_annotated_rows_and_as_many_others():
    allowed = np.ones((5000, 2), bool)
    allowed[::2, 0] = False
    rows = sampled_rows(allowed, seed=3)
    assert len(np.unique(rows)) == len(rows) == 2000
    assert (rows % 2 == 0).sum() == 1000
    assert np.array_equal(rows, np.sort(rows))
    few = np.ones((7, 2), bool)
    few[2, 0] = False
    assert sampled_rows(few, seed=0).tolist() == list(range(7))
