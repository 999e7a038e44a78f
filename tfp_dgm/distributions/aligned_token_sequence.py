"""Texts of which each token looks at one source, summed over which it was."""

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf
import tensorflow_probability as tfp

from tfp_dgm.distributions.decoded_text import DecoderFunctions, read_before
from tfp_dgm.distributions.token_sequence import TokenSequence
from tfp_dgm.stacked_products import stacked_product
from tfp_dgm.token_ids import PAD


class SourceFunctions(NamedTuple):
    """How a decoder's outputs h meet M sources, one at a time.

    Attributes:
      log_prior: h [..., T, D] -> log p(z_t = i | x_<t, c), float32 [..., T, M]; at sources that
        are left out it is as good as -inf.
      kept: bool [..., M], True at sources that are there; None for everywhere. Where there is none
        at all, all count alike.
      sources: [..., M, D]; what each source adds to the features before they are squashed.
      outputs: h [..., D] -> [..., D]; what an output adds to them.
      features: the sum of both, [..., D] -> [..., F].
    """

    log_prior: Callable[[tf.Tensor], tf.Tensor]
    kept: tf.Tensor | None
    sources: tf.Tensor
    outputs: Callable[[tf.Tensor], tf.Tensor]
    features: Callable[[tf.Tensor], tf.Tensor]


