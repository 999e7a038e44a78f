"""The best trees of sentences, of all lengths."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tfp_dgm import distributions, models
from tfp_dgm.induction.batches import padded, places_within

_CELLS_AT_ONCE = 100_000  # Words times words of the sentences that are parsed together.


class Parses(NamedTuple):
    """Of each sentence, those of its words; none of a sentence without words.

    Attributes:
      heads: 1 .. T, 0 for the root.
      tags: their names, where the parser finds tags, too.
    """

    heads: list[list[int]]
    tags: list[list[str]] | None


def parse(parser: models.StructuredLanguageModel, rows: Sequence[NDArray[np.int32]]) -> Parses:
    """The best tree of each sentence of token ids."""

    def best(token_ids: tf.Tensor) -> tf.Tensor:
        return parser.structure(token_ids).mode()

    return Parses(_in_batches(best, rows, _CELLS_AT_ONCE), None)


def parse_with_tags(
    parser: models.StructuredLanguageModel,
    rows: Sequence[NDArray[np.int32]],
    names: Sequence[str],
    *,
    max_length: int,
    cells: int,
) -> Parses:
    """The best tree and the best tags of each sentence of token ids.

    Those of up to `max_length` words are the best together. Of longer sentences, where time grows
    with the cube of words times tags, each word has the tag that its arcs weigh most, which is the
    one that writes its vector likeliest, and heads are the best for these tags.

    Args:
      parser: of a `TaggedDependencyTree`.
      rows: without END.
      names: of tags.
      max_length: words.
      cells: words times words of the sentences that are parsed together.
    """

    def together(token_ids: tf.Tensor) -> tf.Tensor:
        return parser.structure(token_ids).mode()

    def tags_first(token_ids: tf.Tensor) -> tf.Tensor:
        structure: distributions.TaggedDependencyTree = parser.structure(token_ids)
        weights = tf.reduce_max(structure.potentials.arcs[:, 1:, 1:], axis=1)  # [B, T, K]
        tags = tf.argmax(weights, axis=-1, output_type=tf.int32)
        return tf.stack([structure.trees_of(tags).mode(), tags], axis=-1)

    short = [row if len(row) <= max_length else row[:0] for row in rows]
    long = [row if len(row) > max_length else row[:0] for row in rows]
    found = [
        of_short or of_long
        for of_short, of_long in zip(
            _in_batches(together, short, cells), _in_batches(tags_first, long, cells), strict=True
        )
    ]
    return Parses(
        [[head for head, _ in row] for row in found],
        [[names[tag] for _, tag in row] for row in found],
    )


def _in_batches(
    best: Callable[[tf.Tensor], tf.Tensor], rows: Sequence[NDArray[np.int32]], cells: int
) -> list[list]:
    """Token ids [B, T] -> [B, T, ...], of each row without its padding."""
    # Outside a graph, the tape of a mode would keep all steps of the recursion: O(T^3) a row.
    of_batch = tf.function(
        best, input_signature=[tf.TensorSpec([None, None], tf.int32)], autograph=False
    )
    found: list[list] = [[]] * len(rows)
    some = [i for i, row in enumerate(rows) if len(row)]
    for chosen in places_within([len(rows[i]) for i in some], cells):
        places = [some[i] for i in chosen]
        events = of_batch(padded([rows[i] for i in places])).numpy()
        for place, event in zip(places, events, strict=True):
            found[place] = event[: len(rows[place])].tolist()
    return found
