"""The tagger that is served: tokens in, tags and their probabilities out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.distributions import LinearChain
from tfp_dgm.networks import WordEncoder
from tfp_dgm.saved_arguments import SavesArguments
from tfp_dgm.tagging.chain_answers import (
    SentenceAnswer,
    answers_of_potentials,
    batches_by_length,
)
from tfp_dgm.tagging.word_windows import BLOCKS, FIRST, OFFSETS
from tfp_dgm.text import NO_FORM, WordForms, own_forms

_REACH = max(OFFSETS)


@keras.saving.register_keras_serializable(package="tfp_dgm")
class SequenceTagger(SavesArguments, keras.Model):
    """A conditional random field over the tags of sentences: strings [B, T] -> marginals [B, T, K].

        score(z) = (sum_t unary[t, z_t] + sum_t transitions[z_t, z_t+1]) / temperature
        unary[t] = bias + sum_o sum over features f of word t + o of table[f, o]
                   + sum_o projection[o] v(word t + o) + contextual e(word t)
        v(word) = sum over its features of vectors[f]

    e is what a pretrained encoder says of a word in its sentence, if there is one. Rows are filled
    with "". What is illegal has the potential -inf. `tagging.fit_tagger` makes one;
    `fit` of its own it has none.

    Args:
      labels: K names.
      forms: looks the features of words up.
      taught: so many of them, the first ones, have weights of their own; the others have vectors
        only.
      units: D, of vectors.
      initial, transitions, final: bool [K], [K, K], [K]; what is legal.
      encoder: a pretrained one of words in sentences, or None.
    """

    def __init__(
        self,
        labels: Sequence[str],
        forms: WordForms,
        *,
        taught: int,
        units: int,
        initial: Sequence[bool] | np.ndarray,
        transitions: Sequence[Sequence[bool]] | np.ndarray,
        final: Sequence[bool] | np.ndarray,
        encoder: WordEncoder | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.labels = tuple(labels)
        self.forms = forms
        self.taught = taught
        self.units = units
        self.encoder = encoder
        self.legal = (
            np.asarray(initial, bool),
            np.asarray(transitions, bool),
            np.asarray(final, bool),
        )

    def build(self, input_shape: Any = None) -> None:
        states = len(self.labels)
        shapes = {
            "table": (self.taught + 3, BLOCKS * states),  # None, features, beginning, end.
            "vectors": (len(self.forms.features) + 1, self.units),  # None, features.
            "projection": (self.units, BLOCKS * states),
            "move_potentials": (states, states),
            "bias": (states,),
        }
        if self.encoder is not None:
            shapes["contextual"] = (self.encoder.units, states)
        for name, shape in shapes.items():
            weight = self.add_weight(shape=shape, initializer="zeros", trainable=False, name=name)
            setattr(self, name, weight)
        self.temperature = self.add_weight(
            shape=(), initializer="ones", trainable=False, name="temperature"
        )
        # What "O" loses where the best path is looked for.
        self.outside_penalty = self.add_weight(
            shape=(), initializer="zeros", trainable=False, name="outside_penalty"
        )
        self.built = True

    def chain(self, tokens: Any) -> LinearChain:
        """The distribution over tags of sentences, batch shape [B].

        Args:
          tokens: strings [B, T], filled with "", or B lists of strings. A row without a token has
            the length 1.
        """
        tokens = tokens if tf.is_tensor(tokens) else _padded(tokens)
        read = tokens != ""
        lengths = tf.maximum(tf.reduce_sum(tf.cast(read, tf.int32), axis=1), 1)
        initial, moves, final = (tf.where(legal, 0.0, -float("inf")) for legal in self.legal)
        unary = self.potentials(tokens, lengths)
        last = tf.range(tf.shape(tokens)[1]) == lengths[:, tf.newaxis] - 1
        unary += tf.where(last[..., tf.newaxis], final, 0.0)
        transitions = tf.convert_to_tensor(self.move_potentials) / self.temperature
        return LinearChain(unary, transitions + moves, initial, lengths=lengths)

    def potentials(self, tokens: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        """Potentials of tags [B, T, K] of words [B, T], tempered."""
        rows, steps = tf.unstack(tf.shape(tokens))
        words, place = tf.unique(tf.reshape(tokens, [-1]))
        features = self.forms(words)  # [U, M]
        own = tf.gather(self.table, tf.where(features <= self.taught, features, 0))
        vectors = tf.reduce_sum(tf.gather(self.vectors, features), axis=1)  # [U, D]
        scores = tf.reduce_sum(own, axis=1) + tf.matmul(vectors, self.projection)
        # The words, and then what stands before and behind sentences.
        scores = tf.concat([scores, self.table[self.taught + 1 :]], axis=0)
        begin, end = tf.shape(words)[0], tf.shape(words)[0] + 1
        place = tf.where(tf.sequence_mask(lengths, steps), tf.reshape(place, [rows, steps]), end)
        around = tf.concat(
            [tf.fill([rows, _REACH], begin), place, tf.fill([rows, _REACH], end)], axis=1
        )
        blocks = tf.reshape(scores, [-1, BLOCKS, len(self.labels)])
        unary = tf.convert_to_tensor(self.bias)
        for block, offset in enumerate(OFFSETS):
            ids = around[:, _REACH + offset : _REACH + offset + steps]
            unary += tf.gather(blocks[:, block], ids)
        first = tf.gather(blocks[:, FIRST], place[:, :1])
        unary += tf.pad(first, [[0, 0], [0, steps - 1], [0, 0]])
        if self.encoder is not None:
            unary += tf.matmul(self.encoder(tokens), self.contextual)
        return unary / self.temperature

    def new_words(self, tokens: tf.Tensor) -> tf.Tensor:
        """How many words of strings [B, T], filled with "", no tagged sentence had; int32 [B]."""
        words, place = tf.unique(tf.reshape(tokens, [-1]))
        number = tf.cast(self.forms.lookup(own_forms(words)), tf.int32)
        new = (words != "") & ((number == NO_FORM) | (number > self.taught))
        return tf.reduce_sum(
            tf.cast(tf.reshape(tf.gather(new, place), tf.shape(tokens)), tf.int32), 1
        )

    def call(self, tokens: tf.Tensor) -> tf.Tensor:
        return self.chain(tokens).marginals().unary

    def answers(self, tokens: Sequence[Sequence[str]]) -> list[SentenceAnswer]:
        """Tags, probabilities and spans of sentences, each of one token or more, in their order."""
        unary: list[np.ndarray] = [np.zeros(0)] * len(tokens)
        encoded = self.encoder is not None
        for rows in batches_by_length(list(map(len, tokens)), len(self.labels), encoded=encoded):
            lengths = np.array([len(tokens[row]) for row in rows], np.int32)
            found = self._potentials(_padded([tokens[row] for row in rows]), lengths).numpy()
            for row, length, of_row in zip(rows, lengths, found, strict=True):
                unary[row] = of_row[:length]
        transitions = self.move_potentials.numpy() / self.temperature.numpy()
        return answers_of_potentials(
            unary, transitions, self.legal, self.labels, float(self.outside_penalty.numpy())
        )

    @cached_property
    def _potentials(self) -> tf.types.experimental.GenericFunction:
        """`potentials`, traced once for batches of all sizes."""
        specs = tf.TensorSpec([None, None], tf.string), tf.TensorSpec([None], tf.int32)
        autograph = self.encoder is not None  # Tokenisers of KerasHub branch on tensors.
        return tf.function(self.potentials, input_signature=specs, autograph=autograph)


def _padded(tokens: Sequence[Sequence[str]]) -> tf.Tensor:
    """Strings [B, T], filled with ""."""
    rows = np.full((len(tokens), max(map(len, tokens), default=0)), b"", object)
    for row, sentence in zip(rows, tokens, strict=True):
        row[: len(sentence)] = [word.encode("utf-8", "replace") for word in sentence]
    return tf.constant(rows, tf.string)
