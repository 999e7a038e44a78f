"""Texts as a rationale classifier reads them, and the words that it keeps, in the graph."""

import tensorflow as tf

from tfp_dgm.models import RationaleClassifier
from tfp_dgm.text import WordCounts
from tfp_dgm.token_ids import NUM_SPECIAL, PAD

# Known words of a text that are looked at; of longer ones the beginning.
MOST_WORDS = 512


def known_of(word_counts: WordCounts, texts: tf.Tensor) -> tf.Tensor:
    """The words of texts that the vocabulary has, without the others.

    Args:
      word_counts: whose vocabulary is that of the rationale classifier.
      texts: string [B].
    Returns:
      Token ids int32 [B, T], padded by PAD; 1 <= T <= 512.
    """
    word_ids = word_counts.word_ids(texts)
    known = tf.ragged.boolean_mask(word_ids, word_ids > 0)[:, :MOST_WORDS]
    token_ids = known.with_flat_values(tf.cast(known.flat_values, tf.int32) + NUM_SPECIAL - 1)
    width = tf.maximum(tf.cast(known.bounding_shape(axis=1), tf.int32), 1)
    return token_ids.to_tensor(PAD, shape=tf.stack([tf.shape(texts)[0], width]))


def kept_of(rationales: RationaleClassifier, token_ids: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The words that are kept, and what they alone tell.

    Args:
      rationales: the classifier.
      token_ids: int32 [B, T].
    Returns:
      kept: int32 [B, T], PAD where a word is left out.
      class_ids: int32 [B]; the most probable class, by the words kept.
    """
    mask = rationales.selection(token_ids).mask
    logits = rationales.class_logits(token_ids, mask[tf.newaxis])[0]
    return tf.where(mask > 0, token_ids, PAD), tf.argmax(logits, axis=-1, output_type=tf.int32)
