"""Places that URLs tell, in whatever storage Arrow or fsspec knows."""

from __future__ import annotations

import contextlib
import functools
import os
import posixpath
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from tfp_dgm.data.data_error import DataError

StrPath = str | os.PathLike[str]

# A letter alone before a colon is a drive.
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+://[^/]*)/?(.*)", re.S)


def is_url(place: StrPath) -> bool:
    """Whether a place is told by a URL; else it is a path."""
    return isinstance(place, str) and _URL.match(place) is not None


def absolute(place: StrPath) -> str:
    """A place as another process finds it: a URL as it is, of a path the absolute one."""
    return str(place) if is_url(place) else os.path.abspath(place)


class StoredPlace(NamedTuple):
    """A place in storage.

    Attributes:
      system: Arrow's.
      start: of the URL, up to the host or bucket.
      root: the path of that.
      key: what is behind it.
    """

    system: Any
    start: str
    root: str
    key: str

    @property
    def path(self) -> str:
        return posixpath.join(self.root, self.key).rstrip("/") or "/"

    def within(self, key: str) -> StoredPlace:
        return self._replace(key=key)

    def url(self, name: str) -> str:
        return "/".join(part for part in (self.start, self.key, name) if part)


def stored_place(url: str) -> StoredPlace:
    """What a URL tells.

    Raises:
      DataError: if it has a password or options, or its storage is unknown or cannot be reached.
    """
    found = _URL.match(url)
    assert found is not None
    _require_no_secret(found[1])
    system, root = _system(found[1])
    return StoredPlace(system, found[1], root, found[2])


def _require_no_secret(start: str) -> None:
    """Refuses what would stand in messages, settings and records for all to read."""
    scheme, _, host = start.partition("://")
    user, _, host = host.rpartition("@")
    if ":" in user:
        raise DataError(
            f"{scheme}://...@{host}: expected a URL without a password or key; the environment has "
            "them (see docs/scale.md)"
        )
    if "?" in host or "#" in host:
        bare = re.split("[?#]", host)[0]
        raise DataError(
            f"{scheme}://{bare}: expected a URL without options; the environment has them, such as "
            "AWS_REGION and AWS_ENDPOINT_URL"
        )


@functools.cache
def _system(start: str) -> tuple[Any, str]:
    """Arrow's file system of a host or bucket, which may take a request to be known."""
    from pyarrow import fs

    with reaching(start):
        system, root = fs.FileSystem.from_uri(f"{start}/")
    return system, root


@contextlib.contextmanager
def reaching(place: StrPath, *, shared: bool = False) -> Iterator[None]:
    """Turns what Arrow and fsspec say of storage into a sentence with the URL.

    Args:
      shared: whether other work is done within, whose errors pass. Else every error is of storage:
        packages for fsspec have kinds of their own.
    """
    import pyarrow as pa

    errors = (OSError, ImportError, pa.ArrowException) if shared else Exception
    try:
        yield
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError.at(place, "no such file") from error
    except errors as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise DataError.at(place, f"the storage says: {lines[0]}") from error
