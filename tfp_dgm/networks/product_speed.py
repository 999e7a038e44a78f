"""In which of two precisions the processor multiplies faster, by measurement."""

import functools
import time

import tensorflow as tf

# What is multiplied to see whether bfloat16 pays, how often, and by what factor it must.
_MEASURED_ROWS, _MEASUREMENTS, _PAYS_FROM = 256, 40, 1.25


@functools.cache
def faster_dtype(units: int, inner_units: int) -> str:
    """ "bfloat16" where the processor multiplies it clearly faster than float32, else "float32".

    Where it has no instructions for it, bfloat16 is emulated, and slower. One product of the size
    of a layer's is computed in both, in turn, and the least CPU seconds of each are compared, which
    other work on the machine disturbs least.

    Args:
      units: E, of the states.
      inner_units: of the layer inside.
    """
    seconds = dict.fromkeys(("float32", "bfloat16"), float("inf"))
    with tf.init_scope():
        factors = {
            dtype: (
                tf.ones([_MEASURED_ROWS, units], dtype),
                tf.ones([units, inner_units], dtype),
            )
            for dtype in seconds
        }
        for _ in range(_MEASUREMENTS):
            for dtype, (left, right) in factors.items():
                start = time.process_time()
                tf.matmul(left, right).numpy()
                seconds[dtype] = min(seconds[dtype], time.process_time() - start)
    return "bfloat16" if seconds["float32"] > _PAYS_FROM * seconds["bfloat16"] else "float32"
