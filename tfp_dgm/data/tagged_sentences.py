"""Sentences whose words are tagged, wholly, in part or not at all: files in, files out."""

from __future__ import annotations

import gzip
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from tfp_dgm.data.atomic_file import atomic_write, check_not_input, check_output_file
from tfp_dgm.data.data_error import DataError, listing, shorten
from tfp_dgm.data.tag_scheme import KINDS, TagScheme
from tfp_dgm.data.tagged_files.found_scheme import TagError, find_scheme
from tfp_dgm.data.tagged_files.raw_sentences import RawChunk
from tfp_dgm.data.tagged_files.tag_cells import TagCells
from tfp_dgm.data.tagged_files.tag_results import SentenceResult
from tfp_dgm.data.tagged_files.tagged_formats import TaggedFile, open_tagged_file
from tfp_dgm.data.tagged_files.tagged_warnings import illegal_tags, odd_sentences, odd_tags

_MANY_TAGS = 1000


@dataclass(frozen=True)
class TaggedSentences:
    """The sentences of a file, or of a part of it.

    Attributes:
      source: the file.
      chunk: what was read of it.
      tags: N lists of T tuples of tags: () where nothing is known, one, or "one of these".
      scheme: what the tags mean; the scheme of a model where the file was read for it.
      warnings: what is doubtful in the file, a sentence each.
    """

    source: TaggedFile
    chunk: RawChunk
    tags: list[list[tuple[str, ...]]]
    scheme: TagScheme
    warnings: list[str]

    @cached_property
    def tokens(self) -> list[list[str]]:
        """N lists of T words, none of them empty."""
        return [sentence.tokens for sentence in self.chunk.sentences]

    @cached_property
    def texts(self) -> list[str] | None:
        """N texts; None where the file has words only."""
        texts = [sentence.text for sentence in self.chunk.sentences if sentence.text is not None]
        return texts if len(texts) == len(self.chunk.sentences) else None

    @cached_property
    def offsets(self) -> list[list[tuple[int, int]]] | None:
        """Begin and end of each word in its text, in characters; None where there is no text."""
        found = [s.offsets for s in self.chunk.sentences if s.offsets is not None]
        return found if len(found) == len(self.chunk.sentences) else None

    def place(self, sentence: int, token: int = 0) -> str:
        """Where a word stands in the file, such as "line 17"."""
        return self.chunk.sentences[sentence].place(token)

    def check_output(self, output: str | os.PathLike[str]) -> None:
        """Checks that the file may be written to `output` again, before any work is done.

        Raises:
          DataError: as `check_output_file`; if the output is the file itself, or its name's ending
            is that of another format.
        """
        check_output_file(output)
        self.source.check_output(Path(output))
        check_not_input(output, [self.source.path])

    def check_learnable(self) -> None:
        """Checks that there is something to learn.

        Raises:
          DataError: if no word is tagged, or all have the same tag, or most occur once.
        """
        path = self.source.path
        counts = Counter(option for tags in self.tags for tag in tags for option in tag)
        if not counts:
            raise DataError.at(
                path, f"no word has a tag {self.source.tags_from}; tag a few sentences first"
            )
        if len(counts) == 1:
            raise DataError.at(
                path, f"expected two or more tags; received only {shorten(min(counts))}"
            )
        once = sum(count == 1 for count in counts.values())
        if len(counts) > _MANY_TAGS and 2 * once > len(counts):
            examples = listing([shorten(tag) for tag in list(counts)[:3]])
            raise DataError.at(
                path,
                f"expected tags that words share; received {len(counts):,} different ones, such as "
                f"{examples}; are they in `tag_column`?",
            )

    def write(self, path: str | os.PathLike[str], results: Iterable[SentenceResult]) -> None:
        """Writes the whole file again, with a result of each of the N sentences.

        Args:
          path: the output, gzipped if it ends in .gz; appears whole or not at all.
          results: N of them.
        Raises:
          DataError: as `TaggedWriter`.
        """
        with TaggedWriter(path, inputs=[self.source.path]) as writer:
            writer.write(self, results)


