"""A text as what the heads of a predictor see, in one graph: words, latent spaces, encoder."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.labelling.word_order import WordOrder
from tfp_dgm.models import BagOfWordsVAE
from tfp_dgm.networks import TextEncoder, dense_of
from tfp_dgm.text import TfIdf, WordCounts

Counts: TypeAlias = tf.Tensor | tf.SparseTensor

# The VAE's part of a feature vector has this length, beside the LSA's of length 1.
VAE_SHARE = 0.5
# The views' places: where there is an encoder, the widest and it alone follow the first two, then,
# where labels have tuned it, its tuned part.
WITH_ENCODER, ENCODER, TUNED = 2, 3, 4


def meaning(encoder: TextEncoder, vectors: Any) -> Any:
    """What texts are alike in: the part of an encoder's vectors [N, E] that distances are of.

    Of unit length, as they are; without what labels have tuned. How something is said, which other
    layers tell, brings texts of all classes together.
    """
    size, whole = encoder.units_of_meaning, untuned_units(encoder)
    return vectors if size == whole else vectors[:, :size] * (whole / size) ** 0.5


def untuned_units(encoder: TextEncoder) -> int:
    """How many numbers of an encoder's vectors, the first ones, no label has tuned."""
    return encoder.units - encoder.tuned_units


class TextViews:
    """What predictors of tables share: strings [B] -> TF-IDF [B, V] and the heads' inputs [B, D].

        words = tf-idf(counts);   latent = [LSA(words), VAE_SHARE mean of q(z | counts)]
        views = latent, LSA(words) and, with an encoder, [encoder, latent] and the encoder alone;
                then, where there are any, its tuned part and the order of the words

    `Features` are the same of a whole data set. The model that inherits it gives the layers:
    `word_counts`, `tf_idf`, `lsa`, `vae` with `vae_words` and `vae_scale`, `encoder` or None, and
    `word_order`, which one that does not read it leaves at None.
    """

    word_counts: WordCounts
    tf_idf: TfIdf
    lsa: keras.layers.Dense
    vae: BagOfWordsVAE
    vae_words: np.ndarray
    vae_scale: np.ndarray
    encoder: TextEncoder | None
    word_order: WordOrder | None = None

    def build_views(self, readers: Sequence[tuple[keras.layers.Layer, int | None]]) -> None:
        """Builds these layers, and each reader of a view, by its number, or of the words (None)."""
        words = (None, len(self.word_counts.vocabulary))
        latent = self.lsa.units + len(self.vae_scale)
        sizes = [latent, self.lsa.units]
        if self.encoder is not None:
            units = untuned_units(self.encoder)
            sizes += [units + latent, units]
            if self.encoder.tuned_units:
                sizes += [self.encoder.tuned_units]
        if self.word_order is not None:
            sizes += [self.word_order.projection.units]
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
        word_ids = self.word_counts.word_ids(texts)
        order = None if self.word_order is None else self.word_order.of_ragged(word_ids)
        counts = self.word_counts.count_of(word_ids)
        words, views, _ = self.read_counts(counts, sentence_vectors, order)
        return words, views

    def read_counts(
        self, counts: Counts, sentence_vectors: tf.Tensor | None, order: tf.Tensor | None
    ) -> tuple[Counts, list[tf.Tensor], tf.Tensor]:
        """The same, and LSA(words) [B, L] with its length, which the views lack.

        Args:
          counts: float32 [B, V]; of sparse ones the words are sparse, too.
          sentence_vectors: float32 [B, E]; must be given where there is an encoder.
          order: float32 [B, L]; must be given where the order of the words is read.
        """
        words = self.tf_idf(counts)
        projected = dense_of(self.lsa, words)  # [B, L]
        semantic = tf.math.l2_normalize(projected, axis=-1)
        means = self._means(counts)  # [B, Z]
        topics = VAE_SHARE * tf.math.l2_normalize(means / self.vae_scale, axis=-1)
        latent = tf.concat([semantic, topics], axis=-1)
        views = [latent, semantic]
        if self.encoder is not None:
            if sentence_vectors is None:
                raise ValueError("sentence_vectors: expected those of the encoder; received None")
            units = untuned_units(self.encoder)
            plain, tuned = sentence_vectors[:, :units], sentence_vectors[:, units:]
            views += [tf.concat([plain, latent], axis=-1), plain]
            if self.encoder.tuned_units:
                views += [tuned]
        if order is not None:
            views += [order]
        return words, views, projected

    def _means(self, counts: Counts) -> tf.Tensor:
        if not isinstance(counts, tf.SparseTensor):
            return self.vae(tf.gather(counts, self.vae_words, axis=1))
        place = np.full(len(self.word_counts.vocabulary), -1)
        place[self.vae_words] = np.arange(len(self.vae_words))
        column = tf.gather(place, counts.indices[:, 1])
        seen = tf.where(column >= 0)[:, 0]
        indices = tf.stack([counts.indices[:, 0], column], axis=1)
        size = tf.stack([counts.dense_shape[0], tf.constant(len(self.vae_words), tf.int64)])
        return self.vae.means(
            tf.SparseTensor(tf.gather(indices, seen), tf.gather(counts.values, seen), size)
        )
