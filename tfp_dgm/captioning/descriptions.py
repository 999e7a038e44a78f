"""Captions of sources: one of each expert, scored by all."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tfp_dgm.captioning.sources import as_read, shape_of_batches, take
from tfp_dgm.data import DataError
from tfp_dgm.inference import Texts, expert_texts, texts_of_expert
from tfp_dgm.models import MixtureOfExpertsCaptioner
from tfp_dgm.text import Vocabulary
from tfp_dgm.token_ids import PAD
from tfp_dgm.training import Progress


@dataclass(frozen=True)
class Decoding:
    """How texts are found.

    Attributes:
      beam_size: 1 takes the likeliest word at each step. The beam of one expert takes at least
        `num_texts`, which 1 stands for.
      diversity: of the beam of one expert; above 0, its texts avoid each other's words, and the
        beam is a multiple of `num_texts`: see `inference.diverse_beam_search`.
      length_penalty: of the beam.
      sample: draw the words instead.
      temperature: of the draws.
      top_p: share of probability from which is drawn: nucleus sampling.
      seed: of the draws; row n draws by (seed, n).
      expert: None for one text of each expert; a number for several of this one.
      num_texts: of the one expert.
    """

    beam_size: int = 1
    diversity: float = 0.0
    length_penalty: float = 0.0
    sample: bool = False
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int = 0
    expert: int | None = None
    num_texts: int = 1

    def __post_init__(self) -> None:
        for name, is_right, expected in (
            ("beam_size", self.beam_size >= 1, "at least 1"),
            ("num_texts", self.num_texts >= 1, "at least 1"),
            ("temperature", self.temperature > 0, "a number above 0"),
            ("top_p", 0 < self.top_p <= 1, "a number in (0, 1]"),
            ("diversity", 0 <= self.diversity < math.inf, "a number of at least 0"),
        ):
            if not is_right:
                raise DataError(f"{name}: expected {expected}; received {getattr(self, name)}")
        if self.expert is None or self.sample:
            if self.diversity:
                raise DataError(
                    f"diversity: expected 0, but for one expert's beam; received {self.diversity}"
                )
            return
        if self.width < self.num_texts or (self.diversity and self.width % self.num_texts):
            expected = "a multiple of" if self.diversity else "at least"
            raise DataError(
                f"beam_size: expected {expected} the number of texts, {self.num_texts}; "
                f"received {self.beam_size}"
            )

    @property
    def width(self) -> int:
        """Of the beam of one expert."""
        return self.num_texts if self.beam_size == 1 else self.beam_size


@dataclass(frozen=True)
class Description:
    """What the mixture says of one source.

    Attributes:
      captions: N texts, of the experts in order, or of one expert, whose beam may find fewer than
        were asked for.
      experts: float [K], p(k | source).
      responsibilities: float [N, K], p(k | text, source).
      log_prob: float [N], log p(text | source), summed over the experts, in nats.
      num_tokens: int [N], the end included.
      best: the place of the text with the highest `log_prob`.
    """

    captions: list[str]
    experts: NDArray[np.float32]
    responsibilities: NDArray[np.float32]
    log_prob: NDArray[np.float32]
    num_tokens: NDArray[np.int64]
    best: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "best": self.captions[self.best],
            "experts": [round(float(p), 6) for p in self.experts],
            "captions": [
                {
                    "caption": caption,
                    "log_prob": round(float(self.log_prob[n]), 4),
                    "log_prob_per_token": round(float(self.log_prob[n] / self.num_tokens[n]), 4),
                    "responsibilities": [round(float(p), 6) for p in self.responsibilities[n]],
                }
                for n, caption in enumerate(self.captions)
            ],
        }


def describe(
    model: MixtureOfExpertsCaptioner,
    sources: NDArray[Any],
    decoding: Decoding | None = None,
    *,
    batch_size: int = 32,
    progress: Progress = lambda step, done, total: None,
) -> list[Description]:
    """Describes sources.

    Args:
      model: a captioner with a vocabulary.
      sources: [I, ...]; images; features where the model has no encoder; strings [I] where it
        has a source vocabulary.
      decoding: how; the likeliest words of each expert where None.
      batch_size: sources at once.
      progress: told of every batch.
    Raises:
      DataError: if there is no such expert.
    """
    decoding, vocabulary = decoding or Decoding(), vocabulary_of(model)
    if decoding.expert is not None and not 0 <= decoding.expert < model.num_experts:
        raise DataError(
            f"expert: expected a number from 0 to {model.num_experts - 1}; "
            f"received {decoding.expert}"
        )

    sources = as_read(model, sources)
    one = tf.TensorSpec(shape_of_batches(sources), sources.dtype)

    @tf.function(autograph=False, input_signature=[one, tf.TensorSpec([None, 2], tf.int32)])
    def step(batch: tf.Tensor, seeds: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        encoded = model.encode(batch)
        texts = _decode(model, encoded, decoding, seeds)
        return texts.token_ids, texts.log_joint, model.log_gate(encoded)

    found = []
    for start in range(0, len(sources), batch_size):
        batch = take(sources, slice(start, start + batch_size))
        rows = np.arange(start, start + len(batch), dtype=np.int32)
        seeds = np.stack([np.full_like(rows, decoding.seed), rows], axis=1)
        token_ids, log_joint, log_gate = step(tf.constant(batch), tf.constant(seeds))
        texts = Texts(token_ids, log_joint)
        strings = vocabulary.detokenize(token_ids).numpy()
        gate, log_prob = np.exp(log_gate), texts.log_marginal.numpy()
        responsibilities, best = texts.responsibilities.numpy(), texts.best.numpy()
        lengths = (token_ids.numpy() != PAD).sum(axis=-1)
        for row in range(len(batch)):
            count = int((lengths[row] > 0).sum())  # A beam's empty places come last.
            found.append(
                Description(
                    [text.decode("utf-8", errors="replace") for text in strings[row][:count]],
                    gate[row],
                    responsibilities[row][:count],
                    log_prob[row][:count],
                    lengths[row][:count],
                    int(best[row]),
                )
            )
        progress("Describing", len(found), len(sources))
    return found


def vocabulary_of(model: MixtureOfExpertsCaptioner) -> Vocabulary:
    """The model's vocabulary.

    Raises:
      ValueError: if it has none.
    """
    if model.vocabulary is None:
        raise ValueError("the captioner gives no strings: it was made without a `vocabulary`")
    return model.vocabulary


def _decode(
    model: MixtureOfExpertsCaptioner, encoded: Any, decoding: Decoding, seeds: tf.Tensor
) -> Texts:
    drawn: dict[str, Any] = {}
    if decoding.sample:
        drawn = {"seeds": seeds, "temperature": decoding.temperature, "top_p": decoding.top_p}
    if decoding.expert is None:
        return expert_texts(
            model,
            encoded,
            beam_size=decoding.beam_size,
            length_penalty=decoding.length_penalty,
            **drawn,
        )
    return texts_of_expert(
        model,
        encoded,
        decoding.expert,
        decoding.num_texts,
        beam_size=decoding.width,
        diversity=decoding.diversity,
        length_penalty=decoding.length_penalty,
        **drawn,
    )
