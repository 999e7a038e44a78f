"""A frozen pretrained text encoder, through KerasHub."""

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.saved_arguments import SavesArguments


@keras.saving.register_keras_serializable(package="tfp_dgm")
class SentenceEncoder(SavesArguments, keras.layers.Layer):
    """Mean-pooled, unit-length sentence vectors: string [B] -> float32 [B, E].

    Of a text the first `sequence_length` tokens are read, the rest is cut off.

    Tokeniser and Transformer stand in the graph, so that a SavedModel with this layer takes
    strings. Needs the extra `encoder` (KerasHub).

    Args:
      preprocessor: a KerasHub text-classifier preprocessor (tokenises, packs, masks).
      backbone: the KerasHub backbone that belongs to it; its weights stay as they are.
    """

    def __init__(
        self, preprocessor: keras.layers.Layer, backbone: keras.Model, **kwargs: Any
    ) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.preprocessor = preprocessor
        self.backbone = backbone
        self.backbone.trainable = False
        self.built = True

    @functools.cached_property
    def _compiled(self) -> tf.types.experimental.GenericFunction:
        # With AutoGraph: tokenisers of KerasHub branch on tensors.
        return tf.function(self.call, input_signature=[tf.TensorSpec([None], tf.string)])

    @classmethod
    def from_preset(cls, preset: str, *, sequence_length: int = 128) -> "SentenceEncoder":
        """Loads an encoder.

        Args:
          preset: a folder in KerasHub's or Hugging Face's layout, or the name of a KerasHub preset.
          sequence_length: tokens of a text that are read, or as many as the backbone takes; the
            rest is cut off.
        Raises:
          ImportError: without KerasHub; says what to install.
          OSError: if KerasHub finds no text encoder there; names the preset and the reason.
        """
        keras_hub = _keras_hub()
        try:
            backbone = keras_hub.models.Backbone.from_preset(preset)
            most = getattr(backbone, "max_sequence_length", sequence_length)
            preprocessor = keras_hub.models.TextClassifierPreprocessor.from_preset(
                preset, sequence_length=min(sequence_length, most)
            )
        except Exception as error:  # KerasHub raises whatever its many loaders raise.
            raise OSError(
                f"encoder: expected a folder or preset with a text encoder that KerasHub can "
                f"load; received {preset!r} ({type(error).__name__}: {error})"
            ) from error
        return cls(preprocessor, backbone)

    @property
    def units(self) -> int:
        """E, the length of a sentence vector."""
        return _sequence_output(self.backbone.output).shape[-1]

    def call(self, texts: tf.Tensor) -> tf.Tensor:
        return self.pool(**self.tokens(texts))

    def tokens(self, texts: tf.Tensor) -> dict[str, tf.Tensor]:
        """The backbone's inputs, each [B, T]; T is that of the longest of these texts."""
        inputs = self.preprocessor(tf.reshape(texts, [-1]))
        # As long as the longest text of this batch, not as the longest that may come.
        longest = tf.reduce_max(tf.reduce_sum(tf.cast(inputs["padding_mask"], tf.int32), axis=-1))
        return {name: tensor[:, :longest] for name, tensor in inputs.items()}

    def pool(self, **tokens: tf.Tensor) -> tf.Tensor:
        """The vectors [B, E] of what `tokens` gives, by keyword; padding does not change them."""
        states = _sequence_output(self.backbone(tokens, training=False))  # [B, T, E]
        mask = tf.cast(tokens["padding_mask"], tf.float32)[..., tf.newaxis]  # [B, T, 1]
        pooled = tf.reduce_sum(tf.cast(states, tf.float32) * mask, axis=1)
        return tf.math.l2_normalize(pooled, axis=-1)  # The mean's direction is the sum's.

    @property
    def sequence_length(self) -> int:
        """The most tokens of a text that the preprocessor gives and the backbone takes."""
        given = self.preprocessor.sequence_length
        return min(given, getattr(self.backbone, "max_sequence_length", given))

    def cut_off(self, texts: Sequence[str], *, batch_size: int = 1024) -> np.ndarray:
        """Which texts have more tokens than are read: bool [N].

        Args:
          texts: N texts.
          batch_size: texts at once.
        """
        # What packing adds to a text (start and end) takes room from it.
        added = int(
            tf.reduce_sum(tf.cast(self.tokens(tf.constant([""]))["padding_mask"], tf.int32))
        )
        room = self.sequence_length - added
        encoded = [text.encode("utf-8", errors="replace") for text in texts]
        # A token has at least one byte.
        long = [row for row, text in enumerate(encoded) if len(text) > room]
        cut = np.zeros(len(texts), bool)
        for start in range(0, len(long), batch_size):
            chosen = long[start : start + batch_size]
            cut[chosen] = self._lengths(tf.constant([encoded[row] for row in chosen])) > room
        return cut

    @functools.cached_property
    def _lengths(self) -> tf.types.experimental.GenericFunction:
        """Strings [B] -> their numbers of tokens [B], none of them cut off or added."""
        return tf.function(
            lambda texts: self.preprocessor.tokenizer(texts).row_lengths(),
            input_signature=[tf.TensorSpec([None], tf.string)],
        )

    def compute_output_spec(self, texts: Any) -> keras.KerasTensor:
        return keras.KerasTensor((texts.shape[0], self.units), dtype="float32")

    def encode(self, texts: Sequence[str], *, batch_size: int = 64) -> np.ndarray:
        """Encodes many texts, shortest first so that batches hold few pads: float32 [N, E].

        Args:
          texts: the texts.
          batch_size: texts at once.
        """
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        vectors = np.zeros((len(texts), self.units), np.float32)
        for start in range(0, len(texts), batch_size):
            chosen = order[start : start + batch_size]
            batch = [texts[i].encode("utf-8", errors="replace") for i in chosen]
            vectors[chosen] = self._compiled(tf.constant(batch)).numpy()
        return vectors

    def fingerprint(self) -> str:
        """A hash of all that the vectors depend on: tokeniser, lengths, architecture, weights."""
        parts = [self.preprocessor.tokenizer, self.preprocessor, self.backbone]
        identity = [[type(part).__name__, _plain(part.get_config())] for part in parts]
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True, default=str).encode())
        for weight in self.backbone.weights:
            digest.update(weight.numpy().tobytes())
        return digest.hexdigest()

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        _keras_hub()  # Registers the classes named in the configuration.
        return super().from_config(config, custom_objects)


def _sequence_output(outputs: Any) -> Any:
    return outputs["sequence_output"] if isinstance(outputs, dict) else outputs


def _plain(config: Any) -> Any:
    """A configuration without what differs from one process to the next."""
    if isinstance(config, dict):
        dropped = {"shared_object_id", "name"}
        return {key: _plain(value) for key, value in config.items() if key not in dropped}
    return [_plain(item) for item in config] if isinstance(config, list | tuple) else config


def _keras_hub() -> Any:
    try:
        import keras_hub
    except ImportError as error:
        raise ImportError(
            "a pretrained encoder needs KerasHub; install it with `pip install tfp-dgm[encoder]`"
        ) from error
    return keras_hub
