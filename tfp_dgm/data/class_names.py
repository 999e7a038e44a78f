"""The names of classes that are given beside a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tfp_dgm.data.data_error import DataError, listing, shorten
from tfp_dgm.data.visible_text import is_blank, is_writable, spelling


def given_names(classes: Iterable[str]) -> tuple[str, ...]:
    """Returns the names, sorted, each once.

    Raises:
      DataError: if one is no text that can be seen, or none that UTF-8 can hold.
    """
    names = list(classes)
    for name in names:
        if not isinstance(name, str) or is_blank(name) or not is_writable(name):
            raise DataError(
                "classes: expected names, texts that can be seen and that UTF-8 can hold; received "
                f"{shorten(name)}"
            )
    return tuple(sorted(set(names)))


def torn_names(names: Iterable[str], separator: str) -> Iterator[str]:
    """A sentence on given names that cells cannot write, since the separator tears them apart.

    Args:
      names: of classes, and of groups of them.
      separator: stands between the classes of a set; "" where cells hold no sets.
    """
    torn = [spelling(name) for name in names if separator and separator in name]
    if torn:
        yield (
            f"The names {listing(torn)} hold {separator!r}, which stands between the classes of a "
            "set: a cell with such a name is read as a set of its parts. Choose another separator, "
            "or write lists in JSON Lines or Parquet."
        )


def group_labels(sets: Sequence[tuple[str, ...]], groups: Iterable[str]) -> Iterator[str]:
    """A sentence on labels that name groups, which may have been meant as classes.

    Args:
      sets: the names in each cell [N].
      groups: of classes; a name that is another's parent is one.
    """
    known = set(groups)
    rows = [known.intersection(names) for names in sets]
    named = sorted(set().union(*rows))
    if named:
        number = sum(map(bool, rows))
        yield (
            f"{number:,} {'label names' if number == 1 else 'labels name'} groups of classes "
            f"({listing([spelling(name) for name in named])}): each stands for one of the group's "
            "classes. A class that is another's parent is no class itself."
        )
