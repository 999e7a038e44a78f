"""Bodies of TF Serving's REST requests, as arrays."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfp_dgm.serving.request_error import RequestError

Arrays = dict[str, np.ndarray]


def parse_body(body: bytes) -> dict[str, Any]:
    """The JSON object of a request.

    Raises:
      RequestError: 400, if it is not UTF-8, not JSON, nested too deeply, or no object.
    """
    try:
        found = json.loads(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise RequestError(f"the body is not UTF-8: {error}") from error
    except (ValueError, RecursionError) as error:
        raise RequestError(f"the body is not JSON: {error or 'nested too deeply'}") from error
    if not isinstance(found, dict):
        raise RequestError(f"expected a JSON object; received {_kind(found)}")
    return found


def signature_name(body: Mapping[str, Any], keys: set[str]) -> str:
    """The signature that a body asks for; refuses other keys than these and `signature_name`.

    Raises:
      RequestError: 400.
    """
    known = keys | {"signature_name"}
    if unknown := sorted(set(body) - known):
        raise RequestError(f"unknown keys {unknown}; expected {sorted(known)}")
    name = body.get("signature_name", "serving_default")
    if not isinstance(name, str):
        raise RequestError(f"signature_name: expected a string; received {_kind(name)}")
    return name


def predict_inputs(body: Mapping[str, Any], definition: Any) -> tuple[Arrays, bool]:
    """The inputs of a predict request, and whether it came in row format.

    Args:
      body: holds `instances` (row format) or `inputs` (columnar), as TF Serving takes them.
      definition: the `SignatureDef`.
    Raises:
      RequestError: 400; names the input and the row.
    """
    if ("instances" in body) == ("inputs" in body):
        raise RequestError("expected either 'instances' (rows) or 'inputs' (columns)")
    names = sorted(definition.inputs)
    in_rows = "instances" in body
    columns = _columns_of_rows(body["instances"], names) if in_rows else body["inputs"]
    if not in_rows and not (isinstance(columns, dict) and "b64" not in columns):
        if len(names) != 1:
            raise RequestError(f"inputs: expected an object with {names}; received no object")
        columns = {names[0]: columns}
    _check_names("inputs", columns, names)
    return {
        name: json_array(columns[name], tf.as_dtype(definition.inputs[name].dtype), name)
        for name in names
    }, in_rows


def classify_examples(body: Mapping[str, Any]) -> list[tf.train.Example]:
    """The `tf.train.Example`s of a classify request.

    Raises:
      RequestError: 400; names the feature and the row.
    """
    examples = body.get("examples")
    if not isinstance(examples, list) or not examples:
        raise RequestError("examples: expected a list of at least one object of features")
    context = body.get("context", {})
    rows = []
    for number, features in enumerate(examples):
        if not isinstance(features, dict) or not isinstance(context, dict):
            raise RequestError(f"examples[{number}]: expected an object of features")
        example = tf.train.Example()
        for name, value in {**context, **features}.items():
            _set_feature(example.features.feature[name], value, f"examples[{number}][{name!r}]")
        rows.append(example)
    return rows


def json_array(value: Any, dtype: tf.DType, name: str) -> np.ndarray:
    """Nested lists as an array of a type; strings as bytes.

    Raises:
      RequestError: 400, if a value is of another type or out of range, or the lists are uneven.
    """
    if dtype == tf.string:
        return _string_array(value, name)
    try:
        found = np.array(value)
    except (ValueError, OverflowError) as error:
        raise RequestError(f"{name!r}: expected lists of even lengths") from error
    kinds = "b" if dtype.is_bool else "iu" if dtype.is_integer else "iuf"
    if found.size and found.dtype.kind not in kinds:
        raise RequestError(f"{name!r}: expected {dtype.name}; received {_kind(_leaf(value))}")
    if dtype.is_integer and found.size:
        limits = np.iinfo(dtype.as_numpy_dtype)
        if found.min() < limits.min or found.max() > limits.max:
            raise RequestError(f"{name!r}: expected {dtype.name}; received a number out of range")
    with np.errstate(over="ignore"):  # The infinity that becomes of it is refused by its value.
        return found.astype(dtype.as_numpy_dtype)


def _columns_of_rows(rows: Any, names: list[str]) -> dict[str, list[Any]]:
    if not isinstance(rows, list) or not rows:
        raise RequestError("instances: expected a list of at least one row")
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for number, row in enumerate(rows):
        if not isinstance(row, dict) or set(row) == {"b64"}:
            if len(names) != 1:
                raise RequestError(f"instances[{number}]: expected an object with {names}")
            row = {names[0]: row}
        _check_names(f"instances[{number}]", row, names)
        for name in names:
            columns[name].append(row[name])
    return columns


def _check_names(place: str, given: Mapping[str, Any], names: list[str]) -> None:
    if set(given) != set(names):
        missing, unknown = sorted(set(names) - set(given)), sorted(set(given) - set(names))
        raise RequestError(f"{place}: missing keys {missing}, unknown keys {unknown}")


def _string_array(value: Any, name: str) -> np.ndarray:
    shape: list[int] = []
    level = [value]
    while level and isinstance(level[0], list):
        sizes = {len(item) if isinstance(item, list) else -1 for item in level}
        if len(sizes) > 1:
            raise RequestError(f"{name!r}: expected lists of even lengths")
        shape += sizes
        level = [part for item in level for part in item]
    found = np.empty(len(level), object)
    for i, item in enumerate(level):
        found[i] = _bytes(item, name)
    return found.reshape(shape)


def _bytes(item: Any, name: str) -> bytes:
    try:
        if isinstance(item, str):
            return item.encode("utf-8")
        if isinstance(item, dict) and set(item) == {"b64"} and isinstance(item["b64"], str):
            return base64.b64decode(item["b64"], validate=True)
    except UnicodeEncodeError as error:
        raise RequestError(f"{name!r}: a lone surrogate is no character: {error}") from error
    except (binascii.Error, ValueError) as error:
        raise RequestError(f"{name!r}: {{'b64': ...}} is not base64: {error}") from error
    raise RequestError(f"{name!r}: expected a string or {{'b64': ...}}; received {_kind(item)}")


def _set_feature(feature: Any, value: Any, place: str) -> None:
    values = value if isinstance(value, list) else [value]
    kinds = {bool if isinstance(item, bool) else type(item) for item in values}
    if kinds <= {str, dict}:
        feature.bytes_list.value.extend(_bytes(item, place) for item in values)
    elif kinds == {int} and all(-(2**63) <= item < 2**63 for item in values):
        feature.int64_list.value.extend(values)
    elif kinds <= {int, float} and bool not in kinds:
        feature.float_list.value.extend(values)
    else:
        raise RequestError(f"{place}: expected strings or numbers; received {_kind(_leaf(value))}")


def _leaf(value: Any) -> Any:
    while isinstance(value, list) and value:
        value = value[0]
    return value


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    names |= {int: "a whole number", float: "a number", type(None): "null"}
    return names.get(type(value), type(value).__name__)
