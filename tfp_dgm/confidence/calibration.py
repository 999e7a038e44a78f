"""Confidences that mean what they say, judged on labels that the models did not train on."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

# Grid of the posterior over the calibration's two parameters and the share of wrong labels.
TEMPERATURES = np.exp2(np.linspace(-2, 3, 31))
FLOORS = np.array([0, 0.003, 0.006, 0.01, 0.016, 0.025, 0.04, 0.06, 0.09, 0.13, 0.19, 0.27, 0.4])
SLIPS = np.array([0, 0.005, 0.01, 0.02, 0.035, 0.06, 0.1, 0.16, 0.25])

_LOG_TEMPERATURE = (0.0, 0.6)  # Prior mean and deviation.
# Prior of floors and of shares of slips alike, weights and means of exponentials: mostly about one
# in a hundred, but in a fifth of all data sets about one in ten.
_RARE, _OFTEN = (0.8, 0.01), (0.2, 0.1)
# A model that is wrong for sure errs towards classes that it finds likely, where a slip of the
# annotator may be any class: the floor's mass goes to classes by p^(1 / (1.5 temperature)).
_ERROR_HEAT = 1.5
# How often a model that was trained on a surprising label follows it, where the label is right
# (measured on eight data sets: 0.5 to 0.86) and where it is a slip (0.12 to 0.41).
_FOLLOWS_RIGHT, _FOLLOWS_SLIP = 0.65, 0.25


def temper(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """p^(1 / temperature), renormalised over axis 1."""
    logits = np.log(np.maximum(probabilities, 1e-7)) / temperature
    tempered = np.exp(logits - logits.max(axis=1, keepdims=True))
    return tempered / tempered.sum(axis=1, keepdims=True)


def fit_temperature(probabilities: np.ndarray, allowed: np.ndarray, weights: np.ndarray) -> float:
    """The temperature of highest posterior density under a log-normal prior around 1.

    Args:
      probabilities: [n, K], cross-fitted.
      allowed: bool [n, K]; the annotations.
      weights: [n]; what each row counts.
    """
    losses = []
    for temperature in TEMPERATURES:
        # One answer in a hundred may be a slip of the annotator, so that no single row decides.
        given = 0.99 * _of_annotation(temper(probabilities, temperature), allowed)
        given += 0.01 * allowed.mean(axis=1)
        prior = 0.5 * (np.log(temperature) / 0.5) ** 2
        losses.append(prior - (weights * np.log(given)).sum())
    return float(TEMPERATURES[int(np.argmin(losses))])


def mixture_weights(
    members: list[np.ndarray], allowed: np.ndarray, weights: np.ndarray, pseudo_counts: np.ndarray
) -> np.ndarray:
    """Weights [M] of a mixture of M members' cross-fitted probabilities [n, K], by EM.

    `pseudo_counts` [M] are what is believed of the members before any annotation speaks.
    """
    given = np.stack([_of_annotation(member, allowed) + 1e-4 for member in members], axis=1)
    mixture = pseudo_counts / pseudo_counts.sum()
    for _ in range(200):
        shares = given * mixture
        shares /= shares.sum(axis=1, keepdims=True)
        mixture = (weights[:, np.newaxis] * shares).sum(axis=0) + pseudo_counts
        mixture /= mixture.sum()
    return mixture


@dataclass(frozen=True)
class Calibration:
    """A posterior over calibration maps q = (1 - floor) temper(p, temperature) + floor / K.

    Labels are given by annotators, who slip: a share of them is wrong, any other class being as
    likely. This share is a third unknown, so that slips are not taken for the model's doubt.

    Attributes:
      posterior: [len(TEMPERATURES), len(FLOORS), len(SLIPS)]; sums to 1.
    """

    posterior: np.ndarray

    @classmethod
    def fit(
        cls,
        probabilities: np.ndarray,
        allowed: np.ndarray,
        weights: np.ndarray,
        *,
        fitted: np.ndarray | None = None,
        besides: np.ndarray | None = None,
    ) -> "Calibration":
        """Bayes' rule on a grid.

        Args:
          probabilities: [n, K], cross-fitted.
          allowed: bool [n, K]; the annotations.
          weights: [n], what each row counts; or [S, n], draws of it, over which the posterior is
            averaged.
          fitted: [n, K]; answers by the model that was trained on these annotations. Whether it
            follows a surprising label tells slips from errors; without them no label is held to be
            a slip.
          besides: see `annotation_likelihood`.
        """
        weights = np.atleast_2d(weights)
        log_posterior = np.zeros((len(weights), len(TEMPERATURES), len(FLOORS), len(SLIPS)))
        mean, deviation = _LOG_TEMPERATURE
        for i, temperature in enumerate(TEMPERATURES):
            right, slip = annotation_likelihood(
                probabilities, allowed, fitted, temperature, besides
            )
            fit = np.tensordot(weights, np.log(np.maximum(right + slip, 1e-9)), axes=1)
            log_posterior[:, i] = fit - 0.5 * ((np.log(temperature) - mean) / deviation) ** 2
        log_posterior += np.log(_prior(FLOORS))[:, np.newaxis]
        if fitted is None:
            log_posterior[..., 1:] = -np.inf
        else:
            log_posterior += np.log(_prior(SLIPS))
        axes = (1, 2, 3)
        posterior = np.exp(log_posterior - log_posterior.max(axis=axes, keepdims=True))
        posterior /= posterior.sum(axis=axes, keepdims=True)
        return cls(posterior.mean(axis=0))

    @cached_property
    def maps(self) -> np.ndarray:
        """[len(TEMPERATURES), len(FLOORS)]; the posterior of the maps alone."""
        return self.posterior.sum(axis=2)

    @cached_property
    def slips(self) -> float:
        """The expected share of annotations that are wrong."""
        return float(self.posterior.sum(axis=(0, 1)) @ SLIPS)

    def components(self) -> tuple[np.ndarray, np.ndarray, float]:
        """The posterior mean as a mixture: temperatures, their weights, and the floor's weight."""
        kept = self.maps.sum(axis=1) > 1e-4
        posterior = self.maps[kept] / self.maps[kept].sum()
        floors = posterior @ FLOORS
        return TEMPERATURES[kept], posterior.sum(axis=1) - floors, float(floors.sum())

    def __call__(self, probabilities: np.ndarray) -> np.ndarray:
        """The posterior mean of the calibrated probabilities [N, K]."""
        temperatures, weights, floor = self.components()
        total = np.full(probabilities.shape, floor / probabilities.shape[1])
        for temperature, weight in zip(temperatures, weights, strict=True):
            total += weight * temper(probabilities, temperature)
        return total


