"""Names of people and classes: on one line, and those that look alike."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from tfp_dgm.data.visible_text import appearance

# Small letters of other scripts that have, small or large, the form of a Latin one.
_LIKE = str.maketrans(
    {
        **dict(
            zip("\u0430\u0432\u0435\u0456\u0458\u043a\u043c\u043d\u043e", "abeijkmho", strict=True)
        ),
        **dict(zip("\u0440\u0441\u0442\u0443\u0445\u0455\u0501\u04bb", "pctyxsdh", strict=True)),
        **dict(zip("\u03b1\u03b2\u03b5\u03b6\u03b7\u03b9\u03ba\u03bc", "abezhikm", strict=True)),
        **dict(zip("\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7", "noptyx", strict=True)),
    }
)


def plain_name(given: str) -> str:
    """A person's or a class's name on one line: what no cell holds and spaces become one space."""
    seen = (" " if unicodedata.category(letter) in ("Cc", "Cs") else letter for letter in given)
    return " ".join("".join(seen).split())


def annotator_name(given: str) -> str:
    """A person's name, of at most 80 characters."""
    return plain_name(given)[:80].strip()


def look_alikes(name: str, others: Iterable[str]) -> list[str]:
    """Those of `others` that look like a name and are not it.

    Case, blanks, what has no width, compatible forms and letters of Cyrillic and Greek that have
    the form of a Latin one make no difference.
    """
    seen = _form(name)
    return [other for other in others if other != name and _form(other) == seen]


def _form(name: str) -> str:
    return appearance(name).translate(_LIKE)
