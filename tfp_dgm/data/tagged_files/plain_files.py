"""Plain text, a sentence a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfp_dgm.data.data_error import DataError
from tfp_dgm.data.limits import MAX_CELL_CHARACTERS
from tfp_dgm.data.tag_scheme import TagScheme
from tfp_dgm.data.tagged_files.column_files import result_columns
from tfp_dgm.data.tagged_files.output_names import is_json_lines, refuse_others
from tfp_dgm.data.tagged_files.raw_sentences import RawChunk, RawSentence
from tfp_dgm.data.tagged_files.span_cells import SPAN_SCHEME
from tfp_dgm.data.tagged_files.tag_results import SentenceResult
from tfp_dgm.data.tagged_files.text_records import text_results
from tfp_dgm.data.tagged_files.tool_forms import RegionNames, tool_values
from tfp_dgm.data.text_file import open_text
from tfp_dgm.data.words_of_text import words_of

_EMPTY = SentenceResult((), (), ())


@dataclass(frozen=True)
class PlainFile:
    """A file of plain text, whose words are found by `words_of`.

    It is written as CoNLL columns, each sentence under a comment with its text, or as JSON Lines
    with texts and spans where the output's name says so.

    Attributes:
      path: the file.
      tool: for which the texts are written, which must be JSON Lines then; see `tool_forms`.
    """

    path: Path
    tool: str | None = None

    @property
    def kind(self) -> str | None:
        """The scheme of the tags where it is known."""
        return SPAN_SCHEME

    @property
    def tags_from(self) -> str:
        """Where the tags were looked for."""
        return "in plain text"

    def check_output(self, output: Path) -> None:
        """Checks that a file of this format may have the name."""
        if self.tool is not None:
            if not is_json_lines(output):
                raise DataError.at(
                    output, f"what {self.tool} imports is JSON Lines; end its name in .jsonl"
                )
        elif not is_json_lines(output):
            refuse_others(output, "plain text, written as CoNLL columns or JSON Lines")

    def chunks(self, size: int | None, *, with_tags: bool = True) -> Iterator[RawChunk]:
        """Yields the file in parts of `size` sentences; None for all of it at once."""
        chunk = RawChunk()
        with open_text(self.path, "", longest=MAX_CELL_CHARACTERS) as lines:
            for number, line in enumerate(lines, start=1):
                if size is not None and len(chunk.sentences) >= size:
                    yield chunk
                    chunk = RawChunk()
                place = len(chunk.pieces)
                chunk.pieces.append(line)
                text = line.rstrip("\r\n")
                words = words_of(text)
                if not words:
                    chunk.empty.append((place, f"line {number}"))
                    continue
                chunk.sentences.append(
                    RawSentence(
                        [text[begin:end] for begin, end in words],
                        [""] * len(words),
                        [number] * len(words),
                        [place] * len(words),
                        words,
                        text,
                    )
                )
        yield chunk

    def written(
        self, chunk: RawChunk, scheme: TagScheme, results: Iterable[SentenceResult], output: Path
    ) -> str:
        """The part of the file, as columns or as JSON Lines."""
        write = self._as_object if is_json_lines(output) else _as_columns
        pieces = list(chunk.pieces)
        for sentence, result in zip(chunk.sentences, results, strict=True):
            pieces[sentence.pieces[0]] = write(sentence, scheme, result)
        for place, _ in chunk.empty:
            text = pieces[place].rstrip("\r\n")
            nothing = RawSentence([], [], [], [], [], text)
            pieces[place] = write(nothing, scheme, _EMPTY)
        return "".join(pieces)

    def _as_object(self, sentence: RawSentence, scheme: TagScheme, result: SentenceResult) -> str:
        found: dict[str, Any] = {"text": sentence.text}
        if self.tool is None:
            found |= text_results(sentence, scheme, result)
        else:
            found |= tool_values(self.tool, found, sentence, result, RegionNames())
        return json.dumps(found, ensure_ascii=False) + "\n"


def _as_columns(sentence: RawSentence, scheme: TagScheme, result: SentenceResult) -> str:
    rows = zip(sentence.tokens, result_columns(scheme, result), strict=True)
    lines = ["\t".join([token, *cells]) for token, cells in rows]
    head = [f"# text = {sentence.text}"] if lines else []
    return "\n".join([*head, *lines, "", ""]) if lines else "\n"
