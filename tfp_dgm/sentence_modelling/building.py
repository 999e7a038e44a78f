"""The model, objective and schedule that settings describe."""

from typing import Any

import keras
import tensorflow as tf

from tfp_dgm import layers, models, networks, objectives, training
from tfp_dgm.data import DataError
from tfp_dgm.sentence_modelling.settings import TextVAESettings
from tfp_dgm.text import Vocabulary
from tfp_dgm.token_ids import END

TextModel = models.TextVAE | models.LanguageModel

ENCODERS = {
    "lstm": (networks.LSTMEncoder, {}),
    "bidirectional_lstm": (networks.LSTMEncoder, {"bidirectional": True}),
    "gru": (networks.GRUEncoder, {}),
    "transformer": (networks.TransformerEncoder, {}),
    "bag_of_words": (networks.BagOfWordsEncoder, {}),
}
DECODERS = {
    "lstm": networks.LSTMDecoder,
    "gru": networks.GRUDecoder,
    "transformer": networks.TransformerDecoder,
    "convolutional": networks.ConvolutionalDecoder,
    "inputless": networks.InputlessDecoder,
}


def compiled_model(settings: TextVAESettings, vocabulary: Vocabulary) -> TextModel:
    """The model that the settings describe, built and ready to train.

    Raises:
      DataError: where its parts refuse a setting, or do not go together.
    """
    s = settings
    try:
        model = build_model(s, vocabulary)
        model.build((None, None))
        objective = build_objective(s) if s.model == "vae" else None
        model.compile(training.FusedAdam(s.learning_rate, clipnorm=s.clipnorm), objective)
        if isinstance(model, models.TextVAE):  # Whether objective, posterior and prior fit.
            model.bound(tf.constant([[END]]), seed=tf.constant([0, 0]))
    except DataError:
        raise
    except ValueError as error:
        raise DataError(f"settings: {' '.join(str(error).split())}") from error
    return model


def build_model(settings: TextVAESettings, vocabulary: Vocabulary) -> TextModel:
    """The model that the settings describe, not yet compiled."""
    s = settings
    options: dict[str, Any] = {"units": s.units, "embedding_units": s.embedding_units}
    if s.decoder != "convolutional":
        options["num_layers"] = s.num_layers
    is_vae = s.model == "vae"
    decoder = DECODERS[s.decoder](
        vocabulary.size,
        conditioning_units=s.latent_units if is_vae else 0,
        tie_embeddings=s.tie_embeddings,
        word_dropout=s.word_dropout,
        dropout=s.dropout,
        skip_connections=s.skip_connections and is_vae,
        seed=s.seed,
        name="decoder",
        **options,
    )
    common: dict[str, Any] = {"vocabulary": vocabulary, "max_length": s.max_length, "seed": s.seed}
    if not is_vae:
        return models.LanguageModel(decoder, **common)
    encoder, arguments = ENCODERS[s.encoder]
    encoder = encoder(
        vocabulary.size,
        s.units,
        embedding_units=s.embedding_units,
        dropout=s.dropout,
        seed=s.seed + 1,
        name="encoder",
        **arguments,
    )
    return models.TextVAE(
        encoder,
        decoder,
        posterior=_posterior(s),
        prior=_prior(s, encoder.output_units),
        bag_of_words_weight=s.bag_of_words_weight,
        **common,
    )


def _posterior(s: TextVAESettings) -> layers.DistributionLayer:
    normals = {
        "normal": layers.MultivariateNormalDiag,
        "full_normal": layers.MultivariateNormalTriL,
    }
    flows = {"planar": layers.PlanarFlow, "iaf": layers.InverseAutoregressiveFlow}
    if s.posterior in normals:
        return normals[s.posterior](s.latent_units, name="posterior")
    if s.posterior in flows:
        number: dict[str, Any] = {"num_flows": s.num_flows} if s.num_flows else {}
        base = normals[s.flow_base](s.latent_units)
        return flows[s.posterior](base, name="posterior", **number)
    if s.posterior == "batch_normalized":
        return layers.BatchNormalizedNormalDiag(s.latent_units, gamma=s.gamma, name="posterior")
    return layers.PowerSpherical(
        s.latent_units, concentration=s.concentration or None, name="posterior"
    )


def _prior(s: TextVAESettings, feature_units: int) -> layers.Prior:
    spherical = (s.posterior == "power_spherical", s.prior == "spherical_uniform")
    if spherical[0] != spherical[1]:
        raise DataError(
            "settings: posterior=power_spherical and prior=spherical_uniform go together; received "
            f"posterior={s.posterior}, prior={s.prior}"
        )
    return {
        "normal": lambda: layers.StandardNormalPrior(s.latent_units, name="prior"),
        "mixture": lambda: layers.MixtureOfNormalsPrior(s.latent_units, 20, name="prior"),
        "vamp": lambda: layers.VampPrior(s.latent_units, 50, (feature_units,), name="prior"),
        "flow": lambda: layers.AutoregressiveFlowPrior(s.latent_units, name="prior"),
        "spherical_uniform": lambda: layers.SphericalUniformPrior(s.latent_units, name="prior"),
    }[s.prior]()


def build_objective(s: TextVAESettings) -> objectives.Objective:
    """The bound, with the settings' remedies against collapse."""
    if s.free_bits and s.minimum_rate:
        raise DataError("settings: free_bits and minimum_rate exclude each other; give one")
    rate: objectives.Rate | None = None
    if s.free_bits:
        rate = objectives.FreeBits(s.free_bits, group_size=s.free_bits_group or None)
    elif s.minimum_rate:
        rate = objectives.MinimumDesiredRate(s.minimum_rate)
    bound = objectives.ELBO(kl_weight=s.kl_weight, rate=rate)
    if not s.semi_amortized_steps:
        return bound
    return objectives.SemiAmortized(
        bound, num_steps=s.semi_amortized_steps, learning_rate=s.semi_amortized_rate
    )


def build_schedule(s: TextVAESettings, steps: int) -> training.Schedule | None:
    """The course of the KL weight after the pretraining, `steps` being those of an epoch."""
    epochs = s.epochs - s.pretraining_epochs  # Steps count anew after it.
    if s.kl_schedule == "cyclical":
        period = s.kl_schedule_steps or max(1, steps * epochs // 5)
        return training.Cyclical(period, stop=s.kl_weight)
    rise = s.kl_schedule_steps or min(10, epochs) * steps
    if s.kl_schedule == "linear":
        return training.Linear(rise, stop=s.kl_weight)
    if s.kl_schedule == "sigmoid":
        return training.Sigmoid(rise / 2, rise / 12, stop=s.kl_weight)
    return None


def in_float32(model: TextModel, settings: TextVAESettings, vocabulary: Vocabulary) -> TextModel:
    """The same model; in bfloat16, which each compiler rounds its way, answers would differ."""
    if settings.precision == "float32":
        return model
    keras.config.set_dtype_policy("float32")
    same = build_model(settings, vocabulary)
    same.build((None, None))
    same.set_weights(model.get_weights())
    adam = training.FusedAdam(settings.learning_rate, clipnorm=settings.clipnorm)
    same.compile(adam, model.objective)
    same.optimizer.build(same.trainable_variables)
    for variable, trained in zip(same.optimizer.variables, model.optimizer.variables, strict=True):
        variable.assign(trained)
    return same
