"""What a tagger says of sentences, read in batches of like length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfp_dgm.tagging.chain_answers import SentenceAnswer, batches_by_length
from tfp_dgm.tagging.chain_readings import Readings, TagSpace, read_chains
from tfp_dgm.tagging.sequence_tagger import SequenceTagger


@dataclass(frozen=True)
class SpanReading:
    """A span of a sentence's best labels.

    Attributes:
      first, last: its words, from 0; both belong to it.
      type: its type's place in the space's `types`.
      probability: of just this span, by the chain.
      other_first, other_last, other: the most probable other reading there; its type is the number
        of types where it is no span.
      other_probability: of that.
    """

    first: int
    last: int
    type: int
    probability: float
    other_first: int
    other_last: int
    other: int
    other_probability: float


@dataclass(frozen=True)
class SentenceReading:
    """What a chain says of a sentence.

    Attributes:
      tags: float32 [T, G]; probabilities of the tags as the file writes them.
      labels: int32 [T]; the best labels of the chain.
      spans: those that the labels make.
    """

    tags: np.ndarray
    labels: np.ndarray
    spans: tuple[SpanReading, ...] = ()


class TaggerReader:
    """Reads sentences of any lengths with a tagger, by one graph.

    Args:
      tagger: the model.
      space: what its labels mean.
    """

    def __init__(self, tagger: SequenceTagger, space: TagSpace) -> None:
        self._size = len(space.labels)
        self._encoded = tagger.encoder is not None

        def read(tokens: tf.Tensor, allowed: tf.Tensor) -> Readings:
            return read_tokens(tagger, tokens, space, allowed)

        specs = [
            tf.TensorSpec([None, None], tf.string),
            tf.TensorSpec([None, None, self._size], tf.bool),
        ]
        # With AutoGraph where there is an encoder: tokenisers of KerasHub branch on tensors.
        self._read = tf.function(read, input_signature=specs, autograph=self._encoded)

    def __call__(
        self,
        tokens: Sequence[Sequence[str]],
        allowed: Sequence[np.ndarray | None],
        count: Callable[[int], None] = lambda done: None,
    ) -> list[SentenceReading]:
        """The readings of N sentences, in their order.

        Args:
          tokens: N lists of T words.
          allowed: of each bool [T, K], the labels that are known to be possible; None: all.
          count: called with the number of sentences that are done.
        """
        found: list[SentenceReading] = [None] * len(tokens)  # type: ignore[list-item]
        done = 0
        sizes = [len(sentence) for sentence in tokens]
        for rows in batches_by_length(sizes, encoded=self._encoded):
            lengths = np.array([len(tokens[row]) for row in rows])
            known = np.ones((len(rows), lengths.max(), self._size), bool)
            for place, row in enumerate(rows):
                if allowed[row] is not None:
                    known[place, : lengths[place]] = allowed[row]
            padded = tf.constant(padded_tokens([tokens[row] for row in rows]), tf.string)
            readings = self._read(padded, tf.constant(known))
            for row, reading in zip(rows, split_readings(readings, lengths), strict=True):
                found[row] = reading
            done += len(rows)
            count(done)
        return found


def padded_tokens(sentences: Sequence[Sequence[str]]) -> np.ndarray:
    """UTF-8 [B, T] of B sentences, filled with ""; what UTF-8 lacks becomes a question mark."""
    padded = np.full((len(sentences), max(map(len, sentences))), b"", object)
    for row, sentence in enumerate(sentences):
        padded[row, : len(sentence)] = [word.encode("utf-8", "replace") for word in sentence]
    return padded


def read_tokens(
    tagger: SequenceTagger, tokens: tf.Tensor, space: TagSpace, allowed: tf.Tensor | None = None
) -> Readings:
    """The readings of sentences of strings [B, T], filled with "".

    Args:
      tagger: the model.
      tokens: [B, T].
      space: what the labels mean.
      allowed: bool [B, T, K]; the labels that are known to be possible; None: all.
    """
    chain = tagger.chain(tokens)
    parts = chain.potentials
    first = tf.pad(parts.initial[:, tf.newaxis], [[0, 0], [0, tf.shape(tokens)[1] - 1], [0, 0]])
    unary = parts.unary + first  # [B, T, K]
    if allowed is not None:
        unary = tf.where(allowed, unary, -np.inf)
    penalty = tf.convert_to_tensor(tagger.outside_penalty)
    return read_chains(unary, parts.transitions[0, 0], chain.lengths, space, penalty)


def reading_of_answer(answer: SentenceAnswer, space: TagSpace) -> SentenceReading:
    """What a cross-fitted model answered, as a reading; without other readings of spans."""
    grouped = np.eye(len(space.tags), dtype=np.float32)[list(space.groups)]  # [K, G]
    if not space.types:
        labels = answer.marginals.argmax(axis=1).astype(np.int32)
        return SentenceReading(answer.marginals @ grouped, labels)
    spans = [
        SpanReading(
            span.first,
            span.last,
            space.types.index(span.name),
            span.probability,
            span.first,
            span.last,
            len(space.types),
            0.0,
        )
        for span in answer.spans
    ]
    return SentenceReading(answer.marginals @ grouped, answer.mode, tuple(spans))


def split_readings(readings: Readings, lengths: np.ndarray) -> list[SentenceReading]:
    """The sentences of a batch one by one."""
    arrays = [None if part is None else np.asarray(part) for part in readings]
    tags, labels = arrays[0], arrays[1]
    assert tags is not None
    assert labels is not None
    spans: list[list[SpanReading]] = [[] for _ in lengths]
    if readings.first is not None:
        first, last, *others = (part for part in arrays[2:] if part is not None)
        places = np.arange(labels.shape[1])
        begun = (labels > 0) & (first == places) & (places < lengths[:, np.newaxis])
        columns = [column[begun] for column in (first, last, (labels - 1) // 4, *others)]
        for row, *values in zip(np.nonzero(begun)[0], *columns, strict=True):
            spans[row].append(SpanReading(*(value.item() for value in values)))
    return [
        SentenceReading(tags[row, :length], labels[row, :length], tuple(spans[row]))
        for row, length in enumerate(lengths)
    ]
