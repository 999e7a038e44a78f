"""A value of a file as captions: one, or a list of them, also where it is written as a string."""

import ast
import json
import re
import warnings
from typing import Any

from tfp_dgm.data.data_error import shorten

# Python's lists, and NumPy's, which have no commas: both are what exports to CSV make of lists.
_ITEM = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|None)"""
_ITEMS = re.compile(_ITEM, re.DOTALL)
_LIST = re.compile(rf"\[\s*{_ITEM}(?:(?:\s*,\s*|\s+){_ITEM})*\s*,?\s*\]", re.DOTALL)


def captions_of(value: Any) -> list[str]:
    """The captions that a value holds; "" where one is missing.

    Args:
      value: a string, None, or a list of such; or a string that is a list of strings as JSON,
        Python or NumPy write it. Any other string is a caption itself.
    Raises:
      ValueError: if it is, or a list holds, anything else, such as a number.
    """
    captions = _written_list(value.strip()) if isinstance(value, str) else None
    if captions is None:
        captions = value if isinstance(value, list) else [value]
    if not all(caption is None or isinstance(caption, str) for caption in captions):
        raise ValueError(f"expected a caption, or a list of captions; received {shorten(value)}")
    return [caption or "" for caption in captions] or [""]


def _written_list(text: str) -> list[Any] | None:
    """The list that a string is, if it holds strings; None where the string is a text."""
    if not (text.startswith("[") and text.endswith("]")):
        return None
    try:
        items = json.loads(text)
    except (ValueError, RecursionError):
        if not _LIST.fullmatch(text):
            return None
        try:
            with warnings.catch_warnings(action="ignore"):  # Of an escape that is none.
                items = [ast.literal_eval(item) for item in _ITEMS.findall(text)]
        except SyntaxError:  # Escapes that Python does not write, as in 'C:\users'.
            return None
    return items if not items or any(isinstance(item, str) for item in items) else None
