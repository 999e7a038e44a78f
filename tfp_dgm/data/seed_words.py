"""Files that say which topics there must be: a name and a few words of each."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import yaml

from tfp_dgm.data.data_error import DataError, shorten
from tfp_dgm.data.visible_text import is_blank, is_writable, spelling


@dataclass(frozen=True)
class SeedTopic:
    """A topic that there must be.

    Attributes:
      name: what it is called.
      words: of its texts, as the person wrote them, each with the line on which it stands.
    """

    name: str
    words: tuple[tuple[str, int], ...]


def read_seed_words(path: str | PathLike[str]) -> tuple[SeedTopic, ...]:
    """Reads a YAML file of topics (JSON is YAML, too).

        refunds: [refund, money back]
        delivery:
          - parcel
          - late

    Every value is text: a topic called `yes` or `1` is just that.

    Returns:
      The topics in the order of the file.
    Raises:
      DataError: if there is no such file, it is no such mapping, names no topic or one twice, or a
        name or a word is empty; names file and line.
    """
    path = Path(path)
    try:
        node = yaml.compose(path.read_text(encoding="utf-8-sig"), yaml.BaseLoader)
    except OSError as error:
        raise DataError.at(path, f"expected a file of seed words: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError.at(path, f"expected a file of seed words in UTF-8; {error}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise DataError.at(path, f"not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(node, yaml.MappingNode) or not node.value:
        raise DataError.at(path, "expected topics, each `name: [word, word]`")
    lines: dict[str, int] = {}
    topics = []
    for key, value in node.value:
        name = _text(path, key, "the name of a topic")
        if name in lines:
            raise _error(path, key, f"{spelling(name)} stands in line {lines[name]}, too")
        lines[name] = _line(key)
        if isinstance(value, yaml.MappingNode):
            raise _error(path, value, f"expected the words of {spelling(name)}; received a mapping")
        items = value.value if isinstance(value, yaml.SequenceNode) else [value]
        words = tuple(
            (_text(path, item, f"a word of {spelling(name)}"), _line(item)) for item in items
        )
        if not words:
            raise _error(path, value, f"expected words of {spelling(name)}; received none")
        topics.append(SeedTopic(name, words))
    return tuple(topics)


def _text(path: Path, node: yaml.Node, wanted: str) -> str:
    if not isinstance(node, yaml.ScalarNode):
        kind = "a list" if isinstance(node, yaml.SequenceNode) else "a mapping"
        raise _error(path, node, f"expected {wanted}; received {kind}")
    text = str(node.value)
    if is_blank(text) or not is_writable(text):
        raise _error(path, node, f"expected {wanted}; received {shorten(text)}")
    return text


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _error(path: Path, node: yaml.Node, problem: str) -> DataError:
    return DataError.at(path, problem, place=f"line {_line(node)}")
