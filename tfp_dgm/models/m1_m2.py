"""M1+M2: a semi-supervised classifier on the latent of a trained variational autoencoder."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfp_dgm import objectives
from tfp_dgm.distributions import point_estimate
from tfp_dgm.layers import stateless_seed
from tfp_dgm.models.class_signatures import class_signatures
from tfp_dgm.models.latent_variable_model import LatentVariableModel, Parts
from tfp_dgm.models.m2 import M2
from tfp_dgm.models.signature import Signature
from tfp_dgm.models.vae import VAE


@keras.saving.register_keras_serializable(package="tfp_dgm")
class M1M2(LatentVariableModel):
    """The stacked model "M1+M2" of Kingma et al. [1], its lower half frozen.

        y ~ p(y);   z2 ~ p(z2);   z1 ~ p(z1 | y, z2);   x ~ p(x | z1)

    `vae` (M1), trained beforehand, gives q(z1 | x), and `m2` takes z1 for its observation: a fresh
    draw for every visit in training, as the features of [1] are draws of q(z1 | x), and the mean in
    evaluation and for predictions. Only `m2` learns, by its own loss:

        loss = E_q(z1 | x) loss_m2(z1, targets)

    The bound is `m2`'s, on log p(z1, y in A), of the same z1 as the loss. `predict` and calling the
    model give q(y | z1), [B, K]. `fit` takes targets as `M2` does, and `compile`'s objective is
    `m2`'s.

    Args:
      vae: trained M1, inputs [B, ...] -> latent [B, Z1]; frozen by this model.
      m2: a model of [B, Z1], with a likelihood over R^Z1 such as `layers.MultivariateNormalDiag`.
      seed: see `LatentVariableModel`.
    References:
      [1] Kingma, Rezende, Mohamed and Welling. Semi-supervised Learning with Deep Generative
        Models. NeurIPS 2014. arXiv:1406.5298
    """

    part_names = M2.part_names

    def __init__(self, vae: VAE, m2: M2, *, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed=seed, **kwargs)
        size = vae.posterior_layer.event_size
        if m2.likelihood.event_size != size:
            raise ValueError(
                f"M1M2: the likelihood of `m2` must be over the {size} dimensions of the latent of "
                f"`vae`; received one over {m2.likelihood.event_size}"
            )
        vae.trainable = False
        self.vae = vae
        self.m2 = m2

    def build(self, input_shape: Sequence[int | None]) -> None:
        if not self.vae.built:
            self.vae.build(input_shape)
        if not self.m2.built:
            self.m2.build((None, self.vae.posterior_layer.event_size))
        self.built = True

    def compile(
        self,
        optimizer: Any = "adam",
        objective: objectives.Objective | None = None,
        **kwargs: Any,
    ) -> None:
        super().compile(optimizer, objective, **kwargs)
        self.m2.objective = self.objective

    @property
    def named_objectives(self) -> dict[str, objectives.Objective]:
        return self.m2.named_objectives

    def check_inputs(self, inputs: Any) -> None:
        self.vae.check_inputs(inputs)

    def losses_per_example(
        self, inputs: Any, targets: Any, training: bool
    ) -> tuple[tf.Tensor, Parts]:
        return self.m2.losses_per_example(self._latent(inputs, training), targets, training)

    def joint(self, inputs: Any, *, training: bool = False) -> objectives.Joint:
        """That of `m2`; in training, of a fresh draw of z1."""
        return self.m2.joint(self._latent(inputs, training), training=training)

    def whole(self, objective: objectives.Objective) -> objectives.Objective:
        return self.m2.whole(objective)

    def _latent(self, inputs: Any, training: bool) -> tf.Tensor:
        """z1 as `m2` sees it, [B, Z1]."""
        posterior = self.vae.posterior(inputs)
        if not training:
            return point_estimate(posterior)
        return posterior.sample(seed=stateless_seed(self.seed_generator))

    def call(self, inputs: Any, training: bool = False) -> tf.Tensor:
        return self.m2(self.vae(inputs), training=training)

    def serving_signatures(self) -> dict[str, Signature]:
        """`serving_default`, the class; `encode` and `reconstruct` of the lower half."""
        classes = class_signatures(self.vae.likelihood.event_shape, self)
        return {**self.vae.serving_signatures(), **classes}
