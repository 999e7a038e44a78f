"""Marks in cells of labels: what a row is, what it is not, and what is left open."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from tfp_dgm.data.data_error import DataError

NO_CLASSES = "(none)"
OTHERS_UNKNOWN = "?"
NOT = "!"
ESCAPE = "\\"


@dataclass(frozen=True)
class MarkedLabels:
    r"""What the labels of a cell say, with one or with several labels a row.

    A label is a class, `!a` says that it is not a, and `?` leaves open. A backslash before a label
    that looks like a mark makes it the name of a class: `\!a` is "!a", and `\\!a` is "\!a".

    Attributes:
      named: distinct classes, in their order.
      denied: distinct classes behind `!`, in their order.
      leaves_open: whether `?` stands among them.
    """

    named: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    leaves_open: bool = False

    @classmethod
    def of(cls, labels: Sequence[str], known: Collection[str] = ()) -> MarkedLabels:
        """Reads labels; one that as it stands is among the `known` classes is that class."""
        named: dict[str, None] = {}
        denied: dict[str, None] = {}
        leaves_open = False
        for label in labels:
            if label in known:
                named[label] = None
            elif label.strip() == OTHERS_UNKNOWN:
                leaves_open = True
            elif label.lstrip().startswith(NOT):
                denied[_unquoted(label.lstrip().removeprefix(NOT).lstrip())] = None
            else:
                named[_unquoted(label)] = None
        return cls(tuple(named), tuple(denied), leaves_open)


def quoted_class(name: str) -> str:
    """A class name as a cell of labels writes it: with a backslash where it would mean a mark."""
    return ESCAPE + name if _looks_marked(name) else name


def label_cell(names: Sequence[str], separator: str, *, otherwise: str = NO_CLASSES) -> str:
    """The cell of a row to which exactly these classes apply.

    Args:
      names: of the classes.
      separator: stands between them.
      otherwise: the cell where there is none.
    """
    return separator.join(map(quoted_class, names)) if names else otherwise


def label_list(names: Iterable[str]) -> list[str]:
    """The same as a list, of JSON Lines and Parquet; empty where no class applies."""
    return [quoted_class(name) for name in names]


def refuse_marks_in(separator: str) -> None:
    """Raises a DataError if a separator holds a mark."""
    if any(mark in separator for mark in (NOT, OTHERS_UNKNOWN, ESCAPE)):
        raise DataError(
            f"separator: expected something to stand between labels, without {NOT}, "
            f"{OTHERS_UNKNOWN} and {ESCAPE}, which have a meaning; received {separator!r}"
        )


def _unquoted(label: str) -> str:
    return label.removeprefix(ESCAPE) if _looks_marked(label) else label


def _looks_marked(name: str) -> bool:
    """Whether a name means something else as a label, or would behind fewer backslashes."""
    plain = re.sub(r"^[\\\s]+", "", name).rstrip()
    return plain in (NO_CLASSES, OTHERS_UNKNOWN) or plain.startswith(NOT)
