"""All networks of an M2 in NumPy."""

import numpy as np

from tests.models import toys
from tests.references.densities import softplus
from tests.references.m2_oracle import NetworkOutputs
from tests.references.networks import dense


def weights_of(layer):
    return [weight.numpy().astype(np.float64) for weight in layer.weights]


def network_outputs(model, row):
    """All networks of one row, for each class, at z = the mean of q(z | x, y)."""
    logits = dense(
        dense(row, weights_of(model.classifier), np.tanh), weights_of(model.class_posterior_layer)
    )
    features = dense(row, weights_of(model.encoder), np.tanh)
    outputs = NetworkOutputs(logits, [], [], [])
    for one_hot in np.eye(toys.CLASSES):
        joint = dense([*features, *one_hot], weights_of(model.posterior_network), np.tanh)
        parameters = dense(joint, weights_of(model.posterior_layer))
        decoded = dense([*parameters[:2], *one_hot], weights_of(model.decoder), np.tanh)
        outputs.loc.append(parameters[:2])
        outputs.scale.append([softplus(rho) for rho in parameters[2:]])
        outputs.word_logits.append(dense(decoded, weights_of(model.likelihood)))
    return outputs
