"""What every vocabulary is: strings -> rows of token ids, and back."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tfp_dgm.saved_arguments import SavesArguments
from tfp_dgm.text.letter_case import lowered
from tfp_dgm.token_ids import END, NUM_SPECIAL, PAD

_TEXTS_AT_ONCE = 1024
# Where a space before (after) the mark stands in no written text.
_CLOSING = r"\s+([,.;:!?%)\]}])"
_OPENING = r"([(\[{])\s+"


class Vocabulary(SavesArguments, keras.layers.Layer):
    """Maps strings [B] to int32 [B, T]: tokens, END, and PAD up to the longest row.

    Runs in the graph, so that it may stand in a model that takes strings; `detokenize` is the way
    back. The ids 0 to 3 are PAD, START, END and UNKNOWN (`tfp_dgm.token_ids`).

    A subclass says how texts are cut (`_tokenize`, `_byte_ends`) and put together (`_join`).

    Args:
      tokens: the V - 4 tokens from id 4 on, distinct.
      lower: whether upper and lower case are one.
      max_length: columns at most; the tokens of a longer text are cut before END. None: no limit.
      **kwargs: `name`.
    """

    def __init__(
        self,
        tokens: Sequence[str],
        *,
        lower: bool = False,
        max_length: int | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs["dtype"] = "float32"  # No policy changes what a token is.
        super().__init__(**kwargs)
        if not tokens:
            raise ValueError(f"{type(self).__name__}: `tokens` is empty; expected at least one")
        if len(set(tokens)) < len(tokens):
            double = next(token for i, token in enumerate(tokens) if token in tokens[:i])
            raise ValueError(f"{type(self).__name__}: `tokens` holds {double!r} more than once")
        if max_length is not None and max_length < 1:
            raise ValueError(
                f"{type(self).__name__}: `max_length` must be >= 1 or None; received {max_length}"
            )
        self.tokens = tuple(tokens)
        self.lower = lower
        self.max_length = max_length
        self.built = True

    @property
    def size(self) -> int:
        """V, the special tokens included."""
        return NUM_SPECIAL + len(self.tokens)

    def _tokenize(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Strings [B] -> ids [B, (T)], without END."""
        raise NotImplementedError

    def _join(self, token_ids: tf.RaggedTensor) -> tf.Tensor:
        """Ids [B, (T)] without PAD, START and END -> strings [B]."""
        raise NotImplementedError

    def _byte_ends(self, text: tf.Tensor) -> tf.Tensor:
        """String [], lowered where case is one -> where the T tokens end in it, in bytes, [T]."""
        raise NotImplementedError

    def call(self, texts: tf.Tensor) -> tf.Tensor:
        ids = tf.cast(self.token_ids(texts), tf.int32).to_tensor(PAD)  # [B, T]
        # A batch of no texts has a column, too: no recurrence goes over none.
        return tf.pad(ids, [[0, 0], [0, tf.maximum(1 - tf.shape(ids)[1], 0)]])

    def token_ids(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Strings [B] -> ragged ids [B, (T)], each row closed by END."""
        texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace")
        if self.lower:
            texts = lowered(texts)
        ids = tf.cast(self._tokenize(tf.reshape(texts, [-1])), tf.int32)
        if self.max_length is not None:
            ids = ids[:, : self.max_length - 1]
        ends = tf.fill([ids.nrows(), 1], END)
        return tf.concat([ids, tf.RaggedTensor.from_tensor(ends)], axis=1)

    def detokenize(self, token_ids: tf.Tensor) -> tf.Tensor:
        """Ids [..., T] -> strings [...]: what stands before END, without the special tokens."""
        token_ids = tf.convert_to_tensor(token_ids)
        shape = tf.shape(token_ids)
        rows = tf.reshape(token_ids, [-1, shape[-1]])  # [N, T]
        ended = tf.cumsum(tf.cast(rows == END, tf.int32), axis=1) > 0
        kept = tf.ragged.boolean_mask(rows, ~ended & (rows > END))
        return tf.reshape(self._join(kept), shape[:-1])

    def encode_all(self, texts: Iterable[str]) -> list[Any]:
        """The ids of many texts, as one int32 array each, END included."""
        return list(self.iter_encoded(texts))

    def iter_encoded(self, texts: Iterable[str]) -> Iterator[Any]:
        """The same, one after the other; of the texts, some are in memory at a time."""
        for batch in text_batches(texts):
            ids = self.token_ids(batch)
            flat, splits = ids.flat_values.numpy(), ids.row_splits.numpy()
            yield from (flat[a:b] for a, b in itertools.pairwise(splits))

    def token_ends(self, text: str) -> NDArray[np.int64]:
        """Where the tokens of a text end in it: int64 [T], in characters, without END.

        `text[: ends[n - 1]]` is what its first n tokens stand for, as it was written.
        """
        whole = tf.constant(text.encode("utf-8", errors="replace"))
        characters = tf.strings.unicode_split(whole, "UTF-8")
        if self.lower:  # Some letters take more bytes in lower case.
            whole, characters = lowered(whole), lowered(characters)
        until = np.cumsum(tf.strings.length(characters).numpy())
        ends = self._byte_ends(whole).numpy()
        if self.max_length is not None:
            ends = ends[: self.max_length - 1]
        return np.searchsorted(until, ends) + 1

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, None]:
        return (input_shape[0], None)

    def compute_output_spec(self, texts: Any) -> keras.KerasTensor:
        return keras.KerasTensor((texts.shape[0], None), dtype="int32")


def with_marks_attached(texts: tf.Tensor) -> tf.Tensor:
    """Strings [B] without the spaces before closing marks and after opening ones."""
    texts = tf.strings.regex_replace(texts, _CLOSING, r"\1")
    return tf.strings.regex_replace(texts, _OPENING, r"\1")


def text_batches(texts: Iterable[str]) -> Iterator[tf.Tensor]:
    """Some texts at a time, as a string tensor."""
    left = iter(texts)
    while batch := list(itertools.islice(left, _TEXTS_AT_ONCE)):
        # Lone surrogates, which Python strings may hold, have no UTF-8 form.
        yield tf.constant([text.encode("utf-8", errors="replace") for text in batch])
