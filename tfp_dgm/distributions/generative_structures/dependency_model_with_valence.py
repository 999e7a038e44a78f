"""Texts that a dependency model with valence has written."""

from typing import Any, NamedTuple

import tensorflow as tf

from tfp_dgm.distributions.decoded_text import ended_before
from tfp_dgm.distributions.generative_structures.generative_text import GenerativeText, written
from tfp_dgm.distributions.generative_structures.head_outward_draws import draw_texts
from tfp_dgm.distributions.structures import DependencyTreeWithValence
from tfp_dgm.distributions.structures.checks import require_rank, require_sizes
from tfp_dgm.distributions.structures.semirings import sanitized
from tfp_dgm.token_ids import END, PAD, START


class DependencyModelPotentials(NamedTuple):
    """Log-probabilities, or how often each is used. Sides are left (0) and right (1).

    Attributes:
      root: [V], of the word below the root.
      attachments: [V, 2, 1 or 2, V], of a modifier, from its head, on a side, as the first there
        (0) or a later one (1).
      decisions: [V, 2, 2, 2], of a head, on a side, that has none (0) or some (1) modifiers there,
        to stop (0) or to go on (1).
    """

    root: tf.Tensor
    attachments: tf.Tensor
    decisions: tf.Tensor


class DependencyModelWithValence(GenerativeText):
    """Token ids, each written by its head in a projective dependency tree that is not seen.

        below the root:  m ~ softmax(root)
        on each side of each word h, from the nearest on, until d = stop:
          d ~ softmax(decisions[h, side, some]),  m ~ softmax(attachments[h, side, some])

    with some = 0 before the first modifier on that side, and 1 after it. A model of this kind ends
    by itself: the probabilities of all texts of one word and more sum to one (if they are finite:
    where heads go on too often, infinite ones have the rest). END has no probability of its own. A
    text is what stands before END or PAD, or the whole row; a row with tokens after END or PAD is
    impossible, and so is one of END alone; one of nothing but PAD has log-probability 0. PAD,
    START and END are in no tree. `posterior` is a `DependencyTreeWithValence` over the words.

    A draw is of the texts that have at most `max_length` words, closed by END where there is room.

    Klein and Manning, "Corpus-based induction of syntactic structure: models of dependency and
    constituency" (2004).

    Args:
      root_logits: float32 [V].
      attachment_logits: float32 [V, 2, 1 or 2, V]; 1 where first and later modifiers are alike.
      decision_logits: float32 [V, 2, 2, 2].
      max_length: columns of a draw.
    Raises:
      ValueError: if shapes do not fit each other, or `max_length` is below 1.
    """

    categorical = ("root", "attachments", "decisions")

    def __init__(
        self,
        root_logits: Any,
        attachment_logits: Any,
        decision_logits: Any,
        *,
        max_length: int,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "DependencyModelWithValence",
    ) -> None:
        parameters = dict(locals())
        owner = "DependencyModelWithValence"
        with tf.name_scope(name) as name:
            root = tf.convert_to_tensor(root_logits, tf.float32)
            attachments = tf.convert_to_tensor(attachment_logits, tf.float32)
            decisions = tf.convert_to_tensor(decision_logits, tf.float32)
            require_rank(owner, "root_logits", root, "[V]")
            size = root.shape[0]
            sizes: tuple[Any, ...] = (size, 2, (1, 2), size)
            require_sizes(owner, "attachment_logits", attachments, "[V, 2, 1 or 2, V]", sizes)
            sizes = (size, 2, 2, 2)
            require_sizes(owner, "decision_logits", decisions, "[V, 2, 2, 2]", sizes)
            log_potentials = DependencyModelPotentials(
                written(root, PAD, START, END),
                written(attachments, PAD, START, END),
                tf.nn.log_softmax(decisions),
            )
            super().__init__(
                log_potentials,
                max_length=max_length,
                parameters=parameters,
                validate_args=validate_args,
                allow_nan_stats=allow_nan_stats,
                name=name,
            )

    def _posterior(self, x: tf.Tensor) -> DependencyTreeWithValence:
        root, attachments, decisions = self._log_potentials
        is_word = (x != PAD) & (x != END) & ~ended_before(x)  # [B, T]
        nothing = tf.reduce_all(x == PAD, axis=-1)
        wrong = tf.reduce_any((x != PAD) & ended_before(x), axis=-1) | ~(nothing | is_word[:, 0])
        columns = tf.shape(x)[1]
        side = tf.cast(tf.range(columns)[:, tf.newaxis] < tf.range(columns), tf.int32)  # [T, T]
        # Flat indices: derivatives are of the rules alone, not of whole tables a word.
        to_side = 2 * x[:, :, tf.newaxis] + side  # [B, T (head), T]
        valences, size = attachments.shape[2], attachments.shape[3]
        going = tf.gather(tf.reshape(decisions[..., 1], [-1, 2]), to_side)  # [B, T, T, 2]
        rule = (to_side[..., tf.newaxis] * valences + tf.range(valences)) * size
        rule += x[:, tf.newaxis, :, tf.newaxis]
        arcs = going + tf.gather(tf.reshape(attachments, [-1]), rule)
        from_root = tf.gather(root, x)[:, tf.newaxis, :, tf.newaxis] + tf.zeros([2])
        arcs = tf.pad(tf.concat([from_root, arcs], axis=1), [[0, 0], [0, 0], [1, 0], [0, 0]])
        stops = tf.gather(decisions[..., 0], x)  # [B, T, 2, 2]
        # A row of PAD alone has one word, of which nothing is known.
        nothing = nothing[:, tf.newaxis, tf.newaxis, tf.newaxis]
        arcs = tf.where(nothing, 0.0, arcs)
        arcs = tf.where(wrong[:, tf.newaxis, tf.newaxis, tf.newaxis], -float("inf"), arcs)
        lengths = tf.maximum(tf.reduce_sum(tf.cast(is_word, tf.int32), axis=-1), 1)
        return DependencyTreeWithValence(arcs, tf.where(nothing, 0.0, stops), lengths=lengths)

    def _sample_n(self, n: tf.Tensor, seed: Any = None) -> tf.Tensor:
        root, attachments, decisions = self._log_potentials
        texts = draw_texts(root, attachments, decisions, n, self._max_length, sanitized(seed))
        words = tf.reduce_sum(tf.cast(texts != PAD, tf.int32), axis=-1, keepdims=True)
        return tf.where(tf.range(self._max_length) == words, END, texts)
