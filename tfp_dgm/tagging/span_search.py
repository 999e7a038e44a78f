"""How readily a path leaves what is no span: by the expected F1 of the spans that are found."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from tfp_dgm.tagging.chain_answers import moves_of_sums, penalty_of_states
from tfp_dgm.tagging.chain_fitting import Legal, legal_words
from tfp_dgm.tagging.packed_chains import PackedSentences, best_paths, chain_sums
from tfp_dgm.tagging.span_marginals import FoundSpan, path_probability, span_states, spans_of_path

_PENALTIES = (0.0, 0.4, 0.8, 1.2, 1.6, 2.0, 2.5, 3.0)
_SENTENCES = 2000  # Are enough to choose one of these by.


def outside_penalty(
    chains: Sequence[tuple[list[np.ndarray], np.ndarray]], legal: Legal, labels: Sequence[str]
) -> float:
    """What "O" is to lose for the spans of the best path to have the highest expected F1.

    The most probable path names only spans that are likelier than not, and where spans are hard to
    tell it finds few of them. With p the exact probability of each span that is found,

        expected F1 = 2 sum p / (number found + expected number of all spans)

    (after Jansche 2007). Nothing of this changes a probability.

    Args:
      chains: tempered potentials [T, K] of sentences, and the transitions [K, K] of a model that
        was trained without them.
      legal: bool [K], [K, K], [K].
      labels: K names; where they are no spans, there is no penalty.
    """
    states = span_states(labels)
    if not states:
        return 0.0
    begins = [state for begin, _, _, single in states.values() for state in (begin, single)]
    right, found = np.zeros(len(_PENALTIES)), np.zeros(len(_PENALTIES))
    expected = 0.0
    share = max(1, sum(len(unary) for unary, _ in chains) // _SENTENCES)
    for unary, transitions in chains:
        some = unary[::share]
        packed = PackedSentences([len(potential) for potential in some])
        flat = np.concatenate(some)[packed.order].astype(np.float64)
        flat = np.where(legal_words(packed, legal), flat, -np.inf)
        moves = np.where(legal[1], transitions, -np.inf)
        sums = chain_sums(packed, flat, moves)
        expected += sums.marginals[:, begins].sum()
        marginals = packed.unpacked(sums.marginals)
        places = packed.unpacked(np.arange(len(flat)))
        bounds = np.cumsum([0, *(len(potential) for potential in some)])
        for number, penalty in enumerate(_PENALTIES):
            biased = flat - penalty_of_states(penalty, labels)
            paths = packed.unpacked(best_paths(packed, biased, moves))
            for start, end in itertools.pairwise(bounds):
                here = slice(start, end)
                for first, last, name in spans_of_path(paths[here], labels):
                    span = FoundSpan(first, last, name, 0.0)
                    move = moves_of_sums(sums, places[here])
                    right[number] += path_probability(marginals[here], move, span, states[name])
                    found[number] += 1
    return _PENALTIES[int(np.argmax(2 * right / np.maximum(found + expected, 1e-12)))]
