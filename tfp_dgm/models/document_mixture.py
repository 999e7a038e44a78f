"""Documents of K kinds, each with its own distribution over words."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfp_dgm.distributions import Structure
from tfp_dgm.layers import NaiveBayesMixture
from tfp_dgm.models.exact_likelihood_model import ExactLikelihoodModel
from tfp_dgm.models.over_words import OverWords


@keras.saving.register_keras_serializable(package="tfp_dgm")
class DocumentMixture(OverWords, ExactLikelihoodModel):
    """A mixture of naive Bayes models of word counts, the kind of a document summed out.

        z ~ softmax(mu);   words ~ softmax(pi_z);   p(z | x) by Bayes' rule, exactly

    The likelihood sees log(1 + count) where `damped`, since the words of a document are not
    independent of each other: one that came once comes again. `predict` and calling the model give
    p(z | x), [B, K].

    Beside the words there may be a context, the vector v of a pretrained encoder, whose direction
    each kind has its own likelihood of; then they give p(z | x, v):

        log p(v | z) = w_z . v / |v| + constant

    `log_prob` is of the words alone, and so is training; who fits the model sets w.

    Args:
      num_topics: K.
      num_words: V.
      vocabulary: V words; with them the model reads strings.
      damped: whether counts are.
      context_units: H; 0 where there is no context. With it the inputs are {"counts": [B, V],
        "context": [B, H]}.
      seed: see `LatentVariableModel`.
    """

    def __init__(
        self,
        num_topics: int,
        num_words: int,
        *,
        vocabulary: Sequence[str] | None = None,
        damped: bool = True,
        context_units: int = 0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        layer = NaiveBayesMixture(num_words, num_topics, seed=seed, name="likelihood")
        super().__init__(layer, seed=seed, **kwargs)
        self.num_topics, self.damped = num_topics, damped
        self._read_words(num_words, vocabulary, context_units)

    def build(self, input_shape: Any = None) -> None:
        if self.context_units and not self.built:
            self.context_weights = self.add_weight(
                shape=(self.num_topics, self.context_units),
                initializer="zeros",
                trainable=False,
                name="context_weights",
            )
        super().build(input_shape)

    @property
    def topics(self) -> tf.Tensor:
        """p(word | z), [K, V]."""
        return tf.nn.softmax(tf.convert_to_tensor(self.likelihood.word_logits))

    @property
    def shares(self) -> tf.Tensor:
        """p(z), [K]."""
        return tf.nn.softmax(tf.convert_to_tensor(self.likelihood.component_logits))

    def events(self, inputs: Any) -> tf.Tensor:
        """What the likelihood is of: counts [B, V], damped or not."""
        counts, _ = self.counts_and_context(inputs)
        return self._damped(counts)

    def _damped(self, counts: tf.Tensor) -> tf.Tensor:
        return tf.math.log1p(counts) if self.damped else counts

    def log_prob(self, inputs: Any, training: bool = False) -> tf.Tensor:
        """log p(x), float32 [B], nats."""
        events = self.events(inputs)
        return self.distribution(events, training=training).log_prob(events)

    def structure(self, inputs: Any) -> Structure:
        """p(z | x), of the words, a chain of one state."""
        events = self.events(inputs)
        return self.distribution(events).posterior(events)

    def call(self, inputs: Any, training: bool = False) -> tf.Tensor:
        if not self.context_units:
            return self.structure(inputs).marginals().unary[:, 0]
        counts, context = self.counts_and_context(inputs)
        log_words = tf.nn.log_softmax(self.likelihood.word_logits)  # [K, V]
        log_shares = tf.nn.log_softmax(self.likelihood.component_logits)
        of_words = tf.matmul(self._damped(counts), log_words, transpose_b=True) + log_shares
        direction = tf.math.l2_normalize(context, axis=-1)
        return tf.nn.softmax(
            of_words + tf.matmul(direction, self.context_weights, transpose_b=True)
        )
