"""The settings of a class as a table of the documentation."""

import dataclasses
import inspect
import json
import re
import types
import typing
from typing import Any

import annotated_types

from tfp_dgm.settings.classes import TAG, defaults_of, types_of, variants, walk


def settings_table(declared: type) -> str:
    """Every setting, its values, its default and what it means, as a table in Markdown.

    Settings that several kinds share stand once. The meanings are those of the docstrings'
    `Attributes:`.
    """
    rows: dict[tuple[str, ...], list[str]] = {}
    _collect(declared, "", "", None, rows)
    all_kinds: dict[str, list[str]] = {}
    walk(declared, lambda path, _, hint: all_kinds.setdefault(path, list(variants(hint))))
    lines = ["| setting | values | default | meaning |", "|---|---|---|---|"]
    for (name, values, default, meaning), kinds in rows.items():
        everywhere = kinds == all_kinds.get(name.rpartition(".")[0], [""])
        of = "" if everywhere or not any(kinds) else f" ({', '.join(kinds)})"
        lines.append(f"| `{name}`{of} | {values} | {default} | {meaning} |".replace("  ", " "))
    return "\n".join(lines) + "\n"


def _collect(
    declared: type, path: str, kind: str, given: Any, rows: dict[tuple[str, ...], list[str]]
) -> None:
    """Adds the settings of one class; `given` is the instance that is the default, if one is."""
    meanings, defaults = meanings_of(declared), defaults_of(declared)
    for name, hint in types_of(declared).items():
        if name == TAG:
            continue
        whole = f"{path}.{name}" if path else name
        default = getattr(given, name, defaults[name])
        found = variants(hint)
        meaning = meanings.get(name, "")
        if not found:
            row = (whole, _values(hint), _shown(default), meaning)
            rows.setdefault(row, []).append(kind)
            continue
        if any(found):
            none = " or null" if types.NoneType in typing.get_args(hint) else ""
            tag = _shown(getattr(default, TAG, default))
            row = (f"{whole}.{TAG}", ", ".join(found) + none, tag, meaning)
            rows.setdefault(row, []).append(kind)
        elif default is None:
            rows.setdefault((whole, "settings or null", "null", meaning), []).append(kind)
        for inner_kind, inner in found.items():
            _collect(inner, whole, inner_kind, default if type(default) is inner else None, rows)


def meanings_of(declared: type) -> dict[str, str]:
    """What the docstrings of a class and its bases say under `Attributes:`, by name."""
    found: dict[str, str] = {}
    for base in reversed(declared.__mro__):
        text = inspect.cleandoc(base.__dict__.get("__doc__") or "")
        section = re.search(r"^Attributes:\n((?: +.*\n?|\n)+)", text, re.MULTILINE)
        if section is None:
            continue
        for names, meaning in re.findall(
            r"^  ([\w, ]+): ((?:.+\n?)(?:    .*\n?)*)", section[1], re.MULTILINE
        ):
            for name in names.split(", "):
                found[name] = " ".join(meaning.split())
    return found


def _values(hint: Any) -> str:
    """What a setting may be, in words."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        bounds = [_bound(part) for part in arguments[1:]]
        return ", ".join([_values(arguments[0]), *filter(None, bounds)])
    if origin is typing.Literal:
        return ", ".join(map(str, arguments))
    if origin in (typing.Union, types.UnionType):
        return " or ".join(map(_values, arguments))
    if origin is tuple:
        return f"list of {_values(arguments[0])}"
    names = {int: "whole number", float: "number", bool: "true or false", str: "text"}
    return "null" if hint is types.NoneType else names.get(hint, str(hint))


def _bound(part: Any) -> str:
    match part:
        case annotated_types.Ge(ge=least):
            return f"{least} or more"
        case annotated_types.Gt(gt=least):
            return f"above {least}"
        case annotated_types.Le(le=most):
            return f"{most} at most"
        case annotated_types.Lt(lt=most):
            return f"below {most}"
        case annotated_types.MultipleOf(multiple_of=factor):
            return f"a multiple of {factor}"
    return ""


def _shown(default: Any) -> str:
    if default is dataclasses.MISSING:
        return ""
    return default if isinstance(default, str) else json.dumps(default)
