"""Words of a text, found character by character from Unicode's categories."""

import unicodedata

APOSTROPHES = "'\u2019"
ENDINGS = {"s", "m", "d", "ll", "re", "ve"}


def words(text):
    """Begin and end of each word."""
    found = []
    place = 0
    while place < len(text):
        if _is_blank(text[place]):
            place += 1
        elif _in_run(text[place]):
            end = _part(text, place)
            while (after := _joined(text, end)) is not None:
                end = _part(text, after)
            found += _cut(text, place, end)
            place = end
        else:
            end = place + 1
            while end < len(text) and _kind(text[end]) == "M":
                end += 1
            found.append((place, end))
            place = end
    return found


def _kind(character):
    return unicodedata.category(character)[0]


def _is_blank(character):
    category = unicodedata.category(character)
    return category in ("Cc", "Cf") or category[0] == "Z" or character.isspace()


def _in_run(character):
    kind = _kind(character)
    name = unicodedata.name(character, "")
    # Ideographs and kana by their names: a letter each.
    alone = kind == "L" and (
        name.startswith(("CJK UNIFIED", "CJK COMPATIBILITY IDEOGRAPH"))
        or (name.startswith(("HIRAGANA", "KATAKANA")) and character < "\u3100")
    )
    return kind in "LMN" and not alone


def _part(text, place):
    end = place
    while end < len(text) and _kind(text[end]) == "N":
        end += 1
    numeral = False
    while (
        end > place
        and text[end : end + 1] in (".", ",", ":")
        and _kind(text[end + 1 : end + 2] or " ") == "N"
    ):
        numeral = True
        end += 1
        while end < len(text) and _kind(text[end]) == "N":
            end += 1
    end = end if numeral else place
    while end < len(text) and _in_run(text[end]):
        end += 1
    return end


def _joined(text, end):
    """Where a word goes on behind a joiner; None where it ends."""
    after = end
    if text[end : end + 1] in (".", *APOSTROPHES):
        after += 1
    else:
        while text[after : after + 1] in ("\u200c", "\u200d", "\u00ad"):
            after += 1
    return after if end < after < len(text) and _in_run(text[after]) else None


def _cut(text, place, end):
    word = text[place:end].lower().replace("\u2019", "'")
    head, apostrophe, tail = word.rpartition("'")
    size = 0
    if apostrophe and tail == "t" and head.endswith("n"):
        size = 3
    elif apostrophe and tail in ENDINGS:
        size = len(tail) + 1
    if size in (0, end - place):
        return [(place, end)]
    return [(place, end - size), (end - size, end)]
