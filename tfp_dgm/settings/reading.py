"""Settings of a job: a frozen dataclass, read from a YAML or JSON file and from `--set`."""

import dataclasses
import difflib
import json
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

from tfp_dgm.data import DataError, atomic_write

Settings = TypeVar("Settings")
DATA = "data"  # Under which settings.json names the files that were read.


def read_settings(kind: type[Settings], file: Path | None, overrides: list[str]) -> Settings:
    """Reads settings from a file, and what stands on the command line over them.

    Args:
      kind: a frozen dataclass of numbers, strings and truth values.
      file: .yaml, .yml or .json, such as the settings.json of a training, whose `data` are no
        setting; None for the defaults.
      overrides: "name=value" each, the value as YAML has it.
    Raises:
      DataError: where a name is unknown, a value is of the wrong type, or the file is at fault.
    """
    values: dict[str, tuple[Any, str]] = {}
    if file is not None:
        loaded = _load(file)
        if not isinstance(loaded, dict):
            raise DataError(f"{file}: expected names and values; received {type(loaded).__name__}")
        # A training notes beside its settings what it read.
        if isinstance(loaded.get(DATA), dict):
            del loaded[DATA]
        values |= {name: (value, str(file)) for name, value in loaded.items()}
    for override in overrides:
        name, equals, text = override.partition("=")
        if not equals:
            raise DataError(f"--set: expected NAME=VALUE; received {override!r}")
        values[name.strip()] = (_parse(text, "--set"), "--set")
    hints = typing.get_type_hints(kind)
    checked = {name: _checked(name, value, where, hints) for name, (value, where) in values.items()}
    return kind(**checked)


def write_settings(settings: Any, path: Path, data: dict[str, str]) -> None:
    """Writes every setting, those left at their defaults too, and the files read, as JSON."""
    written = {**dataclasses.asdict(settings), DATA: data}
    with atomic_write(path) as file:
        file.write(json.dumps(written, indent=2).encode() + b"\n")


def named_files(**files: Path | None) -> dict[str, str]:
    """The files that a command read, as they were given, by its names for them."""
    return {name: str(file) for name, file in files.items() if file is not None}


def _load(file: Path) -> Any:
    text = _text(file, "settings, as YAML or JSON")
    if file.suffix.lower() == ".json":
        return _parse_json(text, file)
    return _parse(text, str(file))


def _text(file: Path, wanted: str) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DataError.at(file, f"expected {wanted}, in UTF-8; {error}") from error
    except OSError as error:
        raise DataError.at(file, f"expected a file of {wanted}: {error.strerror}") from error


def _parse_json(text: str, file: Path) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise DataError.at(file, f"not JSON: {error}") from error


def _parse(text: str, where: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise DataError(f"{where}: not YAML: {' '.join(str(error).split())}") from error


def _checked(name: str, value: Any, where: str, hints: dict[str, Any]) -> Any:
    if name not in hints:
        close = difflib.get_close_matches(str(name), hints, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(hints)}"
        raise DataError(f"{where}: no such setting {name!r}{hint}")
    kind = hints[name]
    if typing.get_origin(kind) is typing.Literal:
        allowed = typing.get_args(kind)
        if value not in allowed:
            raise DataError(
                f"{where}: {name} must be one of {', '.join(map(str, allowed))}; received {value!r}"
            )
        return value
    kinds = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    if float in kinds and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if float in kinds and isinstance(value, str):  # YAML takes 1e-3 for a string.
        try:
            return float(value)
        except ValueError:
            pass
    if type(value) not in kinds:
        expected = " or ".join(
            "nothing" if part is types.NoneType else part.__name__ for part in kinds
        )
        raise DataError(f"{where}: {name} must be {expected}; received {value!r}")
    return value
