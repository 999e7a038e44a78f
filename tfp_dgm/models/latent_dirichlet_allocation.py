"""Latent Dirichlet allocation, its documents' mixtures fitted by coordinate ascent."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.distributions import BagOfWords
from tfp_dgm.models.latent_variable_model import LatentVariableModel
from tfp_dgm.models.over_words import OverWords
from tfp_dgm.objectives import Joint


@keras.saving.register_keras_serializable(package="tfp_dgm")
class LatentDirichletAllocation(OverWords, LatentVariableModel):
    """Topics that documents mix [1].

        phi_k ~ Dirichlet(.);   theta ~ Dirichlet(concentration);   words ~ theta' phi

    The posteriors are Dirichlet distributions: of the topics, a weight, `topic_concentration`; of
    a document's mixture, the fixed point of `steps` rounds of coordinate ascent with the topics'
    expected log-probabilities [2]; nothing is amortised. `training.fit_by_natural_gradients` fits
    all of it. In `fit` and `evaluate`, the topics are their means, and `fit` takes gradient steps
    in these with the documents' posteriors held.

    `predict` and calling the model give the mixtures' means, [B, K].

    Args:
      num_topics: K.
      num_words: V.
      vocabulary: V words; with them the served model reads strings, and names topics.
      steps: rounds of coordinate ascent, >= 1.
      seed: see `LatentVariableModel`.
    Raises:
      ValueError: if a size is not positive, or the vocabulary has not V words.
    References:
      [1] Blei, Ng and Jordan. Latent Dirichlet Allocation. JMLR 2003.
      [2] Hoffman, Blei and Bach. Online Learning for Latent Dirichlet Allocation. NeurIPS 2010.
    """

    def __init__(
        self,
        num_topics: int,
        num_words: int,
        *,
        vocabulary: Sequence[str] | None = None,
        steps: int = 50,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        for argument, value in (("num_topics", num_topics), ("steps", steps)):
            if value < 1:
                raise ValueError(
                    f"LatentDirichletAllocation: `{argument}` must be >= 1; received {value}"
                )
        self.num_topics, self.steps = num_topics, steps
        self._read_words(num_words, vocabulary)

    def build(self, input_shape: Any = None) -> None:
        if not self.built:
            self.log_concentration = self.add_weight(
                shape=(self.num_topics,), initializer="zeros", name="log_concentration"
            )
            # Topics that begin equal would stay so.
            self.log_topic_concentration = self.add_weight(
                shape=(self.num_topics, self.num_words),
                initializer=keras.initializers.RandomNormal(stddev=0.5, seed=self.seed),
                name="log_topic_concentration",
            )
        self.built = True

    @property
    def concentration(self) -> tf.Tensor:
        """Of the prior of mixtures, [K]."""
        return tf.exp(tf.convert_to_tensor(self.log_concentration))

    @property
    def topic_concentration(self) -> tf.Tensor:
        """Of the posteriors of topics, [K, V]."""
        return tf.exp(tf.convert_to_tensor(self.log_topic_concentration))

    def assign(self, concentration: Any, topic_concentration: Any) -> None:
        """Sets both, [K] and [K, V], all of them above 0."""
        if not self.built:
            self.build()
        self.log_concentration.assign(tf.math.log(tf.cast(concentration, tf.float32)))
        self.log_topic_concentration.assign(tf.math.log(tf.cast(topic_concentration, tf.float32)))

    @property
    def topics(self) -> tf.Tensor:
        """The topics' means, [K, V]."""
        return tf.nn.softmax(tf.convert_to_tensor(self.log_topic_concentration))

    @property
    def shares(self) -> tf.Tensor:
        """How much of all text each topic is expected to have, [K]."""
        return tf.nn.softmax(tf.convert_to_tensor(self.log_concentration))

    def joint(self, inputs: Any, *, training: bool = False) -> Joint:
        if not self.built:
            self.build()

        counts = self.counts(inputs)  # [B, V]

        def log_likelihood(theta: tf.Tensor) -> tf.Tensor:
            words = tf.tensordot(theta, self.topics, axes=1)  # [S, B, V]
            return BagOfWords(tf.math.log(words)).log_prob(counts)  # [S, B]

        return Joint(
            self,
            log_likelihood=log_likelihood,
            prior=lambda: tfd.Dirichlet(self.concentration),
            posterior=lambda: tfd.Dirichlet(self._posterior_concentration(counts)),
            training=training,
        )

    def _posterior_concentration(self, counts: tf.Tensor) -> tf.Tensor:
        topics = _exp_expected_log(self.topic_concentration)  # [K, V]

        def evidence(mixture: tf.Tensor) -> tf.Tensor:
            # A word that no topic of the document has counts for none of them.
            ratios = tf.math.divide_no_nan(counts, mixture @ topics)  # [B, V]
            return tf.matmul(ratios, topics, transpose_b=True)

        return self._ascent(tf.reduce_sum(counts, axis=-1, keepdims=True), evidence)

    def sparse_mixtures(self, counts: tf.SparseTensor) -> tf.Tensor:
        """The mixtures' means [B, K] of sparse counts [B, V], float32.

        What calling the model gives, in the time of the counts that are not zero; XLA has no such
        operations.
        """
        topics = tf.transpose(_exp_expected_log(self.topic_concentration))  # [V, K]
        document = counts.indices[:, 0]
        of_words = tf.gather(topics, counts.indices[:, 1])  # [n, K]

        def evidence(mixture: tf.Tensor) -> tf.Tensor:
            of_documents = tf.gather(mixture, document)  # [n, K]
            total = tf.reduce_sum(of_documents * of_words, axis=-1)
            ratios = counts.with_values(tf.math.divide_no_nan(counts.values, total))
            return tf.sparse.sparse_dense_matmul(ratios, topics)

        length = tf.sparse.sparse_dense_matmul(counts, tf.ones([self.num_words, 1]))
        return _mean(self._ascent(length, evidence))

    def _ascent(self, length: tf.Tensor, evidence: Callable[[tf.Tensor], tf.Tensor]) -> tf.Tensor:
        """Concentrations [B, K] of documents of a length [B, 1]."""
        prior = self.concentration  # [K]

        def step(index: tf.Tensor, gamma: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            mixture = _exp_expected_log(gamma)  # [B, K]
            return index + 1, prior + mixture * evidence(mixture)

        start = prior + length / self.num_topics
        _, gamma = tf.while_loop(
            lambda index, _: index < self.steps, step, (0, start), maximum_iterations=self.steps
        )
        # Held in a gradient step, as in an M-step.
        return tf.stop_gradient(gamma)

    def call(self, inputs: Any, training: bool = False) -> tf.Tensor:
        return _mean(self._posterior_concentration(self.counts(inputs)))


def _mean(concentration: tf.Tensor) -> tf.Tensor:
    return concentration / tf.reduce_sum(concentration, axis=-1, keepdims=True)


def _exp_expected_log(concentration: tf.Tensor) -> tf.Tensor:
    total = tf.reduce_sum(concentration, axis=-1, keepdims=True)
    return tf.exp(tf.math.digamma(concentration) - tf.math.digamma(total))
