"""How likely whole documents are under latent Dirichlet allocation, mixtures summed out."""

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.special import gammaln

from tfp_dgm.inference import mixture_posteriors, row_slices

_TINY = 1e-300
_FROM_PRIOR = 0.25  # Of the draws.


def document_log_likelihood(
    counts: scipy.sparse.csr_matrix,
    topics: NDArray[np.floating],
    concentration: NDArray[np.floating],
    *,
    num_samples: int = 100,
    seed: int = 0,
) -> NDArray[np.float64]:
    """The importance-weighted bound [1] on log p(counts) of documents that mix topics.

        L[n] = log(1/S sum_s w_ns),   w_ns = p(counts_n | theta_ns) p(theta_ns) / q(theta_ns)

    Proposals q are the Dirichlet posteriors of coordinate ascent (`inference.mixture_posteriors`),
    and in a quarter of the draws the prior, as in [2]: the posterior of a short document has modes
    that coordinate ascent misses. In expectation L is a lower bound, and tighter the larger S. The
    multinomial coefficient is left out, as `distributions.BagOfWords` does. Draws are made as
    logarithms, since those of small concentrations are below what a float holds. The time of a
    draw is that of the counts that are not zero.

    Args:
      counts: [N, V], sparse.
      topics: [K, V]; p(word | topic), rows that sum to one.
      concentration: [K]; of the Dirichlet prior of mixtures.
      num_samples: S.
      seed: of the draws.
    Returns:
      float64 [N], nats.
    Raises:
      ValueError: if shapes disagree, or there is to be no draw.
    References:
      [1] Burda, Grosse and Salakhutdinov. Importance Weighted Autoencoders. ICLR 2016.
        arXiv:1509.00519
      [2] Hesterberg. Weighted Average Importance Sampling and Defensive Mixture Distributions.
        Technometrics 1995.
    """
    counts = scipy.sparse.csr_matrix(counts, dtype=np.float32)
    prior = np.asarray(concentration, np.float64)
    by_word = np.ascontiguousarray(np.asarray(topics, np.float64).T)  # [V, K]
    if by_word.shape != (counts.shape[1], *prior.shape):
        raise ValueError(
            f"document_log_likelihood: expected `topics` [K, V] of {prior.shape} concentrations "
            f"and {counts.shape[1]} words; received {by_word.T.shape}"
        )
    if num_samples < 1:
        raise ValueError(
            f"document_log_likelihood: `num_samples` must be >= 1; received {num_samples}"
        )
    random = np.random.default_rng(seed)
    proposal = mixture_posteriors(counts, np.asarray(topics, np.float32), prior).astype(np.float64)
    constant = _log_normaliser(proposal) - _log_normaliser(prior)  # [N]
    found = np.empty(counts.shape[0])
    for rows in row_slices(counts):
        part, own = counts[rows], proposal[rows]
        words = by_word[part.indices]  # [n, K], of the counts that are not zero.
        document = np.repeat(np.arange(part.shape[0]), np.diff(part.indptr))
        total = np.full(part.shape[0], -np.inf)
        for _ in range(num_samples):
            defensive = random.random([part.shape[0], 1]) < _FROM_PRIOR
            logs = _log_dirichlet(np.where(defensive, prior, own), random)  # [B, K]
            likelihood = np.log(np.einsum("nk,nk->n", np.exp(logs)[document], words) + _TINY)
            weight = np.bincount(document, part.data * likelihood, minlength=part.shape[0])
            # log p(theta) / q(theta), of the posterior alone and of both.
            ratio = ((prior - own) * logs).sum(axis=1) + constant[rows]
            weight -= np.logaddexp(np.log1p(-_FROM_PRIOR) - ratio, np.log(_FROM_PRIOR))
            total = np.logaddexp(total, weight)
        found[rows] = total - np.log(num_samples)
    return found


def _log_normaliser(concentration: NDArray[np.float64]) -> NDArray[np.float64]:
    """log B(concentration) of [..., K]."""
    return gammaln(concentration).sum(axis=-1) - gammaln(concentration.sum(axis=-1))


def _log_dirichlet(
    concentration: NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.float64]:
    """Logarithms of Dirichlet draws, [B, K]; Gamma(a) is Gamma(a + 1) U^(1 / a)."""
    uniform = 1.0 - random.random(concentration.shape)  # Above 0.
    logs = np.log(random.standard_gamma(concentration + 1)) + np.log(uniform) / concentration
    return logs - np.logaddexp.reduce(logs, axis=1, keepdims=True)
