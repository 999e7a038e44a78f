"""Models of word counts that read strings where they know their words."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfp_dgm.layers.constraints import COUNTS
from tfp_dgm.layers.events import assert_valid, with_event_shape
from tfp_dgm.models.mixture_signatures import mixture_signatures
from tfp_dgm.models.signature import Signature
from tfp_dgm.models.topic_words import PROBABILITY_WEIGHT, distinctive_words
from tfp_dgm.text import WordCounts


class OverWords:
    """Mixin of models that mix K topics over V words, for what reads and serves them.

    A subclass calls `_read_words` in its constructor, and has `topics` [K, V] and `shares` [K].
    """

    num_words: int
    context_units: int = 0  # Of a vector that stands beside the counts of a text.
    probability_weight: float = PROBABILITY_WEIGHT  # Of `distinctive_words`.
    topics: Any
    shares: Any
    call: Any

    def _read_words(
        self, num_words: int, vocabulary: Sequence[str] | None, context_units: int = 0
    ) -> None:
        name = type(self).__name__
        if context_units < 0:
            raise ValueError(f"{name}: `context_units` must be >= 0; received {context_units}")
        self.context_units = context_units
        if num_words < 1:
            raise ValueError(f"{name}: `num_words` must be >= 1; received {num_words}")
        if vocabulary is not None and len(vocabulary) != num_words:
            raise ValueError(
                f"{name}: expected `vocabulary` of {num_words} words; received {len(vocabulary)}"
            )
        self.num_words = num_words
        self.vocabulary = None if vocabulary is None else tuple(vocabulary)
        self.word_counts = None if vocabulary is None else WordCounts(vocabulary, name="words")

    def check_inputs(self, inputs: Any) -> None:
        """Raises unless the inputs are strings [B] or counts [B, V], beside a context if there is
        to be one.

        Raises:
          ValueError, InvalidArgumentError: see `DistributionLayer.check_events`.
        """
        if self.context_units:
            if not isinstance(inputs, Mapping) or set(inputs) != {"counts", "context"}:
                given = sorted(inputs) if isinstance(inputs, Mapping) else type(inputs).__name__
                raise ValueError(
                    f'{type(self).__name__}: `x` must be {{"counts": ..., "context": ...}}, as '
                    f"there are `context_units`; received {given}"
                )
            inputs = inputs["counts"]
        inputs = tf.convert_to_tensor(inputs)
        if inputs.dtype == tf.string:
            return
        name = f"{type(self).__name__}: `x`"
        inputs = with_event_shape(inputs, (self.num_words,), name)
        valid = COUNTS.holds(tf.cast(inputs, tf.float32))
        assert_valid(valid, inputs, f"{name} must be {COUNTS.description}")

    def counts(self, inputs: Any) -> tf.Tensor:
        """Counts [B, V], or strings [B] where there is a vocabulary, as counts float32 [B, V].

        Raises:
          TypeError: if these are strings, and there is no vocabulary.
        """
        inputs = tf.convert_to_tensor(inputs)
        if inputs.dtype != tf.string:
            return tf.cast(inputs, tf.float32)
        if self.word_counts is None:
            raise TypeError(
                f"{type(self).__name__}: reads strings where it is given a `vocabulary`; received "
                "strings, and has none"
            )
        return self.word_counts(inputs)

    def counts_and_context(self, inputs: Any) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Counts [B, V], and the context [B, H] float32 if there is one."""
        if not self.context_units:
            return self.counts(inputs), None
        context = tf.cast(inputs["context"], tf.float32)
        return self.counts(inputs["counts"]), tf.ensure_shape(context, [None, self.context_units])

    def distinctive_words(self, num_words: int = 10) -> np.ndarray:
        """Places in the vocabulary, int64 [K, n]; see `models.distinctive_words`."""
        return distinctive_words(
            np.asarray(self.topics),
            np.asarray(self.shares),
            num_words,
            probability_weight=self.probability_weight,
        )

    def serving_signatures(self) -> dict[str, Signature]:
        """`serving_default`: texts (or counts [V]) -> mixture [K], topic, probability, words [n];
        see `mixture_signatures`.
        """
        words = None if self.vocabulary is None else self.distinctive_words()
        return mixture_signatures(
            self.call,
            self.num_words,
            self.vocabulary,
            self.word_counts,
            words,
            self.context_units,
        )
