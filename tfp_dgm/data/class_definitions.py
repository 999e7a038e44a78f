"""Files that say what the classes of a data set are: names, descriptions, examples, parents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path

import yaml

from tfp_dgm.data.data_error import DataError, did_you_mean, listing, shorten
from tfp_dgm.data.visible_text import is_blank, spelling

_FIELDS = ("name", "description", "examples", "parent")


@dataclass(frozen=True)
class ClassDefinition:
    """What is known of a class before any text is labelled.

    Attributes:
      name: as labels have it.
      description: what its texts are about; "" where nothing is said.
      examples: texts of this class.
      parent: the name of the class that this one is a part of; None at the top.
    """

    name: str
    description: str = ""
    examples: tuple[str, ...] = ()
    parent: str | None = None


@dataclass(frozen=True)
class ClassDefinitions:
    """The classes of a data set, in a tree or side by side.

    Attributes:
      definitions: of every class and every group of classes, in the order of the file.
    """

    definitions: tuple[ClassDefinition, ...]

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """[K]; the names that are nobody's parent, sorted: what texts are labelled with."""
        parents = {definition.parent for definition in self.definitions}
        return tuple(sorted(d.name for d in self.definitions if d.name not in parents))

    @cached_property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """The classes within each name that is a parent, directly or further down."""
        found: dict[str, list[str]] = {}
        for name in self.classes:
            for group in self.path(name)[:-1]:
                found.setdefault(group, []).append(name)
        return {group: tuple(names) for group, names in found.items()}

    def path(self, name: str) -> tuple[str, ...]:
        """The names from the top of the tree down to this one."""
        parent = self._parents.get(name)  # Of a group that is not defined itself: None.
        return (name,) if parent is None else (*self.path(parent), name)

    @cached_property
    def _parents(self) -> dict[str, str | None]:
        return {definition.name: definition.parent for definition in self.definitions}


def read_class_definitions(path: str | PathLike[str]) -> ClassDefinitions:
    """Reads a list of classes from a YAML file (JSON is YAML, too).

        - name: refund
          description: The customer wants money back.
          examples: [I was charged twice, please return the second payment]
          parent: billing
        - delivery

    Every value is text: a class called `yes` or `1` is just that. A parent that is not in the list
    itself has no description.

    Raises:
      DataError: if there is no such file, it is no such list, a name stands twice, a parent is a
        class's own child, or there are fewer than two classes; names file and line.
    """
    path = Path(path)
    try:
        node = yaml.compose(path.read_text(encoding="utf-8-sig"), yaml.BaseLoader)
    except OSError as error:
        raise DataError.at(path, f"expected a file of classes: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError.at(path, f"expected a file of classes in UTF-8; {error}") from error
    except yaml.YAMLError as error:
        raise DataError.at(path, f"not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(node, yaml.SequenceNode):
        raise DataError.at(
            path, "expected a list of classes, each a name or a mapping with a `name`"
        )
    lines: dict[str, int] = {}
    definitions = []
    for item in node.value:
        definition = _definition(path, item)
        if definition.name in lines:
            raise _error(
                path,
                item,
                f"the class {spelling(definition.name)} stands in line {lines[definition.name]}, "
                "too",
            )
        lines[definition.name] = item.start_mark.line + 1
        definitions.append(definition)
    parents = dict.fromkeys(d.parent for d in definitions if d.parent is not None)
    definitions += [ClassDefinition(name) for name in parents if name not in lines]
    _check_tree(path, definitions, lines)
    found = ClassDefinitions(tuple(definitions))
    if len(found.classes) < 2:
        raise DataError.at(
            path, f"expected two or more classes; received {listing(list(found.classes)) or 'none'}"
        )
    return found


def _definition(path: Path, node: yaml.Node) -> ClassDefinition:
    if isinstance(node, yaml.ScalarNode):
        return ClassDefinition(_name(path, node))
    if not isinstance(node, yaml.MappingNode):
        raise _error(path, node, "expected a name, or a mapping with a `name`; received a list")
    values: dict[str, yaml.Node] = {}
    for key, value in node.value:
        if key.value not in _FIELDS:
            raise _error(
                path,
                key,
                f"expected {listing(list(_FIELDS))}; received {shorten(key.value)}"
                f"{did_you_mean(str(key.value), _FIELDS)}",
            )
        if key.value in values:
            raise _error(path, key, f"{key.value!r} stands twice in one class")
        values[key.value] = value
    if "name" not in values:
        raise _error(path, node, "expected a `name` of the class; received none")
    examples: tuple[str, ...] = ()
    if "examples" in values:
        examples = _examples(path, values["examples"])
    description = values.get("description")
    parent = values.get("parent")
    return ClassDefinition(
        name=_name(path, values["name"]),
        description="" if description is None else _text(path, description, "a description"),
        examples=examples,
        parent=None if parent is None else _name(path, parent),
    )


def _examples(path: Path, node: yaml.Node) -> tuple[str, ...]:
    if not isinstance(node, yaml.SequenceNode):
        raise _error(path, node, "examples: expected a list of texts")
    return tuple(_text(path, item, "a text as an example") for item in node.value)


def _name(path: Path, node: yaml.Node) -> str:
    name = _text(path, node, "the name of a class")
    if is_blank(name):
        raise _error(path, node, "expected the name of a class; received an empty one")
    return name


def _text(path: Path, node: yaml.Node, wanted: str) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise _error(path, node, f"expected {wanted}; received a list or a mapping")
    return str(node.value)


def _check_tree(path: Path, definitions: Sequence[ClassDefinition], lines: dict[str, int]) -> None:
    parents = {definition.name: definition.parent for definition in definitions}
    for name in parents:
        seen = [name]
        while (parent := parents[seen[-1]]) is not None:
            if parent in seen:
                way = " in ".join(map(spelling, [*seen[seen.index(parent) :], parent]))
                raise DataError.at(
                    path,
                    f"a class cannot be a part of itself: {way}",
                    place=f"line {lines[parent]}",
                )
            seen.append(parent)


def _error(path: Path, node: yaml.Node, problem: str) -> DataError:
    return DataError.at(path, problem, place=f"line {node.start_mark.line + 1}")
