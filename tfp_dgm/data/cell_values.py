"""The cells of a column as Python's values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

_Convert = Callable[[Any], Any]


def cell_values(column: Iterable[Any]) -> list[Any]:
    """Returns a column's cells.

    A number of half or single precision becomes the shortest decimal that stands for it, which is
    what its file's other readers print: 0.1, where the double nearest to the single is
    0.10000000149011612.

    Args:
      column: a pandas Series, a NumPy array, or any values, which stay as they are.
    """
    if not hasattr(column, "tolist"):
        return list(column)
    dtype: Any = getattr(column, "dtype", None)
    values: list[Any] = column.tolist()
    if isinstance(dtype, np.dtype):
        convert = _shortest(dtype.type) if dtype in (np.float16, np.float32) else None
    elif hasattr(dtype, "pyarrow_dtype"):
        convert = _converter(dtype.pyarrow_dtype)
    else:
        convert = None
    return values if convert is None else [convert(value) for value in values]


def _converter(kind: pa.DataType) -> _Convert | None:
    """How cells of an Arrow type are converted; None where they stay as they are."""
    import pyarrow as pa

    if pa.types.is_float32(kind) or pa.types.is_float16(kind):
        return _shortest(np.float32 if pa.types.is_float32(kind) else np.float16)
    if pa.types.is_dictionary(kind):
        return _converter(kind.value_type)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        convert = _converter(kind.value_type)
        return convert and _each(convert)
    if pa.types.is_struct(kind):
        found = {field.name: _converter(field.type) for field in kind}
        return _fields({name: convert for name, convert in found.items() if convert})
    return None


def _shortest(precision: type[np.floating]) -> _Convert:
    return lambda value: float(str(precision(value))) if isinstance(value, float) else value


def _each(convert: _Convert) -> _Convert:
    return lambda cell: [convert(part) for part in cell] if isinstance(cell, list) else cell


def _fields(converters: dict[str, _Convert]) -> _Convert | None:
    def convert(cell: Any) -> Any:
        if not isinstance(cell, dict):
            return cell
        return cell | {name: converters[name](cell[name]) for name in converters}

    return convert if converters else None
