"""The Householder flow: a bijector that reflects space in a plane through the origin."""

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import bijectors as tfb


class Householder(tfb.AutoCompositeTensorBijector):
    """y = x - 2 v (v . x) / |v|^2, the reflection in the plane that v is normal to [1].

    It keeps lengths and volumes, and is its own inverse. A chain of Z of them is any rotation or
    reflection of R^Z, so that a Normal with a diagonal covariance becomes one with a full one.

    The length of v does not count. Where v = 0, which is no direction, y = x.

    Args:
      v: float32 [..., Z].
    References:
      [1] Tomczak and Welling. Improving Variational Auto-Encoders using Householder Flow. 2016.
        arXiv:1611.09630
    """

    def __init__(self, v: Any, *, validate_args: bool = False, name: str = "householder") -> None:
        parameters = dict(locals())
        with tf.name_scope(name) as name:
            self._v = tf.convert_to_tensor(v, dtype_hint=tf.float32, name="v")
            super().__init__(
                forward_min_event_ndims=1,
                is_constant_jacobian=True,
                dtype=self._v.dtype,
                validate_args=validate_args,
                parameters=parameters,
                name=name,
            )

    @classmethod
    def _parameter_properties(cls, dtype: Any) -> dict[str, Any]:
        return {"v": tfp.util.ParameterProperties(event_ndims=1)}

    def _forward(self, x: tf.Tensor) -> tf.Tensor:
        # The square of v may be out of float32's range where v / max |v| is not.
        length = tf.stop_gradient(tf.reduce_max(tf.abs(self._v), axis=-1, keepdims=True))
        v = self._v / tf.where(length > 0.0, length, 1.0)
        square = tf.reduce_sum(v * v, axis=-1, keepdims=True)
        unit = v * tf.math.rsqrt(tf.where(square > 0.0, square, 1.0))
        return x - 2.0 * unit * tf.reduce_sum(unit * x, axis=-1, keepdims=True)

    def _inverse(self, y: tf.Tensor) -> tf.Tensor:
        return self._forward(y)

    def _forward_log_det_jacobian(self, x: tf.Tensor) -> tf.Tensor:
        return tf.zeros([], x.dtype)
