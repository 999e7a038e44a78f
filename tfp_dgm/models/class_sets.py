"""What is known of an example's class: nothing, the class, or a set that contains it."""

from typing import Any

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfp_dgm.layers.events import assert_valid, is_whole
from tfp_dgm.objectives import Joint


def allowed_classes(targets: Any, num_classes: int) -> tf.Tensor:
    """The classes that each annotation allows.

    Args:
      targets: integers [B] or [B, 1] (-1 = not annotated, otherwise the class), or a matrix [B, K]
        of 0 and 1 (1 = this class is allowed; a row of zeros = not annotated).
      num_classes: K.
    Returns:
      allowed: bool [B, K], with at least one True a row.
    Raises:
      ValueError: if the shape is neither (names the shape received), or without targets.
      InvalidArgumentError: if a class is below -1, or K or more, or no whole number, or if the
        matrix holds anything but 0 and 1. (Compiled by XLA, which drops assertions, none of these
        is noticed.)
    """
    if targets is None:
        raise ValueError(
            "targets: expected classes [B] with -1 for 'not annotated', or a 0/1 matrix "
            f"[B, {num_classes}]; received None. Without any label, give -1 for every example."
        )
    targets = tf.convert_to_tensor(targets)
    if targets.shape.rank == 2 and targets.shape[1] == num_classes and num_classes > 1:
        allowed = tf.cast(targets, tf.bool)
        valid = tf.cast(allowed, targets.dtype) == targets
        assert_valid(valid, targets, "targets: expected 0 and 1 in a matrix of allowed classes")
        return allowed | ~tf.reduce_any(allowed, axis=1, keepdims=True)
    if targets.shape.rank == 2 and targets.shape[1] == 1:
        targets = targets[:, 0]
    if targets.shape.rank != 1:
        raise ValueError(
            f"targets: expected classes [B] or a 0/1 matrix [B, {num_classes}]; received shape "
            f"{tuple(targets.shape)}"
        )
    valid = is_whole(targets) & (targets > -2) & (targets < num_classes)
    assert_valid(valid, targets, f"targets: expected classes from -1 to {num_classes - 1}")
    classes = tf.cast(targets, tf.int32)  # [B]
    same = classes[:, tf.newaxis] == tf.range(num_classes)  # [B, K]
    return same | (classes < 0)[:, tf.newaxis]


def restricted(joint: Joint, allowed: tf.Tensor) -> Joint:
    """The joint of examples and their annotations: that the class is one of a set.

        p(x, A | y) = p(x | y) 1[y in A],    q_A(y | x) = q(y | x) / q(A | x) on A

    Args:
      joint: of classes, int32 [S, B], with what is given a class within it.
      allowed: bool [B, K].
    """

    def posterior() -> tfd.Distribution:
        logits = tf.where(allowed, joint.posterior.logits_parameter(), -float("inf"))
        return tfd.Categorical(logits=logits)

    def inner(classes: tf.Tensor) -> Joint:
        given, one_hot = joint.inner(classes), tf.one_hot(classes, allowed.shape[1], True, False)
        possible = tf.reduce_any(one_hot & allowed, axis=-1)  # [S, B]
        return given.replaced(
            log_likelihood=lambda z: tf.where(possible, given.log_likelihood(z), -float("inf"))
        )

    return joint.replaced(posterior=posterior, inner=inner)
