"""The report on topics or clusters: one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from tfp_dgm.installed_versions import installed_versions
from tfp_dgm.pages import (
    choice_figure,
    group_colour,
    page_templates,
    percent,
    scatter_map,
    spark_line,
)
from tfp_dgm.topic_modelling.document_map import document_map
from tfp_dgm.topic_modelling.topic_outcome import TopicOutcome

_TEMPLATE = "topic_report.html.jinja"
_TYPICAL_TEXTS = 3
_COMMON_WORDS = 60


def render_topic_report(
    outcome: TopicOutcome,
    numbers: Mapping[str, Any],
    *,
    title: str,
    places: Sequence[str],
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> str:
    """Writes the page: the topics, their texts, a map, and what changes with time and class.

    The page holds its style and figures, runs no script and loads nothing. Texts, names and titles
    are shown as they are, whatever they contain; long ones are cut.

    Args:
      outcome: what was found.
      numbers: its metrics; see `topic_metrics`.
      title: heading of the page.
      places: [N], where each text stands in the source, such as "line 17".
      settings: what the run was asked for, by name; `versions`, if there, is a mapping of its own.
      seed: of the map.
    Returns:
      HTML, to be written as UTF-8.
    """
    settings = dict(settings or {})
    versions = settings.pop("versions", None) or installed_versions()
    settings = {name: value for name, value in settings.items() if not isinstance(value, list)}
    return (
        page_templates(Path(__file__).parent)
        .get_template(_TEMPLATE)
        .render(
            title=title,
            kind=outcome.kind,
            kinds=f"{outcome.kind}s",
            numbers=numbers,
            groups=[_group(outcome, numbers, k, places) for k in range(len(outcome.names))],
            common=list(outcome.common[:_COMMON_WORDS]),
            choice=_choice(numbers, outcome.kind),
            map=_map(outcome, seed),
            settings=settings,
            versions=versions,
        )
    )


def _group(
    outcome: TopicOutcome, numbers: Mapping[str, Any], k: int, places: Sequence[str]
) -> dict[str, Any]:
    found = dict(numbers[f"{outcome.kind}s"][k])
    strongest = max(word["probability"] for word in found["words"]) or 1
    found["colour"] = group_colour(k)
    found["words"] = [
        {**word, "strength": round(word["probability"] / strongest, 2)} for word in found["words"]
    ]
    found["typical"] = _typical(outcome, k, places)
    trend = numbers.get("trend")
    if trend:
        shares = [row[k] for row in trend["shares"]]
        told = [share for share in shares if share is not None]
        found["first"], found["last"] = told[0], told[-1]
        found["line"] = spark_line(
            [np.nan if share is None else share for share in shares],
            alt=f"From {percent(told[0])} to {percent(told[-1])}, at most {percent(max(told))}.",
        )
    return found


def _typical(outcome: TopicOutcome, k: int, places: Sequence[str]) -> list[dict[str, Any]]:
    """Different texts that have most of a topic; of those that are equal in it the longer first."""
    rows = np.flatnonzero(outcome.best == k)
    lengths = np.array([len(outcome.texts[row]) for row in rows.tolist()])
    order: NDArray[np.int64] = rows[np.lexsort((-lengths, -outcome.mixtures[rows, k].round(2)))]
    found: dict[str, dict[str, Any]] = {}
    for row in order.tolist():
        if len(found) == _TYPICAL_TEXTS:
            break
        text = outcome.texts[row]
        found.setdefault(
            text,
            {"place": places[row], "text": text, "share": float(outcome.mixtures[row, k])},
        )
    return list(found.values())


def _choice(numbers: Mapping[str, Any], kind: str) -> Markup | None:
    candidates = numbers["number"]["candidates"]
    if not candidates:
        return None
    chosen = numbers["number"]["chosen"]
    points = "; ".join(
        f"{one['num_topics']}: {one['log_likelihood']:.3f} nats, {percent(one['stability'])} shared"
        for one in candidates
    )
    return Markup(
        choice_figure(
            [one["num_topics"] for one in candidates],
            [one["log_likelihood"] for one in candidates],
            [one["standard_error"] for one in candidates],
            [one["stability"] for one in candidates],
            chosen=chosen,
            alt=f"Numbers of {kind}s that were tried. {points}. Chosen: {chosen}.",
        )
    )


def _map(outcome: TopicOutcome, seed: int) -> dict[str, Any] | None:
    known = np.flatnonzero(outcome.known)
    if len(known) < 3 or len(outcome.names) < 2:
        return None
    places, points = document_map(outcome.mixtures[known], seed=seed)
    rows = known[places]
    best = outcome.best[rows]
    titles = [
        f"{outcome.names[k]}: {outcome.texts[row]}" for k, row in zip(best, rows, strict=True)
    ]
    alt = f"{len(rows):,} texts, coloured by the {outcome.kind} that they have most of."
    return {"figure": scatter_map(points, best, titles, alt=alt), "texts": len(rows)}