class TaggedWriter:
    """Writes tagged sentences part by part; the file appears when the `with` block ends cleanly.

    Args:
      path: the output, gzipped if it ends in .gz.
      inputs: files that the output must not replace.
    Raises:
      DataError: if it cannot be written, here or later.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, inputs: Iterable[str | os.PathLike[str]] = ()
    ) -> None:
        self._path = Path(path)
        check_output_file(path)
        check_not_input(path, inputs)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            file = stack.enter_context(atomic_write(self._path))
            self._write: Callable[[bytes], int] = file.write
            if self._path.suffix.lower() == ".gz":
                # No name and no time inside, so that equal sentences are equal files.
                packed = gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0)
                stack.enter_context(packed)
                self._write = packed.write
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        return self._stack.__exit__(kind, error, trace)

    def write(self, sentences: TaggedSentences, results: Iterable[SentenceResult]) -> None:
        """Appends a part of a file, with the results of its N sentences."""
        source = sentences.source
        source.check_output(self._path)
        self.write_text(source.written(sentences.chunk, sentences.scheme, results, self._path))

    def write_text(self, text: str) -> None:
        """Appends what was written already."""
        self._write(text.encode("utf-8"))


def read_tagged_sentences(
    path: str | os.PathLike[str],
    *,
    token_column: int | str | None = None,
    tag_column: int | str | None = None,
    format: str | None = None,
    scheme: str | None = None,
    separator: str = "|",
    tool: str | None = None,
) -> TaggedSentences:
    """Reads a plain or gzipped (.gz) file of sentences, whose words may have tags.

    A tag that is empty, `_` or `?` is not given. See docs/tagging.md for the formats.

    Args:
      path: the file.
      token_column: where the words are: the number of a column, from 1, or its name; None for the
        first (CoNLL), FORM (CoNLL-U), `tokens` or `text` (JSON).
      tag_column: where the tags are; None for the last (CoNLL), UPOS (CoNLL-U), `tags` or the
        usual keys of spans (JSON).
      format: "conll", "conllu", "json" (JSON Lines or an array) or "text"; None to tell it by the
        name and the first lines.
      scheme: "none", "BIO", "IOB1", "BIOES", "BILOU", "BMES" or "BMEWO"; None to tell by looking.
      separator: stands between the tags of which a word has one; "" where a tag may hold any
        character.
      tool: "label-studio", "doccano" or "prodigy", for which texts are written with their spans;
        None for none.
    Raises:
      DataError: if the file cannot be read or holds no sentence; names the line.
    """
    if scheme not in (None, *KINDS):
        raise DataError(f"scheme: expected one of {', '.join(KINDS)}; received {scheme!r}")
    source = open_tagged_file(Path(path), format, token_column, tag_column, tool)
    if source.kind and scheme not in (None, source.kind):
        raise DataError.at(path, f"scheme: texts with spans have none; received {scheme!r}")
    chunk = next(source.chunks(None))
    if not chunk.sentences:
        raise DataError.at(path, "expected at least one sentence; none")
    cells = TagCells((sentence.cells for sentence in chunk.sentences), separator)
    tags = [cells.tags_of(sentence.cells) for sentence in chunk.sentences]
    try:
        found, notes = find_scheme(tags, scheme or source.kind)
    except TagError as error:
        place = next(
            sentence.place(word)
            for sentence, options in zip(chunk.sentences, tags, strict=True)
            for word, option in enumerate(options)
            if error.tag in option
        )
        raise DataError.at(
            path, f"{error}; received the tag {shorten(error.tag)}", place=place
        ) from error
    return TaggedSentences(
        source,
        chunk,
        tags,
        found,
        [
            *chunk.warnings,
            *cells.warnings(),
            *notes,
            *illegal_tags(chunk.sentences, tags, found),
            *odd_tags(tags, found),
            *odd_sentences(chunk.sentences),
        ],
    )


def iter_tagged_sentences(
    path: str | os.PathLike[str],
    *,
    scheme: TagScheme,
    sentences: int = 2000,
    token_column: int | str | None = None,
    format: str | None = None,
    tool: str | None = None,
) -> Iterator[TaggedSentences]:
    """Reads a file part by part, at flat memory, to be tagged by a model; its tags are not read.

    Args:
      path: the file.
      scheme: the model's.
      sentences: how many a part has; the last may have none, but blank lines.
      token_column: as `read_tagged_sentences` has it.
      format, tool: as `read_tagged_sentences` has them.
    Raises:
      DataError: as `read_tagged_sentences`.
    """
    source = open_tagged_file(Path(path), format, token_column, tool=tool)
    for number, chunk in enumerate(source.chunks(sentences, with_tags=False)):
        if not (number or chunk.sentences):
            raise DataError.at(path, "expected at least one sentence; none")
        tags: list[list[tuple[str, ...]]] = [[()] * len(s.tokens) for s in chunk.sentences]
        warnings = [*chunk.warnings, *odd_sentences(chunk.sentences)]
        yield TaggedSentences(source, chunk, tags, scheme, warnings)
