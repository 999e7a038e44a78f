"""The numbers of a labelled data set, ready for JSON."""

import math
from dataclasses import asdict
from typing import Any

import numpy as np
from sklearn.metrics import precision_recall_fscore_support

from tfp_dgm.evaluation import (
    accepted_precision,
    accuracy,
    expected_calibration_error,
    macro_f1,
)
from tfp_dgm.labelling.drift import drift_reference
from tfp_dgm.labelling.no_class import NONE
from tfp_dgm.labelling.outcome import Outcome

TOO_FEW_LABELS = "too few labels to tell"
_ENOUGH_LABELS = 3


def metrics(outcome: Outcome) -> dict[str, Any]:
    """Counts, quality on cross-fitted labels, and what was accepted.

    Quality is measured on the rows with an observed label, each judged by models that did not
    train on it. Its numbers count each label as much as the outcome's weights say, as estimates
    for the rows without label; those named `unweighted`, and precision and recall of each class,
    count every label once. A number that nothing tells is None.

    Returns:
      A dictionary of these, JSON-ready:
        rows: `all`, `labelled` (one class observed), `set_valued` (several allowed), `unlabelled`;
          and `copies` (annotated rows that repeat another one's text).
        cross_fitted: `labels`, `accuracy`, `macro_f1`, `expected_calibration_error`; the same
          under `unweighted`.
        acceptance: `asked_precision`, `threshold`, `accepted`, `coverage` (the share of the rows
          without observed label), `expected_precision` (mean confidence of the accepted rows),
          `measured` (labels above the threshold: `count`, `coverage`, `precision`, and its
          interval from `low` to `high`), and `note`, which says why there is no threshold; where
          classes stand in groups also `levels`: from the classes up, what `level` accepts that no
          deeper one does (`groups`, their names; `threshold`, `accepted`, `expected_precision`).
        classes: for each, `name`, `observed`, `predicted` and `accepted` rows, its `share` of the
          rows without annotation as estimated, with the interval from `share_low` to `share_high`
          that holds it with probability 0.8 (None where labels were drawn evenly and it is as
          predicted), cross-fitted `precision` and `recall`, `warnings`.
        none: of the rows without annotation that are of no class, their `share` with the interval
          from `share_low` to `share_high` that holds it with probability 0.8; how many rows without
          observed label are `predicted` to be of none; and of how many among the `accepted` ones it
          is expected. Zeros and no interval where nothing speaks for such rows. The shares of the
          classes are among the other rows.
        drift_reference: what files that are labelled later are compared with; see `drift.Drift`.
        annotators: only where the labels were inferred from several annotators' answers: `answers`,
          `rows` that have some, `expected_right` (the share of inferred truths), and `each` with
          the attributes of `Reliability`.
        suspects: `count` of annotations that look wrong, and how many of them are expected to be
          (`expected_wrong`).
        rationales: only where they were asked for, with the attributes of `RationaleScores`.
        encoder: which encoder was taken and why, with the attributes of `EncoderChoice`.
        warnings, seconds: as in the outcome.
    """
    labelled = outcome.observed >= 0
    without = ~labelled
    numbers = {
        "rows": {
            "all": len(outcome.texts),
            "labelled": int(labelled.sum()),
            "set_valued": int((without & ~outcome.unannotated).sum()),
            "unlabelled": int((without & outcome.unannotated).sum()),
            "copies": outcome.copies,
        },
        "cross_fitted": {
            "labels": int(labelled.sum()),
            **_quality(outcome, outcome.weights[labelled]),
            "unweighted": _quality(outcome, None),
        },
        "acceptance": _acceptance(outcome),
        "classes": _classes(outcome),
        "none": _none(outcome),
        "drift_reference": drift_reference(
            [outcome.labels[k] for k in outcome.label_ranking[outcome.unannotated, 0]],
            outcome.held_out,
        ),
        "suspects": _suspects(outcome),
        "encoder": asdict(outcome.encoder_choice),
        "warnings": list(outcome.warnings),
        "seconds": dict(outcome.seconds),
    }
    if outcome.crowd is not None:
        numbers["annotators"] = {
            "answers": outcome.crowd.answers,
            "rows": int(outcome.crowd.answered.sum()),
            "expected_right": outcome.crowd.expected_right,
            "each": [asdict(one) for one in outcome.crowd.annotators],
        }
    if outcome.rationales is not None:
        numbers["rationales"] = asdict(outcome.rationales)
    return json_ready(numbers)


