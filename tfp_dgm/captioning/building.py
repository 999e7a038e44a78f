"""From settings to a captioner and to how it learns."""

import math
from collections.abc import Iterable
from typing import Any

import keras

from tfp_dgm import layers, networks, objectives
from tfp_dgm.captioning.settings import CaptionSettings
from tfp_dgm.data import DataError
from tfp_dgm.models import MixtureOfExpertsCaptioner, VariationalAttentionCaptioner
from tfp_dgm.text import SubwordVocabulary, Vocabulary, WordVocabulary

# Of a word and a vector of the source, whose logits over the vocabulary are there together: of
# 10,000 words 160 MB.
_PAIRS_AT_ONCE = 4096


def make_vocabulary(
    settings: CaptionSettings, texts: Iterable[str], max_length: int, name: str
) -> Vocabulary:
    """The tokens of texts, as the settings ask for them.

    Raises:
      DataError: if no token is left.
    """
    chosen = settings.vocabulary
    common: dict[str, Any] = {
        "size": chosen.size,
        "lower": chosen.lower,
        "max_length": max_length,
        "name": name,
    }
    try:
        if chosen.kind == "subwords":
            return SubwordVocabulary.fit(texts, **common)
        return WordVocabulary.fit(texts, min_count=chosen.min_count, **common)
    except ValueError as error:
        raise DataError(f"{name}: {error}") from error


def make_text_encoder(settings: CaptionSettings, vocabulary: Vocabulary) -> keras.Layer:
    """The encoder of source texts [B, T]: a vector a token for decoders that attend, or one."""
    kind = {
        "gru": networks.GRUEncoder,
        "lstm": networks.LSTMEncoder,
        "bidirectional_lstm": networks.LSTMEncoder,
        "transformer": networks.TransformerEncoder,
    }[settings.source_encoder]
    both = {"bidirectional": True} if settings.source_encoder == "bidirectional_lstm" else {}
    return kind(
        vocabulary.size,
        settings.units,
        embedding_units=settings.embedding_units,
        dropout=settings.dropout,
        return_sequences=settings.attention is not None,
        seed=settings.seed,
        name="encoder",
        **both,
    )


def make_encoder(settings: CaptionSettings) -> keras.Layer:
    """The encoder of images [B, H, W, 3] that the settings ask for.

    Raises:
      DataError: if the weights, or images of this size, do not fit the application.
      OSError: if the weights are missing or cannot be fetched.
    """
    chosen, size = settings.image_encoder, settings.image_size
    if chosen.kind == "application":
        try:
            return networks.PretrainedBackbone(
                chosen.name,
                (size, size),
                weights=chosen.weights,
                trainable=chosen.fine_tune,
                name="encoder",
            )
        except ValueError as error:
            raise DataError(f"settings: {error}") from error
    filters = [chosen.filters * min(4, 2**block) for block in range(chosen.blocks)]
    return networks.ConvolutionalEncoder(filters, seed=settings.seed, name="encoder")


def build_captioner(
    settings: CaptionSettings,
    vocabulary: Vocabulary,
    feature_units: int,
    encoder: keras.Layer | None,
    source_vocabulary: Vocabulary | None = None,
) -> MixtureOfExpertsCaptioner:
    """A captioner, not built yet.

    Args:
      settings: see `CaptionSettings`.
      vocabulary: of the captions.
      feature_units: D, the size of the features that the decoders see.
      encoder: what gives them; None where the sources are features.
      source_vocabulary: of the sources, where they are texts.
    """
    if settings.experts.kind == "separate":
        heads = [
            _head(settings, vocabulary.size, settings.context_units, feature_units, seed=k)
            for k in range(settings.num_experts)
        ]
        experts: layers.Experts = layers.SeparateExperts(heads, name="experts")
    else:
        units = settings.context_units + settings.experts.embedding_units
        experts = layers.SharedExperts(
            _head(settings, vocabulary.size, units, feature_units, seed=0),
            settings.num_experts,
            embedding_units=settings.experts.embedding_units,
            name="experts",
        )
    gate = layers.Categorical(settings.num_experts, name="gate") if settings.learned_gate else None
    common: dict[str, Any] = {
        "encoder": encoder,
        "gate": gate,
        "expert_posterior": _posterior(settings, vocabulary.size),
        "vocabulary": vocabulary,
        "source_vocabulary": source_vocabulary,
        "seed": settings.seed,
        "name": "captioner",
    }
    if not settings.guesses_alignments:
        return MixtureOfExpertsCaptioner(experts, **common)
    return VariationalAttentionCaptioner(
        experts,
        _alignment_posterior(settings, vocabulary.size),
        alignment_objective=_alignment_objective(settings),
        **common,
    )


def make_objective(settings: CaptionSettings) -> objectives.Objective:
    """The objective that the settings ask for."""
    if settings.objective.kind == "em":
        return objectives.EnumeratedELBO()
    if settings.objective.kind in ("hard-em", "stochastic-em"):
        return objectives.ReweightedWakeSleep(num_samples=1)
    if settings.objective.kind == "score-function":
        return objectives.ScoreFunctionELBO(num_samples=4)
    if settings.objective.kind == "gumbel":
        return objectives.GumbelSoftmaxELBO()
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


def _posterior(
    settings: CaptionSettings, vocabulary_size: int
) -> layers.Responsibilities | layers.ExpertRecognition:
    chosen = settings.objective
    if chosen.kind == "score-function" or chosen.kind == "gumbel":
        encoder = networks.GRUEncoder(
            vocabulary_size,
            settings.units,
            embedding_units=settings.embedding_units,
            seed=settings.seed,
            name="recognition",
        )
        return layers.ExpertRecognition(
            encoder,
            settings.num_experts,
            one_hot=chosen.kind == "gumbel",
            name="expert_posterior",
        )
    return layers.Responsibilities(
        settings.num_experts,
        hard=chosen.kind == "hard-em",
        temperature=chosen.temperature,
        balance=chosen.balance,
        name="expert_posterior",
    )


def _alignment_posterior(
    settings: CaptionSettings, vocabulary_size: int
) -> layers.AlignmentRecognition:
    encoder = networks.LSTMEncoder(
        vocabulary_size,
        settings.units,
        embedding_units=settings.embedding_units,
        bidirectional=True,
        return_sequences=True,
        seed=settings.seed,
        name="alignment_recognition",
    )
    return layers.AlignmentRecognition(encoder, settings.units, name="alignment_posterior")


def _alignment_objective(settings: CaptionSettings) -> objectives.Objective:
    if settings.attention == "enumerated":
        return objectives.EnumeratedELBO()
    # Soft attention is the baseline of the one draw, as Deng et al. have it.
    return objectives.ScoreFunctionELBO(
        num_samples=1, control_variates=[objectives.AtMean()], analytic_kl=True
    )


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
        memory_units=0 if settings.attention is None else feature_units,
        dropout=settings.dropout,
        seed=100 * settings.seed + seed,
        name=f"decoder_{seed}",
    )
    name = f"head_{seed}"
    if settings.attention in (None, "soft"):
        return layers.TokenSequence(decoder, settings.max_length, name=name)
    return layers.AlignedTokenSequence(
        decoder, settings.max_length, positions_at_once=_PAIRS_AT_ONCE, name=name
    )
