"""What the output of a format may be called."""

from __future__ import annotations

from pathlib import Path

from tfp_dgm.data.data_error import DataError

_OTHERS = (".json", ".jsonl", ".ndjson", ".csv", ".parquet", ".xlsx", ".html")


def is_json_lines(path: Path) -> bool:
    """Whether a file's name says that it is JSON Lines."""
    return _ending(path) in (".jsonl", ".ndjson")


def require_ending(path: Path, endings: tuple[str, ...], kind: str) -> None:
    """Checks that a file's name, .gz or not, has one of these endings.

    Raises:
      DataError: if it has another; names `kind`, what is written.
    """
    if _ending(path) not in endings:
        raise DataError.at(
            path,
            f"the input is {kind}, and so is the output; end its name in {' or '.join(endings)}",
        )


def refuse_others(path: Path, kind: str) -> None:
    """Checks that a file's name has no ending of another format than columns.

    Raises:
      DataError: if it has; names `kind`, what is written.
    """
    if _ending(path) in _OTHERS:
        raise DataError.at(
            path, f"the input is {kind}, and so is the output; end its name in .conll, for example"
        )


def _ending(path: Path) -> str:
    return Path(path.name.lower().removesuffix(".gz")).suffix
