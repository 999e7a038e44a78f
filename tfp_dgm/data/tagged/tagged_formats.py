"""Which format a file of tagged sentences has, by its name and its first lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from tfp_dgm.data.data_error import DataError
from tfp_dgm.data.input_file import check_input_file
from tfp_dgm.data.tag_scheme import TagScheme
from tfp_dgm.data.tagged.column_files import ColumnFile
from tfp_dgm.data.tagged.column_layout import find_layout
from tfp_dgm.data.tagged.conllu_files import ConlluFile, conllu_column
from tfp_dgm.data.tagged.raw_sentences import RawChunk, RawSentence
from tfp_dgm.data.tagged.tag_results import SentenceResult

FORMATS = ("conll", "conllu")


class TaggedFile(Protocol):
    """A file of tagged sentences in some format."""

    @property
    def path(self) -> Path:
        """The file."""

    def chunks(self, size: int | None) -> Iterator[RawChunk]:
        """Yields the file in parts of about `size` sentences; None for all of it at once.

        Raises:
          DataError: where the file is at fault; names the line.
        """

    def add(
        self, pieces: list[str], sentence: RawSentence, scheme: TagScheme, result: SentenceResult
    ) -> None:
        """Adds a result to the pieces of its sentence."""


def open_tagged_file(
    path: Path,
    format: str | None = None,
    token_column: int | str | None = None,
    tag_column: int | str | None = None,
) -> TaggedFile:
    """Opens a file of tagged sentences.

    Args:
      path: the file; plain or gzipped (.gz).
      format: one of `FORMATS`; None to tell it by the name and the first lines.
      token_column: where the words are; None for the usual.
      tag_column: where the tags are; None for the usual.
    Raises:
      DataError: if there is no such file or no such column; if the format cannot be told.
    """
    if format is not None and format not in FORMATS:
        raise DataError(f"format: expected one of {', '.join(FORMATS)}; received {format!r}")
    check_input_file(path)
    format = format or _by_name(path)
    if format == "conllu":
        return ConlluFile(
            path,
            conllu_column(path, "token_column", "form" if token_column is None else token_column),
            conllu_column(path, "tag_column", "upos" if tag_column is None else tag_column),
        )
    return ColumnFile(path, find_layout(path, token_column, tag_column))


def _by_name(path: Path) -> str | None:
    name = path.name.lower().removesuffix(".gz")
    return {".conllu": "conllu"}.get(Path(name).suffix, "conll")
