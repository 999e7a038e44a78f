"""Word counts of texts that mix topics: as a mixture of their words, and by vectors of words."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfp_dgm.layers.bag_of_words import BagOfWords

_TINY = 1e-30  # A word that no topic of the text has.


@keras.saving.register_keras_serializable(package="tfp_dgm")
class MixtureOfTopics(BagOfWords):
    """Counts of V words (`units` = V), each word drawn from one of K topics.

        words ~ sum_k theta_k softmax(W_k + b)

    The features are mixtures theta [..., K]. What all topics have in common stands in b, so that
    W_k is what topic k has more of, or less, than others [1].

    Args:
      units: V.
      **kwargs: see `ProjectedDistributionLayer`.
    References:
      [1] Eisenstein, Ahmed and Xing. Sparse Additive Generative Models of Text. ICML 2011.
    """

    @property
    def topics(self) -> tf.Tensor:
        """p(word | topic), float32 [K, V]."""
        return tf.nn.softmax(self._topic_logits())

    def assign_background(self, log_probabilities: Any) -> None:
        """Sets what all topics have in common, [V]: log-probabilities of words, or near them."""
        self._background().assign(log_probabilities)

    def _background(self) -> Any:
        return self.projection.bias

    def _topic_logits(self) -> tf.Tensor:
        return tf.convert_to_tensor(self.projection.kernel) + self._background()  # [K, V]

    def _parameters(self, features: tf.Tensor, training: bool) -> tf.Tensor:
        return tf.math.log(tf.tensordot(features, self.topics, axes=1) + _TINY)


@keras.saving.register_keras_serializable(package="tfp_dgm")
class EmbeddedTopics(MixtureOfTopics):
    """Topics that are vectors among those of words (the embedded topic model [1]).

        words ~ sum_k theta_k softmax(rho (alpha_k + a) + b)

    rho are the words' vectors, alpha_k the topics'. Rare words so learn from those that are like
    them. Here b says how frequent words are in all topics, which [1] leaves to the vectors.

    Args:
      units: V.
      vector_units: E, the length of a vector.
      train_vectors: whether the words' vectors are learned on; topics' always are.
      **kwargs: see `ProjectedDistributionLayer`.
    References:
      [1] Dieng, Ruiz and Blei. Topic Modeling in Embedding Spaces. TACL 2020. arXiv:1907.04907
    """

    def __init__(
        self, units: int, vector_units: int, *, train_vectors: bool = False, **kwargs: Any
    ) -> None:
        self._require_positive("vector_units", vector_units)
        self.vector_units = vector_units  # The projection's size, which the base asks for.
        super().__init__(units, **kwargs)
        self.train_vectors = train_vectors

    @property
    def projection_size(self) -> int:
        return self.vector_units

    def build(self, input_shape: Sequence[int | None]) -> None:
        if not self.built:
            self.word_vectors = self.add_weight(
                shape=(self.units, self.vector_units),
                initializer="random_normal",
                trainable=self.train_vectors,
                name="word_vectors",
            )
            self.background = self.add_weight(
                shape=(self.units,), initializer="zeros", name="background"
            )
        super().build(input_shape)

    def assign_vectors(self, vectors: Any) -> None:
        """Sets the words' vectors, [V, E]."""
        self.word_vectors.assign(vectors)

    @property
    def topic_vectors(self) -> tf.Tensor:
        """Of topics, among those of words: float32 [K, E]."""
        return tf.convert_to_tensor(self.projection.kernel) + self.projection.bias

    def _background(self) -> Any:
        return self.background

    def _topic_logits(self) -> tf.Tensor:
        vectors = tf.convert_to_tensor(self.word_vectors)
        return tf.matmul(self.topic_vectors, vectors, transpose_b=True) + self._background()
