"""Answers at the level of a tree of classes that is safe: "billing", where which is unsure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np

from tfp_dgm.confidence import Calibration, acceptance_threshold
from tfp_dgm.data import ClassDefinitions
from tfp_dgm.labelling.class_shares import FEWEST_LABELS


@dataclass(frozen=True)
class Level:
    """A partition of the classes: each class, or the group that stands for it higher up.

    Attributes:
      names: G names of groups, and of classes that are no deeper than this level.
      group: int [K]; the group of each class.
    """

    names: tuple[str, ...]
    group: np.ndarray

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Values of classes [..., K], summed in each group: [..., G]."""
        return values @ np.eye(len(self.names), dtype=values.dtype)[self.group]

    def allowed(self, allowed: np.ndarray) -> np.ndarray:
        """The groups bool [N, G] that annotations bool [N, K] leave."""
        return self.sums(allowed.astype(int)) > 0


@dataclass(frozen=True)
class JudgedLevel:
    """A level, what its answers are worth, and from where on they are accepted.

    Attributes:
      level: the partition.
      calibration: of the groups' summed probabilities.
      threshold: the least calibrated probability that is accepted; None accepts nothing.
      unknown: names of the groups with too few labels to know anything about them.
      unknown_share: the share of the rows that may be of these: at most, in nine of ten draws.
    """

    level: Level
    calibration: Calibration
    threshold: float | None
    unknown: tuple[str, ...]
    unknown_share: float

    def probabilities(self, of_classes: np.ndarray) -> np.ndarray:
        """Calibrated probabilities [N, G] of the groups, from the classes' [N, K]."""
        return self.calibration(self.level.sums(of_classes))


def class_levels(definitions: ClassDefinitions | None) -> tuple[Level, ...]:
    """The levels above the classes, from the deepest to the top; none where there are no groups."""
    if definitions is None:
        return ()
    paths = [definitions.path(name) for name in definitions.classes]
    levels: list[Level] = []
    for depth in range(max(map(len, paths)) - 1, 0, -1):
        groups = [path[min(depth, len(path)) - 1] for path in paths]
        names = tuple(sorted(set(groups)))
        if 1 < len(names) < len(levels[-1].names if levels else paths):
            levels.append(Level(names, np.array([names.index(group) for group in groups])))
    return tuple(levels)


def judge_levels(
    levels: Sequence[Level],
    open_probabilities: np.ndarray,
    cross_fitted: np.ndarray,
    allowed: np.ndarray,
    *,
    threshold: float | None,
    min_precision: float,
    weights: np.ndarray,
    counts: np.ndarray,
    share_draws: np.ndarray,
    none: np.ndarray | None = None,
    cross_fitted_none: np.ndarray | None = None,
) -> tuple[JudgedLevel, ...]:
    """Finds what may be accepted at each level of the rows that no deeper level accepts.

    Each level keeps the promise by itself: its judge sees only the rows, with labels and without,
    that are left to it. An annotation that leaves one group is a label at the group's level,
    however many classes it leaves.

    Args:
      levels: from the deepest to the top.
      open_probabilities: [N, K], calibrated; of the rows to accept from.
      cross_fitted: [n, K], calibrated; of the annotated rows, by models that did not see them.
      allowed: bool [n, K]; their annotations.
      threshold: that of the classes themselves.
      min_precision: the share of accepted rows that must be right, at each level.
      weights: [S, n]; see `Calibration.fit`.
      counts: [n]; see `acceptance_threshold`.
      share_draws: [S, K]; draws of the classes' shares. A level at which groups with hardly a label
        may hold too many rows accepts nothing.
      none, cross_fitted_none: [D, N] and [n]; see `acceptance_threshold`.
    """
    open_left = np.ones(len(open_probabilities), bool)
    left = np.ones(len(cross_fitted), bool)
    open_of_class = 1.0 if none is None else 1 - none.mean(axis=0)
    of_class = 1.0 if cross_fitted_none is None else 1 - cross_fitted_none
    open_confidence = open_probabilities.max(axis=1) * open_of_class
    confidence = cross_fitted.max(axis=1) * of_class
    judged = []
    for level in levels:
        if threshold is not None:
            open_left &= open_confidence < threshold
            left &= confidence < threshold
        sums, open_sums = level.sums(cross_fitted), level.sums(open_probabilities)
        groups = level.allowed(allowed)
        calibration = Calibration.fit(sums[left], groups[left], weights[:, left])
        threshold = None
        single = groups.sum(axis=1) == 1
        unknown = counts[single] @ groups[single] < FEWEST_LABELS - 1e-6  # [G]
        names = tuple(compress(level.names, unknown))
        unknown_share = np.quantile(level.sums(share_draws)[:, unknown].sum(axis=1), 0.9)
        if left.any() and open_left.any() and unknown_share <= 1 - min_precision:
            threshold = acceptance_threshold(
                calibration,
                open_sums[open_left],
                min_precision,
                cross_fitted=sums[left],
                allowed=groups[left],
                counts=counts[left],
                none=None if none is None else none[:, open_left],
                cross_fitted_none=None if cross_fitted_none is None else cross_fitted_none[left],
            )
        open_confidence = calibration(open_sums).max(axis=1) * open_of_class
        confidence = calibration(sums).max(axis=1) * of_class
        judged.append(JudgedLevel(level, calibration, threshold, names, float(unknown_share)))
    return tuple(judged)
