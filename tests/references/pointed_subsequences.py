"""The subsequences of a text, and a pointer's probabilities of them in float64."""

import itertools

import numpy as np
from scipy.special import logsumexp

from tests.references.recurrent_text import lstm_step

END, START = 2, 1


def subsequences(words, most, least=0):
    """All different ones of at least and at most so many words, as tuples, in some order."""
    return sorted(
        {
            tuple(words[place] for place in places)
            for size in range(least, min(most, len(words)) + 1)
            for places in itertools.combinations(range(len(words)), size)
        }
    )


def pointed_log_prob(weights, z, words, keys, chosen, most, least=0):
    """log q of the words `chosen`, then END.

    Args:
      weights: see `recurrent_text.weights_of`; of a conditioned LSTM.
      z: [Z].
      words: T of them.
      keys: [T, F].
      chosen: a subsequence.
      most: how many words it may have.
      least: how many it must have; there are subsequences of so many.
    """
    state = np.tanh(z @ weights["state"] + weights["state_bias"])
    h, c = np.split(state, 2)
    last, total, left = START, 0.0, 0
    for number, token in enumerate([*chosen, END]):
        h, c = lstm_step(weights, last, h, c, z @ weights["condition"])
        of_end = h @ weights["output"][END] + weights["output_bias"][END]
        # Behind the last open place stand as many words as then are wanting.
        stop = len(words) - max(least - number - 1, 0)
        open_places = range(left, stop) if number < most else []
        scores = {place: h @ keys[place] for place in open_places}
        ends = [] if number < least else [of_end]
        log_z = logsumexp([*scores.values(), *ends])
        if token == END:
            return total + of_end - log_z
        same = [place for place in scores if words[place] == token]
        total += logsumexp([scores[place] for place in same]) - log_z
        last, left = token, same[0] + 1
    raise AssertionError("a text without END")
