"""Probabilities and verdicts in a file that a tagger wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfp_dgm.data.data_error import DataError, shorten
from tfp_dgm.data.tagged_files.tag_results import ACCEPT

_VERDICTS = {written: verdict for verdict, written in ACCEPT.items()}


def probability_of(written: Any, path: Path, place: str) -> float:
    """A probability.

    Raises:
      DataError: if it is none; names the file and the place.
    """
    try:
        found = float(written)
    except (TypeError, ValueError):
        found = -1.0
    if isinstance(written, bool) or not 0 <= found <= 1:
        raise DataError.at(
            path, f"expected a probability; received {shorten(written)}", place=place
        )
    return found


def accept_of(written: Any, path: Path, place: str) -> bool | None:
    """Whether something is accepted: Yes, No or _, or of JSON true, false or null.

    Raises:
      DataError: if it is none of these; names the file and the place.
    """
    if written is None or isinstance(written, bool):
        return written
    if written not in _VERDICTS:
        expected = "Yes, No or _"
        raise DataError.at(path, f"expected {expected}; received {shorten(written)}", place=place)
    return _VERDICTS[written]
