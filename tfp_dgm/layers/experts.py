"""K experts who each write texts in their own way."""

from collections.abc import Sequence

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm import distributions
from tfp_dgm.layers.constraints import Constraint
from tfp_dgm.layers.distribution_layer import DistributionLayer
from tfp_dgm.layers.token_sequence import TokenSequence


class Experts(DistributionLayer):
    """p_k(x | c) for the experts k = 0 .. K-1 and a context c.

    An expert is an int in [0, K), or, where the layer allows it, weights over all of them (a
    relaxed one-hot vector).

    Args:
      **kwargs: see `DistributionLayer`.
    """

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

    @property
    def value_shape(self) -> tuple[int | None, ...]:
        return self.heads[0].value_shape

    @property
    def support(self) -> Constraint:
        return self.heads[0].support

    def call(
        self,
        context: tf.Tensor,
        experts: tf.Tensor,
        memory: tf.Tensor | None = None,
        memory_mask: tf.Tensor | None = None,
        training: bool = False,
        rough: bool = False,
    ) -> tfd.Distribution:
        """p_k(x | c), batch shape [S, B].

        Args:
          context: [B, C].
          experts: k, int32 [S, B], or float32 [S, B, K].
          memory: [B, M, D], for decoders that attend.
          memory_mask: bool [B, M].
          training: whether the decoders drop words and features out.
          rough: whether texts are only compared; see `distributions.TokenSequence`.
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
