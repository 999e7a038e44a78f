"""Plain text into words, by a rule that a graph of TensorFlow can follow, too."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

# What lies above is ideographs and variation selectors, which are marks.
_LAST = 0x1FFFF
_SELECTORS = (0xE0100, 0xE01EF)
# Kana and ideographs, whose scripts put no blanks between words.
_IDEOGRAPHS = (
    (0x3041, 0x30FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
)
_KINDS = {"L": "letter", "M": "mark", "N": "digit", "Z": "blank", "Cc": "blank", "Cf": "blank"}
_APOSTROPHES = "'\u2019"
# Joiners that cannot be seen, within words of Persian and of Indian languages; the soft hyphen.
_UNSEEN_JOINERS = "\u200c\u200d\u00ad"


@dataclass(frozen=True)
class WordPatterns:
    """The rule as regular expressions that Python and RE2 read alike.

    They spell out all ranges of characters, since RE2's and Python's tables of Unicode differ.

    Attributes:
      word: matches a word, at the first place from the left where one begins.
      blank: matches what stands between words.
      ending: matches what is cut off a word's end, if more stands before it, to be one of its own.
    """

    word: str
    blank: str
    ending: str


def words_of(text: str) -> list[tuple[int, int]]:
    """Finds the words of a text.

    1. White space, control and format characters (of no width) stand between words.
    2. A run of letters, digits and marks is a word, across one apostrophe or full stop between two
       of them, unseen joiners, and commas and colons in numbers: `O'Brien`, `U.S`, `3.14`,
       `1,000km`, `10:30`.
    3. Any other character is a word by itself, with the marks that follow it: a hyphen, a quote,
       @, #, an ideograph, a letter of kana (scripts without blanks between words).
    4. At the end of a word of rule 2, `n't`, `'s`, `'m`, `'d`, `'ll`, `'re` and `'ve` are words of
       their own, as in treebanks of English: `do` `n't`, `Anna` `'s`.

    Args:
      text: of any length.
    Returns:
      begin and end of each word, in characters; `text[begin:end]` is the word, never empty.
    """
    word, ending = _compiled()
    found: list[tuple[int, int]] = []
    for match in word.finditer(text):
        begin, end = match.span()
        cut = ending.search(text, begin + 1, end) if end - begin > 2 else None
        if cut:
            found += [(begin, cut.start()), (cut.start(), end)]
        else:
            found.append((begin, end))
    return found


@cache
def word_patterns() -> WordPatterns:
    """The regular expressions of `words_of`.

    A graph splits the text at `word|blank` and keeps what matches `word`, and each of these again
    at `ending`, which it keeps (tensorflow_text.regex_split_with_offsets, whose offsets are bytes).
    """
    codes: dict[str, list[int]] = {"letter": [], "mark": [], "digit": [], "blank": []}
    for code in range(_LAST + 1):
        character = chr(code)
        category = unicodedata.category(character)
        kind = _KINDS.get(category, _KINDS.get(category[0]))
        if character.isspace():
            kind = "blank"
        if kind and not (kind == "letter" and _is_ideograph(code)):
            codes[kind].append(code)
    letters, marks, digits, blanks = (_ranges(codes[kind]) for kind in codes)
    marks += "".join(map(chr, _SELECTORS[:1])) + "-" + chr(_SELECTORS[1])
    run = f"[{letters}{marks}{digits}]"
    numeral = f"[{digits}]+(?:[.,:][{digits}]+)+{run}*"
    joiner = f"(?:[.{_APOSTROPHES}]|[{_UNSEEN_JOINERS}]+)"
    part = f"(?:{numeral}|{run}+)"
    other = f"[^{letters}{marks}{digits}{blanks}][{marks}]*"
    return WordPatterns(
        f"{part}(?:{joiner}{part})*|{other}",
        f"[{blanks}]+",
        f"(?:[nN][{_APOSTROPHES}][tT]|[{_APOSTROPHES}](?:[sSmMdD]|[lL][lL]|[rR][eE]|[vV][eE]))$",
    )


@cache
def _compiled() -> tuple[re.Pattern[str], re.Pattern[str]]:
    patterns = word_patterns()
    return re.compile(patterns.word), re.compile(patterns.ending)


def _is_ideograph(code: int) -> bool:
    return any(first <= code <= last for first, last in _IDEOGRAPHS)


def _ranges(codes: list[int]) -> str:
    """What a class of characters in a regular expression has between its brackets."""
    parts = []
    first = 0
    for place, code in enumerate(codes):
        if place + 1 == len(codes) or codes[place + 1] > code + 1:
            parts.append(_escaped(codes[first]))
            if place > first:
                parts.append("-" + _escaped(code))
            first = place + 1
    return "".join(parts)


def _escaped(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x80 else chr(code)
