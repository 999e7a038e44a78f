"""First weights of a run of expectation maximisation, from a seed."""

import functools
from typing import Any

import numpy as np
from sklearn.cluster import kmeans_plusplus

from tfp_dgm import layers

# Vectors of the first batch that are looked at.
_MOST_VECTORS = 10_000


@functools.singledispatch
def start_anew(layer: Any, x: np.ndarray, seed: int) -> None:
    """Draws a layer's weights anew.

    Args:
      layer: distribution layer; a class of another kind registers its own.
      x: [B, ...], the first batch.
      seed: int.
    Raises:
      TypeError: if none is registered.
    """
    raise TypeError(
        f"fit_em: `seeds` need a layer that can be started anew; received "
        f"{type(layer).__name__} (register one: `start_anew.register`)"
    )


@start_anew.register(layers.DependencyModelWithValence)
@start_anew.register(layers.HiddenMarkovText)
@start_anew.register(layers.NaiveBayesMixture)
@start_anew.register(layers.NeuralDependencyModelWithValence)
@start_anew.register(layers.NeuralHiddenMarkovText)
@start_anew.register(layers.ProbabilisticContextFreeGrammar)
def _(layer: layers.SeededPrior, x: np.ndarray, seed: int) -> None:
    del x
    layer.restart(seed)


@start_anew.register(layers.GaussianDependencyModelWithValence)
@start_anew.register(layers.GaussianHiddenMarkov)
def _(
    layer: layers.GaussianDependencyModelWithValence | layers.GaussianHiddenMarkov,
    x: np.ndarray,
    seed: int,
) -> None:
    """Means at vectors far from each other (k-means++), covariances that of all vectors."""
    layer.restart(seed)
    vectors = _vectors(x)
    if len(vectors) < layer.num_states:
        raise ValueError(
            f"fit_em: a start needs as many vectors in the first batch as there are states, "
            f"{layer.num_states}; received {len(vectors)}"
        )
    loc, _ = kmeans_plusplus(vectors, layer.num_states, random_state=seed)
    covariance = _covariance(vectors, layer.full_covariance)
    layer.assign_normals(loc, np.stack([covariance] * layer.num_states))


@start_anew.register(layers.FactorialHiddenMarkov)
def _(layer: layers.FactorialHiddenMarkov, x: np.ndarray, seed: int) -> None:
    """Means whose sums have the mean and spread of all vectors; the covariance of these."""
    layer.restart(seed)
    vectors = _vectors(x)
    noise = np.random.default_rng(seed).normal(size=layer.loc.shape) / np.sqrt(layer.num_chains)
    loc = vectors.mean(axis=0) / layer.num_chains + vectors.std(axis=0) * noise
    layer.assign_normals(loc, _covariance(vectors, layer.full_covariance))


def _vectors(x: np.ndarray) -> np.ndarray:
    """Those that are observed, [N, D]."""
    flat = np.asarray(x, np.float64).reshape(-1, x.shape[-1])
    return flat[~np.isnan(flat).any(axis=1)][:_MOST_VECTORS]


def _covariance(vectors: np.ndarray, full: bool) -> np.ndarray:
    return np.atleast_2d(np.cov(vectors.T, bias=True)) if full else vectors.var(axis=0)
