"""Agreement of induced trees with those that people drew, by the conventions of the field.

What is scored is what a sentence without punctuation says: a word whose `kept` is false has no part
in any figure (as the head of another it may stand, wrong or right). Figures are over all words, and
of brackets over sentences.
"""

from collections.abc import Iterable, Sequence

import numpy as np

Span = tuple[int, int]


def attachment_scores(
    gold: Sequence[Sequence[int]],
    induced: Sequence[Sequence[int]],
    kept: Sequence[Sequence[bool]] | None = None,
) -> dict[str, float]:
    """Shares of words that hang where they should.

    "directed" asks for the right head, "undirected" for the right arc, whichever end is the head
    (Klein and Manning 2004): a word is right, too, whose gold head hangs at it or that hangs at its
    gold dependent.

    Args:
      gold, induced: sentences of heads [T], 1 .. T, 0 for the root.
      kept: of each word, whether it is scored; all by default.
    Returns:
      "directed" and "undirected", from 0 to 1.
    Raises:
      ValueError: if lengths differ, or no word is scored.
    """
    right = together = words = 0
    for ours, theirs, chosen in _aligned(gold, induced, kept):
        arcs = {frozenset((place, head)) for place, head in enumerate(ours, start=1)}
        for place, (head, found) in enumerate(zip(ours, theirs, strict=True), start=1):
            if chosen[place - 1]:
                words += 1
                right += found == head
                together += frozenset((place, found)) in arcs
    if not words:
        raise ValueError("kept: expected a word to be scored; received none")
    return {"directed": right / words, "undirected": together / words}


def unlabelled_f1(
    gold: Iterable[Iterable[Span]], induced: Iterable[Iterable[Span]], lengths: Sequence[int]
) -> float:
    """The mean over sentences of the F1 of their brackets, labels left aside.

    Brackets of one word and of the whole sentence are trivial, and left out; the same words in
    several brackets count once. A sentence without gold brackets scores 1 if none was found, as in
    Kim, Dyer and Rush (2019) [1]. Sentences of one word are left out.

    Args:
      gold, induced: brackets of sentences, from a first word to a last, counted from 0.
      lengths: words of each sentence; punctuation is taken out before (`without_punctuation`).
    Returns:
      From 0 to 1.
    Raises:
      ValueError: if there are not as many sentences, or none of two words.
    References:
      [1] Kim, Dyer and Rush. Compound Probabilistic Context-Free Grammars for Grammar Induction.
        ACL 2019. arXiv:1906.10225
    """
    scores = []
    for ours, theirs, length in zip(gold, induced, lengths, strict=True):
        if length < 2:
            continue
        wanted, found = (_proper(spans, length) for spans in (ours, theirs))
        both = 2 * len(wanted & found)
        total = len(wanted) + len(found)
        scores.append(both / total if total else 1.0)
    if not scores:
        raise ValueError("lengths: expected a sentence of two words or more; received none")
    return float(np.mean(scores))


def without_punctuation(spans: Iterable[Span], kept: Sequence[bool]) -> set[Span]:
    """Brackets of the words that are kept, counted anew; those that hold none are gone.

    Args:
      spans: brackets, from a first word to a last.
      kept: of each of the T words, whether it stays.
    """
    before = np.cumsum([0, *kept])  # Kept words ahead of each place.
    moved = ((int(before[first]), int(before[last + 1]) - 1) for first, last in spans)
    return {(first, last) for first, last in moved if first <= last}


def _proper(spans: Iterable[Span], length: int) -> set[Span]:
    return {(first, last) for first, last in spans if first < last} - {(0, length - 1)}


def _aligned(
    gold: Sequence[Sequence[int]],
    induced: Sequence[Sequence[int]],
    kept: Sequence[Sequence[bool]] | None,
) -> Iterable[tuple[Sequence[int], Sequence[int], Sequence[bool]]]:
    chosen = [[True] * len(heads) for heads in gold] if kept is None else kept
    lengths = [[len(row) for row in rows] for rows in (gold, induced, chosen)]
    if lengths[0] != lengths[1] or lengths[0] != lengths[2]:
        raise ValueError(
            "gold: expected as many sentences, and as many words of each, as in induced and kept; "
            f"received {len(gold)}, {len(induced)} and {len(chosen)} sentences of "
            f"{sum(lengths[0])}, {sum(lengths[1])} and {sum(lengths[2])} words"
        )
    return zip(gold, induced, chosen, strict=True)
