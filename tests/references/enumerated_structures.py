"""Distributions over structures by all of their structures, in float64."""

import numpy as np
from scipy.special import logsumexp, xlogy


class EnumeratedStructures:
    """p(z) of a row, of its potentials and [(event, indices of parts), ...]."""

    def __init__(self, potentials, structures):
        self.events = [event for event, _ in structures]
        self.shape = potentials.shape
        self._parts = [parts for _, parts in structures]
        self.potentials = potentials = np.asarray(potentials, np.float64)
        self.scores = np.array([sum(potentials[part] for part in parts) for parts in self._parts])
        self.log_partition = logsumexp(self.scores)
        with np.errstate(invalid="ignore"):
            self.log_probs = self.scores - self.log_partition
        self.probs = np.exp(self.log_probs)

    def expectation(self, values):
        """Sum over structures of probability, value and the marks of its parts."""
        total = np.zeros(self.shape)
        for weight, parts in zip(self.probs * values, self._parts, strict=True):
            for part in parts:
                total[part] += weight
        return total

    @property
    def used(self):
        """Which potentials any structure reads."""
        used = np.zeros(self.shape, bool)
        for parts in self._parts:
            for part in parts:
                used[part] = True
        return used

    @property
    def marginals(self):
        return self.expectation(np.ones(len(self.probs)))

    @property
    def entropy(self):
        return -np.sum(xlogy(self.probs, self.probs))

    @property
    def entropy_gradient(self):
        """-sum of p(z) (marks of z - marginals) log p(z)."""
        surprise = -np.where(self.probs > 0, self.log_probs, 0.0)
        return self.expectation(surprise) - self.marginals * np.sum(self.probs * surprise)

    def divergence(self, other):
        """KL(self || other); inf where the other rules out what this does not."""
        possible = self.probs > 0
        ratio = self.log_probs[possible] - other.log_probs[possible]
        return np.sum(self.probs[possible] * ratio)

    def missed(self, other):
        """The largest marginal of a part that the other makes impossible."""
        return np.max(self.marginals, where=np.isneginf(other.potentials), initial=0.0)

    def allowed(self, mask):
        """Probability that no part is ruled out by a bool mask."""
        kept = [all(mask[part] for part in parts) for parts in self._parts]
        return np.sum(self.probs[kept])

    def log_prob(self, event):
        """Of one event; -inf where it is none of them."""
        for known, log_prob in zip(self.events, self.log_probs, strict=True):
            if np.array_equal(known, event):
                return log_prob
        return -np.inf
