"""What a classifier of fixed-size inputs is served for."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from tfp_dgm.models.signature import Signature

_EXAMPLES = 4


def class_signatures(
    event_shape: Sequence[int], probabilities: Callable[[tf.Tensor], tf.Tensor]
) -> dict[str, Signature]:
    """`serving_default`: inputs [...] -> probabilities [K] and class_id, the likeliest.

    Args:
      event_shape: of one input.
      probabilities: inputs [B, ...] -> q(y | x) [B, K].
    """

    def classify(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        found = probabilities(inputs)  # [B, K]
        return {
            "probabilities": found,
            "class_id": tf.argmax(found, axis=-1, output_type=tf.int32),
        }

    random = np.random.default_rng(0)
    rows = random.integers(0, 2, [_EXAMPLES, *event_shape]).astype(np.float32)
    inputs = {"inputs": tf.TensorSpec([None, *event_shape], tf.float32)}
    return {"serving_default": Signature(inputs, classify, {"inputs": rows})}
