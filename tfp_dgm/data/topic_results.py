"""Where topics and clusters put their results: what may be replaced, and what folders say."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tfp_dgm.data.atomic_directories import check_output_directory
from tfp_dgm.data.data_error import DataError, listing
from tfp_dgm.data.digests import digest, file_digest
from tfp_dgm.data.label_results import columns_there
from tfp_dgm.data.model_directories import check_model_directory, check_ours, read_model_settings
from tfp_dgm.data.table_reader import open_table
from tfp_dgm.data.table_writer import StrPath, check_output_path

TOPICS_COMMAND, CLUSTER_COMMAND = "dgm topics", "dgm cluster"
# Files of a folder of topics: their words, to be edited and given back, and the table.
TOPIC_WORDS = "topics.yaml"
DOCUMENTS = "documents"
# Models of topics: latent Dirichlet allocation, and three with an inference network, of which one
# reads a pretrained encoder's vectors, too.
CONTEXTUALISED = "ctm"
TOPIC_MODELS = ("lda", "prodlda", "etm", CONTEXTUALISED)
_MARKS = ({"topic", "topic_probability"}, {"cluster", "cluster_probability"})


def check_topic_table(output: StrPath, inputs: Iterable[StrPath]) -> None:
    """Checks that a table of topics or clusters may be written, before any work is done.

    Raises:
      DataError: as `check_output_path`; if something else than such a table is there, or one of
        `inputs` is missing or no table.
    """
    inputs = list(inputs)
    check_output_path(output, inputs)
    for source in inputs:
        open_table(source)
    if Path(output).exists() and not any(marks <= columns_there(output) for marks in _MARKS):
        raise DataError.at(
            output,
            "expected nothing or an earlier result there; found a file without the columns topic "
            "and topic_probability, or cluster and cluster_probability, which would be replaced",
        )


def check_topic_folder(source: StrPath, folder: StrPath) -> Path:
    """Checks where the folder of `dgm topics` is to go, before any work is done.

    Args:
      source: the table of texts.
      folder: where table, words, model and report are to stand.
    Returns:
      The table in the folder, of the source's format.
    Raises:
      DataError: if `source` is no table, or the folder cannot be written, holds the source, holds
        anything but what an earlier run for the same source wrote, or its table or its words were
        edited since.
    """
    open_table(source)
    source, folder = Path(source), Path(folder)
    check_output_directory(folder)
    if source.resolve().is_relative_to(folder.resolve()):
        raise DataError(f"output: {folder} would be replaced, and holds {source}")
    table = folder / f"{DOCUMENTS}{_endings(source)}"
    if folder.exists() and any(folder.iterdir()):
        further = [TOPIC_WORDS, *(path.name for path in folder.glob(f"{DOCUMENTS}.*"))]
        check_ours(folder, folder.name, TOPICS_COMMAND, further=further, argument="output")
        settings = read_topic_settings(folder)
        if settings["source"] != source.name:
            raise DataError(
                f"output: {folder} belongs to {settings['source']!r} and would be replaced; give "
                f"{source.name} a folder of its own"
            )
        # A person corrects `sure_topic` in the table, and edits the words.
        others = sorted({path.name for path in folder.glob(f"{DOCUMENTS}.*")} - {table.name})
        if others:
            raise DataError(f"output: {folder} would be replaced, and holds {listing(others)}")
        check_unedited_topics(folder, table)
    return table


def check_unedited_topics(folder: Path, table: Path) -> None:
    """Checks that nobody edited the words or the table in the folder of `dgm topics`, if it exists.

    Raises:
      DataError: if somebody did, or the folder does not tell.
    """
    words = folder / TOPIC_WORDS
    if not (table.is_file() or words.is_file()):
        return
    settings = read_topic_settings(folder)
    if table.is_file():
        _refuse_edited(table, file_digest(table), settings.get("documents"))
    if words.is_file():
        text = words.read_text(encoding="utf-8")
        _refuse_edited(words, digest(text), settings.get("topic_words"))


def check_cluster_results(
    source: StrPath, output: StrPath, model_directory: StrPath | None = None
) -> Path:
    """Checks where the table and the folder of `dgm cluster` are to go, before any work is done.

    Args:
      source: the table of texts.
      output: the table with clusters.
      model_directory: the folder; None puts it beside the output, with the ending `.model`.
    Returns:
      The folder.
    Raises:
      DataError: as `check_topic_table`; if the folder holds anything but what an earlier run for
        the same output wrote; if the folder does not prove that the table there is as that run
        wrote it: a person corrects `sure_cluster` in it.
    """
    check_topic_table(output, [source])
    folder = check_model_directory(source, output, model_directory, command=CLUSTER_COMMAND)
    check_unedited_clusters(Path(output), folder)
    return folder


def check_unedited_clusters(output: Path, folder: Path) -> None:
    """Checks that nobody edited the table of `dgm cluster`, if there is one.

    Raises:
      DataError: if somebody did, or its folder does not tell.
    """
    if output.exists():
        told = read_topic_settings(folder) if (folder / "settings.json").exists() else {}
        _refuse_edited(output, file_digest(output), told.get("documents"))


def check_topic_model(model: str, encoder: Any) -> None:
    """Checks that a model of topics is known, and goes with what was asked of an encoder.

    Args:
      model: one of `TOPIC_MODELS`.
      encoder: None where nothing was said, "none", or what names or is one.
    Raises:
      DataError: if not; names the argument.
    """
    if model not in TOPIC_MODELS:
        raise DataError(f"model: expected one of {', '.join(TOPIC_MODELS)}; received {model!r}")
    if model == CONTEXTUALISED and encoder == "none":
        raise DataError(f"encoder: the model {model!r} needs one; received 'none'")
    if model != CONTEXTUALISED and encoder not in (None, "none"):
        received = repr(encoder) if isinstance(encoder, str) else type(encoder).__name__
        raise DataError(
            f"encoder: the model {model!r} reads words alone, {CONTEXTUALISED!r} takes one; "
            f"received {received}"
        )


def read_topic_settings(folder: StrPath) -> dict[str, Any]:
    """The settings of the run that wrote a folder: `kind`, `text_columns`, `names` among them.

    Raises:
      DataError: if neither `dgm topics` nor `dgm cluster` wrote it.
    """
    return read_model_settings(
        folder,
        ("kind", "text_columns", "names"),
        command=f"{TOPICS_COMMAND}` or `{CLUSTER_COMMAND}",
    )


def _refuse_edited(path: Path, found: str, written: str | None) -> None:
    """Raises a DataError unless a file is what an earlier run wrote, by their digests."""
    if written is None:
        raise DataError(
            f"output: {path} would be replaced, and no folder of its run tells that nobody edited "
            "it; move it away, or give the result a place of its own"
        )
    if found != written:
        raise DataError(
            f"output: {path} was edited and would be replaced; move it away, or give the "
            "result a place of its own"
        )


def _endings(source: Path) -> str:
    """The ending that tells a table's format, with ".gz" where it is gzipped."""
    endings = source.suffixes[-2:] if source.suffix.lower() == ".gz" else source.suffixes[-1:]
    return "".join(endings).lower()
