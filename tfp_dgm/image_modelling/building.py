"""Models of images, from their settings."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tfp_dgm import layers
from tfp_dgm.image_modelling.latent_settings import (
    BernoulliLatents,
    CategoricalLatents,
    NormalLatents,
)
from tfp_dgm.image_modelling.relaxation_settings import RELAX
from tfp_dgm.image_modelling.score_function_settings import NVIL
from tfp_dgm.image_modelling.settings import ImageModelSettings
from tfp_dgm.models import VAE, HierarchicalVAE, LatentVariableModel, SigmoidBeliefNetwork
from tfp_dgm.networks import MLP


def build_model(settings: ImageModelSettings, images: NDArray[np.float32]) -> LatentVariableModel:
    """The model of the settings for images [N, ...], its output at their mean.

    One layer of normal latents is a `VAE`, Bernoulli latents are a `SigmoidBeliefNetwork`, and
    everything else is a `HierarchicalVAE`; so is one normal layer with a learned baseline.
    """
    shape, mean = images.shape[1:], images.mean(axis=0)
    latents = settings.latents
    if isinstance(latents, BernoulliLatents):
        model: Any = SigmoidBeliefNetwork(
            shape,
            units=list(latents.units),
            mean=mean,
            baseline_units=_baseline_units(settings),
            surrogate_units=_surrogate_units(settings),
            seed=settings.seed,
        )
        model.build((None, *shape))
        return model  # It starts at the mean by itself.
    encoders, decoders = _mlps("encoder", latents), _mlps("decoder", latents)
    if latents.centred:
        encoders[0] = keras.Sequential([_centre(mean), encoders[0]], name="encoder_0_of_centred")
    likelihood = layers.IndependentBernoulli(shape, name="likelihood")
    is_vae = isinstance(latents, NormalLatents) and len(latents.units) == 1
    if is_vae and not _baseline_units(settings):
        (encoder,), (decoder,), (units,) = encoders, decoders, latents.units
        model = VAE(encoder, decoder, likelihood, latent_units=units, seed=settings.seed)
    else:
        model = _hierarchical(settings, latents, encoders, decoders, likelihood)
    model.build((None, *shape))
    probable = np.clip(mean.reshape(-1), 0.01, 0.99)
    likelihood.projection.bias.assign(np.log(probable) - np.log1p(-probable))
    return model


def _hierarchical(
    settings: ImageModelSettings,
    latents: NormalLatents | CategoricalLatents,
    encoders: list[keras.Layer],
    decoders: list[keras.Layer],
    likelihood: layers.ProjectedDistributionLayer,
) -> HierarchicalVAE:
    def latent(size: int, name: str) -> layers.ProjectedDistributionLayer:
        if isinstance(latents, CategoricalLatents):
            return layers.IndependentOneHotCategorical((size, latents.values), name=name)
        return layers.MultivariateNormalDiag(size, name=name)

    def prior(size: int) -> layers.Prior:
        if isinstance(latents, CategoricalLatents):
            return layers.OneHotCategoricalPrior(size, latents.values, name="prior")
        return layers.StandardNormalPrior(size, name="prior")

    def control(width: int, name: str) -> MLP:
        return MLP([width], activation="tanh", name=name)

    baseline_units, surrogate_units = _baseline_units(settings), _surrogate_units(settings)
    units = latents.units
    return HierarchicalVAE(
        encoders,
        [latent(size, f"posterior_{n}") for n, size in enumerate(units)],
        decoders,
        likelihood,
        conditionals=[latent(size, f"conditional_{n}") for n, size in enumerate(units[:-1])],
        prior=prior(units[-1]),
        baseline=control(baseline_units, "baseline_network") if baseline_units else None,
        surrogates=[
            control(surrogate_units, f"surrogate_network_{n}")
            for n in range(len(units) if surrogate_units else 0)
        ],
        seed=settings.seed,
    )


def _baseline_units(settings: ImageModelSettings) -> int:
    return settings.objective.baseline_units if isinstance(settings.objective, NVIL) else 0


def _surrogate_units(settings: ImageModelSettings) -> int:
    return settings.objective.surrogate_units if isinstance(settings.objective, RELAX) else 0


def _mlps(name: str, latents: NormalLatents | CategoricalLatents) -> list[keras.Layer]:
    return [
        MLP([width, width], activation="tanh", name=f"{name}_{n}")
        for n, width in enumerate(latents.hidden_units)
    ]


def _centre(mean: NDArray[np.float32]) -> keras.Layer:
    """Takes the mean image from each image."""
    axes = tuple(range(1, mean.ndim + 1))
    return keras.layers.Normalization(axis=axes, mean=mean, variance=np.ones_like(mean))
