"""What every decoder promises: stepping is teacher forcing, and the past alone is read."""

import functools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.networks.decoders import DECODERS
from tests.saving import assert_same_weights
from tfp_dgm import networks

V, Z, M = 7, 3, 4
INPUTS = np.array([[1, 4, 5, 3, 6], [1, 6, 2, 0, 0], [1, 2, 0, 0, 0]], np.int32)  # [B, T]

every_decoder = pytest.mark.parametrize("name", DECODERS)


def make(name, conditioning_units=Z, **kwargs):
    cls, arguments = DECODERS[name]
    arguments = {**arguments, "embedding_units": 5, **kwargs}
    decoder = cls(V, conditioning_units=conditioning_units, **arguments)
    decoder.build()
    random = np.random.default_rng(3)
    for weight in decoder.weights:
        weight.assign(random.normal(scale=0.5, size=weight.shape))
    return decoder


@functools.cache
def decoder_of(name):
    """One for all tests that change nothing of it."""
    return make(name)


def values(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def memory_of(decoder):
    """Memory [B, M, D] whose last vector is hidden from the last row."""
    if not decoder.memory_units:
        return decoder.prepare_memory(None)
    mask = np.ones((3, M), bool)
    mask[2, -1] = False
    return decoder.prepare_memory(values(3, M, decoder.memory_units), mask)


def steps(decoder, z, inputs, memory):
    """Features of one step after the other."""
    batch = np.broadcast_shapes(z.shape[:-1], inputs.shape[:-1])
    state = decoder.initial_state(np.broadcast_to(z, (*batch, z.shape[-1])), inputs.shape[-1])
    features = []
    for time in range(inputs.shape[-1]):
        tokens = np.broadcast_to(inputs[..., time], batch)
        h, state = decoder.step(z, tf.constant(tokens), tf.constant(time), state, memory=memory)
        features.append(h)
    return np.stack(features, axis=-2)


@every_decoder
@pytest.mark.parametrize("leading", [pytest.param((3,), marks=pytest.mark.slow), (2, 1)])
def test_stepping_is_teacher_forcing(name, leading):
    decoder, z = decoder_of(name), values(*leading, Z)
    memory = memory_of(decoder)
    expected = steps(decoder, z, INPUTS, memory)
    actual = decoder.features(z, INPUTS, memory=memory).numpy()
    assert actual.std(axis=-2).max() > 0.01
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)


@every_decoder
def test_draws_share_texts_without_tiling(name):
    decoder, z = decoder_of(name), values(2, 3, Z)
    memory = memory_of(decoder)
    together = decoder.features(z, INPUTS, memory=memory)
    for s in range(2):
        alone = decoder.features(z[s], INPUTS, memory=memory)
        np.testing.assert_allclose(together[s], alone, rtol=1e-4, atol=1e-5)


@every_decoder
def test_the_future_is_not_read(name):
    decoder, z = decoder_of(name), values(3, Z)
    memory = memory_of(decoder)
    other = INPUTS.copy()
    other[:, 3:] = 5
    before = decoder.features(z, INPUTS, memory=memory).numpy()
    after = decoder.features(z, other, memory=memory).numpy()
    np.testing.assert_allclose(after[:, :3], before[:, :3], rtol=1e-5, atol=1e-6)
    moved = np.abs(after[0, 3:] - before[0, 3:]).max()
    assert moved == 0 if name == "inputless" else moved > 1e-3


@every_decoder
def test_conditioning_and_memory_are_read(name):
    decoder, z = decoder_of(name), values(3, Z)
    memory = memory_of(decoder)
    features = decoder.features(z, INPUTS, memory=memory)
    assert np.abs(decoder.features(-z, INPUTS, memory=memory) - features).max() > 1e-2
    if not decoder.memory_units:
        return
    other = values(3, M, decoder.memory_units)
    other[2, -1] += 9.0  # Hidden from its row.
    mask = np.ones((3, M), bool)
    mask[2, -1] = False
    hidden = decoder.features(z, INPUTS, memory=decoder.prepare_memory(other, mask))
    np.testing.assert_allclose(hidden, features, rtol=1e-4, atol=1e-5)
    seen = decoder.features(z, INPUTS, memory=decoder.prepare_memory(other))
    assert np.abs(seen[2] - features[2]).max() > 1e-3


