"""The folder of a bulk run: on disks that all workers reach, or in object storage."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tfp_dgm.data import DataError, RunFolder
from tfp_dgm.data.object_storage import (
    put_stored,
    read_stored,
    remove_stored,
    stored_names,
)
from tfp_dgm.data.storage_urls import is_url

_JOB = "prediction"
_RUN, _SETTINGS, _CLAIM = "run.json", "settings.json", ".claim"
_RESULTS = ("dead_letters.jsonl", "metrics.json")
_REQUESTS = 16
_SECONDS_OF_A_RACE = 2.0


class RunPlace:
    """A run's folder that is here.

    Attributes:
      folder: where workers and people find it, a path or a URL.
      here: the folder on this machine that has `run.json`, `state/`, and the results; itself, or
        what is known of the stored one.
      run: the claim of it.
      seconds_between_looks: how often it may be asked how far the work is.
    """

    seconds_between_looks = 0.5

    def __init__(self, folder: str, run: RunFolder) -> None:
        self.folder = folder
        self.run = run
        self.here = run.path

    def refresh(self) -> None:
        """Brings here what workers have recorded."""

    def done(self) -> int:
        """How many shards have a record."""
        return sum(1 for _ in self.run.state.glob("*.json"))

    def has_answers(self, name: str) -> bool:
        """Whether a shard's file of answers is there; of a stored one, at the last refresh."""
        return (self.here / "shards" / name).exists()

    def remove(self, name: str) -> None:
        """Removes a file, if it is there."""
        (self.here / name).unlink(missing_ok=True)

    def remove_answers(self) -> None:
        """Removes all answers: those of a run that has no record of one."""
        shutil.rmtree(self.here / "shards", ignore_errors=True)

    def publish(self) -> None:
        """Makes the results those of the folder."""


class StoredRunPlace(RunPlace):
    """A run's folder in object storage, where nothing can be locked.

    Of two runs that begin there at once, and of one that goes on and another that resumes it, the
    last to write its claim has the folder; the other ends with an error. What both wrote of a
    shard is the same, since a run of other settings is refused.
    """

    seconds_between_looks = 5.0

    def __init__(self, folder: str, run: RunFolder) -> None:
        super().__init__(folder, run)
        self._name = secrets.token_hex(8)
        self._answers: set[str] = set()

    def claim(self) -> None:
        """Writes whose the folder is, and waits for who does so at the same time."""
        claim = self.here.parent / _CLAIM  # Beside the run, which leaves what is not its own.
        claim.write_text(self._name, encoding="utf-8")
        for file in (claim, self.here / _RUN, self.here / _SETTINGS):
            put_stored(file, f"{self.folder}/{file.name}")
        time.sleep(_SECONDS_OF_A_RACE)
        self._require_own()

    def refresh(self) -> None:
        bring_state(self.folder, self.here)
        self._answers = set(stored_names(f"{self.folder}/shards"))

    def done(self) -> int:
        return sum(1 for name in stored_names(f"{self.folder}/state") if name.endswith(".json"))

    def has_answers(self, name: str) -> bool:
        return name in self._answers

    def remove(self, name: str) -> None:
        super().remove(name)
        remove_stored(f"{self.folder}/{name}")

    def remove_answers(self) -> None:
        for name in stored_names(f"{self.folder}/shards"):
            remove_stored(f"{self.folder}/shards/{name}")

    def publish(self) -> None:
        self._require_own()
        for name in (*_RESULTS, _RUN):  # Which says last that it is finished.
            if (self.here / name).exists():
                put_stored(self.here / name, f"{self.folder}/{name}")
            else:
                remove_stored(f"{self.folder}/{name}")
        if not self.run.state.exists():
            for name in stored_names(f"{self.folder}/state"):
                remove_stored(f"{self.folder}/state/{name}")
            remove_stored(f"{self.folder}/{_CLAIM}")

    def leave(self) -> None:
        """Takes back a run that has recorded nothing, as `RunFolder` has done here.

        What workers have recorded since the last refresh is known to the storage alone.
        """
        if (self.here / _RUN).exists() or stored_names(f"{self.folder}/state"):
            return
        if self._is_own():
            for name in (_RUN, _SETTINGS, _CLAIM):
                remove_stored(f"{self.folder}/{name}")

    def _is_own(self) -> bool:
        return read_stored(f"{self.folder}/{_CLAIM}") == self._name.encode()

    def _require_own(self) -> None:
        if not self._is_own():
            raise DataError.at(
                self.folder,
                "another run began or went on there; let it end, or name another folder",
            )


@contextmanager
def open_run_place(output: str, *, settings: Mapping[str, Any], resume: bool) -> Iterator[RunPlace]:
    """Claims the folder of a run.

    Args:
      output: a path, or the URL of a folder in object storage.
      settings, resume: see `RunFolder`.
    Raises:
      DataError: as `RunFolder`; if the storage cannot be reached.
    """
    if not is_url(output):
        with RunFolder(output, job=_JOB, settings=settings, resume=resume) as run:
            yield RunPlace(str(run.path), run)
        return
    output = output.rstrip("/")
    with tempfile.TemporaryDirectory(prefix="tfp_dgm-") as scratch:
        here = Path(scratch, "run")
        try:
            _bring_claim(output, here)
            place = None
            try:
                with RunFolder(here, job=_JOB, settings=settings, resume=resume) as run:
                    place = StoredRunPlace(output, run)
                    place.claim()
                    yield place
            finally:
                if place is not None:
                    place.leave()
        except DataError as error:
            raise DataError(str(error).replace(str(here), output)) from error


def _bring_claim(folder: str, here: Path) -> None:
    """What `RunFolder` looks at, of a folder that is stored."""
    found = {name.partition("/")[0] for name in stored_names(folder)}
    names = {name for name in found if not name.startswith(".")}
    if names:
        here.mkdir()
    for name in names & {"shards"}:
        (here / name).mkdir()
    for name in names - {"state", "shards"}:
        content = read_stored(f"{folder}/{name}") if name in (_RUN, _SETTINGS) else None
        (here / name).write_bytes(content or b"")
    if "state" in names:
        bring_state(folder, here)


def bring_state(folder: str, here: Path) -> None:
    """What workers have recorded in a folder that is stored."""
    (here / "state").mkdir(exist_ok=True)
    names = {name for name in stored_names(f"{folder}/state") if not name.startswith(".")}

    def bring(name: str) -> None:
        content = read_stored(f"{folder}/state/{name}")
        if content is not None:
            (here / "state" / name).write_bytes(content)

    for path in (here / "state").iterdir():
        if path.name not in names:  # A worker has taken it back.
            path.unlink()
    with ThreadPoolExecutor(_REQUESTS) as pool:
        list(pool.map(bring, names))
