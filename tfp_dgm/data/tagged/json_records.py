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


class JsonPiece(NamedTuple):
    """A part of a file: an object with the blanks behind it, or what stands between objects.

    Attributes:
      text: its characters.
      line: where it begins, from 1.
      record: the object; None where it is what stands between objects.
    """

    text: str
    line: int
    record: dict[str, Any] | None


def json_pieces(path: Path) -> Iterator[JsonPiece]:
    """Yields the parts of a file, which is a JSON array if it begins with `[`.

    An array is held in memory whole.

    Raises:
      DataError: if it is neither; names the line.
    """
    with open_text(path, "", longest=MAX_ROW_CHARACTERS) as lines:
        for number, line in enumerate(lines, start=1):
            if line.lstrip().startswith("["):
                yield from _of_array(path, line + "".join(lines), number)
            elif line.isspace():
                yield JsonPiece(line, number, None)
            else:
                yield JsonPiece(line, number, parse_object(line, path, f"line {number}"))


def with_results(piece: str, added: dict[str, Any], path: Path, line: int) -> str:
    """Puts keys at the end of an object, all of whose characters stay.

    Raises:
      DataError: if it has one of the keys.
    """
    if taken := [repr(key) for key in added if key in json.loads(piece)]:
        raise DataError.at(
            path,
            f"the object already has {listing(taken)}, which the output would add (is it the "
            "output of an earlier run?)",
            place=f"line {line}",
        )
    body = piece.rstrip()
    end = piece[len(body) :]
    return f"{body[:-1].rstrip()}, {json.dumps(added, ensure_ascii=False)[1:]}{end}"


def _of_array(path: Path, text: str, line: int) -> Iterator[JsonPiece]:
    decoder = json.JSONDecoder()
    begin = text.index("[") + 1
    yield JsonPiece(text[:begin], line, None)
    line += text.count("\n", 0, begin)
    while True:
        between = _BETWEEN.match(text, begin)
        end = between.end() if between else begin
        if end > begin:
            yield JsonPiece(text[begin:end], line, None)
            line += text.count("\n", begin, end)
        if text[end : end + 1] == "]" and not text[end + 1 :].strip():
            yield JsonPiece(text[end:], line, None)
            return
        begin = end
        try:
            _, end = decoder.raw_decode(text, begin)
        except (ValueError, RecursionError) as error:
            raise DataError.at(
                path,
                f"expected an array of JSON objects; received {shorten(text[begin : begin + 100])}",
                place=f"line {line}",
            ) from error
        yield JsonPiece(text[begin:end], line, parse_object(text[begin:end], path, f"line {line}"))
        line += text.count("\n", begin, end)
        begin = end
