"""What may be said of accepted rows after a person has judged a random sample of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.evaluation import anytime_bounds, hypergeometric_bounds

Answer = Literal["right", "wrong", "unsure"]

# Each further answer asks again for the bounds of all before it.
_anytime = lru_cache(maxsize=2**16)(anytime_bounds)

# Shares of the accepted rows, the surest first, for which a broken promise is tried again, in
# this order; the first that fails ends it, so that all tries together err as seldom as one.
_SHARES = (0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class Judged:
    """How many rows of a set are right, by the sample of it.

    Attributes:
      accepted: N, the rows of the set.
      judged: how many were judged, from the first in the drawn order to the last without a gap.
      right, unsure: how many of these are right, and of how many the person could not tell.
      low, high: bounds of how many of the N are right; what is unsure is wrong for the one, and
        right for the other.
    """

    accepted: int
    judged: int
    right: int
    unsure: int
    low: int
    high: int

    def keeps(self, promise: float) -> bool:
        """Whether it is shown that at least the promised share is right."""
        return self.low >= _needed(promise, self.accepted)

    def breaks(self, promise: float) -> bool:
        """Whether it is shown that less than the promised share is right."""
        return self.high < _needed(promise, self.accepted)


@dataclass(frozen=True)
class Certificate:
    """What was found about a promise.

    Attributes:
      promise: the share of the accepted rows that should be right.
      confidence: see `certify`.
      once: the sample's size where it was fixed, and its answers are looked at once.
      all_rows: of the accepted rows.
      verdict: "kept", "broken" or "open".
      threshold: where it is broken, the least probability from which on it is kept; None where no
        such is known.
      above: of the rows from there on.
      more: where it is open, how many further answers, all right, show that it is kept; None where
        it is not open, or as many rows are not left.
      units: what the rows are called, as "spans" of sentences.
    """

    promise: float
    confidence: float
    once: int | None
    all_rows: Judged
    verdict: Literal["kept", "broken", "open"]
    threshold: float | None = None
    above: Judged | None = None
    more: int | None = None
    units: str = "rows"

    def as_dict(self) -> dict[str, Any]:
        """The figures, as JSON has them, and the sentence."""
        return {**asdict(self), "says": self.sentence()}

    def sentence(self) -> str:
        """What may be said, in one or two sentences."""
        seen, sure = self.all_rows, f"at {percent_shown(self.confidence)} confidence"
        if not seen.judged:
            return (
                "no row has been judged yet, so that nothing is known of the "
                f"{seen.accepted:,} accepted rows."
            )
        said = f"{seen.right:,} of {seen.judged:,} right"
        if seen.unsure:
            said += f", {seen.unsure:,} unsure"
        whole = f"of the {seen.accepted:,} accepted {self.units} are right"
        if self.verdict == "kept":
            return f"{said}: at least {percent_shown(self.promise)} {whole}, {sure}."
        if self.verdict == "broken":
            high, promised = (
                percent_shown(seen.high / seen.accepted, up=True),
                percent_shown(self.promise),
            )
            said += f": at most {high} {whole}, {sure}, and {promised} were promised."
            if self.above is None or self.threshold is None:
                return f"{said} No threshold is known at which the promise holds."
            return (
                f"{said} From a probability of {self.threshold:.6g} on it holds: "
                f"{self.above.right:,} of {self.above.judged:,} right, so that at least "
                f"{percent_shown(self.promise)} of these {self.above.accepted:,} {self.units} "
                f"are, {sure}."
            )
        if self.once is not None and seen.judged < self.once:
            return f"{said}, of {self.once:,} that are to be judged before anything is said."
        low, high = (
            percent_shown(seen.low / seen.accepted),
            percent_shown(seen.high / seen.accepted, up=True),
        )
        if self.once is not None:
            return f"{said}: at least {low} {whole}, {sure}; that does not decide."
        return f"{said}: between {low} and {high} {whole}, {sure}; that does not decide yet."


def certify(
    order: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    answers: Mapping[int, Answer],
    *,
    promise: float,
    confidence: float = 0.95,
    once: int | None = None,
) -> Certificate:
    """Says what a sample of the accepted rows shows about a promise.

    Answers count from the first in the drawn order up to the first row without one: a person may
    stop at any time, and not choose what to answer.

    Without `once` both bounds hold at whatever time one looks, with the confidence together
    (`evaluation.anytime_bounds`), so that one may stop as soon as it is decided, either way. With
    it each bound holds by itself, when that many are judged (`evaluation.hypergeometric_bounds`).

    Where the promise is broken, it is tried for the surest half of the accepted rows, then for the
    surest 60, 70, 80 and 90 %, up to the first of which it is not shown. Of each the same order is
    a random one. That the threshold named is wrong is as improbable as of one try (testing in a
    fixed order).

    Args:
      order: int [N]; a random order of all accepted rows, drawn before anything was judged.
      probabilities: [N]; of each row, in the table's order.
      answers: row -> what the person says.
      promise: the share that should be right.
      confidence: of the statements: of each of "kept", "broken" and the threshold.
      once: the sample's size where it was fixed beforehand.
    Returns:
      The certificate.
    """
    judge = _Sample(order, answers, confidence, once)
    seen = judge.of(np.ones(len(order), bool))
    complete = once is None or seen.judged == once
    if complete and seen.keeps(promise):
        return Certificate(promise, confidence, once, seen, "kept")
    if not complete or not seen.breaks(promise):
        more = _more(seen, promise, confidence) if once is None else None
        return Certificate(promise, confidence, once, seen, "open", more=more)
    threshold, above = None, None
    ranked = np.sort(probabilities)[::-1]
    for share in _SHARES:
        least = float(ranked[math.ceil(share * len(ranked)) - 1])
        tried = judge.of(probabilities >= least)
        if not tried.keeps(promise):
            break
        threshold, above = least, tried
    return Certificate(promise, confidence, once, seen, "broken", threshold, above)


def surest_half(probabilities: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The rows with which the search for a threshold begins, ties and all."""
    least = np.sort(probabilities)[::-1][math.ceil(_SHARES[0] * len(probabilities)) - 1]
    return np.asarray(probabilities >= least)


