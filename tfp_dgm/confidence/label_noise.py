"""How sure it is that each annotation is right."""

import numpy as np

from tfp_dgm.confidence.calibration import (
    FLOORS,
    TEMPERATURES,
    Calibration,
    annotation_likelihood,
    temper,
)

_LEAST = 1e-9


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


def among_copies(
    given: np.ndarray, probabilities: np.ndarray, allowed: np.ndarray, copy_group: np.ndarray
) -> np.ndarray:
    """The probabilities [n] that annotations are right, where copies of a text have different ones.

    Of a text with annotations A_1 .. A_m that differ, each by itself odds o_i of being right,

        P(class c) ~ p(c) prod_i f_i ^ [c in A_i],    f_i = o_i p(not A_i) / p(A_i)

    is what all of them say of the class, where slips are independent given it; an annotation is
    right as probably as it holds the class. A repeated annotation counts once: it was copied.

    Args:
      given: of each annotation by itself, as `given_label_probability` gives them.
      probabilities: [n, K]; of the classes, calibrated, by models that saw no annotation.
      allowed: bool [n, K]; the annotations.
      copy_group: int [n]; copies of a text share a number.
    """
    found = np.array(given)
    _, one_of, group = np.unique(copy_group, return_index=True, return_inverse=True)
    differ = (allowed != allowed[one_of[group]]).any(axis=1)
    for number in np.unique(group[differ]):  # Few, whatever copies there are.
        rows = np.flatnonzero(group == number)
        said, first, which = np.unique(
            allowed[rows], axis=0, return_index=True, return_inverse=True
        )
        p = probabilities[rows].mean(axis=0)
        within = np.clip(said @ p / p.sum(), _LEAST, 1 - _LEAST)
        right = np.clip(np.asarray(given[rows[first]], float), _LEAST, 1 - _LEAST)
        log_f = np.log(right / (1 - right)) + np.log((1 - within) / within)
        log_p = np.log(np.maximum(p, _LEAST)) + log_f @ said
        posterior = np.exp(log_p - log_p.max())
        found[rows] = (said @ posterior / posterior.sum())[which.ravel()]
    return found


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
