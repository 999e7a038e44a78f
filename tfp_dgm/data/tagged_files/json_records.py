"""The objects of a JSON Lines file or of a JSON array, with all characters around them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tfp_dgm.data.data_error import DataError, listing, shorten
from tfp_dgm.data.json_lines_reader import parse_object
from tfp_dgm.data.limits import MAX_ROW_CHARACTERS
from tfp_dgm.data.text_file import open_text

_BETWEEN = re.compile(r"[\s,]*")
_COLON = re.compile(r"\s*:\s*")


class JsonPiece(NamedTuple):
    """A part of a file: an object with the blanks behind it, or what stands between objects.

    Attributes:
      text: its characters.
      number: of the line, or of the object in an array, whose lines may be one; from 1.
      unit: what is counted, "line" or "object".
      record: the object; None where it is what stands between objects.
    """

    text: str
    number: int
    unit: str
    record: dict[str, Any] | None

    @property
    def place(self) -> str:
        """Where it stands in the file, such as "line 17"."""
        return f"{self.unit} {self.number}"


def json_pieces(path: Path) -> Iterator[JsonPiece]:
    """Yields the parts of a file, which is a JSON array if it begins with `[`.

    An array is held in memory whole.

    Raises:
      DataError: if it is neither; names the line.
    """
    with open_text(path, "", longest=MAX_ROW_CHARACTERS) as lines:
        for number, line in enumerate(lines, start=1):
            if line.lstrip().startswith("["):
                yield from _of_array(path, line + "".join(lines))
            elif line.isspace():
                yield JsonPiece(line, number, "line", None)
            else:
                record = parse_object(line, path, f"line {number}")
                yield JsonPiece(line, number, "line", record)


def with_results(piece: str, added: dict[str, Any], path: Path, place: str) -> str:
    """Puts keys at the end of an object, all of whose characters stay.

    Raises:
      DataError: if it has one of the keys.
    """
    if taken := [repr(key) for key in added if key in json.loads(piece)]:
        raise DataError.at(
            path,
            f"the object already has {listing(taken)}, which the output would add (is it the "
            "output of an earlier run?)",
            place=place,
        )
    return with_values(piece, added)


def with_values(piece: str, values: dict[str, Any]) -> str:
    """Gives keys of an object other values, and puts those at its end that it has not.

    All other characters stay.
    """
    places = _places_of_values(piece)
    for key in sorted(values.keys() & places.keys(), key=places.__getitem__, reverse=True):
        start, stop = places[key]
        piece = piece[:start] + json.dumps(values[key], ensure_ascii=False) + piece[stop:]
    added = {key: value for key, value in values.items() if key not in places}
    if not added:
        return piece
    body = piece.rstrip()
    end = piece[len(body) :]
    comma = ", " if places else ""
    return f"{body[:-1].rstrip()}{comma}{json.dumps(added, ensure_ascii=False)[1:]}{end}"


def _places_of_values(piece: str) -> dict[str, tuple[int, int]]:
    """Where the values of an object's keys begin and end in its text; of equal keys the last."""
    decoder = json.JSONDecoder()
    found = {}
    place = _after(_BETWEEN, piece, piece.index("{") + 1)
    while piece[place] != "}":
        key, place = decoder.raw_decode(piece, place)
        start = _after(_COLON, piece, place)
        _, end = decoder.raw_decode(piece, start)
        found[key] = start, end
        place = _after(_BETWEEN, piece, end)
    return found


def _after(pattern: re.Pattern[str], text: str, place: int) -> int:
    matched = pattern.match(text, place)
    return place if matched is None else matched.end()


def _of_array(path: Path, text: str) -> Iterator[JsonPiece]:
    decoder = json.JSONDecoder()
    begin = text.index("[") + 1
    number = 1
    yield JsonPiece(text[:begin], number, "object", None)
    while True:
        between = _BETWEEN.match(text, begin)
        end = between.end() if between else begin
        yield JsonPiece(text[begin:end], number, "object", None)
        if text[end : end + 1] == "]" and not text[end + 1 :].strip():
            yield JsonPiece(text[end:], number, "object", None)
            return
        begin = end
        place = f"object {number}"
        try:
            _, end = decoder.raw_decode(text, begin)
        except (ValueError, RecursionError) as error:
            raise DataError.at(
                path,
                f"expected an array of JSON objects; received {shorten(text[begin : begin + 100])}",
                place=place,
            ) from error
        record = parse_object(text[begin:end], path, place)
        yield JsonPiece(text[begin:end], number, "object", record)
        begin = end
        number += 1
