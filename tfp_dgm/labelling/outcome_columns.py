"""What a labelling says of its own texts, as the columns of a table."""

from typing import Any

import numpy as np

from tfp_dgm.labelling.answer_columns import SAFE_COLUMNS
from tfp_dgm.labelling.no_class import NONE
from tfp_dgm.labelling.outcome import Outcome

NEW_COLUMNS = (
    "predicted_label",
    "probability",
    "accept",
    "second_label",
    "second_probability",
    "none_probability",
    "suspect_label",
    "given_label_probability",
)


def new_columns(outcome: Outcome) -> dict[str, list[Any]]:
    """`NEW_COLUMNS` of each text; of a tree of classes `SAFE_COLUMNS`, with several annotators
    `CROWD_COLUMNS`, too.

    `accept` is empty where a label was given, those that speak of the label where none was.
    """
    rows = range(len(outcome.texts))
    best, second = outcome.label_ranking[:, 0], outcome.label_ranking[:, 1]
    probabilities, names = outcome.label_probabilities, outcome.labels
    values = (
        [names[k] for k in best],
        _rounded(probabilities[rows, best]),
        _where(outcome.observed < 0, outcome.accepted),
        [names[k] for k in second],
        _rounded(probabilities[rows, second]),
        _rounded(probabilities[:, names.index(NONE)]),
        _where(~outcome.unannotated, outcome.suspects),
        [None if np.isnan(p) else round(float(p), 6) for p in outcome.given_probability],
    )
    columns: dict[str, list[Any]] = dict(zip(NEW_COLUMNS, values, strict=True))
    if outcome.levels:
        columns |= _safe_columns(outcome)
    return columns if outcome.crowd is None else columns | outcome.crowd.columns(outcome.classes)


def _safe_columns(outcome: Outcome) -> dict[str, list[Any]]:
    """The deepest answer that is accepted, and how probable it is; None where none is."""
    found: list[tuple[str, float] | tuple[None, None]] = [(None, None)] * len(outcome.texts)
    of_classes = outcome.constrained * (1 - outcome.none_probability)[:, np.newaxis]
    kinds = [(outcome.classes, of_classes)]
    kinds += [
        (judged.level.names, outcome.of_groups(number))
        for number, judged in enumerate(outcome.levels, start=1)
    ]
    for level, (names, probabilities) in enumerate(kinds):
        for row in np.flatnonzero(outcome.safe_level == level):
            best = int(probabilities[row].argmax())
            found[row] = names[best], round(float(probabilities[row, best]), 6)
    return {
        name: list(values)
        for name, values in zip(SAFE_COLUMNS, zip(*found, strict=True), strict=True)
    }


def _rounded(probabilities: np.ndarray) -> list[float]:
    # A float32 would be printed with the noise of its last digits.
    return [round(float(value), 6) for value in probabilities]


def _where(applies: np.ndarray, values: np.ndarray) -> list[bool | None]:
    return [bool(value) if here else None for here, value in zip(applies, values, strict=True)]
