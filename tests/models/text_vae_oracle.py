"""A text VAE with random weights, and its likelihood and posterior in NumPy."""

import numpy as np

from tests.references.densities import softplus
from tests.references.networks import dense
from tests.references.recurrent_text import (
    encoder_weights_of,
    lstm_features,
    lstm_log_prob,
    weights_of,
)

TEXTS = np.array([[4, 5, 6, 2], [6, 2, 0, 0], [2, 0, 0, 0]], np.int32)


def randomize(model):
    model.build((None, None))
    random = np.random.default_rng(5)
    for weight in model.trainable_weights:
        weight.assign(random.normal(scale=0.5, size=weight.shape))
    return model


def numpy_log_prob(model, z, row):
    return lstm_log_prob(weights_of(model.decoder), z, [token for token in row if token])


def numpy_posterior(model, row):
    """Mean and scale of q(z | x), by a loop over the tokens."""
    features = lstm_features(encoder_weights_of(model.encoder), [token for token in row if token])
    loc, rho = np.split(dense(features, model.posterior_layer.projection.weights), 2)
    return loc, 1e-4 + np.vectorize(softplus)(rho)
