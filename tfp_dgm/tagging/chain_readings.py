"""What chains say of words and spans: marginals, the best tags, and the best other readings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfp_dgm.data.tag_scheme import OUTSIDE
from tfp_dgm.distributions import LinearChain

# Finite potentials below this (nats, of a word beside its best label) are taken for it, so that
# what evidence leaves open is told from what it does not, however unlikely.
_LEAST = -300.0
_TINY = 1e-300
_BORDERS = ((-1, 0), (1, 0), (0, -1), (0, 1))  # Moves of a span's first and last word.
_ROLES = 4  # B, I, E and S of each type.
_NEVER = np.float64(-np.inf)


class Readings(NamedTuple):
    """Answers of chains to B sentences of T words.

    The last six are of the span that a word is in, and are there where tags are spans; outside
    spans they mean nothing.

    Attributes:
      tags: float32 [B, T, G]; probabilities of the tags as the file writes them.
      labels: int32 [B, T]; the best labels: with spans the best legal sequence for finding them,
        else the most probable label of each word.
      first, last: int32 [B, T]; the words between which the span lies, both belonging to it.
      probability: float32 [B, T]; of the whole span: that these words, no more and no fewer, are
        of this type.
      other_first, other_last: int32 [B, T]; the words of the most probable other reading.
      other: int32 [B, T]; its type, or the number of types where it is no span at all.
      other_probability: float32 [B, T].
    """

    tags: tf.Tensor
    labels: tf.Tensor
    first: tf.Tensor | None = None
    last: tf.Tensor | None = None
    probability: tf.Tensor | None = None
    other_first: tf.Tensor | None = None
    other_last: tf.Tensor | None = None
    other: tf.Tensor | None = None
    other_probability: tf.Tensor | None = None


@dataclass(frozen=True)
class TagSpace:
    """How the K labels of a chain stand for tags.

    Attributes:
      labels: K names, as `data.TagScheme.labels`: "O", and B, I, E, S of each type; or plain tags.
      groups: int [K]; the tag that a label is written as.
      tags: G names of these.
      types: the names of the types of spans; () where tags are plain.
    """

    labels: tuple[str, ...]
    groups: tuple[int, ...]
    tags: tuple[str, ...]
    types: tuple[str, ...] = field(default=())


class Markov(NamedTuple):
    """A chain as a Markov process: log p(z_1), and log p(z_t+1 | z_t) in two parts.

        log p(b | a) = transitions[a, b] + enter[t + 1, b] - leave[t, a]

    Attributes:
      transitions: float64 [K, K].
      enter, leave: float64 [B, T, K].
      log_marginals: float64 [B, T, K].
    """

    transitions: tf.Tensor
    enter: tf.Tensor
    leave: tf.Tensor
    log_marginals: tf.Tensor


def markov(unary: tf.Tensor, transitions: tf.Tensor, lengths: tf.Tensor) -> Markov:
    """The posterior process of chains: a recursion back, and one forth.

    Args:
      unary: [B, T, K], nats; -inf where a label cannot be.
      transitions: [K, K], nats; -inf for moves that cannot be.
      lengths: int32 [B], 1 to T.
    """
    unary = tf.cast(unary, tf.float64)
    unary -= tf.reduce_max(unary, axis=-1, keepdims=True)
    unary = tf.where(tf.math.is_finite(unary), tf.maximum(unary, _LEAST), unary)
    transitions = tf.cast(transitions, tf.float64)
    moves = tf.exp(transitions)  # [K, K]
    steps = tf.shape(unary)[1]
    goes_on = tf.range(steps)[:, tf.newaxis] + 1 < lengths  # [T, B]
    emitted = tf.exp(tf.transpose(unary, [1, 0, 2]))  # [T, B, K]

    def back(after: Any, here: Any) -> Any:
        entered_after, _ = after
        emitted_here, going = here
        left = tf.where(going[:, tf.newaxis], tf.matmul(entered_after, moves, transpose_b=True), 1)
        left = tf.maximum(left, _TINY)
        entered = tf.maximum(emitted_here * left, _TINY)
        return entered / tf.reduce_max(entered, axis=-1, keepdims=True), left

    nothing = tf.zeros_like(emitted[0])
    enter, leave = tf.scan(back, (emitted, goes_on), (nothing, nothing), reverse=True)

    def forth(before: Any, here: Any) -> Any:
        entered, left_before, goes = here
        reached = tf.matmul(before / left_before, moves) * entered
        total = tf.reduce_sum(reached, axis=-1, keepdims=True)
        return tf.where(goes[:, tf.newaxis], reached / tf.maximum(total, _TINY), before)

    begun = enter[0] / tf.reduce_sum(enter[0], axis=-1, keepdims=True)
    # The first step stands still: a graph cannot scan over no step, as of one word.
    goes = tf.pad(goes_on[:-1], [[1, 0], [0, 0]])
    left = tf.concat([tf.ones_like(leave[:1]), leave[:-1]], axis=0)
    marginals = tf.scan(forth, (enter, left, goes), begun)

    def by_rows(values: tf.Tensor) -> tf.Tensor:
        return tf.math.log(tf.maximum(tf.transpose(values, [1, 0, 2]), _TINY))

    return Markov(transitions, by_rows(enter), by_rows(leave), by_rows(marginals))


def span_log_probabilities(
    chain: Markov, first: tf.Tensor, last: tf.Tensor, types: tf.Tensor
) -> tf.Tensor:
    """log p of whole spans, float64 [B, N]: of their labels B I ... I E, or S.

    Args:
      chain: of B sentences, of the labels "O" and B, I, E, S of each of C types.
      first, last: int32 [B, N]; within the sentence, first <= last.
      types: int32 [B, N], from 0.
    """
    begin, inside, end, single = (1 + _ROLES * types + role for role in range(_ROLES))
    going = _runs(chain, 2 + _ROLES * tf.range((chain.enter.shape[-1] - 1) // _ROLES))  # [B, T, C]
    start = _at(chain.log_marginals, first, begin)
    alone = _at(chain.log_marginals, first, single)
    longer = last > first
    after = tf.where(longer, first + 1, first)
    before = tf.where(longer, last - 1, last)
    pair = start + _step(chain, first, begin, after, end)
    run = _at(going, before, types) - _at(going, after, types)
    many = start + _step(chain, first, begin, after, inside) + run
    many += _step(chain, before, inside, last, end)
    return tf.where(longer, tf.where(last > first + 1, many, pair), alone)


def _runs(chain: Markov, states: tf.Tensor) -> tf.Tensor:
    """Sums [B, T, N] of log p(z_t+1 = state | z_t = state) over all steps before each word."""
    enter = tf.gather(chain.enter, states, axis=-1)[:, 1:]
    leave = tf.gather(chain.leave, states, axis=-1)[:, :-1]
    stay = tf.gather(tf.linalg.diag_part(chain.transitions), states)
    steps = tf.maximum(stay + enter - leave, 2 * _LEAST)
    return tf.pad(tf.cumsum(steps, axis=1), [[0, 0], [1, 0], [0, 0]])


def _step(
    chain: Markov, place: tf.Tensor, state: tf.Tensor, to_place: tf.Tensor, to_state: tf.Tensor
) -> tf.Tensor:
    moves = tf.reshape(chain.transitions, [-1])
    moved = tf.gather(moves, state * chain.transitions.shape[0] + to_state)
    return moved + _at(chain.enter, to_place, to_state) - _at(chain.leave, place, state)


def _at(values: tf.Tensor, places: tf.Tensor, states: tf.Tensor) -> tf.Tensor:
    """values[b, places[b, n], states[b, n]] of values [B, T, K]."""
    size = values.shape[-1]
    flat = tf.reshape(values, [tf.shape(values)[0], -1])
    return tf.gather(flat, places * size + states, batch_dims=1)


def read_chains(
    unary: tf.Tensor,
    transitions: tf.Tensor,
    lengths: tf.Tensor,
    space: TagSpace,
    outside_penalty: tf.Tensor | float = 0.0,
) -> Readings:
    """Reads chains: pure operations of TensorFlow, which XLA can compile.

    Args:
      unary: [B, T, K], nats; -inf where a label cannot be, or evidence excludes it.
      transitions: [K, K], nats; -inf for moves that cannot be.
      lengths: int32 [B], 1 to T.
      space: what the labels mean.
      outside_penalty: what the potentials of "O" lose where the best sequence is looked for; see
        `span_search`.
    """
    chain = markov(unary, transitions, lengths)
    if not space.types:
        best = tf.argmax(chain.log_marginals, axis=-1, output_type=tf.int32)
        return Readings(_of_tags(chain, space), best)
    outside = np.array([label == OUTSIDE for label in space.labels], np.float32)
    sought = unary - tf.cast(outside_penalty * outside, unary.dtype)
    labels = LinearChain(sought, transitions, lengths=lengths).mode()
    spans = _spans(chain, labels, lengths, len(space.types))
    return Readings(_of_tags(chain, space), labels, *spans)


def read_labels(
    unary: tf.Tensor,
    transitions: tf.Tensor,
    lengths: tf.Tensor,
    labels: tf.Tensor,
    space: TagSpace,
) -> Readings:
    """What chains say of labels that are not theirs, and of the spans that these make.

    Args:
      unary, transitions, lengths, space: see `read_chains`; tags are of spans.
      labels: int32 [B, T]; legal ones, and 0 in the padding.
    """
    chain = markov(unary, transitions, lengths)
    spans = _spans(chain, labels, lengths, len(space.types))
    return Readings(_of_tags(chain, space), labels, *spans)


def _of_tags(chain: Markov, space: TagSpace) -> tf.Tensor:
    """The probabilities float32 [B, T, G] of tags as the file writes them."""
    grouped = tf.one_hot(space.groups, len(space.tags), dtype=tf.float64)
    return tf.cast(tf.einsum("btk,kg->btg", tf.exp(chain.log_marginals), grouped), tf.float32)


def _spans(
    chain: Markov, labels: tf.Tensor, lengths: tf.Tensor, num_types: int
) -> tuple[tf.Tensor, ...]:
    """The last six of `Readings`."""
    steps = tf.shape(labels)[1]
    places = tf.range(steps)[tf.newaxis]
    role = tf.where(labels > 0, (labels - 1) % _ROLES, -1)
    types = tf.maximum(labels - 1, 0) // _ROLES
    begins, ends = (role == 0) | (role == 3), (role == 2) | (role == 3)
    first = _last_so_far(tf.where(begins, places, 0))
    last = steps - 1 - _last_so_far(tf.where(ends, steps - 1 - places, 0)[:, ::-1])[:, ::-1]
    # Outside spans, and for illegal labels, anything that stands in the sentence.
    inside = (role >= 0) & (first <= places) & (places <= last)
    first, last = tf.where(inside, first, places), tf.where(inside, last, places)
    probability = span_log_probabilities(chain, first, last, types)

    outside = _runs(chain, tf.constant([0]))
    zero = tf.zeros_like(first)
    none = _at(chain.log_marginals, first, zero)
    none += _at(outside, last, zero) - _at(outside, first, zero)
    candidates = [(first, last, zero + num_types, none)]
    for number in range(num_types):
        other = zero + number
        log_prob = span_log_probabilities(chain, first, last, other)
        candidates.append((first, last, other, tf.where(types == other, _NEVER, log_prob)))
    for left, right in _BORDERS:
        there = (first + left >= 0) & (last + right < lengths[:, tf.newaxis])
        there &= first + left <= last + right
        start, stop = (
            tf.where(there, first + left, first),
            tf.where(there, last + right, last),
        )
        log_prob = span_log_probabilities(chain, start, stop, types)
        candidates.append((start, stop, types, tf.where(there, log_prob, _NEVER)))
    log_probs = tf.stack([candidate[3] for candidate in candidates], axis=-1)
    best = tf.argmax(log_probs, axis=-1, output_type=tf.int32)[..., tf.newaxis]

    def chosen(field: int) -> tf.Tensor:
        values = tf.stack([candidate[field] for candidate in candidates], axis=-1)
        return tf.gather(values, best, batch_dims=2)[..., 0]

    return (
        first,
        last,
        tf.cast(tf.exp(probability), tf.float32),
        chosen(0),
        chosen(1),
        chosen(2),
        tf.cast(tf.exp(chosen(3)), tf.float32),
    )


def _last_so_far(places: tf.Tensor) -> tf.Tensor:
    """The running maximum [B, T] over axis 1."""
    return tf.transpose(tf.scan(tf.maximum, tf.transpose(places)))
