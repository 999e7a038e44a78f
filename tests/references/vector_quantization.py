"""Codes of vectors, averages of a codebook and neural autoregression, number by number."""

import itertools

import numpy as np
from scipy.special import log_softmax
from scipy.stats import multivariate_normal


def mixture_posterior(y, codebook, temperature):
    """Of the K Normals of equal weights that have the codes for means: [K], by their densities."""
    covariance = temperature / 2 * np.eye(len(y))
    densities = [multivariate_normal.pdf(y, code, covariance) for code in codebook]
    return np.array(densities) / np.sum(densities)


def nearest(y, codebook):
    """The place of the nearest code."""
    return min(range(len(codebook)), key=lambda k: np.sum((y - codebook[k]) ** 2))


def averaged(counts, sums, vectors, shares, decay):
    """Counts, sums and codebook after a batch of vectors [N, D], of which codes have shares [N, K].

    Codes that no vector was ever near have a count of 0, and None for a vector.
    """
    counts, sums = np.array(counts, float), np.array(sums, float)
    for k in range(len(counts)):
        counts[k] = decay * counts[k] + (1 - decay) * sum(share[k] for share in shares)
        own = sum(share[k] * y for share, y in zip(shares, vectors, strict=True))
        sums[k] = decay * sums[k] + (1 - decay) * own
    total = counts.sum()
    codebook = []
    for k in range(len(counts)):
        smoothed = (counts[k] + 1e-5) / (total + len(counts) * 1e-5) * total
        codebook.append(sums[k] / smoothed if counts[k] else None)
    return counts, sums, codebook


def neural_autoregressive_log_prob(weights, codes):
    """log p of the codes c_1 .. c_N, from U [N - 1, K, H], c [N, H], V [N, H, K] and b [N, K]."""
    hidden_kernel, hidden_bias, output_kernel, output_bias = weights
    total = 0.0
    for n, code in enumerate(codes):
        before = sum((hidden_kernel[m][codes[m]] for m in range(n)), np.zeros(hidden_bias.shape[1]))
        hidden = np.tanh(hidden_bias[n] + before)
        total += log_softmax(output_bias[n] + hidden @ output_kernel[n])[code]
    return total


def all_codes(size, values):
    """Every (c_1, .., c_size)."""
    return list(itertools.product(range(values), repeat=size))
