"""Python's values as what a signature takes, each of its input's type."""

from numbers import Number
from typing import Any

import numpy as np
import tensorflow as tf

from tfp_dgm.data import shorten
from tfp_dgm.serving.request_error import RequestError


def input_array(value: Any, dtype: tf.DType, name: str) -> np.ndarray:
    """An input of a signature as an array of its type; strings as bytes.

    Args:
      value: rows, as an array or lists; strings as str or bytes.
      dtype: what the signature takes.
      name: of the input, for messages.
    Raises:
      RequestError: if a value is none of the type; names its place, what was expected and what
        came.
    """
    if dtype == tf.string:
        return _strings(value, name)
    try:
        given = np.asarray(value)
        if given.dtype.kind in "OSU":
            given = np.asarray(value, object)  # Beside a string NumPy makes strings of numbers.
            wrong = [not isinstance(item, Number) for item in given.ravel()]
            refuse_values(name, np.reshape(wrong, given.shape), given, dtype.name)
        with np.errstate(invalid="ignore", over="ignore"):
            found = given.astype(dtype.as_numpy_dtype)
    except (ValueError, OverflowError) as error:
        raise RequestError(f"{name!r}: expected {dtype.name}: {error}") from error
    if dtype.is_integer:  # Nothing missing, no fractions, none out of range.
        refuse_values(name, found != given, given, dtype.name)
    return found


def _strings(value: Any, name: str) -> np.ndarray:
    given = np.asarray(value, object)
    wrong = [not isinstance(item, str | bytes) for item in given.ravel()]
    refuse_values(name, np.reshape(wrong, given.shape), given, "a string or bytes")
    found = np.empty(given.size, object)
    try:
        found[:] = [item.encode() if isinstance(item, str) else item for item in given.ravel()]
    except UnicodeEncodeError as error:
        raise RequestError(f"{name!r}: a lone surrogate is no character: {error}") from error
    return found.reshape(given.shape)


def refuse_values(name: str, wrong: np.ndarray, given: np.ndarray, expected: str) -> None:
    """Raises a `RequestError` that names the first value that is wrong, if one is."""
    if wrong.any():
        place = tuple(np.argwhere(wrong)[0].tolist())
        raise RequestError(
            f"{name!r}{list(place)}: expected {expected}; received {shorten(given[place])}"
        )
