"""A model judged with its posteriors refined."""

from typing import Any

import tensorflow as tf

from tfp_dgm.inference.refinement import refine_posterior
from tfp_dgm.models import LatentVariableModel
from tfp_dgm.objectives import Joint, SemiAmortized


class RefinedPosteriors:
    """A model whose every posterior gradient steps have improved [1]; all else is the model's.

    Whatever asks a model for its `joint` alone takes it in the model's place, as the functions of
    `evaluation` do:

        evaluation.latent_variable_report(RefinedPosteriors(model), data)

    Without `num_steps` the steps are those of the model's own `objectives.SemiAmortized`, as it
    takes them in evaluation: the bound is then the one that `fit` validates by. With it they are
    Adam's, by `refine_posterior`, of any model.

    Args:
      model: one whose posterior is made of parameters and can be reparameterised.
      num_steps: of Adam, or None.
      learning_rate: of Adam's first step.
      num_samples: draws of each example at each of Adam's steps.
      seed: of the draws. The same batch has the same posteriors, whenever it is asked for.
    Raises:
      ValueError: if there is neither `num_steps` nor a semi-amortised objective.
    References:
      [1] Kim et al. Semi-Amortized Variational Autoencoders. ICML 2018. arXiv:1802.02550
    """

    def __init__(
        self,
        model: LatentVariableModel,
        *,
        num_steps: int | None = None,
        learning_rate: float = 0.05,
        num_samples: int = 8,
        seed: int = 0,
    ) -> None:
        self.model = model
        self._own: SemiAmortized | None = None
        if num_steps is None:
            objective = model.objective
            if not isinstance(objective, SemiAmortized):
                raise ValueError(
                    "RefinedPosteriors: give `num_steps`, or a model that was compiled with "
                    f"SemiAmortized; received one with {type(objective).__name__}"
                )
            self._own, num_steps = objective, objective.num_steps
        self.num_steps = num_steps
        self.learning_rate = learning_rate
        self.num_samples = num_samples
        self.seed = seed
        # Traced once, however many functions ask for the posterior: the steps are many operations.
        self._parameters = tf.function(
            self._refined_parameters, autograph=False, reduce_retracing=True
        )

    def joint(self, inputs: Any, *, training: bool = False) -> Joint:
        """The model's, with q(z | x) refined; one refines after training."""
        del training
        return self.model.joint(inputs).replaced(parameters=lambda: self._parameters(inputs))

    def _refined_parameters(self, inputs: Any) -> tf.Tensor:
        joint, seed = self.model.joint(inputs), tf.constant([self.seed, self.num_steps])
        if self._own is not None:
            return tf.stop_gradient(self._own.refine(joint, seed=seed))
        return refine_posterior(
            joint,
            num_steps=self.num_steps,
            learning_rate=self.learning_rate,
            num_samples=self.num_samples,
            seed=seed,
        )
