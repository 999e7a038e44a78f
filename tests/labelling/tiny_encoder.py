"""An encoder of random weights, in KerasHub's layout."""

import keras
import pytest

from tests.tiny_bert import tiny_bert


def write_tiny_encoder(folder, words, layers=1):
    """Writes it into a folder; it knows these words, and reads 16 tokens of a text."""
    pytest.importorskip("keras_hub")
    keras.utils.set_random_seed(0)
    preprocessor, backbone = tiny_bert(words, length=16, units=8, hidden=8, layers=layers)
    preprocessor.save_to_preset(folder)
    backbone.save_to_preset(folder)
    return str(folder)
