"""Sentences that a tagger tagged, read again, and the file of their source with answers in it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tfp_dgm.data.data_error import DataError
from tfp_dgm.data.tag_scheme import PLAIN, TagScheme
from tfp_dgm.data.tagged_files.column_files import ColumnFile
from tfp_dgm.data.tagged_files.column_layout import find_layout
from tfp_dgm.data.tagged_files.columns_with_results import OF_SPANS, OF_WORDS, ColumnsWithResults
from tfp_dgm.data.tagged_files.conllu_files import ConlluFile
from tfp_dgm.data.tagged_files.conllu_with_results import ConlluWithResults
from tfp_dgm.data.tagged_files.found_scheme import find_scheme
from tfp_dgm.data.tagged_files.json_files import JsonFile
from tfp_dgm.data.tagged_files.json_with_results import JsonWithResults
from tfp_dgm.data.tagged_files.raw_sentences import RawChunk
from tfp_dgm.data.tagged_files.result_files import Answers, ResultFile, labels_of_tags
from tfp_dgm.data.tagged_files.tag_cells import TagCells
from tfp_dgm.data.tagged_files.tag_results import SentenceResult
from tfp_dgm.data.tagged_files.tagged_formats import open_tagged_file
from tfp_dgm.data.tagged_sentences import TaggedWriter


@dataclass(frozen=True)
class ResultSentences:
    """The N sentences of a file that `dgm tag` wrote.

    Attributes:
      source: the file.
      chunk: what was read of it.
      scheme: of the tags.
      tags: N lists of T tuples of tags, as the source has them: () where nothing is given.
      results: what the tagger says of each sentence.
    """

    source: ResultFile
    chunk: RawChunk
    scheme: TagScheme
    tags: list[list[tuple[str, ...]]]
    results: list[SentenceResult]

    @cached_property
    def tokens(self) -> list[list[str]]:
        """N lists of T words, none of them empty."""
        return [sentence.tokens for sentence in self.chunk.sentences]

    @cached_property
    def labels(self) -> list[list[str]]:
        """N lists of the labels of the chain that the tags of the results stand for."""
        return [labels_of_tags(self.scheme, result.tags) for result in self.results]

    def place(self, sentence: int, token: int = 0) -> str:
        """Where a word stands in the file, such as "line 17"."""
        return self.chunk.sentences[sentence].place(token)

    def write_source(self, path: str | os.PathLike[str], answers: Sequence[Answers | None]) -> None:
        """Writes the source again, with other tags where they are given.

        Args:
          path: the output, gzipped if it ends in .gz; appears whole or not at all.
          answers: of each sentence T tags, None where the source's own stays; None for all.
        Raises:
          DataError: if it cannot be written there.
        """
        self.source.check_output(Path(path))
        with TaggedWriter(path, inputs=[self.source.path]) as writer:
            writer.write_text(self.source.with_answers(self.chunk, answers))


def read_result_sentences(
    path: str | os.PathLike[str], settings: Mapping[str, Any]
) -> ResultSentences:
    """Reads what `dgm tag` wrote.

    Args:
      path: the tagged file.
      settings: of the tagging, which tell its scheme, and how the source was read.
    Raises:
      DataError: if it is no such file, names the line.
    """
    scheme = TagScheme(**settings["scheme"])
    columns = settings["token_column"], settings.get("tag_column")
    source = _opened(Path(path), settings.get("format"), *columns, plain=scheme.kind == PLAIN)
    chunk = next(iter(source.chunks(None)))
    if not chunk.sentences:
        raise DataError.at(path, "expected at least one sentence; none")
    cells = TagCells((s.cells for s in chunk.sentences), settings.get("separator", "|"))
    results = []
    for sentence in chunk.sentences:
        try:
            results.append(source.result(chunk, sentence, scheme))
        except DataError:
            raise
        except ValueError as error:
            raise DataError.at(path, str(error), place=sentence.place(0)) from error
    tags = [cells.tags_of(sentence.cells) for sentence in chunk.sentences]
    return ResultSentences(source, chunk, scheme, tags, results)


def settings_of_results(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What `read_result_sentences` takes, told by a file that `dgm tag predict` wrote.

    The words are where they are if nothing else is said, and the scheme is told by all tags.

    Raises:
      DataError: if it is no such file.
    """
    try:
        source, tags = _tags(Path(path), plain=False)
    except DataError:
        _, tags = _tags(Path(path), plain=True)
        scheme, _ = find_scheme(tags, PLAIN)
    else:
        scheme, _ = find_scheme(tags, source.kind)
        if isinstance(source, ColumnsWithResults) and scheme.kind == PLAIN:
            scheme = TagScheme("BIO", ())  # No span was found.
    return {"token_column": None, "scheme": asdict(scheme)}


def _tags(path: Path, *, plain: bool) -> tuple[ResultFile, list[list[tuple[str, ...]]]]:
    """The tags of the results, whatever they mean."""
    source = _opened(path, None, None, None, plain=plain)
    chunk = next(iter(source.chunks(None)))
    anything = TagScheme(PLAIN, ())
    results = [source.result(chunk, sentence, anything) for sentence in chunk.sentences]
    return source, [[(tag,) for tag in result.tags] for result in results]


def _opened(
    path: Path,
    format: str | None,
    token_column: int | str | None,
    tag_column: int | str | None,
    *,
    plain: bool,
) -> ResultFile:
    opened = open_tagged_file(path, format, token_column, tag_column)
    if isinstance(opened, ColumnFile):
        added = OF_WORDS if plain else OF_SPANS
        layout = find_layout(path, token_column, tag_column, added=added)
        return ColumnsWithResults(path, layout, added)
    if isinstance(opened, ConlluFile):
        return ConlluWithResults(path, opened.token, opened.tag)
    if isinstance(opened, JsonFile):
        return JsonWithResults(path, opened.form)
    raise DataError.at(path, "expected tagged sentences; received plain text")
