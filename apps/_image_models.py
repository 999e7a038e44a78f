"""Models and objectives that `dgm iwae` trains, from what was asked for on the command line."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Literal

from tfp_dgm.data import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tfp_dgm.models import LatentVariableModel
    from tfp_dgm.objectives import Objective

Latents = Literal["normal", "bernoulli", "categorical"]
ObjectiveName = Literal[
    "elbo", "iwae", "dreg", "stl", "vimco", "rloo", "nvil", "gumbel-softmax", "wake-sleep"
]
Binarisation = Literal["dynamic", "fixed", "none"]

_OBJECTIVES: dict[str, tuple[str, ...]] = {
    "normal": ("elbo", "iwae", "dreg", "stl", "wake-sleep"),
    "bernoulli": ("vimco", "rloo", "nvil", "gumbel-softmax", "wake-sleep"),
    "categorical": ("vimco", "rloo", "nvil", "gumbel-softmax", "wake-sleep"),
}
_FEWEST_SAMPLES = {"vimco": 2, "rloo": 2}


@dataclasses.dataclass(frozen=True)
class Settings:
    """What determines a training, beside the images themselves."""

    data: str
    latents: Latents
    layers: int
    objective: ObjectiveName
    samples: int
    epochs: int
    batch_size: int
    learning_rate: float
    binarisation: Binarisation
    seed: int

    def __post_init__(self) -> None:
        known = _OBJECTIVES[self.latents]
        if self.objective not in known:
            raise DataError(
                f"--objective: expected one of {', '.join(known)} for {self.latents} latents, "
                f"got {self.objective}"
            )
        fewest = _FEWEST_SAMPLES.get(self.objective, 1)
        if self.samples < fewest:
            raise DataError(
                f"--samples: expected at least {fewest} for {self.objective}, got {self.samples}"
            )
        if self.latents == "categorical" and self.layers != 1:
            raise DataError(f"--layers: expected 1 for categorical latents, got {self.layers}")


def build_model(settings: Settings, images: NDArray[np.float32]) -> LatentVariableModel:
    """The model of the settings for images [N, ...], its output at their mean.

    Normal latents: the networks of Burda et al. (2016), one layer of 50 units or two of 100 and 50.
    Bernoulli: a sigmoid belief network with layers of 200. Categorical: 20 variables of 10 values.
    """
    import numpy as np

    from tfp_dgm.layers import IndependentBernoulli, MultivariateNormalDiag, StandardNormalPrior
    from tfp_dgm.models import VAE, CategoricalVAE, HierarchicalVAE, SigmoidBeliefNetwork
    from tfp_dgm.networks import MLP

    shape, mean = images.shape[1:], images.mean(axis=0)
    seed = settings.seed

    def mlp(width: int, name: str) -> MLP:
        return MLP([width, width], activation="tanh", name=name)

    baseline = 100 if settings.objective == "nvil" else 0
    likelihood = IndependentBernoulli(shape, name="likelihood")
    model: Any
    if settings.latents == "bernoulli":
        model = SigmoidBeliefNetwork(
            shape, units=[200] * settings.layers, mean=mean, baseline_units=baseline, seed=seed
        )
    elif settings.latents == "categorical":
        model = CategoricalVAE(
            mlp(200, "encoder"),
            mlp(200, "decoder"),
            likelihood,
            num_variables=20,
            num_values=10,
            baseline=MLP([baseline], activation="tanh", name="baseline") if baseline else None,
            seed=seed,
        )
    elif settings.layers == 1 and settings.objective != "wake-sleep":
        model = VAE(
            mlp(200, "encoder"), mlp(200, "decoder"), likelihood, latent_units=50, seed=seed
        )
    else:
        hidden, units = ([200], [50]) if settings.layers == 1 else ([200, 100], [100, 50])
        model = HierarchicalVAE(
            [mlp(width, f"encoder_{n}") for n, width in enumerate(hidden)],
            [MultivariateNormalDiag(size, name=f"posterior_{n}") for n, size in enumerate(units)],
            [mlp(width, f"decoder_{n}") for n, width in enumerate(hidden)],
            likelihood,
            conditionals=[
                MultivariateNormalDiag(size, name=f"conditional_{n}")
                for n, size in enumerate(units[:-1])
            ],
            prior=StandardNormalPrior(units[-1], name="prior"),
            seed=seed,
        )
    model.build((None, *shape))
    if settings.latents == "bernoulli":
        return model  # It starts at the mean by itself.
    probable = np.clip(mean.reshape(-1), 0.01, 0.99)
    likelihood.projection.bias.assign(np.log(probable) - np.log1p(-probable))
    return model


def build_objective(settings: Settings) -> Objective:
    """The objective of the settings."""
    from tfp_dgm import objectives

    samples = settings.samples
    if settings.objective == "elbo":
        return objectives.ELBO(num_samples=samples)
    if settings.objective in ("iwae", "dreg", "stl"):
        gradient = {
            "iwae": objectives.Pathwise,
            "dreg": objectives.DoublyReparameterized,
            "stl": objectives.StickingTheLanding,
        }[settings.objective]
        return objectives.ImportanceWeighted(num_samples=samples, gradient=gradient())
    if settings.objective == "vimco":
        return objectives.ScoreFunctionImportanceWeighted(num_samples=samples)
    if settings.objective == "rloo":
        return objectives.ScoreFunctionELBO(num_samples=samples)
    if settings.objective == "nvil":
        parts = [objectives.LearnedBaseline(), objectives.RunningAverage()]
        return objectives.ScoreFunctionELBO(num_samples=samples, control_variates=parts)
    if settings.objective == "wake-sleep":
        return objectives.ReweightedWakeSleep(num_samples=samples, sleep=0.5)
    return objectives.GumbelSoftmaxELBO(num_samples=samples)
