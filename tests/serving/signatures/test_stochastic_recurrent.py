"""A stochastic recurrent text model as it is served: what it draws and what it scores agree."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.texts import V
from tfp_dgm import models, networks
from tfp_dgm.serving import export
from tfp_dgm.serving.signatures.signatures_of import signatures_of
from tfp_dgm.text import WordVocabulary

# Each test needs a training, an export or a process, which they share.
pytestmark = pytest.mark.slow

WORDS = ["the", "cat", "sat"]


@pytest.fixture(scope="module")
def model():
    made = models.StochasticRecurrentTextModel(
        networks.LSTMEncoder(V, 3, embedding_units=2, return_sequences=True),
        networks.GRUDecoder(V, 5, conditioning_units=2, embedding_units=3),
        latent_units=2,
        vocabulary=WordVocabulary(WORDS),
        max_length=4,
        seed=1,
    )
    made.build((None, None))
    random = np.random.default_rng(4)
    for weight in made.trainable_weights:
        weight.assign(random.normal(scale=0.7, size=weight.shape))
    # A posterior somewhat wider than the prior, so that importance weights have light tails.
    for layer, rho in ((made.prior_layer, 0.0), (made.posterior_layer, 0.8)):
        layer.projection.kernel.assign(0.3 * layer.projection.kernel)
        layer.projection.bias.assign([0.1, 0.1, rho, rho])
    return made


def ask(signature, **inputs):
    answer = signature.plain()(*(tf.constant(inputs[key]) for key in signature.inputs))
    return {key: value.numpy() for key, value in answer.items()}


def seeds(count, first=11):
    return np.array([[first, k] for k in range(count)], np.int32)


def test_texts_come_as_often_as_their_scores_say(model):
    """Frequencies of drawn texts, which no filter knows of, against estimates of p(x)."""
    draws, repeats = 4_000, 300
    signatures = signatures_of(model)
    drawn = ask(signatures["generate"], seed=seeds(draws), temperature=np.ones(draws, np.float32))
    found, counts = np.unique(drawn["text"], return_counts=True)
    # Such as ended by themselves and are read as they were written.
    whole = [
        (count, text)
        for text, count in zip(found, counts, strict=True)
        if len(text.split()) < model.max_length and set(text.decode().split()) <= set(WORDS)
    ]
    counts, texts = zip(*sorted(whole)[-4:], strict=True)
    shares = np.array(counts) / draws
    assert max(len(text.split()) for text in texts) > 1
    asked = np.repeat(texts, repeats)
    scores = ask(signatures["score"], text=asked, seed=seeds(len(asked), 5))["log_likelihood"]
    estimates = np.exp(scores.reshape(len(texts), repeats))
    error = np.sqrt(shares * (1 - shares) / draws + estimates.var(axis=1) / repeats)
    # 4 standard errors of each of 4: fails with probability 3e-4.
    assert np.all(np.abs(shares - estimates.mean(axis=1)) < 4 * error)


def test_a_rows_answer_is_its_own_everywhere(model, tmp_path):
    """In any batch, compiled, from the reloaded file, and from the SavedModel."""
    signatures = signatures_of(model)
    texts, temperature = np.array([b"the cat", b"sat", b""]), np.array([0.5, 1, 2], np.float32)
    drawn = ask(signatures["generate"], seed=seeds(3), temperature=temperature)
    scored = ask(signatures["score"], text=texts, seed=seeds(3))
    alone = ask(signatures["generate"], seed=seeds(3)[1:2], temperature=temperature[1:2])
    assert alone["text"][0] == drawn["text"][1]
    alone = ask(signatures["score"], text=texts[1:2], seed=seeds(3)[1:2])
    np.testing.assert_allclose(alone["log_likelihood"], scored["log_likelihood"][1:2], rtol=1e-5)

    compiled = signatures["generate"].twin()(tf.constant(seeds(3)), tf.constant(temperature))
    assert signatures["generate"].finish()(*compiled.values())["text"].numpy().tolist() == [
        *drawn["text"]
    ]
    prepared = signatures["score"].prepare()(tf.constant(texts), tf.constant(seeds(3)))
    compiled = signatures["score"].twin()(prepared["token_ids"], prepared["seed"])
    np.testing.assert_allclose(compiled["log_likelihood"], scored["log_likelihood"], rtol=1e-4)

    model.save(tmp_path / "model.keras")
    again = signatures_of(keras.saving.load_model(tmp_path / "model.keras"))
    reloaded = ask(again["generate"], seed=seeds(3), temperature=temperature)
    np.testing.assert_array_equal(reloaded["text"], drawn["text"])
    plain = {name: replace(signatures[name], xla=False) for name in ("serving_default", "score")}
    version = export(model, tmp_path / "saved", signatures=plain, batch_sizes=[2])
    served = tf.saved_model.load(str(version)).signatures
    answer = served["serving_default"](seed=seeds(3), temperature=temperature)
    np.testing.assert_array_equal(answer["text"], drawn["text"])
    np.testing.assert_allclose(
        answer["log_probability"], drawn["log_probability"], rtol=1e-4, atol=1e-5
    )
    answer = served["score"](text=tf.constant(texts), seed=seeds(3))
    np.testing.assert_allclose(answer["log_likelihood"], scored["log_likelihood"], rtol=1e-4)


def test_a_model_without_a_vocabulary_is_not_served():
    bare = models.StochasticRecurrentTextModel(
        keras.layers.Embedding(V, 2),
        networks.GRUDecoder(V, 3, conditioning_units=2),
        latent_units=2,
    )
    with pytest.raises(ValueError, match="expected a StochasticRecurrentTextModel with a vocab"):
        signatures_of(bare)
