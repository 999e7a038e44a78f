"""Words of sentences as a frozen pretrained encoder sees them."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Self

import keras
import tensorflow as tf

from tfp_dgm.networks import pretrained_tokens
from tfp_dgm.saved_arguments import SavesArguments

_NUMBERED = re.compile(r"layer_(\d+)$")


@keras.saving.register_keras_serializable(package="tfp_dgm")
class WordEncoder(SavesArguments, keras.layers.Layer):
    """Vectors of words in their sentences: strings [B, T], filled with "" -> float32 [B, T, E].

    Words are given, and each is cut into pieces by itself. A word's vector is the mean of what a
    layer in the middle of the encoder says of its pieces; 0 of one without any, and in the
    padding. The last layers, trained for whole sentences, say less of words.

    Sentences of more pieces than `length` are read in parts of so many, which know nothing of one
    another. Needs the extra `encoder` (KerasHub).

    Args:
      preprocessor: a KerasHub text-classifier preprocessor.
      body: the inputs that it makes, each [B, T] -> states [B, T, E]; its weights stay as they are.
      length: pieces of a sentence that are read together.
    """

    def __init__(
        self, preprocessor: keras.layers.Layer, body: keras.Model, length: int, **kwargs: Any
    ) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.preprocessor = preprocessor
        self.body = body
        self.body.trainable = False
        self.length = length
        self.built = True

    @classmethod
    def from_preset(cls, preset: str, *, length: int = 126) -> Self:
        """Loads the lower half of an encoder.

        Args:
          preset: a folder in KerasHub's or Hugging Face's layout, or the name of a KerasHub preset.
          length: pieces of a sentence that are read together; no more than the encoder takes.
        Raises:
          ImportError: without KerasHub; says what to install.
          OSError: if KerasHub finds no text encoder there, or one without numbered layers.
        """
        preprocessor, backbone = pretrained_tokens.load(preset, length)
        return cls(preprocessor, lower_half(backbone, preset), length)

    @property
    def units(self) -> int:
        """E, the length of a vector."""
        return int(self.body.output.shape[-1])

    def call(self, tokens: tf.Tensor) -> tf.Tensor:
        rows, steps = tf.unstack(tf.shape(tokens))
        words = tf.reshape(tokens, [-1])
        distinct, place = tf.unique(words)
        # Encoders that tell a word's beginning by the blank before it are given one.
        pieces = pretrained_tokens.piece_ids(
            self.preprocessor.tokenizer, tf.strings.join([" ", distinct])
        )
        of_words = tf.gather(pieces, place)  # [B T, (P)]
        counts = tf.cast(of_words.row_lengths(), tf.int32)
        sizes = tf.reduce_sum(tf.reshape(counts, [rows, steps]), axis=1)  # Pieces of sentences.
        parts = -(-sizes // self.length)
        sentence = tf.repeat(tf.range(rows), parts)
        number = tf.range(tf.size(sentence)) - tf.gather(tf.cumsum(parts, exclusive=True), sentence)
        size = tf.minimum(tf.gather(sizes, sentence) - number * self.length, self.length)
        states = self._states(tf.RaggedTensor.from_row_lengths(of_words.flat_values, size))
        word = tf.repeat(tf.range(rows * steps), counts)
        means = tf.math.unsorted_segment_mean(states, word, rows * steps)
        return tf.reshape(means, [rows, steps, self.units])

    def _states(self, pieces: tf.RaggedTensor) -> tf.Tensor:
        """States of pieces [R, (P)], those of one row behind those of another: [N, E]."""
        marks = pretrained_tokens.packed(self.preprocessor, tf.constant([""]))
        there = tf.reduce_sum(tf.cast(marks["padding_mask"], tf.int32))
        before = tf.maximum(there - 1, 0)  # Pieces stand before the last mark.
        sizes = tf.cast(pieces.row_lengths(), tf.int32)
        steps = there + tf.reduce_max(tf.concat([sizes, [0]], axis=0))
        step = tf.range(steps)[tf.newaxis]
        size = sizes[:, tf.newaxis]
        piece = (step >= before) & (step < before + size)
        ids = tf.repeat(marks["token_ids"][:, :there], tf.shape(sizes)[0], axis=0)
        padding = marks["token_ids"][0, there]
        read = step < size + there
        mark = tf.gather(ids, tf.clip_by_value(tf.where(step < before, step, step - size), 0, there - 1), batch_dims=1)
        ids = tf.where(read, mark, padding)
        ids = tf.tensor_scatter_nd_update(ids, tf.where(piece), tf.cast(pieces.flat_values, ids.dtype))
        inputs = {"token_ids": ids, "padding_mask": read}
        if "segment_ids" in marks:
            inputs["segment_ids"] = tf.zeros_like(ids)
        return tf.boolean_mask(tf.cast(self.body(inputs, training=False), tf.float32), piece)

    def compute_output_spec(self, tokens: Any) -> keras.KerasTensor:
        return keras.KerasTensor((*tokens.shape, self.units), dtype="float32")

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        pretrained_tokens.register_classes()
        return super().from_config(config, custom_objects)


def lower_half(backbone: keras.Model, preset: str) -> keras.Model:
    """The layers of an encoder up to the middle one."""
    numbered = [layer for layer in backbone.layers if _NUMBERED.search(layer.name)]
    middle = numbered[(len(numbered) - 1) // 2]
    return keras.Model(backbone.input, middle.output, name="lower_half")
