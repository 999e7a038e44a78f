"""Files of settings: YAML, TOML or JSON, by the ending."""

import json
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from tfp_dgm.data import DataError

_TOO_DEEP = "not to be read: lists and mappings are too deep in each other"
ENDINGS = (".yaml", ".yml", ".toml", ".json")


class _Loader(yaml.SafeLoader):
    """YAML whose 1e-3 is a number, as in YAML 1.2, and whose names stand once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise yaml.constructor.ConstructorError(
                None, None, f"{twice!r} stands twice", node.start_mark
            )
        return super().construct_mapping(node, deep=deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


def parse_value(text: str) -> Any:
    """A value as YAML has it.

    Raises:
      ValueError: if it is none; says what is wrong.
    """
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error


def load_settings(file: Path) -> dict[str, Any]:
    """Names and values of a file.

    Raises:
      DataError: if the file cannot be read, has another ending, is not of its format, or holds
        something else.
    """
    ending = file.suffix.lower()
    if ending not in ENDINGS:
        raise DataError.at(file, f"expected settings, in a file ending in {', '.join(ENDINGS)}")
    text = _text(file)
    try:
        if ending == ".json":
            found = json.loads(text)
        elif ending == ".toml":
            found = tomllib.loads(text)
        else:
            found = parse_value(text)
    except RecursionError as error:
        raise DataError.at(file, _TOO_DEEP) from error
    except ValueError as error:
        format_ = "" if str(error).startswith("not ") else f"not {ending[1:].upper()}: "
        raise DataError.at(file, f"{format_}{error}") from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise DataError.at(file, f"expected names and values; received {type(found).__name__}")
    return found


def line_of(file: Path, path: Sequence[str]) -> int | None:
    """The line where a setting's value begins, counted from 1; None where no line is its own."""
    if file.suffix.lower() == ".toml":
        return None
    node = yaml.compose(_text(file), _Loader)  # JSON is YAML, too.
    for name in path:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        node = next((value for key, value in pairs if key.value == name), None)
        if node is None:
            return None
    return node.start_mark.line + 1


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DataError.at(file, f"expected settings in UTF-8; {error}") from error
    except OSError as error:
        raise DataError.at(file, f"expected a file of settings: {error.strerror}") from error
