import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tiny_bert import tiny_bert
from tfp_dgm.networks import SentenceEncoder, packed_transformer, product_speed
from tfp_dgm.networks.packed_transformer import PackedTransformer
from tfp_dgm.networks.pretrained_tokens import sequence_output
from tfp_dgm.networks.product_speed import faster_dtype

keras_hub = pytest.importorskip("keras_hub")

SIZES = {"num_layers": 2, "num_heads": 3, "hidden_dim": 12, "intermediate_dim": 20}
SIZES |= {"vocabulary_size": 30, "max_sequence_length": 9}
WORDS = ["the", "cat", "sat", "on", "mat"]


def randomised(backbone):
    """With biases and scales that are not 0 and 1, and attention that is not even."""
    rng = np.random.default_rng(0)
    backbone.set_weights(
        [(weight + rng.normal(0, 0.3, weight.shape)) for weight in backbone.get_weights()]
    )
    return backbone


def inputs_of(backbone):
    rng = np.random.default_rng(1)
    mask = (np.arange(7) < np.array([[7], [4], [1], [6]])).astype(np.int32)
    ids = rng.integers(1, 30, mask.shape) * mask
    inputs = {"token_ids": ids, "padding_mask": mask, "segment_ids": 0 * ids}
    return {name: tf.constant(inputs[name], tf.int32) for name in backbone.input}, mask


def cosines(one, other):
    product = (one * other).sum(axis=-1)
    return product / np.linalg.norm(one, axis=-1) / np.linalg.norm(other, axis=-1)


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [("BertBackbone", "float32"), ("RobertaBackbone", "float32"), ("BertBackbone", "bfloat16")],
)
def test_gives_the_states_of_the_backbone(kind, dtype):
    backbone = randomised(getattr(keras_hub.models, kind)(**SIZES))
    inputs, mask = inputs_of(backbone)
    expected = sequence_output(backbone(inputs)).numpy()[mask > 0]
    received = PackedTransformer(backbone, dtype)(inputs).numpy()[mask > 0]
    if dtype == "float32":
        np.testing.assert_allclose(received, expected, atol=1e-5)
    else:
        assert np.abs(received - expected).max() > 1e-4  # It is not float32 after all.
        assert cosines(received, expected).min() > 0.999


def test_follows_the_weights_of_the_backbone():
    backbone = randomised(keras_hub.models.BertBackbone(**SIZES))
    packed = PackedTransformer(backbone)
    inputs, mask = inputs_of(backbone)
    graph = tf.function(packed, autograph=False)
    before = graph(inputs).numpy()
    randomised(backbone)
    after = graph(inputs).numpy()
    assert np.abs(after - before).max() > 0.1
    expected = backbone(inputs)["sequence_output"].numpy()
    np.testing.assert_allclose(after[mask > 0], expected[mask > 0], atol=1e-5)


def shared_layer():
    return keras_hub.models.AlbertBackbone(**SIZES, embedding_dim=4)


def normalised_first():
    token_ids = keras.Input([None], dtype="int32", name="token_ids")
    mask = keras.Input([None], dtype="int32", name="padding_mask")
    x = keras.layers.Embedding(30, 12)(token_ids)
    layer = keras_hub.layers.TransformerEncoder(20, 3, normalize_first=True)
    return keras.Model({"token_ids": token_ids, "padding_mask": mask}, layer(x, padding_mask=mask))


def without_mask():
    token_ids = keras.Input([None], dtype="int32", name="token_ids")
    mask = keras.Input([None], dtype="int32", name="padding_mask")
    x = keras.layers.Embedding(30, 12)(token_ids)
    states = keras_hub.layers.TransformerEncoder(20, 3)(x)
    return keras.Model({"token_ids": token_ids, "padding_mask": mask}, states)


def ends_in_another_layer():
    token_ids = keras.Input([None], dtype="int32", name="token_ids")
    mask = keras.Input([None], dtype="int32", name="padding_mask")
    x = keras.layers.Embedding(30, 12)(token_ids)
    states = keras_hub.layers.TransformerEncoder(20, 3)(x, padding_mask=mask)
    states = keras.layers.Dense(12)(states)
    return keras.Model({"token_ids": token_ids, "padding_mask": mask}, states)


@pytest.mark.parametrize(
    "make", [shared_layer, normalised_first, without_mask, ends_in_another_layer]
)
def test_a_backbone_of_another_kind_is_refused(make):
    backbone = make()
    assert PackedTransformer.of(backbone) is None
    with pytest.raises(ValueError, match=r"`backbone`.*TransformerEncoder.*received a"):
        PackedTransformer(backbone)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [((4.0, 2.0), "bfloat16"), ((4.0, 3.9), "float32"), ((4.0, 8.0), "float32")],
)
def test_the_faster_precision_is_taken_where_it_is_clearly_faster(monkeypatch, seconds, expected):
    # Float32 and bfloat16 take turns. The first turn of each is disturbed, and does not count.
    turns = itertools.chain((9.0, 9.5), itertools.cycle(seconds))
    ticks = itertools.chain.from_iterable((0.0, turn) for turn in turns)
    monkeypatch.setattr(product_speed.time, "process_time", lambda: next(ticks))
    assert faster_dtype.__wrapped__(6, 8) == expected


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_texts_are_encoded_in_that_precision(monkeypatch, eager, dtype):
    preprocessor, backbone = tiny_bert(WORDS, length=8, units=12, hidden=20)
    encoder = SentenceEncoder(preprocessor, randomised(backbone))
    texts = ["the cat sat", "", "mat on the mat", "cat"]
    exact = encoder(tf.constant(texts)).numpy()
    monkeypatch.setattr(packed_transformer, "faster_dtype", lambda units, inner: dtype)
    vectors = encoder.encode(texts)
    assert vectors.dtype == np.float32
    assert cosines(vectors, exact).min() > (0.999 if dtype == "bfloat16" else 1 - 1e-6)


def test_a_backbone_of_another_kind_encodes_as_it_is(eager):
    preprocessor, _ = tiny_bert(WORDS, length=8, units=12, hidden=20)
    sizes = {**SIZES, "num_groups": 1, "max_sequence_length": 8}
    encoder = SentenceEncoder(
        preprocessor, randomised(keras_hub.models.AlbertBackbone(**sizes, embedding_dim=4))
    )
    texts = ["the cat sat", "", "mat on the mat"]
    exact = encoder(tf.constant(texts)).numpy()
    np.testing.assert_allclose(encoder.encode(texts), exact, atol=1e-5)
