"""Discrete latents whose gradient is a projection onto the values that they could take."""

from collections.abc import Callable

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions import sparsemax
from tfp_dgm.objectives.binary_latents import logits_of
from tfp_dgm.objectives.perturbed_latents import perturbed_latents
from tfp_dgm.objectives.relaxed_elbo import GumbelSoftmaxELBO


class SPIGOTELBO(GumbelSoftmaxELBO):
    """ELBO of binary or one-hot latents, with the gradient of SPIGOT [1].

        z = argmax of logits + noise, a draw of q;    g = d loss / d z
        d loss / d logits := (z - proj(z - step_size g)) / step_size

    where proj is the nearest point of the cube [0, 1] or of the simplex (`sparsemax`): the
    straight-through gradient, less what would leave the values that latents can have. [1] takes the
    argmax without noise; with it, z is a draw and the bound's value that of all estimators. Biased;
    not linear in the loss, and so not the same for a sum of losses as the sum for each. The
    likelihood must have a derivative in the latents.

    Args:
      num_samples: S.
      step_size: how far from z the projection is asked for.
    Raises:
      ValueError: if a layer of the posterior is neither Bernoulli nor one-hot.
    References:
      [1] Peng, Thomson and Smith. Backpropagating through Structured Argmax using a SPIGOT. ACL
        2018. arXiv:1805.04658
    """

    def __init__(self, *, num_samples: int = 1, step_size: float = 1.0) -> None:
        super().__init__(num_samples=num_samples, straight_through=True)
        if step_size <= 0:
            raise ValueError(f"SPIGOTELBO: `step_size` must be > 0; received {step_size}")
        self.step_size = step_size

    def _draw(self, layer: tfd.Distribution, sample_shape: list[int], seed: tf.Tensor) -> tf.Tensor:
        logits, one_hot = logits_of(self, layer)
        shape = tf.concat([tf.cast(sample_shape, tf.int32), tf.shape(logits)], axis=0)
        logits = tf.broadcast_to(logits, shape)  # [S, B, ...]
        latents = perturbed_latents(logits, one_hot, seed)
        return _pulled_back(latents.perturbed(logits), latents.b, self.step_size, one_hot)


def _pulled_back(scores: tf.Tensor, z: tf.Tensor, step_size: float, one_hot: bool) -> tf.Tensor:
    """z, whose gradient goes to the scores by way of the projection."""

    @tf.custom_gradient
    def of_scores(scores: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        def backward(gradient: tf.Tensor) -> tf.Tensor:
            moved = z - step_size * gradient
            nearest = sparsemax(moved) if one_hot else tf.clip_by_value(moved, 0.0, 1.0)
            return (z - nearest) / step_size

        return tf.identity(z), backward

    return of_scores(scores)
