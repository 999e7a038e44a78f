"""The names of a table's columns: distinct, and those that are asked for among them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path

from tfp_dgm.data.data_error import DataError, did_you_mean, listing
from tfp_dgm.data.visible_text import is_writable, spelling


def check_unique(path: Path, names: Sequence[str], place: str | None) -> None:
    """Raises a DataError if two columns have one name."""
    duplicates = [repr(name) for name, count in Counter(names).items() if count > 1]
    if duplicates:
        raise DataError.at(
            path,
            f"expected distinct column names; received more than one {listing(duplicates)}",
            place=place,
        )


def check_columns(
    path: str | PathLike[str], available: Sequence[str], wanted: Iterable[str]
) -> None:
    """Raises a DataError that lists the columns if one of `wanted` is not among them.

    Nor may one be asked for that no settings or report, in UTF-8, could name, or one twice.
    """
    for name, count in Counter(wanted).items():
        if count > 1:
            raise DataError.at(
                path, f"expected each column once; received {spelling(name)} {count} times"
            )
        if name in available:
            if not is_writable(name):
                raise DataError.at(
                    path, f"expected a column name that UTF-8 can hold; received {spelling(name)}"
                )
            continue
        hint = delimiter_hint(available) or did_you_mean(name, available)
        columns = listing([spelling(column) for column in available], limit=30)
        raise DataError.at(
            path, f"no such column {spelling(name)}; the columns are {columns}{hint}"
        )


def check_name_list(argument: str, names: Sequence[str]) -> None:
    """Raises a DataError if one name stands where a list is wanted: its letters would be read."""
    if isinstance(names, str):
        raise DataError(f"{argument}: expected a list of names; received {names!r}, which is one")


def delimiter_hint(names: Sequence[str]) -> str:
    """Returns a remark for the end of a message if names look cut at the wrong delimiter, or ""."""
    for mark in ",;\t|":
        # The right delimiter stands once less than there are names.
        if sum(name.count(mark) for name in names) >= len(names):
            return (
                f"; the header looks like several columns with another delimiter, {mark!r}: "
                ".csv is read with commas, .tsv with tabs"
            )
    return ""
