"""Words of sentences as a frozen pretrained encoder sees them."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.networks import pretrained_tokens
from tfp_dgm.saved_arguments import SavesArguments

_NUMBERED = re.compile(r"layer_\d+$")
_MARKS = 2  # Tokens that stand for no text: start and end.
_WORDS_AT_ONCE = 2048


@keras.saving.register_keras_serializable(package="tfp_dgm")
class WordEncoder(SavesArguments, keras.layers.Layer):
    """Vectors of words in their sentences: strings [B, T], filled with "" -> float32 [B, T, E].

    Words are given, and each is cut into pieces by itself. A word's vector is the mean of what
    layers in the middle of the encoder say of its pieces; 0 of one without any, and in the padding.
    The last layers, trained for whole sentences, say less of words (Tenney, Das and Pavlick 2019).

    Sentences of more pieces than `length` are read in parts of so many, which know nothing of one
    another. Needs the extra `encoder` (KerasHub).

    Args:
      preprocessor: a KerasHub text-classifier preprocessor, of `length` pieces and two more.
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
        """Loads an encoder up to its middle layer: [E] is of that and the one before.

        Args:
          preset: a folder in KerasHub's or Hugging Face's layout, or the name of a KerasHub preset.
          length: pieces of a sentence that are read together, or as many as the encoder takes.
        Raises:
          ImportError: without KerasHub; says what to install.
          OSError: if KerasHub finds no text encoder there, or one without numbered layers.
        """
        preprocessor, backbone = pretrained_tokens.load(preset, length + _MARKS)
        most = min(length, preprocessor.sequence_length - _MARKS)
        return cls(preprocessor, _lower_half(backbone, preset), most)

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
        # One part more, of marks alone: some layers refuse a batch of nothing.
        size = tf.concat([size, [0]], axis=0)
        states = self._states(tf.RaggedTensor.from_row_lengths(of_words.flat_values, size))
        word = tf.repeat(tf.range(rows * steps), counts)
        means = tf.math.unsorted_segment_mean(states, word, rows * steps)
        return tf.reshape(means, [rows, steps, self.units])

    def _states(self, pieces: tf.RaggedTensor) -> tf.Tensor:
        """States of pieces [R, (P)], those of one row behind those of another: [N, E]."""
        empty = pretrained_tokens.packed(self.preprocessor, tf.constant([""]))
        marks = tf.reduce_sum(tf.cast(empty["padding_mask"], tf.int32))
        before = tf.maximum(marks - 1, 0)  # Pieces stand before the last mark.
        parts = slice(0, before), slice(before, marks)
        rows = pieces.nrows(out_type=tf.int32)

        def marked(row: tf.Tensor, values: tf.RaggedTensor) -> tf.RaggedTensor:
            begin, end = (tf.repeat(row[:, part], rows, axis=0) for part in parts)
            return tf.concat([begin, values, end], axis=1)

        ids = marked(empty["token_ids"], pieces)
        piece = marked(tf.zeros_like(empty["token_ids"]), tf.ones_like(pieces)).to_tensor() > 0
        inputs = {
            "token_ids": ids.to_tensor(empty["token_ids"][0, -1]),
            "padding_mask": tf.sequence_mask(ids.row_lengths()),
        }
        if "segment_ids" in empty:
            inputs["segment_ids"] = tf.zeros_like(inputs["token_ids"])
        return tf.boolean_mask(tf.cast(self.body(inputs, training=False), tf.float32), piece)

    def encode(self, sentences: Sequence[Sequence[str]]) -> list[np.ndarray]:
        """The words of N sentences, those of like lengths together: float32 [T, E] of each."""
        found: list[np.ndarray] = [np.zeros((0, self.units), np.float32)] * len(sentences)
        order = sorted(range(len(sentences)), key=lambda row: len(sentences[row]))
        while order:
            longest = max(1, len(sentences[order[-1]]))
            rows = order[-max(1, _WORDS_AT_ONCE // longest) :]
            del order[-len(rows) :]
            padded = np.full((len(rows), longest), b"", object)
            for place, row in enumerate(rows):
                words = [word.encode("utf-8", "replace") for word in sentences[row]]
                padded[place, : len(words)] = words
            states = self._compiled(tf.constant(padded, tf.string)).numpy()
            for place, row in enumerate(rows):
                found[row] = states[place, : len(sentences[row])]
        return found

    # With AutoGraph: tokenisers of KerasHub branch on tensors.
    @functools.cached_property
    def _compiled(self) -> tf.types.experimental.GenericFunction:
        return tf.function(self.call, input_signature=[tf.TensorSpec([None, None], tf.string)])

    def compute_output_spec(self, tokens: Any) -> keras.KerasTensor:
        return keras.KerasTensor((*tokens.shape, self.units), dtype="float32")

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        pretrained_tokens.register_classes()
        return super().from_config(config, custom_objects)


def _lower_half(backbone: keras.Model, preset: str) -> keras.Model:
    """States of the middle layer of an encoder, and of the one before, side by side."""
    layers = [layer for layer in backbone.layers if _NUMBERED.search(layer.name)]
    if not layers:
        raise OSError(
            f"encoder: expected one with numbered layers; received {preset!r}, a "
            f"{type(backbone).__name__} without them"
        )
    middle = (len(layers) + 1) // 2
    taken = [layer.output for layer in layers[max(middle - 2, 0) : middle]]
    states = keras.layers.Concatenate()(taken) if len(taken) > 1 else taken[0]
    return keras.Model(backbone.input, states, name="lower_half")