def _quality(outcome: Outcome, weights: np.ndarray | None) -> dict[str, float]:
    rows = outcome.observed >= 0
    truth, predicted = outcome.observed[rows], outcome.predicted[rows]
    return {
        "accuracy": accuracy(predicted, truth, weights=weights),
        "macro_f1": macro_f1(predicted, truth, weights=weights),
        "expected_calibration_error": expected_calibration_error(
            outcome.constrained[rows], truth, weights=weights
        ),
    }


def _acceptance(outcome: Outcome) -> dict[str, Any]:
    told = outcome.threshold is not None
    rows = outcome.observed >= 0
    without = int((~rows).sum())
    confident = outcome.confidence[rows] >= (outcome.threshold if told else math.inf)
    correct = outcome.predicted[rows] == outcome.observed[rows]
    accepted = int(outcome.accepted.sum())
    confidence = outcome.confidence[outcome.accepted]
    return {
        "asked_precision": outcome.min_precision,
        "threshold": outcome.threshold,
        "accepted": accepted,
        "coverage": accepted / without if without else None,
        "expected_precision": confidence.mean(dtype=np.float64) if accepted else None,
        "measured": (
            accepted_precision(confident, correct, outcome.weights[rows]) if told else None
        ),
        "note": None if told else TOO_FEW_LABELS,
        **({"levels": _levels(outcome)} if outcome.levels else {}),
    }


def _levels(outcome: Outcome) -> list[dict[str, Any]]:
    kinds = [(outcome.classes, outcome.threshold, outcome.confidence)]
    for number, judged in enumerate(outcome.levels, start=1):
        confidence = outcome.of_groups(number).max(axis=1)
        kinds.append((judged.level.names, judged.threshold, confidence))
    found = []
    for level, (names, threshold, confidence) in enumerate(kinds):
        accepted = outcome.safe_level == level
        found.append(
            {
                "level": level,
                "groups": list(names),
                "threshold": threshold,
                "accepted": int(accepted.sum()),
                "expected_precision": (
                    confidence[accepted].mean(dtype=np.float64) if accepted.any() else None
                ),
            }
        )
    return found


def _classes(outcome: Outcome) -> list[dict[str, Any]]:
    rows = outcome.observed >= 0
    num_classes = len(outcome.classes)
    precision, recall = np.full((2, num_classes), math.nan)
    if rows.any():
        precision, recall, _, _ = precision_recall_fscore_support(
            outcome.observed[rows],
            outcome.predicted[rows],
            labels=np.arange(num_classes),
            zero_division=math.nan,
        )
    observed = np.bincount(outcome.observed[rows], minlength=num_classes)
    predicted = np.bincount(outcome.predicted[~rows], minlength=num_classes)
    accepted = np.bincount(outcome.predicted[outcome.accepted], minlength=num_classes)
    low, high = np.quantile(outcome.class_shares, [0.1, 0.9], axis=0)
    if not np.ptp(outcome.class_shares, axis=0).any():  # Taken as predicted: no range is known.
        low = high = np.full(num_classes, math.nan)
    share = outcome.class_shares.mean(axis=0)
    return [
        {
            "name": name,
            "observed": observed[k],
            "predicted": predicted[k],
            "accepted": accepted[k],
            "share": share[k],
            "share_low": low[k],
            "share_high": high[k],
            "precision": precision[k],
            "recall": recall[k],
            "warnings": _class_warnings(int(observed[k])),
        }
        for k, name in enumerate(outcome.classes)
    ]


def _none(outcome: Outcome) -> dict[str, Any]:
    share, low, high = outcome.none_share or (0.0, math.nan, math.nan)
    predicted = outcome.label_ranking[:, 0] == outcome.labels.index(NONE)
    return {
        "share": share,
        "share_low": low,
        "share_high": high,
        "predicted": int((predicted & (outcome.observed < 0)).sum()),
        "accepted": outcome.none_probability[outcome.accepted].sum(dtype=np.float64),
    }


def _suspects(outcome: Outcome) -> dict[str, Any]:
    wrong = 1 - outcome.given_probability[outcome.suspects]
    return {"count": int(outcome.suspects.sum()), "expected_wrong": wrong.sum(dtype=np.float64)}


def _class_warnings(observed: int) -> list[str]:
    if observed == 0:
        return ["no labels"]
    return ["fewer than three labels"] if observed < _ENOUGH_LABELS else []


def json_ready(value: Any) -> Any:
    """Numbers, lists and dictionaries as JSON has them: NumPy's as Python's, NaN as None."""
    if isinstance(value, dict):
        return {name: json_ready(item) for name, item in value.items()}
    if isinstance(value, list):
        return [json_ready(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
