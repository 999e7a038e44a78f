"""Words as an encoder's middle layers see them, against its layers asked one by one."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tiny_bert import tiny_tokenizer
from tfp_dgm.networks import WordEncoder

# Each test needs a training, an export or a process, which they share.
pytestmark = pytest.mark.slow

keras_hub = pytest.importorskip("keras_hub")

WORDS = ["the", "cat", "sat", "on", "mat", "##s"]
CLS, SEP, UNKNOWN = 2, 3, 1
THE, CAT, SAT, ON, MAT, S = range(5, 11)


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    """Four layers of random weights, which read ten tokens."""
    keras.utils.set_random_seed(0)
    preprocessor = keras_hub.models.BertTextClassifierPreprocessor(
        tiny_tokenizer(WORDS), sequence_length=10
    )
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=11,
        num_layers=4,
        num_heads=2,
        hidden_dim=6,
        intermediate_dim=8,
        max_sequence_length=10,
    )
    folder = str(tmp_path_factory.mktemp("encoder") / "tiny")
    preprocessor.save_to_preset(folder)
    backbone.save_to_preset(folder)
    return folder


@pytest.fixture(scope="module")
def encoder(preset):
    return WordEncoder.from_preset(preset)


def states(preset, pieces):
    """What the second layer of four, and the first, say of pieces between marks: [P, 12]."""
    backbone = keras_hub.models.Backbone.from_preset(preset)
    layers = [backbone.get_layer(f"transformer_layer_{number}").output for number in (0, 1)]
    ids = np.array([[CLS, *pieces, SEP]])
    inputs = {"token_ids": ids, "segment_ids": 0 * ids, "padding_mask": np.ones_like(ids)}
    found = keras.Model(backbone.input, layers)(inputs)
    return np.concatenate([np.asarray(part) for part in found], axis=-1)[0, 1:-1]


def test_a_word_is_the_mean_of_its_pieces_in_their_sentence(preset, encoder):
    found = encoder(tf.constant([["The", "cats", "sat", ""]])).numpy()
    expected = states(preset, [THE, CAT, S, SAT])
    assert found.shape == (1, 4, encoder.units) == (1, 4, 12)
    np.testing.assert_allclose(found[0, 0], expected[0], atol=1e-5)
    np.testing.assert_allclose(found[0, 1], expected[1:3].mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(found[0, 2], expected[3], atol=1e-5)
    assert not found[0, 3].any()


def test_long_sentences_are_read_in_parts(preset, encoder):
    """Eight pieces at a time, and two marks; a word may be cut between two parts."""
    assert encoder.length == 8
    found = encoder(tf.constant([["cat"] * 7 + ["mats", "dog"]])).numpy()[0]
    first = states(preset, [CAT] * 7 + [MAT])
    second = states(preset, [S, UNKNOWN])
    np.testing.assert_allclose(found[:7], first[:7], atol=1e-5)
    np.testing.assert_allclose(found[7], (first[7] + second[0]) / 2, atol=1e-5)
    np.testing.assert_allclose(found[8], second[1], atol=1e-5)


def test_a_sentence_does_not_depend_on_the_others_of_its_batch(encoder):
    sentences = [["the", "cats"], ["\u200b"], ["cat"] * 20, ["on", "\u200b", "mats"], ["a b"]]
    together = encoder.encode(sentences)
    for words, found in zip(sentences, together, strict=True):
        alone = encoder(tf.constant([words])).numpy()[0]
        np.testing.assert_allclose(found, alone, atol=1e-5)
    assert not together[1].any()  # No piece.
    assert not together[3][1].any()
    assert encoder(tf.zeros([0, 3], tf.string)).shape == (0, 3, 12)
    assert encoder(tf.constant([["", ""]])).numpy().any() == np.False_


def test_trains_nothing_and_holds_no_layer_that_is_not_read(encoder):
    assert encoder.trainable_weights == []
    names = {layer.name for layer in encoder.body.layers}
    assert "transformer_layer_1" in names
    assert "transformer_layer_2" not in names


def test_comes_back_from_a_keras_file(encoder, tmp_path):
    model = keras.Sequential([keras.Input((None,), dtype="string"), encoder])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    tokens = tf.constant([["the", "cats"], ["mat", ""]])
    np.testing.assert_allclose(loaded(tokens).numpy(), model(tokens).numpy(), atol=1e-6)


def test_a_folder_without_an_encoder_is_named(tmp_path):
    with pytest.raises(OSError, match=f"encoder: expected a folder.*{tmp_path.name}"):
        WordEncoder.from_preset(str(tmp_path))
