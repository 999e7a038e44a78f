"""What a check of values costs under XLA, which compiles no assertions."""

import numpy as np
import tensorflow as tf

from tfp_dgm.layers.events import assert_valid


def test_xla_compiles_once_for_all_values():
    """What must be known to compile is no parameter of the program, but built into it."""

    @tf.function(jit_compile=True, autograph=False)
    def checked(values):
        assert_valid(values >= 0, values, "values: expected none below 0")
        return values + 1

    program = checked.experimental_get_compiler_ir(tf.constant([[1, 2], [3, 4]]))(stage="hlo")
    assert "parameter(0)" in program
    np.testing.assert_array_equal(checked(tf.constant([[1, -2]])), [[2, -1]])