@pytest.mark.parametrize("name", ["lstm", "gru", "transformer", "convolutional"])
def test_language_models_have_no_conditioning(name):
    decoder, z = make(name, conditioning_units=0), np.zeros((3, 0), np.float32)
    expected = steps(decoder, z, INPUTS, None)
    np.testing.assert_allclose(decoder.features(z, INPUTS), expected, rtol=1e-4, atol=1e-5)
    logits = decoder(INPUTS)
    assert logits.shape == (3, 5, V)
    expected = expected @ decoder.output_kernel.numpy().T + decoder.output_bias.numpy()
    np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-4)


@every_decoder
def test_gradient_reaches_every_weight(name):
    decoder, z = decoder_of(name), values(3, Z)
    with tf.GradientTape() as tape:
        memory = memory_of(decoder)
        h = decoder.features(z, INPUTS, memory=memory)
        logits = tf.einsum("btd,vd->btv", h, decoder.output_kernel) + decoder.output_bias
        loss = tf.reduce_sum(tf.nn.log_softmax(logits)[..., 2])
    weights = decoder.trainable_weights
    gradients = tape.gradient(loss, [weight.value for weight in weights])
    for weight, gradient in zip(weights, gradients, strict=True):
        assert np.abs(tf.convert_to_tensor(gradient)).max() > 1e-5, weight.path


@every_decoder
def test_a_frozen_one_comes_back_frozen(name):
    cls, arguments = DECODERS[name]
    decoder = cls(V, conditioning_units=Z, embedding_units=5, trainable=False, **arguments)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(decoder))
    for frozen in (decoder, copy):
        frozen.build()
        holder = keras.Sequential([frozen])  # Keras asks the parts, not the frozen layer itself.
        assert len(frozen.weights) > 5
        assert holder.trainable_weights == frozen.trainable_weights == []
        frozen.trainable = True
        assert len(frozen.trainable_weights) == len(decoder_of(name).trainable_weights)


@pytest.mark.parametrize("name", [name for name in DECODERS if "memory" in name])
def test_padding_of_a_memory_is_not_attended_to(name):
    decoder, z = decoder_of(name), values(3, Z)
    encoder = networks.LSTMEncoder(V, 5, embedding_units=4, return_sequences=True)
    texts = keras.Input((None,), dtype="int32")
    model = keras.Model(texts, decoder(INPUTS, z, encoder(texts)))
    source = np.array([[4, 5, 3, 2], [6, 4, 2, 0], [2, 0, 0, 0]], np.int32)
    expected = model(source)
    np.testing.assert_allclose(model(np.pad(source, [[0, 0], [0, 3]])), expected, rtol=1e-4)
    memory = encoder(source)
    mask = source != 0
    given = decoder.features(z, INPUTS, memory=decoder.prepare_memory(memory, mask))
    logits = given @ tf.transpose(decoder.output_kernel) + decoder.output_bias
    np.testing.assert_allclose(expected, logits, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("memory_units", [0, 5])
def test_dropout_of_the_transformer_acts_on_all_that_a_block_adds(memory_units):
    arguments = {"num_heads": 2, "num_layers": 1, "dropout": 0.5, "seed": 1}
    decoder = networks.TransformerDecoder(V, 8, memory_units=memory_units, **arguments)
    memory = None if not memory_units else values(3, M, memory_units)
    conditioning = np.zeros((3, 0), np.float32)
    decoder(INPUTS, conditioning, memory)
    decoder.input_dropout.rate = decoder.output_dropout.rate = 0.0
    last = len(decoder.weights)
    parts = [decoder.self_attention[0].output_map, decoder.outer[0]]
    parts += [layer.output_map for layer in decoder.memory_attention]
    kept = [[w.numpy() for w in part.weights] for part in parts]
    for part in parts:  # Alone: what the others add is nothing.
        for other, weights in zip(parts, kept, strict=True):
            other.set_weights([w * (other is part) for w in weights])
        noisy = decoder(INPUTS, conditioning, memory, training=True)
        assert np.abs(noisy - decoder(INPUTS, conditioning, memory)).max() > 1e-3
    assert len(decoder.weights) == last


@every_decoder
def test_comes_back_through_json(name):
    cls, arguments = DECODERS[name]
    decoder = cls(V, conditioning_units=Z, dropout=0.1, word_dropout=0.2, seed=3, **arguments)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(decoder)))
    copy = keras.saving.deserialize_keras_object(config)
    assert copy.get_config() == decoder.get_config()
    decoder.build()
    copy.build()
    assert_same_weights(decoder, decoder)
    assert [w.path for w in copy.weights] == [w.path for w in decoder.weights]
    for name, value in arguments.items():
        kept = getattr(copy, name)
        assert list(kept) == value if isinstance(value, list) else kept == value


