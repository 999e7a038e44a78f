"""The numbers of a data set labelled with several labels a row, ready for JSON."""

from typing import Any

import numpy as np
from sklearn.metrics import (
    f1_score,
    label_ranking_average_precision_score,
    precision_recall_fscore_support,
)

from tfp_dgm.evaluation import accepted_precision, expected_calibration_error
from tfp_dgm.labelling.multi_label.class_calibrations import two_classes
from tfp_dgm.labelling.multi_label.multi_label_outcome import MultiLabelOutcome
from tfp_dgm.labelling.scores import TOO_FEW_LABELS, json_ready

_FEWEST = 3


def multi_label_metrics(outcome: MultiLabelOutcome) -> dict[str, Any]:
    """Counts, quality on cross-fitted annotations, and what was accepted.

    Quality is measured on what is annotated, each row judged by models that did not train on it;
    copies of one text count once together. A number that nothing tells is None.

    Returns:
      A dictionary of these, JSON-ready:
        rows: `all`, `annotated` (in full), `partial`, `unlabelled`; and `copies`.
        cross_fitted: `rows` and `marks` that were checked, `micro_f1`, `macro_f1` (of the classes
          that occur), `subset_accuracy` (rows annotated in full of which everything is right),
          `ranking_precision` (label ranking average precision of those with a class), and
          `expected_calibration_error` of the classes' probabilities.
        acceptance: `asked_precision`; `labels`, accepted of all classes, their `share` of those
          predicted, and their `expected_precision`; and of whole rows `threshold`, `rows`,
          `coverage` (the share of the rows that are not annotated in full),
          `expected_row_precision`, `measured` (as in `metrics`), and `note`, which says why there
          is no threshold.
        dependence: `components` of the mixture that says which classes go together (1 =
          independent), and its `gain` over independence on unseen rows, nats a row.
        classes: for each, `name`, rows in which it `applies` and is `absent` by the annotations,
          `predicted` and `accepted` rows of the others, `share` that it is expected to have of
          them, the `threshold` from which on it is predicted and the `acceptance` from which on it
          is accepted, cross-fitted `precision`, `recall` and `f1`, `measured` of what would have
          been accepted, `warnings`.
        suspects: `count` of marks that look wrong.
        warnings, seconds: as in the outcome.
    """
    rows = {
        "all": len(outcome.texts),
        "annotated": int(outcome.complete.sum()),
        "partial": int((outcome.annotated & ~outcome.complete).sum()),
        "unlabelled": int((~outcome.annotated).sum()),
        "copies": outcome.copies,
    }
    numbers = {
        "rows": rows,
        "cross_fitted": _quality(outcome),
        "acceptance": _acceptance(outcome),
        "dependence": {"components": outcome.components, "gain": outcome.gain},
        "classes": [_class(outcome, k) for k in range(len(outcome.classes))],
        "suspects": {"count": int(outcome.suspects.sum())},
        "warnings": list(outcome.warnings),
        "seconds": dict(outcome.seconds),
    }
    return json_ready(numbers)


def _quality(outcome: MultiLabelOutcome) -> dict[str, Any]:
    known = outcome.marks >= 0
    weights = np.broadcast_to(outcome.weights[:, np.newaxis], known.shape)
    answered = outcome.probabilities >= outcome.thresholds
    full = outcome.complete
    some = full & (outcome.marks == 1).any(axis=1)
    right = (answered == outcome.marks).all(axis=1)
    scores = [_scores(outcome, k)[2] for k in range(len(outcome.classes))]
    return {
        "rows": int(outcome.annotated.sum()),
        "marks": int(known.sum()),
        "micro_f1": _f1(outcome.marks[known] == 1, answered[known], weights[known]),
        "macro_f1": np.mean([score for score in scores if not np.isnan(score)] or [np.nan]),
        "subset_accuracy": (
            np.average(right[full], weights=outcome.weights[full]) if full.any() else None
        ),
        "ranking_precision": (
            label_ranking_average_precision_score(
                outcome.marks[some],
                outcome.probabilities[some],
                sample_weight=outcome.weights[some],
            )
            if some.any()
            else None
        ),
        "expected_calibration_error": expected_calibration_error(
            two_classes(outcome.probabilities[known]), outcome.marks[known], weights=weights[known]
        )
        if known.any()
        else None,
    }


