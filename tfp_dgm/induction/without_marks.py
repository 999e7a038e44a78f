"""Sentences without punctuation, which has no part in what is learned or scored."""

from collections.abc import Iterable, Sequence

import numpy as np

from tfp_dgm.evaluation import without_punctuation
from tfp_dgm.induction.sentences import Sentences

# Of the Penn Treebank: words without a letter, and marks of letters.
_WORDS = {"%", "&"}
_MARKS = {"-LRB-", "-RRB-", "-LCB-", "-RCB-"}


def kept_words(sentences: Sentences) -> list[list[bool]]:
    """Of each word, whether it is more than a mark.

    A mark is what the universal tag PUNCT says; where that column is empty, what has neither letter
    nor digit, but for % and &.
    """
    if sentences.annotations is None:
        return [[not _is_mark(word) for word in row] for row in sentences.words]
    return [
        [
            not _is_mark(word) if tag == "_" else tag != "PUNCT"
            for word, tag in zip(row.words, row.upos, strict=True)
        ]
        for row in sentences.annotations
    ]


def gold_heads(sentences: Sentences, kept: Sequence[Sequence[bool]]) -> list[list[int]] | None:
    """The heads among the words that are kept, counted anew; None unless every word has one.

    Below a mark, a word hangs at the next word above that is kept.
    """
    rows = [row.heads for row in sentences.annotations or []]
    if not rows or any(head is None for row in rows for head in row):
        return None
    found = []
    for heads, chosen in zip(rows, kept, strict=True):
        places = [0, *np.cumsum(chosen).tolist()]
        above = [_next_kept(heads, chosen, word) for word in range(1, len(heads) + 1)]
        found.append([places[head] for head, keep in zip(above, chosen, strict=True) if keep])
    return found


def gold_spans(
    sentences: Sentences, kept: Sequence[Sequence[bool]]
) -> list[set[tuple[int, int]]] | None:
    """The phrases among the words that are kept, counted anew; None where there are no trees."""
    if sentences.spans is None:
        return None
    return [
        without_punctuation(spans, chosen)
        for spans, chosen in zip(sentences.spans, kept, strict=True)
    ]


def _next_kept(heads: Sequence[int | None], kept: Sequence[bool], word: int) -> int:
    head = heads[word - 1] or 0
    while head and not kept[head - 1]:
        head = heads[head - 1] or 0
    return head


def with_marks(heads: Sequence[int], kept: Sequence[bool]) -> list[int]:
    """Heads of all words, of those of the kept ones: marks hang at the root's word.

    Where nothing is kept, the first mark is the root's.
    """
    places = [0, *(i for i, keep in enumerate(kept, start=1) if keep)]
    if len(places) == 1:
        return [0, *[1] * (len(kept) - 1)]
    root = places[1 + list(heads).index(0)]
    of_kept = iter(heads)
    return [places[next(of_kept)] if keep else root for keep in kept]


def spans_with_marks(
    spans: Iterable[tuple[int, int]], kept: Sequence[bool]
) -> set[tuple[int, int]]:
    """Phrases of the words that are kept, as phrases of all: marks between words are inside."""
    places = [place for place, keep in enumerate(kept) if keep]
    return {(places[first], places[last]) for first, last in spans}


def _is_mark(word: str) -> bool:
    if word in _WORDS:
        return False
    return word in _MARKS or not any(character.isalnum() for character in word)
