"""Fitting latent Dirichlet allocation by (stochastic) variational inference."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.special import digamma, gammaln, polygamma

from tfp_dgm.inference import exp_expected_log, mixture_posteriors, row_slices
from tfp_dgm.models import LatentDirichletAllocation
from tfp_dgm.progress import Progress, no_progress

_DELAY, _FORGETTING = 1.0, 0.7  # Hoffman et al.: the rate of step t is (delay + t)^-forgetting.
_LEAST_CONCENTRATION = 1e-3
_FIRST_CONCENTRATION_PASS = 5


@dataclass(frozen=True)
class VariationalHistory:
    """What `fit_by_natural_gradients` saw.

    Attributes:
      bound: nats of all documents, after each pass: on log p(counts), of exchangeable tokens.
      posterior: float32 [N, K]; Dirichlet concentrations of the documents' mixtures.
    """

    bound: list[float]
    posterior: NDArray[np.float32]


def fit_by_natural_gradients(
    model: LatentDirichletAllocation,
    counts: scipy.sparse.csr_matrix,
    *,
    passes: int = 60,
    batch_size: int | None = None,
    topic_prior: float | NDArray[np.floating] = 0.05,
    start: NDArray[np.floating] | None = None,
    document_prior: NDArray[np.floating] | None = None,
    learn_topics: bool = True,
    learn_concentration: bool = True,
    tolerance: float = 1e-4,
    seed: int = 0,
    progress: Progress = no_progress,
) -> VariationalHistory:
    """Stochastic variational inference [1], whose natural gradients are expected counts.

        lambda <- (1 - rate) lambda + rate (topic_prior + N / B sum_n E[counts of n in each topic])

    With all documents in one batch the rate is 1, and this is variational EM: the bound never
    falls. A document's posterior goes on from where the pass before left it, by one step.

    Args:
      model: goes on from its weights.
      counts: [N, V].
      passes: at most, over all documents.
      batch_size: B; all documents where None.
      topic_prior: of all words, or [K, V].
      start: [N, K]; where the documents' posteriors start; evenly spread counts where None.
      document_prior: [N, K], added to `concentration` of a document: what is known of it.
      learn_topics: whether the topics follow; else only what documents have of them, and how common
        they are, do.
      learn_concentration: whether `concentration` follows by Newton's method [2], from the fifth
        pass.
      tolerance: a pass that gains less than this share of the bound is the last.
      seed: of the order of the documents.
      progress: told of passes.
    Raises:
      ValueError: if the counts are of another number of words, or a number is out of its range.
    References:
      [1] Hoffman, Blei, Wang and Paisley. Stochastic Variational Inference. JMLR 2013.
        arXiv:1206.7051
      [2] Minka. Estimating a Dirichlet distribution. 2000.
    """
    if not model.built:
        model.build()
    _check(model, counts, passes, batch_size, topic_prior)
    topics = model.topic_concentration.numpy()  # [K, V]
    concentration = model.concentration.numpy().astype(np.float64)  # [K]
    num_documents, num_topics = counts.shape[0], model.num_topics
    known = np.zeros([num_documents, 1], np.float32)
    if document_prior is not None:
        known = np.asarray(document_prior, np.float32)  # [N, K]
    posterior = concentration + np.asarray(counts.sum(axis=1)) / num_topics
    posterior = np.asarray(posterior if start is None else start, np.float32).copy()
    random = np.random.default_rng(seed)
    batch = num_documents if batch_size is None else min(batch_size, num_documents)
    history: list[float] = []
    steps = 0
    for number in range(passes):
        for rows in _batches(num_documents, batch, random):
            part = counts[rows]
            expected = exp_expected_log(topics)
            prior = concentration + known[rows]
            found = mixture_posteriors(part, expected, prior, start=posterior[rows], steps=1)
            posterior[rows] = found
            if not learn_topics:
                continue
            statistics = topic_statistics(part, expected, found)
            rate = 1.0 if batch == num_documents else (_DELAY + steps) ** -_FORGETTING
            scale = num_documents / part.shape[0]
            topics = (1 - rate) * topics + rate * (topic_prior + scale * statistics)
            steps += 1
        if learn_concentration and number >= _FIRST_CONCENTRATION_PASS:
            concentration = likeliest_concentration(concentration, posterior, known)
        history.append(
            variational_bound(counts, topics, topic_prior, posterior, concentration + known)
        )
        progress("topics", number + 1, passes)
        if number > _FIRST_CONCENTRATION_PASS and (
            history[-1] - history[-2] < tolerance * abs(history[-1])
        ):
            break
    model.assign(concentration, topics)
    return VariationalHistory(history, posterior)


def topic_statistics(
    counts: scipy.sparse.csr_matrix,
    topics: NDArray[np.float32],
    posterior: NDArray[np.floating],
) -> NDArray[np.float32]:
    """Expected counts of words in topics, [K, V], of documents' posteriors [N, K]."""
    total = np.zeros_like(topics)
    by_word = np.ascontiguousarray(topics.T)
    for rows in row_slices(counts):
        part = counts[rows]
        mixture = exp_expected_log(posterior[rows])
        ratios = part.copy()
        ratios.data = part.data / _evidence(part, mixture, by_word)
        total += (ratios.T @ mixture).T
    return total * topics


