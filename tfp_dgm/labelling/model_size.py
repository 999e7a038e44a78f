"""The least that a classifier will take on the disk, known before it is trained."""

import os
from collections.abc import Sequence

from tfp_dgm.data import DataError
from tfp_dgm.labelling.features import LSA_UNITS, VAE_WORDS
from tfp_dgm.text import WordCounts

# Graphs, report and metrics, with texts of a few words.
_BESIDE_WEIGHTS = 750_000
_TEXTS = 20_000
# Of the BagOfWordsVAE for each word: to 256 hidden units, and from 50 latent ones.
_VAE_UNITS = 306
# Naive Bayes models, the student among them, have a weight for each word and class.
_WORD_MODELS = 3


def check_words(
    source: str | os.PathLike[str], texts: Sequence[str], text_columns: Sequence[str]
) -> None:
    """Refuses texts that nothing can be learned from.

    Raises:
      DataError: if no text of the source has a word.
    """
    if not any(character.isalnum() for text in texts for character in text):
        raise DataError(f"{source}: expected texts with at least one word in {list(text_columns)}")


def least_model_size(texts: Sequence[str], num_classes: int) -> int:
    """Returns bytes: the weights by word, once in model.keras and once in the SavedModel.

    Args:
      texts: N texts, at least one of them with a word; the first 20,000 are counted.
      num_classes: K.
    """
    num_words = len(WordCounts.fit(texts[:_TEXTS]).vocabulary)
    units = max(1, min(LSA_UNITS, min(num_words, len(texts)) - 1))
    weights = num_words * (units + _WORD_MODELS * num_classes)
    weights += min(num_words, VAE_WORDS) * _VAE_UNITS
    return _BESIDE_WEIGHTS + 2 * 4 * weights
