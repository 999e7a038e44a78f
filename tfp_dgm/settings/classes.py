"""How settings are declared."""

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, dataclass_transform

import pydantic.dataclasses
from pydantic import ConfigDict

Class = TypeVar("Class")

# Tells, among the classes that a setting may be of, which one was chosen.
TAG = "kind"


@dataclass_transform(frozen_default=True, kw_only_default=True)
def settings_class(declared: type[Class]) -> type[Class]:
    """Makes a class of settings: a frozen dataclass that refuses wrong types and values.

    Ranges stand in the types, `Annotated[int, Ge(1)]`; what several settings must fulfil together
    is checked by `__post_init__`. A setting whose choices have settings of their own is a
    discriminated union of such classes, each with a literal `kind`:

        @settings_class
        class Planar:
            kind: Literal["planar"] = "planar"
            num_layers: Annotated[int, Ge(1)] = 10

        posterior: Annotated[Normal | Planar, Field(discriminator="kind")] = Normal()

    What is absent is None, never 0. The `Attributes:` of the docstring say what each setting means.

    Raises:
      ValueError: when one is made with a value of another type or out of its range; names the
        setting, what was expected and what came.
    """
    config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
    make: Any = pydantic.dataclasses.dataclass(frozen=True, kw_only=True, config=config)
    return make(declared)


def variants(hint: Any) -> dict[str, type]:
    """The classes of settings that a type allows, by their `kind`; "" for one that has none."""
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        return variants(typing.get_args(hint)[0])
    if origin in (typing.Union, types.UnionType):
        parts = [variants(part) for part in typing.get_args(hint)]
        return {kind: found for part in parts for kind, found in part.items()}
    if not dataclasses.is_dataclass(hint):
        return {}
    assert isinstance(hint, type)
    tags = {field.name: field.default for field in dataclasses.fields(hint)}
    return {str(tags.get(TAG, "")): hint}


def types_of(declared: type) -> dict[str, Any]:
    """The settings of a class and their types."""
    return typing.get_type_hints(declared, include_extras=True)


def defaults_of(declared: type) -> dict[str, Any]:
    """The settings of a class and their defaults; `dataclasses.MISSING` where there is none."""
    return {
        field.name: field.default
        if field.default_factory is dataclasses.MISSING
        else field.default_factory()
        for field in dataclasses.fields(declared)
    }


def walk(declared: type, visit: Callable[[str, str, Any], Any], path: str = "") -> None:
    """Visits every setting, those of settings too: `visit(path, kind of its class, type)`."""
    for name, hint in types_of(declared).items():
        whole = f"{path}.{name}" if path else name
        kind = str(defaults_of(declared).get(TAG, ""))
        visit(whole, kind, hint)
        for inner in variants(hint).values():
            walk(inner, visit, whole)


def chosen(hint: Any, default: Any, values: Mapping[str, Any]) -> type | None:
    """The class that values are of: that of their `kind`, else the default's, else the only one."""
    found = variants(hint)
    kind = values.get(TAG, getattr(default, TAG, None))
    if kind is None and len(found) == 1:
        return next(iter(found.values()))
    return found.get(kind) if isinstance(kind, str) else None
