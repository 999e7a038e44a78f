"""The folder beside tagged sentences: model, SavedModel, report, metrics and settings."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfp_dgm.serving import export
from tfp_dgm.tagging.judged_tagger import JudgedTagger
from tfp_dgm.tagging.tag_outcome import TagOutcome
from tfp_dgm.tagging.tag_report import render_tag_report
from tfp_dgm.tagging.tag_scores import tag_metrics

_LIMITS = (
    "Knows these tags and no other. Its probabilities, and the precision of what it accepts, hold "
    "for sentences like those of the source."
)


def write_tagger(
    folder: Path,
    model: JudgedTagger,
    outcome: TagOutcome,
    settings: dict[str, Any],
    place: Callable[[int, int], str],
    title: str,
) -> None:
    """Fills the folder that `dgm tag predict` and `dgm export` take.

    Args:
      folder: an empty one.
      model: the tagger.
      outcome: what it tagged.
      settings: what was asked for; `scheme` and `token_column` are read again.
      place: where a word of a sentence stands in the source, such as "line 17".
      title: the report's heading, and the source in the model's card.
    """
    found = tag_metrics(outcome)
    model.save(folder / "model.keras")
    card = {
        "data": {"source": title, **found["sentences"], "words": found["words"]},
        "metrics": {name: found[name] for name in ("cross_fitted", "acceptance")},
        "limits": _LIMITS,
    }
    export(model, folder / "saved_model", version=1, card=card)
    _write_json(folder / "settings.json", settings)
    _write_json(folder / "metrics.json", found)
    page = render_tag_report(outcome, found, title=title, place=place, settings=settings)
    (folder / "report.html").write_text(page, encoding="utf-8")


def _write_json(path: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
