"""What models say of given spans that did not see their sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import tensorflow as tf

from tfp_dgm.tagging.chain_answers import batches_by_length
from tfp_dgm.tagging.chain_fitting import Legal
from tfp_dgm.tagging.chain_readings import Readings, TagSpace, read_labels
from tfp_dgm.tagging.cross_fitting import UnseenChains
from tfp_dgm.tagging.sentence_readings import SentenceReading, SpanReading, split_readings


def with_unseen_spans(
    readings: Sequence[SentenceReading],
    given: Sequence[Sequence[tuple[str, ...]]],
    annotated: np.ndarray,
    unseen: Sequence[UnseenChains],
    legal: Legal,
    space: TagSpace,
) -> list[SentenceReading]:
    """Readings whose given spans are judged by models that were trained without their sentence.

    A span whose words all have one given tag is certain under these as evidence. Its probability,
    and its other reading, are those of the chain that did not see the sentence, without evidence.

    Args:
      readings: S of them, with the given tags as evidence.
      given: S lists of T tuples of tags.
      annotated: int [n]; the numbers of sentences with tags.
      unseen: the chains of these.
      legal: bool [K], [K, K], [K].
      space: of the tags.
    """
    found = list(readings)
    if not space.types:
        return found
    known = [[len(options) == 1 for options in given[number]] for number in annotated]
    whole = {
        row: [all(known[row][span.first : span.last + 1]) for span in readings[number].spans]
        for row, number in enumerate(annotated)
    }
    wanted = {row for row, spans in whole.items() if any(spans)}
    labels = {row: readings[annotated[row]].labels for row in wanted}
    for row, spans in _spans_of_labels(unseen, labels, legal, space):
        number = annotated[row]
        pairs = zip(whole[row], spans, found[number].spans, strict=True)
        kept = tuple(other if is_given else own for is_given, other, own in pairs)
        found[number] = replace(found[number], spans=kept)
    return found


def _spans_of_labels(
    unseen: Sequence[UnseenChains], labels: dict[int, np.ndarray], legal: Legal, space: TagSpace
) -> Iterator[tuple[int, tuple[SpanReading, ...]]]:
    """Number of a sentence among the annotated, and what its chain says of the spans of labels."""
    size = len(space.labels)

    def read(unary: tf.Tensor, moves: tf.Tensor, lengths: tf.Tensor, path: tf.Tensor) -> Readings:
        return read_labels(unary, moves, lengths, path, space)

    specs = [
        tf.TensorSpec([None, None, size], tf.float32),
        tf.TensorSpec([size, size], tf.float32),
        tf.TensorSpec([None], tf.int32),
        tf.TensorSpec([None, None], tf.int32),
    ]
    traced = tf.function(read, input_signature=specs, autograph=False)
    initial, following, final = (np.where(part, 0, -np.inf).astype(np.float32) for part in legal)
    for chains in unseen:
        places = [place for place, row in enumerate(chains.rows) if int(row) in labels]
        moves = chains.transitions.astype(np.float32) + following
        for batch in batches_by_length([len(chains.unary[place]) for place in places], size):
            rows = [int(chains.rows[places[number]]) for number in batch]
            potentials = [chains.unary[places[number]] for number in batch]
            lengths = np.array([len(own) for own in potentials], np.int32)
            unary = np.zeros((len(rows), lengths.max(), size), np.float32)
            path = np.zeros(unary.shape[:2], np.int32)
            for place, own in enumerate(potentials):
                unary[place, : len(own)] = own
                unary[place, 0] += initial
                unary[place, len(own) - 1] += final
                path[place, : len(own)] = labels[rows[place]]
            readings = traced(*map(tf.constant, (unary, moves, lengths, path)))
            for row, reading in zip(rows, split_readings(readings, lengths), strict=True):
                yield row, reading.spans
