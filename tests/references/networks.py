"""Networks in plain NumPy, from weights read out of a model."""

import numpy as np


def dense(x, weights, activation=None):
    """One row [D] through a dense layer, unit by unit."""
    kernel, bias = weights
    outputs = []
    for unit in range(kernel.shape[1]):
        total = float(bias[unit])
        for value, weight in zip(x, kernel[:, unit], strict=True):
            total += float(value) * float(weight)
        outputs.append(total)
    return np.array(outputs) if activation is None else activation(np.array(outputs))
