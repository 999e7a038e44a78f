"""The folders that the trainings of one job write."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from tfp_dgm.data import DataError, RunFolder, require_finished_run
from tfp_dgm.settings.reading import read_settings
from tfp_dgm.settings.tf_config import Cluster

Settings = TypeVar("Settings")


@dataclass(frozen=True)
class RunsOfJob(Generic[Settings]):
    """How a job's trainings claim their folders, and what these say afterwards.

    Args:
      job: its name in the record of a run.
      model: the file of the trained model.
      declared: the `settings_class` of a training.
      earlier: see `read_settings`.
    """

    job: str
    model: str
    declared: type[Settings]
    earlier: Callable[[dict[str, Any]], dict[str, Any]] | None = None

    def claim(
        self,
        directory: str | os.PathLike[str],
        settings: Settings,
        *,
        data: Mapping[str, str] | None = None,
        resume: bool = False,
        cluster: Cluster | None = None,
    ) -> contextlib.AbstractContextManager[RunFolder]:
        """The folder of a training, to be entered before anything is read or computed for it.

        Args:
          directory, data, resume: see `RunFolder`.
          settings: of the training.
          cluster: who train together. Others than the chief get a folder that goes when they end.
        """
        chosen = asdict(settings)  # type: ignore[call-overload]
        if cluster is None or cluster.is_chief:
            return RunFolder(directory, job=self.job, settings=chosen, data=data, resume=resume)
        return self._passing_folder(chosen)

    @contextlib.contextmanager
    def _passing_folder(self, settings: Mapping[str, Any]) -> Iterator[RunFolder]:
        with (
            tempfile.TemporaryDirectory(prefix="dgm-worker-") as folder,
            RunFolder(Path(folder) / "run", job=self.job, settings=settings) as run,
        ):
            yield run

    def settings_of(self, directory: str | os.PathLike[str]) -> Settings:
        """The settings of a finished training.

        Raises:
          DataError: if the folder holds none, or its settings are damaged.
        """
        folder = Path(directory)
        require_finished_run(folder, self.job)
        if not (folder / self.model).is_file():
            raise DataError.at(
                folder, f"expected the folder of a finished training, with {self.model}"
            )
        return read_settings(self.declared, folder / "settings.json", earlier=self.earlier)
