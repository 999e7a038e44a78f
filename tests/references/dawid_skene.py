"""Dawid and Skene's model with all truths enumerated, in plain loops."""

import itertools

import numpy as np


def log_evidence_and_posterior(shares, confusions, answers, num_rows):
    """log p(answers) of all rows together, and p(y[i] = k | answers) [N, K].

    Sums over all K^N truths; `shares` is [K] or [N, K], `confusions` [A, K, K] (annotator, class,
    answer), `answers` triples (row, annotator, label).
    """
    num_classes = confusions.shape[1]
    shares = np.broadcast_to(shares, (num_rows, num_classes))
    total, marginal = 0.0, np.zeros((num_rows, num_classes))
    for truth in itertools.product(range(num_classes), repeat=num_rows):
        joint = 1.0
        for row, k in enumerate(truth):
            joint *= shares[row, k]
        for row, annotator, label in answers:
            joint *= confusions[annotator, truth[row], label]
        total += joint
        for row, k in enumerate(truth):
            marginal[row, k] += joint
    return np.log(total), marginal / total
