"""The folder of topics or clusters: model, SavedModel, report, metrics, settings, words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from tfp_dgm.data import TOPIC_WORDS, digest, file_digest
from tfp_dgm.serving import export
from tfp_dgm.topic_modelling.metrics_of_topics import topic_metrics
from tfp_dgm.topic_modelling.topic_outcome import TopicOutcome
from tfp_dgm.topic_modelling.topic_report import render_topic_report
from tfp_dgm.topic_modelling.topic_teller import TopicTeller

_NOT_YET_WRITTEN = "0" * 16  # As long as the digest of a table.
_LIMITS = (
    "Knows the words of the source and no others. A name is a topic's words, and no judgement of "
    "what its texts mean."
)


def write_topic_folder(
    folder: Path,
    teller: TopicTeller,
    outcome: TopicOutcome,
    settings: dict[str, Any],
    places: Sequence[str],
    title: str,
    *,
    words: bool,
) -> None:
    """Fills the folder that `dgm topics predict` and `dgm export` take.

    Args:
      folder: one without such files.
      teller: the model.
      outcome: what was found.
      settings: what was asked for; `kind`, `text_columns` and `names` are read again, `documents`,
        the digest of the table, by the next run.
      places: [N], where each text stands in the source.
      title: the report's heading, and the source in the model's card.
      words: whether the topics' words are written as a file that `--seed-words` takes.
    """
    found = topic_metrics(outcome)
    teller.save(folder / "model.keras")
    card = {
        "data": {"source": title, **found["rows"]},
        "metrics": {name: found[name] for name in ("coherence_npmi", "diversity", "stability")},
        "limits": _LIMITS,
    }
    plain = replace(teller.serving_signatures()["serving_default"], xla=False)
    signatures = {"serving_default": plain}
    export(teller, folder / "saved_model", version=1, signatures=signatures, card=card)
    settings = {
        "documents": _NOT_YET_WRITTEN,
        **settings,
        "kind": outcome.kind,
        "names": list(outcome.names),
    }
    if words:
        text = _topic_words(outcome)
        (folder / TOPIC_WORDS).write_text(text, encoding="utf-8")
        settings["topic_words"] = digest(text)
    _write_json(folder / "settings.json", settings)
    _write_json(folder / "metrics.json", found)
    seed = int(settings["seed"])
    page = render_topic_report(
        outcome, found, title=title, places=places, settings=settings, seed=seed
    )
    (folder / "report.html").write_text(page, encoding="utf-8")


def record_table(table: Path, folder: Path) -> None:
    """Has a folder's settings tell the table that was written beside it, in as many bytes."""
    with (folder / "settings.json").open("r+b") as file:
        written = file.read()
        file.seek(0)
        file.write(written.replace(_NOT_YET_WRITTEN.encode(), file_digest(table).encode(), 1))


def _topic_words(outcome: TopicOutcome) -> str:
    """The topics' names and words, as `--seed-words` reads them."""
    listed = {
        name: [word.word for word in words]
        for name, words in zip(outcome.names, outcome.words, strict=True)
    }
    return yaml.safe_dump(listed, allow_unicode=True, sort_keys=False, default_flow_style=None)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
