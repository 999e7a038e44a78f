"""Latents that are categorical variables."""

from typing import Any

import keras

from tfp_dgm.layers import (
    IndependentOneHotCategorical,
    OneHotCategoricalPrior,
    ProjectedDistributionLayer,
)
from tfp_dgm.models.hierarchical_vae import HierarchicalVAE
from tfp_dgm.objectives import Objective, ScoreFunctionELBO


@keras.saving.register_keras_serializable(package="tfp_dgm")
class CategoricalVAE(HierarchicalVAE):
    """Variational autoencoder of N categorical latents with K values each [1].

        z_n ~ Categorical(p_n), one-hot;    x ~ likelihood(decoder(z));
        q(z | x) = prod_n Categorical(z_n | encoder(x))

    The default objective is `ScoreFunctionELBO`; `GumbelSoftmaxELBO` is the one of [1].

    Args:
      encoder: network, inputs [B, ...] -> features [B, D].
      decoder: network, latents [M, N K] -> features; None connects them to the likelihood directly.
      likelihood: distribution layer over the inputs.
      num_variables: N.
      num_values: K.
      baseline: see `HierarchicalVAE`.
      surrogate: the one network of `surrogates` in `HierarchicalVAE`; None: there is none.
      seed: see `LatentVariableModel`.
    References:
      [1] Jang, Gu and Poole. Categorical Reparameterization with Gumbel-Softmax. ICLR 2017.
        arXiv:1611.01144
    """

    def __init__(
        self,
        encoder: keras.Layer,
        decoder: keras.Layer | None,
        likelihood: ProjectedDistributionLayer,
        *,
        num_variables: int,
        num_values: int,
        baseline: keras.Layer | None = None,
        surrogate: keras.Layer | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            [encoder],
            [IndependentOneHotCategorical((num_variables, num_values), name="posterior")],
            [decoder],
            likelihood,
            prior=OneHotCategoricalPrior(num_variables, num_values, name="prior"),
            baseline=baseline,
            surrogates=() if surrogate is None else [surrogate],
            seed=seed,
            **kwargs,
        )
        self.num_variables = num_variables
        self.num_values = num_values

    def default_objective(self) -> Objective:
        return ScoreFunctionELBO()
