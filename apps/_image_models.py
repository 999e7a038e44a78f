"""Models that `dgm iwae` trains, from what was asked for on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._image_settings import Settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tfp_dgm.models import LatentVariableModel

# They learn a baseline, or dream: `VAE` does neither.
_NEED_MORE = ("nvil", "wake-sleep", "reweighted-wake-sleep")


def build_model(settings: Settings, images: NDArray[np.float32]) -> LatentVariableModel:
    """The model of complete settings for images [N, ...], its output at their mean.

    Normal latents: the networks of Burda et al. (2016), two tanh layers each. Bernoulli: a sigmoid
    belief network. Categorical: one-hot variables between networks like Burda's.
    """
    import numpy as np

    from tfp_dgm.layers import IndependentBernoulli, MultivariateNormalDiag, StandardNormalPrior
    from tfp_dgm.models import VAE, CategoricalVAE, HierarchicalVAE, SigmoidBeliefNetwork
    from tfp_dgm.networks import MLP

    shape, mean = images.shape[1:], images.mean(axis=0)
    units, hidden = list(settings.units or ()), list(settings.hidden_units or ())
    seed = settings.seed

    def mlps(name: str) -> list[MLP]:
        return [
            MLP([width, width], activation="tanh", name=f"{name}_{n}")
            for n, width in enumerate(hidden)
        ]

    def control(width: int, name: str) -> MLP | None:
        return MLP([width], activation="tanh", name=name) if width else None

    # Hidden units of NVIL's baseline, as Mnih and Gregor (2014), and of what RELAX learns.
    baseline_units = 100 if settings.objective == "nvil" else 0
    surrogate_units = 100 if settings.objective == "relax" else 0
    baseline = control(baseline_units, "baseline_network")
    likelihood = IndependentBernoulli(shape, name="likelihood")
    model: Any
    if settings.latents == "bernoulli":
        model = SigmoidBeliefNetwork(
            shape,
            units=units,
            mean=mean,
            baseline_units=baseline_units,
            surrogate_units=surrogate_units,
            seed=seed,
        )
    elif settings.latents == "categorical":
        assert settings.values is not None
        model = CategoricalVAE(
            mlps("encoder")[0],
            mlps("decoder")[0],
            likelihood,
            num_variables=units[0],
            num_values=settings.values,
            baseline=baseline,
            surrogate=control(surrogate_units, "surrogate_network"),
            seed=seed,
        )
    elif settings.layers == 1 and settings.objective not in _NEED_MORE:
        model = VAE(
            mlps("encoder")[0], mlps("decoder")[0], likelihood, latent_units=units[0], seed=seed
        )
    else:
        model = HierarchicalVAE(
            mlps("encoder"),
            [MultivariateNormalDiag(size, name=f"posterior_{n}") for n, size in enumerate(units)],
            mlps("decoder"),
            likelihood,
            conditionals=[
                MultivariateNormalDiag(size, name=f"conditional_{n}")
                for n, size in enumerate(units[:-1])
            ],
            prior=StandardNormalPrior(units[-1], name="prior"),
            baseline=baseline,
            seed=seed,
        )
    model.build((None, *shape))
    if settings.latents == "bernoulli":
        return model  # It starts at the mean by itself.
    probable = np.clip(mean.reshape(-1), 0.01, 0.99)
    likelihood.projection.bias.assign(np.log(probable) - np.log1p(-probable))
    return model
