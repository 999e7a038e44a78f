"""Distribution layers in the functional and Sequential APIs, where only tensors may pass."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions.point_estimate import point_estimate
from tfp_dgm.distributions.same_space import require_same_space
from tfp_dgm.layers.distribution_layer import DistributionLayer
from tfp_dgm.layers.prior import Prior
from tfp_dgm.layers.require_layer import require_distribution_layer, require_prior
from tfp_dgm.layers.seed import SavesSeed, stateless_seed


@keras.saving.register_keras_serializable(package="tfp_dgm")
class Sample(SavesSeed, keras.layers.Layer):
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
        layer: DistributionLayer,
        *,
        prior: Prior | None = None,
        kl_weight: float = 1.0,
        mean_at_inference: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        require_distribution_layer(self, "layer", layer)
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
        prior = self.prior(None, posterior=self.layer)
        require_same_space(self, distribution, prior)
        draw, log_prob = distribution.experimental_sample_and_log_prob(seed=seed)
        try:
            divergence = tfd.kl_divergence(distribution, prior)  # [*b], the features' leading axes
        except NotImplementedError:  # TFP registers no closed form for this pair.
            divergence = log_prob - prior.log_prob(draw)
        kept = tf.ones_like(divergence) if mask is None else tf.cast(mask, tf.float32)
        mean = tf.math.divide_no_nan(tf.reduce_sum(kept * divergence), tf.reduce_sum(kept))
        self.add_loss(self.kl_weight * mean)
        return draw

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        # By a trace, as where no shape is declared: what `call` refuses is refused as soon as a
        # functional model is made.
        return keras.Operation.compute_output_spec(self, *args, **kwargs)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return tuple(self.compute_output_spec(keras.KerasTensor(input_shape)).shape)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "layer": keras.saving.serialize_keras_object(self.layer),
            "prior": keras.saving.serialize_keras_object(self.prior),
            "kl_weight": self._initial_kl_weight,
            "mean_at_inference": self.mean_at_inference,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Sample":
        config = dict(config)
        for part in ("layer", "prior"):
            config[part] = keras.saving.deserialize_keras_object(config[part])
        return cls(**config)


@keras.saving.register_keras_serializable(package="tfp_dgm")
class Parameters(keras.layers.Layer):
    """A distribution layer's parameters as a tensor: features [B, D] -> [B, P], float32.

    The last layer of a functional or Sequential model that predicts a distribution; its loss is
    `NegativeLogLikelihood` of the same distribution layer, and `layer.distribution(model(x))` is
    the distribution that it predicts.

    Raises:
      TypeError: if `layer` is no distribution layer.
    """

    def __init__(self, layer: DistributionLayer, **kwargs: Any) -> None:
        require_distribution_layer(self, "layer", layer)
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.supports_masking = True
        self.layer = layer

    def build(self, input_shape: Any) -> None:
        self.layer.build(input_shape)
        self.built = True

    def call(self, features: tf.Tensor, training: bool = False) -> tf.Tensor:
        return self.layer.parameters(features, training)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.layer.parameter_size)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "layer": keras.saving.serialize_keras_object(self.layer),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Parameters":
        return cls(**{**config, "layer": keras.saving.deserialize_keras_object(config["layer"])})


@keras.saving.register_keras_serializable(package="tfp_dgm")
class NegativeLogLikelihood(keras.losses.Loss):
    """-log p(y), in nats per example, where the model's output is what `Parameters` gives.

    Only the stateless half of the layer (parameters -> distribution) is used. Targets have the
    shape of the events; a last axis of size 1 may be there or not. Where the mask or a weight of 0
    leaves a target out, it may be anything finite.

    Raises:
      TypeError: if `layer` is no distribution layer.
      ValueError: if that half has weights, as an inverse autoregressive flow's has: the loss would
        have others than the model. When it is called, if targets have another shape.
      InvalidArgumentError: when it is called, if a target is no event of the layer's distributions
        (see `DistributionLayer.check_events`).
    """

    def __init__(
        self,
        layer: DistributionLayer,
        *,
        name: str = "negative_log_likelihood",
        reduction: str = "sum_over_batch_size",
        dtype: Any = "float32",
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        require_distribution_layer(self, "layer", layer)
        if layer.distribution_has_weights:
            raise ValueError(
                f"NegativeLogLikelihood: the distribution of {type(layer).__name__} depends on "
                "weights of the layer, not on its parameters alone; train it in a model of your "
                "own, by `-layer(features).log_prob(y)`"
            )
        # A copy without weights: the model owns those, and a `.keras` file holds them once.
        self.layer = type(layer).from_config(layer.get_config())

    def __call__(
        self, y_true: tf.Tensor, y_pred: tf.Tensor, sample_weight: tf.Tensor | None = None
    ) -> tf.Tensor:
        y_pred = tf.convert_to_tensor(y_pred)  # [*batch, P]
        batch_shape, batch_axes = y_pred.shape[:-1], tf.shape(y_pred)[:-1]
        unused = tf.zeros(batch_axes, tf.bool)
        mask = getattr(y_pred, "_keras_mask", None)
        if mask is not None:
            unused |= ~tf.cast(mask, tf.bool)
        if sample_weight is not None:
            sample_weight = _weights_over(batch_shape, tf.convert_to_tensor(sample_weight))
            unused |= sample_weight == 0
        events = _with_last_axis(y_true, batch_shape.rank, self.layer.value_shape)
        name = "NegativeLogLikelihood: `y`"
        self.layer.check_events(events, name, batch_shape=batch_shape, unless=unused)
        # Nor does anything broadcast where a batch axis is known only when the graph runs.
        received = tf.shape(events)[: batch_shape.rank]
        tf.debugging.assert_equal(received, batch_axes, message=f"{name}: of another batch shape")
        return super().__call__(events, y_pred, sample_weight)

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        return -self.layer.distribution(y_pred).log_prob(y_true)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "layer": keras.saving.serialize_keras_object(self.layer),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "NegativeLogLikelihood":
        return cls(**{**config, "layer": keras.saving.deserialize_keras_object(config["layer"])})


def _with_last_axis(values: tf.Tensor, batch_rank: int, event_shape: Sequence[int]) -> tf.Tensor:
    """Events, with a last axis of size 1 more or less where they lack it, or have one too many."""
    # A column may come as [B] or as [B, 1]; where it met a [B], both would become [B, B].
    values, rank = tf.convert_to_tensor(values), batch_rank + len(event_shape)
    if values.shape.rank is None:
        return tf.ensure_shape(values, [None] * rank)
    if values.shape.rank == rank + 1 and values.shape[-1] == 1:
        return tf.squeeze(values, axis=-1)
    lacks_it = values.shape.rank == rank - 1 and tuple(event_shape[-1:]) == (1,)
    return values[..., tf.newaxis] if lacks_it else values


def _weights_over(batch_shape: tf.TensorShape, weights: tf.Tensor) -> tf.Tensor:
    """Weights of examples [B] or [B, 1], or of all that `batch_shape` has, with its rank.

    Keras leaves ranks that differ to broadcasting, which begins at the last axis.

    Raises:
      ValueError: if they have another shape.
    """
    shape, rank = weights.shape, batch_shape.rank
    if shape.rank == 0:
        return weights
    if shape.rank is None:
        return tf.ensure_shape(weights, batch_shape)
    if shape.rank == rank + 1 and shape[-1] == 1:
        weights = tf.squeeze(weights, axis=-1)
    for _ in range(rank - weights.shape.rank):
        weights = weights[..., tf.newaxis]
    ones = [1] * (rank - 1)
    if not any(
        weights.shape.is_compatible_with(possible)
        for possible in (batch_shape, [batch_shape[0], *ones])
    ):
        raise ValueError(
            f"NegativeLogLikelihood: `sample_weight` must have the shape {tuple(batch_shape)} of "
            f"the predictions, or one weight for each example; received {tuple(shape)}"
        )
    return weights
