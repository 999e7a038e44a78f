"""A model judged with its posteriors refined."""

from typing import Any

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.inference.refine_posterior import Refinable, refine_posterior


class RefinedPosteriors:
    """A model whose every posterior `refine_posterior` has improved [1]; all else is the model's.

    Whatever asks a model for posterior, prior and log-likelihood alone takes it in the model's
    place, as the functions of `evaluation` do:

        evaluation.latent_variable_report(RefinedPosteriors(model, num_steps=20), data)

    Args:
      model: see `Refinable`.
      num_steps: of the refinement.
      learning_rate: of the first step.
      num_samples: draws of each example at each step.
      seed: of the draws. The same batch has the same posteriors, whenever it is asked for.
    References:
      [1] Kim et al. Semi-Amortized Variational Autoencoders. ICML 2018. arXiv:1802.02550
    """

    def __init__(
        self,
        model: Refinable,
        *,
        num_steps: int,
        learning_rate: float = 0.05,
        num_samples: int = 8,
        seed: int = 0,
    ) -> None:
        self.model = model
        self.num_steps = num_steps
        self.learning_rate = learning_rate
        self.num_samples = num_samples
        self.seed = seed

    def posterior(self, inputs: Any, training: bool = False) -> tfd.Distribution:
        """q(z | x), refined; batch shape [B]."""
        del training  # One refines after training.
        parameters = refine_posterior(
            self.model,
            inputs,
            num_steps=self.num_steps,
            learning_rate=self.learning_rate,
            num_samples=self.num_samples,
            seed=tf.constant([self.seed, self.num_steps]),
        )
        return self.model.posterior_layer.distribution(parameters)

    def prior(self, inputs: Any, training: bool = False) -> tfd.Distribution:
        """p(z)."""
        return self.model.prior(inputs, training=training)

    def log_likelihood(self, z: tf.Tensor, inputs: Any, training: bool = False) -> tf.Tensor:
        """log p(x | z), [S, B]."""
        return self.model.log_likelihood(z, inputs, training=training)
