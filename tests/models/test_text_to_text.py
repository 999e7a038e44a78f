"""Texts that answer texts: the source's words are attended to, and its padding is not."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models import captioner_toys as toys
from tests.saving import assert_same_weights
from tfp_dgm import layers, networks
from tfp_dgm.inference import expert_texts, texts_of_expert
from tfp_dgm.models import MixtureOfExpertsCaptioner
from tfp_dgm.objectives import ReweightedWakeSleep
from tfp_dgm.text import WordVocabulary

SOURCES = np.array([[4, 5, 3, 6, 2], [6, 4, 2, 0, 0], [2, 0, 0, 0, 0]], np.int32)
INPUTS = {"source": SOURCES, "token_ids": toys.inputs(rows=3)["token_ids"]}
ENCODERS = {
    "bidirectional lstm": lambda **kw: networks.LSTMEncoder(
        7, toys.FEATURES, embedding_units=4, bidirectional=True, **kw
    ),
    "transformer": lambda **kw: networks.TransformerEncoder(
        7, 2 * toys.FEATURES, num_heads=2, embedding_units=4, **kw
    ),
}


def translator(encoder, *, transformer=False, **kwargs):
    """Random weights in every place; decoders attend to the encoder's 2 x 5 numbers a token."""
    kind = networks.TransformerDecoder if transformer else networks.LSTMDecoder
    extra = {"num_layers": 1, "num_heads": 2} if transformer else {}
    decoder = kind(
        toys.VOCABULARY,
        6,
        conditioning_units=toys.CONTEXT + 3,
        embedding_units=4,
        memory_units=2 * toys.FEATURES,
        **extra,
    )
    model = MixtureOfExpertsCaptioner(
        layers.SharedExperts(
            layers.TokenSequence(decoder, toys.LENGTH), toys.EXPERTS, embedding_units=3
        ),
        encoder=ENCODERS[encoder](return_sequences=True, name="encoder"),
        gate=layers.Categorical(toys.EXPERTS, name="gate"),
        seed=1,
        **kwargs,
    )
    return toys.randomized(model, INPUTS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("encoder", "transformer"),
    [
        ("bidirectional lstm", False),
        pytest.param("transformer", True, marks=pytest.mark.slow),
    ],
)
def test_padding_of_the_source_changes_nothing(encoder, transformer):
    model = translator(encoder, transformer=transformer)
    padded = {**INPUTS, "source": np.pad(SOURCES, [(0, 0), (0, 3)])}
    together = model.log_joint(INPUTS["token_ids"], model.encode(padded["source"])).numpy()
    assert np.ptp(together, axis=1).min() > 0.05
    encoded = model.encode(padded["source"])
    beams = expert_texts(model, encoded, beam_size=3)
    draws = expert_texts(model, encoded, seeds=tf.constant([[1, 2], [3, 4], [5, 6]]))
    of_one = texts_of_expert(model, encoded, 2, 3)
    for b, row in enumerate(SOURCES[1:], start=1):  # The first has no padding of its own.
        alone = model.encode(row[np.newaxis][:, row > 0])
        found = model.log_joint(INPUTS["token_ids"][b : b + 1], alone)[0]
        np.testing.assert_allclose(found, together[b], rtol=1e-4, atol=1e-4)
        one = expert_texts(model, alone, beam_size=3)
        np.testing.assert_array_equal(one.token_ids[0], beams.token_ids[b])
        np.testing.assert_allclose(one.log_joint[0], beams.log_joint[b], rtol=1e-4, atol=1e-4)
        one = expert_texts(model, alone, seeds=tf.constant([[1 + 2 * b, 2 + 2 * b]]))
        np.testing.assert_array_equal(one.token_ids[0], draws.token_ids[b])
        one = texts_of_expert(model, alone, 2, 3)
        np.testing.assert_array_equal(one.token_ids[0], of_one.token_ids[b])


def test_the_e_step_and_the_gradient_leave_padding_out():
    model = translator("bidirectional lstm", expert_posterior=layers.Responsibilities(3, hard=True))
    objective = ReweightedWakeSleep(num_samples=1)
    found = []
    for source in (SOURCES, np.pad(SOURCES, [(0, 0), (0, 3)])):
        with tf.GradientTape() as tape:
            bound = model.bound({**INPUTS, "source": source}, objective=objective, training=True)
            loss = tf.reduce_sum(bound.loss)
        weights = [weight.value for weight in model.trainable_weights]
        gradients = tape.gradient(loss, weights)
        found.append([tf.convert_to_tensor(part).numpy() for part in gradients])
    for weight, one, other in zip(model.trainable_weights, *found, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-3, atol=1e-5, err_msg=weight.path)
        assert np.abs(one).max() > 1e-6 or "gate" in weight.path, weight.path


def test_comes_back_from_a_file_with_both_vocabularies(tmp_path):
    model = translator(
        "transformer",
        vocabulary=WordVocabulary(list("abcde")),
        source_vocabulary=WordVocabulary(list("xyz"), max_length=5),
    )
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    assert_same_weights(model, copy)
    np.testing.assert_array_equal(copy.log_marginal(INPUTS), model.log_marginal(INPUTS))
    texts = tf.constant(["x z", "y"])
    np.testing.assert_array_equal(copy.source_vocabulary(texts), [[4, 6, 2], [5, 2, 0]])
    with pytest.raises(ValueError, match="source vocabulary has 6 tokens, the encoder 7"):
        translator("transformer", source_vocabulary=WordVocabulary(["x", "y"]))


WORDS, MOST = 8, 6


def backwards(rows, seed):
    """Sources of 3 to 6 of 8 words; targets are their translations, in the opposite order."""
    random = np.random.default_rng(seed)
    translated = 4 + np.random.default_rng(0).permutation(WORDS)
    source = np.zeros((rows, MOST + 1), np.int32)
    target = np.zeros((rows, MOST + 1), np.int32)
    for row, length in enumerate(random.integers(3, MOST + 1, size=rows)):
        words = random.integers(WORDS, size=length)
        source[row, : length + 1] = [*(words + 4), 2]
        target[row, : length + 1] = [*translated[words[::-1]], 2]
    return {"source": source, "token_ids": target}


def share_right(return_sequences):
    """The share of new words that a small translator gets right, after a short training."""
    keras.utils.set_random_seed(2)
    units = 12
    decoder = networks.LSTMDecoder(
        4 + WORDS,
        48,
        conditioning_units=24,
        embedding_units=16,
        memory_units=2 * units,
        seed=1,
    )
    model = MixtureOfExpertsCaptioner(
        layers.SharedExperts(layers.TokenSequence(decoder, MOST + 1), 1, embedding_units=8),
        encoder=networks.GRUEncoder(
            4 + WORDS,
            units,
            embedding_units=16,
            bidirectional=True,
            return_sequences=return_sequences,
        ),
        seed=1,
    )
    model.compile(keras.optimizers.Adam(2e-2))
    model.fit(backwards(1500, 1), epochs=5, batch_size=50, verbose=0)
    new = backwards(100, 3)
    found = expert_texts(model, model.encode(new["source"])).token_ids[:, 0].numpy()
    real = new["token_ids"] > 0
    return (found == new["token_ids"])[real].mean()


@pytest.mark.slow
def test_translation_needs_attention():
    """The same networks, data and steps, but for what the decoder sees of the source.

    Quicker: `test_mixture_of_experts_captioner.py::test_text_to_text`.
    """
    attending, one_vector = share_right(True), share_right(False)
    assert attending > 0.95
    assert one_vector < 0.8
