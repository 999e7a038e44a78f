"""What a model of texts is made of and how it is trained, and the ranges of its settings."""

import math
from dataclasses import asdict, dataclass
from typing import Literal

from tfp_dgm.data import DataError


@dataclass(frozen=True)
class TextVAESettings:
    """Everything that decides a training besides its sentences.

    Attributes:
      model: "vae", or "language_model": the same decoder without a latent, to which the settings of
        the latent mean nothing, so that one file serves both.
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
      flow_base, num_flows: of planar and iaf posteriors: where they start, and how many flows, 0
        for the layer's own number.
      gamma: of batch-normalised means, their standard deviation over the data.
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
    flow_base: Literal["normal", "full_normal"] = "normal"
    num_flows: int = 0
    gamma: float = 0.5
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
_POSITIVE = ("gamma", "learning_rate", "clipnorm")
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
