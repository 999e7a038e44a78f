"""The inverse autoregressive flow: a bijector that draws fast and inverts slowly."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import bijectors as tfb


class InverseAutoregressive(tfb.AutoCompositeTensorBijector):
    """y_i = s_i x_i + (1 - s_i) m_i, with (m_i, s_i) from the x before i [1].

        m, rho = network(weights, x, context);    s = sigmoid(rho + 2)

    Forwards, all dimensions are done at once; backwards, one after the other. `tfb.Invert` of it
    is the masked autoregressive flow [2], whose density is fast and whose draws are slow. The 2
    keeps the gate open at the start (section 4 of [1]).

    Args:
      network: function of (weights, x [..., Z], context) that gives [..., Z, 2]; row i depends on
        the dimensions before i.
      weights: its weights, which are parameters of the bijector.
      context: float32 [..., C], or None.
      reverse: whether the network's order of the dimensions is Z-1, .., 0 instead of 0, .., Z-1.
    References:
      [1] Kingma et al. Improving Variational Inference with Inverse Autoregressive Flow.
        NeurIPS 2016. arXiv:1606.04934
      [2] Papamakarios, Pavlakou and Murray. Masked Autoregressive Flow for Density Estimation.
        NeurIPS 2017. arXiv:1705.07057
    """

    def __init__(
        self,
        network: Callable[..., tf.Tensor],
        weights: Sequence[tf.Tensor],
        context: tf.Tensor | None = None,
        *,
        reverse: bool = False,
        validate_args: bool = False,
        name: str = "inverse_autoregressive",
    ) -> None:
        parameters = dict(locals())
        with tf.name_scope(name) as name:
            self._network = network
            self._weights = [tf.convert_to_tensor(weight) for weight in weights]
            self._context = None if context is None else tf.convert_to_tensor(context)
            self._reverse = reverse
            super().__init__(
                forward_min_event_ndims=1,
                dtype=self._weights[0].dtype,
                validate_args=validate_args,
                parameters=parameters,
                name=name,
            )

    @classmethod
    def _parameter_properties(cls, dtype: Any) -> dict[str, Any]:
        def ranks(self: "InverseAutoregressive", x_event_ndims: int) -> list[int]:
            del x_event_ndims
            return [len(weight.shape) for weight in self._weights]

        return {
            "weights": tfp.util.ParameterProperties(event_ndims=ranks),
            "context": tfp.util.ParameterProperties(event_ndims=1),
        }

    def _gates(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """m and rho + 2, [..., Z] each."""
        m, rho = tf.unstack(self._network(self._weights, x, self._context), num=2, axis=-1)
        return m, rho + 2.0

    def _forward(self, x: tf.Tensor) -> tf.Tensor:
        m, gate = self._gates(x)
        return m + tf.sigmoid(gate) * (x - m)

    def _inverse(self, y: tf.Tensor) -> tf.Tensor:
        positions = tf.range(y.shape[-1])[::-1] if self._reverse else tf.range(y.shape[-1])

        def solve(position: tf.Tensor, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            m, gate = self._gates(x)
            # The reciprocal of the sigmoid; where it overflows, y = m still came from about m.
            x = m + tf.math.multiply_no_nan(1.0 + tf.exp(-gate), y - m)
            # The dimensions still to come stay zero: their values would be meaningless, and huge.
            return position + 1, tf.where(positions <= position, x, 0.0)

        # The first round stands apart because y broadcasts against the context in it.
        _, x = tf.while_loop(
            lambda position, x: position < y.shape[-1],
            solve,
            solve(tf.constant(0), tf.zeros_like(y)),
            maximum_iterations=y.shape[-1] - 1,
        )
        return x

    def _forward_log_det_jacobian(self, x: tf.Tensor) -> tf.Tensor:
        _, gate = self._gates(x)
        return tf.reduce_sum(tf.math.log_sigmoid(gate), axis=-1)
