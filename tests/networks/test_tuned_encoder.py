import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tiny_bert import tiny_bert
from tfp_dgm.networks import SentenceEncoder, TunedSentenceEncoder
from tfp_dgm.networks.tuned_encoder import copied_layers

keras_hub = pytest.importorskip("keras_hub")

WORDS = ["the", "cat", "sat", "on", "mat"]
TEXTS = ["The cat sat", "", "mat on the mat the cat sat", "cat"]


def _parts():
    keras.utils.set_random_seed(0)
    return tiny_bert(WORDS, length=8, units=6, hidden=8, layers=3)


@pytest.fixture(scope="module")
def other():
    """An encoder with the same embeddings whose layers have other weights."""
    preprocessor, backbone = _parts()
    rng = np.random.default_rng(1)
    for number in range(3):
        layer = backbone.get_layer(f"transformer_layer_{number}")
        layer.set_weights([w + rng.normal(0, 0.3, w.shape) for w in layer.get_weights()])
    return SentenceEncoder(preprocessor, backbone)


@pytest.fixture(scope="module")
def plain():
    return SentenceEncoder(*_parts(), depths=(1.0, 2 / 3))


@pytest.fixture(scope="module")
def tuned(plain, other):
    return TunedSentenceEncoder.of(plain, copied_layers(other.backbone))


def test_the_encoder_as_it_was_stands_before_the_one_with_other_layers(tuned, plain, other):
    texts = tf.constant(TEXTS)
    expected = np.hstack([plain(texts), other(texts)])
    assert np.abs(expected[:, 12:] - expected[:, :6]).max() > 0.1
    np.testing.assert_allclose(tuned(texts).numpy(), expected, atol=1e-5)
    np.testing.assert_allclose(tuned.encode(TEXTS), expected, atol=1e-5)
    assert (tuned.units, tuned.tuned_units, tuned.units_of_meaning) == (18, 6, 6)
    assert tuned.compute_output_spec(keras.KerasTensor((None,), dtype="string")).shape == (None, 18)


def test_comes_back_from_a_keras_file_with_one_set_of_embeddings(tuned, plain, tmp_path):
    model = keras.Sequential([keras.Input((), dtype="string"), tuned])
    texts = tf.constant(TEXTS)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(texts).numpy(), model(texts).numpy(), atol=1e-6)
    of_layers = sum(len(layer.weights) for layer in tuned.tuned_layers)
    assert len(loaded.weights) == len(plain.weights) + of_layers
    assert loaded.trainable_weights == []


def test_its_vectors_are_kept_apart_from_those_of_other_layers(tuned, plain):
    same = TunedSentenceEncoder.of(plain, copied_layers(plain.backbone))
    assert len({tuned.fingerprint(), same.fingerprint(), plain.fingerprint()}) == 3


def test_copies_are_the_layers_and_no_longer_change_with_them(plain):
    copies = copied_layers(plain.backbone)
    layer = plain.backbone.get_layer("transformer_layer_0")
    for one, other in zip(copies[0].get_weights(), layer.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    before = layer.get_weights()[0]
    copies[0].set_weights([weight + 1 for weight in copies[0].get_weights()])
    np.testing.assert_array_equal(layer.get_weights()[0], before)
    assert all(copy.trainable_weights for copy in copies)


def test_a_backbone_of_another_kind_has_none_to_tune(plain):
    sizes = {"num_layers": 2, "num_heads": 2, "hidden_dim": 6, "intermediate_dim": 8}
    albert = keras_hub.models.AlbertBackbone(vocabulary_size=12, embedding_dim=4, **sizes)
    assert copied_layers(albert) == []
    with pytest.raises(ValueError, match=r"`tuned_layers`.*has, 0, .*received 0"):
        TunedSentenceEncoder(plain.preprocessor, albert, tuned_layers=[])


def test_a_layer_too_few_is_refused(plain):
    with pytest.raises(ValueError, match=r"`tuned_layers` must be as many.*3.*received 2"):
        TunedSentenceEncoder.of(plain, copied_layers(plain.backbone)[:2])


def test_without_layers_of_its_own_it_is_the_encoder_twice(plain):
    twice = TunedSentenceEncoder(plain.preprocessor, plain.backbone)
    vectors = twice.encode(TEXTS)
    np.testing.assert_allclose(vectors[:, :6], vectors[:, 6:], atol=1e-6)
    again = TunedSentenceEncoder.from_config(twice.get_config())
    assert len(again.tuned_layers) == 3
    np.testing.assert_array_equal(twice.untuned().encode(TEXTS), vectors[:, :6])
