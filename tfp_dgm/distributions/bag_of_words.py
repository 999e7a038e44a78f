"""Bag of words: exchangeable tokens, with the length of the text given."""

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import distributions as tfd


class BagOfWords(tfd.Distribution):
    """Counts of V words in a text of a given length, each token drawn independently.

        log_prob(counts) = sum_v counts[v] log softmax(logits)[v]

    This is the log-probability of the tokens in one given order: the multinomial coefficient, which
    no parameter enters, is left out, as is usual for neural topic models [1]. Perplexities then
    compare with those of sequence models, and damped counts (log(1 + count)) are legitimate.
    `tfd.Multinomial` is the same family with the coefficient, for one known total count.

    Args:
      logits: float32 [..., V].
      total_count: tokens per text for `sample` and `mean`; a scalar or [...].
    References:
      [1] Miao, Yu and Blunsom. Neural Variational Inference for Text Processing. ICML 2016.
        arXiv:1511.06038
    """

    def __init__(
        self,
        logits: Any,
        total_count: Any = 1.0,
        *,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "BagOfWords",
    ) -> None:
        parameters = dict(locals())
        with tf.name_scope(name) as name:
            self._logits = tf.convert_to_tensor(logits, dtype_hint=tf.float32, name="logits")
            self._total_count = tf.convert_to_tensor(
                total_count, dtype=self._logits.dtype, name="total_count"
            )
            super().__init__(
                dtype=self._logits.dtype,
                reparameterization_type=tfd.NOT_REPARAMETERIZED,
                validate_args=validate_args,
                allow_nan_stats=allow_nan_stats,
                parameters=parameters,
                name=name,
            )

    @classmethod
    def _parameter_properties(cls, dtype: Any, num_classes: int | None = None) -> dict[str, Any]:
        return {
            "logits": tfp.util.ParameterProperties(event_ndims=1),
            "total_count": tfp.util.ParameterProperties(),
        }

    @property
    def logits(self) -> tf.Tensor:
        """float32 [..., V], unnormalised."""
        return self._logits

    @property
    def total_count(self) -> tf.Tensor:
        """Tokens per text, as `sample` and `mean` take it."""
        return self._total_count

    def _event_shape(self) -> tf.TensorShape:
        return tf.TensorShape([self._logits.shape[-1]])

    def _event_shape_tensor(self) -> tf.Tensor:
        return tf.shape(self._logits)[-1:]

    def _log_prob(self, counts: tf.Tensor) -> tf.Tensor:
        # sum_v c_v (l_v - logsumexp l): one product and no [..., V] tensor of log-probabilities.
        weighted = tf.reduce_sum(counts * self._logits, axis=-1)
        normaliser = tf.reduce_logsumexp(self._logits, axis=-1)
        return weighted - tf.reduce_sum(counts, axis=-1) * normaliser

    def _multinomial(self) -> tfd.Distribution:
        return tfd.Multinomial(self._total_count, logits=self._logits)

    def _sample_n(self, n: tf.Tensor, seed: Any = None) -> tf.Tensor:
        return self._multinomial().sample(n, seed=seed)

    def _mean(self) -> tf.Tensor:
        return self._multinomial().mean()
