"""Very long sentences in pieces: a chain is computed word after word, and all pieces at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfp_dgm.tagging.chain_fitting import Legal

_LONGEST = 500  # Words of a sentence that is trained on whole.


def piece_lengths(known: Sequence[np.ndarray], legal: Legal) -> np.ndarray:
    """The lengths of the pieces that sentences are trained on in, one sentence behind the other.

    A sentence of more than 500 words is cut where it may end and another begin under its
    annotation, as after a word that is in no span: preferably where this is known, else where it is
    left open. What the cuts lose is the potential of the move between two words, and that labels of
    words without annotation may go on over them; words at a cut are still told by all their
    neighbours. Where no cut is legal, a piece is longer.

    Args:
      known: of each sentence bool [T, K]; the labels that its annotation leaves open.
      legal: bool [K], [K, K], [K].
    """
    return np.array([length for allowed in known for length in _pieces(allowed, legal)], np.int64)


def _pieces(allowed: np.ndarray, legal: Legal) -> list[int]:
    size = len(allowed)
    if size <= _LONGEST:
        return [size]
    initial, _, final = legal
    possible = _possible(allowed, legal)
    # Before word t, t = 1 ..: whether the sentence may be cut there, and whether it is known to be.
    before, behind = possible[:-1], possible[1:]
    may = np.asarray((before & final).any(axis=1) & (behind & initial).any(axis=1))
    must = may & ~(before & ~final).any(axis=1) & ~(behind & ~initial).any(axis=1)
    cuts = [0]
    while size - cuts[-1] > _LONGEST:
        begin, end = cuts[-1] + _LONGEST // 2 - 1, cuts[-1] + _LONGEST
        for safe in (must, may):
            places = begin + np.flatnonzero(safe[begin:end])
            if len(places):
                cuts.append(int(places[-1]) + 1)
                break
        else:
            later = end + np.flatnonzero(may[end:])
            if not len(later):
                break
            cuts.append(int(later[0]) + 1)
    return np.diff([*cuts, size]).tolist()


def _possible(allowed: np.ndarray, legal: Legal) -> np.ndarray:
    """bool [T, K]; whether a legal sequence that the annotation leaves open has the label there."""
    initial, moves, final = legal
    found = allowed.copy()
    found[0] &= initial
    for place in range(1, len(found)):
        found[place] &= moves[found[place - 1]].any(axis=0)
    found[-1] &= final
    for place in range(len(found) - 2, -1, -1):
        found[place] &= moves[:, found[place + 1]].any(axis=1)
    return found
