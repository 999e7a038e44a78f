"""A frozen pretrained text encoder."""

import functools
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfp_dgm.networks import pretrained_tokens
from tfp_dgm.networks.packed_transformer import PackedTransformer
from tfp_dgm.networks.text_encoder import TextEncoder, by_length

# What a core's cache holds the states of; and how much of a batch may be pads.
_TOKENS_AT_ONCE, _MOST_PADS = 4096, 0.1
_TEXTS_TOKENISED_AT_ONCE = 2048


@keras.saving.register_keras_serializable(package="tfp_dgm")
class SentenceEncoder(TextEncoder):
    """Mean-pooled, unit-length sentence vectors: string [B] -> float32 [B, E].

    Of a text the first `sequence_length` tokens are read, the rest is cut off.

    Tokeniser and Transformer stand in the graph, so that a SavedModel with this layer takes
    strings. Needs the extra `encoder` (KerasHub).

    The last layer's states are trained for what texts are about; those below keep more of how it is
    said [1]. Of several layers, the means stand side by side, each of the same length.

    Args:
      preprocessor: a KerasHub text-classifier preprocessor (tokenises, packs, masks).
      backbone: the KerasHub backbone that belongs to it; its weights stay as they are.
      depths: how far up the layers those are whose states are read, in (0, 1]; 1 is the last one.
        Those of the first depth are `units_of_meaning`. Of a backbone that is not made of
        `TransformerEncoder` layers the last states are read, and no others.
    Raises:
      ValueError: if a depth is not in (0, 1], or there is none.
    References:
      [1] Jawahar, Sagot and Seddah. What Does BERT Learn about the Structure of Language? ACL 2019.
    """

    def __init__(
        self,
        preprocessor: keras.layers.Layer,
        backbone: keras.Model,
        *,
        depths: Sequence[float] = (1.0,),
        **kwargs: Any,
    ) -> None:
        if not depths or not all(0 < depth <= 1 for depth in depths):
            raise ValueError(f"`depths` must be numbers in (0, 1]; received {depths!r}")
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.preprocessor = preprocessor
        self.backbone = backbone
        self.backbone.trainable = False
        self.depths = tuple(depths)
        self.built = True

    @classmethod
    def from_preset(
        cls, preset: str, *, sequence_length: int = 128, depths: Sequence[float] = (1.0,)
    ) -> "SentenceEncoder":
        """Loads an encoder.

        Args:
          preset: a folder in KerasHub's or Hugging Face's layout, or the name of a KerasHub preset.
          sequence_length: tokens of a text that are read, or as many as the backbone takes; the
            rest is cut off.
          depths: of the constructor.
        Raises:
          ImportError: without KerasHub; says what to install.
          OSError: if KerasHub finds no text encoder there; names the preset and the reason.
        """
        return cls(*pretrained_tokens.load(preset, sequence_length), depths=depths)

    @property
    def units(self) -> int:
        return self.units_of_meaning * max(1, len(self._layers_read))

    @property
    def units_of_meaning(self) -> int:
        return pretrained_tokens.sequence_output(self.backbone.output).shape[-1]

    @functools.cached_property
    def _layers_read(self) -> tuple[int, ...]:
        """Numbers of the layers that are read; empty where the backbone's own output is."""
        if self.depths == (1.0,):
            return ()
        layers = pretrained_tokens.encoder_layers(self.backbone)
        if not layers:
            return ()
        numbers = (max(1, round(depth * len(layers))) - 1 for depth in self.depths)
        return tuple(dict.fromkeys(numbers))

    @property
    def sequence_length(self) -> int:
        """The most tokens of a text that the preprocessor gives and the backbone takes."""
        given = self.preprocessor.sequence_length
        return min(given, getattr(self.backbone, "max_sequence_length", given))

    @property
    def tokenizer(self) -> keras.layers.Layer:
        """Makes pieces of strings."""
        return self.preprocessor.tokenizer

    @property
    def num_pieces(self) -> int:
        """V, the size of the tokeniser's vocabulary."""
        return int(self.tokenizer.vocabulary_size())

    def tokens(self, texts: tf.Tensor) -> dict[str, tf.Tensor]:
        """The backbone's inputs, each [B, T]; T is that of the longest of these texts."""
        inputs = pretrained_tokens.packed(self.preprocessor, tf.reshape(texts, [-1]))
        # As long as the longest text of this batch, not as the longest that may come.
        longest = tf.reduce_max(tf.reduce_sum(tf.cast(inputs["padding_mask"], tf.int32), axis=-1))
        return {name: tensor[:, :longest] for name, tensor in inputs.items()}

    def pool(self, **tokens: tf.Tensor) -> tf.Tensor:
        return mean_direction(self._states(tokens), tokens["padding_mask"])

    # A function: of a property that is a model, Keras would take its layers for further parts.
    @functools.cached_property
    def _states(self) -> Callable[[dict[str, tf.Tensor]], list[tf.Tensor]]:
        """Inputs of the backbone -> states [B, T, E] of each layer that is read."""
        if not self._layers_read:
            return lambda tokens: [
                pretrained_tokens.sequence_output(self.backbone(tokens, training=False))
            ]
        layers = pretrained_tokens.encoder_layers(self.backbone)
        outputs = [layers[n].output for n in self._layers_read]
        states = keras.Model(self.backbone.input, outputs)
        return lambda tokens: states(tokens, training=False)

    def lengths(self, texts: tf.Tensor) -> tf.Tensor:
        pieces = pretrained_tokens.piece_ids(self.tokenizer, texts)
        return self._marks + tf.cast(pieces.row_lengths(), tf.int32)

    def encode(self, texts: Sequence[str], *, batch_size: int = 256) -> np.ndarray:
        """Encodes many texts, those of like numbers of tokens together: float32 [N, E].

        What the encoder multiplies is bfloat16 where the processor is faster at it, which is
        measured (`PackedTransformer.of`); then a vector is at a cosine of more than 0.999 to that
        of `call`, which is float32 in any place.

        Args:
          texts: the texts.
          batch_size: texts at once, at most; of long ones they are fewer.
        """
        vectors = np.zeros((len(texts), self.units), np.float32)
        for rows, tokens in self.token_batches(texts, batch_size=batch_size):
            vectors[rows] = self._compiled_pool(**tokens).numpy()
        return vectors

    def token_batches(
        self, texts: Sequence[str], *, batch_size: int = 256
    ) -> Iterator[tuple[np.ndarray, dict[str, tf.Tensor]]]:
        """Texts of like numbers of tokens together: their numbers, and what `tokens` gives of them.

        Args:
          texts: the texts.
          batch_size: texts at once, at most; of long ones they are fewer.
        """
        for rows, strings in by_length(texts, _TEXTS_TOKENISED_AT_ONCE):
            tokens = self._compiled_tokens(strings)
            lengths = tokens["padding_mask"].numpy().sum(axis=1)
            for chosen in _batches(lengths, batch_size):
                longest = lengths[chosen[-1]]
                some = {name: tf.gather(t[:, :longest], chosen) for name, t in tokens.items()}
                yield np.array(rows)[chosen], some

    def encode_pieces(self, piece_ids: np.ndarray) -> np.ndarray:
        """Pieces of the vocabulary, each as a text of its own: int [N] -> float32 [N, E]."""
        empty = self.tokens(tf.constant([""]))
        before = max(0, self._marks - 1)  # The piece stands before the last mark.
        tokens = {}
        for name, marks in empty.items():
            row = tf.repeat(marks, len(piece_ids), axis=0)  # [N, marks]
            piece = row[:, :1] if name != "token_ids" else piece_ids[:, np.newaxis]
            tokens[name] = tf.concat(
                [row[:, :before], tf.cast(piece, row.dtype), row[:, before:]], axis=1
            )
        return self._compiled_pool(**tokens).numpy()

    @functools.cached_property
    def _marks(self) -> int:
        """How many tokens stand for no text at all: start and end."""
        with tf.init_scope():
            return int(tf.shape(self.tokens(tf.constant([""]))["padding_mask"])[1])

    @functools.cached_property
    def _compiled_tokens(self) -> tf.types.experimental.GenericFunction:
        return tf.function(self.tokens, input_signature=[tf.TensorSpec([None], tf.string)])

    @functools.cached_property
    def _compiled_pool(self) -> tf.types.experimental.GenericFunction:
        pool = self._packed_pool()
        if pool is None:
            return tf.function(self.pool, reduce_retracing=True)
        return tf.function(pool, autograph=False, reduce_retracing=True)

    def _packed_pool(self) -> Callable[..., tf.Tensor] | None:
        """`pool`, as fast as it can be; None where the backbone is of another kind."""
        packed = PackedTransformer.of(self.backbone)
        if packed is None:
            return None

        def pool(**tokens: tf.Tensor) -> tf.Tensor:
            states = packed.states_of_layers(tokens)
            read = [states[n] for n in self._layers_read or [-1]]
            return mean_direction(read, tokens["padding_mask"])

        return pool

    def fingerprint(self) -> str:
        """A hash of what the vectors are of: tokeniser, lengths, architecture, weights.

        Not of the precision of `encode`: vectors that are kept serve for both.
        """
        parts = [self.preprocessor.tokenizer, self.preprocessor, self.backbone]
        identity = [[type(part).__name__, _plain(part.get_config())] for part in parts]
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True, default=str).encode())
        if self._layers_read:
            digest.update(json.dumps(self._layers_read).encode())
        for weight in self._weights_read():
            digest.update(weight.tobytes())
        return digest.hexdigest()

    def _weights_read(self) -> list[np.ndarray]:
        return [weight.numpy() for weight in self.backbone.weights]


