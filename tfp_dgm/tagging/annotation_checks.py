"""What a tagger can be taught: annotations that fit their sentences and leave something legal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfp_dgm.tagging.chain_fitting import Legal, legal_words
from tfp_dgm.tagging.packed_chains import PackedSentences, chain_sums


def annotated_sentences(
    tokens: Sequence[Sequence[str]],
    allowed: Sequence[np.ndarray | None],
    labels: Sequence[str],
    legal: Legal,
) -> np.ndarray:
    """The numbers of the sentences of which something is known.

    Raises:
      ValueError: if shapes disagree, a token is missing or empty, or nothing is known of any.
    """
    size = len(labels)
    shapes = tuple(part.shape for part in legal)
    if shapes != ((size,), (size, size), (size,)):
        raise ValueError(
            f"legal: expected the shapes [{size}], [{size}, {size}] and [{size}]; received {shapes}"
        )
    if len(allowed) != len(tokens):
        raise ValueError(
            f"allowed: expected {len(tokens)} sentences, as in `tokens`; received {len(allowed)}"
        )
    found = []
    for number, (sentence, known) in enumerate(zip(tokens, allowed, strict=True)):
        check_tokens(sentence, number)
        if known is None:
            continue
        if np.shape(known) != (len(sentence), size):
            raise ValueError(
                f"allowed: expected shape [{len(sentence)}, {size}] in sentence {number}; received "
                f"{np.shape(known)}"
            )
        if not np.all(known):
            found.append(number)
    if not found:
        raise ValueError("allowed: expected at least one annotated token; received none")
    return np.array(found)


def check_tokens(sentence: Sequence[str], number: int) -> None:
    """Refuses what is no sentence of words.

    Args:
      sentence: of `tokens`.
      number: its number, from 0.
    Raises:
      ValueError: names the sentence.
    """
    several = not isinstance(sentence, str) and isinstance(sentence, Sequence | np.ndarray)
    if not several or not len(sentence) or not all(isinstance(w, str) and w for w in sentence):
        raise ValueError(
            f"tokens: expected strings that are not empty, at least one; received {sentence!r} in "
            f"sentence {number}"
        )


def require_possible(
    annotated: np.ndarray, allowed: Sequence[np.ndarray | None], legal: Legal
) -> None:
    """Raises unless each annotation leaves a legal sequence of labels.

    Raises:
      ValueError: if one does not; names its sentence.
    """
    known = [np.asarray(allowed[row], bool) for row in annotated]
    packed = PackedSentences([len(rows) for rows in known])
    left = np.concatenate(known)[packed.order] & legal_words(packed, legal)
    moves = np.where(legal[1], 0.0, -np.inf)
    possible = np.isfinite(chain_sums(packed, np.zeros(left.shape), moves, left).log_partition)
    if not possible.all():
        number = annotated[packed.sentences[np.argmin(possible)]]
        raise ValueError(
            f"allowed: expected labels of which a legal sequence can be made; received none such "
            f"in sentence {number}"
        )
