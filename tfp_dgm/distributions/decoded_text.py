"""Texts that a decoder writes, one token after the other."""

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.token_ids import END, PAD, START

State = Any  # A nested structure of tensors [*batch, ...].


class DecoderFunctions(NamedTuple):
    """What the distribution knows of a decoder: tensors in, tensors out.

    Leading axes broadcast: conditioning [*b, Z] and tokens [*c, T] give features [*batch, T, D].

    Attributes:
      features: (conditioning [..., Z], inputs int32 [..., T]) -> [..., T, D]. The inputs are the
        tokens read, START first; features[t] sees the inputs up to t and scores the next token.
      initial_state: (conditioning [..., Z], max_length) -> the state before the first input.
      step: (conditioning [..., Z], input int32 [...], time int32 [], state) -> features [..., D]
        and the next state. Steps and `features` agree.
      kernel: [V, D]; the logits are features kernel' + bias.
      bias: float32 [V].
    """

    features: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    initial_state: Callable[[tf.Tensor, int], State]
    step: Callable[[tf.Tensor, tf.Tensor, tf.Tensor, State], tuple[tf.Tensor, State]]
    kernel: tf.Tensor
    bias: tf.Tensor


class DecodedText(tfd.Distribution):
    """Rows of token ids, each closed by END and filled with PAD: the base of what decoders write.

    A subclass has `_per_token`, the terms of `log_prob`, gives `_write` what it chooses, and tells
    TFP of its own parameters (`_parameter_properties`).

    Args:
      conditioning: [..., Z].
      decoder: see `DecoderFunctions`.
      max_length: columns of a draw.
      parameters: the arguments of the subclass.
      **kwargs: see `tfd.Distribution`.
    Raises:
      ValueError: if `max_length` is below 1.
    """

    def __init__(
        self,
        conditioning: Any,
        decoder: DecoderFunctions,
        *,
        max_length: int,
        parameters: dict[str, Any],
        **kwargs: Any,
    ) -> None:
        if max_length < 1:
            raise ValueError(
                f"{type(self).__name__}: `max_length` must be >= 1; received {max_length}"
            )
        self._conditioning = tf.convert_to_tensor(conditioning, name="conditioning")
        self._decoder = decoder
        self._max_length = max_length
        super().__init__(
            dtype=tf.int32,
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            parameters=parameters,
            **kwargs,
        )

    @property
    def conditioning(self) -> tf.Tensor:
        """[..., Z]."""
        return self._conditioning

    @property
    def max_length(self) -> int:
        """Columns of a draw."""
        return self._max_length

    @property
    def vocabulary_size(self) -> int:
        """V."""
        return self._decoder.kernel.shape[0]

    def initial_state(self) -> State:
        """The decoder's state before START, with the batch's leading axes."""
        return self._decoder.initial_state(self._conditioning, self._max_length)

    def _event_shape(self) -> tf.TensorShape:
        return tf.TensorShape([self._max_length])

    def _event_shape_tensor(self) -> tf.Tensor:
        return tf.constant([self._max_length])

    def _log_prob(self, token_ids: tf.Tensor) -> tf.Tensor:
        terms = self._per_token(token_ids)
        possible = ~tf.reduce_any(ended_before(token_ids) & (token_ids != PAD), axis=-1)
        return tf.where(possible, tf.reduce_sum(terms, axis=-1), -float("inf"))

    def _per_token(self, token_ids: tf.Tensor) -> tf.Tensor:
        """The terms of tokens int32 [..., T], float32 [*batch, T]; 0 at PAD."""
        raise NotImplementedError

    def _write(
        self,
        n: Any,
        choose: Callable[[tf.Tensor, tf.Tensor, State], tuple[tf.Tensor, State]],
    ) -> tf.Tensor:
        """n texts of each row, int32 [n, *batch, max_length].

        Args:
          n: how many.
          choose: (the last token int32 [n, *batch], time int32 [], state) -> the next token, which
            counts where the text has not ended, and the next state.
        """
        batch = tf.concat([[n], tf.shape(self._conditioning)[:-1]], axis=0)

        def tile(part: tf.Tensor) -> tf.Tensor:
            # Behind the batch's axes come the state's own.
            return tf.broadcast_to(part, tf.concat([[n], tf.shape(part)], axis=0))

        def write(
            time: tf.Tensor, last: tf.Tensor, rows: tf.TensorArray, state: State
        ) -> tuple[tf.Tensor, tf.Tensor, tf.TensorArray, State]:
            chosen, state = choose(last, time, state)
            token = tf.where((last == END) | (last == PAD), PAD, chosen)
            token = tf.ensure_shape(token, last.shape)
            return time + 1, token, rows.write(time, token), state

        state = tf.nest.map_structure(tile, self.initial_state())
        shape = tf.TensorShape([None]).concatenate(self._conditioning.shape[:-1])
        rows = tf.TensorArray(tf.int32, self._max_length, element_shape=shape)
        last = tf.ensure_shape(tf.fill(batch, START), shape)
        _, _, rows, _ = tf.while_loop(
            lambda *_: True,
            write,
            (0, last, rows, state),
            maximum_iterations=self._max_length,
            parallel_iterations=1,
        )
        token_ids = rows.stack()  # [T, n, *batch]
        return tf.experimental.numpy.moveaxis(token_ids, 0, -1)


def read_before(token_ids: tf.Tensor) -> tf.Tensor:
    """What a decoder reads before each token: START and all but the last, int32 [..., T]."""
    starts = tf.fill(tf.concat([tf.shape(token_ids)[:-1], [1]], axis=0), START)
    return tf.concat([starts, token_ids[..., :-1]], axis=-1)


def ended_before(token_ids: tf.Tensor) -> tf.Tensor:
    """Whether END or PAD stands before a token: int32 [..., T] -> bool [..., T]."""
    ends = tf.cast((token_ids == END) | (token_ids == PAD), tf.int32)
    return tf.cumsum(ends, axis=-1, exclusive=True) > 0
