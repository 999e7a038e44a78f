"""Small models, texts and vectors for tests of expectation maximisation."""

import numpy as np

from tfp_dgm import layers
from tfp_dgm.models import ExactLikelihoodModel

K, V = 3, 6
RANDOM = np.random.default_rng(8)
TEXTS = np.int32(
    [[3, 4, 5, 2, 0], [4, 4, 2, 0, 0], [5, 3, 5, 3, 4], [2, 0, 0, 0, 0], [3, 4, 3, 5, 2]]
)
# Of words; the lengths say the rest.
PARSED = np.int32(
    [[3, 4, 5, 2, 0], [4, 4, 2, 0, 0], [5, 3, 5, 4, 0], [4, 0, 0, 0, 0], [3, 4, 3, 5, 2]]
)
SENTENCES = np.int32([[3, 4, 5, 2, 0], [4, 4, 2, 0, 0], [5, 3, 5, 4, 2]])
VECTORS = RANDOM.normal(size=(6, 5, 2)).astype(np.float32)
VECTORS[:, ::2] += [3.0, -1.0]
VECTORS[1, 3:] = np.nan
VECTORS[2, 1:] = np.nan
VECTORS[3, 2] = np.nan


def model_of(layer):
    model = ExactLikelihoodModel(layer, seed=1)
    model.build((None, 5))
    return model


def text_model(seed=3):
    return model_of(layers.HiddenMarkovText(V, K, 5, seed=seed))


def tree_model(seed=3, valences=1):
    return model_of(
        layers.DependencyModelWithValence(V, 5, attachment_valences=valences, seed=seed)
    )


def tagged_model(seed=3):
    return model_of(layers.GaussianDependencyModelWithValence(2, 2, 5, min_scale=0.05, seed=seed))


def vector_model(full, seed=3):
    return model_of(
        layers.GaussianHiddenMarkov(2, K, 5, full_covariance=full, min_scale=0.05, seed=seed)
    )


def chain_model(full, seed=3):
    return model_of(
        layers.FactorialHiddenMarkov(2, 2, 2, 5, full_covariance=full, min_scale=0.05, seed=seed)
    )
