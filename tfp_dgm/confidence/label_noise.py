"""How sure it is that each annotation is right."""

import numpy as np

from tfp_dgm.confidence.calibration import (
    FLOORS,
    TEMPERATURES,
    Calibration,
    annotation_likelihood,
    temper,
)


def given_label_probability(
    calibration: Calibration,
    cross_fitted: np.ndarray,
    allowed: np.ndarray,
    fitted: np.ndarray,
    *,
    besides: np.ndarray | None = None,
) -> np.ndarray:
    """The probability [n] that each annotation holds the true class.

    Args:
      calibration: the posterior over maps and the share of slips.
      cross_fitted: [n, K]; uncalibrated, by models that did not see the annotation.
      allowed: bool [n, K]; the annotations.
      fitted: [n, K]; by the model that was trained on the annotations.
      besides: [n, K]; see `annotation_likelihood`.
    """
    return _right(calibration, cross_fitted, allowed, fitted, besides)[0]


def answer_probability(
    calibration: Calibration,
    cross_fitted: np.ndarray,
    labels: np.ndarray,
    fitted: np.ndarray | None,
) -> np.ndarray:
    """The probability [n] that the cross-fitted answer is right, now that a label is known.

    Near 1 where the label agrees; where it does not, the label is a slip and the answer the truth.

    Args:
      calibration, cross_fitted, fitted: as for `given_label_probability`.
      labels: bool [n, K]; one class each.
    """
    return _right(calibration, cross_fitted, labels, fitted, None)[1]


def _right(
    calibration: Calibration,
    cross_fitted: np.ndarray,
    allowed: np.ndarray,
    fitted: np.ndarray | None,
    besides: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    num_classes = allowed.shape[1]
    agrees = allowed[np.arange(len(allowed)), cross_fitted.argmax(axis=1)]
    given, answer = np.zeros(len(allowed)), np.zeros(len(allowed))
    for temperature, beliefs in zip(TEMPERATURES, calibration.posterior, strict=True):
        if beliefs.sum() < 1e-6:
            continue
        right, slip = annotation_likelihood(cross_fitted, allowed, fitted, temperature, besides)
        right = right / (right + slip)
        tempered = temper(cross_fitted, temperature)
        elsewhere = 1 - np.where(allowed, tempered, 0).sum(axis=1)
        # Given that the class is another one: how likely it is that it is the answer.
        best = tempered.max(axis=1)[:, np.newaxis]
        best = (1 - FLOORS) * best + FLOORS / num_classes  # [n, F]
        others = (1 - FLOORS) * elsewhere[:, np.newaxis] + FLOORS * (1 - 1 / num_classes)
        shares = np.minimum(best / np.maximum(others, 1e-9), 1)[:, :, np.newaxis]
        truth = np.where(agrees[:, np.newaxis, np.newaxis], right, (1 - right) * shares)
        given += (right * beliefs).sum(axis=(1, 2))
        answer += (truth * beliefs).sum(axis=(1, 2))
    return given, answer
