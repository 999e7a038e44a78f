"""The rows that a report shows: annotations that look wrong, and what to annotate next."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfp_dgm.data.label_column import said_classes
from tfp_dgm.labelling.annotate_next import annotate_next
from tfp_dgm.labelling.marked_words import MarkedWord
from tfp_dgm.labelling.outcome import Outcome

# Texts, a class of each, and one that it is compared with -> the words to mark.
Explain = Callable[[Sequence[str], np.ndarray, np.ndarray], list[list[MarkedWord]]]

_NUM_SUSPECTS = 50


def suspects(
    outcome: Outcome, names: Sequence[object], explain: Explain | None
) -> list[dict[str, Any]]:
    """The annotations that look wrong, the most surprising first."""
    rows = np.flatnonzero(outcome.suspects)
    others = np.where(outcome.allowed[rows], 0, outcome.probabilities[rows])
    order = np.argsort(-others.max(axis=1), kind="stable")[:_NUM_SUSPECTS] if len(rows) else rows
    given = np.where(outcome.allowed[rows], outcome.probabilities[rows], -1).argmax(axis=1)
    marks = _marks(outcome, rows[order], others.argmax(axis=1)[order], given[order], explain)
    return [
        {
            "row": names[rows[i]],
            "text": outcome.texts[rows[i]],
            **_said(outcome, rows[i]),
            "predicted": outcome.classes[others[i].argmax()],
            "probability": float(others[i].max()),
            "given_probability": float(outcome.given_probability[rows[i]]),
            "marks": why,
        }
        for i, why in zip(order, marks, strict=True)
    ]


def next_rows(
    outcome: Outcome, names: Sequence[object], explain: Explain | None
) -> list[dict[str, Any]]:
    """The rows to annotate next, the classes that each is torn between, and its marked words."""
    rows = annotate_next(outcome)
    first, second = outcome.ranking[rows, :2].T
    return [
        {
            "row": names[row],
            "text": outcome.texts[row],
            "guesses": [
                (outcome.classes[k], float(outcome.constrained[row, k]))
                for k in outcome.ranking[row, :2]
            ],
            "marks": why,
        }
        for row, why in zip(rows, _marks(outcome, rows, first, second, explain), strict=True)
    ]


def _said(outcome: Outcome, row: int) -> dict[str, list[str]]:
    """The classes that an annotation names, or denies."""
    given, denied = said_classes(outcome.classes, outcome.allowed[row])
    return {"given": given, "denied": denied}


def _marks(
    outcome: Outcome,
    rows: np.ndarray,
    answers: np.ndarray,
    others: np.ndarray,
    explain: Explain | None,
) -> list[list[MarkedWord]]:
    if explain is None:
        return [[] for _ in rows]
    return explain([outcome.texts[row] for row in rows], answers, others)
