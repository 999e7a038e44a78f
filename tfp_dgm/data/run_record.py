"""What a run folder says of itself: whose run it is, on what, and how far."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfp_dgm.data.data_error import DataError
from tfp_dgm.data.json_file import read_json

RUN, SETTINGS = "run.json", "settings.json"


def read_record(folder: Path) -> dict[str, Any] | None:
    """The record of the run that a folder holds; None where it holds none.

    Raises:
      DataError: if its file is damaged.
    """
    path = folder / RUN
    if not path.exists():
        return None
    found = read_json(path, "the record of a run")
    for name, kind in (("job", str), ("finished", bool), ("versions", list)):
        if not isinstance(found.get(name), kind):
            raise DataError.at(
                path, f"expected the record of a run; {name!r} is {found.get(name)!r}"
            )
    return found


def require_finished_run(folder: Path, job: str) -> None:
    """Raises a DataError where a folder holds an unfinished run, or one of another job.

    A folder without a record passes: those of before there were records have none.
    """
    record = read_record(folder)
    if record is None:
        return
    if record["job"] != job:
        raise DataError.at(folder, f"expected a run of {job}; received one of {record['job']}")
    if not record["finished"]:
        raise DataError.at(folder, "the run there is unfinished; resume it first")


def require_same(folder: Path, what: str, known: Mapping[str, Any], given: Any) -> None:
    """Raises a DataError that names what differs between a run and who would resume it.

    Args:
      folder: of the run.
      what: "settings" or "data".
      known: names and values of the run; what is nested is named with dots.
      given: those received.
    """
    differing = [
        f"{name} is {before}, received {now}" for name, before, now in differences(known, given)
    ]
    if differing:
        raise DataError.at(
            folder,
            f"the unfinished run has other {what}: {'; '.join(differing)}; resume it with its own, "
            "or name another folder",
        )


def differences(known: Mapping[str, Any], given: Any) -> list[tuple[str, str, str]]:
    """Each name of which two mappings differ, and its value in either, as text.

    What is nested is named with dots.
    """
    before, now = _flat(known), _flat(as_json(given))
    return [
        (name, _shown(before, name), _shown(now, name))
        for name in [*before, *(name for name in now if name not in before)]
        if _shown(before, name) != _shown(now, name)
    ]


def as_json(values: Any) -> Any:
    """Values as they come back from a JSON file: tuples as lists, names as strings."""
    return json.loads(json.dumps(values))


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found


def _shown(values: Mapping[str, Any], name: str) -> str:
    return repr(values[name]) if name in values else "not there"
