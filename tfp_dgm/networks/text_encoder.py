"""What layers that make a vector of a text have in common."""

import functools
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.networks.pretrained_tokens import register_classes
from tfp_dgm.saved_arguments import SavesArguments


class TextEncoder(SavesArguments, keras.layers.Layer):
    """Unit-length vectors of texts, the tokeniser in the graph: string [B] -> float32 [B, E].

    Of a text the first `sequence_length` tokens are read, the rest is cut off. Needs the extra
    `encoder` (KerasHub).
    """

    @property
    @abstractmethod
    def units(self) -> int:
        """E, the length of a vector."""

    @property
    def units_of_meaning(self) -> int:
        """How many numbers of a vector, the first ones, texts are alike in; by default all E."""
        return self.units

    @property
    def tuned_units(self) -> int:
        """How many numbers of a vector, the last ones, labels have tuned; by default none."""
        return 0

    @property
    @abstractmethod
    def sequence_length(self) -> int:
        """The most tokens of a text that are read."""

    @abstractmethod
    def tokens(self, texts: tf.Tensor) -> dict[str, tf.Tensor]:
        """What stands for strings [B], each [B, T]; T is that of the longest of these texts."""

    @abstractmethod
    def pool(self, **tokens: tf.Tensor) -> tf.Tensor:
        """The vectors [B, E] of what `tokens` gives, by keyword; padding does not change them."""

    @abstractmethod
    def lengths(self, texts: tf.Tensor) -> tf.Tensor:
        """Strings [B] -> their numbers of tokens [B], none of them cut off."""

    def call(self, texts: tf.Tensor) -> tf.Tensor:
        return self.pool(**self.tokens(texts))

    def compute_output_spec(self, texts: Any) -> keras.KerasTensor:
        return keras.KerasTensor((texts.shape[0], self.units), dtype="float32")

    def encode(self, texts: Sequence[str], *, batch_size: int = 64) -> np.ndarray:
        """Encodes many texts, shortest first so that batches hold few pads: float32 [N, E].

        Args:
          texts: the texts.
          batch_size: texts at once.
        """
        vectors = np.zeros((len(texts), self.units), np.float32)
        for rows, batch in by_length(texts, batch_size):
            vectors[rows] = self._compiled(batch).numpy()
        return vectors

    def cut_off(self, texts: Sequence[str], *, batch_size: int = 1024) -> np.ndarray:
        """Which texts have more tokens than are read: bool [N].

        Args:
          texts: N texts.
          batch_size: texts at once.
        """
        cut = np.zeros(len(texts), bool)
        # A token has at least one byte; what stands for no text (start and end) has none.
        room = self.sequence_length - int(self._lengths(tf.constant([""]))[0])
        long = [row for row, text in enumerate(texts) if len(_bytes(text)) > room]
        for rows, batch in by_length([texts[row] for row in long], batch_size):
            cut[np.array(long)[rows]] = self._lengths(batch).numpy() > self.sequence_length
        return cut

    # With AutoGraph: tokenisers of KerasHub branch on tensors.
    @functools.cached_property
    def _compiled(self) -> tf.types.experimental.GenericFunction:
        return tf.function(self.call, input_signature=[tf.TensorSpec([None], tf.string)])

    @functools.cached_property
    def _lengths(self) -> tf.types.experimental.GenericFunction:
        return tf.function(self.lengths, input_signature=[tf.TensorSpec([None], tf.string)])

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        register_classes()
        return super().from_config(config, custom_objects)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", errors="replace")


def by_length(texts: Sequence[str], batch_size: int) -> Iterator[tuple[list[int], tf.Tensor]]:
    """Numbers and strings of texts of like length."""
    order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    for start in range(0, len(texts), batch_size):
        rows = order[start : start + batch_size]
        yield rows, tf.constant([_bytes(texts[row]) for row in rows])
