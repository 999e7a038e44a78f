"""Annotations of all forms to sets of allowed classes."""

import numpy as np
import pytest
import tensorflow as tf

from tfp_dgm.models import allowed_classes

ALLOWED = np.array(
    [[False, False, True], [True, True, True], [True, False, False], [True, True, False]]
)


@pytest.mark.parametrize(
    ("targets", "rows"),
    [
        (np.array([2, -1, 0]), [0, 1, 2]),
        (np.array([2.0, -1.0, 0.0], np.float32), [0, 1, 2]),
        (np.array([[2], [-1], [0]], np.int64), [0, 1, 2]),
        ([2, -1], [0, 1]),
        (np.array([[0, 0, 1], [0, 0, 0], [1, 0, 0], [1, 1, 0]]), [0, 1, 2, 3]),
        (np.array([[0, 0, 1.0], [1, 1, 1], [1, 0, 0], [1, 1, 0]]), [0, 1, 2, 3]),
        (np.array([[0, 0, 1], [1, 1, 1]], bool), [0, 1]),
    ],
)
def test_every_form(targets, rows):
    np.testing.assert_array_equal(allowed_classes(targets, 3), ALLOWED[rows])


def test_batch_of_unknown_size():
    function = tf.function(
        lambda targets: allowed_classes(targets, 3),
        input_signature=[tf.TensorSpec([None], tf.int32)],
    )
    np.testing.assert_array_equal(function(tf.constant([2, -1])), ALLOWED[:2])


def test_columns_of_two_classes_are_classes_unless_there_are_two():
    np.testing.assert_array_equal(allowed_classes([[1], [-1]], 2), [[False, True], [True, True]])
    np.testing.assert_array_equal(allowed_classes([[1, 0], [0, 0]], 2), [[True, False], [True] * 2])


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (np.zeros([4, 2]), r"0/1 matrix \[B, 3\]; received shape \(4, 2\)"),
        (np.zeros([4, 3, 1]), r"received shape \(4, 3, 1\)"),
        (np.array(1), r"received shape \(\)"),
        (None, "received None.*give -1 for every example"),
    ],
)
def test_wrong_shapes(targets, message):
    with pytest.raises(ValueError, match=message):
        allowed_classes(targets, 3)


@pytest.mark.parametrize(
    "targets", [[0, 3], [0, -2], [0, 0.97], [0, 1.9], [0, -0.5], [0, np.nan], [[0.0], [2.5]]]
)
def test_no_such_class(targets):
    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match=rf"targets: expected classes from -1 to 2; received(.|\n)*{np.ravel(targets)[1]}",
    ):
        allowed_classes(targets, 3)


def test_matrix_of_other_than_0_and_1():
    with pytest.raises(tf.errors.InvalidArgumentError, match="targets: expected 0 and 1"):
        allowed_classes([[0.5, 0.5, 0.0]], 3)
