"""The predictor of several labels as one Keras model: strings in, probabilities of classes out."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.labelling.multi_label.multi_label_layers import LabelDependence, SigmoidCalibration
from tfp_dgm.labelling.multi_label.multi_label_signatures import multi_label_signatures
from tfp_dgm.labelling.text_views import WITH_ENCODER, Counts, TextViews
from tfp_dgm.models import BagOfWordsVAE, Signature
from tfp_dgm.networks import TextEncoder, dense_of
from tfp_dgm.saved_arguments import SavesArguments
from tfp_dgm.text import TfIdf, WordCounts

_TINY = 1e-7


@keras.saving.register_keras_serializable(package="tfp_dgm")
class MultiLabelClassifier(SavesArguments, TextViews, keras.Model):
    """A trained classifier of several labels: string [B] -> float32 [B, K], of each class.

        logits = latent_head(view) + word_head(words)           (`TextViews`; the widest view)
        answer = calibration(dependence(logits))
        predicted = answer >= thresholds
        log-odds that all of `predicted` is right, before their calibration
               = row_bias + row_weight logit(p(predicted | logits))

    `labelling.fit_multi_label` makes one; `fit` of its own it has none.

    Args:
      classes: K names.
      separator: stands between the names of a row's classes.
      thresholds: K probabilities from which on a class is predicted.
      acceptance: K probabilities from which on a predicted class is accepted; above 1 for never.
      row_threshold: the least probability of a whole row that is accepted; above 1 for never.
      row_bias, row_weight: see above.
      vae_words: the columns of the counts that the VAE sees.
      vae_scale: Z standard deviations of the VAE's means.
      word_counts, tf_idf, lsa, vae, encoder, latent_head, word_head, dependence, calibration: the
        layers of the equations above; `encoder` may be None.
      row_calibration: of the probability that a whole row is right.
    """

    def __init__(
        self,
        classes: Sequence[str],
        *,
        separator: str,
        thresholds: Sequence[float] | np.ndarray,
        acceptance: Sequence[float] | np.ndarray,
        row_threshold: float,
        row_bias: float,
        row_weight: float,
        vae_words: Sequence[int] | np.ndarray,
        vae_scale: Sequence[float] | np.ndarray,
        word_counts: WordCounts,
        tf_idf: TfIdf,
        lsa: keras.layers.Dense,
        vae: BagOfWordsVAE,
        encoder: TextEncoder | None,
        latent_head: keras.layers.Dense,
        word_head: keras.layers.Dense,
        dependence: LabelDependence,
        calibration: SigmoidCalibration,
        row_calibration: SigmoidCalibration,
        **kwargs: Any,
    ) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.classes = tuple(classes)
        self.separator = separator
        self.thresholds = np.asarray(thresholds, np.float32)
        self.acceptance = np.asarray(acceptance, np.float32)
        self.row_threshold = float(row_threshold)
        self.row_bias, self.row_weight = float(row_bias), float(row_weight)
        self.vae_words = np.asarray(vae_words, np.int32)
        self.vae_scale = np.asarray(vae_scale, np.float32)
        self.word_counts = word_counts
        self.tf_idf = tf_idf
        self.lsa = lsa
        self.vae = vae
        self.encoder = encoder
        self.latent_head = latent_head
        self.word_head = word_head
        self.dependence = dependence
        self.calibration = calibration
        self.row_calibration = row_calibration

    def build(self, input_shape: Any = None) -> None:
        widest = 0 if self.encoder is None else 2
        self.build_views([(self.word_head, None), (self.latent_head, widest)])
        for layer in (self.dependence, self.calibration, self.row_calibration):
            if not layer.built:
                layer.build()
        self.built = True

    def call(self, texts: tf.Tensor, sentence_vectors: tf.Tensor | None = None) -> tf.Tensor:
        return self.probabilities(*self.views(tf.reshape(texts, [-1]), sentence_vectors))

    def probabilities(self, words: Counts, views: Sequence[tf.Tensor]) -> tf.Tensor:
        """Calibrated probabilities [B, K] that each class applies, of what `views` gives."""
        return self.answers(words, views)[0]

    def answers(
        self, words: Counts, views: Sequence[tf.Tensor]
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """What there is to say of texts, of what `views` gives.

        Returns:
          probabilities: float32 [B, K]; that each class applies.
          predicted: bool [B, K]; the classes that the text gets.
          row_probability: float32 [B]; that these are all the classes of the text.
        """
        logits = self.logits(words, views)
        probabilities = self.calibration(self.dependence(logits))
        predicted = probabilities >= self.thresholds
        log_row = self.dependence.log_probability(logits, predicted)  # [B]
        log_row = tf.minimum(log_row, -_TINY)
        row_logit = log_row - tf.math.log(-tf.math.expm1(log_row))
        row = tf.math.sigmoid(self.row_bias + self.row_weight * row_logit)
        return probabilities, predicted, self.row_calibration(row[:, tf.newaxis])[:, 0]

    def logits(self, words: Counts, views: Sequence[tf.Tensor]) -> tf.Tensor:
        """The log-odds [B, K] of each class by itself."""
        view = views[0 if self.encoder is None else WITH_ENCODER]
        return self.latent_head(view) + dense_of(self.word_head, words)

    def serving_signatures(self) -> Mapping[str, Signature]:
        """`serving_default`, `classify`, `encode` and `score`; see `multi_label_signatures`."""
        return multi_label_signatures(self)
