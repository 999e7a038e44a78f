"""A pretrained text encoder beside itself as labels have tuned it."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.networks import pretrained_tokens
from tfp_dgm.networks.packed_transformer import PackedTransformer
from tfp_dgm.networks.sentence_encoder import SentenceEncoder, mean_direction


@keras.saving.register_keras_serializable(package="tfp_dgm")
class TunedSentenceEncoder(SentenceEncoder):
    """The vectors of a `SentenceEncoder` and, behind them, those by layers of its own that differ.

        [mean directions of the layers read, mean direction of the last of `tuned_layers`]

    float32 [B, E + E'], both parts of unit length. Tokens and their embeddings are the same for
    both. `EncoderTuning` of the labeller makes them.

    Args:
      preprocessor, backbone, depths: as for `SentenceEncoder`; the backbone must be made of
        `TransformerEncoder` layers.
      tuned_layers: as many layers of the same kind and sizes, as `copied_layers` gives them; None
        takes these.
    Raises:
      ValueError: if the backbone is of another kind, or has another number of layers.
    """

    def __init__(
        self,
        preprocessor: keras.layers.Layer,
        backbone: keras.Model,
        *,
        tuned_layers: Sequence[keras.layers.Layer] | None = None,
        depths: Sequence[float] = (1.0,),
        **kwargs: Any,
    ) -> None:
        super().__init__(preprocessor, backbone, depths=depths, **kwargs)
        own = pretrained_tokens.encoder_layers(backbone)
        if tuned_layers is None:
            tuned_layers = copied_layers(backbone)
            self.save_as(tuned_layers=tuned_layers)
        if not own or len(own) != len(tuned_layers):
            raise ValueError(
                f"`tuned_layers` must be as many as the backbone has, {len(own)}, and at least "
                f"one; received {len(tuned_layers)}"
            )
        self.tuned_layers = list(tuned_layers)
        for layer in self.tuned_layers:
            if not layer.built:
                layer.build((None, None, self.tuned_units))
            # Keras tells parts of a change alone, and what was loaded is False already.
            layer.trainable = True
            layer.trainable = False

    @classmethod
    def of(
        cls, encoder: SentenceEncoder, tuned_layers: Sequence[keras.layers.Layer]
    ) -> "TunedSentenceEncoder":
        """The encoder, and beside it the same with other layers."""
        return cls(
            encoder.preprocessor,
            encoder.backbone,
            depths=encoder.depths,
            tuned_layers=tuned_layers,
        )

    def untuned(self) -> SentenceEncoder:
        """The encoder as it was."""
        return SentenceEncoder(self.preprocessor, self.backbone, depths=self.depths)

    @property
    def units(self) -> int:
        return super().units + self.tuned_units

    @property
    def tuned_units(self) -> int:
        return self.units_of_meaning

    def pool(self, **tokens: tf.Tensor) -> tf.Tensor:
        mask = tokens["padding_mask"]
        states = self._embed(tokens)
        for layer in self.tuned_layers:
            states = layer(states, padding_mask=mask, training=False)
        return tf.concat([super().pool(**tokens), mean_direction([states], mask)], axis=-1)

    # A function: of a property that is a model, Keras would take its layers for further parts.
    @functools.cached_property
    def _embed(self) -> Callable[[dict[str, tf.Tensor]], tf.Tensor]:
        first = pretrained_tokens.encoder_layers(self.backbone)[0]
        embeddings = keras.Model(self.backbone.input, first.input[0])
        return lambda tokens: embeddings(tokens, training=False)

    def _packed_pool(self) -> Callable[..., tf.Tensor] | None:
        frozen = super()._packed_pool()
        packed = PackedTransformer.of(self.backbone, self.tuned_layers)
        if frozen is None or packed is None:
            return None

        def pool(**tokens: tf.Tensor) -> tf.Tensor:
            tuned = mean_direction([packed(tokens)], tokens["padding_mask"])
            return tf.concat([frozen(**tokens), tuned], axis=-1)

        return pool

    def _weights_read(self) -> list[np.ndarray]:
        own = [weight.numpy() for layer in self.tuned_layers for weight in layer.weights]
        return [*super()._weights_read(), *own]


def copied_layers(backbone: keras.Model) -> list[keras.layers.Layer]:
    """Layers like those that a backbone is made of, with the same weights; [] of another kind.

    Args:
      backbone: of KerasHub.
    """
    copies = []
    for layer in pretrained_tokens.encoder_layers(backbone):
        copy = type(layer).from_config(layer.get_config())
        copy.trainable = True
        copy.build(layer.input[0].shape)
        copy.set_weights(layer.get_weights())
        copies.append(copy)
    return copies
