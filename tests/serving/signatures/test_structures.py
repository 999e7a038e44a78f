"""Models that sum structures out are served with what they say of the structures."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax

from tests.references.chains import chain
from tests.saving import assert_same_weights
from tfp_dgm import layers, models
from tfp_dgm.networks import GRUDecoder
from tfp_dgm.serving import export
from tfp_dgm.serving.signatures.signatures_of import signatures_of
from tfp_dgm.text import WordVocabulary

TOKENS = np.array([[4, 6, 5, 2], [5, 2, 0, 0]], np.int32)
FRAMES = np.random.default_rng(1).normal(size=(3, 4, 2)).astype(np.float32)


@pytest.mark.slow
def test_tags_of_texts_are_those_of_the_enumeration(tmp_path):
    model = models.ExactLikelihoodModel(layers.HiddenMarkovText(7, 2, 6, seed=3))
    model.build((None, None))
    model.save(tmp_path / "model.keras")
    copy = models.load_model(tmp_path / "model.keras")
    assert_same_weights(model, copy)
    default = {"serving_default": replace(signatures_of(copy)["serving_default"], xla=False)}
    version = export(copy, tmp_path / "saved", signatures=default, batch_sizes=[2])
    saved = tf.saved_model.load(str(version))
    answer = saved.signatures["serving_default"](inputs=tf.constant(TOKENS))
    logits = {
        name: np.asarray(getattr(model.likelihood, f"{name}_logits"), np.float64)
        for name in ("initial", "transition", "emission")
    }
    logits["emission"][:, [0, 1]] = -np.inf
    initial, transitions, emissions = (log_softmax(part, axis=-1) for part in logits.values())
    for row, length in enumerate((4, 2)):
        unary = emissions[:, TOKENS[row, :length]].T
        moves = np.broadcast_to(transitions, (length - 1, 2, 2))
        states = chain(unary, moves, initial)
        best = states.events[np.argmax(states.scores)]
        np.testing.assert_array_equal(answer["structure"][row, :length], best)
        np.testing.assert_allclose(answer["log_likelihood"][row], states.log_partition, rtol=1e-5)
        share = [
            [np.sum(states.probs[np.asarray(states.events)[:, t] == k]) for k in range(2)]
            for t in range(length)
        ]
        np.testing.assert_allclose(answer["marginals"][row, :length], share, rtol=1e-4)


def test_mean_fields_are_served_as_exact_chains_where_there_is_one(eager):
    """Of one chain, the mean field is the posterior."""
    likelihood = layers.FactorialHiddenMarkov(2, 1, 3, 4, seed=2)
    model = models.MeanFieldModel(likelihood, steps=1)
    model.build(FRAMES.shape)
    exact = likelihood().posterior(FRAMES)
    answer = signatures_of(model)["serving_default"].plain()(tf.constant(FRAMES))
    np.testing.assert_array_equal(answer["states"], exact.mode())
    np.testing.assert_allclose(answer["marginals"][:, :, 0], exact.marginals().unary, rtol=1e-4)
    np.testing.assert_allclose(answer["bound"], exact.log_partition(), rtol=1e-4)


def test_a_model_that_was_built_on_strings_is_exported_after_a_reload(tmp_path):
    vocabulary = WordVocabulary(["a", "b"])
    decoder = GRUDecoder(vocabulary.size, 3, embedding_units=2, seed=1)
    model = models.LanguageModel(decoder, vocabulary=vocabulary, max_length=4)
    texts = tf.constant(["a b", "b"])
    wanted = model(texts)  # Which builds it.
    model.save(tmp_path / "model.keras")
    copy = models.load_model(tmp_path / "model.keras")
    score = {"serving_default": replace(signatures_of(copy)["score"], xla=False)}
    version = export(copy, tmp_path / "saved", signatures=score, batch_sizes=[1])
    saved = tf.saved_model.load(str(version))
    found = saved.signatures["serving_default"](text=texts)["log_likelihood"]
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_what_sums_no_structure_out_declares_nothing():
    normal = models.ExactLikelihoodModel(layers.MultivariateNormalDiag(2))
    conditional = models.ExactLikelihoodModel(
        layers.HiddenMarkovText(7, 2, 6), encoder=keras.layers.Identity()
    )
    for model in (normal, conditional):
        with pytest.raises(ValueError, match="ExactLikelihoodModel declares no serving_sig"):
            signatures_of(model)
