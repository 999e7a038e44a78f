"""Neural topic models by their names, as they begin."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from tfp_dgm import layers
from tfp_dgm.models import AmortizedTopicModel
from tfp_dgm.text import information_vectors, positive_information

PRODLDA, ETM, CTM = "prodlda", "etm", "ctm"
AMORTIZED = (PRODLDA, ETM, CTM)
# Prior of z, or of mixtures, by name.
_PRIORS: Mapping[str, Callable[[int], layers.Prior]] = {
    "laplace": lambda units: layers.DirichletLaplacePrior(units, concentration=_CONCENTRATION),
    "normal": layers.StandardNormalPrior,
    "correlated": layers.LearnedNormalTriLPrior,
    "flow": layers.AutoregressiveFlowPrior,
    "dirichlet": lambda units: layers.DirichletPrior(units, concentration=_CONCENTRATION),
}
PRIORS = tuple(_PRIORS)
_OWN_PRIOR = {PRODLDA: "laplace", ETM: "normal", CTM: "laplace"}
_CONCENTRATION = 0.1
_SPREAD = 1.0  # Of the posteriors' means over documents.
_MOMENTUM = 0.9
_UNITS, _DROPOUT = (256,), 0.2
_VECTOR_UNITS = 100
_CONTEXTS_OF_WORDS = 2_000
_DOCUMENTS_OF_VECTORS = 100_000


def begin_amortized(
    kind: str,
    counts: scipy.sparse.csr_matrix,
    topics: NDArray[np.floating],
    *,
    prior: str | None,
    vectors: NDArray[np.floating] | None,
    context_units: int,
    vocabulary: Sequence[str] | None,
    seed: int,
) -> AmortizedTopicModel:
    """A model whose topics are given, and whose inference network has learned nothing yet.

    Args:
      kind: one of `AMORTIZED`.
      counts: [N, V].
      topics: [K, V]; p(word | topic) to begin with.
      prior: one of `PRIORS`; None takes the model's own.
      vectors: [V, E] of words, of an "etm"; None learns them from the counts.
      context_units: H, of a "ctm".
      vocabulary: V words, or None.
      seed: of weights and noise.
    """
    num_topics, num_words = topics.shape
    background = np.asarray(counts.sum(axis=0), np.float64).ravel() + 0.5
    background = np.log(background / background.sum())
    own = np.clip(np.log(np.maximum(topics, 1e-12)) - background, -3, 5)  # [K, V]
    prior = _OWN_PRIOR[kind] if prior is None else prior
    likelihood: Any
    if kind == ETM:
        vectors = word_vectors(counts, seed=seed) if vectors is None else np.asarray(vectors)
        likelihood = layers.EmbeddedTopics(num_words, vectors.shape[1], name="likelihood")
        own = own @ np.linalg.pinv(vectors).T  # [K, E], whose scores are nearest.
    else:
        likelihood = layers.ProductOfTopics(num_words, momentum=_MOMENTUM, name="likelihood")
    model = AmortizedTopicModel(
        likelihood,
        _posterior(prior, num_topics),
        prior=_PRIORS[prior](num_topics),
        units=_UNITS,
        dropout=_DROPOUT,
        context_units=context_units,
        vocabulary=vocabulary,
        seed=seed,
    )
    model.build()
    _draw_kernels(model, seed)
    likelihood.projection.kernel.assign(own)
    likelihood.assign_background(background)
    if vectors is not None:
        likelihood.assign_vectors(vectors)
    return model


def word_vectors(counts: scipy.sparse.csr_matrix, *, seed: int) -> NDArray[np.float32]:
    """Vectors of words from the documents that they share, float32 [V, E], of length sqrt(E).

    As `text.information_vectors` of their positive pointwise mutual information with the commonest
    words; of words that meet none, 0.
    """
    rows = np.arange(counts.shape[0])
    if len(rows) > _DOCUMENTS_OF_VECTORS:
        rows = np.random.default_rng(seed).choice(rows, _DOCUMENTS_OF_VECTORS, replace=False)
    there = (counts[rows] > 0).astype(np.float64)
    frequency = np.asarray(there.sum(axis=0)).ravel()
    common = np.argsort(-frequency, kind="stable")[:_CONTEXTS_OF_WORDS]
    shared = (there.T @ there[:, common]).tolil()
    shared[common, np.arange(len(common))] = 0  # A word is always beside itself.
    information = positive_information(shared.tocsr())
    units = min(_VECTOR_UNITS, min(information.shape) - 1)
    if units < 1 or information.nnz == 0:
        return np.ones([counts.shape[1], 1], np.float32)
    vectors = information_vectors(information, units, seed=seed)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors * np.sqrt(units) / np.where(length > 1e-6, length, np.inf)).astype(np.float32)


def _posterior(prior: str, num_topics: int) -> layers.ProjectedDistributionLayer:
    """Of a correlated prior with a full covariance, too."""
    if prior == "dirichlet":
        return layers.Dirichlet(num_topics, min_concentration=_CONCENTRATION, name="posterior")
    if prior == "correlated":
        return layers.MultivariateNormalTriL(num_topics, name="posterior")
    if prior == "laplace":
        return layers.BatchNormalizedNormalDiag(
            num_topics, gamma=_SPREAD, momentum=_MOMENTUM, name="posterior"
        )
    return layers.MultivariateNormalDiag(num_topics, name="posterior")


def _draw_kernels(model: AmortizedTopicModel, seed: int) -> None:
    """Glorot's uniform weights, of the seed alone: Keras draws from a state of its own."""
    random = np.random.default_rng(seed)
    for weight in model.trainable_weights:
        if len(weight.shape) == 2:
            limit = np.sqrt(6 / sum(weight.shape))
            weight.assign(random.uniform(-limit, limit, weight.shape))
