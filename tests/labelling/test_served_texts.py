"""What is served of a classifier, against its equations in NumPy."""

import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from tests.labelling.made_classifiers import drawn_classifier
from tfp_dgm.labelling.text_views import VAE_SHARE

WORDS = ["apple", "pear", "iron", "zinc", "äpfel", "plum"]
TEXTS = [
    "An apple, a pear; IRON iron",
    "Äpfel und apple",
    "",
    "zinc",
    "nothing that it knows",
    "plum " * 700 + "pear",  # Longer than the compiled twins read.
    "iron? 3 zinc Ä",
    "zinc iron zinc; a pear, iron; pear iron",
]
# No phrase is in two of these but the five that `_order` counts.
ORDERED = ["zinc iron", "zinc iron? pear iron", "? pear iron", "? plum plum", "a plum plum plum"]


def _unit(rows):
    return rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-12)


def _tf_idf(counts, idf):
    return _unit(np.where(counts > 0, 1 + np.log(np.maximum(counts, 1)), 0) * idf)


def _softmax(layer, inputs):
    kernel, bias = (weight.astype(float) for weight in layer.get_weights())
    return scipy.special.softmax(inputs @ kernel + bias, axis=-1)


def _mixed(mixture, members):
    logits = [
        np.log(np.maximum(member, 1e-7)) / temperature
        for member, temperature in zip(members, mixture.temperatures, strict=True)
    ]
    parts = np.stack([scipy.special.softmax(logit, axis=-1) for logit in logits])
    return np.tensordot(mixture.weights_, parts, 1) + mixture.floor / parts.shape[-1]


def _bag(layer, view):
    kernel, bias = (weight.astype(float) for weight in layer.get_weights())
    logits = (view @ kernel + bias).reshape(len(view), len(layer.head_weights), -1)
    return np.einsum("bhk,h->bk", scipy.special.softmax(logits, axis=-1), layer.head_weights)


def _order(layer, texts):
    """Vectors by the phrases that ORDERED has twice, in the order of their numbers."""
    counts = np.zeros((len(texts), 5))
    for row, text in zip(counts, texts, strict=True):
        words = re.findall(r"[^\W_]+", text.lower())
        pairs = list(pairwise(words))
        row[:] = (
            pairs.count(("pear", "iron")),
            pairs.count(("zinc", "iron")),
            pairs.count(("plum", "plum")),
            words[:1] == ["zinc"],
            words[:2] == ["zinc", "iron"],
        )
    weights = _tf_idf(counts, layer.tf_idf.idf.astype(float))
    return _unit(weights @ layer.projection.get_weights()[0])


def probabilities(model, texts):
    """The classifier's equations, word by word and head by head, in double precision."""
    found = [Counter(re.findall(r"[^\W_]+", text.lower())) for text in texts]
    counts = np.array([[count[word] for word in model.word_counts.vocabulary] for count in found])
    words = _tf_idf(counts, model.tf_idf.idf.astype(float))
    semantic = _unit(words @ model.lsa.get_weights()[0])
    _, hidden = (layer for layer in model.vae.encoder.layers if layer.name != "word_dropout")
    kernel, bias = hidden.get_weights()
    features = _tf_idf(counts[:, model.vae_words], model.vae.idf.astype(float)) @ kernel + bias
    kernel, bias = model.vae.posterior_layer.get_weights()
    means = (np.maximum(features, 0) @ kernel + bias)[:, : len(model.vae_scale)]
    latent = np.concatenate([semantic, VAE_SHARE * _unit(means / model.vae_scale)], axis=1)
    views = [latent, semantic]
    if model.word_order is not None:
        views.append(_order(model.word_order, texts))
    members = [_bag(bag, view) for bag, view in zip(model.heads, views, strict=True)]
    members += [_softmax(layer, words) for layer in model.naive_bayes]
    pair = [_mixed(model.ensemble, members), _softmax(model.student, words)]
    answer = _mixed(model.combination, pair)
    return _mixed(model.calibration, [answer] * len(model.calibration.temperatures))


@pytest.fixture(scope="module", params=[(), ORDERED], ids=["words", "order"])
def model(request):
    return drawn_classifier(WORDS, vae_words=[5, 1, 3], ordered_as=request.param, seed=3)


def test_strings_are_answered_as_the_equations_say(model):
    expected = probabilities(model, TEXTS)
    assert expected.max() - expected.min() > 0.3
    signatures = model.serving_signatures()
    served = signatures["serving_default"].plain()(tf.constant(TEXTS))
    np.testing.assert_allclose(served["probabilities"], expected, atol=1e-6)
    np.testing.assert_allclose(model(tf.constant(TEXTS)), expected, atol=1e-6)
    labels = tf.constant([model.classes[row % 3] for row in range(len(TEXTS))])
    scores = signatures["score"].plain()(tf.constant(TEXTS), labels)["log_likelihood"]
    chosen = [expected[row, row % 3] for row in range(len(TEXTS))]
    np.testing.assert_allclose(np.exp(scores), chosen, atol=1e-6)


def test_no_texts_have_no_answers(model):
    served = model.serving_signatures()["serving_default"].plain()(tf.constant([], tf.string))
    assert served["probabilities"].shape == (0, 3)
    assert served["label"].shape == (0,)
