"""The folder that one training run writes, from its claim to its results."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from tfp_dgm.data.data_error import DataError
from tfp_dgm.data.file_lock import lock
from tfp_dgm.data.json_file import read_json, write_json
from tfp_dgm.data.run_record import RUN, SETTINGS, as_json, read_record, require_same
from tfp_dgm.data.unfinished import Unfinished, remove, unfinished_of
from tfp_dgm.data.write_errors import writing
from tfp_dgm.installed_versions import installed_versions


class RunFolder:
    """A folder that one run at a time owns, resumes, and finishes.

    It holds `run.json` (job, files read, versions, whether it is finished), `settings.json`,
    and until it is finished `state/`, from which `training.RunState` goes on after a kill. A kill
    at any moment leaves an unfinished run, which resumes, or a finished one.

        with RunFolder(path, job="captioning", settings=asdict(settings), resume=resume) as run:
            state = training.RunState(run, callbacks=[stopping])
            model.fit(..., initial_epoch=state.epoch, callbacks=[stopping, state])
            with run.results() as folder:
                model.save(folder / "model.keras")

    Before its first epoch is saved a run has nothing to lose: another may begin in its place, and
    one that fails takes what it wrote with it.

    Args:
      directory: the folder; made where it is missing, in a folder that is there.
      job: whose run it is, such as "captioning".
      settings: everything that decides the run beside its data, as JSON has it.
      data: what is read, by the job's names for it; for the record.
      resume: go on with the unfinished run there.
    Attributes:
      path: the folder.
      state: the folder of what the run resumes from.
    Raises:
      DataError: on entering, if another process is at work there; without `resume`, if the folder
        holds a run with saved epochs already, or anything else; with it, if there is no run, or
        one of another job or other settings, or a finished one.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        job: str,
        settings: Mapping[str, Any],
        data: Mapping[str, str] | None = None,
        resume: bool = False,
    ) -> None:
        self.path = Path(os.path.realpath(directory))
        self.state = self.path / "state"
        self._shown = Path(directory)
        self._job = job
        self._settings = as_json(settings)
        self._data = dict(data or {})
        self._resume = resume
        self._record: dict[str, Any] = {}
        self._lock: int | None = None
        self._made = False

    def __enter__(self) -> RunFolder:
        if self.path.exists() and not self.path.is_dir():
            raise DataError.at(self._shown, "expected a folder or nothing; received a file")
        if self._resume and not self.path.exists():
            raise DataError.at(self._shown, "there is nothing to resume: no such folder")
        try:
            self._made = not self.path.exists()
            self.path.mkdir(exist_ok=True)
            self._lock = lock(self.path)
        except BlockingIOError as error:
            raise DataError.at(
                self._shown, "another process is at work there; let it end, or name another folder"
            ) from error
        except FileNotFoundError as error:
            raise DataError.at(
                self._shown,
                f"the folder {str(self._shown.parent)!r} does not exist; create it first",
            ) from error
        except OSError as error:
            raise DataError.at(self._shown, f"cannot be written: {error.strerror}") from error
        try:
            self._claim()
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None and not self._has_state():
            self._leave()
        self._release()

    def require_data(self, digests: Mapping[str, str]) -> None:
        """Notes what identifies the data that were read, or compares it with the run resumed.

        Args:
          digests: by the data's names; `digest` makes one.
        Raises:
          DataError: if the run was begun with other data; names which.
        """
        if "digests" in self._record:
            require_same(self._shown, "data", self._record["digests"], digests)
        else:
            self._write_record(digests=dict(digests))

    @contextlib.contextmanager
    def results(self) -> Iterator[Path]:
        """Gives a folder to be filled; its files move into the run's, which is then finished.

        The state to resume from goes last. After a failure or a kill it is there still.
        """
        filled = Unfinished(self.path / "results", Path.mkdir)
        try:
            with writing(self._shown):
                yield filled.path
                for path in sorted(filled.path.iterdir()):
                    _sync(path)
                    os.replace(path, self.path / path.name)
        except DataError as error:  # May be of a file inside; nobody knows the hidden folder.
            raise DataError(str(error).replace(str(filled.path), str(self._shown))) from error
        finally:
            filled.remove()
        self._write_record(finished=True)
        shutil.rmtree(self.state, ignore_errors=True)

    def _claim(self) -> None:
        record = read_record(self.path)
        if record is None:
            self._require_empty()
        else:
            self._require_claimable(record)
        goes_on = record is not None and (self._resume or self._has_state())
        new: dict[str, Any] = {
            "job": self._job,
            "finished": False,
            "data": self._data,
            "versions": [],
        }
        self._record = record if record is not None and goes_on else new
        if not goes_on:
            remove(self.path / SETTINGS)  # Of one that saved nothing; never beside a new record.
        known = self._record["versions"]
        versions = installed_versions()
        self._write_record(versions=known if versions in known else [*known, versions])
        if not (self.path / SETTINGS).exists():
            write_json(self.path / SETTINGS, self._settings)

    def _require_empty(self) -> None:
        """A kill before there was a record may have left one half-written."""
        if self._resume:
            raise DataError.at(self._shown, f"there is nothing to resume: no {RUN}")
        left = {path.name for path in unfinished_of(self.path / RUN)}
        strangers = sorted({path.name for path in self.path.iterdir()} - left)
        if strangers:
            raise DataError.at(
                self._shown,
                f"expected nothing there, or a run; received a folder with {strangers[0]!r}",
            )

    def _require_claimable(self, record: dict[str, Any]) -> None:
        problem = None
        if record["job"] != self._job:
            problem = f"expected a run of {self._job}; received one of {record['job']}"
        elif self._resume and record["finished"]:
            problem = "there is nothing to resume: the run is finished"
        elif record["finished"]:
            problem = "holds a finished run; name another folder"
        elif not self._resume and self._has_state():
            problem = "holds an unfinished run; resume it, or name another folder"
        if problem is not None:
            raise DataError.at(self._shown, problem)
        path = self.path / SETTINGS
        if self._resume and path.exists():  # Else it was killed before it wrote them.
            require_same(self._shown, "settings", read_json(path, "settings"), self._settings)

    def _leave(self) -> None:
        """Removes a run that saved nothing, unless something else has come into its folder."""
        left = set(unfinished_of(self.path / SETTINGS)) | set(unfinished_of(self.path / RUN))
        own = {self.path / RUN, self.path / SETTINGS, self.state} | left
        if not set(self.path.iterdir()) <= own:
            return
        for path in own:
            remove(path)
        if self._made:
            with contextlib.suppress(OSError):  # Somebody may have put something there.
                self.path.rmdir()

    def _has_state(self) -> bool:
        return any(not path.name.startswith(".") for path in self.state.glob("*"))

    def _write_record(self, **changes: Any) -> None:
        self._record |= changes
        write_json(self.path / RUN, self._record)

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _sync(path: Path) -> None:
    """Sees a file's bytes to the disk, where a crash of the system finds them, too."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
