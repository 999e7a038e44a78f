"""Files that say what the classes of a data set are: names, descriptions, examples, parents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import yaml

from tfp_dgm.data.data_error import DataError, did_you_mean, listing, shorten
from tfp_dgm.data.visible_text import is_blank, spelling

_FIELDS = ("name", "description", "examples", "parent")
_NULLS = ("", "~", "null", "Null", "NULL")
_SHOWN = 10
_DEEPEST = 10  # A list of mappings with a list of examples is three deep.


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
        """[K]; the names that are nobody's parent, sorted: what texts are labelled with.

        A name that is a parent is no class, but the group of those within it.
        """
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

    def recorded(self) -> list[dict[str, Any]]:
        """The definitions as JSON has them."""
        return [asdict(definition) for definition in self.definitions]

    def path(self, name: str) -> tuple[str, ...]:
        """The names from the top of the tree down to this one.

        Raises:
          ValueError: if one of them is its own parent's parent.
        """
        found = [name]
        # Of a group that is not defined itself: None.
        while (parent := self._parents.get(found[-1])) is not None:
            if len(found) > len(self._parents):
                raise ValueError(f"definitions: {name!r} is a part of what is a part of itself")
            found.append(parent)
        return tuple(reversed(found))

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

    Every value is text: a class called `yes` or `1` is just that. A description, examples or a
    parent that is empty or `null`, not in quotes, is none; so is a name in JSON. A parent that is
    not in the list itself has no description; one that is, is a group and no class.

    Raises:
      DataError: if there is no such file, it is no such list, a name stands twice, a parent is a
        class's own child, a name or a text is empty or none that UTF-8 can hold, or there are fewer
        than two classes; names file and line.
    """
    path = Path(path)
    content = ""
    try:
        content = path.read_text(encoding="utf-8-sig")
        node = yaml.compose(content, yaml.BaseLoader)
    except OSError as error:
        raise DataError.at(path, f"expected a file of classes: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError.at(path, f"expected a file of classes in UTF-8; {error}") from error
    except yaml.YAMLError as error:
        said = " ".join(str(error).split())
        raise DataError.at(path, f"not YAML: {said}") from error
    except RecursionError as error:
        raise DataError.at(
            path,
            "expected a list of classes; received one of lists within lists, too deep to be read",
            place=f"line {_deep_line(content)}",
        ) from error
    if not isinstance(node, yaml.SequenceNode):
        raise DataError.at(
            path, "expected a list of classes, each a name or a mapping with a `name`"
        )
    lines: dict[str, int] = {}
    definitions = []
    for item in node.value:
        if node.flow_style and _is_null(item):  # JSON's; in YAML a class may be called so.
            raise _error(path, item, "expected the name of a class; received null")
        definition = _definition(path, item, nameless=bool(node.flow_style))
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
            path,
            "expected two or more classes; received "
            f"{listing([spelling(name) for name in found.classes]) or 'none'}",
        )
    return found


def _definition(path: Path, node: yaml.Node, *, nameless: bool) -> ClassDefinition:
    """A class, whose name is none where it is `null` and `nameless`."""
    if isinstance(node, yaml.ScalarNode):
        return ClassDefinition(_name(path, node))
    if not isinstance(node, yaml.MappingNode):
        raise _error(path, node, "expected a name, or a mapping with a `name`; received a list")
    values: dict[str, yaml.Node] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.value not in _FIELDS:
            hint = did_you_mean(key.value, _FIELDS) if isinstance(key, yaml.ScalarNode) else ""
            raise _error(
                path, key, f"expected {listing(list(_FIELDS))}; received {_kind(key)}{hint}"
            )
        if key.value in values:
            raise _error(path, key, f"{key.value!r} stands twice in one class")
        values[key.value] = value
    given = {
        name: value
        for name, value in values.items()
        if not _is_null(value) or (name == "name" and not nameless)
    }
    if "name" not in given:
        raise _error(path, node, "expected a `name` of the class; received none")
    return ClassDefinition(
        name=_name(path, given["name"]),
        description=_text(path, given["description"], "a description")
        if "description" in given
        else "",
        examples=_examples(path, given["examples"]) if "examples" in given else (),
        parent=_name(path, given["parent"]) if "parent" in given else None,
    )


def _examples(path: Path, node: yaml.Node) -> tuple[str, ...]:
    if not isinstance(node, yaml.SequenceNode):
        raise _error(path, node, f"examples: expected a list of texts; received {_kind(node)}")
    found = []
    for item in node.value:
        text = _text(path, item, "a text as an example")
        if is_blank(text) or _is_null(item):
            raise _error(path, item, "expected a text as an example; received an empty one")
        found.append(text)
    return tuple(found)


def _name(path: Path, node: yaml.Node) -> str:
    name = _text(path, node, "the name of a class")
    if is_blank(name):
        raise _error(path, node, "expected the name of a class; received an empty one")
    return name


def _text(path: Path, node: yaml.Node, wanted: str) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise _error(path, node, f"expected {wanted}; received {_kind(node)}")
    try:
        # JSON writes a character beyond 16 bits as a pair of escapes, which YAML takes for two.
        return str(node.value).encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError as error:
        raise _error(
            path, node, f"expected {wanted} that UTF-8 can hold; received {_kind(node)}"
        ) from error


def _is_null(node: yaml.Node) -> bool:
    """Whether it is nothing, or `null` without quotes."""
    return isinstance(node, yaml.ScalarNode) and node.style is None and node.value in _NULLS


def _kind(node: yaml.Node) -> str:
    """What a node is, for messages."""
    if isinstance(node, yaml.ScalarNode):
        return shorten(node.value)
    return "a list" if isinstance(node, yaml.SequenceNode) else "a mapping"


def _deep_line(content: str) -> int:
    """The line on which lists and mappings are too deep in each other."""
    depth, line = 0, 0
    for event in yaml.parse(content, yaml.BaseLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        line = event.start_mark.line + 1
        if depth > _DEEPEST:
            break
    return line


def _check_tree(path: Path, definitions: Sequence[ClassDefinition], lines: dict[str, int]) -> None:
    parents = {definition.name: definition.parent for definition in definitions}
    sound: set[str] = set()  # From these the top is reached.
    for name in parents:
        way: dict[str, None] = {}
        at: str | None = name
        while at is not None and at not in sound:
            if at in way:
                circle = [*way][[*way].index(at) :]
                shown = [spelling(one) for one in circle[:_SHOWN]]
                shown += ["..."] * (len(circle) > _SHOWN)
                raise DataError.at(
                    path,
                    f"a class cannot be a part of itself: {' in '.join([*shown, spelling(at)])}",
                    place=f"line {lines[at]}",
                )
            way[at] = None
            at = parents[at]
        sound.update(way)


def _error(path: Path, node: yaml.Node, problem: str) -> DataError:
    return DataError.at(path, problem, place=f"line {node.start_mark.line + 1}")
