"""Hidden Markov models in NumPy: every path in turn, and Baum and Welch's step of the textbook."""

import itertools

import numpy as np
import scipy.special
import scipy.stats

PAD, END = 0, 2


def text_densities(emission_logits, token_ids):
    """log p(token | state) of the tokens of one text [T] -> [T, K]; PAD and START are never."""
    logits = np.array(emission_logits, np.float64)
    logits[:, :2] = -np.inf
    return scipy.special.log_softmax(logits, axis=1).T[list(token_ids)]


def tokens_of(row):
    """A text of a row: up to END, or to the first PAD."""
    row = list(row)
    closed = [row.index(END) + 1] if END in row else []
    padded = [row.index(PAD)] if PAD in row else []
    return row[: min([*closed, *padded, len(row)])]


def normal_densities(loc, covariance, vectors):
    """log N(vector; state) of vectors [T, D] -> [T, K]; 0 of vectors of NaN."""
    return np.array(
        [
            [
                0.0
                if np.isnan(vector).any()
                else scipy.stats.multivariate_normal.logpdf(vector, m, c)
                for m, c in zip(loc, covariance, strict=True)
            ]
            for vector in vectors
        ]
    )


def covariances(scale, full):
    """Of Cholesky factors [..., D, D], or of standard deviations [..., D]."""
    scale = np.asarray(scale, np.float64)
    if full:
        return scale @ np.swapaxes(scale, -1, -2)
    return np.square(scale)[..., np.newaxis] * np.eye(scale.shape[-1])


def path_scores(initial_logits, transition_logits, densities):
    """{path: log p(x, path)} of one sequence, whose densities are [T, K]."""
    initial = scipy.special.log_softmax(np.asarray(initial_logits, np.float64))
    transitions = scipy.special.log_softmax(np.asarray(transition_logits, np.float64), axis=1)
    steps, states = densities.shape
    scores = {}
    for path in itertools.product(range(states), repeat=steps):
        score = initial[path[0]] + sum(densities[t, z] for t, z in enumerate(path))
        scores[path] = score + sum(transitions[pair] for pair in itertools.pairwise(path))
    return scores


def factorial_scores(initial_logits, transition_logits, loc, covariance, vectors):
    """{path: log p(x, path)}; a path is of tuples, a state of each chain."""
    initial = scipy.special.log_softmax(np.asarray(initial_logits, np.float64), axis=-1)
    transitions = scipy.special.log_softmax(np.asarray(transition_logits, np.float64), axis=-1)
    chains, states, _ = np.shape(loc)
    scores = {}
    joint = list(itertools.product(range(states), repeat=chains))
    for path in itertools.product(joint, repeat=len(vectors)):
        score = sum(initial[m, path[0][m]] for m in range(chains))
        for before, after in itertools.pairwise(path):
            score += sum(transitions[m, before[m], after[m]] for m in range(chains))
        for vector, state in zip(vectors, path, strict=True):
            if not np.isnan(vector).any():
                mean = sum(loc[m][state[m]] for m in range(chains))
                score += scipy.stats.multivariate_normal.logpdf(vector, mean, covariance)
        scores[path] = score
    return scores


def total(scores):
    """log p(x) of the scores of all paths."""
    return scipy.special.logsumexp(list(scores.values()))


def forward_backward(initial, transitions, likelihoods):
    """Scaled forward and backward passes (Rabiner 1989, III.A and V.A), in probabilities.

    Returns:
      log p(x), state posteriors [T, K], and expected transitions [K, K].
    """
    steps, states = likelihoods.shape
    alpha, beta, scale = np.zeros((steps, states)), np.ones((steps, states)), np.zeros(steps)
    for t in range(steps):
        arrived = initial if t == 0 else alpha[t - 1] @ transitions
        alpha[t] = arrived * likelihoods[t]
        scale[t] = alpha[t].sum()
        alpha[t] /= scale[t]
    pairs = np.zeros((states, states))
    for t in range(steps - 2, -1, -1):
        ahead = likelihoods[t + 1] * beta[t + 1] / scale[t + 1]
        beta[t] = transitions @ ahead
        pairs += alpha[t][:, np.newaxis] * transitions * ahead
    return np.log(scale).sum(), alpha * beta, pairs
