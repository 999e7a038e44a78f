"""Word counts of texts whose topics each have a say in every word."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfp_dgm.layers.bag_of_words import BagOfWords

_EPSILON = 1e-3  # What keeps logits that are all alike from dividing by 0.


@keras.saving.register_keras_serializable(package="tfp_dgm")
class ProductOfTopics(BagOfWords):
    """Counts of V words (`units` = V), the topics' opinions of a word multiplied (ProdLDA [1]).

        words ~ softmax(normalise(W' theta) + b)

    The features are mixtures theta [..., K]. A product of experts, weighted by theta, where LDA has
    a mixture: its topics are sharper. Each word's logit is normalised to mean 0 and deviation 1
    over the batch, in training, or else by moving averages: that keeps topics from becoming equal
    while the posteriors are still those of the prior [1, section 3.3].

    Args:
      units: V.
      momentum: of the moving averages.
      **kwargs: see `ProjectedDistributionLayer`.
    References:
      [1] Srivastava and Sutton. Autoencoding Variational Inference for Topic Models. ICLR 2017.
        arXiv:1703.01488
    """

    def __init__(self, units: int, *, momentum: float = 0.99, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        self.momentum = momentum
        self.normalization = keras.layers.BatchNormalization(
            scale=False,
            center=False,  # The projection has a bias.
            momentum=momentum,
            epsilon=_EPSILON,
            dtype="float32",
            trainable=self.trainable,
            name="normalization",
        )

    def build(self, input_shape: Sequence[int | None]) -> None:
        if not self.normalization.built:
            self.normalization.build((None, self.units))
        super().build(input_shape)

    @property
    def topics(self) -> tf.Tensor:
        """p(word | a text of this topic alone), float32 [K, V]."""
        return tf.nn.softmax(self._parameters(tf.eye(self.projection.kernel.shape[0]), False))

    def assign_background(self, log_probabilities: Any) -> None:
        """Sets what all topics have in common, [V]: log-probabilities of words, or near them."""
        self.projection.bias.assign(log_probabilities)

    def _parameters(self, features: tf.Tensor, training: bool) -> tf.Tensor:
        logits = tf.tensordot(features, tf.convert_to_tensor(self.projection.kernel), axes=1)
        rows = tf.reshape(logits, [-1, self.units])  # Statistics are over all leading axes.
        normalised = tf.reshape(self.normalization(rows, training=training), tf.shape(logits))
        return tf.ensure_shape(normalised, logits.shape) + self.projection.bias
