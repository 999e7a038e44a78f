"""Strings -> word counts, inside the graph."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import scipy.sparse
import tensorflow as tf

from tfp_dgm.saved_arguments import SavesArguments
from tfp_dgm.text.letter_case import lowered
from tfp_dgm.text.ragged_rows import rows_of_values
from tfp_dgm.text.vocabulary import text_batches

# Letters, digits and the marks that belong to letters make words; scripts that put no spaces
# between words are cut into characters.
_NO_WORD = r"[^\p{L}\p{M}\p{N}]+"
_UNSPACED = r"([\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])"
# In texts of ASCII alone, whose bytes are characters, that takes no expressions and a fifth of
# the time.
_ASCII = r"[\x00-\x7F]*"
_NO_ASCII_WORD = bytes(byte for byte in range(128) if not chr(byte).isalnum())


def words(texts: tf.Tensor) -> tf.RaggedTensor:
    """Splits texts into lower-case words: string [B] -> ragged string [B, (T)].

    Bytes that are not UTF-8 separate words, as punctuation does.
    """
    is_ascii = tf.strings.regex_full_match(texts, _ASCII)
    plain, others = (tf.where(chosen)[:, 0] for chosen in (is_ascii, ~is_ascii))
    both = [_ascii_words(tf.gather(texts, plain)), _unicode_words(tf.gather(texts, others))]
    place = tf.math.invert_permutation(tf.concat([plain, others], axis=0))
    return tf.gather(tf.concat(both, axis=0), place)


def _ascii_words(texts: tf.Tensor) -> tf.RaggedTensor:
    found = tf.raw_ops.StringSplit(input=tf.strings.lower(texts), delimiter=_NO_ASCII_WORD)
    return tf.RaggedTensor.from_value_rowids(
        found.values, found.indices[:, 0], tf.shape(texts, tf.int64)[0], validate=False
    )


def _unicode_words(texts: tf.Tensor) -> tf.RaggedTensor:
    texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace")
    texts = tf.strings.regex_replace(lowered(texts), _NO_WORD, " ")
    texts = tf.strings.regex_replace(texts, _UNSPACED, r" \1 ")
    return tf.strings.split(texts)


@keras.saving.register_keras_serializable(package="tfp_dgm")
class WordCounts(SavesArguments, keras.layers.Layer):
    """Counts the words of a vocabulary: string [B] -> float32 [B, V].

    Only operations that a stock TF Serving links, so that the layer may stand in a SavedModel that
    takes strings.

    Args:
      vocabulary: V distinct lower-case words; other words are not counted.
    """

    def __init__(self, vocabulary: Sequence[str], **kwargs: Any) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        if not len(vocabulary):
            raise ValueError("WordCounts: `vocabulary` is empty; expected at least one word")
        self.vocabulary = tuple(vocabulary)
        self.lookup = keras.layers.StringLookup(vocabulary=list(vocabulary), num_oov_indices=1)
        self.built = True

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        *,
        min_documents: int = 2,
        max_words: int = 20_000,
        **kwargs: Any,
    ) -> "WordCounts":
        """Learns a vocabulary from texts.

        Args:
          texts: the documents.
          min_documents: a word must occur in as many of them; where none does, once is enough.
          max_words: the words in most documents are kept, ties in alphabetical order.
        Raises:
          ValueError: if no text holds any word.
        """
        frequencies = document_frequencies(texts)
        if not frequencies:
            raise ValueError(
                f"WordCounts.fit: expected at least one word; received {len(texts)} texts without"
            )
        kept = [word for word, count in frequencies.items() if count >= min_documents]
        ranked = sorted(kept or frequencies, key=lambda word: (-frequencies[word], word))
        return cls(ranked[:max_words], **kwargs)

    def call(self, texts: tf.Tensor) -> tf.Tensor:
        return self.count_of(self.word_ids(texts))

    def count_of(self, ids: tf.RaggedTensor) -> tf.Tensor:
        """The same of `word_ids`."""
        size = len(self.vocabulary) + 1
        counts = tf.math.bincount(
            tf.cast(ids, tf.int32),
            minlength=size,
            maxlength=size,
            dtype=tf.float32,
            axis=-1,
        )
        return tf.ensure_shape(counts[:, 1:], [None, size - 1])  # Without the unknown word.

    def count(self, word_ids: tf.Tensor) -> tf.Tensor:
        """Counts of int32 word ids [B, T], without those that are 0: float32 [B, V]."""
        # `tf.math.bincount` computes the size in the graph, where XLA's compilers must know it.
        counts = tf.raw_ops.DenseBincount(
            input=word_ids,
            size=len(self.vocabulary) + 1,
            weights=tf.constant([], tf.float32),
            binary_output=False,
        )
        return tf.ensure_shape(counts[:, 1:], [None, len(self.vocabulary)])

    def sparse_count(self, texts: tf.Tensor) -> tuple[tf.SparseTensor, tf.Tensor]:
        """Counts of strings [B]: sparse float32 [B, V], and the number [B] of all other words.

        XLA has no such operations.
        """
        return self.sparse_count_of(self.word_ids(texts))

    def sparse_count_of(self, ids: tf.RaggedTensor) -> tuple[tf.SparseTensor, tf.Tensor]:
        """The same of `word_ids`."""
        found = tf.raw_ops.RaggedCountSparseOutput(
            splits=tf.concat([ids.row_splits, ids.row_splits[-1:]], axis=0),  # It wants a row.
            values=ids.values,
            weights=tf.constant([], tf.float32),
            binary_output=False,
        )
        row, word = found.output_indices[:, 0], found.output_indices[:, 1]
        size = ids.nrows()
        unknown = tf.where(tf.equal(word, 0), found.output_values, 0.0)
        known = tf.where(word > 0)[:, 0]
        counts = tf.SparseTensor(
            tf.stack([tf.gather(row, known), tf.gather(word, known) - 1], axis=1),
            tf.gather(found.output_values, known),
            tf.stack([size, tf.constant(len(self.vocabulary), tf.int64)]),
        )
        return counts, tf.math.unsorted_segment_sum(unknown, row, size)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, int]:
        return (input_shape[0], len(self.vocabulary))

    def compute_output_spec(self, texts: Any) -> keras.KerasTensor:
        return keras.KerasTensor(self.compute_output_shape(texts.shape), dtype="float32")

    def count_matrix(self, texts: Sequence[str]) -> scipy.sparse.csr_matrix:
        """The counts of many texts at once, sparse: float32 [N, V]."""
        columns, lengths = [], []
        for batch in text_batches(texts):
            ids = self.word_ids(batch)
            columns.append(ids.values.numpy())
            lengths.append(ids.row_lengths().numpy())
        column = np.concatenate([*columns, np.zeros(0, np.int64)])
        bounds = np.concatenate([[0], np.cumsum(np.concatenate([*lengths, np.zeros(0, int)]))])
        counts = scipy.sparse.csr_matrix(
            (np.ones(len(column), np.float32), column, bounds),
            shape=(len(texts), len(self.vocabulary) + 1),
        )
        counts.sum_duplicates()
        return counts[:, 1:]

    def word_ids(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Places in the vocabulary from 1, else 0: string [B] -> ragged int64 [B, (T)]."""
        tokens = words(tf.reshape(texts, [-1]))
        return tokens.with_flat_values(self.lookup(tokens.flat_values))


def document_frequencies(texts: Sequence[str]) -> dict[str, int]:
    """The number of texts that hold each word."""
    frequencies: dict[str, int] = {}
    for batch in text_batches(texts):
        tokens = words(batch)
        unique, index = tf.unique(tokens.flat_values, out_idx=tf.int64)
        pairs = rows_of_values(tokens).numpy() * len(unique) + index.numpy()
        documents = np.bincount(np.unique(pairs) % max(len(unique), 1), minlength=len(unique))
        for word, count in zip(unique.numpy(), documents, strict=True):
            word = word.decode("utf-8")
            frequencies[word] = frequencies.get(word, 0) + int(count)
    return frequencies
