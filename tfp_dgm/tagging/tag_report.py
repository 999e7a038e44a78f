"""The report on tagged sentences: one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from tfp_dgm.evaluation import coverage_precision_curve
from tfp_dgm.installed_versions import installed_versions
from tfp_dgm.pages import confused, coverage_figure, page_templates, percent
from tfp_dgm.tagging.shown_sentences import shown_next, shown_suspects
from tfp_dgm.tagging.tag_outcome import Acceptance, TagOutcome
from tfp_dgm.tagging.tag_scores import TOO_FEW_TAGS

_TEMPLATE = "tag_report.html.jinja"
_MOST_TAGS_IN_A_TABLE = 20


def render_tag_report(
    outcome: TagOutcome,
    numbers: Mapping[str, Any],
    *,
    title: str,
    place: Callable[[int, int], str],
    settings: Mapping[str, Any] | None = None,
) -> str:
    """Writes the page: what was tagged, what can be trusted, and what to annotate next.

    The page holds its style and figures, runs no script and loads nothing. Words, tags and titles
    are shown as they are, whatever they contain; long ones are cut.

    Args:
      outcome: the tagged sentences.
      numbers: their metrics; see `tag_metrics`.
      title: heading of the page.
      place: where a word of a sentence stands in the source, such as "line 17".
      settings: what the run was asked for, by name; `versions`, if there, is a mapping of its own.
    Returns:
      HTML, to be written as UTF-8.
    """
    settings = dict(settings or {})
    versions = settings.pop("versions", None) or installed_versions()
    settings.pop("encoder_choice", None)  # Among the numbers.
    scheme = settings.pop("scheme", None)
    if isinstance(scheme, dict):
        settings["scheme"] = scheme["kind"]
    units = [("words", outcome.words)]
    if outcome.of_spans is not None:
        units = [("spans", outcome.of_spans), ("words outside spans", outcome.words)]
    return (
        page_templates(Path(__file__).parent)
        .get_template(_TEMPLATE)
        .render(
            title=title,
            numbers=numbers,
            too_few=TOO_FEW_TAGS,
            min_precision=outcome.min_precision,
            units=[
                {
                    "name": name,
                    "numbers": numbers["acceptance"]["spans" if name == "spans" else "words"],
                    "figure": _coverage(acceptance, outcome.min_precision, name),
                }
                for name, acceptance in units
            ],
            confusion=_confusion(outcome),
            next_sentences=shown_next(outcome, place),
            suspects=shown_suspects(outcome, place),
            settings=settings,
            versions=versions,
        )
    )


def _coverage(acceptance: Acceptance, asked: float, unit: str) -> Markup | None:
    if not len(acceptance.open) or not len(acceptance.confidence):
        return None
    expected = coverage_precision_curve(acceptance.open, acceptance.open)
    weights = np.full(len(acceptance.right), 1 / acceptance.effect)
    measured = coverage_precision_curve(acceptance.confidence, acceptance.right, weights)
    coverage = (
        None
        if acceptance.threshold is None
        else float((acceptance.open >= acceptance.threshold).mean())
    )
    alt = (
        f"Precision against coverage of {unit}. Accepting all, "
        f"{percent(expected['precision'][-1])} are expected to be right. "
        f"At the precision asked for, {percent(coverage)} are accepted."
    )
    return Markup(
        coverage_figure(
            acceptance.open,
            expected,
            measured,
            asked=asked,
            coverage=coverage,
            alt=alt,
            rows=f"{unit} without a given tag",
            labels="tags",
            name=f"coverage-{unit.replace(' ', '-')}",
        )
    )


def _confusion(outcome: TagOutcome) -> dict[str, Any] | None:
    """Given tags against those of models that did not see them."""
    known = outcome.observed >= 0
    if not known.any():
        return None
    names = outcome.space.tags
    alt = f"Heat map of the confusion matrix of {len(names)} tags; the table below lists the pairs."
    found = confused(
        outcome.observed[known],
        outcome.predicted[known],
        names,
        most_in_a_table=_MOST_TAGS_IN_A_TABLE,
        alt=alt,
    )
    return {"tags": names, **found}
