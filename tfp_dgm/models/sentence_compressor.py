"""Sentences whose latent is a shorter sentence, out of their own words."""

import functools
from typing import Any

import keras
import tensorflow as tf

from tfp_dgm import distributions, objectives
from tfp_dgm.layers import PointerSequence, TokenSequence, stateless_seed
from tfp_dgm.layers.events import assert_valid
from tfp_dgm.models.compressor_checks import check_compressor_parts
from tfp_dgm.models.language_model import LanguageModel
from tfp_dgm.models.latent_variable_model import LatentVariableModel, Parts, parts_of
from tfp_dgm.models.takes_texts import TakesTexts
from tfp_dgm.models.text_inputs import words_alone
from tfp_dgm.networks import MLP, SequenceDecoder, SequenceEncoder
from tfp_dgm.networks.sequence_encoder import masked_mean
from tfp_dgm.text import Vocabulary
from tfp_dgm.token_ids import END, PAD

# Draws behind the estimate of how many words are kept.
_DRAWS = 4
# Logits of more draws than one are kept for so many positions at a time.
_POSITIONS_AT_ONCE = 2048


@keras.saving.register_keras_serializable(package="tfp_dgm")
class SentenceCompressor(TakesTexts, LatentVariableModel):
    """Auto-encoding sentence compression: the latent of a sentence x is a shorter one, c [1].

        c ~ p(c), a language model;    x ~ p(x | c), a decoder that attends to the words of c
        q(c | x): a pointer takes words of x one after the other, in their order, until END

    Each c is a subsequence of x. The language model is given trained, and frozen here: what a
    sentence is comes from it. The bound is on sum_c p(c) p(x | c) over all sentences c; q is over
    those of `min_share` to `max_share` of the words of x, and of at most `max_length` tokens of
    `prior`.

    The latent is no number, and q learns by score-function gradients. The divergence may weigh less
    in them, `ScoreFunctionELBO(kl_weight=...)`: how fluent a compression is to be, against how much
    it is to say. The expected share of the words is limited by `AtMost("kept", ...)` in
    `objectives.Constrained`; its gradient is estimated from draws, too.

    `fit` takes compressions as targets, where there are some: strings [B], "" where there is none,
    or token ids [B, L], rows of PAD where there is none. Where c is known it is the latent:

        loss = -log p(x | c) - kl_weight log p(c) - annotation_weight log q(c | x)

    `predict` and calling the model give compressions, int32 [B, L]: the likeliest word at each
    step, END, PAD. Logs have `kept`, the expected share of the words (of `evaluate`, and of a limit
    on it), and, of targets, `annotation`, log q(c | x).

    Args:
      prior: trained language model of compressions; its vocabulary is that of all parts, its
        `max_length` L the most tokens of a compression, END included.
      encoder: of x, with `return_sequences`.
      pointer: decoder of c for q, without `memory_units`; its `conditioning_units` are the
        encoder's `output_units`.
      compression_encoder: of c for p(x | c), with `return_sequences`.
      decoder: of x; its `memory_units` are the compression encoder's `output_units`, its
        `conditioning_units` 0.
      max_share: of the words of x, that c may have; one word is always allowed.
      min_share: of the words of x, that c must have, in so far as `max_share` and L allow them; as
        large as `max_share`, each c has as many words as it may. With none to have, an empty c is
        what a pointer learns whose words are not read yet.
      max_length: tokens of a draw of x, END included.
      annotation_weight: of the log-probability of known compressions.
      baseline_units: hidden units of the network that predicts the learning signal from x, for
        `LearnedBaseline`; 0 for none.
      seed: see `LatentVariableModel`.
    Raises:
      TypeError: if a part is no such model, encoder or decoder.
      ValueError: if sizes do not fit.
    References:
      [1] Miao and Blunsom. Language as a Latent Variable: Discrete Generative Models for Sentence
        Compression. EMNLP 2016. arXiv:1609.07317
    """

    part_names = ("bound", "reconstruction", "kl", "kept", "annotation")

    def __init__(
        self,
        prior: LanguageModel,
        encoder: SequenceEncoder,
        pointer: SequenceDecoder,
        compression_encoder: SequenceEncoder,
        decoder: SequenceDecoder,
        *,
        max_share: float = 1.0,
        min_share: float = 0.0,
        max_length: int = 50,
        annotation_weight: float = 1.0,
        baseline_units: int = 0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        check_compressor_parts(prior, encoder, pointer, compression_encoder, decoder)
        for name, value, holds, expected in (
            ("max_share", max_share, 0 < max_share <= 1, "lie in (0, 1]"),
            (
                "min_share",
                min_share,
                0 <= min_share <= max_share,
                f"lie in [0, `max_share`={max_share:g}]",
            ),
            ("annotation_weight", annotation_weight, annotation_weight >= 0, "be >= 0"),
            ("baseline_units", baseline_units, baseline_units >= 0, "be >= 0"),
        ):
            if not holds:
                raise ValueError(f"SentenceCompressor: `{name}` must {expected}; received {value}")
        prior.trainable = False
        self.language_model = prior
        self.encoder = encoder
        self.pointer = PointerSequence(pointer, prior.max_length, name="pointer")
        self.compression_encoder = compression_encoder
        self.likelihood = TokenSequence(decoder, max_length, name="likelihood")
        self.max_share = max_share
        self.min_share = min_share
        self.max_length = max_length
        self.annotation_weight = annotation_weight
        self.baseline_network: Any = None
        if baseline_units:
            self.baseline_network = MLP([baseline_units], activation="tanh", name="baseline")
            self.baseline_head = keras.layers.Dense(1, dtype="float32", name="baseline_head")

    @property
    def vocabulary(self) -> Vocabulary | None:  # type: ignore[override]
        """The prior's."""
        return self.language_model.vocabulary

    def default_objective(self) -> objectives.Objective:
        return objectives.ScoreFunctionELBO()

    def build(self, input_shape: Any = None) -> None:
        for part in (self.encoder, self.compression_encoder, self.language_model):
            if not part.built:
                part.build((None, None))
        self.pointer.build((None, None, self.encoder.output_units))
        self.likelihood.build()
        if self.baseline_network is not None and not self.baseline_head.built:
            self.baseline_network.build((None, self.encoder.output_units))
            hidden = self.baseline_network.compute_output_shape((None, self.encoder.output_units))
            self.baseline_head.build(hidden)
        self.built = True

    def joint(self, inputs: Any, *, training: bool = False) -> objectives.Joint:
        token_ids = self.token_ids(inputs)  # [B, T]
        words = words_alone(token_ids)
        count = tf.reduce_sum(tf.cast(words != PAD, tf.int32), axis=1)  # [B]

        @functools.cache
        def encoded() -> tuple[tf.Tensor, tf.Tensor]:
            # Without Keras's mask, of which distribution layers know nothing.
            features = tf.identity(self.encoder(token_ids, training=training))  # [B, T, D]
            return features, masked_mean(features, token_ids != PAD)

        def posterior() -> distributions.PointerSequence:
            features, pooled = encoded()
            # Of 20 words, 0.35 are 7, whatever the product is rounded to.
            most = tf.floor(self.max_share * tf.cast(count, tf.float32) + 1e-4)
            least = tf.math.ceil(self.min_share * tf.cast(count, tf.float32) - 1e-4)
            most, least = tf.maximum(1, tf.cast(most, tf.int32)), tf.cast(least, tf.int32)
            return self.pointer(features, words, pooled, most, least, training=training)

        def log_likelihood(c: tf.Tensor) -> tf.Tensor:  # Of [S, B, L].
            return self.decode(c, training=training).log_prob(token_ids)

        def baseline() -> tf.Tensor:
            pooled = tf.stop_gradient(encoded()[1])
            return self.baseline_head(self.baseline_network(pooled, training=training))[:, 0]

        def amounts() -> dict[str, tf.Tensor]:
            seed = stateless_seed(self.seed_generator)
            return {"kept": _kept(joint.posterior, count, seed)}

        joint = objectives.Joint(
            self,
            log_likelihood=log_likelihood,
            prior=lambda: self.language_model.texts(tf.shape(token_ids)[0]),
            posterior=posterior,
            baseline=None if self.baseline_network is None else baseline,
            amounts=amounts,
            training=training,
        )
        return joint

    def decode(self, c: tf.Tensor, training: bool = False) -> distributions.TokenSequence:
        """p(x | c) of compressions int32 [..., L], closed by END; batch shape [...]."""
        c = tf.cast(c, tf.int32)
        leading = tf.shape(c)[:-1]
        memory = self.compression_encoder(tf.reshape(c, [-1, c.shape[-1]]), training=training)
        units = self.compression_encoder.output_units
        memory = tf.reshape(memory, tf.concat([tf.shape(c), [units]], axis=0))  # [..., L, M]
        draws = c.shape[0] if c.shape.rank > 2 else 1
        return self.likelihood(
            tf.zeros(tf.concat([leading, [0]], axis=0)),
            memory=memory,
            memory_mask=c != PAD,
            training=training,
            positions_at_once=None if draws == 1 else _POSITIONS_AT_ONCE,
        )

    def compression_ids(self, targets: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """Targets as token ids int32 [B, L], closed by END, and where there are some, bool [B].

        Raises:
          InvalidArgumentError: if one has more than L tokens, END included, or what is no PAD after
            them; names it.
        """
        length = self.language_model.max_length
        ids = self.token_ids(targets)
        if tf.convert_to_tensor(targets).dtype == tf.string:  # Of "", END alone.
            ids = tf.where(tf.reduce_any(ids > END, axis=1, keepdims=True), ids, PAD)
        ids = tf.pad(ids, [[0, 0], [0, length]], constant_values=PAD)
        kept = tf.ensure_shape(ids[:, :length], [None, length])
        given = tf.reduce_any(ids != PAD, axis=1)
        closed = tf.reduce_any(kept == END, axis=1) & tf.reduce_all(ids[:, length:] == PAD, axis=1)
        message = (
            f"{type(self).__name__}: `y` must have END among the first {length} tokens, and PAD "
            "after them"
        )
        assert_valid(closed | ~given, ids, message)
        return kept, given

    def losses_per_example(
        self, inputs: Any, targets: Any, training: bool
    ) -> tuple[tf.Tensor, Parts]:
        joint = self.joint(inputs, training=training)
        parts: Parts = {}
        if targets is None:
            bound, loss_of_annotation = self.bound_of(joint), 0.0
        else:
            compressions, given = self.compression_ids(targets)
            log_q = self._log_annotation(joint, compressions, given)
            known = distributions.PartlyGiven(joint.posterior, compressions, given)
            bound = self.bound_of(joint.replaced(posterior=lambda: known))
            loss_of_annotation = -self.annotation_weight * log_q
            parts["annotation"] = (log_q, tf.cast(given, tf.float32))
        if not training or joint.was_asked_for("amounts"):  # They take draws of their own.
            parts["kept"] = (joint.amounts["kept"], None)
        return bound.loss + loss_of_annotation, {**parts_of(bound), **parts}

    def _log_annotation(
        self, joint: objectives.Joint, compressions: tf.Tensor, given: tf.Tensor
    ) -> tf.Tensor:
        """log q(c | x) of known compressions, [B]; 0 where there is none."""
        log_q = tf.where(given, joint.posterior.log_prob(compressions), 0.0)
        message = (
            f"{type(self).__name__}: `y` must be words of `x` in their order, at least "
            f"{self.min_share:g} of them (`min_share`) and at most {self.max_share:g} (`max_share`)"
        )
        assert_valid(tf.math.is_finite(log_q), compressions, message)
        return log_q

    def call(self, inputs: Any, training: bool = False) -> tf.Tensor:
        return distributions.point_estimate(self.posterior(inputs, training=training))


def _kept(posterior: distributions.PointerSequence, count: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """The expected share of the words, [B], with a score-function gradient (leave one out)."""
    c = posterior.sample(_DRAWS, seed=seed)  # [S, B, L]
    words = tf.reduce_sum(tf.cast((c != PAD) & (c != END), tf.float32), axis=-1)
    share = words / tf.maximum(tf.cast(count, tf.float32), 1.0)  # [S, B]
    mean = tf.reduce_mean(share, axis=0)
    # A draw less the mean of the others.
    signal = (share - mean) * _DRAWS / (_DRAWS - 1)
    surrogate = tf.reduce_mean(signal * posterior.log_prob(c), axis=0)
    return mean + surrogate - tf.stop_gradient(surrogate)
