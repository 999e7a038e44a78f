"""How M2 is served."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tfp_dgm.models import M2, Signature

_EXAMPLES = 4


def m2_signatures(model: M2) -> Mapping[str, Signature]:
    """`serving_default`: inputs [...] -> probabilities q(y | x) [K] and class_id, the likeliest."""

    def classify(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        probabilities = model(inputs)  # [B, K]
        return {
            "probabilities": probabilities,
            "class_id": tf.argmax(probabilities, axis=-1, output_type=tf.int32),
        }

    shape = model.likelihood.event_shape
    rows = np.random.default_rng(0).integers(0, 2, [_EXAMPLES, *shape]).astype(np.float32)
    return {
        "serving_default": Signature(
            {"inputs": tf.TensorSpec([None, *shape], tf.float32)}, classify, {"inputs": rows}
        )
    }
