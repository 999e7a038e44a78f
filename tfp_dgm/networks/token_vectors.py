"""Sentence vectors at the speed of a bag of words: sums of vectors of pieces."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.networks import pretrained_tokens
from tfp_dgm.networks.text_encoder import TextEncoder

_TEXTS_AT_ONCE = 1024


@keras.saving.register_keras_serializable(package="tfp_dgm")
class TokenVectors(TextEncoder):
    """Sums of vectors of word pieces, brought to unit length: string [B] -> float32 [B, E].

        s(text) = unit(sum_t w(v_t) (e(v_t) - m)),   w(v) = a / (a + p(v)),   m = sum_v p(v) e(v)

    over the pieces v_t of the text, with their vectors e and their shares p of a file: the smooth
    inverse frequencies of [1], which leave little of words that stand everywhere. In place of the
    first principal component, which [1] takes away, it is the mean m. Pieces without a share have
    weight 1; a text without pieces is the zero vector.

    Args:
      tokenizer: KerasHub's, which makes pieces of strings.
      num_pieces: V, the size of its vocabulary.
      units: E.
      sequence_length: pieces of a text that are read; what comes after is cut off.
    References:
      [1] Arora, Liang and Ma. A Simple but Tough-to-Beat Baseline for Sentence Embeddings. ICLR
        2017.
    """

    def __init__(
        self,
        tokenizer: keras.layers.Layer,
        num_pieces: int,
        units: int,
        *,
        sequence_length: int = 512,
        **kwargs: Any,
    ) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.tokenizer = tokenizer
        self._units = units
        self._sequence_length = sequence_length
        # w(v) (e(v) - m) in row 1 + v; row 0, which stands for no piece, is zero. Of the size of
        # the encoder's own weights in float32, and as good in half of that.
        self.table = self.add_weight(
            shape=(1 + num_pieces, units),
            initializer="zeros",
            dtype="float16",
            trainable=False,
            name="table",
        )
        self.built = True

    @classmethod
    def fit(
        cls,
        tokenizer: keras.layers.Layer,
        vectors: np.ndarray,
        texts: Sequence[str],
        *,
        smoothing: float = 0.01,
        **kwargs: Any,
    ) -> "TokenVectors":
        """Weighs the pieces by how often they stand in texts.

        Args:
          tokenizer: makes V pieces of strings.
          vectors: float [V, E]; e(v).
          texts: the file.
          smoothing: a, the share of a piece that has half the weight of one that never stands.
          **kwargs: of the constructor.
        """
        layer = cls(tokenizer, *vectors.shape, **kwargs)
        counts = np.zeros(len(vectors))
        pieces = tf.function(layer.pieces, input_signature=[tf.TensorSpec([None], tf.string)])
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            batch = [
                text.encode("utf-8", "replace") for text in texts[start : start + _TEXTS_AT_ONCE]
            ]
            counts += np.bincount(pieces(tf.constant(batch)).values, minlength=len(vectors))
        shares = counts / max(counts.sum(), 1)
        weights = smoothing / (smoothing + shares)
        table = weights[:, np.newaxis] * (vectors - shares @ vectors)
        layer.table.assign(np.concatenate([np.zeros((1, table.shape[1])), table]))
        return layer

    @property
    def units(self) -> int:
        return self._units

    @property
    def sequence_length(self) -> int:
        return self._sequence_length

    def pieces(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """The pieces that are read, int32 [B, (T)]."""
        pieces = pretrained_tokens.piece_ids(self.tokenizer, tf.reshape(texts, [-1]))
        return pieces[:, : self.sequence_length]

    def tokens(self, texts: tf.Tensor) -> dict[str, tf.Tensor]:
        """`piece_ids`, int32 [B, T]: 1 + the number of a piece; 0 stands for none."""
        return {"piece_ids": (1 + self.pieces(texts)).to_tensor(0)}

    def pool(self, **tokens: tf.Tensor) -> tf.Tensor:
        rows = tf.gather(self.table, tokens["piece_ids"])  # [B, T, E]
        return tf.math.l2_normalize(tf.reduce_sum(tf.cast(rows, tf.float32), axis=1), axis=-1)

    def lengths(self, texts: tf.Tensor) -> tf.Tensor:
        pieces = pretrained_tokens.piece_ids(self.tokenizer, texts)
        return tf.cast(pieces.row_lengths(), tf.int32)
