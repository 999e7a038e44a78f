"""Which sentences to annotate next: those whose doubtful words many other sentences share."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np

_REPEATED = 0.4  # What a doubtful word is worth once more, after each sentence that has it.
_OVERHEAD = 5  # What a sentence takes to be annotated beside its words, in words.


def sentences_to_annotate(
    tokens: Sequence[Sequence[str]], doubt: Sequence[np.ndarray], count: int
) -> list[int]:
    """The numbers of sentences, best first: a greedy choice of doubt and variety.

        worth = sum over the different words of (doubt in the sentence
                * log(1 + doubt of that word in all sentences) * 0.4^(times it was chosen before))
                / (words + 5)

    A word that is doubtful in many places teaches about all of them, but once.

    Args:
      tokens: S lists of words.
      doubt: S arrays [T]; the probability that a word's tag is wrong, 0 where it is known.
      count: how many sentences, at most; those without doubt are not among them.
    """
    of_word: dict[str, float] = {}
    sentences: list[dict[str, float]] = []
    for words, wrong in zip(tokens, doubt, strict=True):
        own: dict[str, float] = {}
        for word, probability in zip(words, wrong, strict=True):
            form = word.lower()
            own[form] = max(own.get(form, 0.0), float(probability))
            of_word[form] = of_word.get(form, 0.0) + float(probability)
        sentences.append(own)
    left = {form: float(np.log1p(total)) for form, total in of_word.items()}

    def worth(number: int) -> float:
        gained = sum(wrong * left[form] for form, wrong in sentences[number].items())
        return gained / (len(tokens[number]) + _OVERHEAD)

    heap = [(-worth(number), number) for number in range(len(tokens))]
    heapq.heapify(heap)
    chosen: list[int] = []
    while heap and len(chosen) < count:
        value, number = heapq.heappop(heap)
        now = worth(number)  # It only falls as others are chosen.
        if now <= 0:
            continue
        if now < -value * (1 - 1e-9):
            heapq.heappush(heap, (-now, number))
            continue
        chosen.append(number)
        for form in sentences[number]:
            left[form] *= _REPEATED
    return chosen
