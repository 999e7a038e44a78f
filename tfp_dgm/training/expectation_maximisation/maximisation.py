"""M-steps in closed form, chosen by the layer."""

import functools
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm import layers
from tfp_dgm.distributions import GenerativeStructure


@functools.singledispatch
def m_step(layer: Any, statistics: Any, smoothing: float) -> None:
    """Sets a layer's weights to the likeliest ones for expected statistics.

    A layer whose best weights have a closed form registers it: `m_step.register(Class)`. Any other
    is brought up by gradient steps (generalised EM).

    Args:
      layer: distribution layer, which gives a `GenerativeStructure`.
      statistics: float64 arrays, named as its `log_potentials` and of their shapes.
      smoothing: what is added to the count of everything possible: Dirichlet priors of
        1 + smoothing.
    Raises:
      NotImplementedError: if none is registered.
    """
    raise NotImplementedError(f"no M-step of {type(layer).__name__} in closed form is known")


def has_closed_form(layer: Any) -> bool:
    """Whether an M-step is registered for the layer."""
    return m_step.dispatch(type(layer)) is not m_step.dispatch(object)


def log_prior(distribution: GenerativeStructure, smoothing: float) -> float:
    """Of the categorical potentials, up to a constant: smoothing times the sum of the possible."""
    if not smoothing:
        return 0.0
    parts = [getattr(distribution.log_potentials, name) for name in distribution.categorical]
    values = [np.asarray(part, np.float64) for part in parts]
    return smoothing * sum(float(value[np.isfinite(value)].sum()) for value in values)


@m_step.register(layers.HiddenMarkovText)
def _(layer: layers.HiddenMarkovText, statistics: Any, smoothing: float) -> None:
    now = layer().log_potentials
    _assign(layer.initial_logits, now.initial, statistics.initial, smoothing)
    _assign(layer.transition_logits, now.transitions, statistics.transitions, smoothing)
    _assign(layer.emission_logits, now.emissions, statistics.emissions, smoothing)


@m_step.register(layers.GaussianHiddenMarkov)
def _(layer: layers.GaussianHiddenMarkov, statistics: Any, smoothing: float) -> None:
    """Means and covariances from the moments of the whitened vectors of each state."""
    now = layer()
    _assign(layer.initial_logits, now.log_potentials.initial, statistics.initial, smoothing)
    _assign(
        layer.transition_logits, now.log_potentials.transitions, statistics.transitions, smoothing
    )
    loc, scale = (np.asarray(part, np.float64) for part in (now.loc, now.scale))
    # A state without a vector keeps its Normal.
    used = statistics.constant > 1e-6
    number = np.where(used, statistics.constant, 1.0)[:, np.newaxis]  # [K, 1]
    mean = np.where(used[:, np.newaxis], statistics.linear / number, 0.0)
    if layer.full_covariance:
        eye = np.eye(layer.units)
        square = statistics.quadratic / number[..., np.newaxis]
        square = np.where(used[:, np.newaxis, np.newaxis], square, eye)
        spread = square - mean[:, :, np.newaxis] * mean[:, np.newaxis]
        covariance = scale @ spread @ np.swapaxes(scale, 1, 2)
        loc = loc + np.squeeze(scale @ mean[..., np.newaxis], axis=-1)
    else:
        square = np.where(used[:, np.newaxis], statistics.quadratic / number, 1.0)
        covariance = np.square(scale) * (square - np.square(mean))
        loc = loc + scale * mean
    layer.assign_normals(loc, covariance)


@m_step.register(layers.FactorialHiddenMarkov)
def _(layer: layers.FactorialHiddenMarkov, statistics: Any, smoothing: float) -> None:
    """Means by weighted least squares on the states of all chains (Ghahramani and Jordan, A.1)."""
    now = layer()
    _assign(layer.initial_logits, now.log_potentials.initial, statistics.initial, smoothing)
    _assign(
        layer.transition_logits, now.log_potentials.transitions, statistics.transitions, smoothing
    )
    factor, square = np.asarray(now.scale, np.float64), statistics.quadratic[0]
    if not layer.full_covariance:
        factor, square = np.diag(factor), np.diag(square)
    number, first = statistics.constant, statistics.linear @ factor.T  # [K^M], [K^M, D]
    chosen = _choices(layer.num_chains, layer.num_states)  # [K^M, M K]
    gram = chosen.T @ (number[:, np.newaxis] * chosen)
    # One constant can be moved from chain to chain; the pseudo-inverse takes the smallest means.
    step = np.linalg.pinv(gram, hermitian=True) @ (chosen.T @ first)  # [M K, D]
    moved = chosen @ step  # [K^M, D], of the means
    cross = first.T @ moved
    spread = factor @ square @ factor.T - cross - cross.T
    spread = (spread + (number[:, np.newaxis] * moved).T @ moved) / number.sum()
    loc = np.asarray(layer.loc, np.float64) + step.reshape(layer.loc.shape)
    layer.assign_normals(loc, spread if layer.full_covariance else np.diag(spread))


def _choices(chains: int, states: int) -> np.ndarray:
    """[K^M, M K]: which state of each chain a joint state has, as indicators."""
    joint = np.indices([states] * chains).reshape(chains, -1).T  # [K^M, M]
    return np.eye(states)[joint].reshape(len(joint), -1)


def _assign(
    weight: keras.Variable, log_probs: tf.Tensor, counts: np.ndarray, smoothing: float
) -> None:
    """Logarithms of normalised counts; what is impossible, or a row that is not used, stays."""
    possible = np.isfinite(np.asarray(log_probs))
    counts = np.where(possible, np.maximum(counts, 0) + smoothing, 0)
    sums = counts.sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.log(counts) - np.log(sums)
    weight.assign(np.where(possible & (sums > 0), values, np.asarray(weight)))
