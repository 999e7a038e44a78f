"""Dirichlet distributions whose draws have densities and gradients in float32."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

_LEAST = np.finfo(np.float32).tiny


class OpenDirichlet(tfd.Dirichlet):
    """`tfd.Dirichlet` with draws in the open simplex.

    Of a concentration of 0.1, one part in 6,000 is drawn below what float32 holds, as 0, whose
    log-probability is none and whose implicit gradient comes out as NaN. Here such a part is the
    smallest number that float32 holds, and its gradient 0, which it goes to with the part. Of
    several draws of one distribution all lose the gradient of that concentration.
    """

    def _sample_n(self, n: Any, seed: Any = None) -> tf.Tensor:
        drawn = tfd.Dirichlet(_with_finite_gradient(self.concentration))._sample_n(n, seed=seed)
        return tf.maximum(drawn, _LEAST)


@tf.custom_gradient
def _with_finite_gradient(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    def backward(gradient: tf.Tensor) -> tf.Tensor:
        return tf.where(tf.math.is_finite(gradient), gradient, tf.zeros_like(gradient))

    return tf.identity(x), backward
