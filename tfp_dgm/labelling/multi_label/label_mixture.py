"""Which classes go together: a mixture of Bernoullis as the prior of a row's labels."""

from dataclasses import dataclass

import numpy as np
from scipy.special import log_expit, logsumexp

_ITERATIONS = 60
_PRIOR_ROWS = 1.0  # Of each component: rows in which classes occur as they do in all rows.
_TINY = 1e-6
_NUMBERS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class LabelMixture:
    """p(y) = sum_c share[c] prod_k rate[c, k]^y[k] (1 - rate[c, k])^(1 - y[k]).

    Combined with what a text says of each class by itself, sigmoid(z[k]),

        p(y | x)  ~  p(y) prod_k p(y[k] | x) / p(y[k]),

    where p(y[k]) is the mixture's own marginal: with one component, or equal ones, the classes are
    independent and nothing changes. Everything is a sum over C components, exact whichever marks
    are known.

    Attributes:
      shares: float [C]; they sum to 1.
      rates: float [C, K]; strictly between 0 and 1.
    """

    shares: np.ndarray
    rates: np.ndarray

    @classmethod
    def fit(
        cls, marks: np.ndarray, weights: np.ndarray, num_components: int, seed: int
    ) -> "LabelMixture":
        """Expectation maximisation from rows drawn as first components; unknown marks drop out.

        Args:
          marks: int8 [n, K]; 1 = the class applies, 0 = it does not, -1 = unknown.
          weights: [n]; what each row counts.
          num_components: C.
          seed: of the first components.
        """
        rng = np.random.default_rng(seed)
        applies = (marks == 1) * weights[:, np.newaxis]
        absent = (marks == 0) * weights[:, np.newaxis]
        usual = (applies.sum(axis=0) + 0.5) / (applies.sum(axis=0) + absent.sum(axis=0) + 1)  # [K]
        shares = np.full(num_components, 1 / num_components)
        start = marks[rng.choice(len(marks), num_components, replace=len(marks) < num_components)]
        rates = np.where(start >= 0, 0.5 * usual + 0.5 * (start == 1), usual)
        yes, no = (marks == 1).astype(float), (marks == 0).astype(float)
        for _ in range(_ITERATIONS):
            log_joint = yes @ np.log(rates).T + no @ np.log1p(-rates).T + np.log(shares)
            responsible = np.exp(log_joint - logsumexp(log_joint, axis=1, keepdims=True))
            hits = responsible.T @ applies + _PRIOR_ROWS * usual
            total = hits + responsible.T @ absent + _PRIOR_ROWS * (1 - usual)
            rates = np.clip(hits / total, _TINY, 1 - _TINY)
            shares = responsible.T @ weights + 1 / num_components
            shares /= shares.sum()
        return cls(shares, rates)

    @property
    def marginals(self) -> np.ndarray:
        """float [K]; p(y[k] = 1)."""
        return self.shares @ self.rates

    def towards_independence(self, kept: float) -> "LabelMixture":
        """The same marginals, and the share `kept` of each component's distance from them."""
        return LabelMixture(self.shares, self.marginals + kept * (self.rates - self.marginals))

    def condition(self, logits: np.ndarray, marks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What texts and known marks say.

        Args:
          logits: float [N, K]; z.
          marks: int8 [N, K]; -1 = unknown.
        Returns:
          probabilities: float [N, K]; p(y[k] = 1 | x, known marks), which are 0 or 1 themselves.
          log_likelihood: float [N]; log p(known marks | x), nats.
        """
        size = max(1, _NUMBERS_AT_ONCE // self.rates.size)
        parts = [
            self._condition(logits[start : start + size], marks[start : start + size])
            for start in range(0, max(1, len(logits)), size)
        ]
        probabilities, log_likelihood = zip(*parts, strict=True)
        return np.concatenate(probabilities), np.concatenate(log_likelihood)

    def _condition(self, logits: np.ndarray, marks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        yes, no = self._log_factors(logits)  # [N, C, K]
        either = np.logaddexp(yes, no)
        known = marks[:, np.newaxis, :]
        seen = np.where(known == 1, yes, np.where(known == 0, no, either)).sum(axis=2)
        seen += np.log(self.shares)  # [N, C]
        evidence = logsumexp(seen, axis=1)
        responsible = np.exp(seen - evidence[:, np.newaxis])
        probabilities = np.einsum("nc,nck->nk", responsible, np.exp(yes - either))
        probabilities = np.where(marks >= 0, marks, probabilities)
        return probabilities, evidence - logsumexp(either.sum(axis=2) + np.log(self.shares), axis=1)

    def _log_factors(self, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """log of rate times evidence [N, C, K] for the class, and for its absence."""
        marginals = self.marginals
        yes = log_expit(logits) - np.log(marginals)
        no = log_expit(-logits) - np.log1p(-marginals)
        return (
            np.log(self.rates) + yes[:, np.newaxis, :],
            np.log1p(-self.rates) + no[:, np.newaxis, :],
        )

    @classmethod
    def independent(cls, num_classes: int) -> "LabelMixture":
        """One component: the classes do not depend on each other."""
        return cls(np.ones(1), np.full((1, num_classes), 0.5))
