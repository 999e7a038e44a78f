"""Models without a latent, or with one that their distribution sums out itself."""

from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions import GenerativeStructure
from tfp_dgm.layers import DistributionLayer
from tfp_dgm.models.conditions import condition_of, event_of
from tfp_dgm.models.latent_variable_model import LatentVariableModel, Parts
from tfp_dgm.models.signature import Signature
from tfp_dgm.models.vae import build_network


@keras.saving.register_keras_serializable(package="tfp_dgm")
class ExactLikelihoodModel(LatentVariableModel):
    """p(x) or p(x | c) of a distribution whose `log_prob` is exact, trained by it.

        x ~ likelihood(encoder(c)),    loss = -log p(x | c)

    The log-likelihood stands where a model with a latent has its bound. A latent that can be summed
    out (of a hidden Markov model, a mixture, a grammar) is hidden in the distribution. There is no
    `joint`. `predict` and calling the model give the log-probabilities, [B].

    Args:
      likelihood: distribution layer over the inputs.
      encoder: Keras layer, conditions c [B, ...] -> features [B, D]. With it the inputs are
        {"condition": [B, ...], "event": [B, ...]}, without it the events alone.
      seed: see `LatentVariableModel`.
    Raises:
      TypeError: if the likelihood is no such layer.
    """

    part_names = ("bound",)

    def __init__(
        self,
        likelihood: DistributionLayer,
        *,
        encoder: keras.Layer | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        if not isinstance(likelihood, DistributionLayer):
            raise TypeError(
                f"{type(self).__name__}: `likelihood` must be a distribution layer; received "
                f"{likelihood!r}"
            )
        self.likelihood = likelihood
        self.encoder = encoder

    def build(self, input_shape: Any = None) -> None:
        if self.encoder is None:
            self.likelihood.build((None, 1))
        else:
            self.likelihood.build(build_network(self.encoder, tuple(condition_of(input_shape))))
        self.built = True

    def distribution(self, inputs: Any, training: bool = False) -> tfd.Distribution:
        """p(x | c) of the inputs' conditions, batch shape [B]."""
        if self.encoder is None:
            # One feature, of which the bias alone is left: of none, oneDNN's products abort.
            features = tf.zeros([tf.shape(inputs)[0], 1])
        else:
            features = self.encoder(condition_of(inputs), training=training)
        return self.likelihood(features, training=training)

    def log_prob(self, inputs: Any, training: bool = False) -> tf.Tensor:
        """log p(x | c), float32 [B], nats."""
        return self.distribution(inputs, training=training).log_prob(event_of(inputs))

    def losses_per_example(
        self, inputs: Any, targets: Any, training: bool
    ) -> tuple[tf.Tensor, Parts]:
        del targets
        log_prob = self.log_prob(inputs, training=training)
        return -log_prob, {"bound": (log_prob, None)}

    def call(self, inputs: Any, training: bool = False) -> tf.Tensor:
        return self.log_prob(inputs, training=training)

    def serving_signatures(self) -> dict[str, Signature]:
        """`serving_default`, where the likelihood sums a structure out (and there is no encoder).

        inputs -> structure, the best one; marginals, the probabilities of the parts that tell it
        (of a chain [T, K], of each state at each step); log_likelihood, nats. Else none.
        """
        distribution = self.likelihood(tf.zeros([1, 1])) if self.encoder is None else None
        if not isinstance(distribution, GenerativeStructure):
            return {}

        def explain(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
            posterior = self.distribution(inputs).posterior(inputs)
            return {
                "structure": posterior.mode(),
                "marginals": getattr(posterior.marginals(), posterior.told_by),
                "log_likelihood": posterior.log_partition(),
            }

        spec = tf.TensorSpec([None, *self.likelihood.value_shape], distribution.dtype)
        examples = distribution.sample(2, seed=[1, 2]).numpy()
        signature = Signature({"inputs": spec}, explain, {"inputs": examples}, xla=False)
        return {"serving_default": signature}
