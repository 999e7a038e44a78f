"""An encoder of random weights, in KerasHub's layout."""

import keras
import pytest

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def write_tiny_encoder(folder, words):
    """Writes it into a folder; it knows these words, and reads 16 tokens of a text."""
    keras_hub = pytest.importorskip("keras_hub")
    keras.utils.set_random_seed(0)
    vocabulary = [*SPECIAL, *words]
    tokenizer = keras_hub.models.BertTokenizer(vocabulary=vocabulary, lowercase=True)
    preprocessor = keras_hub.models.BertTextClassifierPreprocessor(tokenizer, sequence_length=16)
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=len(vocabulary),
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=8,
        max_sequence_length=16,
    )
    preprocessor.save_to_preset(folder)
    backbone.save_to_preset(folder)
    return str(folder)
