"""Why settings are refused, in words."""

import difflib
from collections.abc import Mapping
from typing import Any

from pydantic_core import ErrorDetails

from tfp_dgm.settings.classes import TAG, chosen, defaults_of, types_of, variants, walk


def path_of(error: ErrorDetails, values: Mapping[str, Any]) -> tuple[str, ...]:
    """Where the fault is: the names that lead there, without the kinds between them."""
    path: list[str] = []
    inner: Any = values
    for part in error["loc"]:
        if isinstance(inner, Mapping) and part in inner:
            inner = inner[part]
            path.append(str(part))
        elif isinstance(inner, list):
            break
    if error["type"] == "missing":
        path.append(str(error["loc"][-1]))
    return tuple(path)


def refusal(
    error: ErrorDetails, path: tuple[str, ...], declared: type, values: Mapping[str, Any]
) -> str:
    """One sentence: which setting, what was expected, what came."""
    name = ".".join(path)
    received = error["input"]
    match error["type"]:
        case "unexpected_keyword_argument":
            return unknown(path, declared, values)
        case "value_error":
            said = str(error["ctx"]["error"])
            return f"{name}: {said}" if name else said
        case "union_tag_invalid":
            expected = error["ctx"]["expected_tags"]
            return f"{name}.{TAG} must be one of {expected}; received {error['ctx']['tag']!r}"
        case "missing":
            return f"{name} is missing"
        case "union_tag_not_found" | "dict_type" | "dataclass_type":
            kinds = [kind for kind in variants(_type_of(path, declared, values)) if kind]
            if isinstance(received, str) and received in kinds:
                kinds = [received]
            hint = f", {name}.{TAG} among them ({', '.join(kinds)})" if kinds else ""
            return f"{name} must be names and values{hint}; received {received!r}"
    expected = error["msg"].removeprefix("Input should be ")
    return f"{name} must be {expected}; received {received!r}"


def unknown(path: tuple[str, ...], declared: type, values: Mapping[str, Any]) -> str:
    """That there is no such setting, and which one was meant."""
    name = ".".join(path)
    found = _class_at(path[:-1], declared, values)
    if found is not None:
        close = difflib.get_close_matches(path[-1], types_of(found), n=1)
        if close:
            return f"no such setting {name!r}; did you mean {'.'.join((*path[:-1], *close))!r}?"
    known: dict[str, list[str]] = {}
    walk(declared, lambda whole, kind, _: known.setdefault(whole, []).append(kind))
    if name in known:
        kinds = " or ".join(kind for kind in known[name] if kind)
        outer = ".".join((*path[:-1], TAG))
        return f"no setting {name!r} here: it is of {outer}={kinds}"
    others = [whole for whole in known if whole.split(".")[-1] == path[-1]]
    others = others or difflib.get_close_matches(name, known, n=1)
    if others:
        return f"no such setting {name!r}; did you mean {' or '.join(map(repr, others))}?"
    there = ", ".join(types_of(found or declared))
    return f"no such setting {name!r}; there are {there}"


def _class_at(path: tuple[str, ...], declared: type, values: Mapping[str, Any]) -> type | None:
    found: type | None = declared
    inner: Any = values
    for name in path:
        if found is None or name not in types_of(found) or not isinstance(inner, Mapping):
            return None
        inner = inner.get(name)
        hint, default = types_of(found)[name], defaults_of(found)[name]
        found = chosen(hint, default, inner if isinstance(inner, Mapping) else {})
    return found


def _type_of(path: tuple[str, ...], declared: type, values: Mapping[str, Any]) -> Any:
    found = _class_at(path[:-1], declared, values) if path else None
    return types_of(found).get(path[-1]) if found is not None else None
