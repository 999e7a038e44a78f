"""Functions of a distribution that are chosen by its type."""

import functools
from collections.abc import Callable
from typing import TypeVar

import tensorflow as tf

Answer = TypeVar("Answer")


def capability(function: Callable[..., Answer]) -> "functools._SingleDispatchCallable[Answer]":
    """`functools.singledispatch`, into which AutoGraph does not look: it could not convert it."""
    return tf.autograph.experimental.do_not_convert(functools.singledispatch(function))
