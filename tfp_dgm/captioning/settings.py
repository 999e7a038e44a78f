"""What a captioner is made of and how it is trained."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt, MultipleOf

from tfp_dgm.settings import settings_class

Count = Annotated[int, Ge(1)]
Amount = Annotated[float, Ge(0)]
Positive = Annotated[float, Gt(0)]


@settings_class
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
      ValueError: if a setting is out of its range; names it, the range and what came.
    References:
      [1] Shen, Ott, Auli and Ranzato. Mixture Models for Diverse Machine Translation: Tricks of
        the Trade. ICML 2019. arXiv:1902.07816
    """

    num_experts: Count = 3
    objective: Literal["marginal", "em", "hard-em", "score-function", "gumbel"] = "hard-em"
    separate: bool = False
    learned_gate: bool = False
    decoder: Literal["lstm", "transformer"] = "lstm"
    attention: bool = True
    units: Count = 256
    embedding_units: Count = 128
    expert_units: Count = 64
    context_units: Count = 128
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.3
    source_encoder: Literal["lstm", "bidirectional_lstm", "gru", "transformer"] = (
        "bidirectional_lstm"
    )
    source_max_length: Count = 64
    image_size: Count = 96
    filters: Annotated[int, Ge(8), MultipleOf(8)] = 32
    blocks: Count = 4
    application: str = ""
    weights: str = ""
    fine_tune: bool = False
    vocabulary: Literal["words", "subwords"] = "words"
    vocabulary_size: Count = 10_000
    min_count: Count = 3
    lower: bool = True
    max_length: Count = 24
    batch_size: Count = 64
    learning_rate: Positive = 1e-3
    clip_norm: Amount = 5.0
    epochs: Count = 20
    patience: Count = 3
    temperature: Positive = 4.0
    anneal_epochs: Annotated[int, Ge(0)] = 3
    balance: Amount = 0.5
    seed: Annotated[int, Ge(0), Le(2**31 - 1)] = 0

    def __post_init__(self) -> None:
        if "transformer" in (self.decoder, self.source_encoder) and self.units % 4:
            raise ValueError(
                f"units must be a multiple of 4 for a transformer's heads; received {self.units}"
            )
        if self.application:
            from tfp_dgm.networks import find_application  # Keras knows which there are.

            find_application(self.application)
        if self.separate and self.objective == "gumbel":
            raise ValueError("objective=gumbel mixes experts; it needs separate=false")