def _f1(truth: np.ndarray, answered: np.ndarray, weights: np.ndarray) -> float:
    if not len(truth):
        return np.nan
    return float(f1_score(truth, answered, sample_weight=weights, zero_division=np.nan))


def _acceptance(outcome: MultiLabelOutcome) -> dict[str, Any]:
    labels, rows = outcome.accepted, outcome.accepted_rows
    predicted = outcome.predicted & (outcome.marks < 0)
    full = outcome.complete
    told = outcome.row_threshold is not None
    confident = outcome.row_probability[full] >= (outcome.row_threshold if told else np.inf)
    right = (outcome.predicted == outcome.marks).all(axis=1)[full]
    return {
        "asked_precision": outcome.min_precision,
        "labels": int(labels.sum()),
        "share": labels.sum() / predicted.sum() if predicted.any() else None,
        "expected_precision": (
            outcome.constrained[labels].mean(dtype=np.float64) if labels.any() else None
        ),
        "threshold": outcome.row_threshold,
        "rows": int(rows.sum()),
        "coverage": rows.sum() / (~full).sum() if not full.all() else None,
        "expected_row_precision": (
            outcome.row_probability[rows].mean(dtype=np.float64) if rows.any() else None
        ),
        "measured": accepted_precision(confident, right, outcome.weights[full]) if told else None,
        "note": None if told else TOO_FEW_LABELS,
    }


def _class(outcome: MultiLabelOutcome, k: int) -> dict[str, Any]:
    marks, open_marks = outcome.marks[:, k], outcome.marks[:, k] < 0
    precision, recall, f1 = _scores(outcome, k)
    known = ~open_marks
    safe = outcome.probabilities[known, k] >= outcome.acceptance[k]  # NaN: none.
    told = not np.isnan(outcome.acceptance[k])
    return {
        "name": outcome.classes[k],
        "applies": int((marks == 1).sum()),
        "absent": int((marks == 0).sum()),
        "predicted": int((outcome.predicted[:, k] & open_marks).sum()),
        "accepted": int(outcome.accepted[:, k].sum()),
        "share": outcome.constrained[open_marks, k].mean() if open_marks.any() else None,
        "threshold": outcome.thresholds[k],
        "acceptance": outcome.acceptance[k],
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "measured": (
            accepted_precision(safe, marks[known] == 1, outcome.weights[known]) if told else None
        ),
        "warnings": _class_warnings(int((marks == 1).sum()), int((marks == 0).sum())),
    }


def _scores(outcome: MultiLabelOutcome, k: int) -> tuple[float, float, float]:
    """Cross-fitted precision, recall and F1 of a class; NaN where nothing tells."""
    known = outcome.marks[:, k] >= 0
    truth = outcome.marks[known, k] == 1
    if not truth.any():
        return np.nan, np.nan, np.nan
    answered = outcome.probabilities[known, k] >= outcome.thresholds[k]
    precision, recall, f1, _ = precision_recall_fscore_support(
        truth,
        answered,
        labels=[True],
        sample_weight=outcome.weights[known],
        zero_division=np.nan,
    )
    return float(precision[0]), float(recall[0]), float(f1[0]) if answered.any() else 0.0


def _class_warnings(applies: int, absent: int) -> list[str]:
    if applies == 0:
        return ["no row has it"]
    if absent == 0:
        return ["no row is without it"]
    return ["fewer than three rows have it"] if applies < _FEWEST else []
