"""The model that settings describe."""

import dataclasses
from typing import Any

import tensorflow as tf

from tfp_dgm import layers, models, networks
from tfp_dgm.data import DataError
from tfp_dgm.sentence_modelling.latent_settings import AnyFlowPrior, FlowPosterior
from tfp_dgm.sentence_modelling.objective_settings import AdversarialAutoencoder
from tfp_dgm.sentence_modelling.optimisation import (
    build_objective,
    build_optimizer,
    critic_optimizer,
)
from tfp_dgm.sentence_modelling.precision import computing_in
from tfp_dgm.sentence_modelling.settings import TextModelSettings
from tfp_dgm.text import Vocabulary
from tfp_dgm.token_ids import END

TextModel = models.TextVAE | models.LanguageModel

_ENCODERS = {
    "lstm": networks.LSTMEncoder,
    "gru": networks.GRUEncoder,
    "transformer": networks.TransformerEncoder,
    "bag_of_words": networks.BagOfWordsEncoder,
}
_DECODERS = {
    "lstm": networks.LSTMDecoder,
    "gru": networks.GRUDecoder,
    "transformer": networks.TransformerDecoder,
    "convolutional": networks.ConvolutionalDecoder,
    "inputless": networks.InputlessDecoder,
}
_NORMALS = {
    "normal": layers.MultivariateNormalDiag,
    "full_normal": layers.MultivariateNormalTriL,
}
_FLOWS = {
    "planar": layers.PlanarFlow,
    "iaf": layers.InverseAutoregressiveFlow,
    "householder": layers.HouseholderFlow,
    "spline": layers.SplineCouplingFlow,
    "continuous": layers.ContinuousFlow,
}
_FLOW_PRIORS = {
    "flow": layers.AutoregressiveFlowPrior,
    "spline": layers.SplineCouplingFlowPrior,
    "continuous": layers.ContinuousFlowPrior,
}


def compiled_model(settings: TextModelSettings, vocabulary: Vocabulary, *, steps: int) -> TextModel:
    """The model that the settings describe, built and ready to train.

    Args:
      settings: see `TextModelSettings`.
      vocabulary: of the texts.
      steps: of an epoch.
    Raises:
      DataError: where its parts refuse a setting, or do not go together.
    """
    try:
        model = build_model(settings, vocabulary)
        model.build((None, None))
        objective = build_objective(settings) if settings.model == "vae" else None
        model.compile(build_optimizer(settings, steps), objective, **critic_optimizer(settings))
        if isinstance(model, models.TextVAE):  # Whether objective, posterior and prior fit.
            model.bound(tf.constant([[END]]), seed=tf.constant([0, 0]))
    except ValueError as error:
        raise DataError(f"settings: {' '.join(str(error).split())}") from error
    return model


def build_model(settings: TextModelSettings, vocabulary: Vocabulary) -> TextModel:
    """The model that the settings describe, not yet built or compiled."""
    s = settings
    chosen = _arguments(s.decoder)
    kind, seed = chosen.pop("kind"), chosen.pop("seed")
    is_vae = s.model == "vae"
    chosen["skip_connections"] &= is_vae
    decoder = _DECODERS[kind](
        vocabulary.size,
        conditioning_units=s.latent_units if is_vae else 0,
        seed=s.seed if seed is None else seed,
        name="decoder",
        **chosen,
    )
    common: dict[str, Any] = {"vocabulary": vocabulary, "max_length": s.max_length, "seed": s.seed}
    if not is_vae:
        return models.LanguageModel(decoder, **common)
    chosen = _arguments(s.encoder)
    encoder = _ENCODERS[chosen.pop("kind")](
        vocabulary.size, seed=s.seed + 1, name="encoder", **chosen
    )
    return models.TextVAE(
        encoder,
        decoder,
        posterior=_posterior(s),
        prior=_prior(s, encoder.output_units),
        critic=_critic(s),
        bag_of_words_weight=s.remedies.bag_of_words_weight or 0.0,
        **common,
    )


def in_float32(
    model: TextModel, settings: TextModelSettings, vocabulary: Vocabulary, *, steps: int
) -> TextModel:
    """The same model; in bfloat16, which each compiler rounds its way, answers would differ."""
    if settings.precision == "float32":
        return model
    with computing_in("float32"):
        same = build_model(settings, vocabulary)
        same.build((None, None))
    same.set_weights(model.get_weights())
    same.compile(build_optimizer(settings, steps), model.objective, **critic_optimizer(settings))
    same.build_optimizers()
    for name, optimizer in same.named_optimizers.items():
        trained = model.named_optimizers[name].variables
        for variable, value in zip(optimizer.variables, trained, strict=True):
            variable.assign(value)
    return same


def _arguments(settings: Any) -> dict[str, Any]:
    return {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}


def _posterior(s: TextModelSettings) -> layers.ProjectedDistributionLayer:
    chosen = s.posterior
    if isinstance(chosen, FlowPosterior):
        base = _NORMALS[getattr(chosen, "base", "normal")](s.latent_units)
        return _FLOWS[chosen.kind](base, num_flows=chosen.num_layers, name="posterior")
    if chosen.kind == "batch_normalized":
        return layers.BatchNormalizedNormalDiag(
            s.latent_units, gamma=chosen.gamma, name="posterior"
        )
    if chosen.kind == "power_spherical":
        return layers.PowerSpherical(
            s.latent_units, concentration=chosen.concentration, name="posterior"
        )
    if chosen.kind == "point_mass":
        return layers.PointMass(s.latent_units, name="posterior")
    return _NORMALS[chosen.kind](s.latent_units, name="posterior")


def _critic(s: TextModelSettings) -> networks.MLP | None:
    if not isinstance(s.objective, AdversarialAutoencoder):
        return None
    return networks.MLP(s.objective.critic.units, name="critic_network")


def _prior(s: TextModelSettings, feature_units: int) -> layers.Prior:
    chosen, units = s.prior, s.latent_units
    if chosen.kind == "mixture":
        return layers.MixtureOfNormalsPrior(units, chosen.num_components, name="prior")
    if chosen.kind == "vamp":
        return layers.VampPrior(units, chosen.num_components, (feature_units,), name="prior")
    if isinstance(chosen, AnyFlowPrior):
        return _FLOW_PRIORS[chosen.kind](units, num_flows=chosen.num_layers, name="prior")
    if chosen.kind == "spherical_uniform":
        return layers.SphericalUniformPrior(units, name="prior")
    if chosen.kind == "implicit":
        generator = networks.MLP(chosen.units, name="generator")
        return layers.ImplicitPrior(units, generator, noise_units=chosen.noise_units, name="prior")
    return layers.StandardNormalPrior(units, name="prior")
