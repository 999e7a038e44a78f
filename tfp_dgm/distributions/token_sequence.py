"""Texts as sequences of tokens, written one after the other by an autoregressive decoder."""

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions.decoded_text import (
    DecodedText,
    DecoderFunctions,
    State,
    read_before,
)
from tfp_dgm.distributions.linear_softmax import linear_log_softmax, rough_log_softmax
from tfp_dgm.token_ids import PAD, START

# Added to the logits of what a text never holds.
_NEVER = -1e9


class TokenSequence(DecodedText):
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
      rough: whether log-probabilities, which then have no gradient in the decoder's output, are
        those of `rough_log_softmax`.
    """

    def __init__(
        self,
        conditioning: Any,
        decoder: DecoderFunctions,
        *,
        max_length: int,
        positions_at_once: int | None = None,
        rough: bool = False,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "TokenSequence",
    ) -> None:
        parameters = dict(locals())
        with tf.name_scope(name) as name:
            super().__init__(
                conditioning,
                decoder,
                max_length=max_length,
                parameters=parameters,
                validate_args=validate_args,
                allow_nan_stats=allow_nan_stats,
                name=name,
            )
            self._positions_at_once = positions_at_once
            self._rough = rough
            never = never_written(decoder.kernel.shape[0])
            self._bias = tf.cast(decoder.bias, tf.float32) + never  # [V]

    @classmethod
    def _parameter_properties(cls, dtype: Any, num_classes: int | None = None) -> dict[str, Any]:
        return {"conditioning": tfp.util.ParameterProperties(event_ndims=1)}

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

    def _per_token(self, token_ids: tf.Tensor) -> tf.Tensor:
        features = self._decoder.features(self._conditioning, read_before(token_ids))  # [..., T, D]
        token_ids = tf.broadcast_to(token_ids, tf.shape(features)[:-1])
        # Only what is not PAD meets the vocabulary: every one of these rows costs V D products.
        where = tf.where(token_ids != PAD)  # [M, rank]
        scores = self._scores(tf.gather_nd(features, where), tf.gather_nd(token_ids, where))
        return tf.scatter_nd(where, scores, tf.shape(token_ids, out_type=tf.int64))

    def _scores(self, features: tf.Tensor, token_ids: tf.Tensor) -> tf.Tensor:
        """Log-probabilities [M] of tokens [M] by features [M, D]."""
        softmax = (features, self._decoder.kernel, self._bias, token_ids)
        if self._rough:
            return rough_log_softmax(*softmax)
        return linear_log_softmax(*softmax, positions_at_once=self._positions_at_once)

    def _sample_n(self, n: tf.Tensor, seed: Any = None) -> tf.Tensor:
        seed = tfp.random.sanitize_seed(seed, name="token_sequence")

        def draw(last: tf.Tensor, time: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
            logits, state = self.step(last, time, state)
            return tfd.Categorical(logits=logits).sample(seed=tf.random.fold_in(seed, time)), state

        return self._write(n, draw)


def never_written(vocabulary_size: int) -> tf.Tensor:
    """What keeps PAD and START out, added to logits: float32 [V]."""
    return tf.reduce_sum(tf.one_hot([PAD, START], vocabulary_size, on_value=_NEVER), axis=0)
