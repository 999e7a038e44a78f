"""A text VAE whose posterior and texts, with their probabilities, are known without it."""

import re

import numpy as np
import tensorflow as tf

from tests.sentence_modelling.untrained_models import SMALL, untrained
from tfp_dgm.sentence_modelling import load_text_model
from tfp_dgm.token_ids import END

# Of each token, whatever stands before it and whatever the latent is.
DOG, NO_MORE, OTHER = 0.5, 0.4, 0.1 / 11
# The posterior of every sentence: independent normal variables, equal ones.
LOC, SCALE = 0.3, 0.8


def known(folder):
    """The folder of the model."""
    model = load_text_model(untrained(folder))
    ids = model.vocabulary(tf.constant(["dog"])).numpy()
    probabilities = np.full(model.vocabulary.size, OTHER)
    probabilities[[END, ids[0, 0]]] = NO_MORE, DOG
    assert np.isclose(probabilities[END:].sum(), 1.0)
    model.decoder.output_weights.assign(tf.zeros_like(model.decoder.output_weights))
    model.decoder.output_bias.assign(np.log(probabilities))
    kernel, bias = model.posterior_layer.weights
    kernel.assign(tf.zeros_like(kernel))
    rho = np.log(np.expm1(SCALE - model.posterior_layer.min_scale))
    bias.assign(np.repeat([LOC, rho], SMALL["latent_units"]))
    model.save(folder / "model.keras")
    return folder


def tokens(sentence):
    return re.findall(r"\w+|[^\w\s]", sentence)


def log_probability(sentence):
    words = tokens(sentence)
    dogs = words.count("dog")
    return dogs * np.log(DOG) + (len(words) - dogs) * np.log(OTHER) + np.log(NO_MORE)


def divergence():
    """Of one variable's posterior from the standard normal distribution."""
    return 0.5 * (SCALE**2 + LOC**2 - 1) - np.log(SCALE)
