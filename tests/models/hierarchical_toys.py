"""Small models of several stochastic layers, and the evidence of binary ones by enumeration."""

import itertools

import numpy as np

from tests.references import densities
from tfp_dgm import layers
from tfp_dgm.models import CategoricalVAE, HierarchicalVAE, SigmoidBeliefNetwork
from tfp_dgm.networks import MLP

SHAPE = (2, 2)  # Of the images.
X = np.array([[[1, 0], [1, 1]], [[0, 0], [1, 0]], [[0, 1], [0, 1]]], np.float32)


def gaussian(**kwargs):
    """Two layers of 3 and 2 Normal latents."""
    return HierarchicalVAE(
        [MLP([5], activation="tanh", name="encoder_0"), MLP([4], activation="tanh", name="enc_1")],
        [
            layers.MultivariateNormalDiag(3, min_scale=0.0, name="posterior_0"),
            layers.MultivariateNormalDiag(2, min_scale=0.0, name="posterior_1"),
        ],
        [MLP([5], activation="tanh", name="decoder_0"), MLP([4], activation="tanh", name="dec_1")],
        layers.IndependentBernoulli(SHAPE, name="likelihood"),
        conditionals=[layers.MultivariateNormalDiag(3, min_scale=0.0, name="conditional_0")],
        prior=layers.StandardNormalPrior(2, name="prior"),
        **{"seed": 1, **kwargs},
    )


def belief_network(units=(3, 2), **kwargs):
    return SigmoidBeliefNetwork(
        SHAPE, units=units, mean=[0.2, 0.7, 0.5, 0.4], **{"seed": 1, **kwargs}
    )


def categorical(**kwargs):
    return CategoricalVAE(
        MLP([5], activation="tanh", name="encoder"),
        MLP([4], activation="tanh", name="decoder"),
        layers.IndependentBernoulli(SHAPE, name="likelihood"),
        num_variables=2,
        num_values=3,
        **{"seed": 1, **kwargs},
    )


def randomized(model):
    model.build((None, *SHAPE))
    random = np.random.default_rng(12)
    for weight in model.trainable_weights:
        weight.assign(random.normal(scale=0.7, size=weight.shape))
    return model


def weights_of(*parts):
    return [weight.numpy().astype(np.float64) for part in parts for weight in part.weights]


def belief_oracle(model, z, x):
    """(log p(x | z), log p(z), log q(z | x)) of one example and latents z of any layers."""

    def linear(layer, value):
        kernel, bias = weights_of(layer)
        return value @ kernel + bias

    def signed(value):
        return 2 * np.asarray(value, np.float64) - 1

    log_px = densities.bernoulli_log_prob(linear(model.likelihood, signed(z[0])), x)
    log_pz = densities.bernoulli_log_prob(weights_of(model.prior_layer)[0], z[-1])
    for layer, below, above in zip(model.conditionals, z, z[1:], strict=False):
        log_pz += densities.bernoulli_log_prob(linear(layer, signed(above)), below)
    first, *others = model.posterior_layers
    centred = x.reshape(-1) - np.array([0.2, 0.7, 0.5, 0.4])
    log_q = densities.bernoulli_log_prob(linear(first, centred), z[0])
    for layer, below, above in zip(others, z, z[1:], strict=False):
        log_q += densities.bernoulli_log_prob(linear(layer, signed(below)), above)
    return log_px, log_pz, log_q


def binary_states(units):
    return [
        [np.array(layer, np.float32) for layer in layers_]
        for layers_ in itertools.product(
            *(list(itertools.product([0, 1], repeat=width)) for width in units)
        )
    ]


def evidence(model, x, units):
    terms = [belief_oracle(model, z, x)[:2] for z in binary_states(units)]
    return np.logaddexp.reduce([log_px + log_pz for log_px, log_pz in terms])
