"""A variational autoencoder of word counts: log-linear, so that its latent reads like topics."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.distributions import point_estimate
from tfp_dgm.layers import BagOfWords
from tfp_dgm.models.vae import VAE
from tfp_dgm.networks import dense_of
from tfp_dgm.objectives import Joint
from tfp_dgm.text import TfIdf


@keras.saving.register_keras_serializable(package="tfp_dgm")
class BagOfWordsVAE(VAE):
    """VAE of word counts with a log-linear decoder (a neural topic model [1]).

        z ~ N(0, I);   words ~ softmax(b + V z);   q(z | x) = N(f(tf-idf of x with words dropped))

    The likelihood sees log(1 + count), which keeps long texts from outweighing the others.

    Args:
      idf: V inverse document frequencies; see `text.TfIdf`.
      units: width of the encoder's hidden layer.
      latent_units: Z.
      word_dropout: share of the words hidden from the encoder in training.
      word_log_probabilities: V; where the decoder's bias b starts. None starts at zero.
      seed: see `LatentVariableModel`.
      **kwargs: `name`, `dtype` and `trainable`, as for any Keras model.
    References:
      [1] Miao, Yu and Blunsom. Neural Variational Inference for Text Processing. ICML 2016.
        arXiv:1511.06038
    """

    def __init__(
        self,
        idf: Sequence[float] | np.ndarray,
        *,
        units: int = 256,
        latent_units: int = 50,
        word_dropout: float = 0.3,
        word_log_probabilities: Sequence[float] | np.ndarray | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        unknown = kwargs.keys() - {"name", "dtype", "trainable"}
        if unknown:
            raise TypeError(
                f"BagOfWordsVAE: there are no arguments {sorted(unknown)}; posterior, prior and "
                "likelihood are fixed here, and `VAE` takes any"
            )
        initial = keras.initializers.RandomNormal
        encoder = keras.Sequential(
            [
                TfIdf(idf, name="tf_idf"),
                keras.layers.Dropout(word_dropout, seed=seed, name="word_dropout"),
                # The input has unit length, so that weights of size one give units of size one.
                keras.layers.Dense(
                    units,
                    activation="relu",
                    kernel_initializer=initial(stddev=1.0, seed=seed),
                    name="hidden",
                ),
            ],
            name="encoder",
        )
        likelihood = BagOfWords(
            len(idf), kernel_initializer=initial(stddev=0.05, seed=seed), name="likelihood"
        )
        super().__init__(encoder, None, likelihood, latent_units=latent_units, seed=seed, **kwargs)
        self.idf = np.asarray(idf, np.float32)
        self.units = units
        self.latent_units = latent_units
        self.word_dropout = word_dropout
        self.word_log_probabilities = (
            None
            if word_log_probabilities is None
            else np.asarray(word_log_probabilities, np.float32)
        )

    def build(self, input_shape: Sequence[int | None]) -> None:
        is_new = not self.likelihood.projection.built
        super().build(input_shape)
        if is_new and self.word_log_probabilities is not None:
            self.likelihood.projection.bias.assign(self.word_log_probabilities)

    def joint(self, inputs: Any, *, training: bool = False) -> Joint:
        def log_likelihood(z: tf.Tensor) -> tf.Tensor:
            damped = tf.math.log1p(tf.cast(inputs, tf.float32))
            return self.decode(z, training=training).log_prob(damped)  # [S, B]

        return super().joint(inputs, training=training).replaced(log_likelihood=log_likelihood)

    def means(self, counts: tf.SparseTensor) -> tf.Tensor:
        """The posterior's means [B, Z] of sparse counts [B, V]: what calling it gives of dense."""
        tf_idf, _, hidden = self.encoder.layers  # As a whole, Keras would make it dense.
        features = dense_of(hidden, tf_idf(counts))
        parameters = self.posterior_layer.parameters(features, training=False)
        return point_estimate(self.posterior_layer.distribution(parameters))

    def dream(self, inputs: Any, *, seed: tf.Tensor, training: bool = False) -> tuple[Any, Any]:
        raise NotImplementedError(
            "BagOfWordsVAE cannot dream: its likelihood is of damped counts, and of no length"
        )
