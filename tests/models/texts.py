"""Tiny models of texts, and texts that follow a rule."""

import numpy as np

from tfp_dgm import layers, models, networks

V, Z = 7, 2


def make_vae(units=5, decoder=None, latent_units=Z, **kwargs):
    encoder = networks.LSTMEncoder(V, 6, embedding_units=4)
    decoder = decoder or networks.LSTMDecoder(V, units, conditioning_units=Z, embedding_units=4)
    kwargs = {"max_length": 5, "seed": 2, **kwargs}
    return models.TextVAE(encoder, decoder, latent_units=latent_units, **kwargs)


def make_language_model(units=5, **kwargs):
    decoder = networks.LSTMDecoder(V, units, embedding_units=4)
    return models.LanguageModel(decoder, **{"max_length": 5, "seed": 2, **kwargs})


def make_mixture(units=5, embedding=0, num_clusters=3, **kwargs):
    decoder = networks.LSTMDecoder(V, units, embedding_units=4, conditioning_units=embedding)
    texts = layers.ClusterTexts(decoder, num_clusters, max_length=5)
    return models.LanguageModelMixture(texts, **{"seed": 2, **kwargs})


def make_quantized(codes=2, values=4, units=5, prior=None, **kwargs):
    encoder = networks.LSTMEncoder(V, 6, embedding_units=4)
    decoder = networks.LSTMDecoder(V, units, conditioning_units=codes * Z, embedding_units=4)
    own = {name: kwargs.pop(name) for name in ("vocabulary", "max_length") if name in kwargs}
    posterior = layers.VectorQuantizer((codes, values), Z, name="posterior", **kwargs)
    common = {"max_length": 5, "seed": 2, **own}
    return models.QuantizedTextVAE(encoder, decoder, posterior=posterior, prior=prior, **common)


def rule_texts(count, seed=0):
    """Texts a b c END: a is 4 or 5, b is 5 or 6, c is 3 or 4 and the end follows, all at random."""
    random = np.random.default_rng(seed)
    return [np.array([4 + a, 5 + b, 3 + c, 2]) for a, b, c in random.integers(0, 2, (count, 3))]


def RULE(row):  # noqa: N802
    """Whether a row could be one of `rule_texts`."""
    return (
        row[0] in (4, 5)
        and row[1] in (5, 6)
        and row[2] in (3, 4)
        and row[3] == 2
        and not row[4:].any()
    )
