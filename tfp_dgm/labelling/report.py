"""The report on a labelled data set: one HTML page that needs nothing else."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from tfp_dgm.evaluation import coverage_precision_curve, reliability_bins
from tfp_dgm.installed_versions import installed_versions
from tfp_dgm.labelling.outcome import Outcome
from tfp_dgm.labelling.scores import TOO_FEW_LABELS, metrics
from tfp_dgm.labelling.shown_rows import Explain, next_rows, suspects
from tfp_dgm.pages import (
    confused,
    coverage_figure,
    page_templates,
    percent,
    reliability_figure,
)

_TEMPLATE = "report.html.jinja"
_ENOUGH_FOR_A_FIGURE = 10
_ENOUGH_FOR_FINE_BINS = 200
_MOST_CLASSES_IN_A_TABLE = 12
_NUM_ANNOTATORS = 100
_NUM_TERMS = 12
_NUM_BINS = (5, 10)  # coarse, fine


def render_report(
    outcome: Outcome,
    *,
    title: str,
    source: str,
    row_names: Sequence[object] | None = None,
    settings: Mapping[str, Any] | None = None,
    explain: Explain | None = None,
    column: str | None = None,
) -> str:
    """Writes the page: what was labelled, what can be trusted, and what to do next.

    The page holds its style and figures, runs no script and loads nothing. Texts, class names and
    titles are shown as they are, whatever they contain; long ones are cut.

    Args:
      outcome: the labelled data set.
      title: heading of the page.
      source: where the data came from.
      row_names: N names by which the reader finds rows; None counts them from 1.
      settings: what the run was asked for, by name; `versions`, if there, is a mapping of its own.
      explain: the model's `WordMarks`; None marks no words.
      column: the label column where it is one of several, with whose name the columns of the
        labelled table begin.
    Returns:
      HTML, to be written as UTF-8.
    """
    names = range(1, len(outcome.texts) + 1) if row_names is None else row_names
    if len(names) != len(outcome.texts):
        raise ValueError(f"row_names: expected {len(outcome.texts)} names; received {len(names)}")
    settings = dict(settings or {})
    versions = settings.pop("versions", None) or installed_versions()
    settings.pop("encoder_choice", None)  # Among the numbers.
    numbers = metrics(outcome)
    return (
        page_templates(Path(__file__).parent)
        .get_template(_TEMPLATE)
        .render(
            title=title,
            source=source,
            numbers=numbers,
            min_precision=outcome.min_precision,
            too_few=TOO_FEW_LABELS,
            few_classes=[row["name"] for row in numbers["classes"] if row["warnings"]],
            reliability=_reliability(outcome, numbers),
            coverage=_coverage(outcome, numbers),
            confusion=_confusion(outcome),
            terms=_terms(outcome),
            annotators=_annotators(numbers),
            suspects=suspects(outcome, names, explain),
            next_rows=next_rows(outcome, names, explain),
            explained=explain is not None,
            column=column,
            settings=settings,
            versions=versions,
        )
    )


def _reliability(outcome: Outcome, numbers: dict[str, Any]) -> Markup | None:
    labelled = outcome.observed >= 0
    num_labels = int(labelled.sum())
    bins = reliability_bins(
        outcome.constrained[labelled],
        outcome.observed[labelled],
        weights=outcome.weights[labelled],
        num_bins=_NUM_BINS[num_labels >= _ENOUGH_FOR_FINE_BINS],
    )
    if not bins or num_labels < _ENOUGH_FOR_A_FIGURE:
        return None
    points = "; ".join(
        f"{percent(row['confidence'])} sure, {percent(row['accuracy'])} right" for row in bins
    )
    error = percent(numbers["cross_fitted"]["expected_calibration_error"])
    alt = f"Reliability diagram. {points}. On average {error} apart."
    return Markup(reliability_figure(bins, outcome.confidence[~labelled], alt=alt))


def _coverage(outcome: Outcome, numbers: dict[str, Any]) -> Markup | None:
    labelled = outcome.observed >= 0
    if labelled.all():
        return None
    correct = outcome.predicted[labelled] == outcome.observed[labelled]
    weights = outcome.weights[labelled]
    confidence = outcome.confidence[~labelled]
    expected = coverage_precision_curve(confidence, confidence)
    measured = coverage_precision_curve(outcome.confidence[labelled], correct, weights)
    coverage = None if outcome.threshold is None else numbers["acceptance"]["coverage"]
    alt = (
        "Precision against coverage. Accepting every row, "
        f"{percent(expected['precision'][-1])} are expected to be right. "
        f"At the precision asked for, {percent(coverage)} are accepted."
    )
    return Markup(
        coverage_figure(
            confidence,
            expected,
            measured,
            asked=outcome.min_precision,
            coverage=coverage,
            alt=alt,
        )
    )


def _confusion(outcome: Outcome) -> dict[str, Any] | None:
    """Cross-fitted labels: the matrix as a table or heat map, and what is most often confused."""
    labelled = outcome.observed >= 0
    if not labelled.any():
        return None
    alt = (
        f"Heat map of the confusion matrix of {len(outcome.classes)} classes; the table below "
        "lists the pairs confused most often."
    )
    found = confused(
        outcome.observed[labelled],
        outcome.predicted[labelled],
        outcome.classes,
        most_in_a_table=_MOST_CLASSES_IN_A_TABLE,
        alt=alt,
    )
    return {"classes": outcome.classes, **found}


def _terms(outcome: Outcome) -> list[dict[str, Any]]:
    """For each class that has some, its strongest terms and their strength from 0 to 1."""
    listed = []
    for name in outcome.classes:
        terms = list(outcome.terms.get(name, ()))[:_NUM_TERMS]
        strongest = max((abs(weight) for _, weight in terms), default=0)
        if strongest > 0:
            strengths = [(term, round(float(abs(w) / strongest), 2)) for term, w in terms]
            listed.append({"name": name, "terms": strengths})
    return listed


def _annotators(numbers: dict[str, Any]) -> list[dict[str, Any]]:
    """The first annotators of the table: spammers and adversaries, then those of most answers."""
    each = numbers["annotators"]["each"] if "annotators" in numbers else []
    last = ("reliable", "too few answers")
    return sorted(each, key=lambda one: (one["verdict"] in last, -one["answers"]))[:_NUM_ANNOTATORS]
