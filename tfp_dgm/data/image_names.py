"""When two spellings of a name, or of an id, mean one image."""

import re
import unicodedata

_WHOLE_NUMBER = re.compile(r"(-?\d+)\.0+")


def name_key(name: str) -> str:
    """The text by which names are compared: composed (NFC), and 12 for 12.0.

    Archives of macOS spell names decomposed (NFD), and table tools write whole numbers as decimals
    where a cell of their column is empty.
    """
    name = unicodedata.normalize("NFC", name.strip())
    whole = _WHOLE_NUMBER.fullmatch(name)
    return whole[1] if whole else name


def name_of(value: object) -> str | None:
    """A file's value as a name: a string, or a whole number; None where it is neither."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int):
        return str(value)
    return value.strip() or None if isinstance(value, str) else None
