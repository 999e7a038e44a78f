"""M-steps in closed form, chosen by the layer."""

import functools
import math
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


@m_step.register(layers.NaiveBayesMixture)
def _(layer: layers.NaiveBayesMixture, statistics: Any, smoothing: float) -> None:
    now = layer().log_potentials
    _assign(layer.component_logits, now.components, statistics.components, smoothing)
    _assign(layer.word_logits, now.words, statistics.words, smoothing)


@m_step.register(layers.DependencyModelWithValence)
def _(layer: layers.DependencyModelWithValence, statistics: Any, smoothing: float) -> None:
    _assign_rules(layer, layer(), statistics, smoothing)


@m_step.register(layers.GaussianDependencyModelWithValence)
def _(layer: layers.GaussianDependencyModelWithValence, statistics: Any, smoothing: float) -> None:
    now = layer()
    _assign_rules(layer, now, statistics, smoothing)
    _assign_moments(layer, now, statistics)


@m_step.register(layers.ProbabilisticContextFreeGrammar)
def _(layer: layers.ProbabilisticContextFreeGrammar, statistics: Any, smoothing: float) -> None:
    """Normalised counts; of the rules of a nonterminal, all pairs of symbols together."""
    now = layer().log_potentials
    _assign(layer.root_logits, now.root, statistics.root, smoothing)
    _assign(layer.rule_logits, now.rules, statistics.rules, smoothing, axes=(-2, -1))
    _assign(layer.emission_logits, now.emissions, statistics.emissions, smoothing)


@m_step.register(layers.GaussianHiddenMarkov)
def _(layer: layers.GaussianHiddenMarkov, statistics: Any, smoothing: float) -> None:
    now = layer()
    _assign_chains(layer, now, statistics, smoothing)
    _assign_moments(layer, now, statistics)


@m_step.register(layers.FactorialHiddenMarkov)
def _(layer: layers.FactorialHiddenMarkov, statistics: Any, smoothing: float) -> None:
    """Means by least squares on the states of all chains (Ghahramani and Jordan, appendix A)."""
    now = layer()
    _assign_chains(layer, now, statistics, smoothing)
    number, first = statistics.constant[:, np.newaxis], statistics.linear  # [K^M, 1], [K^M, D]
    means = np.asarray(now.joint_loc, np.float64) - np.asarray(now.centre)
    chosen = _choices(layer.num_chains, layer.num_states)  # [K^M, M K]
    gram = chosen.T @ (number * chosen)
    # One constant can be moved from chain to chain; the pseudo-inverse takes the smallest step.
    step = np.linalg.pinv(gram, hermitian=True) @ (chosen.T @ (first - number * means))
    means += chosen @ step
    if layer.full_covariance:
        cross = first.T @ means
        square = _square(statistics.quadratic)[0] - cross - cross.T + (number * means).T @ means
    else:
        square = statistics.quadratic[0] + np.sum((number * means - 2 * first) * means, axis=0)
    loc = np.asarray(layer.loc, np.float64) + step.reshape(layer.loc.shape)
    layer.assign_normals(loc, square / number.sum())


def _assign_rules(layer: Any, now: GenerativeStructure, statistics: Any, smoothing: float) -> None:
    potentials = now.log_potentials
    _assign(layer.root_logits, potentials.root, statistics.root, smoothing)
    _assign(layer.attachment_logits, potentials.attachments, statistics.attachments, smoothing)
    _assign(layer.decision_logits, potentials.decisions, statistics.decisions, smoothing)


def _assign_chains(
    layer: layers.GaussianHiddenMarkov | layers.FactorialHiddenMarkov,
    now: GenerativeStructure,
    statistics: Any,
    smoothing: float,
) -> None:
    potentials = now.log_potentials
    _assign(layer.initial_logits, potentials.initial, statistics.initial, smoothing)
    _assign(layer.transition_logits, potentials.transitions, statistics.transitions, smoothing)


def _assign_moments(layer: Any, now: Any, statistics: Any) -> None:
    """Means and covariances from the moments of each state's vectors."""
    # A state without a vector keeps its Normal.
    used = statistics.constant > 1e-6
    number = np.where(used, statistics.constant, 1.0)[:, np.newaxis]  # [K, 1]
    mean = statistics.linear / number
    loc, scale = (np.asarray(part, np.float64) for part in (now.loc, now.scale))
    if layer.full_covariance:
        square = _square(statistics.quadratic / number)
        found = square - mean[:, :, np.newaxis] * mean[:, np.newaxis]
        before = scale @ np.swapaxes(scale, 1, 2)
    else:
        found, before = statistics.quadratic / number - np.square(mean), np.square(scale)
    shape = (-1, *[1] * (found.ndim - 1))
    layer.assign_normals(
        np.where(used[:, np.newaxis], np.asarray(now.centre) + mean, loc),
        np.where(used.reshape(shape), found, before),
    )


def _square(packed: np.ndarray) -> np.ndarray:
    """Symmetric matrices [..., D, D] of their elements i <= j, [..., D (D + 1) / 2]."""
    size = math.isqrt(2 * packed.shape[-1])
    rows, columns = np.triu_indices(size)
    square = np.zeros((*packed.shape[:-1], size, size))
    square[..., rows, columns] = square[..., columns, rows] = packed
    return square


def _choices(chains: int, states: int) -> np.ndarray:
    """[K^M, M K]: which state of each chain a joint state has, as indicators."""
    joint = np.indices([states] * chains).reshape(chains, -1).T  # [K^M, M]
    return np.eye(states)[joint].reshape(len(joint), -1)


def _assign(
    weight: keras.Variable,
    log_probs: tf.Tensor,
    counts: np.ndarray,
    smoothing: float,
    axes: tuple[int, ...] = (-1,),
) -> None:
    """Logarithms of counts normalised over axes; what is impossible, or is not used, stays."""
    possible = np.isfinite(np.asarray(log_probs))
    counts = np.where(possible, np.maximum(counts, 0) + smoothing, 0)
    sums = counts.sum(axis=axes, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.log(counts) - np.log(sums)
    weight.assign(np.where(possible & (sums > 0), values, np.asarray(weight)))
