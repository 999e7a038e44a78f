"""The job: a file of partially tagged sentences in; tagged sentences, model and report out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tfp_dgm.confidence import AUTO, check_min_precision
from tfp_dgm.data import (
    check_room,
    check_tag_results,
    files_told,
    read_tagged_sentences,
    write_or_keep,
)
from tfp_dgm.installed_versions import installed_versions
from tfp_dgm.progress import Progress, no_progress
from tfp_dgm.settings import check_seed
from tfp_dgm.tagging.sentence_tagging import tag_sentences
from tfp_dgm.tagging.tag_outcome import Acceptance, TagOutcome
from tfp_dgm.tagging.tagger_folder import write_tagger

PREDICT = ("dgm", "tag", "predict")
_BYTES_A_WORD = 20  # Of what is added to each, at least.


@dataclass(frozen=True)
class TagResults:
    """What `tag_file` did, and where it lies.

    Attributes:
      output: the tagged sentences.
      model_directory: the folder of the model, its SavedModel, the report and the metrics.
      outcome: the tags of all words, and what is known of their quality.
    """

    output: Path
    model_directory: Path
    outcome: TagOutcome

    @property
    def warnings(self) -> Sequence[str]:
        """What the person should know."""
        return self.outcome.warnings

    def summary(self) -> str:
        """A few lines for the screen."""
        outcome = self.outcome
        opened = int((outcome.observed < 0).sum())
        if outcome.of_spans is None:
            lines = [f"{opened:,} words tagged, {_safe(outcome.words, outcome.min_precision)}"]
        else:
            lines = [
                f"{len(outcome.of_spans.open):,} spans found in {opened:,} words, "
                + _safe(outcome.of_spans, outcome.min_precision)
            ]
        return "\n".join(
            [
                *lines,
                f"encoder  {outcome.encoder_choice}",
                *files_told(self.output, self.model_directory, kind="tags"),
            ]
        )


def _safe(acceptance: Acceptance, min_precision: float) -> str:
    if acceptance.threshold is None:
        return f"none of them accepted at {100 * min_precision:g}% precision"
    accepted = acceptance.accepted
    share = accepted / max(len(acceptance.open), 1)
    return (
        f"{accepted:,} of them ({share:.0%}) safe to accept at {100 * min_precision:g}% precision"
    )


def tag_file(
    source: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    token_column: int | str | None = None,
    tag_column: int | str | None = None,
    format: str | None = None,
    scheme: str | None = None,
    separator: str = "|",
    tool: str | None = None,
    model_directory: str | os.PathLike[str] | None = None,
    min_precision: float = 0.95,
    encoder: str | None = AUTO,
    seed: int = 0,
    progress: Progress = no_progress,
) -> TagResults:
    """Tags the words of a file that carry no tag.

    Args:
      source: CoNLL, CoNLL-U, JSON or plain text, each also gzipped; see
        `data.read_tagged_sentences`.
      output: the same file, in which each word has a tag, its probability and whether it is safe to
        accept; of spans each has these, and the best other reading.
      token_column, tag_column, format, scheme, separator, tool: as `data.read_tagged_sentences` has
        them.
      model_directory: folder for model, SavedModel, report and metrics; None puts it beside the
        output, with the ending `.model`.
      min_precision: the share of accepted tags, or spans, that must be right.
      encoder: "auto", "none" or None, or a pretrained text encoder; see `fit_tagger`.
      seed: the same seed gives the same tags.
      progress: called with a step's name, how much of it is done, and how much there is.
    Returns:
      What was done, and where it lies.
    Raises:
      DataError: for whatever is wrong with a file or an argument; nothing is written then. Where
        the disk takes no more after the training, the message says what was kept.
      OSError, ImportError: if the encoder cannot be loaded.
    """
    check_min_precision(min_precision)
    check_seed(seed)
    output, source = Path(output), Path(source)
    model_directory = check_tag_results(source, output, model_directory)
    progress("Reading the sentences", 0, 1)
    sentences = read_tagged_sentences(
        source,
        token_column=token_column,
        tag_column=tag_column,
        format=format,
        scheme=scheme,
        separator=separator,
        tool=tool,
    )
    sentences.check_output(output)
    sentences.check_learnable()
    words = sum(map(len, sentences.tokens))
    check_room({output: source.stat().st_size, model_directory: _BYTES_A_WORD * words})
    progress("Reading the sentences", 1, 1)
    model, outcome = tag_sentences(
        sentences.tokens,
        sentences.tags,
        sentences.scheme,
        min_precision=min_precision,
        encoder=encoder,
        seed=seed,
        warnings=sentences.warnings,
        progress=progress,
    )
    settings: dict[str, Any] = {
        "source": source.name,
        "token_column": token_column,
        "tag_column": tag_column,
        "format": format,
        "scheme": asdict(sentences.scheme),
        "separator": separator,
        "tool": tool,
        "min_precision": min_precision,
        "encoder": encoder,
        "encoder_choice": asdict(outcome.encoder_choice),
        "seed": seed,
        "output": output.name,
        "versions": installed_versions(),
    }
    progress("Writing model and report", 0, 1)
    write_or_keep(
        output,
        model_directory,
        source,
        lambda path: sentences.write(path, outcome.results()),
        lambda folder: write_tagger(folder, model, outcome, settings, sentences.place, source.name),
        predict=PREDICT,
    )
    progress("Writing model and report", 1, 1)
    return TagResults(output, model_directory, outcome)
