"""Induced constituents beside those that people drew, and beside trees without thought."""

from collections.abc import Callable, Sequence

import numpy as np

from tfp_dgm.evaluation import unlabelled_f1

Spans = set[tuple[int, int]]
Part = Callable[[int, int], int]
_RANDOM_TREES = 10  # Of each sentence.


def constituent_scores(
    gold: Sequence[Spans], induced: Sequence[Spans], lengths: Sequence[int], max_length: int
) -> dict[str, float]:
    """F1 of unlabelled brackets, of short sentences and of all.

    Beside it those of trees that branch to the right, to the left, in halves ("balanced") and where
    chance has it ("random": every place that parts a phrase is as likely; the mean over ten trees
    of each sentence).

    Args:
      gold, induced: the first and the last word of phrases, see `unlabelled_f1`.
      lengths: words of each sentence; those of less than two count for nothing.
      max_length: words of a short sentence, at most.
    Returns:
      "f1", "f1_right_branching" and so on of the short sentences, where there are any; the same
      with "_any_length" of all.
    """
    found: dict[str, float] = {}
    for ending, longest in (("", max_length), ("_any_length", max(lengths))):
        rows = [i for i, length in enumerate(lengths) if 2 <= length <= longest]
        if not rows:
            continue
        few = [lengths[i] for i in rows]
        wanted = [gold[i] for i in rows]
        found[f"f1{ending}"] = unlabelled_f1(wanted, [induced[i] for i in rows], few)
        for name, (part, times) in _guesses().items():
            of_trees = [
                unlabelled_f1(wanted, [tree(length, part) for length in few], few)
                for _ in range(times)
            ]
            found[f"f1_{name}{ending}"] = float(np.mean(of_trees))
    return found


def _guesses() -> dict[str, tuple[Part, int]]:
    """How phrases are parted, and how many trees are drawn so."""
    random = np.random.default_rng(0)
    return {
        "right_branching": (lambda first, last: first, 1),
        "left_branching": (lambda first, last: last - 1, 1),
        "balanced": (lambda first, last: (first + last) // 2, 1),
        "random": (lambda first, last: int(random.integers(first, last)), _RANDOM_TREES),
    }


def tree(length: int, part: Part) -> Spans:
    """The phrases of two words or more of a binary tree.

    Args:
      length: of the sentence.
      part: first and last word of a phrase -> the last word of its left half.
    """
    spans, open_spans = set(), [(0, length - 1)]
    while open_spans:
        first, last = open_spans.pop()
        if first < last:
            spans.add((first, last))
            left = part(first, last)
            open_spans += [(first, left), (left + 1, last)]
    return spans