@dataclass(frozen=True)
class _Sample:
    order: NDArray[np.int64]
    answers: Mapping[int, Answer]
    confidence: float
    once: int | None

    def of(self, members: NDArray[np.bool_]) -> Judged:
        """What the sample says of some of the rows; their order is that of all."""
        drawn = self.order if self.once is None else self.order[: self.once]
        told: list[Answer] = []
        for row in drawn[members[drawn]].tolist():
            if row not in self.answers:
                break
            told.append(self.answers[row])
        right, unsure = told.count("right"), told.count("unsure")
        low, high = self._bounds(told, int(members.sum()))
        return Judged(int(members.sum()), len(told), right, unsure, low, high)

    def _bounds(self, told: Sequence[Answer], size: int) -> tuple[int, int]:
        """Of how many of `size` rows are right, by the first ones in their order.

        Bounds that hold at all times together hold by the narrowest of all times: what was shown
        once stays shown.
        """
        right = np.cumsum([0, *(answer == "right" for answer in told)]).tolist()
        maybe = np.cumsum([0, *(answer != "wrong" for answer in told)]).tolist()
        if self.once is not None:
            low, _ = hypergeometric_bounds(right[-1], len(told), size, self.confidence)
            _, high = hypergeometric_bounds(maybe[-1], len(told), size, self.confidence)
            return low, high
        times = range(len(told) + 1)
        lows = (_anytime(right[n], n, size, self.confidence)[0] for n in times)
        highs = (_anytime(maybe[n], n, size, self.confidence)[1] for n in times)
        return max(lows), min(highs)


def _more(seen: Judged, promise: float, confidence: float) -> int | None:
    """How many further right answers show that the promise is kept, by bisection."""

    def enough(count: int) -> bool:
        low, _ = anytime_bounds(seen.right + count, seen.judged + count, seen.accepted, confidence)
        return low >= _needed(promise, seen.accepted)

    left = seen.accepted - seen.judged
    if not enough(left):
        return None
    low, high = 0, left
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _needed(promise: float, accepted: int) -> int:
    """The least number of right rows that is the promised share."""
    return math.ceil(promise * accepted - 1e-9)


def percent_shown(share: float, *, up: bool = False) -> str:
    """With at most one decimal, rounded to the side on which what is said stays true."""
    scaled = math.ceil(1000 * share - 1e-9) if up else math.floor(1000 * share + 1e-9)
    return f"{scaled / 10:g}%"
