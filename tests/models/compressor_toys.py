"""A tiny compressor of sentences, and all that it could have written, in NumPy."""

import itertools

import numpy as np

from tests.references.pointed_subsequences import pointed_log_prob, subsequences
from tests.references.recurrent_text import (
    encoder_weights_of,
    lstm_features,
    lstm_log_prob,
    weights_of,
)
from tfp_dgm import models, networks
from tfp_dgm.text import WordVocabulary

WORDS = ["cat", "sat", "mat"]
VOCABULARY = WordVocabulary(WORDS)
V = VOCABULARY.size  # 7
LENGTH = 3  # L: two words and END.
TEXTS = np.array([b"cat sat cat", b"mat sat", b"cat"])


def compressor(scale=0.7, prior=None, **kwargs):
    """With weights drawn anew, so wide; 0 leaves them as they begin."""
    if prior is None:
        decoder = networks.LSTMDecoder(V, 4, embedding_units=3)
        prior = models.LanguageModel(decoder, vocabulary=VOCABULARY, max_length=LENGTH, name="lm")
    common = {"embedding_units": 3}
    model = models.SentenceCompressor(
        prior,
        networks.LSTMEncoder(V, 4, return_sequences=True, **common),
        networks.LSTMDecoder(V, 5, conditioning_units=4, **common),
        networks.LSTMEncoder(V, 3, return_sequences=True, **common),
        networks.LSTMDecoder(V, 4, memory_units=3, **common),
        **{"seed": 2, **kwargs},
    )
    model.build((None,))
    random = np.random.default_rng(4)
    for weight in (*prior.weights, *model.trainable_weights) if scale else ():
        if "seed_generator" not in weight.path:
            weight.assign(random.normal(scale=scale, size=weight.shape))
    return model


def token_ids(text):
    return [4 + WORDS.index(word) for word in text.decode().split()]


def closed(words, length=LENGTH):
    return np.array([*words, 2] + [0] * (length - 1 - len(words)), np.int32)


def features(encoder, tokens):
    """[T, D], after each token."""
    weights = encoder_weights_of(encoder)
    return np.array([lstm_features(weights, tokens[: end + 1]) for end in range(len(tokens))])


def log_prior(model, c):
    return lstm_log_prob(weights_of(model.language_model.decoder), None, [*c, 2])


def log_likelihood(model, x, c):
    memory = features(model.compression_encoder, [*c, 2])
    return lstm_log_prob(weights_of(model.likelihood.decoder), None, [*x, 2], memory)


def log_posterior(model, x, c, most=LENGTH - 1):
    whole = features(model.encoder, [*x, 2])
    keys = whole[:-1] @ np.asarray(model.pointer.key_map.kernel, np.float64)
    weights = weights_of(model.pointer.decoder)
    return pointed_log_prob(weights, whole.mean(axis=0), x, keys, c, most)


def every_sentence():
    """All of at most two words, the unknown one among them."""
    return [c for size in range(LENGTH) for c in itertools.product(range(3, V), repeat=size)]


def every_compression(text, most=LENGTH - 1):
    """Of a text: (c, log q(c | x))."""
    return subsequences(token_ids(text), most)
