"""A decoder of texts as a distribution."""

from typing import Any

import keras
import tensorflow as tf

from tfp_dgm import distributions
from tfp_dgm.distributions.token_sequence import ended_before
from tfp_dgm.layers.events import assert_valid, with_event_shape
from tfp_dgm.layers.gives_distribution import GivesDistribution
from tfp_dgm.networks import SequenceDecoder
from tfp_dgm.token_ids import END, PAD, START


@keras.saving.register_keras_serializable(package="tfp_dgm")
class TokenSequence(GivesDistribution):
    """Maps conditioning vectors [..., Z] to distributions over texts, batch shape [...].

    See `distributions.TokenSequence` for the density. Log-probabilities are float32 under any
    policy; the decoder computes in its own.

    Args:
      decoder: a `networks.SequenceDecoder`.
      max_length: tokens of a draw, END included.
      **kwargs: `name` and `trainable`.
    """

    def __init__(self, decoder: SequenceDecoder, max_length: int, **kwargs: Any) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        if max_length < 1:
            raise ValueError(f"TokenSequence: `max_length` must be >= 1; received {max_length}")
        self.decoder = decoder
        self.max_length = max_length

    def build(self, input_shape: Any = None) -> None:
        if not self.decoder.built:
            self.decoder.build()
        self.built = True

    def call(
        self,
        conditioning: tf.Tensor,
        memory: tf.Tensor | None = None,
        memory_mask: tf.Tensor | None = None,
        training: bool = False,
        positions_at_once: int | None = None,
    ) -> distributions.TokenSequence:
        """p(x | conditioning).

        Args:
          conditioning: [..., Z].
          memory: [..., M, D], for a decoder that attends; leading axes broadcast.
          memory_mask: bool [..., M]; True where there is something to attend to.
          training: whether the decoder drops words and features out.
          positions_at_once: see `distributions.TokenSequence`.
        """
        decoder = self.decoder
        prepared = decoder.prepare_memory(memory, memory_mask)

        def features(conditioning: tf.Tensor, token_ids: tf.Tensor) -> tf.Tensor:
            return decoder.features(conditioning, token_ids, memory=prepared, training=training)

        def step(conditioning: tf.Tensor, token_ids: tf.Tensor, time: tf.Tensor, state: Any) -> Any:
            return decoder.step(conditioning, token_ids, time, state, memory=prepared)

        functions = distributions.DecoderFunctions(
            features=features,
            initial_state=decoder.initial_state,
            step=step,
            kernel=decoder.output_kernel,
            bias=tf.convert_to_tensor(decoder.output_bias),
        )
        return distributions.TokenSequence(
            conditioning,
            functions,
            max_length=self.max_length,
            positions_at_once=positions_at_once,
        )

    def check_events(self, token_ids: tf.Tensor, name: str) -> None:
        """Raises unless these are texts that a decoder can have written.

        Args:
          token_ids: integers [B, T].
          name: what they are called in the message.
        Raises:
          ValueError: if the shape is another one, or if they are no integers.
          InvalidArgumentError: if an id is not in the vocabulary, is START's, or stands after END
            or PAD; see `DistributionLayer.check_events`.
        """
        token_ids = with_event_shape(tf.convert_to_tensor(token_ids), [None], name)
        if not token_ids.dtype.is_integer:
            raise ValueError(f"{name}: expected integers; received {token_ids.dtype.name}")
        token_ids = tf.cast(token_ids, tf.int32)
        size = self.decoder.vocabulary_size
        known = (token_ids >= 0) & (token_ids < size) & (token_ids != START)
        valid = known & (~ended_before(token_ids) | (token_ids == PAD))
        expected = f"ids below {size} but {START} (START), and only {PAD} (PAD) after {END} (END)"
        assert_valid(valid, token_ids, f"{name}: {type(self).__name__} expects {expected}")

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "decoder": keras.saving.serialize_keras_object(self.decoder),
            "max_length": self.max_length,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "TokenSequence":
        decoder = keras.saving.deserialize_keras_object(config["decoder"])
        return cls(**{**config, "decoder": decoder})
