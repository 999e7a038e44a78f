"""Settings, written beside what they led to."""

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

from tfp_dgm.data import atomic_write

DATA = "data"  # Under which settings.json names the files that were read.


def as_values(settings: Any) -> dict[str, Any]:
    """Every setting, those left at their defaults too, as JSON has them."""
    return json.loads(json.dumps(dataclasses.asdict(settings)))


def write_settings(settings: Any, path: str | os.PathLike[str], data: dict[str, str]) -> None:
    """Writes every setting and the files that were read, as JSON."""
    written = {**as_values(settings), DATA: data}
    with atomic_write(Path(path)) as file:
        file.write(json.dumps(written, indent=2).encode() + b"\n")


def named_files(**files: Path | None) -> dict[str, str]:
    """The files that a job read, as they were given, by its names for them."""
    return {name: str(file) for name, file in files.items() if file is not None}
