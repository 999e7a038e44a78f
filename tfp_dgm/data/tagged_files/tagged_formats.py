"""Which format a file of tagged sentences has, by its name and its first lines."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from tfp_dgm.data.data_error import DataError
from tfp_dgm.data.input_file import check_input_file
from tfp_dgm.data.limits import MAX_CELL_CHARACTERS
from tfp_dgm.data.tag_scheme import TagScheme
from tfp_dgm.data.tagged_files.column_files import ColumnFile
from tfp_dgm.data.tagged_files.column_layout import DOCUMENT_START, counts_of_columns, find_layout
from tfp_dgm.data.tagged_files.conllu_files import ConlluFile, conllu_column
from tfp_dgm.data.tagged_files.json_files import JsonFile, find_form
from tfp_dgm.data.tagged_files.plain_files import PlainFile
from tfp_dgm.data.tagged_files.raw_sentences import RawChunk
from tfp_dgm.data.tagged_files.tag_results import SentenceResult
from tfp_dgm.data.tagged_files.tool_forms import check_tool
from tfp_dgm.data.tagged_files.word_records import WordRecords
from tfp_dgm.data.text_file import open_text

FORMATS = ("conll", "conllu", "json", "text")
_BY_ENDING = {
    ".conllu": "conllu",
    ".conll": "conll",
    ".bio": "conll",
    ".iob": "conll",
    ".iob2": "conll",
    ".tsv": "conll",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
}
_OTHER_ENDINGS = (".csv", ".parquet", ".xlsx")
_LOOKED_AT = 200


class TaggedFile(Protocol):
    """A file of tagged sentences in some format."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def kind(self) -> str | None:
        """The scheme of the tags where the format tells it."""

    @property
    def tags_from(self) -> str:
        """Where the tags were looked for, such as "in column 2"."""

    def chunks(self, size: int | None, *, with_tags: bool = True) -> Iterator[RawChunk]:
        """Yields the file in parts of about `size` sentences; None for all of it at once.

        Args:
          size: of a part.
          with_tags: whether tags are to be looked at where that may find faults.
        Raises:
          DataError: where the file is at fault; names the line.
        """

    def check_output(self, output: Path) -> None:
        """Checks that what is written may have this name.

        Raises:
          DataError: if its ending is that of another format.
        """

    def written(
        self, chunk: RawChunk, scheme: TagScheme, results: Iterable[SentenceResult], output: Path
    ) -> str:
        """A part of the file with the results of its N sentences in it.

        Args:
          chunk: the part.
          scheme: of the tags.
          results: N of them.
          output: where it is written; tells the format where there are several.
        Raises:
          DataError: if the file has such results already.
        """


def open_tagged_file(
    path: Path,
    format: str | None = None,
    token_column: int | str | None = None,
    tag_column: int | str | None = None,
    tool: str | None = None,
) -> TaggedFile:
    """Opens a file of tagged sentences.

    Args:
      path: the file; plain or gzipped (.gz).
      format: one of `FORMATS`; None to tell it by the name and the first lines.
      token_column: where the words are; None for the usual.
      tag_column: where the tags are; None for the usual.
      tool: for which texts are written; see `tool_forms`. None for none.
    Raises:
      DataError: if there is no such file or no such column; if the format cannot be told, or the
        tool takes no such files.
    """
    if format is not None and format not in FORMATS:
        raise DataError(f"format: expected one of {', '.join(FORMATS)}; received {format!r}")
    check_tool(tool)
    check_input_file(path)
    format = format or _format_of(path)
    if tool is not None and format not in ("json", "text"):
        raise DataError.at(path, f"tool: {tool} imports texts; received words in columns")
    if format == "conllu":
        return ConlluFile(
            path,
            conllu_column(path, "token_column", "form" if token_column is None else token_column),
            conllu_column(path, "tag_column", "upos" if tag_column is None else tag_column),
        )
    if format == "json":
        form = find_form(path, token_column, tag_column)
        if tool is not None and isinstance(form, WordRecords):
            raise DataError.at(path, f"tool: {tool} imports texts; received lists of words")
        return JsonFile(path, form, tool)
    if format == "text":
        for name, column in (("token_column", token_column), ("tag_column", tag_column)):
            if column is not None:
                raise DataError.at(path, f"{name}: plain text has no columns; received {column!r}")
        return PlainFile(path, tool)
    return ColumnFile(path, find_layout(path, token_column, tag_column))


def _format_of(path: Path) -> str:
    """The format, by the ending of the name; where it says nothing, by the first lines."""
    ending = Path(path.name.lower().removesuffix(".gz")).suffix
    if ending in _OTHER_ENDINGS:
        raise DataError.at(
            path,
            f"expected sentences (CoNLL, CoNLL-U, JSON Lines or plain text); received a table "
            f"({ending})",
        )
    if ending in _BY_ENDING:
        return _BY_ENDING[ending]
    with open_text(path, None, longest=MAX_CELL_CHARACTERS) as lines:
        head = [line.rstrip("\n") for line in itertools.islice(lines, _LOOKED_AT)]
    shown = [line for line in head if line.strip() and not line.startswith((DOCUMENT_START, "# "))]
    if not shown:
        return "text"
    if _is_json(shown[0]):
        return "json"
    for tabs in (True, False):
        counts = counts_of_columns(shown, tabs=tabs)
        if tabs and set(counts) == {10} and any(row.split("\t")[0] == "1" for row in shown):
            return "conllu"
        # Three lines of two words each may be text; columns have a blank line behind a sentence.
        even = len(counts) == 1 or set(counts) == {1, 2}
        if even and max(counts) > 1 and (tabs or (len(shown) > 2 and "" in map(str.strip, head))):
            return "conll"
    return "text"


def _is_json(line: str) -> bool:
    if line.strip() == "[":
        return True
    try:
        found = json.JSONDecoder().raw_decode(line.strip().removeprefix("["))[0]
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict)
