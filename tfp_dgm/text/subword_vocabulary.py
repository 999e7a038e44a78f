"""Pieces of words as tokens, through TF Text."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import tensorflow as tf
import tensorflow_text as tf_text
from tensorflow_text.tools.wordpiece_vocab import bert_vocab_from_dataset

from tfp_dgm.generated_data import generated_dataset
from tfp_dgm.text.letter_case import lowered
from tfp_dgm.text.vocabulary import Vocabulary, with_marks_attached

_SPECIAL = ("[PAD]", "[START]", "[END]", "[UNK]")


@keras.saving.register_keras_serializable(package="tfp_dgm")
class SubwordVocabulary(Vocabulary):
    """WordPiece [1]: the longest pieces that the vocabulary has; "##" marks those inside a word.

    Words are first cut at spaces and marks. A character that no piece covers makes its word
    UNKNOWN.

    Args:
      tokens: the pieces from id 4 on.
      **kwargs: see `Vocabulary`.
    References:
      [1] Song et al. Fast WordPiece Tokenization. EMNLP 2021. arXiv:2012.15524
    """

    def __init__(self, tokens: Sequence[str], **kwargs: Any) -> None:
        super().__init__(tokens, **kwargs)
        self.tokenizer = tf_text.FastWordpieceTokenizer(
            [*_SPECIAL, *self.tokens],
            unknown_token=_SPECIAL[-1],
            token_out_type=tf.int32,
            support_detokenization=True,
        )

    @classmethod
    def fit(cls, texts: Iterable[str], *, size: int = 8_000, **kwargs: Any) -> "SubwordVocabulary":
        """Learns the pieces from texts, with TF Text's WordPiece learner.

        Args:
          texts: the sentences, gone through once.
          size: V, about; the learner comes near it from below where the texts are rich enough.
          **kwargs: of the constructor.
        Raises:
          ValueError: if the texts hold no word.
        """
        left = iter(texts)
        first = next((text for text in left if text.strip()), None)
        if first is None:
            raise ValueError("SubwordVocabulary.fit: no word in the texts")
        rows = (text.encode("utf-8", errors="replace") for text in itertools.chain([first], left))
        batches = generated_dataset(lambda: rows, tf.TensorSpec([], tf.string)).batch(1024)
        if kwargs.get("lower"):
            batches = batches.map(lowered)
        pieces = bert_vocab_from_dataset.bert_vocab_from_dataset(
            batches,
            size,
            list(_SPECIAL),
            # Rare characters stay out of the alphabet where there are more than this.
            learn_params={"max_unique_chars": 1000, "lower_thresh": 2},
        )
        return cls([piece for piece in pieces if piece not in _SPECIAL], **kwargs)

    def _tokenize(self, texts: tf.Tensor) -> tf.RaggedTensor:
        ids = self.tokenizer.tokenize(texts)
        return ids if ids.ragged_rank == 1 else ids.merge_dims(1, -1)

    def _byte_ends(self, text: tf.Tensor) -> tf.Tensor:
        _, _, ends = self.tokenizer.tokenize_with_offsets(text)
        return ends

    def _join(self, token_ids: tf.RaggedTensor) -> tf.Tensor:
        return with_marks_attached(self.tokenizer.detokenize(token_ids))
