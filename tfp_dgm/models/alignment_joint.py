"""What objectives are given of a text's latent alignments, position by position."""

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm import objectives
from tfp_dgm.distributions import AlignedText


def alignment_joint(
    owner: object, text: AlignedText, posterior: tfd.OneHotCategorical, *, training: bool = False
) -> objectives.Joint:
    """p(x_t, z_t | x_<t, c) and q(z_t | x, c) of each token; batch shape [*batch, T].

    At PAD the likelihood is 0 nats and the posterior the prior, so that no bound counts it.

    Args:
      owner: the model.
      text: batch shape [*batch].
      posterior: batch shape [..., T], which broadcasts to [*batch, T], events [M].
      training: as of the model's call.
    """
    guessed = tf.broadcast_to(posterior.logits_parameter(), tf.shape(text.log_prior))
    logits = tf.where(text.is_token[..., tf.newaxis], guessed, text.log_prior)
    static = text.log_prior.shape

    def one_hot(logits: tf.Tensor) -> tfd.OneHotCategorical:
        return tfd.OneHotCategorical(logits=tf.ensure_shape(logits, static), dtype=tf.float32)

    return objectives.Joint(
        owner,
        log_likelihood=text.log_likelihood,
        prior=lambda: one_hot(text.log_prior),
        posterior=lambda: one_hot(logits),
        training=training,
    )
