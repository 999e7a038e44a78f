"""What is doubtful in tagged sentences, a sentence each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from tfp_dgm.data.data_error import listing, shorten
from tfp_dgm.data.tag_scheme import OUTSIDE, PLAIN, TagScheme, split_tag
from tfp_dgm.data.tagged_files.raw_sentences import RawSentence
from tfp_dgm.data.visible_text import is_blank

_LINES_SHOWN = 5
_LONG = 1000
_MANY, _MOST = 20, 0.9
_NUMBER = re.compile(r"[0-9.]+")


def illegal_tags(
    sentences: Sequence[RawSentence], tags: Sequence[list[tuple[str, ...]]], scheme: TagScheme
) -> Iterator[str]:
    """Tags that cannot follow those before them."""
    if scheme.kind == PLAIN:
        return
    places = []
    example = ""
    for sentence, options in zip(sentences, tags, strict=True):
        for word in scheme.illegal(options):
            if not example:
                before = "|".join(options[word - 1]) if word else "the beginning"
                now = "|".join(options[word]) if word < len(options) else "the end"
                example = f"{now} after {before}"
            places.append(sentence.place(min(word, len(options) - 1)))
    if places:
        yield (
            f"{_count(places, 'tag')} cannot follow what stands before in {scheme.kind}, such as "
            f"{example}: {listing(places, _LINES_SHOWN)}; a span is taken to begin or to end there"
        )


def odd_tags(tags: Sequence[list[tuple[str, ...]]], scheme: TagScheme) -> Iterator[str]:
    """Tags that are of no tag's kind, and those that are too rare."""
    counts = Counter(option for options in tags for tag in options for option in tag)
    if counts and all(tag in ("Yes", "No") or _NUMBER.fullmatch(tag) for tag in counts):
        yield (
            f"tags such as {listing([shorten(tag) for tag in counts], 3)} are like those that are "
            "added to a file; is it the output of an earlier run? `tag_column` says where tags are"
        )
    once = [tag for tag, count in counts.items() if count == 1]
    if scheme.kind != PLAIN:
        begun = Counter(
            name
            for options in tags
            for tag in options
            for letter, name in (split_tag(option, lower=scheme.lower) for option in tag)
            if letter != OUTSIDE
        )
        once = [name for name, count in begun.items() if count == 1]
    if once:
        what = "tag" if scheme.kind == PLAIN else "type of spans"
        names = listing([shorten(name) for name in once])
        yield f"{_count(once, what)} at one word only: {names}; tag more words with them"


def odd_sentences(sentences: Sequence[RawSentence]) -> Iterator[str]:
    """Sentences that are very long, and words that cannot be seen."""
    longest = max(sentences, key=lambda sentence: len(sentence.tokens), default=None)
    if longest is not None and len(longest.tokens) > _LONG:
        yield (
            f"a sentence of {len(longest.tokens):,} words from {longest.place(0)} on; is a "
            "blank line missing between sentences?"
        )
    single = sum(len(sentence.tokens) == 1 for sentence in sentences)
    if len(sentences) >= _MANY and single > _MOST * len(sentences):
        yield (
            f"{single:,} of {len(sentences):,} sentences have one word only; are there blank lines "
            "between words?"
        )
    unseen = [
        sentence.place(place)
        for sentence in sentences
        for place, token in enumerate(sentence.tokens)
        if not token.isascii() and is_blank(token)
    ]
    if unseen:
        yield f"{_count(unseen, 'word')} of characters that cannot be seen: {listing(unseen)}"


def _count(items: Sequence[object], noun: str) -> str:
    if len(items) == 1:
        return f"1 {noun}"
    first, _, rest = noun.partition(" ")
    return f"{len(items):,} {first}s {rest}".rstrip()
