"""Bags of words of one of several kinds, the kind summed out."""

from typing import Any, NamedTuple

import tensorflow as tf

from tfp_dgm.distributions.bag_of_words import BagOfWords
from tfp_dgm.distributions.generative_structures.generative_structure import GenerativeStructure
from tfp_dgm.distributions.structures import LinearChain
from tfp_dgm.distributions.structures.checks import require_rank, require_sizes
from tfp_dgm.distributions.structures.semirings import sanitized


class NaiveBayesMixturePotentials(NamedTuple):
    """Log-probabilities, or how often each is used.

    Attributes:
      components: [K], of the kinds.
      words: [K, V], of the words of each.
    """

    components: tf.Tensor
    words: tf.Tensor


class NaiveBayesMixture(GenerativeStructure):
    """Word counts of a text of a given length, all from one of K distributions over words.

        z ~ softmax(components),  each word ~ softmax(words[z])

    As of `BagOfWords`, the multinomial coefficient is left out, and damped counts are legitimate.
    `posterior` is a `LinearChain` of one state, the kind.

    Nigam, McCallum, Thrun and Mitchell, "Text classification from labeled and unlabeled documents
    using EM" (2000).

    Args:
      component_logits: float32 [K].
      word_logits: float32 [K, V].
      total_count: words of a draw.
    Raises:
      ValueError: if shapes do not fit each other.
    """

    categorical = ("components", "words")
    event_ndims = 1

    def __init__(
        self,
        component_logits: Any,
        word_logits: Any,
        total_count: float = 1.0,
        *,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "NaiveBayesMixture",
    ) -> None:
        parameters = dict(locals())
        owner = "NaiveBayesMixture"
        with tf.name_scope(name) as name:
            components = tf.convert_to_tensor(component_logits, tf.float32)
            words = tf.convert_to_tensor(word_logits, tf.float32)
            require_rank(owner, "component_logits", components, "[K]")
            require_sizes(owner, "word_logits", words, "[K, V]", (components.shape[0], None))
            self._log_potentials = NaiveBayesMixturePotentials(
                tf.nn.log_softmax(components), tf.nn.log_softmax(words)
            )
            self._total_count = tf.convert_to_tensor(total_count, tf.float32)
            super().__init__(
                tf.float32,
                parameters=parameters,
                validate_args=validate_args,
                allow_nan_stats=allow_nan_stats,
                name=name,
            )

    @property
    def log_potentials(self) -> NaiveBayesMixturePotentials:
        return self._log_potentials

    def _posterior(self, x: tf.Tensor) -> LinearChain:
        components, words = self._log_potentials
        # A word that is not there may be impossible: 0 times -inf is nothing.
        seen = tf.where(tf.math.is_finite(words), words, 0.0)
        unary = tf.matmul(x, seen, transpose_b=True)  # [B, K]
        impossible = tf.cast(~tf.math.is_finite(words), tf.float32)  # [K, V]
        ruled_out = tf.matmul(x, impossible, transpose_b=True) > 0
        unary = tf.where(ruled_out, -float("inf"), unary)[:, tf.newaxis]  # [B, 1, K]
        size = components.shape[0]
        return LinearChain(unary, tf.zeros([size, size]), components)

    def _sample_n(self, n: tf.Tensor, seed: Any = None) -> tf.Tensor:
        components, words = self._log_potentials
        seeds = tf.random.split(sanitized(seed), 2)
        kind = tf.random.stateless_categorical(components[tf.newaxis], n, seeds[0])[0]
        return BagOfWords(tf.gather(words, kind), self._total_count).sample(seed=seeds[1])

    def _mean(self) -> tf.Tensor:
        components, words = self._log_potentials
        return self._total_count * tf.linalg.matvec(tf.exp(words), tf.exp(components), True)

    def _event_shape(self) -> tf.TensorShape:
        return tf.TensorShape([self._log_potentials.words.shape[-1]])

    def _event_shape_tensor(self) -> tf.Tensor:
        return tf.constant([self._log_potentials.words.shape[-1]])
