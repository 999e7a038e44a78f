"""Settings of `dgm text-vae`, and the model, objective and schedule that they describe."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import tensorflow as tf

from tfp_dgm import layers, models, networks, objectives, training
from tfp_dgm.data import DataError
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


@dataclass(frozen=True)
class TextVAESettings:
    """Everything that `dgm text-vae train` can be told; `--set NAME=VALUE`, or a file.

    Attributes:
      model: "vae", or "language_model": the same decoder without a latent.
      vocabulary: tokens are words, or pieces of words.
      vocabulary_size: V at most.
      lower: upper and lower case are one.
      tokenised: words and marks stand between spaces already.
      max_length: tokens of a text, END included; longer lines are left out and counted.
      encoder, decoder: which networks.
      embedding_units, units, latent_units: E, D, Z.
      num_layers: of a recurrent or Transformer decoder.
      word_dropout, dropout: shares dropped in training.
      skip_connections, tie_embeddings: see `networks.SequenceDecoder`.
      bag_of_words_weight: of the auxiliary loss.
      posterior, prior: which distributions.
      concentration: of a power spherical posterior, whose rate it fixes; 0 learns it.
      kl_weight: beta; where a schedule rises, its end.
      kl_schedule, kl_schedule_steps: the weight's course; steps of the rise (or of a cycle), 0 for
        ten epochs (or a fifth of the training) after the pretraining.
      free_bits, free_bits_group: nats free of charge, and dimensions in a group, 0 for all.
      minimum_rate: nats of the rate that are demanded; 0 for none.
      pretraining_epochs: as an autoencoder, before the decoder is reset.
      aggressive: train the encoder ahead of the decoder at first.
      semi_amortized_steps, semi_amortized_rate: gradient steps that refine each posterior, in
        training and after it, and their size in training; 0 steps for none.
      epochs, batch_size, learning_rate, clipnorm: of Adam.
      patience: epochs without a better bound on the validation file before training stops.
      precision: "mixed_bfloat16" trains in bfloat16; what is saved computes in float32.
      seed: of everything.
    """

    model: Literal["vae", "language_model"] = "vae"
    vocabulary: Literal["words", "subwords"] = "words"
    vocabulary_size: int = 10_000
    lower: bool = False
    tokenised: bool = False
    max_length: int = 60
    encoder: Literal["lstm", "bidirectional_lstm", "gru", "transformer", "bag_of_words"] = "lstm"
    decoder: Literal["lstm", "gru", "transformer", "convolutional", "inputless"] = "lstm"
    embedding_units: int = 256
    units: int = 256
    latent_units: int = 32
    num_layers: int = 1
    word_dropout: float = 0.0
    dropout: float = 0.3
    skip_connections: bool = False
    tie_embeddings: bool = False
    bag_of_words_weight: float = 0.0
    posterior: Literal[
        "normal", "full_normal", "batch_normalized", "planar", "iaf", "power_spherical"
    ] = "normal"
    prior: Literal["normal", "mixture", "vamp", "flow", "spherical_uniform"] = "normal"
    concentration: float = 0.0
    kl_weight: float = 1.0
    kl_schedule: Literal["constant", "linear", "sigmoid", "cyclical"] = "linear"
    kl_schedule_steps: int = 0
    free_bits: float = 0.0
    free_bits_group: int = 0
    minimum_rate: float = 0.0
    pretraining_epochs: int = 0
    aggressive: bool = False
    semi_amortized_steps: int = 0
    semi_amortized_rate: float = 1.0
    epochs: int = 20
    batch_size: int = 32
    learning_rate: float = 0.001
    clipnorm: float = 5.0
    patience: int = 5
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    seed: int = 0


_AT_LEAST_ONE = (
    *("max_length", "embedding_units", "units", "latent_units", "num_layers"),
    *("epochs", "batch_size"),
)
_POSITIVE = ("learning_rate", "clipnorm")
_MOST = {"word_dropout": 1, "dropout": 1, "seed": 2**31 - 1}


def check_settings(settings: TextVAESettings) -> None:
    """Raises a DataError that names a number out of its range."""
    for name, value in asdict(settings).items():
        if isinstance(value, str | bool):
            continue
        least = 1 if name in _AT_LEAST_ONE else 0
        if not math.isfinite(value) or value < least or (name in _POSITIVE and value == 0):
            expected = "above 0" if name in _POSITIVE else f"at least {least}"
            raise DataError(f"settings: {name} must be {expected}; received {value}")
        if value > _MOST.get(name, math.inf):
            raise DataError(f"settings: {name} must be at most {_MOST[name]}; received {value}")
    if settings.pretraining_epochs >= settings.epochs:
        raise DataError(
            "settings: pretraining_epochs must be below epochs, which count them; received "
            f"{settings.pretraining_epochs} of {settings.epochs}"
        )


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
    normal = layers.MultivariateNormalDiag
    return {
        "normal": lambda: normal(s.latent_units, name="posterior"),
        "full_normal": lambda: layers.MultivariateNormalTriL(s.latent_units, name="posterior"),
        "batch_normalized": lambda: layers.BatchNormalizedNormalDiag(
            s.latent_units, name="posterior"
        ),
        "planar": lambda: layers.PlanarFlow(normal(s.latent_units), name="posterior"),
        "iaf": lambda: layers.InverseAutoregressiveFlow(normal(s.latent_units), name="posterior"),
        "power_spherical": lambda: layers.PowerSpherical(
            s.latent_units, concentration=s.concentration or None, name="posterior"
        ),
    }[s.posterior]()


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
