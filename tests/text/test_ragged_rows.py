"""The rows of ragged values, in memory that grows with the values alone."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tfp_dgm.text.ragged_rows import rows_of_values

LONG = """
import resource
import tensorflow as tf
from tfp_dgm.text import document_frequencies
texts = ["a b", *["c"] * 1022, "a " * 400_000]
document_frequencies(texts[:2])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = document_frequencies(texts)
assert found == {"a": 2, "b": 1, "c": 1022}, found
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize("lengths", [[2, 0, 3], [0, 0], [], [0, 1, 0], [4]])
def test_each_value_knows_its_row(lengths: list[int]) -> None:
    values = tf.range(sum(lengths))
    ragged = tf.RaggedTensor.from_row_lengths(values, tf.constant(lengths, tf.int64))
    expected = np.repeat(np.arange(len(lengths)), lengths)
    for find in (rows_of_values, tf.function(rows_of_values)):
        rows = find(ragged)
        assert rows.dtype == tf.int64
        np.testing.assert_array_equal(rows, expected)


@pytest.mark.slow
def test_one_long_text_takes_no_memory_for_each_of_the_others() -> None:
    done = subprocess.run([sys.executable, "-c", LONG], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 300  # MB; padded to the longest they would be 3,300.