def mean_direction(states: Sequence[tf.Tensor], padding_mask: tf.Tensor) -> tf.Tensor:
    """The means of L states [B, T, E] that are no padding, of unit length: float32 [B, L E]."""
    mask = tf.cast(padding_mask, tf.float32)[..., tf.newaxis]  # [B, T, 1]
    pooled = [tf.reduce_sum(tf.cast(one, tf.float32) * mask, axis=1) for one in states]
    # The mean's direction is the sum's.
    directions = [tf.math.l2_normalize(one, axis=-1) for one in pooled]
    return tf.concat(directions, axis=-1) * len(states) ** -0.5


def _batches(lengths: np.ndarray, most: int) -> Iterator[np.ndarray]:
    """Numbers of texts whose numbers of tokens [N] are nearly equal, shortest first."""
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        shortest = lengths[order[start]]
        end = start + max(1, min(most, _TOKENS_AT_ONCE // max(1, shortest)))
        batch = order[start:end]
        batch = batch[lengths[batch] <= (1 + _MOST_PADS) * shortest]
        yield batch
        start += len(batch)


def _plain(config: Any) -> Any:
    """A configuration without what differs from one process to the next."""
    if isinstance(config, dict):
        dropped = {"shared_object_id", "name"}
        return {key: _plain(value) for key, value in config.items() if key not in dropped}
    return [_plain(item) for item in config] if isinstance(config, list | tuple) else config
