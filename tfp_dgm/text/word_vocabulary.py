"""Words as tokens."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfp_dgm.text.letter_case import lowered
from tfp_dgm.text.vocabulary import Vocabulary, text_batches, with_marks_attached
from tfp_dgm.token_ids import NUM_SPECIAL

# Marks within a word (don't, x-ray, <unk>, co_op) do not cut it.
_PUNCTUATION = r"([^\p{L}\p{M}\p{N}\s'\x{2019}<>_-])"
_UNKNOWN = "<unk>"
_SPACES = tuple(b" \t\n\v\f\r")  # At which `tf.strings.split` cuts.


@keras.saving.register_keras_serializable(package="tfp_dgm")
class WordVocabulary(Vocabulary):
    """Words between spaces; what is not among them becomes UNKNOWN, written "<unk>".

    Args:
      tokens: the words from id 4 on.
      split_punctuation: whether marks are tokens of their own, which `detokenize` attaches to their
        words again; false for text that is tokenised already, whose spaces stay where they are.
        Texts that put no spaces between words need a `SubwordVocabulary`.
      **kwargs: see `Vocabulary`.
    """

    def __init__(
        self, tokens: Sequence[str], *, split_punctuation: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(tokens, **kwargs)
        self.split_punctuation = split_punctuation
        # By Keras's own name of the unknown, that word in front of the others would be lost.
        self.lookup = keras.layers.StringLookup(
            vocabulary=list(self.tokens), num_oov_indices=1, oov_token=None
        )

    @classmethod
    def fit(
        cls,
        texts: Iterable[str],
        *,
        size: int = 10_000,
        min_count: int = 1,
        **kwargs: Any,
    ) -> "WordVocabulary":
        """Learns the words from texts.

        Args:
          texts: the sentences, gone through once.
          size: V at most, with the four special tokens; the most frequent are kept, ties in
            alphabetical order.
          min_count: rarer words become UNKNOWN.
          **kwargs: of the constructor.
        Raises:
          ValueError: if `size` leaves room for no word, or no word is left.
        """
        if size <= NUM_SPECIAL:
            raise ValueError(
                f"WordVocabulary.fit: `size` must be > {NUM_SPECIAL}, the number of special "
                f"tokens; received {size}"
            )
        cutter = cls([_UNKNOWN], **kwargs)
        counts: Counter[bytes] = Counter()
        number = 0
        for batch in text_batches(texts):
            number += len(batch)
            if cutter.lower:
                batch = lowered(batch)
            counts.update(cutter._split(batch).flat_values.numpy().tolist())
        del counts[_UNKNOWN.encode()]  # It has its id.
        words = {word.decode("utf-8"): count for word, count in counts.items()}
        kept = sorted(
            (word for word, count in words.items() if count >= min_count),
            key=lambda word: (-words[word], word),
        )
        if not kept:
            raise ValueError(
                f"WordVocabulary.fit: no word occurs {min_count} times in {number} texts"
            )
        return cls(kept[: size - NUM_SPECIAL], **kwargs)

    def _split(self, texts: tf.Tensor) -> tf.RaggedTensor:
        if self.split_punctuation:
            texts = tf.strings.regex_replace(texts, _PUNCTUATION, r" \1 ")
        return tf.strings.split(texts)

    def _tokenize(self, texts: tf.Tensor) -> tf.RaggedTensor:
        words = self._split(texts)
        # The lookup gives 0 to what it lacks, and its first word 1.
        return words.with_flat_values(self.lookup(words.flat_values) + NUM_SPECIAL - 1)

    def _byte_ends(self, text: tf.Tensor) -> tf.Tensor:
        words = self._split(text[tf.newaxis]).flat_values
        is_space = tf.reduce_any(tf.io.decode_raw(text, tf.uint8)[:, tf.newaxis] == _SPACES, axis=1)
        written = tf.where(~is_space)[:, 0]  # The places of the words' bytes, one after another.
        return tf.gather(written, tf.cumsum(tf.strings.length(words)) - 1) + 1

    def _join(self, token_ids: tf.RaggedTensor) -> tf.Tensor:
        table = tf.constant(["", "", "", _UNKNOWN, *self.tokens])
        words = token_ids.with_flat_values(tf.gather(table, token_ids.flat_values))
        texts = tf.strings.reduce_join(words, axis=-1, separator=" ")
        return with_marks_attached(texts) if self.split_punctuation else texts
