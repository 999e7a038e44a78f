"""Bounds from samples without replacement, against the enumeration of all samples."""

import functools
import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from tfp_dgm.evaluation import anytime_bounds, hypergeometric_bounds


def _chances(population, total, sample):
    """P(X = x) for x = 0 .. sample, exactly."""
    every = math.comb(population, sample)
    return [
        Fraction(math.comb(total, x) * math.comb(population - total, sample - x), every)
        for x in range(sample + 1)
    ]


@pytest.mark.parametrize(("population", "sample"), [(1, 1), (7, 3), (12, 12), (23, 9)])
@pytest.mark.parametrize("confidence", [0.6, 0.95])
def test_exact_bounds_are_those_of_the_definition(population, sample, confidence):
    error = 1 - confidence
    chances = [_chances(population, total, sample) for total in range(population + 1)]
    for right in range(sample + 1):
        low = min(m for m, p in enumerate(chances) if sum(p[right:]) > error)
        high = max(m for m, p in enumerate(chances) if sum(p[: right + 1]) > error)
        assert hypergeometric_bounds(right, sample, population, confidence) == (low, high)


def test_59_of_59_are_enough_for_95_percent_of_many_and_fewer_of_few():
    low, _ = hypergeometric_bounds(59, 59, 100_000)
    assert low >= 95_000
    assert hypergeometric_bounds(58, 58, 100_000)[0] < 95_000
    assert hypergeometric_bounds(58, 59, 100_000)[0] < 95_000
    # Of 100 rows with 94 right, 45 draws are right with probability C(94, 45) / C(100, 45).
    needed = next(n for n in range(1, 101) if hypergeometric_bounds(n, n, 100)[0] >= 95)
    assert math.comb(94, needed) / math.comb(100, needed) <= 0.05
    assert math.comb(94, needed - 1) / math.comb(100, needed - 1) > 0.05


_bounds = functools.cache(anytime_bounds)


def _chance_of_ever_missing(population, total, confidence):
    """That bounds looked at after every row ever leave the truth out, over all orders of rows.

    Exact: paths (sample, right) that have never left it out are counted by dynamic programming,
    each as likely as the draws of an urn say.
    """
    paths = {0: Fraction(1)}  # right -> probability, of those where all bounds have held.
    for n in range(population):
        grown = {}
        for right, chance in paths.items():
            of_right = Fraction(total - right, population - n)
            for more, share in ((1, of_right), (0, 1 - of_right)):
                if not share:
                    continue
                low, high = _bounds(right + more, n + 1, population, confidence)
                if low <= total <= high:
                    grown[right + more] = grown.get(right + more, 0) + chance * share
        paths = grown
    return float(1 - sum(paths.values()))


@pytest.mark.parametrize(("population", "confidence"), [(12, 0.7), (40, 0.95), (75, 0.9)])
def test_anytime_bounds_are_seldom_ever_wrong(population, confidence):
    missed = [
        _chance_of_ever_missing(population, total, confidence) for total in range(population + 1)
    ]
    assert max(missed) <= 1 - confidence
    assert max(missed) > (1 - confidence) / 20  # They are bounds, not everything there is.


def test_bounds_of_a_fixed_size_do_not_hold_when_looked_at_after_every_row():
    """What the other bounds are for."""
    population, total, error = 75, 60, 0.05
    paths, missed = {0: 1.0}, 0.0
    for n in range(population):
        grown = {}
        for right, chance in paths.items():
            of_right = (total - right) / (population - n)
            for more, share in ((1, of_right), (0, 1 - of_right)):
                if share and hypergeometric_bounds(right + more, n + 1, population)[0] > total:
                    missed += chance * share
                elif share:
                    grown[right + more] = grown.get(right + more, 0) + chance * share
        paths = grown
    assert missed > 2 * error


def test_anytime_bounds_enclose_what_the_definition_does():
    """The prior's marginal by summing over all numbers of right rows, with fractions."""
    population, confidence = 30, 0.9

    def prior(total):
        found = 0.4 * (total == population)
        for weight, a, b in ((0.4, 30, 1), (0.2, 1, 1)):  # C(N, M) B(a + M, b + N - M) / B(a, b)
            beta = math.factorial(a + total - 1) * math.factorial(b + population - total - 1)
            beta = Fraction(beta, math.factorial(a + b + population - 1))
            start = Fraction(math.factorial(a - 1) * math.factorial(b - 1))
            start /= math.factorial(a + b - 1)
            found += weight * float(math.comb(population, total) * beta / start)
        return found

    assert sum(prior(total) for total in range(population + 1)) == pytest.approx(1)
    for sample, right in itertools.product(range(population + 1), repeat=2):
        if right > sample:
            continue
        given = [
            0.0
            if total < right or population - total < sample - right
            else math.comb(population - sample, total - right) / math.comb(population, total)
            for total in range(population + 1)
        ]
        marginal = sum(prior(total) * chance for total, chance in enumerate(given))
        kept = [m for m, chance in enumerate(given) if chance > (1 - confidence) * marginal]
        assert anytime_bounds(right, sample, population, confidence) == (kept[0], kept[-1])


def test_a_whole_sample_leaves_nothing_open_and_an_empty_one_everything():
    for bounds in (anytime_bounds, hypergeometric_bounds):
        assert bounds(17, 20, 20) == (17, 17)
        assert bounds(0, 0, 20) == (0, 20)


def test_the_documented_size():
    needed = next(n for n in range(1, 200) if anytime_bounds(n, n, 10**6)[0] >= 0.95 * 10**6)
    assert needed == 72


def test_bounds_of_millions_are_those_of_the_urn_with_replacement():
    low, high = hypergeometric_bounds(180, 200, 10**7)
    rng = np.random.default_rng(0)
    for share, tail in ((low / 1e7, 1), (high / 1e7, -1)):
        drawn = rng.binomial(200, share, 200_000)
        assert np.mean(drawn >= 180 if tail > 0 else drawn <= 180) == pytest.approx(0.05, abs=0.003)


@pytest.mark.parametrize("counts", [(3, 2, 5), (2, 6, 5), (-1, 2, 5)])
@pytest.mark.parametrize("bounds", [anytime_bounds, hypergeometric_bounds])
def test_counts_that_do_not_fit_are_refused(bounds, counts):
    with pytest.raises(ValueError, match=r"right: expected 0 <= right <= sample <= population"):
        bounds(*counts)
    with pytest.raises(ValueError, match="confidence: expected a share between 0 and 1"):
        bounds(1, 2, 3, 1.0)
