"""The planar flow: a bijector that bends space along one direction."""

import math
from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import bijectors as tfb

_SHIFT = math.log(math.e - 1.0)


class Planar(tfb.AutoCompositeTensorBijector):
    """y = x + v tanh(w . x + b), the planar flow [1].

    It is invertible where w . v > -1, which the paper's appendix A.1 ensures by moving u along w:

        v = u + (m(w . u) - w . u) w / |w|^2,    m(a) = softplus(a + log(e - 1)) - 1

    The paper has m(a) = softplus(a) - 1, with which small w and u give no small step; with the
    shift m(0) = 0, and the flow starts near the identity.

    What is left of space where it is bent most, s = 1 + w . v = softplus(w . u + log(e - 1)), may
    be far less than the digits of w . v can tell. The volume is computed from log s:

        |det dy/dx| = tanh(a)^2 + s sech(a)^2,    a = w . x + b

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

    def _slope(self) -> tf.Tensor:
        """w . v = m(w . u), [...]: the softplus without the rounding of its 1 near 0."""
        inner = _dot(self._w, self._u)
        far = inner > 20.0
        near = tf.math.log1p((1.0 - math.exp(-1.0)) * tf.math.expm1(tf.where(far, 0.0, inner)))
        return tf.where(far, inner + (_SHIFT - 1.0), near)

    def _log_squeeze(self) -> tf.Tensor:
        """log s, [...]."""
        exponent = _dot(self._w, self._u) + _SHIFT
        # log softplus(a) = a - exp(a) / 2 + ..., which is a to the last digit at -20.
        far = exponent < -20.0
        return tf.where(far, exponent, tf.math.log(tf.nn.softplus(tf.where(far, 0.0, exponent))))

    def _direction(self) -> tf.Tensor:
        """v, [..., Z]."""
        # v does not depend on the length of w, whose square may be out of float32's range.
        length = tf.stop_gradient(tf.reduce_max(tf.abs(self._w), axis=-1))  # [...]
        length = tf.where(length > 0.0, length, 1.0)
        along = self._w / length[..., tf.newaxis]
        norm = _dot(along, along)
        unit = along / tf.where(norm > 0.0, norm, 1.0)[..., tf.newaxis]  # along . unit = 1
        across = self._u
        for _ in range(2):  # What the first time leaves along w is of the size of u's rounding.
            across -= _dot(along, across)[..., tf.newaxis] * unit
        return across + (self._slope() / length)[..., tf.newaxis] * unit

    def _forward(self, x: tf.Tensor) -> tf.Tensor:
        bend = tf.tanh(_dot(self._w, x) + self._b)
        return x + self._direction() * bend[..., tf.newaxis]

    def _inverse(self, y: tf.Tensor) -> tf.Tensor:
        slope = self._slope()
        target = _dot(self._w, y)

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
        steepness = tf.stop_gradient(tf.exp(self._log_steepness(root + self._b)))
        step = excess(root) / tf.maximum(steepness, 1e-30)
        # Where the function is all but flat, the step would magnify the rounding of the excess.
        root -= tf.where(steepness > 1e-3, step, step - tf.stop_gradient(step))
        return y - self._direction() * tf.tanh(root + self._b)[..., tf.newaxis]

    def _forward_log_det_jacobian(self, x: tf.Tensor) -> tf.Tensor:
        return self._log_steepness(_dot(self._w, x) + self._b)

    def _log_steepness(self, a: tf.Tensor) -> tf.Tensor:
        """log(tanh(a)^2 + s sech(a)^2)."""
        at_zero = tf.equal(a, 0.0)
        size = tf.where(at_zero, 1.0, tf.abs(a))  # The logarithm has no gradient at 0.
        rest = tf.math.log1p(tf.exp(-2.0 * size))
        log_tanh = tf.math.log(-tf.math.expm1(-2.0 * size)) - rest
        log_sech = math.log(2.0) - size - rest
        log_squeeze = self._log_squeeze()
        both = tfp.math.log_add_exp(2.0 * log_tanh, log_squeeze + 2.0 * log_sech)
        return tf.where(at_zero, log_squeeze, both)


def _dot(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(x * y, axis=-1)
