"""Draws in the functional and Sequential APIs, where only tensors may pass."""

from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions.divergence import divergence
from tfp_dgm.distributions.point_estimates import point_estimate
from tfp_dgm.distributions.same_space import require_same_space
from tfp_dgm.layers.prior import Prior
from tfp_dgm.layers.projected_distribution_layer import ProjectedDistributionLayer
from tfp_dgm.layers.require_layer import require_prior, require_projected_layer
from tfp_dgm.layers.seed import SavesSeed, stateless_seed
from tfp_dgm.saved_arguments import SavesArguments


@keras.saving.register_keras_serializable(package="tfp_dgm")
class Sample(SavesArguments, SavesSeed, keras.layers.Layer):
    """Draws from a distribution layer: features [B, D] -> sample [B, *event shape], float32.

    Where a prior is given, the mean over the batch of KL(posterior || prior), times `kl_weight`,
    joins the model's losses, so that a VAE is a functional model trained with plain `fit`. The
    divergence is estimated from the draw where it has no closed form. Where the features have a
    Keras mask, the mean is over what it keeps, and the draw has the same mask. Sample weights do
    not reach it: Keras hands them to losses of outputs only.

    Gradients pass through draws of distributions that can be reparameterised; through others, such
    as a one-hot categorical one, none do.

    Args:
      layer: the distribution layer to draw from.
      prior: a prior layer, or None.
      kl_weight: factor of the KL term. It is a non-trainable variable (`kl_weight.assign(...)`),
        so that a callback can anneal it.
      mean_at_inference: give the distribution's mean (on the unit sphere its mean direction)
        instead of a draw where `training` is false; `predict` is then deterministic.
      seed: int, or None for one from Keras's global generator.
    Raises:
      TypeError: if `layer` is no distribution layer, or `prior` no prior layer.
      ValueError: when it is called, if the prior is over events of another shape, or if there is
        one and the distribution cannot be reparameterised: the posterior would learn to match the
        prior, and nothing else.
    """

    def __init__(
        self,
        layer: ProjectedDistributionLayer,
        *,
        prior: Prior | None = None,
        kl_weight: float = 1.0,
        mean_at_inference: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        require_projected_layer(self, "layer", layer)
        if prior is not None:
            require_prior(self, "prior", prior)
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.supports_masking = True
        self.layer = layer
        self.prior = prior
        self.mean_at_inference = mean_at_inference
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self._initial_kl_weight = float(kl_weight)

    def build(self, input_shape: Any) -> None:
        self.layer.build(input_shape)
        if self.prior is not None:
            self.prior.build()
        self.kl_weight = self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(self._initial_kl_weight),
            trainable=False,
            name="kl_weight",
        )
        self.built = True

    def call(
        self, features: tf.Tensor, training: bool = False, mask: tf.Tensor | None = None
    ) -> tf.Tensor:
        distribution = self.layer(features, training=training)
        draw = tf.cast(self._draw(distribution, mask), tf.float32)
        if self.mean_at_inference and not training:
            return tf.cast(point_estimate(distribution), tf.float32)
        return draw

    def _draw(self, distribution: tfd.Distribution, mask: tf.Tensor | None) -> tf.Tensor:
        seed = stateless_seed(self.seed_generator)
        if self.prior is None:
            return distribution.sample(seed=seed)
        if distribution.reparameterization_type != tfd.FULLY_REPARAMETERIZED:
            raise ValueError(
                "Sample: beside a `prior`, the distribution must be one that can be "
                "reparameterised: else the reconstruction has no gradient; received "
                f"{type(self.layer).__name__}. `models` with `objectives.ScoreFunctionELBO` or "
                "`objectives.GumbelSoftmaxELBO` learn discrete latents."
            )
        prior = self.prior.as_prior(None, posterior_of_features=self.layer)
        require_same_space(self, distribution, prior)
        draw, log_prob = distribution.experimental_sample_and_log_prob(seed=seed)
        # [*b], the features' leading axes.
        kl = divergence(distribution, prior, lambda: log_prob - prior.log_prob(draw))
        kept = tf.ones_like(kl) if mask is None else tf.cast(mask, tf.float32)
        mean = tf.math.divide_no_nan(tf.reduce_sum(kept * kl), tf.reduce_sum(kept))
        # Keras adds it to the loss of the targets, which is of this type.
        self.add_loss(tf.cast(self.kl_weight * mean, keras.config.floatx()))
        return draw

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        # By a trace, as where no shape is declared: what `call` refuses is refused as soon as a
        # functional model is made.
        return keras.Operation.compute_output_spec(self, *args, **kwargs)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return tuple(self.compute_output_spec(keras.KerasTensor(input_shape)).shape)
