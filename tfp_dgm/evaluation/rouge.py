"""ROUGE: how much of a reference's words a short text holds."""

from collections import Counter
from collections.abc import Sequence


def rouge_scores(
    candidates: Sequence[Sequence[str]], references: Sequence[Sequence[str]]
) -> dict[str, float]:
    """ROUGE-1, ROUGE-2 and ROUGE-L of N texts, each against one reference [1].

        P = matches / n-grams of the candidate,   R = matches / n-grams of the reference
        F = 2 P R / (P + R)

    An n-gram matches as often as it stands in both; of ROUGE-L, the matches are the words of a
    longest common subsequence. Words are compared as they are, without stemming. Where there is no
    match, F is 0.

    Args:
      candidates: N lists of words.
      references: N lists of words.
    Returns:
      A dict with `rouge_1`, `rouge_2` and `rouge_l`, means of F over the texts, from 0 to 1.
    Raises:
      ValueError: if there are no texts, or not as many references.
    References:
      [1] Lin. ROUGE: A Package for Automatic Evaluation of Summaries. ACL workshop Text
        Summarization Branches Out, 2004.
    """
    if not candidates or len(candidates) != len(references):
        raise ValueError(
            "rouge_scores: expected as many candidates as references, at least one; received "
            f"{len(candidates)} and {len(references)}"
        )
    pairs = list(zip(candidates, references, strict=True))
    return {
        "rouge_1": sum(_of_grams(one, other, 1) for one, other in pairs) / len(pairs),
        "rouge_2": sum(_of_grams(one, other, 2) for one, other in pairs) / len(pairs),
        "rouge_l": sum(_of_subsequences(one, other) for one, other in pairs) / len(pairs),
    }


def longest_common_subsequence(one: Sequence[str], other: Sequence[str]) -> list[str]:
    """Words in the order of both texts, as many as there are; of several, one."""
    # lengths[i][j]: of one[i:] and other[j:].
    lengths = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i in reversed(range(len(one))):
        for j in reversed(range(len(other))):
            same = 1 + lengths[i + 1][j + 1] if one[i] == other[j] else 0
            lengths[i][j] = max(same, lengths[i + 1][j], lengths[i][j + 1])
    words, i, j = [], 0, 0
    while i < len(one) and j < len(other):
        if one[i] == other[j]:
            words.append(one[i])
            i, j = i + 1, j + 1
        elif lengths[i + 1][j] >= lengths[i][j + 1]:
            i += 1
        else:
            j += 1
    return words


def _of_grams(one: Sequence[str], other: Sequence[str], order: int) -> float:
    counts = [
        Counter(tuple(words[i : i + order]) for i in range(len(words) - order + 1))
        for words in (one, other)
    ]
    matches = (counts[0] & counts[1]).total()
    return _f_measure(matches, counts[0].total(), counts[1].total())


def _of_subsequences(one: Sequence[str], other: Sequence[str]) -> float:
    return _f_measure(len(longest_common_subsequence(one, other)), len(one), len(other))


def _f_measure(matches: int, of_candidate: int, of_reference: int) -> float:
    """2 P R / (P + R), which is this."""
    return 2 * matches / (of_candidate + of_reference) if matches else 0.0
