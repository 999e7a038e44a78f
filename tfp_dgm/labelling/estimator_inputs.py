"""What people hold in Python: texts and labels in lists, arrays and Series, read row by row."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from typing import Any

import numpy as np

from tfp_dgm.data.cell_values import cell_values
from tfp_dgm.data.data_error import shorten
from tfp_dgm.data.frame_chunk import is_null
from tfp_dgm.data.table_warnings import MAX_TEXT_CHARACTERS
from tfp_dgm.data.visible_text import is_blank, is_writable

NOT_ANNOTATED = -1
_INT64 = range(-(2**63), 2**63)


@dataclass(frozen=True)
class GivenLabels:
    """Labels of N rows, some of them not annotated.

    Attributes:
      values: [N] strings, integers or truth values, one kind of them; None = not annotated.
    """

    values: list[str | int | bool | None]

    @cached_property
    def annotated(self) -> np.ndarray:
        """bool [N]; the rows that carry a label."""
        return np.array([value is not None for value in self.values], bool)

    @cached_property
    def classes(self) -> np.ndarray:
        """[K]; the different labels, sorted: int64, bool, or objects (strings, long integers)."""
        classes = sorted({value for value in self.values if value is not None})
        # NumPy's own strings lose the NUL characters at their ends, and of integers that no int64
        # holds it makes floats.
        own = bool(classes) and all(isinstance(k, int) and k in _INT64 for k in classes)
        return np.array(classes, None if own else object)

    @cached_property
    def allowed(self) -> np.ndarray:
        """bool [N, K]; the classes that each label allows, all of them where there is none."""
        index = {value: k for k, value in enumerate(self.classes.tolist())}
        allowed = np.ones((len(self.values), len(index)), bool)
        for row in np.flatnonzero(self.annotated):
            allowed[row] = False
            allowed[row, index[self.values[row]]] = True
        return allowed

    @cached_property
    def names(self) -> list[str]:
        """[K]; the classes as a file of labels names them: 7 is "7", True is "true"."""
        return [k if isinstance(k, str) else json.dumps(k) for k in self.classes.tolist()]


def read_texts(X: Any) -> list[str]:
    """The texts of a list, a NumPy array, a pandas Series or another one-dimensional container.

    Of a text the first million characters are read, as of a file's.

    Raises:
      TypeError, ValueError: where they are not one text a row; names the row, from 0.
    """
    texts = []
    for row, value in enumerate(_rows("X", "texts", X)):
        if not isinstance(value, str):
            raise TypeError(
                f"X, row {row}{_index(X, row)}: expected a text (a string, empty where there is "
                f"none); received {shorten(value)} ({type(value).__name__})"
            )
        encodable = value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
        texts.append(encodable[:MAX_TEXT_CHARACTERS])
    return texts


def read_labels(y: Any, num_rows: int, *, missing_label: int | None = NOT_ANNOTATED) -> GivenLabels:
    """The labels of a one-dimensional container.

    None, NaN, pandas' NA, a blank string and `missing_label` are no label. A number without a
    fraction is an integer: NumPy and pandas make 1.0 of 1 where others are NaN.

    Args:
      y: a list, an array, a Series (also of nullable, categorical and Arrow types).
      num_rows: N, the number of texts.
      missing_label: the integer that stands for no label; None where every integer is a class.
    Raises:
      TypeError, ValueError: where they are not labels of one kind, one a row; names the row.
    """
    if isinstance(missing_label, bool) or not isinstance(missing_label, Integral | None):
        raise TypeError(
            f"missing_label: expected an integer or None; received {shorten(missing_label)}"
        )
    cells = list(_rows("y", "labels", y))
    if len(cells) != num_rows:
        raise ValueError(
            f"y: expected a label, or none, for each of the {num_rows} texts of X; "
            f"received {len(cells)}"
        )
    values = [_label(value, f"y, row {row}{_index(y, row)}") for row, value in enumerate(cells)]
    if missing_label is not None:
        values = [None if _is(value, missing_label) else value for value in values]
    first: tuple[int, type] | None = None
    for row, value in enumerate(values):
        if value is None:
            continue
        if isinstance(value, str) and missing_label is not None and value == str(missing_label):
            raise ValueError(
                f"y, row {row}{_index(y, row)}: expected a class; received the string {value!r}, "
                "which an array of strings makes of the number that stands for no label: give "
                "None instead, or missing_label=None where it is a class"
            )
        first = first or (row, type(value))
        if type(value) is not first[1]:
            raise TypeError(
                f"y, row {row}{_index(y, row)}: expected labels of one kind, such as in row "
                f"{first[0]} ({first[1].__name__}); received {shorten(value)} "
                f"({type(value).__name__})"
            )
    return GivenLabels(values)


def read_weights(sample_weight: Any, num_rows: int) -> np.ndarray:
    """The weights of N rows, [N]; ones where None is given.

    Raises:
      ValueError: if they are not one a row.
    """
    weights = np.ones(num_rows) if sample_weight is None else np.asarray(sample_weight)
    if weights.shape != (num_rows,):
        raise ValueError(
            f"sample_weight: expected a weight for each of the {num_rows} texts of X; "
            f"received shape {weights.shape}"
        )
    return weights


def _rows(name: str, what: str, values: Any) -> Iterable[Any]:
    shape = getattr(values, "shape", None)
    if shape is not None and len(shape) != 1:
        raise ValueError(
            f"{name}: expected {what} in one dimension [N]; received shape {tuple(shape)}"
        )
    # Of a set, no order says which label belongs to which text.
    refused = isinstance(values, str | bytes | dict | set | frozenset)
    if refused or not isinstance(values, Iterable):
        raise TypeError(
            f"{name}: expected a list, an array or a Series of {what}; "
            f"received {shorten(values)} ({type(values).__name__})"
        )
    return cell_values(values)


def _label(value: Any, place: str) -> str | int | bool | None:
    if isinstance(value, np.generic):
        value = value.item()
    if is_null(value) or (isinstance(value, str) and is_blank(value)):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and not is_writable(value):
        raise ValueError(
            f"{place}: expected a class that UTF-8 can hold; received {shorten(value)}"
        )
    if isinstance(value, str | bool | int):
        return value
    raise TypeError(
        f"{place}: expected a class (a string, an integer or a truth value) or nothing; received "
        f"{shorten(value)} ({type(value).__name__})"
    )


def _is(value: Any, missing_label: int) -> bool:
    return type(value) is int and value == missing_label


def _index(values: Any, row: int) -> str:
    """Where a Series has names for its rows: the row's."""
    index = getattr(values, "index", None)
    if index is None or callable(index):
        return ""
    (name,) = index[row : row + 1].tolist()
    return "" if isinstance(name, int) and name == row else f" (index {name!r})"
