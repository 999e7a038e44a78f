"""KL(posterior || prior), in closed form where there is one."""

import tensorflow as tf
from tensorflow_probability import distributions as tfd


def divergence(
    posterior: tfd.Distribution, prior: tfd.Distribution, log_ratio: tf.Tensor
) -> tf.Tensor:
    """KL(q(z | x) || p(z)), [B]; its estimate from draws where TFP registers no closed form.

    Args:
      posterior: batch shape [B].
      prior: batch shape [B] or [].
      log_ratio: [S, B]; log q(z | x) - log p(z) of draws z from q.
    """
    # TFP's closed form of joint distributions is for independent layers only, and raises else.
    if not isinstance(posterior, tfd.JointDistribution):
        try:
            return tfd.kl_divergence(posterior, prior)
        except NotImplementedError:
            pass
    return tf.reduce_mean(log_ratio, axis=0)
