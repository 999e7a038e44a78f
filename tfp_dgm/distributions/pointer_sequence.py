"""Texts whose words a pointer takes from a source, in their order."""

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
from tfp_dgm.distributions.point_estimates import point_estimate
from tfp_dgm.stacked_products import stacked_product
from tfp_dgm.token_ids import END, PAD

# Logits of what is never written.
_NEVER = -1e9


class PointerSequence(DecodedText):
    """Distribution over the subsequences c of a source x, as rows of token ids closed by END [1].

        q(c_t = w | c_<t, x) = sum_i [i > p_t, x_i = w] exp(h_t' k_i) / Z_t
        q(c_t = END | c_<t, x) = exp(h_t' o + b) / Z_t,    h_t = decoder(conditioning, c_<t)
        p_0 = -1,   p_t+1 = the first i > p_t with x_i = c_t

    A subsequence has one leftmost place in its source. The pointer remembers that place and no
    other, so that probabilities are of words and not of places: those of all rows of one length sum
    to one, though a word may stand in a source several times. After `max_words` words END follows;
    before `min_words` it does not, and no place is pointed at behind which too few words are left.
    A row without END counts as the beginning of a text, as in `TokenSequence`; what is no
    subsequence has log-probability -inf.

    Decoded as `TokenSequence` is: by `inference.greedy`, `sample_texts` and `beam_search`.
    `point_estimate` takes the likeliest word at each step.

    Args:
      conditioning: [B, Z].
      decoder: see `DecoderFunctions`; o and b are the rows of its kernel and bias for END.
      source: int32 [B, T]; x, words alone, filled with PAD.
      keys: [B, T, F]; k.
      max_words: int32 [B]; of c, END not counted.
      max_length: columns of a draw; c has one word less at most.
      min_words: int32 [B]; of c. None: 0. A source of fewer words is all of c, and where it is more
        than `max_words`, that many are both.
    References:
      [1] Miao and Blunsom. Language as a Latent Variable: Discrete Generative Models for Sentence
        Compression. EMNLP 2016. arXiv:1609.07317. (There a word may be taken again, and from before
        the last one.)
    """

    def __init__(
        self,
        conditioning: Any,
        decoder: DecoderFunctions,
        source: Any,
        keys: Any,
        max_words: Any,
        *,
        max_length: int,
        min_words: Any = None,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "PointerSequence",
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
            self._source = tf.cast(source, tf.int32, name="source")
            self._keys = tf.convert_to_tensor(keys, name="keys")
            self._max_words = tf.minimum(tf.cast(max_words, tf.int32), max_length - 1)
            in_source = tf.cast(self._source != PAD, tf.int32)  # [B, T]
            self._words_after = tf.cumsum(in_source, axis=-1, exclusive=True, reverse=True)
            least = tf.minimum(self._max_words, tf.reduce_sum(in_source, axis=-1))
            wanted = 0 if min_words is None else tf.cast(min_words, tf.int32)
            self._min_words = tf.minimum(wanted, least)  # [B]

    @classmethod
    def _parameter_properties(cls, dtype: Any, num_classes: int | None = None) -> dict[str, Any]:
        ranks = {"conditioning": 1, "source": 1, "keys": 2, "max_words": 0, "min_words": 0}
        return {
            name: tfp.util.ParameterProperties(event_ndims=rank) for name, rank in ranks.items()
        }

    def initial_state(self) -> State:
        """The state before START: the pointer's place and the decoder's own."""
        place = tf.fill(tf.shape(self._conditioning)[:-1], -1)
        place = tf.ensure_shape(place, self._conditioning.shape[:-1])
        return place, super().initial_state()

    def step(self, token_ids: Any, time: Any, state: State) -> tuple[tf.Tensor, State]:
        """Reads one token a row and scores the next; see `TokenSequence.step`.

        Returns:
          logits: float32 [..., B, V], normalised; what cannot follow is as good as impossible.
          state: the next.
        """
        of_words, of_end, state = self._step(token_ids, time, state)
        size = self.vocabulary_size
        words = tf.one_hot(self._source, size)  # [B, T, V]
        probs = stacked_product(tf.exp(of_words)[..., tf.newaxis, :], words)[
            ..., 0, :
        ]  # [..., B, V]
        probs += tf.exp(of_end)[..., tf.newaxis] * tf.one_hot(END, size)
        possible = probs > 0
        return tf.where(possible, tf.math.log(tf.where(possible, probs, 1.0)), _NEVER), state

    def greedy(self) -> tf.Tensor:
        """The likeliest word at each step: int32 [B, max_length]."""
        same = self._source[:, :, tf.newaxis] == self._source[:, tf.newaxis]  # [B, T, T]
        same = tf.cast(same, tf.float32)

        def choose(of_words: tf.Tensor, of_end: tf.Tensor, time: tf.Tensor) -> tf.Tensor:
            # At each of its places, a word has the probability of them all.
            probs = stacked_product(tf.exp(of_words)[..., tf.newaxis, :], same)[..., 0, :]
            # A word's places before the pointer may not be pointed at.
            probs = tf.where(tf.math.is_inf(of_words), 0.0, probs)
            both = tf.concat([probs, tf.exp(of_end)[..., tf.newaxis]], axis=-1)
            return tf.argmax(both, axis=-1, output_type=tf.int32)

        return self._pointed(1, choose)[0]

    def _sample_n(self, n: tf.Tensor, seed: Any = None) -> tf.Tensor:
        seed = tfp.random.sanitize_seed(seed, name="pointer_sequence")

        def choose(of_words: tf.Tensor, of_end: tf.Tensor, time: tf.Tensor) -> tf.Tensor:
            logits = tf.concat([of_words, of_end[..., tf.newaxis]], axis=-1)
            return tfd.Categorical(logits=logits).sample(seed=tf.random.fold_in(seed, time))

        return self._pointed(n, choose)

    def _pointed(self, n: Any, choose: Any) -> tf.Tensor:
        """n texts of each row, whose places in the source `choose` takes: int32 [n, B, L]."""
        ended = tf.fill(tf.concat([tf.shape(self._source)[:1], [1]], axis=0), END)
        words = tf.concat([self._source, ended], axis=1)  # [B, T + 1]

        def take(last: tf.Tensor, time: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
            of_words, of_end, state = self._step(last, time, state)
            chosen = choose(of_words, of_end, time)  # [n, B]; T is END.
            return tf.transpose(tf.gather(words, tf.transpose(chosen), batch_dims=1)), state

        return self._write(n, take)

    def _step(
        self, token_ids: tf.Tensor, time: tf.Tensor, state: State
    ) -> tuple[tf.Tensor, tf.Tensor, State]:
        """Log-probabilities of the source's places [..., B, T] and of END [..., B]; the state."""
        place, inner = state
        place = self._place_after(place, token_ids)
        features, inner = self._decoder.step(self._conditioning, token_ids, time, inner)
        of_words, of_end = self._scores(
            features[..., tf.newaxis, :], place[..., tf.newaxis], tf.reshape(time, [1])
        )
        return of_words[..., 0, :], of_end[..., 0], (place, inner)

    def _scores(
        self, features: tf.Tensor, places: tf.Tensor, words: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Log-probabilities of what comes next.

        Args:
          features: [..., B, L, F].
          places: int32 [..., B, L]; where the last word stands.
          words: int32 [L]; how many there are.
        Returns:
          [..., B, L, T] of the source's places, -inf where they may not be pointed at; [..., B, L]
          of END, -inf where a word must follow.
        """
        of_words = stacked_product(
            features, tf.cast(self._keys, features.dtype), transpose_right=True
        )
        of_words = tf.cast(of_words, tf.float32)  # [..., B, L, T]
        after = tf.range(tf.shape(self._source)[1]) > places[..., tf.newaxis]  # [..., B, L, T]
        short = words < self._max_words[:, tf.newaxis]  # [B, L]
        wanting = self._min_words[:, tf.newaxis] - words  # [B, L]
        enough = self._words_after[:, tf.newaxis] >= wanting[..., tf.newaxis] - 1  # [B, L, T]
        allowed = (self._source != PAD)[:, tf.newaxis] & short[..., tf.newaxis] & enough & after
        of_words = tf.where(allowed, of_words, -float("inf"))
        kernel, bias = self._decoder.kernel[END], tf.cast(self._decoder.bias[END], tf.float32)
        of_end = tf.cast(tf.reduce_sum(features * kernel, axis=-1), tf.float32) + bias
        # After what could not be written, no place may be left: END follows, and nothing is NaN.
        may_end = (wanting <= 0) | ~tf.reduce_any(allowed, axis=-1)  # [..., B, L]
        of_end = tf.where(may_end, of_end, -float("inf"))
        both = tf.concat([of_words, of_end[..., tf.newaxis]], axis=-1)
        log_z = tf.reduce_logsumexp(both, axis=-1)  # [..., B, L]
        return of_words - log_z[..., tf.newaxis], of_end - log_z

    def _place_after(self, place: tf.Tensor, token_ids: tf.Tensor) -> tf.Tensor:
        """The first place of a token after another place, int32 [..., B]; that one, if none."""
        here = self._source == token_ids[..., tf.newaxis]  # [..., B, T]
        here &= tf.range(tf.shape(self._source)[1]) > place[..., tf.newaxis]
        here &= self._source != PAD
        found = tf.argmax(tf.cast(here, tf.int32), axis=-1, output_type=tf.int32)
        return tf.ensure_shape(tf.where(tf.reduce_any(here, axis=-1), found, place), place.shape)

    def _places(self, token_ids: tf.Tensor) -> tf.Tensor:
        """Where the word before each token stands: int32 [..., B, L] -> [..., B, L]."""
        steps = tf.shape(token_ids)[-1]
        batch = token_ids.shape[:-1]

        def follow(time: tf.Tensor, place: tf.Tensor, kept: tf.TensorArray) -> Any:
            kept = kept.write(time, place)
            return time + 1, self._place_after(place, token_ids[..., time]), kept

        first = tf.ensure_shape(tf.fill(tf.shape(token_ids)[:-1], -1), batch)
        kept = tf.TensorArray(tf.int32, steps, element_shape=batch)
        _, _, kept = tf.while_loop(
            lambda time, *_: time < steps, follow, (0, first, kept), parallel_iterations=1
        )
        return tf.experimental.numpy.moveaxis(kept.stack(), 0, -1)

    def _per_token(self, token_ids: tf.Tensor) -> tf.Tensor:
        batch = tf.broadcast_dynamic_shape(tf.shape(token_ids)[:-1], tf.shape(self._source)[:1])
        shape = tf.concat([batch, tf.shape(token_ids)[-1:]], axis=0)
        token_ids = tf.broadcast_to(token_ids, shape)  # [..., B, L]
        features = self._decoder.features(self._conditioning, read_before(token_ids))
        columns = tf.range(tf.shape(token_ids)[-1])
        of_words, of_end = self._scores(features, self._places(token_ids), columns)
        here = self._source[:, tf.newaxis] == token_ids[..., tf.newaxis]  # [..., B, L, T]
        here &= of_words > -float("inf")
        pointed = tf.reduce_any(here, axis=-1)
        # Of no place at all the logarithm has no gradient: these take another way.
        safe = tf.where(here, of_words, tf.where(pointed[..., tf.newaxis], -float("inf"), 0.0))
        of_word = tf.where(pointed, tf.reduce_logsumexp(safe, axis=-1), -float("inf"))
        terms = tf.where(token_ids == END, of_end, of_word)
        return tf.where(token_ids == PAD, 0.0, terms)


@point_estimate.register(PointerSequence)
def _(posterior: PointerSequence) -> tf.Tensor:
    return posterior.greedy()
