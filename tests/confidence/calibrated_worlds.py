"""Worlds whose truth is drawn from known probabilities, for tests of calibration and acceptance."""

import numpy as np


def tempered_world(rows, temperature, floor=0.0, seed=0, num_classes=4, scale=3.0):
    """Stated probabilities whose truth was drawn from floor-mixed p^(1/temperature)."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, scale, (rows, num_classes))
    stated = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    true = np.exp(logits / temperature)
    true = (1 - floor) * true / true.sum(axis=1, keepdims=True) + floor / num_classes
    truth = (rng.random((rows, 1)) < true.cumsum(axis=1)).argmax(axis=1)
    return stated, true, truth


def slipping_annotators(stated, truth, share, seed=0):
    """Labels of which a share is any other class, which of them slipped, and `fitted` answers.

    A model that is trained on a label which it would not have guessed follows it in 6 cases of 10
    if it is right, and in 2 of 10 if it is a slip.
    """
    rng = np.random.default_rng(seed + 1000)
    rows, num_classes = stated.shape
    slipped = rng.random(rows) < share
    given = np.where(slipped, (truth + rng.integers(1, num_classes, rows)) % num_classes, truth)
    labels = np.eye(num_classes, dtype=bool)[given]
    follows = rng.random((rows, 1)) < np.where(slipped, 0.2, 0.6)[:, np.newaxis]
    return labels, slipped, np.where(follows, labels, stated)
