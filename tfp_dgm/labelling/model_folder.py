"""The folder beside a labelled table: model, SavedModel, report, metrics and settings."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras

from tfp_dgm.data import column_folders
from tfp_dgm.labelling.classifier import TextClassifier
from tfp_dgm.labelling.classifiers import TextClassifiers
from tfp_dgm.labelling.columns_report import render_columns_report
from tfp_dgm.labelling.marked_words import WordMarks
from tfp_dgm.labelling.outcome import Outcome
from tfp_dgm.labelling.report import render_report
from tfp_dgm.labelling.scores import metrics
from tfp_dgm.serving import export

_LIMITS = (
    "Knows these classes and no other. Its probabilities, and the precision of what it accepts, "
    "hold for texts like those of the source."
)


def write_model(
    folder: Path,
    model: TextClassifier,
    outcome: Outcome,
    settings: dict[str, Any],
    places: Sequence[str],
    title: str,
) -> None:
    """Fills the folder that `dgm predict` and `dgm export` take.

    Args:
      folder: an empty one.
      model: the classifier.
      outcome: what it labelled.
      settings: what was asked for; `text_columns`, `encoder` and `versions` are read again.
      places: N names of the rows.
      title: the report's heading, and the source in the model's card.
    """
    found = metrics(outcome)
    page = _page(model, outcome, settings, places, title)
    write_results(folder, model, model_card(found), settings, found, page, title)


def write_column_models(
    folder: Path,
    model: TextClassifiers,
    outcomes: Mapping[str, Outcome],
    settings: dict[str, Any],
    places: Sequence[str],
    title: str,
    warnings: Sequence[str],
) -> None:
    """Fills that folder where there are several label columns.

    Report and metrics of each are in `columns/<its name>/`; at the top stand a page that leads to
    them, the metrics of all, and the one model.

    Args:
      folder: an empty one.
      model: the classifiers.
      outcomes: what each labelled, by label column.
      settings: as for `write_model`; `label_columns` is read again, too.
      places: N names of the rows.
      title: as for `write_model`.
      warnings: of all columns.
    """
    figures = {column: metrics(outcome) for column, outcome in outcomes.items()}
    cards = {column: model_card(found) for column, found in figures.items()}
    card = {
        name: {column: own[name] for column, own in cards.items()} for name in ("data", "metrics")
    }
    folders = column_folders(model.columns)
    page = render_columns_report(figures, folders, title=title, warnings=warnings)
    found = {"columns": figures, "warnings": list(warnings)}
    write_results(folder, model, card, settings, found, page, title)
    for column, classifier in model.by_column.items():
        own = folder / "columns" / folders[column]
        own.mkdir(parents=True)
        asked = {**settings, "classes": list(classifier.classes)}
        page = _page(classifier, outcomes[column], asked, places, title, column)
        _write_figures(own, figures[column], page)


def write_results(
    folder: Path,
    model: keras.Model,
    card: dict[str, dict[str, Any]],
    settings: dict[str, Any],
    figures: dict[str, Any],
    page: str,
    title: str,
) -> None:
    """Writes the files of a folder, whatever kind of labels the model gives.

    Args:
      folder: an empty one.
      model: has `serving_signatures`.
      card: its `data` and `metrics`; see `model_card`.
      settings: as for `write_model`.
      figures: the metrics.
      page: the report.
      title: the source in the model's card.
    """
    _write_served(folder, model, {**card, "data": {"source": title, **card["data"]}})
    _write_json(folder / "settings.json", settings)
    _write_figures(folder, figures, page)


def model_card(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What a model's card holds of the metrics."""
    return {
        "data": found["rows"],
        "metrics": {name: found[name] for name in ("cross_fitted", "acceptance")},
    }


def _write_served(folder: Path, model: keras.Model, card: dict[str, Any]) -> None:
    model.save(folder / "model.keras")
    # What a string needs and no more, since every signature takes its seconds; `dgm export` makes
    # them all.
    plain = replace(model.serving_signatures()["serving_default"], xla=False)
    signatures = {"serving_default": plain}
    card = {**card, "limits": _LIMITS}
    export(model, folder / "saved_model", version=1, signatures=signatures, card=card)


def _page(
    model: TextClassifier,
    outcome: Outcome,
    settings: dict[str, Any],
    places: Sequence[str],
    title: str,
    column: str | None = None,
) -> str:
    """The report of a label column."""
    return render_report(
        outcome,
        title=title if column is None else f"{title}: {column}",
        source=title,
        row_names=places,
        settings=settings,
        explain=WordMarks(model),
        column=column,
    )


def _write_figures(folder: Path, figures: dict[str, Any], page: str) -> None:
    _write_json(folder / "metrics.json", figures)
    (folder / "report.html").write_text(page, encoding="utf-8")


def _write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes a dictionary in a folder that is not in its place yet."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
