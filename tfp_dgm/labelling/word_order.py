"""What words stand beside each other and how a text begins, as a vector."""

from collections.abc import Iterator, Sequence
from typing import Any, Self

import keras
import numpy as np
import scipy.sparse
import tensorflow as tf
from sklearn.utils.extmath import randomized_svd

from tfp_dgm.networks import dense_of
from tfp_dgm.saved_arguments import SavesArguments
from tfp_dgm.text import TfIdf, WordCounts
from tfp_dgm.text.ragged_rows import rows_of_values
from tfp_dgm.text.vocabulary import text_batches

UNITS = 100
MAX_PHRASES = 10_000
_MIN_DOCUMENTS = 2
_BEGINNING = 3  # Words.


@keras.saving.register_keras_serializable(package="tfp_dgm")
class WordOrder(SavesArguments, keras.layers.Layer):
    """Latent semantic dimensions of phrases: int word ids [B, T] -> float32 [B, L] of length 1.

        x = tf-idf(counts of phrases);   vector = x P / |x P|

    A phrase is two neighbouring words, wherever they stand, or the first one, two or three words of
    a text. Single words, which are frequent and of every topic, say little to TF-IDF; that a text
    begins with "how many" says much. A text without a known phrase is the zero vector.

    Args:
      num_words: V; word ids are 1 to V, 0 = an unknown word, or none. A phrase holds none of these.
      phrases: int64 [P], sorted; the numbers of the phrases, see `_numbers`.
      idf: P inverse document frequencies.
      units: L.
    """

    def __init__(
        self,
        num_words: int,
        phrases: Sequence[int] | np.ndarray,
        idf: Sequence[float] | np.ndarray,
        units: int,
        **kwargs: Any,
    ) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.num_words = num_words
        self.phrases = np.asarray(phrases, np.int64)
        self.tf_idf = TfIdf(idf)
        self.projection = keras.layers.Dense(units, use_bias=False, dtype="float32")
        self.projection.build((None, len(self.phrases)))
        self.built = True

    @classmethod
    def fit(
        cls, texts: Sequence[str], word_counts: WordCounts, *, seed: int
    ) -> tuple[Self, np.ndarray] | None:
        """Learns the phrases of texts, and which of them stand for each other.

        Args:
          texts: N texts.
          word_counts: knows their words.
          seed: of the projection.
        Returns:
          The layer, and the texts' vectors, float32 [N, L]; None where no phrase is in two texts.
        """
        num_words = len(word_counts.vocabulary)
        found, rows, start = [], [], 0
        for ids in _word_ids(texts, word_counts):
            numbers, row = _numbers_of_ragged(ids, num_words)
            known = numbers.numpy() > 0
            found.append(numbers.numpy()[known])
            rows.append(start + row.numpy()[known])
            start += int(ids.nrows())
        phrases, column = np.unique(np.concatenate(found), return_inverse=True)
        counts = scipy.sparse.csr_matrix(
            (np.ones(len(column), np.float32), (np.concatenate(rows), column)),
            shape=(len(texts), len(phrases)),
        )
        documents = np.diff(counts.tocsc().indptr)
        ranked = np.argsort(-documents, kind="stable")[:MAX_PHRASES]
        kept = np.sort(ranked[documents[ranked] >= _MIN_DOCUMENTS])
        if not len(kept):
            return None
        counts = counts[:, kept]
        tf_idf = TfIdf.fit(counts)
        units = max(1, min(UNITS, min(counts.shape) - 1))
        weights = tf_idf.transform(counts)
        _, _, components = randomized_svd(weights, units, n_iter=4, random_state=seed)
        layer = cls(num_words, phrases[kept], tf_idf.idf, units)
        kernel = np.ascontiguousarray(components.T, np.float32)  # [P, L]
        layer.projection.set_weights([kernel])
        return layer, layer.directions(weights)

    def call(self, word_ids: tf.Tensor) -> tf.Tensor:
        size, length = tf.shape(word_ids)[0], tf.shape(word_ids)[1]
        starts = tf.range(size) * length
        row = tf.repeat(tf.range(size), length)
        pairs, beginnings = _numbers(
            tf.reshape(word_ids, [-1]), row, starts, starts + length, self.num_words
        )
        places = tf.concat([tf.reshape(pairs, [size, length]), beginnings], axis=1)  # [B, T + 3]
        counts = tf.raw_ops.DenseBincount(
            input=self._places(places),
            size=len(self.phrases) + 1,
            weights=tf.constant([], tf.float32),
            binary_output=False,
        )
        counts = tf.ensure_shape(counts[:, 1:], [None, len(self.phrases)])
        return self._vectors(self.tf_idf(counts))

    def of_ragged(self, word_ids: tf.RaggedTensor) -> tf.Tensor:
        """The same of ragged ids [B, (T)], in less time; XLA has no such operations."""
        return self._vectors(self._weights_of(word_ids))

    def _weights_of(self, word_ids: tf.RaggedTensor) -> tf.SparseTensor:
        """TF-IDF of phrases, float32 [B, P], of ragged ids [B, (T)]."""
        numbers, row = _numbers_of_ragged(word_ids, self.num_words)
        places = tf.cast(self._places(numbers), tf.int64)
        known = tf.where(places > 0)[:, 0]
        size = tf.constant(len(self.phrases), tf.int64)
        both = tf.sort(tf.gather(row, known) * size + tf.gather(places, known) - 1)
        unique, _, counts = tf.unique_with_counts(both)
        sparse = tf.SparseTensor(
            tf.stack([unique // size, unique % size], axis=1),
            tf.cast(counts, tf.float32),
            tf.stack([word_ids.nrows(), size]),
        )
        return self.tf_idf(sparse)

    def of_texts(self, texts: Sequence[str], word_counts: WordCounts) -> np.ndarray:
        """The vectors of N texts, float32 [N, L]."""
        return self.directions(self.phrase_weights(texts, word_counts))

    def directions(self, weights: scipy.sparse.csr_matrix) -> np.ndarray:
        """The vectors of TF-IDF [N, P]."""
        projected = weights @ self.projection.kernel.numpy()
        return projected / np.maximum(np.linalg.norm(projected, axis=1, keepdims=True), 1e-6)

    def phrase_weights(
        self, texts: Sequence[str], word_counts: WordCounts
    ) -> scipy.sparse.csr_matrix:
        """TF-IDF of the phrases of N texts, float32 [N, P]."""
        parts = [scipy.sparse.csr_matrix((0, len(self.phrases)), dtype=np.float32)]
        for ids in _word_ids(texts, word_counts):
            found = self._weights_of(ids)
            places = found.indices.numpy().T
            shape = found.dense_shape.numpy()
            parts.append(scipy.sparse.csr_matrix((found.values.numpy(), places), shape=shape))
        return scipy.sparse.vstack(parts).tocsr()

    def words_of_phrases(self) -> scipy.sparse.csr_matrix:
        """Which words a phrase is of, float32 [P, V]: each has its part, and a row sums to 1."""
        base = self.num_words + 1
        digits = np.stack([self.phrases // base**2 - 1, self.phrases // base, self.phrases], axis=1)
        digits[:, 1:] %= base  # [P, 3]; word ids, and -1 or 0 for none.
        phrase, place = np.nonzero(digits > 0)
        parts = (1 / np.bincount(phrase))[phrase].astype(np.float32)
        shape = len(self.phrases), self.num_words
        return scipy.sparse.csr_matrix((parts, (phrase, digits[phrase, place] - 1)), shape=shape)

    def _places(self, numbers: tf.Tensor) -> tf.Tensor:
        """Places among the phrases from 1, else 0, int32; of numbers of any shape."""
        phrases = tf.constant(self.phrases)
        flat = tf.reshape(numbers, [-1])
        place = tf.searchsorted(phrases, flat)
        found = tf.gather(phrases, tf.minimum(place, len(self.phrases) - 1))
        return tf.reshape(tf.where(tf.equal(found, flat), place + 1, 0), tf.shape(numbers))

    def _vectors(self, weights: tf.Tensor | tf.SparseTensor) -> tf.Tensor:
        return tf.math.l2_normalize(dense_of(self.projection, weights), axis=-1)


def _numbers(
    word_ids: tf.Tensor, row: tf.Tensor, starts: tf.Tensor, ends: tf.Tensor, num_words: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """The numbers of phrases, int64; 0 where one would hold an unknown word, or goes past its text.

    In base n = V + 1, neighbours a, b are number a n + b; the first words a, b, c of a text are
    n^2 + a n^2 + b n + c, where words that are not in the phrase are 0.

    Args:
      word_ids: int [M]; those of all texts, one after another.
      row: int [M]; the text of each.
      starts, ends: int [B]; where each text starts and ends.
      num_words: V, at most about two million, beyond which int64 ends.
    Returns:
      pairs: int64 [M]; of each word and the next.
      beginnings: int64 [B, 3]; of the first one, two and three words.
    """
    base = tf.constant(num_words + 1, tf.int64)
    ids = tf.concat([tf.cast(word_ids, tf.int64), tf.zeros([1], tf.int64)], axis=0)  # [M + 1]
    here, following = ids[:-1], ids[1:]
    inside = tf.equal(row, tf.concat([row[1:], row[:1] * 0 - 1], axis=0))
    pairs = tf.where(inside & (here > 0) & (following > 0), here * base + following, 0)
    last = tf.shape(word_ids, starts.dtype)[0]
    number = base**2
    known = tf.fill(tf.shape(starts), True)
    beginnings = []
    for place in range(_BEGINNING):
        word = tf.gather(ids, tf.minimum(starts + place, last))
        known &= (starts + place < ends) & (word > 0)
        number += word * base ** (_BEGINNING - 1 - place)
        beginnings.append(tf.where(known, number, 0))
    return pairs, tf.stack(beginnings, axis=1)


def _numbers_of_ragged(word_ids: tf.RaggedTensor, num_words: int) -> tuple[tf.Tensor, tf.Tensor]:
    """The numbers of all phrases [M + 3 B] of ragged ids [B, (T)], and the text of each."""
    row, splits = rows_of_values(word_ids), word_ids.row_splits
    pairs, beginnings = _numbers(word_ids.flat_values, row, splits[:-1], splits[1:], num_words)
    texts = tf.repeat(tf.range(word_ids.nrows()), _BEGINNING)
    return tf.concat([pairs, tf.reshape(beginnings, [-1])], axis=0), tf.concat([row, texts], axis=0)


def _word_ids(texts: Sequence[str], word_counts: WordCounts) -> Iterator[tf.RaggedTensor]:
    for batch in text_batches(texts):
        yield word_counts.word_ids(batch)
