"""The folder beside a labelled table: model, SavedModel, report, metrics and settings."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tfp_dgm.labelling.classifier import TextClassifier
from tfp_dgm.labelling.outcome import Outcome
from tfp_dgm.labelling.reasons import WordReasons
from tfp_dgm.labelling.report import render_report
from tfp_dgm.labelling.scores import metrics
from tfp_dgm.serving import export


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
    model.save(folder / "model.keras")
    found = metrics(outcome)
    card = {
        "data": {"source": title, **found["rows"]},
        "metrics": {name: found[name] for name in ("cross_fitted", "acceptance")},
        "limits": (
            "Knows these classes and no other. Its probabilities, and the precision of what it "
            "accepts, hold for texts like those of the source."
        ),
    }
    # What a string needs and no more, since every signature takes its seconds; `dgm export` makes
    # them all.
    plain = replace(model.serving_signatures()["serving_default"], xla=False)
    signatures = {"serving_default": plain}
    export(model, folder / "saved_model", version=1, signatures=signatures, card=card)
    for name, content in (("settings", settings), ("metrics", found)):
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    report = render_report(
        outcome,
        title=title,
        source=title,
        row_names=places,
        settings=settings,
        explain=WordReasons(model),
    )
    (folder / "report.html").write_text(report, encoding="utf-8")
