"""The states of a pretrained Transformer in fewer and, where it pays, narrower operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfp_dgm.networks.pretrained_tokens import encoder_layers, sequence_output
from tfp_dgm.networks.product_speed import faster_dtype

_MASKED = -1e9


class PackedTransformer:
    """Inputs of a backbone, each [B, T] -> its states, float32 [B, T, E].

        q, k, v = x W + b                                       one product of [B T, E] and [E, 3 E]
        x = norm(x + softmax(q k^T / sqrt(D) + mask) v W' + b')
        x = norm(x + activation(x U + c) U' + c')

    Products of features and weights are computed in `dtype`, with sums in float32; embeddings,
    attention, residuals and norms are float32. The weights are the backbone's own, read at each
    call.

    Args:
      backbone: of KerasHub; embeddings, and layers of `TransformerEncoder` that follow one another.
      dtype: "float32" or "bfloat16".
      layers: of the same kind and sizes, in place of the backbone's.
    Raises:
      ValueError: if the backbone is of another kind; names it.
    """

    def __init__(
        self,
        backbone: keras.Model,
        dtype: str = "float32",
        layers: Sequence[keras.layers.Layer] | None = None,
    ) -> None:
        self.dtype = dtype
        own = encoder_layers(backbone)
        if not own:
            raise ValueError(
                "`backbone` must be embeddings and layers of KerasHub's TransformerEncoder, "
                f"normalised after each part; received a {type(backbone).__name__}"
            )
        self._layers = own if layers is None else list(layers)
        self._embeddings = keras.Model(backbone.input, own[0].input[0])

    @classmethod
    def of(
        cls, backbone: keras.Model, layers: Sequence[keras.layers.Layer] | None = None
    ) -> PackedTransformer | None:
        """The backbone packed, in the precision that is faster here; None if it is of another kind.

        What is faster is measured, once in a process for each size of the layers.
        """
        own = encoder_layers(backbone)
        if not own:
            return None
        units = int(sequence_output(backbone.output).shape[-1])
        return cls(backbone, faster_dtype(units, own[0].intermediate_dim), layers)

    def __call__(self, tokens: Mapping[str, tf.Tensor]) -> tf.Tensor:
        return self.states_of_layers(tokens)[-1]

    def states_of_layers(self, tokens: Mapping[str, tf.Tensor]) -> list[tf.Tensor]:
        """Those of every layer, each float32 [B, T, E]; the last layer's are the backbone's."""
        mask = tf.cast(tokens["padding_mask"], tf.float32)
        masked = (1.0 - mask)[:, tf.newaxis, tf.newaxis, :] * _MASKED  # [B, 1, 1, T]
        embedded = tf.cast(self._embeddings(dict(tokens), training=False), tf.float32)
        shape = tf.shape(embedded)
        x = tf.reshape(embedded, [-1, embedded.shape[-1]])  # [B T, E]
        states = []
        for layer in self._layers:
            x = self._layer(layer, x, masked, shape)
            states.append(tf.reshape(x, shape))
        return states

    def _layer(self, layer: Any, x: tf.Tensor, masked: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
        weights = {
            weight.path.rpartition(f"{layer.name}/")[2]: tf.convert_to_tensor(weight)
            for weight in layer.weights
        }
        units, heads = x.shape[-1], layer.num_heads
        scale = (units // heads) ** -0.5
        kernels, biases = [], []
        for name, factor in (("query", scale), ("key", 1.0), ("value", 1.0)):
            part = f"self_attention_layer/{name}"
            kernels.append(factor * tf.reshape(weights[f"{part}/kernel"], [units, units]))
            biases.append(factor * tf.reshape(weights[f"{part}/bias"], [units]))
        packed = self._dense(x, tf.concat(kernels, axis=1), tf.concat(biases, axis=0))
        parts = tf.reshape(
            tf.cast(packed, tf.float32), [shape[0], shape[1], 3, heads, units // heads]
        )
        query, key, value = tf.unstack(tf.transpose(parts, [2, 0, 3, 1, 4]))  # [B, H, T, D]
        attention = tf.nn.softmax(tf.matmul(query, key, transpose_b=True) + masked)
        read = tf.transpose(tf.matmul(attention, value), [0, 2, 1, 3])  # [B, T, H, D]
        output = "self_attention_layer/attention_output"
        kernel = tf.reshape(weights[f"{output}/kernel"], [units, units])
        read = self._dense(tf.reshape(read, [-1, units]), kernel, weights[f"{output}/bias"])

        def norm(values: tf.Tensor, name: str) -> tf.Tensor:
            of = (weights[f"{name}/gamma"], weights[f"{name}/beta"], layer.layer_norm_epsilon)
            return _normalised(values, *of)

        def feed(values: tf.Tensor, name: str) -> tf.Tensor:
            part = f"feedforward_{name}_dense"
            return self._dense(values, weights[f"{part}/kernel"], weights[f"{part}/bias"])

        x = norm(x + tf.cast(read, tf.float32), "self_attention_layer_norm")
        inner = layer.activation(feed(x, "intermediate"))
        return norm(x + tf.cast(feed(inner, "output"), tf.float32), "feedforward_layer_norm")

    def _dense(self, x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
        # `bias_add` and an activation behind it become part of oneDNN's product.
        x, kernel, bias = (tf.cast(part, self.dtype) for part in (x, kernel, bias))
        return tf.nn.bias_add(tf.matmul(x, kernel), bias)


def _normalised(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float) -> tf.Tensor:
    centred = x - tf.reduce_mean(x, axis=-1, keepdims=True)
    variance = tf.reduce_mean(tf.square(centred), axis=-1, keepdims=True)
    return centred * tf.math.rsqrt(variance + epsilon) * gamma + beta
