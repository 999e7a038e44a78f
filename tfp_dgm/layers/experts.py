"""K experts who each write texts in their own way: one decoder for all, or one each."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfp_dgm import distributions
from tfp_dgm.layers.token_sequence import TokenSequence


class Experts(keras.layers.Layer):
    """p_k(x | c) for the experts k = 0 .. K-1 and a context c.

    An expert is an int in [0, K), or, where the layer allows it, weights over all of them (a
    relaxed one-hot vector).

    Args:
      **kwargs: `name` and `trainable`.
    """

    built: bool

    def __init__(self, **kwargs: Any) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)

    @property
    def num_experts(self) -> int:
        """K."""
        raise NotImplementedError

    @property
    def context_units(self) -> int:
        """C, the size of the context vector."""
        raise NotImplementedError

    @property
    def heads(self) -> Sequence[TokenSequence]:
        """The layers that give the distributions."""
        raise NotImplementedError

    @property
    def memory_units(self) -> int:
        """Size of the vectors that the decoders attend to; 0 where they attend to none."""
        return self.heads[0].decoder.memory_units

    def log_prob(
        self,
        token_ids: tf.Tensor,
        experts: tf.Tensor,
        context: tf.Tensor,
        memory: tf.Tensor | None = None,
        mask: tf.Tensor | None = None,
        training: bool = False,
    ) -> tf.Tensor:
        """log p_k(x | c): float32 [S, B].

        Args:
          token_ids: int32 [B, T].
          experts: int32 [S, B], or float32 [S, B, K].
          context: [B, C].
          memory: [B, M, D], for decoders that attend.
          mask: bool [B, M].
          training: whether the decoders drop words and features out.
        """
        raise NotImplementedError

    def every(
        self, context: tf.Tensor, memory: tf.Tensor | None = None, mask: tf.Tensor | None = None
    ) -> list[distributions.TokenSequence]:
        """All experts as distributions, each of some of them: batch shapes [K' B], experts first.

        The K' add up to K; row k B + b is expert k's text for the context b.
        """
        raise NotImplementedError

    def expert(
        self,
        expert: int,
        context: tf.Tensor,
        memory: tf.Tensor | None = None,
        mask: tf.Tensor | None = None,
    ) -> distributions.TokenSequence:
        """One expert's distribution; batch shape [B]."""
        raise NotImplementedError


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
      **kwargs: `name` and `trainable`.
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

    def log_prob(
        self,
        token_ids: tf.Tensor,
        experts: tf.Tensor,
        context: tf.Tensor,
        memory: tf.Tensor | None = None,
        mask: tf.Tensor | None = None,
        training: bool = False,
    ) -> tf.Tensor:
        return self._given(experts, context, memory, mask, training).log_prob(token_ids)

    def every(
        self, context: tf.Tensor, memory: tf.Tensor | None = None, mask: tf.Tensor | None = None
    ) -> list[distributions.TokenSequence]:
        experts = tf.repeat(tf.range(self.num_experts), tf.shape(context)[0])  # [K B]
        parts = [context, memory, mask]
        tiled = [None if part is None else _tile(part, self.num_experts) for part in parts]
        return [self._given(experts, tiled[0], tiled[1], tiled[2], training=False)]

    def expert(
        self,
        expert: int,
        context: tf.Tensor,
        memory: tf.Tensor | None = None,
        mask: tf.Tensor | None = None,
    ) -> distributions.TokenSequence:
        experts = tf.fill([tf.shape(context)[0]], expert)
        return self._given(experts, context, memory, mask, training=False)

    def _given(
        self,
        experts: tf.Tensor,
        context: tf.Tensor,
        memory: tf.Tensor | None,
        mask: tf.Tensor | None,
        training: bool,
    ) -> distributions.TokenSequence:
        self.build()
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
        return self.head(joint, memory=memory, memory_mask=mask, training=training)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "head": keras.saving.serialize_keras_object(self.head),
            "num_experts": self.num_experts,
            "embedding_units": self.embedding_units,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "SharedExperts":
        return cls(**{**config, "head": keras.saving.deserialize_keras_object(config["head"])})


@keras.saving.register_keras_serializable(package="tfp_dgm")
class SeparateExperts(Experts):
    """Experts with a decoder each: K times the weights, and about K times the work.

    Args:
      heads: K decoders as distributions, conditioned on contexts of one size.
      **kwargs: `name` and `trainable`.
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

    def log_prob(
        self,
        token_ids: tf.Tensor,
        experts: tf.Tensor,
        context: tf.Tensor,
        memory: tf.Tensor | None = None,
        mask: tf.Tensor | None = None,
        training: bool = False,
    ) -> tf.Tensor:
        if experts.dtype.is_floating:
            raise ValueError(
                "SeparateExperts: weights over experts need decoders that can be mixed; use "
                "SharedExperts for relaxed objectives"
            )
        each = [
            head(context, memory=memory, memory_mask=mask, training=training)
            for head in self._heads
        ]
        log_probs = tf.stack([text.log_prob(token_ids) for text in each])  # [K, B]
        rows = tf.broadcast_to(tf.range(tf.shape(context)[0]), tf.shape(experts))
        return tf.gather_nd(log_probs, tf.stack([experts, rows], axis=-1))  # [S, B]

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

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "heads": [keras.saving.serialize_keras_object(head) for head in self._heads],
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "SeparateExperts":
        heads = [keras.saving.deserialize_keras_object(head) for head in config["heads"]]
        return cls(**{**config, "heads": heads})


def _tile(x: tf.Tensor, times: int) -> tf.Tensor:
    """[B, ...] -> [times B, ...], one copy of the whole batch after the other."""
    return tf.tile(x, [times, *[1] * (len(x.shape) - 1)])
