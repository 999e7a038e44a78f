"""What a captioner is made of and how it is trained."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Gt, Lt

from tfp_dgm.captioning.expert_settings import Experts, HardEM, Objective, SharedExperts
from tfp_dgm.captioning.source_settings import ConvolutionalEncoder, ImageEncoder, Vocabulary, Words
from tfp_dgm.settings import Seed, settings_class

Count = Annotated[int, Ge(1)]
Positive = Annotated[float, Gt(0)]


@settings_class
class CaptionSettings:
    """Everything that decides a training besides its data.

    Attributes:
      num_experts: K.
      objective: what is optimised; for large K, one whose expert a network guesses. Hard EM with a
        uniform gate, a shared decoder and no dropout in the E-step is the mixture (hMup) that Shen
        et al. [1] recommend for texts both good and different: each caption teaches one expert
        alone.
      experts: what each expert has of its own.
      learned_gate: p(k | image) is learned; otherwise it is uniform.
      decoder: its kind.
      attention: to the image's grid, or to a source's words; null for none. Soft: the decoder sees
        their mean; otherwise each word looks at one of them, a latent that is summed out (exact) or
        guessed by a network, whose bound is a sum (enumerated) or a draw (sampled) [2].
      units: of the decoder and of the encoder of texts; a multiple of 4 for a transformer.
      embedding_units: of the words.
      context_units: of the image's context vector.
      dropout: in the decoder and the encoder of texts, in training.
      source_encoder: of sources that are texts.
      source_max_length: tokens of such a source at most, the end included.
      image_encoder: of sources that are images.
      image_size: height and width in pixels.
      vocabulary: what a token is, of captions and of sources that are texts.
      max_length: words of a caption at most, the end included.
      batch_size: captions of a step.
      learning_rate: of Adam.
      clip_norm: the norm of a weight's gradient at most; null for no limit.
      epochs: at most.
      patience: epochs without a better bound on the validation images before training stops.
      seed: of everything.
    Raises:
      ValueError: if a setting is out of its range; names it, the range and what came.
    References:
      [1] Shen, Ott, Auli and Ranzato. Mixture Models for Diverse Machine Translation: Tricks of
        the Trade. ICML 2019. arXiv:1902.07816
      [2] Deng, Kim, Chiu, Guo and Rush. Latent Alignment and Variational Attention. NeurIPS 2018.
        arXiv:1807.03756
    """

    num_experts: Count = 3
    objective: Objective = HardEM()
    experts: Experts = SharedExperts()
    learned_gate: bool = False
    decoder: Literal["lstm", "transformer"] = "lstm"
    attention: Literal["soft", "exact", "enumerated", "sampled"] | None = "soft"
    units: Count = 256
    embedding_units: Count = 128
    context_units: Count = 128
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.3
    source_encoder: Literal["lstm", "bidirectional_lstm", "gru", "transformer"] = (
        "bidirectional_lstm"
    )
    source_max_length: Count = 64
    image_encoder: ImageEncoder = ConvolutionalEncoder()
    image_size: Count = 96
    vocabulary: Vocabulary = Words()
    max_length: Count = 24
    batch_size: Count = 64
    learning_rate: Positive = 1e-3
    clip_norm: Positive | None = 5.0
    epochs: Count = 20
    patience: Count = 3
    seed: Seed = 0

    def __post_init__(self) -> None:
        if "transformer" in (self.decoder, self.source_encoder) and self.units % 4:
            raise ValueError(
                f"units must be a multiple of 4 for a transformer's heads; received {self.units}"
            )
        if self.attention not in (None, "soft") and self.decoder == "transformer":
            raise ValueError(
                f"attention={self.attention} needs a decoder whose state depends on no alignment, "
                "lstm; received decoder=transformer"
            )
        if self.guesses_alignments and self.experts.kind == "separate":
            raise ValueError(
                f"attention={self.attention} needs experts that share a decoder; received "
                "experts.kind=separate"
            )
        if self.experts.kind == "separate" and self.objective.kind == "gumbel":
            raise ValueError(
                "objective.kind=gumbel mixes experts, which have to be shared; received "
                "experts.kind=separate"
            )

    @property
    def guesses_alignments(self) -> bool:
        """Whether a network guesses which vector of the source a word looks at."""
        return self.attention in ("enumerated", "sampled")