def annotation_likelihood(
    probabilities: np.ndarray,
    allowed: np.ndarray,
    fitted: np.ndarray | None,
    temperature: float,
    besides: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """How likely each annotation is together with its being right, and with its being a slip.

        right = (1 - slips) q(allowed) follows(right)
        slip = slips (1 - q(allowed)) |allowed| / (K - |allowed|) follows(slip)

    where the factor of sizes is 1 / (K - 1) for a label: a slip is any set of its size that does
    not hold the class. `follows` is 1 where the label is what the cross-fitted model says.

    Args:
      probabilities, allowed, fitted: as for `Calibration.fit`.
      temperature: of the map.
      besides: [n, K]; probabilities of classes that are known from elsewhere, and not mapped: a row
        is of class k with probability (1 - besides.sum()) q_k + besides_k. None of them if None.
    Returns:
      right, slip: [n, len(FLOORS), len(SLIPS)].
    """
    rows, num_classes = np.arange(len(allowed)), allowed.shape[1]
    best = probabilities.argmax(axis=1)
    agrees = allowed[rows, best]
    others = temper(probabilities, _ERROR_HEAT * temperature)
    others[rows, best] = 0
    others *= (1 - 1 / num_classes) / others.sum(axis=1, keepdims=True)
    floor = agrees / num_classes + _of_annotation(others, allowed)  # [n]
    given = _of_annotation(temper(probabilities, temperature), allowed)[:, np.newaxis]
    given = ((1 - FLOORS) * given + FLOORS * floor[:, np.newaxis])[:, :, np.newaxis]  # [n, F, 1]
    if besides is not None:
        left = 1 - besides.sum(axis=1, keepdims=True)  # [n, 1]
        given = left[:, :, np.newaxis] * given
        given += _of_annotation(besides, allowed)[:, np.newaxis, np.newaxis]
        agrees = allowed[rows, (left * probabilities + besides).argmax(axis=1)]
        fitted = None if fitted is None else left * fitted + besides

    right_follows = slip_follows = np.ones(len(allowed))
    if fitted is not None:
        follows = allowed[rows, fitted.argmax(axis=1)]
        right_follows = np.where(follows, _FOLLOWS_RIGHT, 1 - _FOLLOWS_RIGHT)
        slip_follows = np.where(follows, _FOLLOWS_SLIP, 1 - _FOLLOWS_SLIP)
    sizes = allowed.sum(axis=1)
    odds = sizes / np.maximum(num_classes - sizes, 1) * np.where(agrees, 1, slip_follows)
    right = (1 - SLIPS) * given * np.where(agrees, 1, right_follows)[:, np.newaxis, np.newaxis]
    return right, SLIPS * (1 - given) * odds[:, np.newaxis, np.newaxis]


def _prior(grid: np.ndarray) -> np.ndarray:
    """Prior probability of each point of a grid, which stands for the interval around it."""
    edges = np.concatenate([[0], (grid[1:] + grid[:-1]) / 2, [1]])
    mass = sum(-weight * np.diff(np.exp(-edges / mean)) for weight, mean in (_RARE, _OFTEN))
    return np.asarray(mass / np.sum(mass))


def _of_annotation(probabilities: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """The probability [n] that the class is among the allowed ones."""
    return np.where(allowed, probabilities, 0).sum(axis=1)
