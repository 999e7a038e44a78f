"""Settings that are given one by one, as `name=value`."""

from collections.abc import Sequence
from typing import Any

from tfp_dgm.data import DataError
from tfp_dgm.settings.classes import TAG
from tfp_dgm.settings.settings_file import parse_value


def assign(values: dict[str, Any], assignments: Sequence[str]) -> dict[tuple[str, ...], str]:
    """Puts `name=value` into values, in place.

    A name has a dot for each step into settings of settings, a value is what YAML makes of it.
    Kinds come first, whatever the order: what values hold of another kind goes with it.

    Returns:
      The path of each name that was given, and the text that gave it.
    Raises:
      DataError: if one is not `name=value`.
    """
    parsed = []
    for text in assignments:
        name, equals, value = text.partition("=")
        path = tuple(name.strip().split("."))
        if not equals or not all(path):
            raise DataError(f"assignments: expected name=value; received {text!r}")
        try:
            parsed.append((path, parse_value(value), text))
        except ValueError as error:
            raise DataError(f"assignments: {name} is {error}") from error
    for path, value, _ in sorted(parsed, key=lambda one: one[0][-1] != TAG):
        _put(values, path, value)
    return {path: text for path, _, text in parsed}


def _put(values: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        inner = values.get(name)
        # A copy: the caller's own stays as it is.
        values[name] = dict(inner) if isinstance(inner, dict) else {}
        values = values[name]
    if path[-1] == TAG and values.get(TAG, value) != value:
        values.clear()
    values[path[-1]] = value
