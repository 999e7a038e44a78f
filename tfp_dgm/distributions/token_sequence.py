"""Texts as sequences of tokens, written one after the other by an autoregressive decoder."""

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions.linear_softmax import linear_log_softmax
from tfp_dgm.token_ids import END, PAD, START

State = Any  # A nested structure of tensors [*batch, ...].

# Added to the logits of what a text never holds.
_NEVER = -1e9


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


class TokenSequence(tfd.Distribution):
    """Autoregressive distribution over rows of token ids, each closed by END and filled with PAD.

        log_prob(x) = sum_t log softmax(W h_t + b)[x_t],   h_t = decoder(conditioning, x_<t)

    summed up to and including END. A row without END counts as the beginning of a text, so that
    the probabilities of all rows of one length sum to one; a row of nothing but PAD has
    log-probability 0; a row with tokens after END or PAD is impossible. PAD and START are never
    written. Rows may have any number T of columns; `sample` gives `max_length` of them.

    The batch shape is that of the conditioning's leading axes: [B], or [S, B] for S draws of a
    latent, whose texts [B, T] need no tiling.

    Args:
      conditioning: [..., Z]; Z may be 0.
      decoder: see `DecoderFunctions`.
      max_length: columns of a draw.
      positions_at_once: see `linear_log_softmax`.
    """

    def __init__(
        self,
        conditioning: Any,
        decoder: DecoderFunctions,
        *,
        max_length: int,
        positions_at_once: int | None = None,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "TokenSequence",
    ) -> None:
        parameters = dict(locals())
        if max_length < 1:
            raise ValueError(f"TokenSequence: `max_length` must be >= 1; received {max_length}")
        with tf.name_scope(name) as name:
            self._conditioning = tf.convert_to_tensor(conditioning, name="conditioning")
            self._decoder = decoder
            self._max_length = max_length
            self._positions_at_once = positions_at_once
            never = never_written(decoder.kernel.shape[0])
            self._bias = tf.cast(decoder.bias, tf.float32) + never  # [V]
            super().__init__(
                dtype=tf.int32,
                reparameterization_type=tfd.NOT_REPARAMETERIZED,
                validate_args=validate_args,
                allow_nan_stats=allow_nan_stats,
                parameters=parameters,
                name=name,
            )

    @classmethod
    def _parameter_properties(cls, dtype: Any, num_classes: int | None = None) -> dict[str, Any]:
        return {"conditioning": tfp.util.ParameterProperties(event_ndims=1)}

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

    def step(self, token_ids: Any, time: Any, state: State) -> tuple[tf.Tensor, State]:
        """Reads one token a row and scores the next.

        Args:
          token_ids: int32 [...]; START at time 0.
          time: int32 []; how many tokens have been read before.
          state: as `initial_state` or the last step gave it.
        Returns:
          logits: float32 [..., V]; PAD and START as good as impossible.
          state: the next.
        """
        features, state = self._decoder.step(self._conditioning, token_ids, time, state)
        return self._logits(features), state

    def log_prob_per_token(self, token_ids: Any) -> tf.Tensor:
        """The terms of `log_prob`: token_ids [..., T] -> float32 [..., T], 0 at PAD."""
        return self._per_token(tf.convert_to_tensor(token_ids, tf.int32))

    def _logits(self, features: tf.Tensor) -> tf.Tensor:
        kernel = self._decoder.kernel
        flat = tf.reshape(features, [-1, features.shape[-1]])
        logits = tf.cast(tf.matmul(flat, kernel, transpose_b=True), tf.float32) + self._bias
        shape = tf.concat([tf.shape(features)[:-1], [kernel.shape[0]]], axis=0)
        return tf.reshape(logits, shape)  # [..., V]

    def _event_shape(self) -> tf.TensorShape:
        return tf.TensorShape([self._max_length])

    def _event_shape_tensor(self) -> tf.Tensor:
        return tf.constant([self._max_length])

    def _log_prob(self, token_ids: tf.Tensor) -> tf.Tensor:
        possible = ~tf.reduce_any(ended_before(token_ids) & (token_ids != PAD), axis=-1)
        total = tf.reduce_sum(self._per_token(token_ids), axis=-1)
        return tf.where(possible, total, -float("inf"))

    def _per_token(self, token_ids: tf.Tensor) -> tf.Tensor:
        starts = tf.fill(tf.concat([tf.shape(token_ids)[:-1], [1]], axis=0), START)
        inputs = tf.concat([starts, token_ids[..., :-1]], axis=-1)  # [..., T]
        features = self._decoder.features(self._conditioning, inputs)  # [..., T, D]
        token_ids = tf.broadcast_to(token_ids, tf.shape(features)[:-1])
        # Only what is not PAD meets the vocabulary: every one of these rows costs V D products.
        where = tf.where(token_ids != PAD)  # [M, rank]
        scores = linear_log_softmax(
            tf.gather_nd(features, where),
            self._decoder.kernel,
            self._bias,
            tf.gather_nd(token_ids, where),
            positions_at_once=self._positions_at_once,
        )
        return tf.scatter_nd(where, scores, tf.shape(token_ids, out_type=tf.int64))

    def _sample_n(self, n: tf.Tensor, seed: Any = None) -> tf.Tensor:
        batch = tf.concat([[n], tf.shape(self._conditioning)[:-1]], axis=0)
        seed = tfp.random.sanitize_seed(seed, name="token_sequence")

        def tile(part: tf.Tensor) -> tf.Tensor:
            # Behind the batch's axes come the state's own.
            return tf.broadcast_to(part, tf.concat([[n], tf.shape(part)], axis=0))

        def draw(
            time: tf.Tensor, last: tf.Tensor, rows: tf.TensorArray, state: State
        ) -> tuple[tf.Tensor, tf.Tensor, tf.TensorArray, State]:
            logits, state = self.step(last, time, state)
            fold = tf.random.fold_in(seed, time)
            drawn = tfd.Categorical(logits=logits).sample(seed=fold)  # [n, *batch]
            over = (last == END) | (last == PAD)
            token = tf.where(over, PAD, drawn)
            return time + 1, token, rows.write(time, token), state

        state = tf.nest.map_structure(tile, self.initial_state())
        shape = tf.TensorShape([None]).concatenate(self._conditioning.shape[:-1])
        rows = tf.TensorArray(tf.int32, self._max_length, element_shape=shape)
        last = tf.ensure_shape(tf.fill(batch, START), shape)
        _, _, rows, _ = tf.while_loop(
            lambda *_: True,
            draw,
            (0, last, rows, state),
            maximum_iterations=self._max_length,
            parallel_iterations=1,
        )
        token_ids = rows.stack()  # [T, n, *batch]
        return tf.experimental.numpy.moveaxis(token_ids, 0, -1)


def never_written(vocabulary_size: int) -> tf.Tensor:
    """What keeps PAD and START out, added to logits: float32 [V]."""
    return tf.reduce_sum(tf.one_hot([PAD, START], vocabulary_size, on_value=_NEVER), axis=0)


def ended_before(token_ids: tf.Tensor) -> tf.Tensor:
    """Whether END or PAD stands before a token: int32 [..., T] -> bool [..., T]."""
    ends = tf.cast((token_ids == END) | (token_ids == PAD), tf.int32)
    return tf.cumsum(ends, axis=-1, exclusive=True) > 0
