"""Expectation maximisation of a mixture of documents, on sparse counts."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.special import logsumexp

from tfp_dgm.models import DocumentMixture
from tfp_dgm.progress import Progress, no_progress


@dataclass(frozen=True)
class MixtureHistory:
    """What `fit_em_of_counts` saw.

    Attributes:
      objective: nats of all rows and of the Dirichlet priors (up to a constant), at each E-step.
      log_likelihood: nats of all rows, at each E-step.
      posterior: float32 [N, K]; p(z | x) of the last.
    """

    objective: list[float]
    log_likelihood: list[float]
    posterior: NDArray[np.float32]


def fit_em_of_counts(
    model: DocumentMixture,
    counts: scipy.sparse.csr_matrix,
    start: NDArray[np.floating],
    *,
    known: NDArray[np.integer] | None = None,
    word_prior: float | NDArray[np.floating] = 0.5,
    beside: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None = None,
    iterations: int = 100,
    tolerance: float = 1e-4,
    progress: Progress = no_progress,
) -> MixtureHistory:
    """Fits naive Bayes models and their shares to sparse counts; `fit_em` for large vocabularies.

    The objective never falls, but by rounding. Kinds that no document is of keep a share above 0.

    Args:
      model: whose weights are set.
      counts: [N, V]; damped here where the model is of damped counts.
      start: [N, K]; the posteriors that the first M-step counts.
      known: [N]; the kind of a document, or -1.
      word_prior: what is added to every count of a word, or to each [K, V]; to every count of
        documents 1 is added.
      beside: what else tells the kind of a document, independent of its words given it: posteriors
        [N, K] -> log-likelihoods [N, K] under the parameters that are likeliest with them. The
        model is of the words alone; the posteriors are of both.
      iterations: at most.
      tolerance: nats a row; an iteration that gains less is the last.
      progress: told of iterations.
    """
    counts = scipy.sparse.csr_matrix(counts, dtype=np.float32, copy=True)
    if model.damped:
        counts.data = np.log1p(counts.data)
    posterior = np.asarray(start, np.float64)
    objective: list[float] = []
    likelihood: list[float] = []
    for number in range(iterations):
        documents = posterior.sum(axis=0) + 1  # [K]
        words = np.asarray(counts.T @ posterior).T + word_prior  # [K, V]
        log_shares = np.log(documents) - np.log(documents.sum())
        log_words = np.log(words) - np.log(words.sum(axis=1, keepdims=True))
        joint = counts @ log_words.T + log_shares  # [N, K]
        if beside is not None:
            joint += beside(posterior)
        if known is not None:
            rows = np.flatnonzero(np.asarray(known) >= 0)
            allowed = np.full([len(rows), len(documents)], -np.inf)
            allowed[np.arange(len(rows)), np.asarray(known)[rows]] = 0
            joint[rows] += allowed
        evidence = logsumexp(joint, axis=1)  # [N]
        posterior = np.exp(joint - evidence[:, np.newaxis])
        likelihood.append(float(evidence.sum()))
        prior = float(log_shares.sum() + np.sum(word_prior * log_words))
        objective.append(likelihood[-1] + prior)
        progress("clusters", number + 1, iterations)
        if number and objective[-1] - objective[-2] < tolerance * counts.shape[0]:
            break
    if not model.built:
        model.build()
    model.likelihood.component_logits.assign(log_shares)
    model.likelihood.word_logits.assign(log_words)
    return MixtureHistory(objective, likelihood, posterior.astype(np.float32))
