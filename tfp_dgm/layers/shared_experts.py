"""Experts who share one decoder."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfp_dgm import distributions
from tfp_dgm.layers.experts import Experts
from tfp_dgm.layers.token_sequence import TokenSequence


@keras.saving.register_keras_serializable(package="tfp_dgm")
class SharedExperts(Experts):
    """Experts who share one decoder and differ by an embedding of theirs.

        p_k(x | c) = head([c; e_k])

    All K are one batch: what the decoder makes of tokens and memory alone is computed once. Weights
    over experts mix their embeddings.

    Args:
      head: the decoder as a distribution; its conditioning holds context and embedding.
      num_experts: K.
      embedding_units: size of e_k; what it leaves of the head's conditioning is the context.
      **kwargs: see `DistributionLayer`.
    """

    def __init__(
        self, head: TokenSequence, num_experts: int, *, embedding_units: int = 64, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        left = head.decoder.conditioning_units - embedding_units
        if num_experts < 1 or embedding_units < 1 or left < 1:
            raise ValueError(
                "SharedExperts: `num_experts` and `embedding_units` must be >= 1 and leave room in "
                f"the decoder's conditioning of {head.decoder.conditioning_units}; received "
                f"{num_experts} and {embedding_units}"
            )
        self.head = head
        self._num_experts = num_experts
        self.embedding_units = embedding_units
        self._hand_on_trainable(head)

    @property
    def num_experts(self) -> int:
        return self._num_experts

    @property
    def context_units(self) -> int:
        return self.head.decoder.conditioning_units - self.embedding_units

    @property
    def heads(self) -> Sequence[TokenSequence]:
        return [self.head]

    def build(self, input_shape: Any = None) -> None:
        if self.built:
            return
        self.head.build()
        self.embedding = self.add_weight(
            shape=(self.num_experts, self.embedding_units),
            initializer=keras.initializers.RandomNormal(stddev=1.0),
            name="embedding",
        )
        self.built = True

    def call(
        self,
        context: tf.Tensor,
        experts: tf.Tensor,
        memory: tf.Tensor | None = None,
        memory_mask: tf.Tensor | None = None,
        training: bool = False,
        rough: bool = False,
    ) -> distributions.TokenSequence:
        table = tf.convert_to_tensor(self.embedding)
        if not experts.dtype.is_floating:  # A product has a dense gradient, and K is small.
            experts = tf.one_hot(experts, self.num_experts)
        embedded = tf.tensordot(experts, table, 1)  # [..., B, E]
        context = tf.cast(context, tf.float32)
        shape = tf.concat([tf.shape(embedded)[:-1], tf.shape(context)[-1:]], axis=0)
        joint = tf.concat([tf.broadcast_to(context, shape), embedded], axis=-1)  # [..., B, C + E]
        joint = tf.ensure_shape(
            joint, [*embedded.shape[:-1], context.shape[-1] + self.embedding_units]
        )
        return self.head(
            joint, memory=memory, memory_mask=memory_mask, training=training, rough=rough
        )

    def every(
        self, context: tf.Tensor, memory: tf.Tensor | None = None, mask: tf.Tensor | None = None
    ) -> list[distributions.TokenSequence]:
        experts = tf.repeat(tf.range(self.num_experts), tf.shape(context)[0])  # [K B]
        parts = [context, memory, mask]
        tiled = [None if part is None else _tile(part, self.num_experts) for part in parts]
        return [self(tiled[0], experts, memory=tiled[1], memory_mask=tiled[2])]

    def expert(
        self,
        expert: int,
        context: tf.Tensor,
        memory: tf.Tensor | None = None,
        mask: tf.Tensor | None = None,
    ) -> distributions.TokenSequence:
        experts = tf.fill([tf.shape(context)[0]], expert)
        return self(context, experts, memory=memory, memory_mask=mask)


def _tile(x: tf.Tensor, times: int) -> tf.Tensor:
    """[B, ...] -> [times B, ...], one copy of the whole batch after the other."""
    return tf.tile(x, [times, *[1] * (len(x.shape) - 1)])
