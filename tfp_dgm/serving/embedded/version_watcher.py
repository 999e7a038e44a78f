"""The newest version of a model, kept current without losing a request."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tfp_dgm.data import DataError
from tfp_dgm.serving.embedded.loaded_version import LoadedVersion
from tfp_dgm.serving.folders import newest_version, versions
from tfp_dgm.serving.request_error import RequestError

_LOG = logging.getLogger(__name__)


class VersionWatcher:
    """Loads the largest version of a model's folder, and each larger one that appears.

    A new version takes over when it is loaded and warmed up; the one before answers the requests
    that it has and is given up. A version that cannot be loaded is logged, and the old one stays.

    Args:
      folder: holds the versions 1, 2, ...
      load: makes a `LoadedVersion` of a version's folder.
      seconds: between two looks at the folder.
    Raises:
      DataError: if there is no version, or the largest cannot be loaded.
    """

    def __init__(
        self, folder: Path, load: Callable[[Path], LoadedVersion], *, seconds: float = 2.0
    ) -> None:
        self.folder = folder
        self._load = load
        self._seconds = seconds
        newest = newest_version(folder)
        try:
            self._current = load(newest)
        except Exception as error:  # TensorFlow raises whatever it raises.
            raise DataError(f"{newest}: cannot be loaded: {error}") from error
        self._failed: dict[int, str] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="versions", daemon=True)
        self._thread.start()

    @property
    def current(self) -> LoadedVersion:
        """The version that answers now."""
        with self._lock:
            return self._current

    @property
    def failed(self) -> dict[int, str]:
        """Versions that could not be loaded, and why."""
        with self._lock:
            return dict(self._failed)

    @contextmanager
    def use(self, version: int | None = None) -> Iterator[LoadedVersion]:
        """Holds the current version for the length of a block.

        Raises:
          RequestError: 404, if another version was asked for.
        """
        while not (current := self.current).acquire():
            pass  # It was replaced between the two words; the next is there already.
        try:
            if version not in (None, current.version):
                raise RequestError(
                    f"version {version} is not served; version {current.version} is", 404
                )
            yield current
        finally:
            current.release()

    def refresh(self) -> None:
        """Loads the newest version now, if it is newer than the current one."""
        found = [number for number in versions(self.folder) if number not in self._failed]
        if not found or found[-1] <= self._current.version:
            return
        folder = self.folder / str(found[-1])
        try:
            new = self._load(folder)
        except Exception as error:
            _LOG.error("%s cannot be loaded: %s", folder, error)
            with self._lock:
                self._failed[found[-1]] = str(error)
            return
        with self._lock:
            old, self._current = self._current, new
        _LOG.info("serving version %d", new.version)
        old.retire()

    def stop(self) -> None:
        """Ends the watch, and the current version when its requests are answered."""
        self._stopped.set()
        self._thread.join()
        self._current.retire()

    def _watch(self) -> None:
        while not self._stopped.wait(self._seconds):
            self.refresh()
