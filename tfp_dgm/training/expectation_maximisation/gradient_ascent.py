"""M-steps by gradients, where there is no closed form."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.distributions import GenerativeStructure
from tfp_dgm.models import ExactLikelihoodModel
from tfp_dgm.training.expectation_maximisation.expectation import distribution_of

# How often a step's length is halved before the weights stay.
_MOST_HALVINGS = 10


class GradientAscent:
    """Raises the expected log p(x, z), and so the log-likelihood: generalised EM [1].

    Steps of Adam that do not raise it are taken back, and tried at half the rate.

    Args:
      model: whose likelihood's potentials are log-probabilities alone.
      steps: of an M-step.
      learning_rate: of Adam, at first.
      smoothing: see `m_step`.
    Raises:
      TypeError: if other potentials are among them, whose statistics depend on weights.
    References:
      [1] Neal and Hinton. A view of the EM algorithm that justifies incremental, sparse, and other
        variants. 1998.
    """

    def __init__(
        self, model: ExactLikelihoodModel, *, steps: int, learning_rate: float, smoothing: float
    ) -> None:
        distribution = distribution_of(model)
        fields = type(distribution.log_potentials)._fields
        if set(fields) - set(distribution.categorical):
            raise TypeError(
                f"fit_em: an M-step by gradients needs potentials that are log-probabilities, "
                f"{', '.join(distribution.categorical)} alone; received "
                f"{type(model.likelihood).__name__}, which has {', '.join(fields)}: register an "
                "M-step of its own with `m_step.register`"
            )
        self._model = model
        self._smoothing = smoothing
        self._steps = steps
        self._optimizer = keras.optimizers.Adam(learning_rate)
        self._optimizer.build(model.likelihood.trainable_weights)
        self._ascend = tf.function(self._after_steps, autograph=False)

    def __call__(self, statistics: Any) -> None:
        """Takes the steps, for expected statistics as float64 arrays."""
        scale = sum(float(part.sum()) for part in statistics)  # Gradients of a size that Adam sees.
        weighed = [tf.constant((part + self._smoothing) / scale, tf.float32) for part in statistics]
        variables = [*self._model.likelihood.trainable_weights, *self._optimizer.variables]
        rate = self._optimizer.learning_rate
        start = [(variable, np.asarray(variable)) for variable in variables if variable is not rate]
        for _ in range(_MOST_HALVINGS):
            before, after = self._ascend(weighed)
            if after >= before:
                return
            for variable, value in start:
                variable.assign(value)
            rate.assign(rate / 2)

    def _after_steps(self, weighed: list[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        before = self._expected(weighed)
        weights = self._model.likelihood.trainable_weights

        def step(index: tf.Tensor) -> tuple[tf.Tensor]:
            with tf.GradientTape() as tape:
                loss = -self._expected(weighed)
            self._optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
            return (index + 1,)

        tf.while_loop(lambda index: index < self._steps, step, (tf.constant(0),))
        return before, self._expected(weighed)

    def _expected(self, weighed: list[tf.Tensor]) -> tf.Tensor:
        distribution: GenerativeStructure = distribution_of(self._model)
        total = tf.constant(0.0)
        for weight, part in zip(weighed, distribution.log_potentials, strict=True):
            finite = tf.math.is_finite(part)
            total += tf.reduce_sum(tf.where(finite, weight * tf.where(finite, part, 0.0), 0.0))
        return total
