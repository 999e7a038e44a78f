"""The latents that texts are written from."""

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.inference.drawing import draw

# Of numbers that no token of a text is drawn with.
_COUNTER = 1 << 20


def latents_of_texts(prior: tfd.Distribution, seeds: tf.Tensor) -> tf.Tensor:
    """One latent a row, by the row's own seed: the same in any batch, in Python and on a server.

    Args:
      prior: batch shape []; of a family that `draw` knows.
      seeds: int32 [B, 2]; `sample_texts` may draw the words by the same ones.
    Returns:
      float32 [B, Z].
    Raises:
      ValueError: if the prior is of another family.
    """
    return draw(prior, seeds, _COUNTER)[0]
