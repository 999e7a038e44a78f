"""Pretrained encoders and their tokenisers: the one place that knows whose they are (KerasHub's).

What a tokeniser does in the graph, TF Text's operations do, which a loaded graph needs, too.
"""

from typing import Any

import keras
import tensorflow as tf


def load(preset: str, sequence_length: int) -> tuple[keras.layers.Layer, keras.Model]:
    """Loads a text encoder: what makes inputs of strings, and what takes them.

    Args:
      preset: a folder in KerasHub's or Hugging Face's layout, or the name of a KerasHub preset.
      sequence_length: tokens of a text, or as many as the encoder takes.
    Raises:
      ImportError: without KerasHub; says what to install.
      OSError: if KerasHub finds no text encoder there; names the preset and the reason.
    """
    keras_hub = _keras_hub()
    try:
        backbone = keras_hub.models.Backbone.from_preset(preset)
        most = getattr(backbone, "max_sequence_length", sequence_length)
        preprocessor = keras_hub.models.TextClassifierPreprocessor.from_preset(
            preset, sequence_length=min(sequence_length, most)
        )
    except Exception as error:  # KerasHub raises whatever its many loaders raise.
        raise OSError(
            f"encoder: expected a folder or preset with a text encoder that KerasHub can "
            f"load; received {preset!r} ({type(error).__name__}: {error})"
        ) from error
    return preprocessor, backbone


def register_classes() -> None:
    """Makes the classes known that configurations of pretrained parts name."""
    _keras_hub()


def register_operations() -> None:
    """Makes the operations known that a loaded graph with a tokeniser runs."""
    import tensorflow_text  # noqa: F401


def packed(preprocessor: keras.layers.Layer, texts: tf.Tensor) -> dict[str, tf.Tensor]:
    """The inputs of an encoder of strings [B], each [B, T] with T the preprocessor's length."""
    return preprocessor(texts)


def piece_ids(tokenizer: keras.layers.Layer, texts: tf.Tensor) -> tf.RaggedTensor:
    """The pieces of strings [B], int32 [B, (T)]; none is cut off, and no mark added."""
    pieces = tokenizer(texts)
    if isinstance(pieces, list):  # Outside a graph.
        return tf.ragged.constant(pieces, tf.int32, ragged_rank=1)
    return tf.cast(pieces, tf.int32)


def sequence_output(outputs: Any) -> Any:
    """Of what an encoder gives, the states of the tokens [B, T, E]."""
    return outputs["sequence_output"] if isinstance(outputs, dict) else outputs


def encoder_layers(backbone: keras.Model) -> list[Any]:
    """The `TransformerEncoder` layers that an encoder is made of, behind its embeddings.

    Empty where it is made in another way: layers of other classes, that do not follow one another
    from embeddings to states, are used more than once, or normalise before their parts.
    """
    kind = _keras_hub().layers.TransformerEncoder
    layers = [layer for layer in backbone.layers if type(layer) is kind]
    inputs = backbone.input
    if not layers or not isinstance(inputs, dict) or "padding_mask" not in inputs:
        return []
    try:  # A layer that is called twice has no one input.
        given = [layer.input for layer in layers]
        outputs = [layer.output for layer in layers]
    except (AttributeError, ValueError):
        return []
    mask = inputs["padding_mask"]
    if not all(isinstance(one, list) and len(one) == 2 and one[1] is mask for one in given):
        return []
    follows = [after[0] is before for before, after in zip(outputs, given[1:], strict=False)]
    ends = sequence_output(backbone.output) is outputs[-1]
    plain = not any(layer.normalize_first for layer in layers)
    return layers if ends and plain and all(follows) else []


def _keras_hub() -> Any:
    try:
        import keras_hub
    except ImportError as error:
        raise ImportError(
            "a pretrained encoder needs KerasHub; install it with `pip install tfp-dgm[encoder]`"
        ) from error
    return keras_hub
