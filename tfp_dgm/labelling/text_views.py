"""A text as what the heads of a predictor see, in one graph: words, latent spaces, encoder."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.models import BagOfWordsVAE
from tfp_dgm.networks import TextEncoder
from tfp_dgm.text import TfIdf, WordCounts

# The VAE's part of a feature vector has this length, beside the LSA's of length 1.
VAE_SHARE = 0.5


class TextViews:
    """What predictors of tables share: strings [B] -> TF-IDF [B, V] and the heads' inputs [B, D].

        words = tf-idf(counts);   latent = [LSA(words), VAE_SHARE mean of q(z | counts)]
        views = latent, LSA(words) and, with an encoder, [encoder, latent] and the encoder alone

    `Features` are the same of a whole data set. The model that inherits it gives the layers:
    `word_counts`, `tf_idf`, `lsa`, `vae` with `vae_words` and `vae_scale`, and `encoder` or None.
    """

    word_counts: WordCounts
    tf_idf: TfIdf
    lsa: keras.layers.Dense
    vae: BagOfWordsVAE
    vae_words: np.ndarray
    vae_scale: np.ndarray
    encoder: TextEncoder | None

    def build_views(self, readers: Sequence[tuple[keras.layers.Layer, int | None]]) -> None:
        """Builds these layers, and each reader of a view, by its number, or of the words (None)."""
        words = (None, len(self.word_counts.vocabulary))
        latent = self.lsa.units + len(self.vae_scale)
        sizes = [latent, self.lsa.units]
        if self.encoder is not None:
            sizes += [self.encoder.units + latent, self.encoder.units]
        for layer, shape in (
            (self.lsa, words),
            (self.vae, (None, len(self.vae_words))),
            *((layer, words if view is None else (None, sizes[view])) for layer, view in readers),
        ):
            if not layer.built:  # Keras builds a deserialised layer before its parent.
                layer.build(shape)

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
