"""How far several people agree on the classes of rows, beyond what chance would give."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def cohen_kappa(first: ArrayLike, second: ArrayLike) -> float:
    """Agreement of two people.

        kappa = (p_o - p_e) / (1 - p_e)

    with p_o the share of rows on which they agree, and p_e that of two people who draw from each
    one's own shares of classes.

    Args:
      first, second: int [N]; what each says of a row.
    Returns:
      At most 1; 0 is chance. NaN where there are no rows, or both say the same class of all.
    Raises:
      ValueError: if the lengths differ.
    References:
      [1] Cohen. A Coefficient of Agreement for Nominal Scales. Educational and Psychological
        Measurement 20, 1960.
    """
    a, b = np.asarray(first), np.asarray(second)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"second: expected {a.shape} as in first; received {b.shape}")
    classes = np.unique([*a.tolist(), *b.tolist()])
    shares = [(said[:, np.newaxis] == classes).mean(axis=0) for said in (a, b)] if len(a) else []
    if not shares:
        return float("nan")
    return _beyond_chance(float((a == b).mean()), float(shares[0] @ shares[1]))


def fleiss_kappa(counts: ArrayLike) -> float:
    """Agreement where the same number of people, not always the same ones, answered every row.

    Observed is the share of pairs of answers to a row that agree, by chance the sum of the squared
    shares of classes among all answers.

    Args:
      counts: int [N, K]; how many people said each class of a row; all rows sum to n >= 2.
    Returns:
      At most 1; 0 is chance. NaN where there are no rows, or one class alone.
    Raises:
      ValueError: if rows have different numbers of answers, or fewer than two.
    References:
      [1] Fleiss. Measuring Nominal Scale Agreement Among Many Raters. Psychological Bulletin 76,
        1971.
    """
    table = np.asarray(counts, np.float64)
    if table.ndim != 2:
        raise ValueError(f"counts: expected [N, K]; received shape {table.shape}")
    if not len(table):
        return float("nan")
    people = table.sum(axis=1)
    if people[0] < 2 or (people != people[0]).any():
        raise ValueError(
            "counts: expected the same number of answers in every row, at least two; received "
            f"{people.min():g} to {people.max():g}"
        )
    pairs = (table * (table - 1)).sum(axis=1) / (people * (people - 1))
    shares = table.sum(axis=0) / table.sum()
    return _beyond_chance(float(pairs.mean()), float(shares @ shares))


def krippendorff_alpha(answers: ArrayLike) -> float:
    """Agreement of any number of people, each of whom may have left rows out; nominal classes.

        alpha = 1 - D_o / D_e

    D_o is the share of disagreeing pairs of answers within rows, each row's pairs counted by
    1 / (its answers - 1), and D_e that among all answers that have a partner.

    Args:
      answers: int [people, N]; classes from 0 on, -1 where somebody said nothing.
    Returns:
      At most 1; 0 is chance. NaN where no row has two answers, or all are of one class.
    References:
      [1] Krippendorff. Computing Krippendorff's Alpha-Reliability. University of Pennsylvania,
        2011.
    """
    table = np.asarray(answers)
    if table.ndim != 2:
        raise ValueError(f"answers: expected [people, N]; received shape {table.shape}")
    classes = range(int(table.max(initial=-1)) + 1)
    counts: NDArray[np.float64] = np.array([(table == k).sum(axis=0) for k in classes], float)
    counts = counts.reshape(len(classes), table.shape[1]).T  # [N, K]
    counts = counts[counts.sum(axis=1) > 1]
    people, totals = counts.sum(axis=1), counts.sum(axis=0)
    number = totals.sum()
    if not number:
        return float("nan")
    agreeing = (counts * (counts - 1)).sum(axis=1) / (people - 1)
    by_chance = (totals * (totals - 1)).sum() / (number - 1)
    return _beyond_chance(float(agreeing.sum() / number), float(by_chance / number))


def _beyond_chance(observed: float, expected: float) -> float:
    return float("nan") if expected >= 1 else (observed - expected) / (1 - expected)
