"""A Bernoulli variable by its logit, for many of them at once."""

import tensorflow as tf
from tensorflow_probability import distributions as tfd


class LogitBernoulli(tfd.Bernoulli):
    """Bernoulli distribution by finite logits, with half of the arithmetic.

        log p(x) = x logit - softplus(logit)

    `tfd.Bernoulli` computes both outcomes' log-probabilities, which lets logits be infinite; where
    images have hundreds of pixels that is most of the work beside the matrix products. Values
    between 0 and 1 get the cross-entropy, as there.

    Args:
      logits: finite.
      **kwargs: `dtype`, `validate_args`, `allow_nan_stats`, `name`, as for `tfd.Bernoulli`.
    """

    def _log_prob(self, event: tf.Tensor) -> tf.Tensor:
        logits = self.logits_parameter()
        return tf.cast(event, logits.dtype) * logits - tf.math.softplus(logits)
