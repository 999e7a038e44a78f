"""Posteriors refined for each example within the training step."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.objectives.bound import Bound
from tfp_dgm.objectives.elbo import ELBO
from tfp_dgm.objectives.joint import Joint
from tfp_dgm.objectives.objective import Objective, at_least_one
from tfp_dgm.objectives.pathwise import Pathwise


class SemiAmortized(Objective):
    """Another objective, at a posterior that gradient steps have improved for each example [1].

        parameters_0 = those that the encoder gives of q(z | x)
        velocity_k = momentum velocity_{k-1} + clip(d ascended / d parameters_{k-1})
        parameters_k = parameters_{k-1} + learning_rate velocity_k
        bound = objective(joint with posterior(parameters_K))

    In training, what is ascended is the negative loss of the objective, its weights included; in
    evaluation it is the bound itself, so that no weight of training enters. The gradient's length
    is clipped for each example by itself. The encoder and p learn through the steps: the gradient
    holds their second derivatives in full, unless `second_order` is false, which takes each step's
    slope for a constant (and the encoder's gradient for that at its refined parameters).

    A step costs as much as a training step. `second_order` needs a log-likelihood, and draws of the
    posterior, whose gradients can be differentiated once more: those of a power spherical posterior
    with a learned concentration cannot. It needs an objective whose loss is the function that it
    stands for, too: the surrogates of importance-weighted bounds and of gradient estimators without
    the score have the right first derivatives only.

    Args:
      objective: of a posterior that can be reparameterised: `ELBO()`, with its plain gradient where
        `second_order` is true.
      num_steps: K; 20 in [1].
      learning_rate: of the steps; 1 in [1], for a text VAE.
      momentum: of the steps.
      max_norm: the length to which each example's gradient is clipped.
      second_order: whether the gradient goes through the steps' slopes.
    Raises:
      ValueError: with `second_order`, if the objective has no second derivatives; in training with
        it, if the posterior has none.
    References:
      [1] Kim et al. Semi-Amortized Variational Autoencoders. ICML 2018. arXiv:1802.02550
    """

    def __init__(
        self,
        objective: Objective,
        *,
        num_steps: int = 10,
        learning_rate: float = 1.0,
        momentum: float = 0.5,
        max_norm: float = 5.0,
        second_order: bool = True,
    ) -> None:
        plain = isinstance(objective, ELBO) and type(objective.gradient) is Pathwise
        if second_order and not plain:
            raise ValueError(
                "SemiAmortized: the second derivatives are those of `ELBO(...)` with its plain "
                f"gradient `Pathwise()`; received {objective!r}. Take `second_order=False`"
            )
        self.objective: Any = objective
        self.num_steps = at_least_one(self, "num_steps", num_steps)
        if learning_rate <= 0 or max_norm <= 0 or not 0 <= momentum < 1:
            raise ValueError(
                "SemiAmortized: needs `learning_rate` > 0, `max_norm` > 0 and 0 <= `momentum` < 1; "
                f"received {learning_rate}, {max_norm} and {momentum}"
            )
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.max_norm = max_norm
        self.second_order = second_order

    @property
    def kl_weight(self) -> tf.Variable:
        """That of `objective`, where schedules look for it."""
        return self.objective.kl_weight

    def _evaluate(self, joint: Joint, seed: tf.Tensor) -> Bound:
        return self.objective(_at(joint, self.refine(joint, seed=seed)), seed=seed)

    def refine(self, joint: Joint, *, seed: tf.Tensor) -> tf.Tensor:
        """The steps alone.

        Args:
          joint, seed: see a call of an `Objective`.
        Returns:
          parameters_K, float32 [B, P].
        """
        if joint.training and self.second_order:
            _require_second_derivatives(joint.family, joint.parameters)
        # The steps are no training steps to a multiplier that moves with them.
        within = joint.replaced(training=False)

        def slope(parameters: tf.Tensor, step: int) -> tf.Tensor:
            noise = tf.random.fold_in(seed, step + 1)
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(parameters)
                bound = self.objective(_at(within, parameters), seed=noise)
                ascended = tf.reduce_sum(-bound.loss if joint.training else bound.value)
            gradient = tape.gradient(ascended, parameters)  # [B, P]
            gradient = tf.clip_by_norm(gradient, self.max_norm, axes=[-1])
            return gradient if self.second_order else tf.stop_gradient(gradient)

        parameters = joint.parameters  # [B, P]
        velocity = tf.zeros_like(parameters)
        for step in range(self.num_steps):
            velocity = self.momentum * velocity + slope(parameters, step)
            parameters += self.learning_rate * velocity
        return parameters


def _at(joint: Joint, parameters: tf.Tensor) -> Joint:
    """The joint with the posterior of these parameters [B, P]."""
    return joint.replaced(parameters=lambda: parameters)


def _require_second_derivatives(
    family: Callable[[tf.Tensor], tfd.Distribution], parameters: tf.Tensor
) -> None:
    """Refuses a learned concentration: draws of TFP's Beta distribution have first ones only."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(parameters)
        posterior = family(parameters)
    if not isinstance(posterior, tfd.PowerSpherical):
        return
    if tape.gradient(posterior.concentration, parameters) is not None:
        raise ValueError(
            "SemiAmortized: draws of a PowerSpherical posterior with a learned concentration have "
            "no second derivatives; give the layer a fixed `concentration`, or take "
            "`second_order=False`"
        )
