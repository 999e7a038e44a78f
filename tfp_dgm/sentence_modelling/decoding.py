"""The likeliest texts of a distribution."""

import tensorflow as tf

from tfp_dgm.distributions import TokenSequence
from tfp_dgm.inference import beam_search, greedy

AT_ONCE = 64  # Texts that are decoded together.


def likeliest(texts: TokenSequence, beam_size: int) -> tf.Tensor:
    """Token ids [B, T] of the best text that a beam of this size finds; of size 1, greedily."""
    if beam_size == 1:
        return greedy(texts)
    return beam_search(texts, beam_size)[0][:, 0]