def variational_bound(
    counts: scipy.sparse.csr_matrix,
    topics: NDArray[np.floating],
    topic_prior: float | NDArray[np.floating],
    posterior: NDArray[np.floating],
    prior: NDArray[np.floating],
) -> float:
    """The evidence lower bound of all documents, the tokens' topics at their best; nats.

    Args:
      counts: [N, V].
      topics: [K, V]; concentrations of q(phi).
      topic_prior: of p(phi), as `fit_by_natural_gradients` takes it.
      posterior: [N, K]; concentrations of q(theta).
      prior: [K] or [N, K]; of p(theta).
    """
    by_word = np.ascontiguousarray(exp_expected_log(topics).T)
    reconstruction = 0.0
    for rows in row_slices(counts):
        part = counts[rows]
        evidence = _evidence(part, exp_expected_log(posterior[rows]), by_word)
        reconstruction += float(np.dot(part.data.astype(np.float64), np.log(evidence)))
    divergence = _divergence(posterior, np.broadcast_to(prior, posterior.shape))
    return (
        reconstruction
        - divergence
        - _divergence(topics, np.broadcast_to(topic_prior, topics.shape))
    )


def likeliest_concentration(
    concentration: NDArray[np.float64],
    posterior: NDArray[np.floating],
    known: NDArray[np.floating],
    *,
    steps: int = 20,
) -> NDArray[np.float64]:
    """The Dirichlet prior [K] that mixtures are likeliest under, by Newton's method.

    Documents of which something is `known` ([N, K] or [N, 1], not zero) are left out: their prior
    is another.
    """
    posterior = posterior[~np.any(known, axis=1)]
    if not len(posterior):
        return concentration
    total = posterior.sum(axis=1, keepdims=True)
    mean_log = np.mean(digamma(posterior) - digamma(total), axis=0, dtype=np.float64)
    found = concentration
    for _ in range(steps):
        gradient = digamma(found.sum()) - digamma(found) + mean_log
        diagonal, common = -polygamma(1, found), polygamma(1, found.sum())
        shift = np.sum(gradient / diagonal) / (1 / common + np.sum(1 / diagonal))
        step = (gradient - shift) / diagonal
        found = np.maximum(found - step, found / 2)
    return np.maximum(found, _LEAST_CONCENTRATION)


def _batches(
    num_documents: int, batch: int, random: np.random.Generator
) -> Iterator[slice | NDArray[np.int64]]:
    """Rows of each batch: in order where they are one, else as drawn."""
    if batch == num_documents:
        yield slice(None)
        return
    order = random.permutation(num_documents)
    for first in range(0, num_documents, batch):
        yield order[first : first + batch]


def _evidence(
    part: scipy.sparse.csr_matrix, mixture: NDArray[np.float32], by_word: NDArray[np.float32]
) -> NDArray[np.float32]:
    """sum_k mixture[n, k] topics[k, v] of the counts that are not zero."""
    document = np.repeat(np.arange(part.shape[0]), np.diff(part.indptr))
    return np.einsum("nk,nk->n", mixture[document], by_word[part.indices]) + 1e-30


def _divergence(q: NDArray[np.floating], p: NDArray[np.floating]) -> float:
    """Sum of KL(Dirichlet(q) || Dirichlet(p)) over rows."""
    q, p = q.astype(np.float64), p.astype(np.float64)
    total = q.sum(axis=1, keepdims=True)
    of_sums = gammaln(total[:, 0]) - gammaln(p.sum(axis=1))
    of_parts = (gammaln(p) - gammaln(q) + (q - p) * (digamma(q) - digamma(total))).sum(axis=1)
    return float(np.sum(of_sums + of_parts))


def _check(
    model: LatentDirichletAllocation,
    counts: scipy.sparse.csr_matrix,
    passes: int,
    batch_size: int | None,
    topic_prior: float | NDArray[np.floating],
) -> None:
    name = "fit_by_natural_gradients"
    if counts.shape[1] != model.num_words:
        raise ValueError(
            f"{name}: expected `counts` of {model.num_words} words; received {counts.shape}"
        )
    for argument, value in (("passes", passes), ("batch_size", batch_size)):
        if value is not None and value < 1:
            raise ValueError(f"{name}: `{argument}` must be >= 1; received {value}")
    if not np.all(np.asarray(topic_prior) > 0):
        raise ValueError(f"{name}: `topic_prior` must be > 0; received {topic_prior}")
