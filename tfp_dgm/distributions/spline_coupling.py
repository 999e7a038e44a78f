"""The neural spline flow: a bijector that moves half of the dimensions along monotone splines."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import bijectors as tfb

# The least width and height of a bin, as a share of the interval over the number of bins.
_LEAST_SHARE = 0.16
# The slope of a knot lies between 1 / _STEEPEST and _STEEPEST.
_STEEPEST = 10.0


class SplineCoupling(tfb.AutoCompositeTensorBijector):
    """y = (x_a, spline(x_b)), the splines' knots from x_a and a context [1].

        raw = network(weights, x_a, context)                      [..., moved, 3 K - 1]
        widths, heights = 2 B (share + (1 - share K) softmax(raw))
        slopes = 10^tanh(raw)                                     of the knots between

    A spline is a monotone rational-quadratic function on [-B, B], and the identity outside, where
    its slope meets the splines' 1. Widths and heights have a least size, and slopes are bounded
    from both sides (in [1] from below only), so that no weights make a step of which float32
    cannot find the way back: the density of one dimension changes by a factor of 2 10^4 at most.
    Raw numbers of 0 give the identity.

    The first Z // 2 dimensions stay as they are, or with `reverse` the last ones. Where Z = 1, the
    one dimension moves, and what moves it is the context.

    Args:
      network: function of (weights, x_a [..., Z // 2], context) that gives [..., Z - Z // 2, P].
      weights: its weights, which are parameters of the bijector.
      context: float32 [..., C], or None.
      bound: B.
      reverse: whether the last dimensions stay instead of the first.
    References:
      [1] Durkan, Bekasov, Murray and Papamakarios. Neural Spline Flows. NeurIPS 2019.
        arXiv:1906.04032
    """

    def __init__(
        self,
        network: Callable[..., tf.Tensor],
        weights: Sequence[tf.Tensor],
        context: tf.Tensor | None = None,
        *,
        bound: float = 5.0,
        reverse: bool = False,
        validate_args: bool = False,
        name: str = "spline_coupling",
    ) -> None:
        parameters = dict(locals())
        with tf.name_scope(name) as name:
            self._network = network
            self._weights = [tf.convert_to_tensor(weight) for weight in weights]
            self._context = None if context is None else tf.convert_to_tensor(context)
            self._bound = bound
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
        def ranks(self: "SplineCoupling", x_event_ndims: int) -> list[int]:
            del x_event_ndims
            return [len(weight.shape) for weight in self._weights]

        return {
            "weights": tfp.util.ParameterProperties(event_ndims=ranks),
            "context": tfp.util.ParameterProperties(event_ndims=1),
        }

    def _forward(self, x: tf.Tensor) -> tf.Tensor:
        kept, moved = self._halves(x)
        return self._joined(kept, self._spline(kept).forward(moved))

    def _inverse(self, y: tf.Tensor) -> tf.Tensor:
        kept, moved = self._halves(y)
        return self._joined(kept, self._spline(kept).inverse(moved))

    def _forward_log_det_jacobian(self, x: tf.Tensor) -> tf.Tensor:
        kept, moved = self._halves(x)
        return self._spline(kept).forward_log_det_jacobian(moved, 1)

    def _inverse_log_det_jacobian(self, y: tf.Tensor) -> tf.Tensor:
        kept, moved = self._halves(y)
        return self._spline(kept).inverse_log_det_jacobian(moved, 1)

    def _halves(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """What stays and what moves."""
        size = x.shape[-1]
        if self._reverse:
            moved, kept = tf.split(x, [size - size // 2, size // 2], axis=-1)
        else:
            kept, moved = tf.split(x, [size // 2, size - size // 2], axis=-1)
        return kept, moved

    def _joined(self, kept: tf.Tensor, moved: tf.Tensor) -> tf.Tensor:
        shape = tf.concat([tf.shape(moved)[:-1], tf.shape(kept)[-1:]], axis=0)
        kept = tf.broadcast_to(kept, shape)  # The context may have axes that x lacks.
        return tf.concat([moved, kept] if self._reverse else [kept, moved], axis=-1)

    def _spline(self, kept: tf.Tensor) -> tfb.RationalQuadraticSpline:
        raw = self._network(self._weights, kept, self._context)
        num_bins = (raw.shape[-1] + 1) // 3
        widths, heights, slopes = tf.split(raw, [num_bins, num_bins, num_bins - 1], axis=-1)
        least = _LEAST_SHARE / num_bins

        def sizes(part: tf.Tensor) -> tf.Tensor:
            shares = least + (1.0 - least * num_bins) * tf.nn.softmax(part)
            return 2.0 * self._bound * shares

        return tfb.RationalQuadraticSpline(
            sizes(widths),
            sizes(heights),
            tf.exp(math.log(_STEEPEST) * tf.tanh(slopes)),
            range_min=-self._bound,
        )
