"""Adam in one kernel a variable."""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="tfp_dgm")
class FusedAdam(keras.optimizers.Adam):
    """`keras.optimizers.Adam` by TensorFlow's fused kernel: the same steps, in one pass each.

    Keras composes a step of a dozen passes over a variable and its moments, and clips in three
    more, which for small batches is much of a training step. Here a gradient within `clipnorm` is
    left as it is, after the one pass that measures it. The gradient of an embedding, rows of which
    may come more than once, is summed up first, so that its norm is that of the whole; so is that
    of several replicas, each of which Keras would clip by itself. AMSGrad takes Keras's own way.

    Args:
      learning_rate, **kwargs: see `keras.optimizers.Adam`.
      clipnorm: as there, and kept as the attribute `norm_limit`: the attribute `clipnorm` is None,
        so that Keras clips nothing itself.
    """

    def __init__(
        self, learning_rate: Any = 0.001, *, clipnorm: float | None = None, **kwargs: Any
    ) -> None:
        super().__init__(
            learning_rate, clipnorm=clipnorm, **kwargs
        )  # Which refuses two ways to clip.
        self.norm_limit = clipnorm
        self.clipnorm = None

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        gradient = self._clipped(tf.convert_to_tensor(gradient))
        if self.amsgrad:
            super().update_step(gradient, variable, learning_rate)
            return
        index = self._get_variable_index(variable)
        step = tf.cast(self.iterations + 1, variable.dtype)
        beta_1 = tf.cast(self.beta_1, variable.dtype)
        beta_2 = tf.cast(self.beta_2, variable.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=_handle(variable),
            m=_handle(self._momentums[index]),
            v=_handle(self._velocities[index]),
            beta1_power=tf.pow(beta_1, step),
            beta2_power=tf.pow(beta_2, step),
            lr=tf.cast(learning_rate, variable.dtype),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.cast(self.epsilon, variable.dtype),
            grad=tf.cast(gradient, variable.dtype),
        )

    def _clipped(self, gradient: tf.Tensor) -> tf.Tensor:
        limit = self.norm_limit
        if not limit:
            return gradient
        norm = tf.sqrt(2 * tf.nn.l2_loss(gradient))
        return tf.cond(norm > limit, lambda: gradient * (limit / norm), lambda: gradient)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "clipnorm": self.norm_limit}


def _handle(variable: Any) -> tf.Tensor:
    """The resource of a Keras variable, or of the TensorFlow variable that a strategy hands in."""
    return (variable.value if isinstance(variable, keras.Variable) else variable).handle
