"""A mixture-of-experts captioner whose latent alignments are learnt by a bound."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from tfp_dgm import objectives
from tfp_dgm.layers import AlignedTokenSequence, AlignmentRecognition, SharedExperts
from tfp_dgm.models.alignment_joint import alignment_joint
from tfp_dgm.models.encoded_source import EncodedSource
from tfp_dgm.models.mixture_of_experts_captioner import MixtureOfExpertsCaptioner
from tfp_dgm.objectives.over_positions import OverPositions


@keras.saving.register_keras_serializable(package="tfp_dgm")
class VariationalAttentionCaptioner(MixtureOfExpertsCaptioner):
    """Each word looks at one vector of the source, which a network guesses in training [1].

        k ~ p(k | c);  z_t ~ p_k(z_t | x_<t, c);  x_t ~ p_k(x_t | x_<t, z_t, c);  q(z_t | x, c)

    The objective is over the expert, as of `MixtureOfExpertsCaptioner`, and within it
    `alignment_objective` over the alignment of each word, which replaces log p_k(x | c) by a bound.
    Training and evaluation log the bound. All else sums the alignments out: `log_joint`,
    `log_marginal`, what is written, what is served. (To sum them out in training, too, takes no
    class of its own, but an `AlignedTokenSequence` as head of a `MixtureOfExpertsCaptioner`.)

    In training, responsibilities take each word at the mean of its guessed alignment, which costs
    no sum over the source.

    Args:
      experts: with an `AlignedTokenSequence` as head.
      alignment_posterior: q(z_t | x, c); the same for all experts.
      alignment_objective: over one alignment, of one-hot vectors; `EnumeratedELBO()` by default.
        The estimator of [1] is
        `ScoreFunctionELBO(num_samples=1, control_variates=[AtMean()], analytic_kl=True)`.
      **kwargs: see `MixtureOfExpertsCaptioner`.
    Raises:
      TypeError: if the experts' head sums no alignments out, or posterior or objective are none.
      ValueError: if experts and posterior are not of one vocabulary.
    References:
      [1] Deng, Kim, Chiu, Guo and Rush. Latent Alignment and Variational Attention. NeurIPS 2018.
        arXiv:1807.03756
    """

    _shared_parts = (
        *MixtureOfExpertsCaptioner._shared_parts,
        "alignment_posterior",
        "alignment_objective",
    )

    def __init__(
        self,
        experts: SharedExperts,
        alignment_posterior: AlignmentRecognition,
        *,
        alignment_objective: objectives.Objective | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(experts, **kwargs)
        head = experts.heads[0]
        if not isinstance(experts, SharedExperts) or not isinstance(head, AlignedTokenSequence):
            raise TypeError(
                "VariationalAttentionCaptioner: `experts` must be SharedExperts of an "
                f"AlignedTokenSequence; received {type(experts).__name__} of {type(head).__name__}"
            )
        if not isinstance(alignment_posterior, AlignmentRecognition):
            raise TypeError(
                "VariationalAttentionCaptioner: `alignment_posterior` must be an "
                f"AlignmentRecognition; received {alignment_posterior!r}"
            )
        if not isinstance(alignment_objective, objectives.Objective | None):
            raise TypeError(
                "VariationalAttentionCaptioner: `alignment_objective` must be an Objective; "
                f"received {alignment_objective!r}"
            )
        sizes = head.vocabulary_size, alignment_posterior.encoder.vocabulary_size
        if sizes[0] != sizes[1]:
            raise ValueError(
                f"VariationalAttentionCaptioner: the vocabulary of `experts` has {sizes[0]} "
                f"tokens, that of `alignment_posterior` {sizes[1]}"
            )
        self.alignment_posterior = alignment_posterior
        self.alignment_objective = alignment_objective or objectives.EnumeratedELBO()
        self.save_as(
            gate=self.gate,
            expert_posterior=self.expert_posterior,
            alignment_objective=self.alignment_objective,
        )

    def build(self, input_shape: Mapping[str, Any]) -> None:
        if self.built:
            return
        if not self.alignment_posterior.built:
            memory = (None, self.experts.memory_units)
            self.alignment_posterior.build(tuple(input_shape["token_ids"]), memory)
        super().build(input_shape)

    @property
    def named_objectives(self) -> dict[str, objectives.Objective]:
        return {**super().named_objectives, "alignment_objective": self.alignment_objective}

    def whole(self, objective: objectives.Objective) -> objectives.Objective:
        """`objective` over the expert, and `alignment_objective` within it over the alignments."""
        return objectives.Nested(objective, OverPositions(self.alignment_objective))

    def joint(self, inputs: Any, *, training: bool = False) -> objectives.Joint:
        """The expert's, within which is the alignments', of batch shape [S, B, T]."""
        token_ids = inputs["token_ids"]
        encoded = self.encode(inputs["source"], training=training)
        return objectives.Joint(
            self,
            log_likelihood=lambda z: self._log_likelihood(z, token_ids, encoded, training),
            inner=lambda z: self._alignments(z, token_ids, encoded, training),
            prior=lambda: self._prior(encoded, training),
            posterior=lambda: self._posterior(inputs, encoded, training),
            training=training,
        )

    def _alignments(
        self,
        z: tf.Tensor,
        token_ids: tf.Tensor,
        encoded: EncodedSource,
        training: bool,
        rough: bool = False,
    ) -> objectives.Joint:
        text = self.texts(z, encoded, training=training, rough=rough).aligned(token_ids)
        posterior = self.alignment_posterior(
            tf.cast(token_ids, tf.int32),
            encoded.memory,
            memory_mask=encoded.mask,
            training=training,
        )
        return alignment_joint(self, text, posterior, training=training)

    def _e_step(self, token_ids: tf.Tensor, encoded: EncodedSource, training: bool) -> tf.Tensor:
        if not training:
            return self.log_joint(token_ids, encoded)
        every = self._every_expert(token_ids)
        alignments = self._alignments(
            every, token_ids, encoded, training=False, rough=self._rough_pays()
        )
        log_px = alignments.log_likelihood(alignments.posterior.mean()[tf.newaxis])[0]  # [K, B, T]
        return tf.transpose(tf.reduce_sum(log_px, axis=-1)) + self.log_gate(encoded)
