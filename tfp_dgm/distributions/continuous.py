"""The continuous flow: a bijector that moves points along a differential equation."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import bijectors as tfb

from tfp_dgm.distributions.adaptive_steps import Rows, solve_rows

Velocity = Callable[
    [Sequence[tf.Tensor], tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]
]
# Of a step; that of a density is some of it, and stays above float32's rounding.
_TOLERANCE = 1e-6


class Continuous(tfb.AutoCompositeTensorBijector):
    """y = x(1), where x(0) = x and dx/dt = f(x, t) [1].

        log |det dy/dx| = integral from 0 to 1 of div f(x(t), t) dt

    An adaptive solver takes steps for each row by itself (`adaptive_steps`), and the gradient is
    solved backwards in time, the points with it (the adjoint of [1]): its memory does not grow with
    the number of steps, and XLA compiles it.

    `tfb.FFJORD` [2] stands for the same map. There all rows share their steps, so that a row's
    density depends on what is beside it, its parameters are no composite tensor, and its gradient
    does not compile under XLA.

    A row that needs more than some thousand steps is NaN.

    Args:
      velocity: function of (weights, x [..., Z], t [...], shift) that gives f [..., Z] and div f
        [...], of which each row depends on its own x, t and shift alone.
      weights: of the velocity, which are parameters of the bijector.
      shift: float32 [..., H], what the velocity depends on besides; its leading axes broadcast
        against those of x.
    References:
      [1] Chen, Rubanova, Bettencourt and Duvenaud. Neural Ordinary Differential Equations. NeurIPS
        2018. arXiv:1806.07366
      [2] Grathwohl et al. FFJORD: Free-form Continuous Dynamics for Scalable Reversible Generative
        Models. ICLR 2019. arXiv:1810.01367
    """

    def __init__(
        self,
        velocity: Velocity,
        weights: Sequence[tf.Tensor],
        shift: tf.Tensor,
        *,
        validate_args: bool = False,
        name: str = "continuous",
    ) -> None:
        parameters = dict(locals())
        with tf.name_scope(name) as name:
            self._velocity = velocity
            self._weights = [tf.convert_to_tensor(weight) for weight in weights]
            self._shift = tf.convert_to_tensor(shift)
            super().__init__(
                forward_min_event_ndims=1,
                dtype=self._shift.dtype,
                validate_args=validate_args,
                parameters=parameters,
                name=name,
            )

    @classmethod
    def _parameter_properties(cls, dtype: Any) -> dict[str, Any]:
        def ranks(self: "Continuous", x_event_ndims: int) -> list[int]:
            del x_event_ndims
            return [len(weight.shape) for weight in self._weights]

        return {
            "weights": tfp.util.ParameterProperties(event_ndims=ranks),
            "shift": tfp.util.ParameterProperties(event_ndims=1),
        }

    def _forward(self, x: tf.Tensor) -> tf.Tensor:
        y, volume = self._moved(x, 0.0, 1.0)
        self._cache.forward_attributes(x)["ildj"] = -volume  # One solution gives both.
        return y

    def _inverse(self, y: tf.Tensor) -> tf.Tensor:
        x, volume = self._moved(y, 1.0, 0.0)
        self._cache.inverse_attributes(y)["ildj"] = volume
        return x

    def _forward_log_det_jacobian(self, x: tf.Tensor) -> tf.Tensor:
        return self._moved(x, 0.0, 1.0)[1]

    def _inverse_log_det_jacobian(self, y: tf.Tensor) -> tf.Tensor:
        return self._moved(y, 1.0, 0.0)[1]

    def _moved(self, x: tf.Tensor, start: float, end: float) -> tuple[tf.Tensor, tf.Tensor]:
        """The points at `end` that are x at `start`, and the log of how volumes grew."""
        leading = tf.broadcast_dynamic_shape(tf.shape(x)[:-1], tf.shape(self._shift)[:-1])
        x = tf.broadcast_to(x, tf.concat([leading, tf.shape(x)[-1:]], axis=0))
        velocity = self._velocity

        @tf.custom_gradient
        def solved(x: tf.Tensor, shift: tf.Tensor, *weights: tf.Tensor) -> Any:
            y, volume = _flow(velocity, weights, shift, x, start, end)

            def gradient(of_y: tf.Tensor, of_volume: tf.Tensor) -> list[tf.Tensor]:
                return _adjoint(velocity, weights, shift, y, of_y, of_volume, start, end)

            return (y, volume), gradient

        return solved(x, self._shift, *self._weights)


def _flow(
    velocity: Velocity,
    weights: Sequence[tf.Tensor],
    shift: tf.Tensor,
    x: tf.Tensor,
    start: float,
    end: float,
) -> tuple[tf.Tensor, tf.Tensor]:
    def derivative(t: tf.Tensor, state: Rows) -> Rows:
        motion, divergence = velocity(weights, state[0], t, shift)
        return [motion, divergence[..., tf.newaxis]]

    rows, _ = solve_rows(
        derivative, [x, tf.zeros_like(x[..., :1])], start, end, tolerance=_TOLERANCE
    )
    return rows[0], rows[1][..., 0]


def _adjoint(
    velocity: Velocity,
    weights: Sequence[tf.Tensor],
    shift: tf.Tensor,
    y: tf.Tensor,
    of_y: tf.Tensor,
    of_volume: tf.Tensor,
    start: float,
    end: float,
) -> list[tf.Tensor]:
    """Gradients of x, shift and weights: a(end) = dL/dy, da/dt = -d(a . f + c div f)/dx, c = dL/dl.

    Those of what rows share are integrals of d(a . f + c div f) over the way.
    """
    # The equation is linear in a and c: in units of their size, errors are relative ones.
    of_volume = of_volume[..., tf.newaxis]
    size = tf.reduce_max(tf.abs(tf.concat([of_y, of_volume], axis=-1)), axis=-1)
    size = tf.stop_gradient(tf.where(size > 0.0, size, 1.0))  # [...]
    share = of_volume / size[..., tf.newaxis]

    def along(t: tf.Tensor, x: tf.Tensor, a: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        motion, divergence = velocity(weights, x, t, shift)
        return motion, tf.reduce_sum(a * motion, axis=-1) + share[..., 0] * divergence

    def derivative(t: tf.Tensor, state: Rows) -> Rows:
        x, a = state
        with tf.GradientTape() as tape:
            tape.watch(x)
            motion, energy = along(t, x, a)
        return [motion, -tape.gradient(energy, x)]

    def summands(t: tf.Tensor, state: Rows, weight: tf.Tensor) -> Rows:
        shared = [shift, *weights]
        with tf.GradientTape() as tape:
            tape.watch(shared)
            energy = tf.reduce_sum(-weight * size * along(t, *state)[1])
        return tape.gradient(energy, shared, unconnected_gradients="zero")

    rows, sums = solve_rows(
        derivative,
        [y, of_y / size[..., tf.newaxis]],
        end,
        start,
        tolerance=_TOLERANCE,
        summands=summands,
        sums=[tf.zeros_like(part) for part in (shift, *weights)],
    )
    return [size[..., tf.newaxis] * rows[1], *sums]
