"""From settings to a captioner and to how it learns."""

import math

import keras

from tfp_dgm import layers, networks, objectives
from tfp_dgm.captioning.settings import CaptionSettings
from tfp_dgm.models import MixtureOfExpertsCaptioner
from tfp_dgm.text import WordVocabulary


def make_encoder(settings: CaptionSettings) -> keras.Layer:
    """The encoder of images [B, H, W, 3] that the settings ask for."""
    size = settings.image_size
    if settings.application:
        return networks.PretrainedBackbone(
            settings.application,
            (size, size),
            weights=settings.weights or None,
            trainable=settings.fine_tune,
            name="encoder",
        )
    filters = [settings.filters * min(4, 2**block) for block in range(settings.blocks)]
    return networks.ConvolutionalEncoder(filters, seed=settings.seed, name="encoder")


def build_captioner(
    settings: CaptionSettings,
    vocabulary: WordVocabulary,
    feature_units: int,
    encoder: keras.Layer | None,
) -> MixtureOfExpertsCaptioner:
    """A captioner, not built yet.

    Args:
      settings: see `CaptionSettings`.
      vocabulary: of the captions.
      feature_units: D, the size of the features that the decoders see.
      encoder: what gives them; None where the sources are features.
    """
    if settings.separate:
        heads = [
            _head(settings, vocabulary.size, settings.context_units, feature_units, seed=k)
            for k in range(settings.num_experts)
        ]
        experts: layers.Experts = layers.SeparateExperts(heads, name="experts")
    else:
        units = settings.context_units + settings.expert_units
        experts = layers.SharedExperts(
            _head(settings, vocabulary.size, units, feature_units, seed=0),
            settings.num_experts,
            embedding_units=settings.expert_units,
            name="experts",
        )
    posterior = layers.Responsibilities(
        settings.num_experts,
        hard=settings.objective == "hard-em",
        temperature=settings.temperature,
        balance=settings.balance,
        name="expert_posterior",
    )
    gate = layers.Categorical(settings.num_experts, name="gate") if settings.learned_gate else None
    return MixtureOfExpertsCaptioner(
        experts,
        encoder=encoder,
        gate=gate,
        expert_posterior=posterior,
        vocabulary=vocabulary,
        seed=settings.seed,
        name="captioner",
    )


def make_objective(settings: CaptionSettings) -> objectives.Objective:
    """The objective that the settings ask for."""
    if settings.objective == "em":
        return objectives.EnumeratedELBO()
    if settings.objective == "hard-em":
        return objectives.ReweightedWakeSleep(num_samples=1)
    return objectives.ExactMarginal()


class AnnealResponsibilities(keras.callbacks.Callback):
    """Lowers the temperature of the responsibilities to 1, by the same factor each epoch.

    Args:
      temperature: in the first epoch.
      epochs: after which it is 1.
    """

    def __init__(self, temperature: float, epochs: int) -> None:
        super().__init__()
        self.temperature = temperature
        self.epochs = epochs

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        left = max(0.0, 1.0 - epoch / max(1, self.epochs))
        value = math.exp(left * math.log(self.temperature))
        self.model.expert_posterior.temperature.assign(value)


def _head(
    settings: CaptionSettings,
    vocabulary_size: int,
    conditioning_units: int,
    feature_units: int,
    *,
    seed: int,
) -> layers.TokenSequence:
    kind = (
        networks.TransformerDecoder if settings.decoder == "transformer" else networks.LSTMDecoder
    )
    decoder = kind(
        vocabulary_size,
        settings.units,
        conditioning_units=conditioning_units,
        embedding_units=settings.embedding_units,
        memory_units=feature_units if settings.attention else 0,
        dropout=settings.dropout,
        seed=100 * settings.seed + seed,
        name=f"decoder_{seed}",
    )
    return layers.TokenSequence(decoder, settings.max_length, name=f"head_{seed}")
