"""Flows by the book: root finding, loops over dimensions, SciPy's solver, numerical Jacobians."""

import math

import numpy as np
import scipy.integrate
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


def householder(v):
    """The matrix of the reflection."""
    return np.eye(len(v)) - 2 * np.outer(v, v) / np.dot(v, v)


def spline(raw, bound):
    """One monotone rational-quadratic spline, bin by bin: eq. 4 of the paper."""
    num_bins = (len(raw) + 1) // 3
    softmax = [scipy.special.softmax(part) for part in (raw[:num_bins], raw[num_bins:][:num_bins])]
    shares = [0.16 / num_bins + 0.84 * part for part in softmax]
    xs, ys = (-bound + 2 * bound * np.concatenate([[0], np.cumsum(part)]) for part in shares)
    slopes = [1.0, *(10 ** np.tanh(raw[2 * num_bins :])), 1.0]

    def forward(x):
        if not -bound < x < bound:
            return x
        k = min(int(np.searchsorted(xs, x, side="right")) - 1, num_bins - 1)
        s = (ys[k + 1] - ys[k]) / (xs[k + 1] - xs[k])
        xi = (x - xs[k]) / (xs[k + 1] - xs[k])
        top = (ys[k + 1] - ys[k]) * (s * xi**2 + slopes[k] * xi * (1 - xi))
        return ys[k] + top / (s + (slopes[k + 1] + slopes[k] - 2 * s) * xi * (1 - xi))

    return forward


def spline_coupling(weights, context, reverse, bound):
    """The map of one coupling, its network of any depth with ELUs."""

    def splines(kept):
        values = iter(weights)
        h = kept
        for _ in range((len(weights) - 2) // (2 if context is None else 3)):
            h = h @ next(values) + next(values)
            h = h + (0 if context is None else context @ next(values))
            h = np.where(h > 0, h, np.expm1(np.minimum(h, 0)))
        return h @ next(values) + next(values)

    def forward(x, inverse=False):
        size = len(x)
        stay = list(range(size - size // 2, size)) if reverse else list(range(size // 2))
        move = [i for i in range(size) if i not in stay]
        result = np.array(x, np.float64)
        raw = splines(result[stay]).reshape(len(move), -1)
        for i, numbers in zip(move, raw, strict=True):
            of_x = spline(numbers, bound)
            if inverse and abs(x[i]) < bound:
                result[i] = scipy.optimize.brentq(
                    lambda v, f=of_x, y=x[i]: f(v) - y, -bound, bound, xtol=1e-14
                )
            else:
                result[i] = of_x(x[i])
        return result

    return forward


def velocity(weights, shift):
    """dx/dt of a network of tanh layers: kernels and biases in turn, the first bias is `shift`."""
    *layers, time_kernel = weights

    def of(t, x):
        h = np.tanh(x @ layers[0] + t * time_kernel + shift)
        for kernel, bias in zip(layers[1:-2:2], layers[2:-2:2], strict=True):
            h = np.tanh(h @ kernel + bias)
        return h @ layers[-2] + layers[-1]

    return of


def continuous(weights, shift, start=0.0, end=1.0):
    """The map from the points at `start` to those at `end`."""
    motion = velocity(weights, shift)

    def forward(x):
        way = scipy.integrate.solve_ivp(
            motion, (start, end), x, method="DOP853", rtol=1e-11, atol=1e-12
        )
        return way.y[:, -1]

    return forward


def log_det_jacobian(function, x):
    """log |det df/dx| by central differences of every dimension."""
    step = 1e-5
    columns = [
        (function(x + step * e) - function(x - step * e)) / (2 * step) for e in np.eye(len(x))
    ]
    return np.linalg.slogdet(np.array(columns).T)[1]
