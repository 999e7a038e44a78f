"""What a captioner is made of and how it is trained."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from tfp_dgm.data import DataError

_AT_LEAST = {
    1: (
        *("num_experts", "units", "embedding_units", "expert_units", "context_units"),
        *("image_size", "blocks", "min_count", "max_length", "source_max_length"),
        *("batch_size", "epochs", "patience"),
    ),
    0: ("clip_norm", "anneal_epochs", "balance"),
}


@dataclass(frozen=True)
class CaptionSettings:
    """Everything that decides a training besides its data.

    Attributes:
      num_experts: K.
      objective: "hard-em", "em", "marginal" (exact), or, for large K, "score-function" and "gumbel"
        (a network guesses the expert). Hard EM with a uniform gate, a shared decoder and no dropout
        in the E-step is the mixture (hMup) that Shen et al. [1] recommend for texts both good and
        different: each caption teaches one expert alone.
      separate: a decoder for each expert, instead of one for all and an embedding each.
      learned_gate: p(k | image) is learned; otherwise it is uniform.
      decoder: "lstm" or "transformer".
      attention: the decoder attends to the image's grid.
      units: of the decoder; a multiple of 4 for a transformer.
      embedding_units: of the words.
      expert_units: of an expert's embedding.
      context_units: of the image's context vector.
      dropout: in the decoder, in training.
      source_encoder: of sources that are texts.
      source_max_length: tokens of such a source at most, the end included.
      image_size: height and width in pixels.
      filters: of the first block of the small convolutional encoder, trained from scratch, a
        multiple of 8; each further block has twice as many as the one before, up to four times
        these.
      blocks: of that encoder; each halves height and width.
      application: a model of `keras.applications` instead of it.
      weights: of the application: a file, or "imagenet"; empty for random ones.
      fine_tune: the application is trained, too; otherwise its features are computed once.
      vocabulary: tokens are words, or pieces of words, of captions and of sources that are texts.
      vocabulary_size: tokens at most.
      min_count: rarer words are unknown.
      lower: upper and lower case are one.
      max_length: words of a caption at most, the end included.
      batch_size: captions of a step.
      learning_rate: of Adam.
      clip_norm: the norm of a weight's gradient at most; 0 for no limit.
      epochs: at most.
      patience: epochs without a better bound on the validation images before training stops.
      temperature: of the responsibilities at first (em and hard-em); it falls to 1.
      anneal_epochs: until it is 1.
      balance: of the experts' usage (em and hard-em).
      seed: of everything.
    Raises:
      DataError: if a setting is out of its range; names it, the range and what came.
    References:
      [1] Shen, Ott, Auli and Ranzato. Mixture Models for Diverse Machine Translation: Tricks of
        the Trade. ICML 2019. arXiv:1902.07816
    """

    num_experts: int = 3
    objective: Literal["marginal", "em", "hard-em", "score-function", "gumbel"] = "hard-em"
    separate: bool = False
    learned_gate: bool = False
    decoder: Literal["lstm", "transformer"] = "lstm"
    attention: bool = True
    units: int = 256
    embedding_units: int = 128
    expert_units: int = 64
    context_units: int = 128
    dropout: float = 0.3
    source_encoder: Literal["lstm", "bidirectional_lstm", "gru", "transformer"] = (
        "bidirectional_lstm"
    )
    source_max_length: int = 64
    image_size: int = 96
    filters: int = 32
    blocks: int = 4
    application: str = ""
    weights: str = ""
    fine_tune: bool = False
    vocabulary: Literal["words", "subwords"] = "words"
    vocabulary_size: int = 10_000
    min_count: int = 3
    lower: bool = True
    max_length: int = 24
    batch_size: int = 64
    learning_rate: float = 1e-3
    clip_norm: float = 5.0
    epochs: int = 20
    patience: int = 3
    temperature: float = 4.0
    anneal_epochs: int = 3
    balance: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        for least, names in _AT_LEAST.items():
            for name in names:
                self._expect(name, least <= getattr(self, name) < math.inf, f"at least {least}")
        for name in ("learning_rate", "temperature"):
            self._expect(name, 0 < getattr(self, name) < math.inf, "a number above 0")
        self._expect("dropout", 0 <= self.dropout < 1, "a number in [0, 1)")
        self._expect("seed", 0 <= self.seed < 2**31, f"a number from 0 to {2**31 - 1}")
        self._expect("filters", self.filters >= 8 and self.filters % 8 == 0, "a multiple of 8")
        if "transformer" in (self.decoder, self.source_encoder):
            self._expect("units", self.units % 4 == 0, "a multiple of 4 for a transformer's heads")
        if self.application:
            from tfp_dgm.networks import find_application  # Keras knows which there are.

            try:
                find_application(self.application)
            except ValueError as error:
                raise DataError(f"settings: {error}") from error
        if self.separate and self.objective == "gumbel":
            raise DataError("settings: objective=gumbel mixes experts; it needs separate=false")

    def _expect(self, name: str, is_right: bool, expected: str) -> None:
        if not is_right:
            raise DataError(
                f"setting {name!r}: expected {expected}; received {getattr(self, name)}"
            )
