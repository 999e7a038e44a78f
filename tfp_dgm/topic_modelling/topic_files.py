"""The job: a table of texts in; topics or clusters, model, report and metrics out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfp_dgm.data import (
    TOPIC_WORDS,
    SeedTopic,
    TopicTable,
    check_cluster_results,
    check_new_columns,
    check_room,
    check_topic_folder,
    check_unedited_clusters,
    check_unedited_topics,
    file_digest,
    files_told,
    fill_or_keep,
    read_seed_words,
    read_topic_table,
    table_size,
    write_or_keep,
    write_table,
)
from tfp_dgm.installed_versions import installed_versions
from tfp_dgm.progress import Progress, no_progress
from tfp_dgm.topic_modelling.document_encoder import MIXTURE
from tfp_dgm.topic_modelling.text_topics import CLUSTER, TOPIC, find_topics
from tfp_dgm.topic_modelling.topic_fitting import LDA
from tfp_dgm.topic_modelling.topic_folder import record_table, write_topic_folder
from tfp_dgm.topic_modelling.topic_outcome import TopicOutcome

_LEAST_MODEL = 500_000  # Graphs and report, with few texts.
_SHOWN = 8

StrPath = str | os.PathLike[str]


@dataclass(frozen=True)
class TopicsFile:
    """What `topics_of_file` or `clusters_of_file` did, and where it lies.

    Attributes:
      output: the table.
      model_directory: the folder of the model, its SavedModel, the report and the metrics.
      outcome: what was found.
    """

    output: Path
    model_directory: Path
    outcome: TopicOutcome

    @property
    def warnings(self) -> Sequence[str]:
        """What the person should know."""
        return self.outcome.warnings

    def summary(self) -> str:
        """A few lines for the screen."""
        outcome = self.outcome
        shown = [
            f"{size:6.1%}  {name}"
            for size, name in zip(outcome.sizes[:_SHOWN], outcome.names, strict=False)
        ]
        more = len(outcome.names) - len(shown)
        of_model = "" if outcome.model in (LDA, MIXTURE) else f" by {outcome.model}"
        return "\n".join(
            [
                f"{len(outcome.texts):,} texts, {len(outcome.names)} {outcome.kind}s{of_model}",
                *shown,
                *([f"        and {more} more"] if more else []),
                *files_told(self.output, self.model_directory),
                *(
                    [f"words    {self.model_directory / TOPIC_WORDS}"]
                    if outcome.kind == TOPIC
                    else []
                ),
            ]
        )


def topics_of_file(
    source: StrPath,
    folder: StrPath,
    *,
    text_columns: Sequence[str],
    num_topics: int | None = None,
    model: str = LDA,
    encoder: str | None = None,
    seed_words: StrPath | None = None,
    seed_column: str | None = None,
    label_column: str | None = None,
    date_column: str | None = None,
    mixture: bool = False,
    quoting: bool = True,
    guard_formulas: bool = False,
    seed: int = 0,
    progress: Progress = no_progress,
) -> TopicsFile:
    """Finds the topics of a table of texts.

    Args:
      source: CSV, TSV, JSONL (each also gzipped) or Parquet; see `data.read_topic_table`.
      folder: gets the table `documents` in the source's format, with every row and column in its
        order and the columns topic, topic_probability and sure_topic; `topics.yaml`, the topics'
        words; model, SavedModel, report and metrics.
      text_columns: columns that hold the text.
      num_topics: K; None chooses it.
      model: of topics: "lda", "prodlda", "etm" or "ctm"; see `fit_topics`.
      encoder: that a "ctm" reads texts with: "auto" or None, or a preset; see `find_topics`.
      seed_words: a file of topics that there must be; see `data.read_seed_words`.
      seed_column: names the topic of some rows.
      label_column: of classes, which the report compares with topics.
      date_column: of dates, by which the report shows trends.
      mixture: whether what each text has of every topic is in columns, too.
      quoting: whether cells of a CSV or TSV source may be quoted; where not, a quote is a letter.
      guard_formulas: whether a CSV or TSV table is made safe for spreadsheets; see
        `data.TableWriter`.
      seed: the same seed gives the same topics.
      progress: called with a step's name, how much of it is done, and how much there is.
    Returns:
      What was done, and where it lies.
    Raises:
      DataError: for whatever is wrong with a file or an argument; nothing is written then. Where
        the disk takes no more after the training, the message says where all of it was kept.
    """
    source, folder = Path(source), Path(folder)
    output = check_topic_folder(source, folder)
    asked = _asked(text_columns, num_topics, label_column, date_column, mixture, quoting, seed) | {
        "model": model,
        "encoder": encoder,
        "seed_words": None if seed_words is None else Path(seed_words).name,
        "seed_column": seed_column,
    }
    table = _read(source, TOPIC, asked, {folder: _LEAST_MODEL}, progress)
    seeds = () if seed_words is None else read_seed_words(seed_words)
    teller, outcome = _find(
        table, TOPIC, asked, seeds=seeds, seed_source=seed_words or "", progress=progress
    )
    settings = _settings(source, folder, TOPIC, asked)
    added = outcome.columns(mixture=mixture)
    check_new_columns(source, table.frame.columns, added)
    progress("Writing table, model and report", 0, 1)

    def fill(place: Path) -> None:
        written = place / output.name
        write_table(table.frame, written, added, guard_formulas=guard_formulas)
        told = settings | {"documents": file_digest(written)}
        write_topic_folder(place, teller, outcome, told, table.places, source.name, words=True)

    # A person may have edited what an earlier run wrote while this one was learning.
    fill_or_keep(folder, fill, check=lambda: check_unedited_topics(folder, output))
    progress("Writing table, model and report", 1, 1)
    return TopicsFile(output, folder, outcome)


def clusters_of_file(
    source: StrPath,
    output: StrPath,
    *,
    text_columns: Sequence[str],
    num_clusters: int | None = None,
    label_column: str | None = None,
    date_column: str | None = None,
    model_directory: StrPath | None = None,
    encoder: str | None = None,
    mixture: bool = False,
    quoting: bool = True,
    guard_formulas: bool = False,
    seed: int = 0,
    progress: Progress = no_progress,
) -> TopicsFile:
    """Finds clusters of the texts of a table, each text in one.

    Args:
      source, text_columns, label_column, date_column, quoting, guard_formulas, seed, progress: as
        for `topics_of_file`.
      output: the table: every row and column of the source in its order, and the columns cluster,
        cluster_probability and sure_cluster.
      num_clusters: K; None chooses it.
      model_directory: folder for model, SavedModel, report and metrics; None puts it beside the
        output, with the ending `.model`.
      encoder: whose vectors clusters are learned from beside words; see `document_encoder`.
      mixture: whether the probability of every cluster is in columns, too.
    Returns, raises: see `topics_of_file`. Where the disk takes no more after the training, the
      message says what was kept.
    """
    source, output = Path(source), Path(output)
    folder = check_cluster_results(source, output, model_directory)
    asked = _asked(text_columns, num_clusters, label_column, date_column, mixture, quoting, seed)
    asked |= {"encoder": encoder}
    table = _read(source, CLUSTER, asked, {folder: _LEAST_MODEL, output: 0}, progress)
    teller, outcome = _find(table, CLUSTER, asked, progress=progress)
    settings = _settings(source, output, CLUSTER, asked)
    added = outcome.columns(mixture=mixture)
    check_new_columns(source, table.frame.columns, added)
    progress("Writing table, model and report", 0, 1)
    write_or_keep(
        output,
        folder,
        source,
        lambda path: write_table(
            table.frame, path, added, inputs=[source], guard_formulas=guard_formulas
        ),
        lambda filled: write_topic_folder(
            filled, teller, outcome, settings, table.places, source.name, words=False
        ),
        predict=("dgm", "topics", "predict"),
        seal=record_table,
        check=lambda: check_unedited_clusters(output, folder),
    )
    progress("Writing table, model and report", 1, 1)
    return TopicsFile(output, folder, outcome)


def _asked(
    text_columns: Sequence[str],
    number: int | None,
    label_column: str | None,
    date_column: str | None,
    mixture: bool,
    quoting: bool,
    seed: int,
) -> dict[str, Any]:
    """What is asked for of topics and of clusters alike."""
    return {
        "text_columns": list(text_columns),
        "number": number,
        "label_column": label_column,
        "date_column": date_column,
        "mixture": mixture,
        "quoting": quoting,
        "seed": seed,
    }


def _settings(source: Path, output: Path, kind: str, asked: dict[str, Any]) -> dict[str, Any]:
    """What the folder says of the run that fills it."""
    told = {f"num_{kind}s" if name == "number" else name: value for name, value in asked.items()}
    versions = installed_versions()
    return {"source": source.name, **told, "output": output.name, "versions": versions}


def _read(
    source: Path, kind: str, asked: dict[str, Any], room: dict[Path, int], progress: Progress
) -> TopicTable:
    """The table, of which it is sure that it can be written again."""
    progress("Reading the table", 0, 1)
    table = read_topic_table(
        source,
        text_columns=asked["text_columns"],
        label_column=asked["label_column"],
        seed_column=asked.get("seed_column"),
        date_column=asked["date_column"],
        quoting=asked["quoting"],
    )
    new = (kind, f"{kind}_probability", f"sure_{kind}")
    check_new_columns(source, table.frame.columns, new)
    *_, last = room
    check_room({**room, last: room[last] + table_size(table.frame, source)})
    progress("Reading the table", 1, 1)
    return table


def _find(
    table: TopicTable,
    kind: str,
    asked: dict[str, Any],
    *,
    seeds: Sequence[SeedTopic] = (),
    seed_source: StrPath = "",
    progress: Progress,
) -> tuple[Any, TopicOutcome]:
    return find_topics(
        table.texts,
        kind=kind,
        num_topics=asked["number"],
        model=asked.get("model", LDA),
        encoder=asked["encoder"],
        seed_topics=seeds,
        seed_source=seed_source,
        given=table.seeds,
        labels=table.labels,
        dates=table.dates,
        seed=asked["seed"],
        warnings=table.warnings,
        progress=progress,
    )
