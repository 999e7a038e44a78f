"""JSON Lines: each value keeps its JSON type, and a key that a row lacks is NaN."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from tfp_dgm.data.data_error import DataError, shorten
from tfp_dgm.data.frame_chunk import FrameChunk, chunk_of_lines
from tfp_dgm.data.limits import CHUNK_CHARACTERS, MAX_CELL_CHARACTERS, MAX_ROW_CHARACTERS
from tfp_dgm.data.text_file import open_text


@dataclass(frozen=True)
class JsonLinesReader:
    """One JSON object a line, blank lines skipped; rows may have different keys.

    Attributes:
      path: the file.
      first: see `open_text`.
    """

    path: Path
    first: int = 1

    def chunks(self, rows: int) -> Iterator[FrameChunk]:
        """See `TableReader.chunks`."""
        with open_text(
            self.path, newline=None, longest=MAX_ROW_CHARACTERS, first=self.first
        ) as lines:
            numbered = (
                (number, line)
                for number, line in enumerate(lines, start=self.first)
                if not line.isspace()
            )
            block = self._take(numbered, rows)
            if not block:
                raise DataError.at(self.path, "the file is empty; expected a JSON object a line")
            while block:
                names = list(dict.fromkeys(name for _, record in block for name in record))
                columns = {name: [row.get(name, np.nan) for _, row in block] for name in names}
                yield chunk_of_lines(columns, [line for line, _ in block])
                block = self._take(numbered, rows)

    def _take(
        self, numbered: Iterator[tuple[int, str]], count: int
    ) -> list[tuple[int, dict[str, Any]]]:
        """Returns up to `count` records, each with its line."""
        taken: list[tuple[int, dict[str, Any]]] = []
        characters = 0
        while len(taken) < count and characters < CHUNK_CHARACTERS:
            number, line = next(numbered, (0, ""))
            if not line:
                break
            taken.append((number, self._parse(line, number)))
            characters += len(line)
        return taken

    def _parse(self, line: str, number: int) -> dict[str, Any]:
        place = f"line {number}"
        record = parse_object(line, self.path, place)
        if len(line) > MAX_CELL_CHARACTERS:
            self._check_lengths(record, place)
        return record

    def _check_lengths(self, record: dict[str, Any], place: str) -> None:
        for name, value in record.items():
            if isinstance(value, str) and len(value) > MAX_CELL_CHARACTERS:
                raise DataError.at(
                    self.path,
                    f"expected at most {MAX_CELL_CHARACTERS:,} characters in a cell, received "
                    f"{len(value):,}",
                    place=place,
                    column=name,
                )


def parse_object(text: str, path: Path, place: str) -> dict[str, Any]:
    """Reads a JSON object.

    Args:
      text: the object.
      path: its file, for messages.
      place: where it stands there.
    Raises:
      DataError: if it is not JSON or no object, holds a number that is none or a key twice.
    """
    try:
        record = parse_json(text)
    except (ValueError, RecursionError) as error:
        reason = str(error)
        if isinstance(error, json.JSONDecodeError):  # Its own text counts lines from here.
            reason = f"{error.msg} at character {error.pos + 1}"
        raise DataError.at(
            path, f"expected a JSON object; received {shorten(text)} ({reason})", place=place
        ) from error
    if not isinstance(record, dict):
        raise DataError.at(path, f"expected a JSON object; received {shorten(record)}", place=place)
    return record


def parse_json(text: str) -> Any:
    """A JSON value.

    Raises:
      ValueError: if it is not JSON, holds a number that is none or a key twice.
      RecursionError: if it is nested too deeply.
    """
    return json.loads(
        text,
        parse_float=_finite_float,
        parse_constant=_refuse_constant,
        object_pairs_hook=object_of_pairs,
    )


def object_of_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, as `json.loads` builds it; ValueError where a key comes twice."""
    record = dict(pairs)
    if len(record) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        raise ValueError(f"duplicate key {counts.most_common(1)[0][0]!r}")
    return record


def _finite_float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text} is too large for a number; write it as a string")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON; write null where there is no value")
