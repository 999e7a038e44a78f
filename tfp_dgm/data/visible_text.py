"""What a person sees of a text: Unicode has many spellings of one appearance."""

import unicodedata

# Format characters (zero-width spaces and joiners, the byte order mark, the soft hyphen, marks of
# direction), controls, and what Unicode's DerivedCoreProperties has as Default_Ignorable beside.
_UNSEEN_CATEGORIES = {"Cf", "Cc"}
_UNSEEN = {"\u034f", "\u115f", "\u1160", "\u17b4", "\u17b5", "\u3164", "\uffa0"}
_SELECTORS = (("\u180b", "\u180f"), ("\ufe00", "\ufe0f"), ("\U000e0100", "\U000e01ef"))
_QUOTES = str.maketrans(dict.fromkeys("\u2018\u2019\u201b\u02bc\u2032`\u00b4", "'"))


def is_blank(text: str) -> bool:
    """Returns whether nothing of a text can be seen: blanks and invisible characters only."""
    return not text.strip() or (not text.isascii() and not without_unseen(text).strip())


def without_unseen(text: str) -> str:
    """Returns the text without the characters that have no width, white space kept."""
    return "".join(character for character in text if character.isspace() or _is_seen(character))


def appearance(text: str) -> str:
    """Returns what texts that look alike share.

    Compatible forms (full-width letters, ligatures), accents in one character or two, invisible
    characters, the kinds of dash and apostrophe, case, and the number of blanks make no
    difference (NFKC and case folding as in Unicode Standard Annex 15 and section 3.13). Letters
    of other scripts, such as a Cyrillic and a Latin a, do.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", without_unseen(text).translate(_QUOTES))
        text = "".join("-" if unicodedata.category(c) == "Pd" else c for c in text)
    return unicodedata.normalize("NFC", " ".join(text.split()).casefold())


def spelling(text: str, limit: int = 100) -> str:
    """Returns `repr(text)`, in ASCII where others that look alike are written otherwise.

    Of a longer text than `limit` characters it returns the beginning, and three dots.
    """
    shown = text[:limit]
    plain = shown.isascii() or shown == unicodedata.normalize("NFC", without_unseen(shown))
    more = "..." if len(text) > limit else ""
    return f"{shown!r}{more}" if plain else f"{shown!a}{more}"


def beginning(text: str, limit: int = 100) -> str:
    """Returns a name as it stands, of a long one the beginning and three dots."""
    return text if len(text) <= limit else f"{text[:limit]}..."


def is_writable(text: str) -> bool:
    """Returns whether UTF-8 can hold a text: not where it has half a pair of UTF-16."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _is_seen(character: str) -> bool:
    if unicodedata.category(character) in _UNSEEN_CATEGORIES or character in _UNSEEN:
        return False
    return not any(first <= character <= last for first, last in _SELECTORS)
