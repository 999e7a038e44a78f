"""The report on a data set labelled with several labels a row: one page that needs nothing else."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from scipy.special import xlogy

from tfp_dgm.data import NO_CLASSES
from tfp_dgm.evaluation import reliability_bins
from tfp_dgm.labelling.annotate_next import informative_rows
from tfp_dgm.labelling.multi_label.class_calibrations import two_classes
from tfp_dgm.labelling.multi_label.multi_label_outcome import MultiLabelOutcome
from tfp_dgm.labelling.multi_label.multi_label_scores import multi_label_metrics
from tfp_dgm.labelling.scores import TOO_FEW_LABELS
from tfp_dgm.pages import page_templates, reliability_figure

_TEMPLATE = "multi_label_report.html.jinja"
_NUM_SUSPECTS, _NUM_NEXT, _NUM_TERMS, _NUM_GUESSES = 50, 20, 12, 3
_ENOUGH_FOR_A_FIGURE = 10
_NUM_BINS = 10


def render_multi_label_report(
    outcome: MultiLabelOutcome,
    *,
    title: str,
    row_names: Sequence[object],
    settings: Mapping[str, Any],
) -> str:
    """Writes the page: what was labelled, what can be trusted, and what to do next.

    Args:
      outcome: the labelled data set.
      title: heading of the page, and where the data came from.
      row_names: N names by which the reader finds rows.
      settings: what the run was asked for, by name; `versions` is a mapping of its own.
    Returns:
      HTML, to be written as UTF-8.
    """
    shown = {name: value for name, value in settings.items() if name != "versions"}
    return (
        page_templates(Path(__file__).parent)
        .get_template(_TEMPLATE)
        .render(
            title=title,
            numbers=multi_label_metrics(outcome),
            none=NO_CLASSES,
            too_few=TOO_FEW_LABELS,
            reliability=_reliability(outcome),
            terms=[
                {"name": name, "terms": list(outcome.terms.get(name, ()))[:_NUM_TERMS]}
                for name in outcome.classes
            ],
            suspects=_suspects(outcome, row_names),
            next_rows=_next_rows(outcome, row_names),
            settings=shown,
            versions=settings["versions"],
        )
    )


def _reliability(outcome: MultiLabelOutcome) -> Markup | None:
    """Of the answers "yes": "no" is right nearly always, and would fill the figure."""
    yes = outcome.probabilities >= 0.5
    known, left = yes & (outcome.marks >= 0), yes & (outcome.marks < 0)
    weights = np.broadcast_to(outcome.weights[:, np.newaxis], known.shape)
    if known.sum() < _ENOUGH_FOR_A_FIGURE:
        return None
    bins = reliability_bins(
        two_classes(outcome.probabilities[known]),
        outcome.marks[known],
        weights=weights[known],
        num_bins=_NUM_BINS,
    )
    points = "; ".join(f"{row['confidence']:.0%} sure, {row['accuracy']:.0%} right" for row in bins)
    alt = f"Reliability diagram of classes that were predicted. {points}."
    return Markup(reliability_figure(bins, outcome.probabilities[left], alt=alt))


def _suspects(outcome: MultiLabelOutcome, names: Sequence[object]) -> list[dict[str, Any]]:
    """The marks that look wrong, the most surprising first."""
    rows, classes = np.nonzero(outcome.suspects)
    probability = outcome.probabilities[rows, classes]
    surprise = np.abs(outcome.marks[rows, classes] - probability)
    order = np.argsort(-surprise, kind="stable")[:_NUM_SUSPECTS]
    return [
        {
            "row": names[rows[i]],
            "text": outcome.texts[rows[i]],
            "class": outcome.classes[classes[i]],
            "applies": bool(outcome.marks[rows[i], classes[i]] == 1),
            "probability": float(probability[i]),
        }
        for i in order
    ]


def _next_rows(outcome: MultiLabelOutcome, names: Sequence[object]) -> list[dict[str, Any]]:
    """The rows to annotate next, and the classes that are most in doubt in each."""
    open_rows = np.flatnonzero(~outcome.complete)
    p = outcome.constrained[open_rows].astype(np.float64)
    doubt = -(xlogy(p, p) + xlogy(1 - p, 1 - p))  # [n, K]
    total = doubt.sum(axis=1)
    kinds = np.where(
        outcome.predicted[open_rows].any(axis=1), p.argmax(axis=1), len(outcome.classes)
    )
    picked = informative_rows(
        outcome.texts, open_rows, total / max(total.max(initial=0), 1e-9), kinds, _NUM_NEXT
    )
    place = {int(row): number for number, row in enumerate(open_rows)}
    return [
        {
            "row": names[row],
            "text": outcome.texts[row],
            "guesses": [
                (outcome.classes[k], float(outcome.constrained[row, k]))
                for k in np.argsort(-doubt[place[int(row)]], kind="stable")[:_NUM_GUESSES]
            ],
        }
        for row in picked
    ]
