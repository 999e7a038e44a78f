"""Layers of binary latents, connected linearly."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from tfp_dgm.layers import BernoulliPrior, IndependentBernoulli
from tfp_dgm.models.hierarchical_vae import HierarchicalVAE
from tfp_dgm.networks import MLP
from tfp_dgm.objectives import Objective, ScoreFunctionImportanceWeighted


@keras.saving.register_keras_serializable(package="tfp_dgm")
class SigmoidBeliefNetwork(HierarchicalVAE):
    """Sigmoid belief network [1] with an inference network of its own shape [2, 3].

        p(z_l = 1 | z_{l+1}) = sigmoid(W_l (2 z_{l+1} - 1) + b_l),    p(x = 1 | z_1) likewise
        q(z_{l+1} = 1 | z_l) = sigmoid(V_l (2 z_l - 1) + c_l),    q(z_1 | x) from x - mean

    Binary latents cannot be reparameterised; the default objective is VIMCO.

    Args:
      event_shape: of the inputs, values in {0, 1}.
      units: sizes of the layers z_1 to z_L.
      mean: mean input, flattened; what the inference network's inputs are centred by, and the
        generative network's output starts at. None: 0.5 everywhere.
      baseline_units: width of the learned baseline's hidden layer, for objectives that need one
        (NVIL: 100); 0: there is none.
      surrogate_units: width of the hidden layer of each layer's learned control variate, for
        objectives that need one (RELAX); 0: there is none.
      seed: see `LatentVariableModel`.
    References:
      [1] Neal. Connectionist Learning of Belief Networks. Artificial Intelligence 1992.
      [2] Mnih and Gregor. Neural Variational Inference and Learning in Belief Networks. ICML 2014.
        arXiv:1402.0030
      [3] Mnih and Rezende. Variational Inference for Monte Carlo Objectives. ICML 2016.
        arXiv:1602.06725
    """

    def __init__(
        self,
        event_shape: Sequence[int],
        *,
        units: Sequence[int] = (200,),
        mean: Sequence[float] | np.ndarray | None = None,
        baseline_units: int = 0,
        surrogate_units: int = 0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        event_shape = tuple(event_shape)
        size = int(np.prod(event_shape))
        if mean is None:
            mean = np.full(size, 0.5)
        mean = np.asarray(mean, np.float64).reshape(-1)
        if len(mean) != size or not (np.isfinite(mean) & (mean >= 0) & (mean <= 1)).all():
            raise ValueError(
                f"SigmoidBeliefNetwork: `mean` must be {size} numbers in [0, 1]; received "
                f"{len(mean)}"
            )
        super().__init__(
            [_centred(mean, "encoder_0"), *(_signed(f"encoder_{n}") for n in range(1, len(units)))],
            [IndependentBernoulli(width, name=f"posterior_{n}") for n, width in enumerate(units)],
            [_signed(f"decoder_{n}") for n in range(len(units))],
            IndependentBernoulli(event_shape, name="likelihood"),
            conditionals=[
                IndependentBernoulli(width, name=f"conditional_{n}")
                for n, width in enumerate(units[:-1])
            ],
            prior=BernoulliPrior(units[-1], name="prior"),
            baseline=MLP([baseline_units], activation="tanh", name="baseline_network")
            if baseline_units
            else None,
            surrogates=[
                MLP([surrogate_units], activation="tanh", name=f"surrogate_network_{n}")
                for n in range(len(units))
            ]
            if surrogate_units
            else (),
            seed=seed,
            **kwargs,
        )
        self.input_event_shape = event_shape
        self.units = tuple(units)
        self.mean = mean
        self.baseline_units = baseline_units
        self.surrogate_units = surrogate_units

    def default_objective(self) -> Objective:
        return ScoreFunctionImportanceWeighted(num_samples=5)

    def build(self, input_shape: Sequence[int | None]) -> None:
        is_new = not self.likelihood.projection.built
        super().build(input_shape)
        if is_new:
            probable = np.clip(self.mean, 0.01, 0.99)
            self.likelihood.projection.bias.assign(np.log(probable) - np.log1p(-probable))


def _signed(name: str) -> keras.Layer:
    """{0, 1} -> {-1, 1}."""
    return keras.layers.Rescaling(2.0, offset=-1.0, name=name)


def _centred(mean: np.ndarray, name: str) -> keras.Layer:
    return keras.Sequential(
        [keras.layers.Flatten(), keras.layers.Rescaling(1.0, offset=-mean)], name=name
    )
