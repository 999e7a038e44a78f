import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tiny_bert import SPECIAL, tiny_bert
from tfp_dgm.networks import SentenceEncoder

pytest.importorskip("keras_hub")

WORDS = ["the", "cat", "sat", "on", "mat"]


@pytest.fixture(scope="module")
def encoder():
    keras.utils.set_random_seed(0)
    return SentenceEncoder(*tiny_bert(WORDS, length=8, units=6, hidden=8))


def test_is_the_unit_length_mean_of_the_real_tokens(encoder):
    vector = encoder(tf.constant(["The cat sat"])).numpy()[0]
    ids = np.array([[2, 5, 6, 7, 3]])  # [CLS] the cat sat [SEP]
    states = encoder.backbone(
        {"token_ids": ids, "segment_ids": 0 * ids, "padding_mask": np.ones_like(ids)}
    )["sequence_output"].numpy()[0]
    mean = states.mean(axis=0)
    np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), atol=1e-5)


@pytest.fixture(scope="module")
def deep():
    keras.utils.set_random_seed(0)
    parts = tiny_bert(WORDS, length=8, units=6, hidden=8, layers=3)
    return SentenceEncoder(*parts, depths=(1.0, 2 / 3))


def test_the_means_of_several_layers_stand_side_by_side(deep):
    ids = np.array([[2, 5, 6, 7, 3]])
    inputs = {"token_ids": ids, "segment_ids": 0 * ids, "padding_mask": np.ones_like(ids)}
    means = []
    for name in ("transformer_layer_2", "transformer_layer_1"):
        states = keras.Model(deep.backbone.input, deep.backbone.get_layer(name).output)
        mean = states(inputs).numpy()[0].mean(axis=0)
        means.append(mean / np.linalg.norm(mean))
    expected = np.concatenate(means) / np.sqrt(2)
    texts = ["The cat sat"]
    np.testing.assert_allclose(deep(tf.constant(texts)).numpy()[0], expected, atol=1e-5)
    np.testing.assert_allclose(deep.encode(texts)[0], expected, atol=1e-5)
    assert (deep.units, deep.units_of_meaning) == (12, 6)
    assert deep.compute_output_spec(keras.KerasTensor((None,), dtype="string")).shape == (None, 12)


def test_several_layers_come_back_from_a_keras_file(deep, tmp_path):
    model = keras.Sequential([keras.Input((), dtype="string"), deep])
    texts = tf.constant(["the cat", "mat"])
    expected = model(texts).numpy()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(texts).numpy(), expected, atol=1e-6)
    assert len(deep.weights) == len(deep.backbone.weights)


def test_vectors_of_other_layers_are_kept_elsewhere(deep):
    last = SentenceEncoder(deep.preprocessor, deep.backbone)
    assert last.fingerprint() != deep.fingerprint()
    again = SentenceEncoder(deep.preprocessor, deep.backbone, depths=(1.0, 0.7))
    assert again.fingerprint() == deep.fingerprint()  # The same layers.


def test_of_a_backbone_of_another_kind_the_last_states_are_read(encoder):
    import keras_hub

    sizes = {"num_layers": 2, "num_heads": 2, "hidden_dim": 6, "intermediate_dim": 8}
    albert = keras_hub.models.AlbertBackbone(vocabulary_size=12, embedding_dim=4, **sizes)
    one = SentenceEncoder(encoder.preprocessor, albert)
    two = SentenceEncoder(encoder.preprocessor, albert, depths=(1.0, 0.5))
    np.testing.assert_array_equal(two.encode(["the cat"]), one.encode(["the cat"]))
    assert two.units == 6


@pytest.mark.parametrize("depths", [(), (0.0,), (1.0, 1.5)])
def test_what_is_no_depth_is_refused(encoder, depths):
    with pytest.raises(ValueError, match=r"depths.*received"):
        SentenceEncoder(encoder.preprocessor, encoder.backbone, depths=depths)


@pytest.mark.slow
def test_a_text_does_not_depend_on_the_others_of_its_batch(encoder):
    texts = ["cat", "the cat sat on the mat the cat sat on the mat", "", "mat mat"]
    together = encoder(tf.constant(texts)).numpy()
    alone = np.concatenate([encoder(tf.constant([text])).numpy() for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    np.testing.assert_allclose(encoder.encode(texts, batch_size=2), alone, atol=1e-5)


def test_says_which_texts_are_cut_off(encoder):
    # Eight tokens, two of them [CLS] and [SEP].
    texts = ["cat " * 6, "cat " * 7, "", "unknown" * 9, "the cat sat on the mat, cat"]
    assert encoder.cut_off(texts).tolist() == [False, True, False, False, True]
    assert encoder.cut_off([]).tolist() == []
    whole, cut = encoder(tf.constant(["cat " * 6, "cat " * 6 + "mat"])).numpy()
    np.testing.assert_allclose(whole, cut, atol=1e-5)


def test_trains_nothing(encoder):
    assert encoder.trainable_weights == []


def test_comes_back_from_a_keras_file(encoder, tmp_path):
    model = keras.Sequential([keras.Input((), dtype="string"), encoder])
    texts = tf.constant(["the cat", "mat"])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(texts).numpy(), model(texts).numpy(), atol=1e-6)


def test_a_folder_without_an_encoder_is_named(tmp_path):
    with pytest.raises(OSError, match=f"encoder: expected a folder.*{tmp_path.name}"):
        SentenceEncoder.from_preset(str(tmp_path))


def test_a_piece_alone_is_the_text_of_that_piece(encoder):
    pieces = encoder.encode_pieces(np.array([6, 9]))
    np.testing.assert_allclose(pieces, encoder.encode(["cat", "mat"]), atol=1e-6)
    assert encoder.num_pieces == len(SPECIAL) + len(WORDS)


@pytest.mark.slow
def test_many_texts_in_few_batches_come_back_in_order(encoder, monkeypatch):
    monkeypatch.setattr("tfp_dgm.networks.sentence_encoder._TOKENS_AT_ONCE", 12)
    words = ["the", "cat", "sat", "on", "mat"]
    texts = [" ".join(words[(n + m) % 5] for m in range(n % 9)) for n in range(40)]
    sizes = []

    def pool(**tokens):
        sizes.append(tokens["padding_mask"].shape)
        return SentenceEncoder.pool(encoder, **tokens)

    monkeypatch.setitem(vars(encoder), "_compiled_pool", pool)
    together = encoder.encode(texts)
    alone = np.concatenate([encoder(tf.constant([text])).numpy() for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert all(rows == 1 or rows * length <= 12 for rows, length in sizes)
    assert encoder.encode([]).shape == (0, 6)
