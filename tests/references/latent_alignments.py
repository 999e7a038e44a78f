"""Texts whose tokens look at one source each, in NumPy: all M^T alignments, one after the other."""

import itertools

import numpy as np
from scipy.special import log_softmax, logsumexp, softmax

from tests.references.recurrent_text import lstm_step


def tables(weights, z, tokens, memory):
    """log p(z_t = i | x_<t), [T, M], and log p(x_t | x_<t, z_t = i), [T, M], of an LSTM.

    Args:
      weights: as `weights_of` gives them of a decoder with a memory.
      z: conditioning [Z].
      tokens: T ints up to and including the end; 0 and 1 are never written, and 1 is read first.
      memory: [M, D'].
    """
    h, c = np.split(np.tanh(z @ weights["state"] + weights["state_bias"]), 2)
    memory = np.asarray(memory, np.float64)
    joint = memory @ weights["key_value"] + weights["key_value_bias"]
    keys, values = np.split(joint, 2, axis=1)
    priors, likelihoods, last = [], [], 1
    for token in tokens:
        h, c = lstm_step(weights, last, h, c, z @ weights["condition"])
        query = h @ weights["query"] + weights["query_bias"]
        priors.append(log_softmax([key @ query / np.sqrt(len(query)) for key in keys]))
        row = []
        for value in values:
            answer = value @ weights["answer"] + weights["answer_bias"]
            shown = np.concatenate([h, answer]) @ weights["attended"] + weights["attended_bias"]
            logits = weights["output"] @ np.tanh(shown) + weights["output_bias"]
            row.append(log_softmax(logits[2:])[token - 2])
        likelihoods.append(row)
        last = token
    return np.array(priors), np.array(likelihoods)


def alignments(log_prior, log_likelihood):
    """Every alignment of a text, [M^T, T], and log p(x, z) of each, [M^T]."""
    steps, sources = log_prior.shape
    every = np.array(list(itertools.product(range(sources), repeat=steps)))
    scores = [
        sum(log_prior[t, i] + log_likelihood[t, i] for t, i in enumerate(alignment))
        for alignment in every
    ]
    return every, np.array(scores)


def log_marginal(log_prior, log_likelihood):
    """log sum_z p(x, z) over all alignments."""
    return logsumexp(alignments(log_prior, log_likelihood)[1])


def posterior(log_prior, log_likelihood):
    """p(z_t = i | x), [T, M], by counting in all alignments."""
    every, scores = alignments(log_prior, log_likelihood)
    shares = softmax(scores)
    sources = range(log_prior.shape[1])
    return np.array([[shares[column == i].sum() for i in sources] for column in every.T])


def bound(log_prior, log_likelihood, q):
    """The ELBO of posteriors q [T, M] over all alignments, and its divergence."""
    every, scores = alignments(log_prior, log_likelihood)
    steps = range(len(log_prior))
    log_q = np.array([sum(np.log(q[t, a[t]]) for t in steps) for a in every])
    log_p = np.array([sum(log_prior[t, a[t]] for t in steps) for a in every])
    share = np.exp(log_q)
    return (share * (scores - log_q)).sum(), (share * (log_q - log_p)).sum()
