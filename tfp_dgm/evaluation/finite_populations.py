"""How many rows of a finite set are right, by a random sample of it without replacement."""

import math
from collections.abc import Callable

from scipy import special, stats

# A prior of the number of right rows: all of them, most of them, any number. A mixture of
# beta-binomial distributions, weight and parameters each; no promise is among them.
_ALL, _MIXTURE = 0.4, ((0.4, 30.0, 1.0), (0.2, 1.0, 1.0))


def hypergeometric_bounds(
    right: int, sample: int, population: int, confidence: float = 0.95
) -> tuple[int, int]:
    """Exact bounds of how many rows are right, of a sample whose size was fixed beforehand.

    With M right rows of N, the number X among n that are drawn is hypergeometric:

        low  = min {M : P(X >= right; M) > 1 - confidence}
        high = max {M : P(X <= right; M) > 1 - confidence}

    Args:
      right: how many rows of the sample are right.
      sample: n; how many were drawn and judged.
      population: N.
      confidence: of each bound by itself: whatever the truth, `low` is above it in at most
        1 - confidence of all samples, and `high` below it.
    Returns:
      low, high: from `right` to N - (n - right).
    Raises:
      ValueError: if the counts do not fit each other, or the confidence is none; names which.
    """
    _check(right, sample, population, confidence)
    error, most = 1 - confidence, population - (sample - right)

    def at_least(total: int) -> bool:
        return bool(stats.hypergeom.sf(right - 1, population, total, sample) > error)

    def at_most(total: int) -> bool:
        return bool(stats.hypergeom.cdf(right, population, total, sample) > error)

    low = _first(at_least, right, most)
    return low, _first(lambda total: not at_most(total), low, most + 1) - 1


def anytime_bounds(
    right: int, sample: int, population: int, confidence: float = 0.95
) -> tuple[int, int]:
    """Bounds of how many rows are right that hold at whatever sample one stops.

    The ratio of prior to posterior of M is, where M is the truth, a martingale that starts at 1
    (Waudby-Smith and Ramdas 2020, theorem 2.1), and exceeds 1 / (1 - confidence) at any time with
    probability 1 - confidence at most (Ville). The bounds enclose all M where it does not:

        marginal(sample) / p(sample; M) < 1 / (1 - confidence)
        p(sample; M) = C(N - n, M - right) / C(N, M)

    for a sample in its order, drawn one by one without replacement. The prior holds that all rows
    are right (0.4), or is a beta-binomial with parameters 30, 1 (0.4) or 1, 1 (0.2). Where all are
    right, 72 rows show that 95 % of many are; the exact test, at a size fixed beforehand, wants 59.

    Args:
      right: how many of the rows judged are right.
      sample: n; how many were judged, the first ones in a random order of all.
      population: N.
      confidence: that both bounds hold, at every n together.
    Returns:
      low, high: from `right` to N - (n - right).
    Raises:
      ValueError: as `hypergeometric_bounds`.
    References:
      [1] Waudby-Smith and Ramdas. Confidence sequences for sampling without replacement.
        NeurIPS 2020. arXiv:2006.04347
    """
    _check(right, sample, population, confidence)
    least, most = right, population - (sample - right)
    enough = _log_marginal(right, sample) + math.log(1 - confidence)

    def inside(total: int) -> bool:
        return _log_probability(right, sample, total, population) > enough

    # The probability rises to the most likely number, and falls from there on.
    peak = min(max(right * (population + 1) // max(sample, 1), least), most)
    low = _first(inside, least, peak)
    return low, _first(lambda total: not inside(total), peak, most + 1) - 1


def _log_probability(right: int, sample: int, total: int, population: int) -> float:
    """Of a sample in its order, where `total` rows are right."""
    return _log_choose(population - sample, total - right) - _log_choose(population, total)


def _log_marginal(right: int, sample: int) -> float:
    """Of a sample in its order, under the prior; it does not depend on the population's size."""
    wrong = sample - right
    parts = [math.log(_ALL)] if not wrong else []
    parts += [
        math.log(weight) + special.betaln(a + right, b + wrong) - special.betaln(a, b)
        for weight, a, b in _MIXTURE
    ]
    return float(special.logsumexp(parts))


def _log_choose(total: int, chosen: int) -> float:
    return math.lgamma(total + 1) - math.lgamma(chosen + 1) - math.lgamma(total - chosen + 1)


def _first(holds: Callable[[int], bool], start: int, end: int) -> int:
    """The first number from `start` on of which something holds that goes on to; else `end`."""
    while start < end:
        middle = (start + end) // 2
        if holds(middle):
            end = middle
        else:
            start = middle + 1
    return start


def _check(right: int, sample: int, population: int, confidence: float) -> None:
    if not 0 <= right <= sample <= population:
        raise ValueError(
            f"right: expected 0 <= right <= sample <= population; received {right}, {sample} and "
            f"{population}"
        )
    if not 0 < confidence < 1:
        raise ValueError(f"confidence: expected a share between 0 and 1; received {confidence}")
