"""Distributions over structures by enumeration of every structure, in NumPy and float64."""

import itertools

import numpy as np
from scipy.special import logsumexp
from scipy.stats import chisquare
from tensorflow_probability import distributions as tfd


class Enumerated:
    """All structures of one row with their scores.

    Args:
      scores: {event, a nested tuple without padding: score}; -inf is impossible.
      parts: event -> arrays that hold how often each part is in it.
    """

    def __init__(self, scores, parts):
        self.events = sorted(scores, key=scores.get, reverse=True)
        self.scores = np.array([scores[event] for event in self.events])
        self.log_partition = logsumexp(self.scores)
        self.log_probs = self.scores - self.log_partition
        self.parts = parts

    @property
    def entropy(self):
        found = self.log_probs[np.isfinite(self.log_probs)]
        return -np.sum(np.exp(found) * found)

    @property
    def marginals(self):
        weighted = [
            [np.exp(log_prob) * part for part in self.parts(event)]
            for event, log_prob in zip(self.events, self.log_probs, strict=True)
        ]
        return [sum(parts) for parts in zip(*weighted, strict=True)]

    def divergence_from(self, other):
        """KL(self || other)."""
        theirs = dict(zip(other.events, other.log_probs, strict=True))
        return sum(
            np.exp(log_prob) * (log_prob - theirs[event])
            for event, log_prob in zip(self.events, self.log_probs, strict=True)
            if np.isfinite(log_prob)
        )

    def restricted(self, keep):
        """The structures for whose event `keep` is true alone."""
        return Enumerated(
            {
                event: score
                for event, score in zip(self.events, self.scores, strict=True)
                if keep(event)
            },
            self.parts,
        )

    def p_value(self, draws):
        """Of the chi-square test that draws (events without padding) are of this distribution."""
        possible = [
            event
            for event, score in zip(self.events, self.log_probs, strict=True)
            if np.isfinite(score)
        ]
        counts = {event: 0 for event in possible}
        for draw in draws:
            counts[draw] += 1  # KeyError: an impossible structure was drawn.
        expected = len(draws) * np.exp(self.log_probs[: len(possible)])
        return chisquare([counts[event] for event in possible], expected).pvalue


def answers(structure, other, events, k=4):
    """What a `Structure` says of itself, to be traced at once; see `assert_answers`."""
    return {
        "log_partition": structure.log_partition(),
        "marginals": structure.marginals(),
        "entropy": structure.entropy(),
        "divergence": tfd.kl_divergence(structure, other),
        "mode": structure.mode(),
        "top_k": structure.top_k(k),
        "log_prob": structure.log_prob(events),
    }


def assert_answers(found, row, rows, others, events, without_padding):
    """Compares one row of `answers` with the enumerations of it and of the other distribution.

    Args:
      events: [S, B, ...], the events that were given.
      without_padding: an event [...] of this row -> the tuple that the enumeration knows.
    """
    close = {"rtol": 1e-4, "atol": 1e-4}
    np.testing.assert_allclose(found["log_partition"][row], rows.log_partition, **close)
    np.testing.assert_allclose(found["entropy"][row], rows.entropy, **close)
    np.testing.assert_allclose(found["divergence"][row], rows.divergence_from(others), **close)
    for given, wanted in zip(found["marginals"], rows.marginals, strict=True):
        padded = np.zeros(given.shape[1:])
        padded[tuple(slice(size) for size in wanted.shape)] = wanted
        np.testing.assert_allclose(given[row], padded, **close)
    log_probs = dict(zip(rows.events, rows.log_probs, strict=True))
    for draw, event in enumerate(events[:, row]):
        wanted = log_probs.get(without_padding(event), -np.inf)
        np.testing.assert_allclose(found["log_prob"][draw, row], wanted, **close)
    mode = log_probs[without_padding(found["mode"][row].numpy())]
    np.testing.assert_allclose(mode, rows.log_probs[0], **close)
    structures, best = (part.numpy() for part in found["top_k"])
    possible = np.sum(np.isfinite(rows.log_probs[: len(best)]))
    np.testing.assert_allclose(best[:possible, row], rows.log_probs[:possible], **close)
    assert np.isneginf(best[possible:, row]).all()
    kept = [without_padding(one) for one in structures[:possible, row]]
    assert len(set(kept)) == possible
    np.testing.assert_allclose([log_probs[one] for one in kept], best[:possible, row], **close)


def chains(unary, transitions, initial):
    """`Enumerated` state sequences of one row: unary [T, K], transitions [T - 1, K, K], [K]."""
    steps, states = unary.shape
    scores = {}
    for event in itertools.product(range(states), repeat=steps):
        score = initial[event[0]] + sum(unary[t, state] for t, state in enumerate(event))
        score += sum(transitions[t, event[t], event[t + 1]] for t in range(steps - 1))
        scores[event] = score

    def parts(event):
        counts = [np.zeros_like(part) for part in (unary, transitions, initial)]
        counts[2][event[0]] = 1
        for t, state in enumerate(event):
            counts[0][t, state] = 1
        for t in range(steps - 1):
            counts[1][t, event[t], event[t + 1]] = 1
        return counts

    return Enumerated(scores, parts)


def segmentations(segments, transitions):
    """`Enumerated` segmentations of one row: segments [T, L, K], transitions [T - 1, K, K].

    Events hold the label where a segment starts, and -1 elsewhere.
    """
    steps, longest, labels = segments.shape
    scores = {}

    def extend(event, score):
        start = len(event)
        if start == steps:
            scores[event] = score
            return
        before = next((label for label in reversed(event) if label >= 0), None)
        for size in range(1, min(longest, steps - start) + 1):
            for label in range(labels):
                more = segments[start, size - 1, label]
                if start:
                    more = more + transitions[start - 1, before, label]
                extend((*event, label, *[-1] * (size - 1)), score + more)

    extend((), 0.0)

    def parts(event):
        counts = [np.zeros_like(segments), np.zeros_like(transitions)]
        starts = [t for t, label in enumerate(event) if label >= 0]
        for start, end in zip(starts, [*starts[1:], steps], strict=True):
            counts[0][start, end - start - 1, event[start]] = 1
            if start:
                before = event[starts[starts.index(start) - 1]]
                counts[1][start - 1, before, event[start]] = 1
        return counts

    return Enumerated(scores, parts)
