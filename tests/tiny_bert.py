"""A BERT of random weights, of KerasHub's classes."""

from collections.abc import Sequence
from typing import Any

import keras

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def tiny_tokenizer(words: Sequence[str]) -> Any:
    """A tokenizer that knows the special tokens, and these words."""
    import keras_hub  # Of the extra `encoder`.

    return keras_hub.models.BertTokenizer(vocabulary=[*SPECIAL, *words], lowercase=True)


def tiny_bert(
    words: Sequence[str], *, length: int, units: int, hidden: int, layers: int = 1
) -> tuple[keras.layers.Layer, keras.Model]:
    """A preprocessor and a backbone.

    Args:
      words: that it knows.
      length: so many tokens are read of a text.
      units: the size of a token's vector.
      hidden: units inside of a layer.
      layers: so many follow one another.
    """
    import keras_hub

    preprocessor = keras_hub.models.BertTextClassifierPreprocessor(
        tiny_tokenizer(words), sequence_length=length
    )
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=len(SPECIAL) + len(words),
        num_layers=layers,
        num_heads=2,
        hidden_dim=units,
        intermediate_dim=hidden,
        max_sequence_length=length,
    )
    return preprocessor, backbone