class AlignedTokenSequence(TokenSequence):
    """Texts with a latent alignment a token: attention as a categorical latent, summed out [1].

        p(x | c) = prod_t sum_i p(z_t = i | x_<t, c) p(x_t | x_<t, z_t = i, c)

    The decoder's state has seen tokens but no source, so that alignments are independent of each
    other given the text: the sum over all M^T of them is a product of sums, and the posterior is
    Bayes' rule a token. Rows of tokens are as of `TokenSequence`; steps give the log-probabilities
    of tokens with the alignment summed out, so that a beam is over texts and not over alignments.

    Args:
      conditioning: [..., Z].
      decoder: see `DecoderFunctions`; its features are outputs h that have seen no source.
      sources: see `SourceFunctions`.
      max_length: columns of a draw.
      positions_at_once: of pairs of a token and a source; see `linear_log_softmax`.
      rough: see `TokenSequence`.
      in_turn: one source after the other is taken, so that there are never more logits than soft
        attention has; slower where many sources are left out.
    References:
      [1] Deng, Kim, Chiu, Guo and Rush. Latent Alignment and Variational Attention. NeurIPS 2018.
        arXiv:1807.03756
    """

    def __init__(
        self,
        conditioning: Any,
        decoder: DecoderFunctions,
        sources: SourceFunctions,
        *,
        max_length: int,
        positions_at_once: int | None = None,
        rough: bool = False,
        in_turn: bool = False,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "AlignedTokenSequence",
    ) -> None:
        parameters = dict(locals())
        super().__init__(
            conditioning,
            decoder,
            max_length=max_length,
            positions_at_once=positions_at_once,
            rough=rough,
            validate_args=validate_args,
            allow_nan_stats=allow_nan_stats,
            name=name,
        )
        self._sources = sources
        self._in_turn = in_turn
        self._parameters = parameters

    def aligned(self, token_ids: Any) -> "AlignedText":
        """What texts [..., T] say of their alignments; the decoder runs once for all of it."""
        return AlignedText(self, tf.convert_to_tensor(token_ids, tf.int32))

    def _per_token(self, token_ids: tf.Tensor) -> tf.Tensor:
        return self.aligned(token_ids).log_marginal

    def _logits(self, features: tf.Tensor) -> tf.Tensor:
        sources = self._sources
        log_prior = sources.log_prior(features[..., tf.newaxis, :])[..., 0, :]  # [..., M]
        outputs = sources.outputs(features)  # [..., D]

        def more(i: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            h = sources.features(outputs + sources.sources[..., i, :])
            log_px = tf.math.log_softmax(super(AlignedTokenSequence, self)._logits(h))
            return i + 1, tfp.math.log_add_exp(total, log_prior[..., i, tf.newaxis] + log_px)

        # One source after the other: all at once are M V numbers a row.
        _, logits = more(tf.constant(0), tf.constant(-float("inf")))
        count = tf.shape(log_prior)[-1]
        _, logits = tf.while_loop(
            lambda i, _: i < count, more, (tf.constant(1), logits), parallel_iterations=1
        )
        return logits  # [..., V]


class AlignedText:
    """Texts and the alignments z_t of their tokens; T tokens, M sources, all in nats.

    Args:
      texts: what they are of, batch shape [*batch].
      token_ids: int32 [..., T], which broadcasts to [*batch, T].
    """

    def __init__(self, texts: AlignedTokenSequence, token_ids: tf.Tensor) -> None:
        h = texts._decoder.features(texts.conditioning, read_before(token_ids))  # [*batch, T, D]
        self._texts = texts
        self._outputs = texts._sources.outputs(h)
        self.token_ids = tf.broadcast_to(token_ids, tf.shape(h)[:-1])  # [*batch, T]
        # log p(z_t = i | x_<t, c), float32 [*batch, T, M].
        self.log_prior = texts._sources.log_prior(h)

    @property
    def is_token(self) -> tf.Tensor:
        """Where there is a token and no PAD: bool [*batch, T]."""
        return self.token_ids != PAD

    @property
    def _kept(self) -> tf.Tensor | None:
        """Sources that may be looked at, bool [..., M]; of a row without any, all, as by the prior.

        Without a likelihood such a row's tokens would be certain.
        """
        kept = self._texts._sources.kept
        return None if kept is None else kept | ~tf.reduce_any(kept, axis=-1, keepdims=True)

    @property
    def log_likelihood_of_each(self) -> tf.Tensor:
        """log p(x_t | x_<t, z_t = i, c), float32 [*batch, T, M]; 0 at PAD.

        At sources that are left out it is any number.
        """
        if self._texts._in_turn:
            return self._of_each_in_turn()
        kept = self._kept
        here = self.is_token[..., tf.newaxis]
        if kept is not None:
            here &= kept[..., tf.newaxis, :]
        shape = tf.shape(self.log_prior, out_type=tf.int64)
        where = tf.where(tf.broadcast_to(here, shape))  # [P, rank]
        sources = self._broadcast_sources()
        leading = sources.shape.rank - 2
        of_source = tf.concat([where[:, -2 - leading : -2], where[:, -1:]], axis=1)
        terms = tf.gather_nd(self._outputs, where[:, :-1]) + tf.gather_nd(sources, of_source)
        scores = self._score(terms, tf.gather_nd(self.token_ids, where[:, :-1]))
        return tf.scatter_nd(where, scores, shape)

    def _of_each_in_turn(self) -> tf.Tensor:
        """The same, but of sources that are left out, too: what they are worth is never read."""
        sources = self._broadcast_sources()
        leading = sources.shape.rank - 2
        where = tf.where(self.is_token)  # [P, rank]
        outputs = tf.gather_nd(self._outputs, where)
        token_ids = tf.gather_nd(self.token_ids, where)
        batch = where[:, -1 - leading : -1]

        @tf.autograph.experimental.do_not_convert
        def one(i: tf.Tensor) -> tf.Tensor:
            source = sources[..., i, :]  # [D], where all rows share the sources, or [..., D].
            terms = outputs + (tf.gather_nd(source, batch) if leading else source)
            return tf.scatter_nd(
                where, self._score(terms, token_ids), tf.shape(self.token_ids, out_type=tf.int64)
            )  # [*batch, T]

        indices = tf.range(tf.shape(sources)[-2])
        every = tf.map_fn(one, indices, fn_output_signature=tf.float32, parallel_iterations=1)
        return tf.experimental.numpy.moveaxis(every, 0, -1)  # [*batch, T, M]

    def _broadcast_sources(self) -> tf.Tensor:
        """The sources' terms [..., M, D] with the sizes of the batch in their leading axes."""
        sources = self._texts._sources.sources
        batch = tf.shape(self.token_ids)[-1 - (sources.shape.rank - 2) : -1]
        return tf.broadcast_to(sources, tf.concat([batch, tf.shape(sources)[-2:]], axis=0))

    @property
    def log_marginal(self) -> tf.Tensor:
        """log p(x_t | x_<t, c), summed over z_t: float32 [*batch, T], 0 at PAD."""
        log_joint = self.log_prior + self.log_likelihood_of_each
        return tf.where(self.is_token, tf.reduce_logsumexp(log_joint, axis=-1), 0.0)

    @property
    def posterior(self) -> tf.Tensor:
        """p(z_t = i | x, c), by Bayes' rule: float32 [*batch, T, M]; the prior at PAD."""
        return tf.nn.softmax(self.log_prior + self.log_likelihood_of_each)

    def log_likelihood(self, weights: tf.Tensor) -> tf.Tensor:
        """log p(x_t | x_<t, z_t, c), float32 [..., *batch, T], 0 at PAD.

        Args:
          weights: [..., *batch, T, M]: z_t one-hot, or weights by which the sources' terms are
            mixed, as soft attention does.
        """
        sources, kept = self._texts._sources, self._kept
        looked = stacked_product(tf.cast(weights, sources.sources.dtype), sources.sources)
        terms = self._outputs + looked  # [..., *batch, T, D]
        token_ids = tf.broadcast_to(self.token_ids, tf.shape(terms)[:-1])
        here = token_ids != PAD
        if kept is not None:  # A source that is not there is looked at by no draw.
            kept = tf.cast(kept, weights.dtype)[..., tf.newaxis, :]
            here &= tf.reduce_sum(weights * kept, axis=-1) > 0
        where = tf.where(here)
        scores = self._score(tf.gather_nd(terms, where), tf.gather_nd(token_ids, where))
        return tf.scatter_nd(where, scores, tf.shape(token_ids, out_type=tf.int64))

    def _score(self, terms: tf.Tensor, token_ids: tf.Tensor) -> tf.Tensor:
        """Sums of terms [P, D] and tokens [P] -> log-probabilities [P]."""
        return self._texts._scores(self._texts._sources.features(terms), token_ids)
