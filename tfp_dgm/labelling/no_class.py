"""Rows of no class: how many there are, and which, told from the rows without annotation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.special
from scipy.special import expit

NONE = "(none)"  # What a row of no class is predicted to be.

_SLOPES = np.array([0.5, 0.7, 1, 1.4, 2, 2.8, 4, 5.6, 8])
_SHARES = np.array(
    [0.002, 0.005, 0.01, 0.02, 0.03, 0.045, 0.06, 0.08, 0.1, 0.125, 0.15, 0.18, 0.21, 0.25, 0.29,
     0.33, 0.37, 0.42, 0.47, 0.52, 0.58, 0.64, 0.7, 0.77, 0.85]
)  # fmt: skip
_LOG_SLOPE = (np.log(2.0), 0.7)  # Prior mean and deviation.
_SHARE_POWER = 2.0  # Prior density of a share: (1 - share)^2.
_FARTHEST = 60.0  # Deviations from the mean beyond which no offset is looked for.
_QUANTILES = 1000
_KNOTS = 65
_DRAWS = 24


@dataclass(frozen=True)
class NoClass:
    """A posterior over p(none | score) = sigmoid(slope score + offset).

    Scores of rows of the classes have some density f, and those of rows of none an exponential
    tilt g of it, so that none is the likelier the higher the score. Annotated rows are draws of f,
    the others of (1 - share) f + share g. Neither density is modelled: given the scores, what is
    random is which rows are annotated,

        p(annotated | s) = n / (n + m (1 - share) (1 + exp(slope s + offset)))

    for n annotated rows and m others, whose mean of p(none | s) is the share [1, 2]. Slope and
    share are on a grid; the offset follows from them.

    Attributes:
      offsets: [len(_SLOPES), len(_SHARES)].
      posterior: the same shape; sums to 1.
      evidence: the log of the Bayes factor of this model over there being no such rows, in nats.
    References:
      [1] Lancaster and Imbens. Case-control studies with contaminated controls. Journal of
        Econometrics 71, 1996.
      [2] Ward et al. Presence-Only Data and the EM Algorithm. Biometrics 65, 2009.
    """

    offsets: np.ndarray
    posterior: np.ndarray
    evidence: float

    @classmethod
    def fit(cls, annotated: np.ndarray, others: np.ndarray, weights: np.ndarray) -> "NoClass":
        """Bayes' rule on the grid.

        Args:
          annotated: [n]; scores by models that did not see the row's annotation.
          others: [m, F]; scores by each of such models of the rows without annotation, for which
            they are averaged.
          weights: [S, n]; draws of what each annotation counts, so that classes count as often as
            they occur among the others; the posterior is averaged over these.
        """
        sample = np.quantile(others, (np.arange(_QUANTILES) + 0.5) / _QUANTILES)
        offsets = _offsets(sample)
        total = weights.sum(axis=1)[:, np.newaxis]  # [S, 1]
        log_posterior = np.zeros((len(weights), *offsets.shape))
        for i, slope in enumerate(_SLOPES):
            # log of (1 - share) (1 + e^eta), which is (1 - share) f + share g over f.
            eta = slope * annotated + offsets[i][:, np.newaxis]  # [shares, n]
            log_ratio = np.logaddexp(0, eta) + np.log1p(-_SHARES)[:, np.newaxis]
            of_sample = np.logaddexp(0, slope * sample + offsets[i][:, np.newaxis])
            of_sample += np.log1p(-_SHARES)[:, np.newaxis]
            odds = np.log(len(others) / total)[:, :, np.newaxis]  # [S, 1, 1]
            log_likelihood = -np.einsum("spn,sn->sp", np.logaddexp(0, odds + log_ratio), weights)
            log_likelihood -= len(others) * np.logaddexp(0, -odds - of_sample).mean(axis=2)
            log_posterior[:, i] = log_likelihood + _log_prior()[i]
        posterior = np.exp(log_posterior - log_posterior.max(axis=(1, 2), keepdims=True))
        posterior /= posterior.sum(axis=(1, 2), keepdims=True)
        odds = np.log(len(others) / total)[:, 0]  # Without such rows, of any row.
        without = -total[:, 0] * np.logaddexp(0, odds) - len(others) * np.logaddexp(0, -odds)
        evidence = scipy.special.logsumexp(log_posterior, axis=(1, 2)) - without
        return cls(offsets, posterior.mean(axis=0), float(evidence.mean()))

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """The posterior mean of p(none | score), of scores [N]."""
        total = np.zeros(len(scores))
        for i, slope in enumerate(_SLOPES):
            for offset, belief in zip(self.offsets[i], self.posterior[i], strict=True):
                if belief > 1e-5:
                    total += belief * expit(slope * scores + offset)
        return total

    def draws(self, scores: np.ndarray, *, seed: int) -> np.ndarray:
        """Draws [S, N] of p(none | score), evenly from the posterior.

        Their mean is the posterior's, but where that would take a probability above 1.
        """
        places = (np.arange(_DRAWS) + np.random.default_rng(seed).random()) / _DRAWS
        below = self.posterior.ravel().cumsum()
        chosen = np.searchsorted(below / below[-1], places)
        slope, share = np.unravel_index(chosen, self.posterior.shape)
        eta = _SLOPES[slope][:, np.newaxis] * scores + self.offsets[slope, share][:, np.newaxis]
        drawn = expit(eta)
        # So few draws have another mean than all of the posterior, from which thresholds follow.
        scale = self(scores) / np.maximum(drawn.mean(axis=0), 1e-9)
        return np.minimum(scale * drawn, 1)

    def share(self) -> tuple[float, float, float]:
        """The share of none among the rows without annotation: mean, and a range of 80 %."""
        beliefs = self.posterior.sum(axis=0)
        below = np.concatenate([[0], beliefs.cumsum()])
        edges = np.concatenate([[0], (_SHARES[1:] + _SHARES[:-1]) / 2, [1]])
        low, high = np.interp([0.1, 0.9], below, edges)
        return float(beliefs @ _SHARES), float(low), float(high)

    def knots(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """p(none | score) as a piecewise linear function: scores [P], values [P].

        Between the least and the greatest of `scores`, and level beyond.
        """
        knots = np.linspace(scores.min(), max(scores.max(), scores.min() + 1e-3), _KNOTS)
        return knots, self(knots)


def label_names(classes: Sequence[str]) -> list[str]:
    """What a row may be predicted to be: K classes, and "(none)" where it is not one of them."""
    return [*classes] if NONE in classes else [*classes, NONE]


def label_probabilities(
    probabilities: np.ndarray, none: np.ndarray, classes: Sequence[str]
) -> np.ndarray:
    """The probabilities of `label_names`: [N, K], or K + 1.

    Args:
      probabilities: [N, K]; of rows that are of one of the classes.
      none: [N]; the probability that a row is of none.
      classes: K names.
    """
    labels = label_names(classes)
    found = np.zeros((len(none), len(labels)), np.float32)
    found[:, : len(classes)] = (1 - none)[:, np.newaxis] * probabilities
    found[:, labels.index(NONE)] += none
    return found


def _offsets(sample: np.ndarray) -> np.ndarray:
    """The offsets [slopes, shares] of which the mean of p(none) is the share, by bisection."""
    center = np.median(sample)
    low = np.full((len(_SLOPES), len(_SHARES), 1), -_FARTHEST)
    high = -low
    centered = (sample - center) * _SLOPES[:, np.newaxis, np.newaxis]  # [slopes, 1, sample]
    for _ in range(40):
        middle = (low + high) / 2
        above = expit(centered + middle).mean(axis=2) > _SHARES  # [slopes, shares]
        high = np.where(above[..., np.newaxis], middle, high)
        low = np.where(above[..., np.newaxis], low, middle)
    return ((low + high) / 2)[..., 0] - _SLOPES[:, np.newaxis] * center


def _log_prior() -> np.ndarray:
    """[slopes, shares]; the mass of each point of the grid, which stands for what is around it."""
    mean, deviation = _LOG_SLOPE
    of_slope = -0.5 * ((np.log(_SLOPES) - mean) / deviation) ** 2
    edges = np.concatenate([[0], (_SHARES[1:] + _SHARES[:-1]) / 2, [1]])
    of_share = np.log(-np.diff((1 - edges) ** (_SHARE_POWER + 1)))
    of_slope -= scipy.special.logsumexp(of_slope)
    return of_slope[:, np.newaxis] + of_share
