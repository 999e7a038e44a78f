"""How far texts are from every class, as scores whose distribution annotated rows tell honestly."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.special
from sklearn.covariance import ledoit_wolf

from tfp_dgm.labelling.self_training import fit_logistic_regressions

# What an annotation weighs against the ridge, and how long a regression is fitted.
_LABEL_WEIGHT, _STEPS = 0.1, 60
# The second view is an encoder's, and counts twice.
_VIEW_SHARES = (1.0, 2.0)
# What the entropy of the answer counts, and then the direction of the farthest rows, each beside
# all before it, in deviations.
_ENTROPY_WEIGHT, _DIRECTION_WEIGHT = 0.25, 0.5
# The rows that the direction is learned from: this share of those that a model has no annotation
# of, though no more than so many; and what one weighs against the ridge.
_FARTHEST, _MOST_FARTHEST, _DIRECTION_ROW_WEIGHT = 0.2, 20_000, 0.003
# Rows that the Gaussian of all is estimated from, at most; in double precision they are large.
_MOST_ROWS = 20_000
_NO_CLASS = 1e9  # The distance to a class without labels.


@dataclass(frozen=True)
class ViewDistance:
    """Two measures of rows [N, D] of one view, both low near a labelled class.

    Gaussian classes of one covariance W with means m[k], and a Gaussian C with mean g of all rows:

        distance = min_k (x - m[k])' W^-1 (x - m[k]) - (x - g)' C^-1 (x - g)      [1]
        energy = -logsumexp_k (x . kernel[k] + bias[k])                           [2]

    The first is a quadratic form, x' quadratic x + min_k (x . linear[k] + offset[k]); the second is
    of a logistic regression on the labels alone. Covariances are shrunk as Ledoit and Wolf do.

    Attributes:
      quadratic: float32 [D, D].
      linear: float32 [D, K].
      offset: float32 [K].
      kernel: float32 [D, K].
      bias: float32 [K].
    References:
      [1] Ren et al. A Simple Fix to Mahalanobis Distance for Improving Near-OOD Detection. 2021.
        arXiv:2106.09022
      [2] Liu et al. Energy-based Out-of-distribution Detection. NeurIPS 2020. arXiv:2010.03759
    """

    quadratic: np.ndarray
    linear: np.ndarray
    offset: np.ndarray
    kernel: np.ndarray
    bias: np.ndarray

    @classmethod
    def fit(
        cls,
        view: np.ndarray,
        rows: np.ndarray,
        allowed: np.ndarray,
        everything: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> "ViewDistance":
        """Fits to a view [N, D] and the annotations bool [n, K] of some of its rows.

        `everything` is the Gaussian of all rows, `gaussian(view)`, where it is known.
        """
        given = allowed / allowed.sum(axis=1, keepdims=True)  # [n, K]
        seen = view[rows].astype(float)
        sizes = given.sum(axis=0)
        means = given.T @ seen / np.maximum(sizes, 1e-9)[:, np.newaxis]  # [K, D]
        center, precision = gaussian(view) if everything is None else everything
        single = np.flatnonzero(allowed.sum(axis=1) == 1)
        label = allowed[single].argmax(axis=1)
        # A label is nearer to a mean that it is part of than another row of the class is.
        lone = sizes[label] < 1 + 1e-6
        spread = np.sqrt(sizes[label] / np.maximum(sizes[label] - 1, 1e-9))
        residuals = (seen[single] - means[label]) * np.where(lone, 0, spread)[:, np.newaxis]
        within = precision
        if len(residuals[~lone]) > 1:
            within = _inverse(residuals[~lone])
        offset = np.einsum("kd,de,ke->k", means, within, means) - center @ precision @ center
        ones = np.ones((len(rows), 1), np.float32)
        heads = fit_logistic_regressions(
            np.hstack([view[rows], ones]).astype(np.float32),
            given[:, :, np.newaxis].astype(np.float32),
            np.full((len(rows), 1), _LABEL_WEIGHT, np.float32),
            steps=_STEPS,
        )[:, :, 0]  # [D + 1, K]
        return cls(
            (within - precision).astype(np.float32),
            (2 * (precision @ center)[:, np.newaxis] - 2 * within @ means.T).astype(np.float32),
            np.where(sizes > 0, offset, _NO_CLASS).astype(np.float32),
            heads[:-1],
            heads[-1],
        )

    def turned(self, direction: np.ndarray) -> "ViewDistance":
        """The same with `view @ direction` [D] added to the distance."""
        return replace(self, linear=self.linear + direction[:, np.newaxis].astype(np.float32))

    def arrays(self) -> list[np.ndarray]:
        """All attributes, in their order."""
        return [self.quadratic, self.linear, self.offset, self.kernel, self.bias]

    def measures(self, view: np.ndarray) -> np.ndarray:
        """Distance and energy: float [N, 2]."""
        near = (view @ self.linear + self.offset).min(axis=1)
        distance = ((view @ self.quadratic) * view).sum(axis=1) + near
        energy = -scipy.special.logsumexp(view @ self.kernel + self.bias, axis=1)
        return np.stack([distance, energy], axis=1)


@dataclass(frozen=True)
class ClassDistance:
    """A score of F models, which differ in the annotations that they see: higher is farther.

    The measures of all views and the entropy of the answers make a first score. Rows of no class
    have something in common that the distance from classes does not tell, a subject or a manner:

        score = near + direction . x

    for the direction of a logistic regression, on all views together, of the rows whose first score
    is greatest against the annotated ones. That step is like the second one of learning from
    positive and unlabelled rows [1], but for the share, which is a constant. What is summed is
    divided by its deviation among the rows without annotation; in these the score has mean 0 and
    deviation 1, in every model.

    Attributes:
      views: of the first model, which sees all annotations; the direction is in `linear`.
      weights: float [M]; what the first model's measures count, two of each view and the entropy.
      constant: what is added.
      scores: float [N, F]; of all rows, and by models after the first of those that they answer.
    References:
      [1] Liu et al. Building Text Classifiers Using Positive and Unlabeled Examples. ICDM 2003.
    """

    views: Sequence[ViewDistance]
    weights: np.ndarray
    constant: float
    scores: np.ndarray

    @classmethod
    def fit(
        cls,
        views: Sequence[np.ndarray],
        entropy: np.ndarray,
        rows: np.ndarray,
        allowed: np.ndarray,
        visible: np.ndarray,
        judged: np.ndarray,
    ) -> "ClassDistance":
        """Fits all models.

        Args:
          views: float32 [N, D] each, one or two.
          entropy: float [N, F]; of each model's answers, in nats.
          rows: int [n]; the annotated rows. Others, at least two, set the scale.
          allowed: bool [n, K]; their annotations.
          visible: bool [n, F]; which of these each model sees; the first sees all.
          judged: int [m]; the rows that models after the first answer, in order: all annotated
            ones, and at least two others. By these the rest has no score.
        """
        scores = np.full(entropy.shape, np.nan)
        first: tuple[list[ViewDistance], np.ndarray, float] | None = None
        everything = [gaussian(view) for view in views]  # No annotation changes it.
        for model in range(entropy.shape[1]):
            seen = visible[:, model]
            if not seen.any():  # It would know nothing: what all know stands for it.
                scores[:, model] = scores[:, 0]
                continue
            own = judged if model else np.arange(len(entropy))
            parts = [view[own] for view in views] if len(own) < len(entropy) else views
            unannotated = ~np.isin(own, rows)
            fitted = [
                ViewDistance.fit(view, rows[seen], allowed[seen], known)
                for view, known in zip(views, everything, strict=True)
            ]
            measures = np.hstack(
                [
                    *(fit.measures(part) for fit, part in zip(fitted, parts, strict=True)),
                    entropy[own, model : model + 1],
                ]
            )  # [N, M]
            weights = _weights(measures[unannotated])
            near = measures @ weights
            directions = _directions(parts, near, np.searchsorted(own, rows[seen]))
            along = np.asarray(
                sum(part @ direction for part, direction in zip(parts, directions, strict=True))
            )
            count = _DIRECTION_WEIGHT * near[unannotated].std() / _deviation(along[unannotated])
            total = near + count * along
            scale, mean = _deviation(total[unannotated]), total[unannotated].mean()
            scores[own, model] = (total - mean) / scale
            if first is None:
                turned = [
                    fit.turned(count / weights[2 * number] * direction)
                    for number, (fit, direction) in enumerate(zip(fitted, directions, strict=True))
                ]
                first = turned, weights / scale, float(-mean / scale)
        assert first is not None  # The first model sees all annotations.
        return cls(*first, scores)


def _weights(measures: np.ndarray) -> np.ndarray:
    """What measures [N, M] count, two of each view and the entropy: [M]."""
    deviations = np.array([_deviation(measure) for measure in measures.T])
    num_views = measures.shape[1] // 2
    weights = np.append(np.repeat(_VIEW_SHARES[:num_views], 2), 0) / deviations
    weights[-1] = _ENTROPY_WEIGHT * (measures @ weights).std() / deviations[-1]
    return weights


def _directions(
    views: Sequence[np.ndarray], near: np.ndarray, annotated: np.ndarray
) -> list[np.ndarray]:
    """What tells the farthest rows from the annotated ones: a vector [D] for each view.

    Annotated rows that are hidden from a model are among those that may be far, as any other, so
    that they are told as these are.
    """
    others = np.setdiff1d(np.arange(len(near)), annotated)
    far = others[near[others] >= np.quantile(near[others], 1 - _FARTHEST)]
    far = far[:: -(-len(far) // _MOST_FARTHEST)]
    chosen = np.concatenate([annotated, far])
    is_far = np.arange(len(chosen)) >= len(annotated)
    # Both sides count the same.
    counts = np.where(is_far, 0.5 / len(far), 0.5 / len(annotated)) * len(chosen)
    ones = np.ones((len(chosen), 1), np.float32)
    heads = fit_logistic_regressions(
        np.hstack([*(view[chosen] for view in views), ones]).astype(np.float32),
        np.stack([~is_far, is_far], axis=1)[:, :, np.newaxis].astype(np.float32),
        (_DIRECTION_ROW_WEIGHT * counts)[:, np.newaxis].astype(np.float32),
        steps=_STEPS,
    )[:-1, :, 0]  # [sum of D, 2]
    ends = np.cumsum([view.shape[1] for view in views])
    return np.split(heads[:, 1] - heads[:, 0], ends[:-1])


def _deviation(values: np.ndarray) -> float:
    return max(float(values.std()), 1e-6)


def gaussian(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean [D] and precision [D, D] of rows [N, D], of many by every second one, or third, ..."""
    rows = rows[:: max(1, -(-len(rows) // _MOST_ROWS))].astype(float)
    center = rows.mean(axis=0)
    return center, _inverse(rows - center)


def _inverse(residuals: np.ndarray) -> np.ndarray:
    covariance, _ = ledoit_wolf(residuals, assume_centered=True)
    size = len(covariance)
    covariance[range(size), range(size)] += 1e-6 * max(np.trace(covariance) / size, 1e-6)
    return np.linalg.inv(covariance)
