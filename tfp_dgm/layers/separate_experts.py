"""Experts with a decoder each."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfp_dgm import distributions
from tfp_dgm.layers.experts import Experts
from tfp_dgm.layers.token_sequence import TokenSequence


@keras.saving.register_keras_serializable(package="tfp_dgm")
class SeparateExperts(Experts):
    """Experts with a decoder each: K times the weights, and about K times the work.

    Args:
      heads: K decoders as distributions, conditioned on contexts of one size.
      **kwargs: see `DistributionLayer`.
    """

    def __init__(self, heads: Sequence[TokenSequence], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        sizes = {(h.decoder.conditioning_units, h.decoder.memory_units) for h in heads}
        if len(sizes) != 1:
            raise ValueError(
                "SeparateExperts: `heads` must be at least one, all of one conditioning and memory "
                f"size; received {len(heads)} of sizes {sorted(sizes)}"
            )
        self._heads = list(heads)
        self._hand_on_trainable(*heads)

    @property
    def num_experts(self) -> int:
        return len(self._heads)

    @property
    def context_units(self) -> int:
        return self._heads[0].decoder.conditioning_units

    @property
    def heads(self) -> Sequence[TokenSequence]:
        return self._heads

    def build(self, input_shape: Any = None) -> None:
        for head in self._heads:
            if not head.built:
                head.build()
        self.built = True

    def call(
        self,
        context: tf.Tensor,
        experts: tf.Tensor,
        memory: tf.Tensor | None = None,
        memory_mask: tf.Tensor | None = None,
        training: bool = False,
        rough: bool = False,
    ) -> distributions.Selected:
        if experts.dtype.is_floating:
            raise ValueError(
                "SeparateExperts: weights over experts need decoders that can be mixed; use "
                "SharedExperts for relaxed objectives"
            )
        each = [
            head(context, memory=memory, memory_mask=memory_mask, training=training, rough=rough)
            for head in self._heads
        ]
        return distributions.Selected(each, experts)

    def every(
        self, context: tf.Tensor, memory: tf.Tensor | None = None, mask: tf.Tensor | None = None
    ) -> list[distributions.TokenSequence]:
        return [head(context, memory=memory, memory_mask=mask) for head in self._heads]

    def expert(
        self,
        expert: int,
        context: tf.Tensor,
        memory: tf.Tensor | None = None,
        mask: tf.Tensor | None = None,
    ) -> distributions.TokenSequence:
        return self._heads[expert](context, memory=memory, memory_mask=mask)
