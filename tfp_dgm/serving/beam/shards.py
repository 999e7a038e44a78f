"""The files of a large table, each a shard: which there are, and what they have in common."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tfp_dgm.data import DataError, digest
from tfp_dgm.data.file_patterns import files_of_pattern
from tfp_dgm.data.object_storage import find_stored, state_of
from tfp_dgm.data.storage_urls import absolute, is_url
from tfp_dgm.data.table_reader import table_suffix

CHANGED = "the file changed while the run was at work; resume it when it is whole"

_TEXT = ".txt"
# A file's name has at most 255 bytes; a letter of Chinese alone is nine here.
_LONGEST_KEY = 180


@dataclass(frozen=True)
class Part:
    """Some rows of a large file, one after the other.

    Attributes:
      first: what the first line of them is called, or of Parquet the first row: its number in the
        file, so that the part's lines have those of the file. A header that comes before is not
        counted.
      spans: where their bytes are, each from one to before another; of CSV with the header, of
        Parquet with what a file begins and ends with.
      groups: of Parquet, the first group of rows, and the first that is no more of the part.
      number, count: which part it is, from 1, and of how many.
      cut: the size and the time of the file that was cut; see `data.object_storage.state_of`.
    """

    first: int
    spans: Sequence[tuple[int, int]]
    groups: tuple[int, int] | None = None
    number: int = 1
    count: int = 1
    cut: Sequence[int] = ()


@dataclass(frozen=True)
class Shard:
    """A file of rows, or a part of one, and the file of their answers.

    Attributes:
      source: the file: a path, or the URL of a stored one.
      name: of its answers, below the folder of all: the source's own below the folder that all
        sources share, with the ending .jsonl where the source is plain text.
      part: which rows; None for all.
    """

    source: str
    name: str
    part: Part | None = None

    @property
    def key(self) -> str:
        """The name without folders, for files that are told about this shard."""
        quoted = quote(self.name, safe="")
        if quoted.startswith("."):  # What is hidden is taken for unfinished.
            quoted = f"%2E{quoted[1:]}"
        if len(quoted) <= _LONGEST_KEY:
            return quoted
        return f"{quoted[:_LONGEST_KEY]}~{digest(self.name)}"

    def state(self) -> list[int | str]:
        """What changes when the source is another, or written anew: its place, size and time.

        Raises:
          DataError: if there is none; of a part, if it is another than the one that was cut.
        """
        found = state_of(self.source)
        if self.part is None:
            return [absolute(self.source), *found]
        if list(found) != list(self.part.cut):
            raise DataError.at(self.source, CHANGED)
        which = (self.part.number, self.part.count, self.part.first)
        return [absolute(self.source), *found, *which]


def shards_of(
    pattern: str | os.PathLike[str], *, output: str | os.PathLike[str] | None = None
) -> list[Shard]:
    """The shards that a pattern names, in the order of their names.

    Args:
      pattern: a file, a folder, whose files are taken, or a pattern with *, ?, [...] and ** (any
        folders); or the URL of such (see `data.object_storage`). CSV, TSV, JSON Lines, plain text
        (.txt), each also .gz, or Parquet; all of one format. Names of files and folders that begin
        with a dot or an underscore are left out, unless the pattern has them, as engines of tables
        do.
      output: a folder whose files are left out: a pattern with ** may find what a run has written.
    Raises:
      DataError: if there is none; of another format, or several formats; if a name is no UTF-8, a
        link leads nowhere, or a folder is named like a table and its files are not among those.
    """
    sources = _matches(os.fspath(pattern))
    if output is not None:
        sources = [source for source in sources if not _is_below(source, output)]
    if not sources:
        raise DataError.at(pattern, "no such file; expected a file, a folder, or a pattern of them")
    shared = os.path.commonpath([os.path.dirname(source) for source in sources])
    shards = [
        Shard(source, str(_answers_name(Path(os.path.relpath(source, shared)))))
        for source in sources
    ]
    first: Shard | None = None
    by_name: dict[str, Shard] = {}
    for shard in shards:
        first = first or shard
        if _format(shard) != _format(first):
            raise DataError.at(
                shard.source,
                f"expected shards of one format; received {_format(shard)}, and {_format(first)} "
                f"in {first.source}",
            )
        if shard.name in by_name:
            raise DataError.at(
                shard.source,
                f"its answers would be {shard.name}, as those of {by_name[shard.name].source}",
            )
        by_name[shard.name] = shard
    return shards


def _is_below(source: str, folder: str | os.PathLike[str]) -> bool:
    if is_url(source) or is_url(folder):
        return source.startswith(f"{str(folder).rstrip('/')}/")
    return Path(os.path.realpath(folder)) in Path(source).resolve().parents


def _matches(pattern: str) -> list[str]:
    if is_url(pattern):
        return find_stored(pattern)
    if os.path.isfile(pattern):
        return [pattern]
    if os.path.isdir(pattern):
        asked = os.path.join(glob.escape(pattern), "*")
        return files_of_pattern(asked, _is_table)
    return files_of_pattern(pattern, _is_table)


def _is_table(path: Path) -> bool:
    try:
        return bool(format_of(path))
    except DataError:
        return False


def is_text(path: Path) -> bool:
    """Whether a file's name says that it is plain text."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return suffixes[-1:] == [_TEXT] or suffixes[-2:] == [_TEXT, ".gz"]


def _answers_name(source: Path) -> Path:
    """The path of a shard's answers: plain text has no columns to add to."""
    if not is_text(source):
        return source
    packed = source.suffix.lower() == ".gz"
    bare = source.with_suffix("").with_suffix("") if packed else source.with_suffix("")
    return bare.with_name(f"{bare.name}.jsonl{'.gz' if packed else ''}")


def _format(shard: Shard) -> str:
    path = Path(shard.source)
    try:
        return format_of(path)
    except DataError as error:  # Of a URL a path has but one slash.
        raise DataError(str(error).replace(str(path), shard.source)) from error


def format_of(source: Path) -> str:
    """The ending that tells a shard's format.

    Raises:
      DataError: if it is none of a table or of plain text.
    """
    return _TEXT if is_text(source) else table_suffix(source)
