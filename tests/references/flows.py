"""Flows by the book: scalar root finding, loops over the dimensions, numerical Jacobians."""

import math

import numpy as np
import scipy.optimize
import scipy.special

from tests.references.densities import softplus


def planar(u, w, b):
    """The map x -> x + v tanh(w . x + b), with v as in appendix A.1 of the paper."""
    inner = float(np.dot(w, u))
    wanted = -1.0 + softplus(inner + math.log(math.e - 1.0))
    v = u + (wanted - inner) * w / np.dot(w, w)
    return lambda x: x + v * math.tanh(np.dot(w, x) + b)


def planar_inverse(u, w, b, y):
    """The point that the flow takes to y: along v by a step that a scalar search finds."""
    forward = planar(u, w, b)
    v = forward(np.zeros_like(y)) / math.tanh(b)

    def gap(step):
        return step - math.tanh(np.dot(w, y - step * v) + b)

    return y - scipy.optimize.brentq(gap, -1.0, 1.0, xtol=1e-14) * v


def masked_network(weights, x, context, reverse, units, activation):
    """Outputs [Z][P] of MADE unit by unit; sums run over the connections that its order allows."""
    dimensions = len(x)
    position = {i: dimensions - i if reverse else i + 1 for i in range(dimensions)}
    weights = iter(weights)
    values, degrees = list(x), [position[i] for i in range(dimensions)]
    for width in units:
        kernel, bias = next(weights), next(weights)
        context_kernel = None if context is None else next(weights)
        layer, new_degrees = [], []
        for h in range(width):
            degree = 1 + h % max(1, dimensions - 1)
            total = bias[h]
            for j, value in enumerate(values):
                if degrees[j] <= degree:
                    total += kernel[j, h] * value
            if context is not None:
                total += np.dot(context, context_kernel[:, h])
            layer.append(activation(total))
            new_degrees.append(degree)
        values, degrees = layer, new_degrees
    kernel, bias = next(weights), next(weights)
    num_outputs = kernel.shape[1] // dimensions
    result = np.zeros((dimensions, num_outputs))
    for i in range(dimensions):
        for p in range(num_outputs):
            column = i * num_outputs + p
            result[i, p] = bias[column] + sum(
                kernel[h, column] * value
                for h, value in enumerate(values)
                if degrees[h] < position[i]
            )
    return result


def elu(value):
    return value if value > 0 else math.expm1(value)


def autoregressive(weights, context, reverse, units):
    """The map x -> s x + (1 - s) m of one inverse autoregressive flow."""

    def forward(x):
        outputs = masked_network(weights, x, context, reverse, units, elu)
        gate = scipy.special.expit(outputs[:, 1] + 2.0)
        return gate * x + (1.0 - gate) * outputs[:, 0]

    return forward


def autoregressive_inverse(forward, y, reverse):
    """The point that `forward` takes to y, one dimension after the other."""
    x = np.zeros_like(y)
    order = range(len(y))
    for i in reversed(order) if reverse else order:

        def gap(value, i=i):
            trial = x.copy()
            trial[i] = value
            return forward(trial)[i] - y[i]

        x[i] = scipy.optimize.brentq(gap, -1e3, 1e3, xtol=1e-13)
    return x


def log_det_jacobian(function, x):
    """log |det df/dx| by central differences of every dimension."""
    step = 1e-5
    columns = [
        (function(x + step * e) - function(x - step * e)) / (2 * step) for e in np.eye(len(x))
    ]
    return np.linalg.slogdet(np.array(columns).T)[1]
