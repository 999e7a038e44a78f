"""Mixture-of-experts captioning: several right texts for one image, or for one text."""

from collections.abc import Mapping
from typing import Any, ClassVar

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm import objectives
from tfp_dgm.layers import (
    CategoricalPrior,
    ExpertRecognition,
    Experts,
    Responsibilities,
)
from tfp_dgm.models.encoded_source import EncodedSource, encoded_source
from tfp_dgm.models.latent_variable_model import LatentVariableModel, Parts, parts_of
from tfp_dgm.models.text_inputs import check_source_vocabulary, check_vocabulary
from tfp_dgm.models.usage_entropy import UsageEntropy
from tfp_dgm.models.vae import build_network
from tfp_dgm.text import Vocabulary


@keras.saving.register_keras_serializable(package="tfp_dgm")
class MixtureOfExpertsCaptioner(LatentVariableModel):
    """Each text x of a source c was written by one of K experts, whom nobody annotated [1-3].

        k ~ p(k | c);    x ~ p_k(x | c);    p(x | c) = sum_k p(k | c) p_k(x | c)

    Inputs are {"source": [B, ...], "token_ids": int32 [B, T]}; rows of tokens end with END and are
    filled with PAD. The source is an image, its features (a vector [B, D], a grid [B, H, W, D] or a
    list [B, M, D]) or, with an encoder of texts, token ids [B, T']. Decoders that have
    `memory_units` attend to the grid, the list, or the encoder's vectors of the tokens
    (`return_sequences`), padding left out: with these, the model translates and paraphrases.

    How it learns is the objective:
      `ExactMarginal()`: the log-likelihood itself, all experts in one batch (the default);
      `EnumeratedELBO()`: EM, with the responsibilities as a posterior that gets no gradient (the
        E-step runs without dropout [3]);
      `ReweightedWakeSleep(num_samples=1)` and `Responsibilities(hard=True)`: hard EM, the best
        expert alone learns from a text;
      `ScoreFunctionELBO()` and its kin, relaxations, or `ReweightedWakeSleep()` with
        `ExpertRecognition`: sampled experts, for large K.
    The responsibilities' temperature and balance guard against dead experts in EM. Training and
    evaluation report the share of texts of each expert, `usage_0` and so on, and the entropy of
    these shares, `usage_entropy` (log K at most).

    `predict` and the call itself give the responsibilities, [B, K].

    Args:
      experts: p_k(x | c); `SharedExperts` or `SeparateExperts`.
      encoder: Keras layer, source -> features; None where the source is features. Its
        `compute_mask`, if it has one, says which vectors of a list mean something.
      gate: p(k | c) from the features (a `Categorical` layer), or p(k), the same for all
        (`CategoricalPrior`, uniform where not trainable); `CategoricalPrior(K, trainable=False)`.
      expert_posterior: `Responsibilities(K)`, or `ExpertRecognition`.
      vocabulary: layer between strings and token ids, where the model is to give strings.
      source_vocabulary: the same for sources that are texts, where it is to take strings.
      seed: see `LatentVariableModel`.
    References:
      [1] Jacobs, Jordan, Nowlan and Hinton. Adaptive Mixtures of Local Experts. Neural
        Computation 3, 1991.
      [2] He, Haffari and Norouzi. Sequence to Sequence Mixture Model for Diverse Machine
        Translation. CoNLL 2018. arXiv:1810.07391
      [3] Shen, Ott, Auli and Ranzato. Mixture Models for Diverse Machine Translation: Tricks of
        the Trade. ICML 2019. arXiv:1902.07816
    """

    built: bool
    # Arguments that the captioner behind an encoder shares with that of features.
    _shared_parts: ClassVar[tuple[str, ...]] = (
        "gate",
        "expert_posterior",
        "vocabulary",
        "source_vocabulary",
        "seed",
        "name",
    )

    def __init__(
        self,
        experts: Experts,
        *,
        encoder: keras.Layer | None = None,
        gate: keras.Layer | None = None,
        expert_posterior: Responsibilities | ExpertRecognition | None = None,
        vocabulary: Vocabulary | None = None,
        source_vocabulary: Vocabulary | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        if not isinstance(experts, Experts):
            raise TypeError(
                f"{type(self).__name__}: `experts` must be Experts; received {experts!r}"
            )
        size = experts.num_experts
        self.experts = experts
        self.encoder = encoder
        self.gate = gate or CategoricalPrior(size, trainable=False, name="gate")
        self.expert_posterior = expert_posterior or Responsibilities(size, name="expert_posterior")
        self.vocabulary = vocabulary
        self.source_vocabulary = source_vocabulary
        self.save_as(gate=self.gate, expert_posterior=self.expert_posterior)
        for name in ("gate", "expert_posterior"):
            part = getattr(self, name)
            other = part.num_experts if hasattr(part, "num_experts") else part.units
            if other != size:
                raise ValueError(
                    f"MixtureOfExpertsCaptioner: `{name}` is over {other} experts; expected {size}"
                )
        for head in experts.heads:
            check_vocabulary(self, vocabulary, head.decoder)
        if source_vocabulary is not None:
            check_source_vocabulary(self, source_vocabulary, encoder)
        self.to_context = keras.layers.Dense(
            experts.context_units, activation="tanh", dtype="float32", name="to_context"
        )
        for k in range(size):
            self._trackers[f"usage_{k}"] = keras.metrics.Mean(name=f"usage_{k}")
        self._trackers["usage_entropy"] = UsageEntropy(size, name="usage_entropy")

    @property
    def num_experts(self) -> int:
        """K."""
        return self.experts.num_experts

    def default_objective(self) -> objectives.Objective:
        return objectives.ExactMarginal()

    def build(self, input_shape: Mapping[str, Any]) -> None:
        if self.built:
            return
        features = build_network(self.encoder, tuple(input_shape["source"]))
        pooled = (None, features[-1])
        units = self.experts.memory_units
        if units and units != features[-1]:
            raise ValueError(
                f"MixtureOfExpertsCaptioner: the decoders attend to vectors of {units} numbers; "
                f"the features have {features[-1]}"
            )
        for part in (self.to_context, self.gate):
            if not part.built:
                part.build(pooled)
        if not self.experts.built:
            self.experts.build()
        if not self.expert_posterior.built:
            self.expert_posterior.build(
                tuple(input_shape["token_ids"]), (None, self.experts.context_units)
            )
        self.built = True

    def check_inputs(self, inputs: Any) -> None:
        name = f"{type(self).__name__}: `x['token_ids']`"
        self.experts.heads[0].check_events(inputs["token_ids"], name)

    def joint(self, inputs: Any, *, training: bool = False) -> objectives.Joint:
        token_ids = inputs["token_ids"]
        encoded = self.encode(inputs["source"], training=training)  # Once, for all that follows.
        return objectives.Joint(
            self,
            log_likelihood=lambda z: self._log_likelihood(z, token_ids, encoded, training),
            prior=lambda: self._prior(encoded, training),
            posterior=lambda: self._posterior(inputs, encoded, training),
            training=training,
        )

    def losses_per_example(
        self, inputs: Any, targets: Any, training: bool
    ) -> tuple[tf.Tensor, Parts]:
        del targets
        joint = self.joint(inputs, training=training)
        bound = self.bound_of(joint)
        if joint.was_asked_for("posterior"):
            responsibilities = joint.posterior.probs_parameter()  # [B, K]
        else:  # The experts were summed out: by Bayes' rule.
            log_gate = tf.math.log_softmax(joint.prior.logits_parameter())
            responsibilities = tf.nn.softmax(tf.transpose(bound.log_weights) + log_gate)
        parts = {**parts_of(bound), "usage_entropy": (responsibilities, None)}
        for k in range(self.num_experts):
            parts[f"usage_{k}"] = (responsibilities[:, k], None)
        return bound.loss, parts

    def responsibilities(self, inputs: Any) -> tf.Tensor:
        """p(k | x, c) by Bayes' rule: float32 [B, K]."""
        encoded = self.encode(inputs["source"])
        return tf.nn.softmax(self.log_joint(inputs["token_ids"], encoded))

    def log_marginal(self, inputs: Any) -> tf.Tensor:
        """log p(x | c), summed over all experts: float32 [B], nats."""
        encoded = self.encode(inputs["source"])
        return tf.reduce_logsumexp(self.log_joint(inputs["token_ids"], encoded), axis=-1)

    def call(self, inputs: Any, training: bool = False) -> tf.Tensor:
        return self.responsibilities(inputs)

    def with_encoder(self, encoder: keras.Layer) -> "MixtureOfExpertsCaptioner":
        """This built captioner of features behind the encoder that gives them.

        The parts that were given to it are shared, the map to the context is copied: a layer that
        another one replaces would stay in Keras's list of layers, and shift what a file holds.
        """
        parts = {name: getattr(self, name) for name in self._shared_parts}
        whole = type(self)(self.experts, encoder=encoder, **parts)
        whole.to_context.build((None, self.to_context.kernel.shape[0]))
        whole.to_context.set_weights(self.to_context.get_weights())
        return whole

    # Its parts.

    def encode(self, source: Any, training: bool = False) -> EncodedSource:
        """Runs the encoder, once for all experts."""
        features = source if self.encoder is None else self.encoder(source, training=training)
        mask = None if self.encoder is None else self.encoder.compute_mask(source, None)
        return encoded_source(features, mask, self.to_context, bool(self.experts.memory_units))

    def _prior(self, encoded: EncodedSource, training: bool) -> tfd.Distribution:
        logits = self._gate_logits(encoded, training)
        if isinstance(self.expert_posterior, ExpertRecognition) and self.expert_posterior.one_hot:
            return tfd.OneHotCategorical(logits=tf.math.log_softmax(logits), dtype=tf.float32)
        return tfd.Categorical(logits=logits)

    def _posterior(self, inputs: Any, encoded: EncodedSource, training: bool) -> tfd.Distribution:
        token_ids = inputs["token_ids"]
        if isinstance(self.expert_posterior, ExpertRecognition):
            return self.expert_posterior(token_ids, encoded.context, training=training)
        if self.num_experts == 1:  # There is nothing to compare.
            return self.expert_posterior(self.log_gate(encoded), training=training)
        if training and self.encoder is not None:  # Nothing drops out in the E-step.
            encoded = self.encode(inputs["source"])
        log_joint = tf.stop_gradient(self._e_step(token_ids, encoded, training))
        return self.expert_posterior(log_joint, training=training)

    def _e_step(self, token_ids: tf.Tensor, encoded: EncodedSource, training: bool) -> tf.Tensor:
        """log p(x, k | c) as responsibilities take it, [B, K]; in training, a rough one will do."""
        return self._log_joint(token_ids, encoded, rough=training and self._rough_pays())

    def log_joint(self, token_ids: tf.Tensor, encoded: EncodedSource) -> tf.Tensor:
        """log p(x, k | c), without dropout: float32 [B, K].

        Args:
          token_ids: int32 [B, T].
          encoded: what `encode` made of the source.
        """
        return self._log_joint(token_ids, encoded, rough=False)

    def _log_joint(self, token_ids: tf.Tensor, encoded: EncodedSource, *, rough: bool) -> tf.Tensor:
        texts = self.texts(self._every_expert(token_ids), encoded, rough=rough)
        log_px = texts.log_prob(tf.cast(token_ids, tf.int32))  # [K, B]
        return tf.transpose(log_px) + self.log_gate(encoded)

    def _rough_pays(self) -> bool:
        return all(head.rough_pays for head in self.experts.heads)

    def _every_expert(self, token_ids: tf.Tensor) -> tf.Tensor:
        """Each expert for each text: int32 [K, B]."""
        column = tf.range(self.num_experts)[:, tf.newaxis]
        return tf.tile(column, [1, tf.shape(token_ids)[0]])

    def log_gate(self, encoded: EncodedSource) -> tf.Tensor:
        """log p(k | c): float32 [B, K]."""
        return tf.math.log_softmax(self._gate_logits(encoded, training=False))

    def _gate_logits(self, encoded: EncodedSource, training: bool) -> tf.Tensor:
        logits = self.gate(encoded.pooled, training=training).logits_parameter()  # [K] or [B, K]
        return tf.broadcast_to(logits, [tf.shape(encoded.pooled)[0], self.num_experts])

    def _log_likelihood(
        self, z: tf.Tensor, token_ids: tf.Tensor, encoded: EncodedSource, training: bool
    ) -> tf.Tensor:
        token_ids = tf.cast(token_ids, tf.int32)
        return self.texts(z, encoded, training=training).log_prob(token_ids)

    def texts(
        self,
        z: tf.Tensor,
        encoded: EncodedSource,
        *,
        training: bool = False,
        rough: bool = False,
    ) -> tfd.Distribution:
        """p_k(x | c) of experts z, [S, B] (or weights over them, [S, B, K]); batch shape [S, B].

        `rough` is for comparisons; see `distributions.TokenSequence`.
        """
        memory = {"memory": encoded.memory, "memory_mask": encoded.mask}
        return self.experts(encoded.context, z, **memory, training=training, rough=rough)
