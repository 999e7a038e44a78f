"""Categorical variables, each given those before it by a small network of its own."""

from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions.supports import support_of


class NeuralAutoregressive(tfd.Distribution):
    """N categorical variables of K values each, one-hot, by neural autoregression (NADE [1]).

        p(z) = prod_n softmax(b_n + V_n tanh(c_n + sum_{m < n} U_m z_m))[z_n]

    Everything is exact: all terms of `log_prob` take one pass, a draw takes N short steps, each of
    which adds one row to the sum. (`tfd.Autoregressive` computes all terms in each of N steps, and
    knows no static shapes.) Batch shape [].

    Args:
      hidden_kernel: U, float32 [N - 1, K, H].
      hidden_bias: c, [N, H].
      output_kernel: V, [N, H, K].
      output_bias: b, [N, K].
    References:
      [1] Uria, Cote, Gregor, Murray and Larochelle. Neural Autoregressive Distribution Estimation.
        JMLR 2016. arXiv:1605.02226
    """

    def __init__(
        self,
        hidden_kernel: Any,
        hidden_bias: Any,
        output_kernel: Any,
        output_bias: Any,
        *,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "NeuralAutoregressive",
    ) -> None:
        parameters = dict(locals())
        with tf.name_scope(name) as name:
            self._hidden_kernel = tf.convert_to_tensor(hidden_kernel, tf.float32)
            self._hidden_bias = tf.convert_to_tensor(hidden_bias, tf.float32)
            self._output_kernel = tf.convert_to_tensor(output_kernel, tf.float32)
            self._output_bias = tf.convert_to_tensor(output_bias, tf.float32)
            super().__init__(
                dtype=tf.float32,
                reparameterization_type=tfd.NOT_REPARAMETERIZED,
                validate_args=validate_args,
                allow_nan_stats=allow_nan_stats,
                parameters=parameters,
                name=name,
            )

    @classmethod
    def _parameter_properties(cls, dtype: Any, num_classes: int | None = None) -> dict[str, Any]:
        ranks = {"hidden_kernel": 3, "hidden_bias": 2, "output_kernel": 3, "output_bias": 2}
        return {
            name: tfp.util.ParameterProperties(event_ndims=rank) for name, rank in ranks.items()
        }

    def logits(self, z: Any) -> tf.Tensor:
        """Of each variable given those before it: one-hot [..., N, K] -> float32 [..., N, K]."""
        z = tf.convert_to_tensor(z, tf.float32)
        added = tf.einsum("...nk,nkh->...nh", z[..., :-1, :], self._hidden_kernel)
        before = tf.cumsum(added, axis=-2)  # [..., N - 1, H]
        before = tf.concat([tf.zeros_like(z[..., :1, :1]) * self._hidden_bias[:1], before], axis=-2)
        hidden = tf.tanh(self._hidden_bias + before)  # [..., N, H]
        return self._output_bias + tf.einsum("...nh,nhk->...nk", hidden, self._output_kernel)

    def likeliest_after(self, noise: tf.Tensor) -> tf.Tensor:
        """Each variable's likeliest value after noise is added to its logits, one after the other.

        Args:
          noise: [..., N, K]; of Gumbel noise the result is a draw.
        Returns:
          One-hot, float32 [..., N, K].
        """
        size, values = noise.shape[-2:]
        total = tf.zeros_like(noise[..., 0, :1]) * self._hidden_bias[0]  # [..., H]
        chosen = []
        for n in range(size):
            hidden = tf.tanh(self._hidden_bias[n] + total)
            logits = self._output_bias[n] + tf.einsum(
                "...h,hk->...k", hidden, self._output_kernel[n]
            )
            chosen.append(tf.one_hot(tf.argmax(logits + noise[..., n, :], axis=-1), values))
            if n + 1 < size:
                total += tf.einsum("...k,kh->...h", chosen[-1], self._hidden_kernel[n])
        return tf.stack(chosen, axis=-2)

    def _event_shape(self) -> tf.TensorShape:
        return self._output_bias.shape

    def _event_shape_tensor(self) -> tf.Tensor:
        return tf.constant(self._output_bias.shape.as_list())

    def _log_prob(self, z: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(z * tf.nn.log_softmax(self.logits(z)), axis=[-2, -1])

    def _sample_n(self, n: Any, seed: Any = None) -> tf.Tensor:
        seed = tfp.random.sanitize_seed(seed, salt="neural_autoregressive")
        shape = tf.concat([[n], self._event_shape_tensor()], axis=0)
        least = float(np.finfo(np.float32).tiny)  # 0 has no logarithm.
        uniform = tf.random.stateless_uniform(shape, seed, minval=least)
        uniform = tf.ensure_shape(uniform, [None, *self._output_bias.shape])
        return self.likeliest_after(-tf.math.log(-tf.math.log(uniform)))


@support_of.register(NeuralAutoregressive)
def _(distribution: NeuralAutoregressive) -> np.ndarray:
    # What can be drawn is what independent variables can be.
    logits = tf.zeros(distribution.event_shape)
    return support_of(tfd.Independent(tfd.OneHotCategorical(logits=logits, dtype=tf.float32), 1))
