"""Factorial hidden Markov models of many chains, trained by a lower bound."""

from typing import Any

import keras
import tensorflow as tf

from tfp_dgm.distributions import structured_mean_field
from tfp_dgm.layers import FactorialHiddenMarkov
from tfp_dgm.models.latent_variable_model import LatentVariableModel, Parts
from tfp_dgm.models.signature import Signature


@keras.saving.register_keras_serializable(package="tfp_dgm")
class MeanFieldModel(LatentVariableModel):
    """p(x) of M hidden Markov chains, by structured mean field where K^M states are too many.

        loss = -(E_q[log p(x, z)] + H(q)),   q(z) = prod_m q_m(z^m)

    `fit` on batches is stochastic variational inference: each batch's q is fitted by coordinate
    ascent, and the weights take a step with it held. There is no `joint`. `predict` and calling the
    model give the bounds on log p(x), [B]; see `distributions.structured_mean_field`.

    Args:
      likelihood: a `layers.FactorialHiddenMarkov`.
      steps: how often each chain is fitted to the others, >= 1.
      seed: see `LatentVariableModel`.
    Raises:
      TypeError: if the likelihood is another layer.
      ValueError: if `steps` is below 1.
    """

    part_names = ("bound",)

    def __init__(
        self,
        likelihood: FactorialHiddenMarkov,
        *,
        steps: int = 10,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        if not isinstance(likelihood, FactorialHiddenMarkov):
            raise TypeError(
                "MeanFieldModel: `likelihood` must be a layers.FactorialHiddenMarkov; received "
                f"{likelihood!r}"
            )
        if steps < 1:
            raise ValueError(f"MeanFieldModel: `steps` must be >= 1; received {steps}")
        self.likelihood = likelihood
        self.steps = steps

    def build(self, input_shape: Any = None) -> None:
        self.likelihood.build()
        self.built = True

    def losses_per_example(
        self, inputs: Any, targets: Any, training: bool
    ) -> tuple[tf.Tensor, Parts]:
        del targets
        bound = self(inputs, training=training)
        return -bound, {"bound": (bound, None)}

    def call(self, inputs: Any, training: bool = False) -> tf.Tensor:
        return structured_mean_field(self.likelihood(), inputs, steps=self.steps).bound

    def serving_signatures(self) -> dict[str, Signature]:
        """`serving_default`: inputs [T, D] -> states [T, M], the best of each chain, marginals
        [T, M, K], their probabilities, and bound, nats; all of q.
        """

        def explain(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
            found = structured_mean_field(self.likelihood(), inputs, steps=self.steps)
            marginals = [chain.marginals().unary for chain in found.chains]
            return {
                "states": tf.stack([chain.mode() for chain in found.chains], axis=-1),
                "marginals": tf.stack(marginals, axis=-2),
                "bound": found.bound,
            }

        spec = tf.TensorSpec([None, *self.likelihood.value_shape], tf.float32)
        examples = self.likelihood().sample(2, seed=[1, 2]).numpy()
        signature = Signature({"inputs": spec}, explain, {"inputs": examples}, xla=False)
        return {"serving_default": signature}
