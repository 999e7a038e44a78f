"""What a model of fixed-size inputs is served for: encoding and reconstruction, without noise."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from tfp_dgm.models.signature import Signature

_EXAMPLES = 4


def reconstruction_signatures(
    event_shape: Sequence[int],
    encode: Callable[[tf.Tensor], tf.Tensor],
    reconstruct: Callable[[tf.Tensor], tf.Tensor],
) -> dict[str, Signature]:
    """Signatures `encode` (also `serving_default`) and `reconstruct`.

    Args:
      event_shape: of one input.
      encode: inputs [B, ...] -> means of the posterior [B, Z].
      reconstruct: inputs [B, ...] -> means of the likelihood at those, [B, ...].
    """
    inputs = {"inputs": tf.TensorSpec([None, *event_shape], tf.float32)}
    random = np.random.default_rng(0)
    rows = random.integers(0, 2, (_EXAMPLES, *event_shape)).astype(np.float32)
    examples = {"inputs": rows}
    encoding = Signature(inputs, lambda inputs: {"mean": encode(inputs)}, examples)
    return {
        "serving_default": encoding,
        "encode": encoding,
        "reconstruct": Signature(
            inputs, lambda inputs: {"reconstruction": reconstruct(inputs)}, examples
        ),
    }
