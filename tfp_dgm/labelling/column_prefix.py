"""The names of what is answered to one of several label columns."""

from collections.abc import Mapping, Sequence

from tfp_dgm.data import DataError


def prefixed(column: str | None, name: str) -> str:
    """`topic_probability` of the column `topic`; the plain name where there is one column only."""
    return name if column is None else f"{column}_{name}"


def prefixed_names(names: Mapping[str | None, Sequence[str]]) -> list[str]:
    """The names of what is answered to each column.

    Raises:
      DataError: if two columns would have one of them in common, as `a` and `a_second` have
        `a_second_probability`.
    """
    of: dict[str, str | None] = {}
    for column, own in names.items():
        for name in own:
            full = prefixed(column, name)
            if full in of:
                raise DataError(
                    f"label_column: {full!r} would be of {of[full]!r} and of {column!r}, since new "
                    "columns begin with the label column's name; rename one of them in the input"
                )
            of[full] = column
    return list(of)
