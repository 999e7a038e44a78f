"""Log-densities and divergences by the book: loops and SciPy, nothing of the package."""

import itertools
import math

import numpy as np
import scipy.special
import scipy.stats


def softplus(value):
    return math.log1p(math.exp(-abs(value))) + max(value, 0.0)


def softmax(logits):
    exponentials = [math.exp(logit - max(logits)) for logit in logits]
    return np.array([value / sum(exponentials) for value in exponentials])


def normal_diag_log_prob(loc, scale, event):
    return sum(scipy.stats.norm.logpdf(event, loc, scale))


def normal_diag_kl(loc, scale, prior_loc, prior_scale):
    """KL(N(loc, scale^2) || N(prior_loc, prior_scale^2)), one dimension after the other."""
    total = 0.0
    for m, s, n, t in zip(loc, scale, prior_loc, prior_scale, strict=True):
        total += math.log(t / s) + (s**2 + (m - n) ** 2) / (2 * t**2) - 0.5
    return total


def normal_full_kl(loc, covariance, prior_loc, prior_covariance):
    """KL between Normals with full covariances."""
    inverse = np.linalg.inv(prior_covariance)
    gap = np.subtract(prior_loc, loc)
    log_ratio = np.linalg.slogdet(prior_covariance)[1] - np.linalg.slogdet(covariance)[1]
    return 0.5 * (np.trace(inverse @ covariance) + gap @ inverse @ gap - len(loc) + log_ratio)


def tril_of_3(fill, min_scale):
    """The Cholesky factor of three dimensions that TFP's clockwise spiral makes of six numbers."""
    a, b, c, d, e, f = fill
    return np.array(
        [
            [softplus(d) + min_scale, 0.0, 0.0],
            [f, softplus(e) + min_scale, 0.0],
            [c, b, softplus(a) + min_scale],
        ]
    )


def bernoulli_log_prob(logits, event):
    total = 0.0
    for logit, value in zip(np.ravel(logits), np.ravel(event), strict=True):
        probability = 1.0 / (1.0 + math.exp(-logit))
        total += scipy.stats.bernoulli.logpmf(int(value), probability)
    return total


def tokens_log_prob(logits, counts):
    """Log-probability of the tokens in one given order."""
    probabilities = softmax(logits)
    total = 0.0
    for probability, count in zip(probabilities, counts, strict=True):
        total += count * math.log(probability)
    return total


def multinomial_log_prob(logits, counts):
    counts = np.asarray(counts, int)
    return scipy.stats.multinomial.logpmf(counts, int(sum(counts)), softmax(logits))


def count_vectors(num_words, total):
    """All vectors of `num_words` counts that sum to `total`."""
    return [
        np.array(counts, np.float32)
        for counts in itertools.product(range(total + 1), repeat=num_words)
        if sum(counts) == total
    ]


def orderings(counts):
    """Number of token sequences with these counts."""
    return math.factorial(int(sum(counts))) / math.prod(math.factorial(int(c)) for c in counts)
