"""The planar flow: a bijector that bends space along one direction."""

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import bijectors as tfb


class Planar(tfb.AutoCompositeTensorBijector):
    """y = x + v tanh(w . x + b), the planar flow [1].

    It is invertible where w . v > -1, which the paper's appendix A.1 ensures by moving u along w:

        v = u + (m(w . u) - w . u) w / |w|^2,    m(a) = softplus(a + log(e - 1)) - 1

    The paper has m(a) = softplus(a) - 1, with which small w and u give no small step; with the
    shift m(0) = 0, and the flow starts near the identity.

    The inverse has no closed form: w . x is the root of an increasing function of one variable.

    Args:
      u: float32 [..., Z].
      w: float32 [..., Z].
      b: float32 [...].
    References:
      [1] Rezende and Mohamed. Variational Inference with Normalizing Flows. ICML 2015.
        arXiv:1505.05770
    """

    def __init__(
        self,
        u: Any,
        w: Any,
        b: Any,
        *,
        validate_args: bool = False,
        name: str = "planar",
    ) -> None:
        parameters = dict(locals())
        with tf.name_scope(name) as name:
            self._u = tf.convert_to_tensor(u, dtype_hint=tf.float32, name="u")
            self._w = tf.convert_to_tensor(w, dtype=self._u.dtype, name="w")
            self._b = tf.convert_to_tensor(b, dtype=self._u.dtype, name="b")
            super().__init__(
                forward_min_event_ndims=1,
                dtype=self._u.dtype,
                validate_args=validate_args,
                parameters=parameters,
                name=name,
            )

    @classmethod
    def _parameter_properties(cls, dtype: Any) -> dict[str, Any]:
        return {
            "u": tfp.util.ParameterProperties(event_ndims=1),
            "w": tfp.util.ParameterProperties(event_ndims=1),
            "b": tfp.util.ParameterProperties(),
        }

    def _direction(self) -> tuple[tf.Tensor, tf.Tensor]:
        """v [..., Z], and w . v [...]."""
        inner = tf.reduce_sum(self._w * self._u, axis=-1)
        wanted = tf.nn.softplus(inner + 0.5413249) - 1.0  # log(e - 1)
        norm = tf.reduce_sum(tf.square(self._w), axis=-1) + 1e-12
        v = self._u + ((wanted - inner) / norm)[..., tf.newaxis] * self._w
        return v, tf.reduce_sum(self._w * v, axis=-1)

    def _forward(self, x: tf.Tensor) -> tf.Tensor:
        v, _ = self._direction()
        bend = tf.tanh(tf.reduce_sum(self._w * x, axis=-1) + self._b)
        return x + v * bend[..., tf.newaxis]

    def _inverse(self, y: tf.Tensor) -> tf.Tensor:
        v, slope = self._direction()
        target = tf.reduce_sum(self._w * y, axis=-1)

        def excess(a: tf.Tensor) -> tf.Tensor:
            return a + slope * tf.tanh(a + self._b) - target

        reach = tf.abs(slope) + 1e-6
        root = tfp.math.find_root_chandrupatla(
            excess,
            tf.stop_gradient(target - reach),
            tf.stop_gradient(target + reach),
            position_tolerance=1e-7,
            value_tolerance=0.0,
            max_iterations=60,
        ).estimated_root
        root = tf.stop_gradient(root)
        # One Newton step from the root leaves it where it is, and gives it its gradient.
        steepness = 1.0 + slope * (1.0 - tf.square(tf.tanh(root + self._b)))
        root -= excess(root) / tf.stop_gradient(steepness)
        return y - v * tf.tanh(root + self._b)[..., tf.newaxis]

    def _forward_log_det_jacobian(self, x: tf.Tensor) -> tf.Tensor:
        _, slope = self._direction()
        bend = tf.tanh(tf.reduce_sum(self._w * x, axis=-1) + self._b)
        return tf.math.log1p(slope * (1.0 - tf.square(bend)))
