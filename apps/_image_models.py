"""Models that `dgm iwae` trains, from what was asked for on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._image_settings import Settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tfp_dgm.models import LatentVariableModel


def build_model(settings: Settings, images: NDArray[np.float32]) -> LatentVariableModel:
    """The model of complete settings for images [N, ...], its output at their mean.

    Normal latents: the networks of Burda et al. (2016), two tanh layers each. Bernoulli: a sigmoid
    belief network. Categorical: one-hot variables between networks like those of Burda et al.
    """
    import numpy as np

    from tfp_dgm import layers
    from tfp_dgm.models import VAE, HierarchicalVAE, SigmoidBeliefNetwork
    from tfp_dgm.networks import MLP

    shape, mean = images.shape[1:], images.mean(axis=0)
    units, hidden = list(settings.units or ()), list(settings.hidden_units or ())
    values, seed = settings.values, settings.seed
    # Hidden units of NVIL's baseline, as Mnih and Gregor (2014), and of what RELAX learns.
    baseline_units = 100 if settings.objective == "nvil" else 0
    surrogate_units = 100 if settings.objective == "relax" else 0

    def mlps(name: str) -> list[MLP]:
        return [
            MLP([width, width], activation="tanh", name=f"{name}_{n}")
            for n, width in enumerate(hidden)
        ]

    def control(width: int, name: str) -> MLP:
        return MLP([width], activation="tanh", name=name)

    def latent(size: int, name: str) -> layers.ProjectedDistributionLayer:
        if values is None:
            return layers.MultivariateNormalDiag(size, name=name)
        return layers.IndependentOneHotCategorical((size, values), name=name)

    def prior(size: int) -> layers.Prior:
        if values is None:
            return layers.StandardNormalPrior(size, name="prior")
        return layers.OneHotCategoricalPrior(size, values, name="prior")

    likelihood = layers.IndependentBernoulli(shape, name="likelihood")
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
    elif settings.latents == "normal" and len(units) == 1 and not baseline_units:
        (encoder,), (decoder,) = mlps("encoder"), mlps("decoder")
        model = VAE(encoder, decoder, likelihood, latent_units=units[0], seed=seed)
    else:
        model = HierarchicalVAE(
            mlps("encoder"),
            [latent(size, f"posterior_{n}") for n, size in enumerate(units)],
            mlps("decoder"),
            likelihood,
            conditionals=[latent(size, f"conditional_{n}") for n, size in enumerate(units[:-1])],
            prior=prior(units[-1]),
            baseline=control(baseline_units, "baseline_network") if baseline_units else None,
            surrogates=[
                control(surrogate_units, f"surrogate_network_{n}")
                for n in range(len(units) if surrogate_units else 0)
            ],
            seed=seed,
        )
    model.build((None, *shape))
    if settings.latents == "bernoulli":
        return model  # It starts at the mean by itself.
    probable = np.clip(mean.reshape(-1), 0.01, 0.99)
    likelihood.projection.bias.assign(np.log(probable) - np.log1p(-probable))
    return model
