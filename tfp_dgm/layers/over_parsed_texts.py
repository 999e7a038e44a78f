"""What layers of grammars have in common: their sizes, and which texts they are over."""

from typing import Any

import tensorflow as tf

from tfp_dgm.layers.constraints import Constraint
from tfp_dgm.layers.over_texts import OverTexts
from tfp_dgm.token_ids import END, PAD

_SHORTEST = 2  # Words; the rules of a grammar give two symbols.


class OverParsedTexts(OverTexts):
    """Mixin, before `DistributionLayer`: texts of two words or more, closed by END, then PAD.

    Constructors take the sizes of a grammar, and hand them to `_set_sizes` after Keras's own.
    """

    def _set_sizes(
        self, vocabulary_size: int, num_nonterminals: int, num_preterminals: int, max_length: int
    ) -> None:
        sizes: dict[str, Any] = {
            "vocabulary_size": vocabulary_size,
            "num_nonterminals": num_nonterminals,
            "num_preterminals": num_preterminals,
        }
        for argument, value in sizes.items():
            self._require_positive(argument, value)  # type: ignore[attr-defined]
        if max_length <= _SHORTEST:
            raise ValueError(
                f"{type(self).__name__}: `max_length` must be >= {_SHORTEST + 1}, two words and "
                f"END; received {max_length}"
            )
        self._vocabulary_size = vocabulary_size
        self.num_nonterminals = num_nonterminals
        self.num_preterminals = num_preterminals
        self.max_length = max_length

    @property
    def vocabulary_size(self) -> int:
        return self._vocabulary_size

    @property
    def num_symbols(self) -> int:
        """A + P."""
        return self.num_nonterminals + self.num_preterminals

    @property
    def support(self) -> Constraint:
        """Texts of which there are trees."""
        texts = super().support

        def holds(token_ids: tf.Tensor) -> tf.Tensor:
            words = tf.cast((token_ids != PAD) & (token_ids != END), tf.int32)
            enough = tf.reduce_sum(words, axis=-1, keepdims=True) >= _SHORTEST
            closed = tf.reduce_any(token_ids == END, axis=-1, keepdims=True)
            return texts.holds(token_ids) & enough & closed

        return Constraint(f"{_SHORTEST} words or more and {END} (END), {texts.description}", holds)
