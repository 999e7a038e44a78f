"""The missing ends of sentences."""

import tensorflow as tf

from tfp_dgm.distributions import point_estimate
from tfp_dgm.inference.beams import beam_search
from tfp_dgm.models import LanguageModel, TextVAE
from tfp_dgm.token_ids import END, PAD


def impute(
    model: TextVAE | LanguageModel,
    prefix: tf.Tensor,
    *,
    beam_size: int = 10,
    mode_steps: int = 0,
    length_penalty: float = 0.0,
) -> tf.Tensor:
    """Ends sentences of which the beginning is given.

    For a VAE the latent is the posterior's mean given the beginning alone (its mean direction on
    the unit sphere), and a beam search under p(x | z) writes the rest. Each of `mode_steps`
    iterated conditional modes [1] then takes that of the whole sentence and writes the end anew.

    Args:
      model: a language model has no latent, and searches once.
      prefix: int32 [B, P], rows filled with PAD, without END.
      beam_size: K.
      mode_steps: how often z and the end are found anew in turn; 0 for a language model.
      length_penalty: see `beam_search`.
    Returns:
      int32 [B, max_length]; each row begins with its prefix.
    Raises:
      ValueError: if `mode_steps` is not 0 for a language model, or negative.
    References:
      [1] Bowman et al. Generating Sentences from a Continuous Space. CoNLL 2016. arXiv:1511.06349,
        section 4
    """
    if mode_steps < 0 or (mode_steps and not isinstance(model, TextVAE)):
        raise ValueError(
            "impute: `mode_steps` must be >= 0, and 0 for a model without a latent; received "
            f"{mode_steps} for {type(model).__name__}"
        )
    prefix = tf.cast(tf.convert_to_tensor(prefix), tf.int32)
    search = {"beam_size": beam_size, "length_penalty": length_penalty, "prefix": prefix}
    if isinstance(model, LanguageModel):
        return beam_search(model.texts(tf.shape(prefix)[0]), **search)[0][:, 0]
    texts = closed(prefix)
    for _ in range(1 + mode_steps):
        z = point_estimate(model.posterior(texts))  # [B, Z]
        texts = beam_search(model.decode(z), **search)[0][:, 0]  # [B, T]
    return texts


def closed(prefix: tf.Tensor) -> tf.Tensor:
    """Rows [B, P] without END as texts [B, P + 1] with it."""
    padded = tf.pad(prefix, [[0, 0], [0, 1]], constant_values=PAD)
    lengths = tf.reduce_sum(tf.cast(prefix != PAD, tf.int32), axis=1, keepdims=True)
    return tf.where(tf.range(tf.shape(padded)[1]) == lengths, END, padded)
