"""The bound of a categorical latent, value after value."""

import math

import numpy as np

from tests.references.densities import softmax


def enumerated_bound(logits, prior_probs, log_px):
    """One row: (value, reconstruction, kl). Logits of -inf rule a value out."""
    reconstruction = kl = 0.0
    possible = [k for k, logit in enumerate(logits) if np.isfinite(logit)]
    q = softmax([logits[k] for k in possible])
    for probability, k in zip(q, possible, strict=True):
        reconstruction += probability * log_px[k]
        kl += probability * (math.log(probability) - math.log(prior_probs[k]))
    return reconstruction - kl, reconstruction, kl


def numerical_gradient(function, point, step=1e-5):
    """Central differences, coordinate by coordinate; 0 where the point is not finite."""
    point = np.asarray(point, np.float64)
    gradient = np.zeros_like(point)
    for index in np.ndindex(point.shape):
        if np.isfinite(point[index]):
            up, down = point.copy(), point.copy()
            up[index] += step
            down[index] -= step
            gradient[index] = (function(up) - function(down)) / (2 * step)
    return gradient
