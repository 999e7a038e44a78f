"""The members of a JSON object as they are written, some of them replaced, added or left out."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

_BLANKS = re.compile(r"\s*")
_BETWEEN = re.compile(r"[\s,]*")


def with_members(text: str, values: Mapping[str, Any], without: Collection[str] = ()) -> str:
    """Writes an object anew; all characters of the members that stay are as they were.

    Args:
      text: an object and what stands around it, valid JSON.
      values: members that get another value, in their place; those that are not there come last.
      without: keys of members that are left out.
    """
    begin = text.index("{") + 1
    body, end, last = text[:begin], begin, begin
    decoder = json.JSONDecoder()
    new = dict(values)
    empty = True
    while True:
        begin = _end(_BETWEEN, text, end)
        if text[begin] == "}":
            break
        key, stop = decoder.raw_decode(text, begin)
        place = _end(_BLANKS, text, _end(_BLANKS, text, stop) + 1)  # Behind the colon.
        _, end = decoder.raw_decode(text, place)
        if key not in without:
            # What stood before it, which is a comma but for the first.
            before = text[last:begin] if not empty else text[last:begin].replace(",", "")
            if key in values:
                new.pop(key, None)
                body += before + text[begin:place] + _written(values[key])
            else:
                body += before + text[begin:end]
            empty = False
        last = end
    for key, value in new.items():
        body += f"{'' if empty else ', '}{_written(key)}: {_written(value)}"
        empty = False
    return body + text[last:]


def _end(pattern: re.Pattern[str], text: str, begin: int) -> int:
    found = pattern.match(text, begin)
    return found.end() if found else begin


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