@every_decoder
def test_mixed_precision_computes_in_bfloat16(name, dtype_policy):
    expected = decoder_of(name).features(values(3, Z), INPUTS, memory=memory_of(decoder_of(name)))
    dtype_policy("mixed_bfloat16")
    decoder = make(name)
    actual = decoder.features(values(3, Z), INPUTS, memory=memory_of(decoder))
    assert actual.dtype == tf.bfloat16
    assert {weight.dtype for weight in decoder.weights} == {"float32"}
    np.testing.assert_allclose(tf.cast(actual, tf.float32), expected, atol=0.15, rtol=0.1)


def test_noise_acts_in_training_only():
    decoder = make("lstm", dropout=0.5, word_dropout=0.5, seed=1)
    z = values(3, Z)
    calm = decoder.features(z, INPUTS)
    np.testing.assert_array_equal(decoder.features(z, INPUTS), calm)
    assert np.abs(decoder.features(z, INPUTS, training=True) - calm).max() > 0.01


def test_word_dropout_hides_a_share_of_the_words():
    """8,000 tokens, share within 5 standard errors: fails once in 10^6."""
    layer = networks.WordDropout(0.3, seed=2)
    tokens = np.tile([[1, 4, 5, 6, 2, 0, 0]], (2000, 1))
    dropped = layer(tokens, training=True).numpy()
    np.testing.assert_array_equal(dropped[:, [0, 5, 6]], tokens[:, [0, 5, 6]])
    hidden = dropped[:, 1:5] == 3
    assert abs(hidden.mean() - 0.3) < 5 * np.sqrt(0.3 * 0.7 / 8000)
    np.testing.assert_array_equal(dropped[:, 1:5][~hidden], tokens[:, 1:5][~hidden])
    np.testing.assert_array_equal(layer(tokens), tokens)


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (lambda: networks.LSTMDecoder(0), "`vocabulary_size` must be >= 1; received 0"),
        (lambda: networks.GRUDecoder(4, skip_connections=True), "`conditioning_units` > 0"),
        (lambda: networks.TransformerDecoder(4, 7), "`units` must be even"),
        (lambda: networks.ConvolutionalDecoder(4, dilations=()), "must be positive"),
        (lambda: networks.ConvolutionalDecoder(4, memory_units=2), "must be 0"),
        (lambda: networks.LSTMDecoder(4).prepare_memory(tf.zeros([1, 2, 3])), "expected no memory"),
        (lambda: networks.WordDropout(1.5), r"must lie in \[0, 1\]; received 1.5"),
    ],
)
def test_errors_name_the_argument(run, message):
    with pytest.raises(ValueError, match=message):
        run()
