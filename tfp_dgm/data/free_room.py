"""Whether disks have the room that files will need."""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from tfp_dgm.data.data_error import DataError


def check_room(wanted: Mapping[Path, int]) -> None:
    """Checks that disks have the room for files, before any work is done.

    Args:
      wanted: the least bytes of each file or folder; those that stand there already keep their
        room until they are replaced.
    Raises:
      DataError: if there is less on one of the disks; names what goes there.
    """
    disks: defaultdict[int, dict[Path, int]] = defaultdict(dict)
    for path, size in wanted.items():
        disks[os.stat(_folder(path)).st_dev][path] = size
    for sizes in disks.values():
        usage = shutil.disk_usage(_folder(next(iter(sizes))))
        if usage.total and usage.free < sum(sizes.values()):  # Some network disks know no total.
            parts = " and ".join(f"{_told(size)} for {path}" for path, size in sizes.items())
            raise DataError(
                f"expected room for at least {parts}; received a disk with {_told(usage.free)} left"
            )


def _folder(path: Path) -> Path:
    return Path(os.path.realpath(path)).parent


def _told(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{size / 1e3:,.1f} kB"
