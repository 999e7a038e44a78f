import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tiny_bert import SPECIAL, tiny_tokenizer
from tfp_dgm.networks import TokenVectors

pytest.importorskip("keras_hub")

WORDS = ["the", "cat", "sat", "on", "mat", "##s"]
PIECES = [*SPECIAL, *WORDS]
TEXTS = ["The cats sat", "the the the mat", "", "on the mat, the", "dog"]
# What the tokeniser makes of them, by hand; a comma and a dog are unknown.
NUMBERS = [[5, 6, 10, 7], [5, 5, 5, 9], [], [8, 5, 9, 1, 5], [1]]


@pytest.fixture(scope="module")
def vectors():
    return np.random.default_rng(0).normal(size=(len(PIECES), 3))


def _light(vectors, texts=TEXTS, **options):
    tokenizer = tiny_tokenizer(WORDS)
    return TokenVectors.fit(tokenizer, vectors, texts, **options)


def _by_hand(vectors, smoothing):
    together = [number for numbers in NUMBERS for number in numbers]
    share = {v: together.count(v) / len(together) for v in range(len(PIECES))}
    mean = sum(share[v] * vectors[v] for v in share)
    sums = [
        sum((smoothing / (smoothing + share[v]) * (vectors[v] - mean) for v in numbers), 0 * mean)
        for numbers in NUMBERS
    ]
    return np.array([total / max(np.linalg.norm(total), 1e-9) for total in sums])


@pytest.mark.slow
@pytest.mark.parametrize("smoothing", [0.01, 0.3])
def test_is_the_weighted_sum_of_centred_vectors(vectors, smoothing):
    light = _light(vectors, smoothing=smoothing)
    expected = _by_hand(vectors, smoothing)
    # The table is kept in half precision.
    np.testing.assert_allclose(light(tf.constant(TEXTS)).numpy(), expected, atol=2e-3)
    np.testing.assert_allclose(light.encode(TEXTS, batch_size=2), expected, atol=2e-3)
    assert not expected[2].any()
    assert light.units == 3


def test_a_text_does_not_depend_on_the_others_of_its_batch(vectors):
    light = _light(vectors)
    together = light(tf.constant(TEXTS)).numpy()
    alone = np.concatenate([light(tf.constant([text])).numpy() for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_reads_the_first_pieces_and_says_which_texts_are_longer(vectors):
    light = _light(vectors, sequence_length=4)
    whole, cut = light(tf.constant(["the cat sat on", "the cat sat on mat"])).numpy()
    np.testing.assert_array_equal(whole, cut)
    assert light.cut_off(TEXTS).tolist() == [False, False, False, True, False]


def test_no_texts_leave_the_vectors_as_they_are(vectors):
    light = _light(vectors, texts=[])
    expected = vectors[6] / np.linalg.norm(vectors[6])
    np.testing.assert_allclose(light.encode(["cat"])[0], expected, atol=2e-3)


def test_comes_back_from_a_keras_file(vectors, tmp_path):
    model = keras.Sequential([keras.Input((), dtype="string"), _light(vectors)])
    texts = tf.constant(TEXTS)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(texts).numpy(), model(texts).numpy())
    assert loaded.trainable_weights == []
