"""What tells data from other data."""

import os

import numpy as np

from tfp_dgm.data import digest, folder_digest


def test_a_folder_is_told_from_one_with_other_bytes_or_names_anywhere_in_it(tmp_path):
    """Of two exports of one architecture only the weights differ, in `variables/`."""
    (tmp_path / "variables").mkdir()
    graph, weights = tmp_path / "saved_model.pb", tmp_path / "variables" / "data"
    graph.write_bytes(b"graph")
    weights.write_bytes(b"one")
    first = folder_digest(tmp_path)
    os.utime(weights, ns=(1, 1))
    assert folder_digest(tmp_path) == first
    weights.write_bytes(b"two")
    second = folder_digest(tmp_path)
    weights.rename(weights.with_name("more"))
    assert len({first, second, folder_digest(tmp_path)}) == 3


def test_arrays_of_other_types_or_shapes_differ():
    values = [np.zeros(4, np.int32), np.zeros((2, 2), np.int32), np.zeros(4, np.float32)]
    assert len({digest(value) for value in values}) == 3
