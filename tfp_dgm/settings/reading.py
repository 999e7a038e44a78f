"""The reader of settings."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from tfp_dgm.data import DataError
from tfp_dgm.settings.assignments import assign
from tfp_dgm.settings.classes import TAG, chosen, defaults_of, types_of
from tfp_dgm.settings.refusals import path_of, refusal
from tfp_dgm.settings.settings_file import line_of, load_settings

Settings = TypeVar("Settings")

DATA = "data"  # Under which trainings of version 0.1 noted what they read, beside their settings.


def read_settings(
    declared: type[Settings],
    file: str | os.PathLike[str] | None = None,
    assignments: Sequence[str] = (),
    *,
    earlier: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
) -> Settings:
    """Reads settings from a file, and single ones over them.

    Args:
      declared: a `settings_class`.
      file: YAML, TOML or JSON by its ending, such as the settings.json of a training; None for the
        defaults.
      assignments: `name=value` each, with dots into settings of settings
        (`posterior.num_layers=4`), the value as YAML has it. They win over the file.
      earlier: turns what a file of an earlier version holds into what it would hold now.
    Raises:
      DataError: if the file is at fault, a name is unknown, or a value is of another type or out of
        its range; names the file and its line or the assignment, the setting, what was expected and
        what came.
    """
    path = None if file is None else Path(file)
    values = {} if path is None else load_settings(path)
    if isinstance(values.get(DATA), dict):
        del values[DATA]
    if earlier is not None:
        values = earlier(values)
    given = assign(values, assignments)
    values = _with_kinds(declared, values)
    try:
        # As JSON, where a list may stand for a tuple, and names and values for a class.
        return TypeAdapter(declared).validate_json(json.dumps(values, default=str))
    except ValidationError as errors:
        error = errors.errors()[0]
        place = path_of(error, values)
        said = refusal(error, place, declared, values)
        if place and any(
            place[: len(name)] == name or name[: len(place)] == place for name in given
        ):
            raise DataError(f"assignments: {said}") from errors
        if path is None:
            raise DataError(f"settings: {said}") from errors
        line = line_of(path, place) if place else None
        raise DataError.at(path, said, place=None if line is None else f"line {line}") from errors


def _with_kinds(declared: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values, with the default's kind where none is named."""
    found = dict(values)
    types, defaults = types_of(declared), defaults_of(declared)
    for name, inner in values.items():
        if name not in types or not isinstance(inner, Mapping):
            continue
        kind = chosen(types[name], defaults[name], inner)
        if kind is None:
            continue
        tag = defaults_of(kind).get(TAG)
        found[name] = _with_kinds(kind, inner if tag is None else {TAG: tag, **inner})
    return found
