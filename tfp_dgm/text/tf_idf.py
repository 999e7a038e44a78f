"""Word counts -> TF-IDF."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import scipy.sparse
import tensorflow as tf

from tfp_dgm.saved_arguments import SavesArguments


@keras.saving.register_keras_serializable(package="tfp_dgm")
class TfIdf(SavesArguments, keras.layers.Layer):
    """Sublinear TF-IDF of unit length: counts [B, V] -> float32 [B, V]; of sparse ones sparse.

        w[v] = (1 + log count[v]) idf[v]  where count[v] > 0;   x = w / |w|

    A text without a known word stays the zero vector.

    Args:
      idf: V inverse document frequencies.
    """

    def __init__(self, idf: Sequence[float] | np.ndarray, **kwargs: Any) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.idf = np.asarray(idf, np.float32)
        if self.idf.ndim != 1:
            raise ValueError(f"TfIdf: `idf` must be [V]; received shape {self.idf.shape}")
        self.built = True

    @classmethod
    def fit(cls, counts: scipy.sparse.csr_matrix, **kwargs: Any) -> "TfIdf":
        """Smoothed frequencies, log((1 + N) / (1 + n[v])) + 1, of a count matrix [N, V]."""
        documents = np.asarray((counts > 0).sum(axis=0)).ravel()
        return cls(np.log((1 + counts.shape[0]) / (1 + documents)) + 1, **kwargs)

    def call(self, counts: tf.Tensor | tf.SparseTensor) -> tf.Tensor | tf.SparseTensor:
        if isinstance(counts, tf.SparseTensor):
            return self._sparse(counts)
        counts = tf.cast(counts, tf.float32)
        present = counts > 0
        weights = tf.where(present, 1 + tf.math.log(tf.where(present, counts, 1.0)), 0.0)
        weights *= self.idf
        length = tf.sqrt(tf.reduce_sum(tf.square(weights), axis=-1, keepdims=True))
        return weights / tf.where(length > 0, length, 1.0)

    def _sparse(self, counts: tf.SparseTensor) -> tf.SparseTensor:
        row, word = counts.indices[:, 0], counts.indices[:, 1]
        weights = (1 + tf.math.log(tf.cast(counts.values, tf.float32))) * tf.gather(self.idf, word)
        squares = tf.math.unsorted_segment_sum(tf.square(weights), row, counts.dense_shape[0])
        # A row with a weight has a length; the others have none to divide by it.
        return counts.with_values(weights / tf.gather(tf.sqrt(squares), row))

    def transform(self, counts: scipy.sparse.csr_matrix) -> scipy.sparse.csr_matrix:
        """The same for a sparse count matrix [N, V]."""
        weights = counts.astype(np.float32)
        weights.data = 1 + np.log(weights.data)
        weights = weights.multiply(self.idf[np.newaxis]).tocsr()
        length = np.sqrt(np.asarray(weights.multiply(weights).sum(axis=1)).ravel())
        scale = scipy.sparse.diags(1 / np.where(length > 0, length, 1))
        return (scale @ weights).tocsr().astype(np.float32)
