"""The predictor as one Keras model: strings in, calibrated probabilities out."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.labelling.classifier_signatures import classifier_signatures
from tfp_dgm.labelling.head_layers import BagOfHeads, TemperedMixture
from tfp_dgm.models import BagOfWordsVAE, Signature
from tfp_dgm.networks import SentenceEncoder
from tfp_dgm.saved_arguments import SavesArguments
from tfp_dgm.text import TfIdf, WordCounts

# The VAE's part of a feature vector has this length, beside the LSA's of length 1.
VAE_SHARE = 0.5


@keras.saving.register_keras_serializable(package="tfp_dgm")
class TextClassifier(SavesArguments, keras.Model):
    """A trained text classifier: string [B] -> calibrated class probabilities float32 [B, K].

        words = tf-idf(counts);   latent = [LSA(words), VAE_SHARE mean of q(z | counts)]
        ensemble = mixture(bags of heads on latent, on LSA(words) and, with an encoder, on
                           [encoder, latent] and on the encoder alone; naive Bayes on words)
        answer = calibration(mixture(ensemble, student on words))

    `labelling.fit_classifier` makes one; `fit` of its own it has none.

    Args:
      classes: K names.
      threshold: the least probability that is accepted; None accepts nothing.
      vae_words: the columns of the counts that the VAE sees.
      vae_scale: Z standard deviations of the VAE's means.
      word_counts, tf_idf, lsa, vae, encoder, heads, naive_bayes, student, ensemble, combination,
        calibration: the layers of the equations above; `encoder` may be None.
    """

    def __init__(
        self,
        classes: Sequence[str],
        threshold: float | None,
        *,
        vae_words: Sequence[int] | np.ndarray,
        vae_scale: Sequence[float] | np.ndarray,
        word_counts: WordCounts,
        tf_idf: TfIdf,
        lsa: keras.layers.Dense,
        vae: BagOfWordsVAE,
        encoder: SentenceEncoder | None,
        heads: Sequence[BagOfHeads],
        naive_bayes: Sequence[keras.layers.Dense],
        student: keras.layers.Dense,
        ensemble: TemperedMixture,
        combination: TemperedMixture,
        calibration: TemperedMixture,
        **kwargs: Any,
    ) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.classes = tuple(classes)
        self.threshold = threshold
        self.vae_words = np.asarray(vae_words, np.int32)
        self.vae_scale = np.asarray(vae_scale, np.float32)
        self.word_counts = word_counts
        self.tf_idf = tf_idf
        self.lsa = lsa
        self.vae = vae
        self.encoder = encoder
        self.heads = list(heads)
        self.naive_bayes = list(naive_bayes)
        self.student = student
        self.ensemble = ensemble
        self.combination = combination
        self.calibration = calibration

    def build(self, input_shape: Any = None) -> None:
        words = (None, len(self.word_counts.vocabulary))
        latent = self.lsa.units + len(self.vae_scale)
        sizes = [latent, self.lsa.units]
        if self.encoder is not None:
            sizes += [self.encoder.units + latent, self.encoder.units]
        for layer, shape in (
            (self.lsa, words),
            (self.vae, (None, len(self.vae_words))),
            (self.student, words),
            *((layer, words) for layer in self.naive_bayes),
            *zip(self.heads, [(None, size) for size in sizes], strict=True),
        ):
            if not layer.built:  # Keras builds a deserialised layer before its parent.
                layer.build(shape)
        self.built = True

    def views(
        self, texts: tf.Tensor, sentence_vectors: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """TF-IDF [B, V] of strings [B], and the inputs [B, D] of each bag of heads.

        Args:
          texts: string [B].
          sentence_vectors: float32 [B, E]; the encoder's of these texts, where they are known.
        """
        if self.encoder is not None and sentence_vectors is None:
            sentence_vectors = self.encoder(texts)
        return self.views_of_counts(self.word_counts(texts), sentence_vectors)

    def views_of_counts(
        self, counts: tf.Tensor, sentence_vectors: tf.Tensor | None
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """The same of counts [B, V]; the vectors [B, E] must be given where there is an encoder."""
        words = self.tf_idf(counts)
        semantic = tf.math.l2_normalize(self.lsa(words), axis=-1)  # [B, L]
        means = self.vae(tf.gather(counts, self.vae_words, axis=1))  # [B, Z]
        topics = VAE_SHARE * tf.math.l2_normalize(means / self.vae_scale, axis=-1)
        latent = tf.concat([semantic, topics], axis=-1)
        views = [latent, semantic]
        if self.encoder is not None:
            views += [tf.concat([sentence_vectors, latent], axis=-1), sentence_vectors]
        return words, views

    def call(self, texts: tf.Tensor, sentence_vectors: tf.Tensor | None = None) -> tf.Tensor:
        return self.probabilities(*self.views(tf.reshape(texts, [-1]), sentence_vectors))

    def probabilities(self, words: tf.Tensor, views: Sequence[tf.Tensor]) -> tf.Tensor:
        """Calibrated class probabilities [B, K] of what `views` gives."""
        members = [heads(view) for heads, view in zip(self.heads, views, strict=True)]
        members += [naive_bayes(words) for naive_bayes in self.naive_bayes]
        answer = self.ensemble(members)
        answer = self.combination([answer, self.student(words)])
        return self.calibration([answer] * len(self.calibration.temperatures))

    def serving_signatures(self) -> Mapping[str, Signature]:
        """`serving_default`, `classify`, `encode` and `score`; see `classifier_signatures`."""
        return classifier_signatures(self)
