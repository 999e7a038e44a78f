"""Files in object storage, told by URLs: found, read, and put there whole.

Storage is what Arrow knows (s3://, gs://, abfs://, hdfs://, file://), with credentials and region
as it finds them in the environment; `fsspec+SCHEME://` is whatever fsspec has a package for.
"""

from __future__ import annotations

import atexit
import contextlib
import fnmatch
import functools
import io
import os
import posixpath
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from tfp_dgm.data.data_error import DataError
from tfp_dgm.data.write_errors import writing

StrPath = str | os.PathLike[str]

# A letter alone before a colon is a drive.
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+://[^/]*)/?(.*)", re.S)
_MAGIC = re.compile(r"[*?\[]")
_PIECE = 2**20


def is_url(place: StrPath) -> bool:
    """Whether a place is told by a URL; else it is a path."""
    return isinstance(place, str) and _URL.match(place) is not None


def absolute(place: StrPath) -> str:
    """A place as another process finds it: a URL as it is, of a path the absolute one."""
    return str(place) if is_url(place) else os.path.abspath(place)


def find_stored(pattern: str) -> list[str]:
    """The files that a URL with *, ?, [...] and ** (any folders) matches, by name.

    Of a folder those in it. What begins with a dot or an underscore is left out, unless the pattern
    has it.

    Raises:
      DataError: if the storage cannot be reached.
    """
    stored = _stored(pattern)
    wanted = stored.key.strip("/").split("/") if stored.key.strip("/") else []
    with _reaching(pattern):
        found = stored.system.get_file_info(stored.path)
    if found.is_file:
        return [pattern]
    is_folder = found.type.name == "Directory"  # Whose name may have brackets.
    fixed = next((n for n, part in enumerate(wanted) if _MAGIC.search(part)), len(wanted))
    if is_folder or fixed == len(wanted):
        fixed = len(wanted)
        wanted.append("*")
    base = stored.within("/".join(wanted[:fixed]))
    names = _names(base, deep=len(wanted) > fixed + 1 or wanted[-1] == "**")
    matching = [name for name in names if _matches(name.split("/"), wanted[fixed:])]
    return [base.url(name) for name in sorted(matching)]


def stored_names(folder: str) -> list[str]:
    """The files in a folder, at any depth, by their names below it; none where there is none.

    Raises:
      DataError: if the storage cannot be reached.
    """
    return sorted(_names(_stored(folder), deep=True))


def state_of(place: StrPath) -> tuple[int, int]:
    """The size of a file, in bytes, and when it was changed, in nanoseconds.

    Raises:
      DataError: if there is none, or the storage cannot be reached.
    """
    if not is_url(place):
        try:
            found = os.stat(place)
        except OSError as error:
            raise _unreadable(place, error) from error
        return found.st_size, found.st_mtime_ns
    stored = _stored(str(place))
    with _reaching(place):
        info = stored.system.get_file_info(stored.path)
    if not info.is_file:
        raise DataError.at(place, "no such file")
    return info.size, info.mtime_ns or 0


@contextlib.contextmanager
def open_stored(place: StrPath) -> Iterator[io.BufferedReader]:
    """Opens a file to be read at any place.

    Raises:
      DataError: if there is none, or the storage cannot be reached.
    """
    if not is_url(place):
        with contextlib.ExitStack() as opened:
            try:
                file = opened.enter_context(open(place, "rb"))
            except OSError as error:
                raise _unreadable(place, error) from error
            yield file
        return
    stored = _stored(str(place))
    with _reaching(place):
        raw = stored.system.open_input_file(stored.path)
    with io.BufferedReader(cast(Any, raw), _PIECE) as reader, _reaching(place, shared=True):
        yield reader


def read_stored(url: str) -> bytes | None:
    """The bytes of a small file; None where there is none."""
    stored = _stored(url)
    with _reaching(url):
        if not stored.system.get_file_info(stored.path).is_file:
            return None
        with stored.system.open_input_stream(stored.path) as stream:
            return cast(bytes, stream.read())


def put_stored(file: Path, url: str) -> None:
    """Puts a file into storage, where it appears whole or not at all, instead of what was there.

    It is written beside its place under a hidden name, and moved: in a bucket a copy, which appears
    when it is complete.

    Raises:
      DataError: if it cannot be written.
    """
    stored = _stored(url)
    folder, name = posixpath.split(stored.path)
    hidden = posixpath.join(folder, f".{name}.{secrets.token_hex(4)}.tmp")
    with _reaching(url):
        try:
            with file.open("rb") as given, _written(stored.system, folder, hidden) as taken:
                shutil.copyfileobj(given, taken, _PIECE)
            stored.system.move(hidden, stored.path)
        except BaseException:
            with contextlib.suppress(Exception):
                stored.system.delete_file(hidden)
            raise


def remove_stored(url: str) -> None:
    """Removes a file, if it is there."""
    stored = _stored(url)
    with _reaching(url), contextlib.suppress(FileNotFoundError):
        if stored.system.get_file_info(stored.path).is_file:
            stored.system.delete_file(stored.path)


def _unreadable(place: StrPath, error: OSError) -> DataError:
    if isinstance(error, FileNotFoundError):
        return DataError.at(place, "no such file")
    return DataError.at(place, f"cannot be read: {error.strerror}")


def put_or_remove(file: Path, here: StrPath, folder: str) -> None:
    """Makes a stored folder have a file as a folder here has it, or has it not."""
    url = f"{folder}/{file.relative_to(here).as_posix()}"
    if file.exists():
        put_stored(file, url)
    else:
        remove_stored(url)


def read_spans(source: StrPath, spans: Sequence[tuple[int, int]]) -> Iterator[bytes]:
    """Parts of a file, each from a byte to before another, in pieces.

    Raises:
      DataError: as `open_stored`.
    """
    with open_stored(source) as file:
        for start, end in spans:
            file.seek(start)
            left = end - start
            while left and (piece := file.read(min(_PIECE, left))):
                left -= len(piece)
                yield piece


def local_folder(place: StrPath) -> Path:
    """A folder on this machine: itself, or a copy of a stored one that ends with the process.

    Raises:
      DataError: if there is no file in a stored one.
    """
    return _copy_of(str(place)) if is_url(place) else Path(place)


@functools.cache
def _copy_of(url: str) -> Path:
    names = stored_names(url)
    if not names:
        raise DataError.at(url, "no such folder")
    folder = Path(tempfile.mkdtemp(prefix="tfp_dgm-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with open_stored(f"{url.rstrip('/')}/{name}") as given, path.open("wb") as taken:
            while piece := given.read(_PIECE):
                with writing(path):
                    taken.write(piece)
    return folder


class _Stored(NamedTuple):
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

    def within(self, key: str) -> _Stored:
        return self._replace(key=key)

    def url(self, name: str) -> str:
        return "/".join(part for part in (self.start, self.key, name) if part)


def _stored(url: str) -> _Stored:
    found = _URL.match(url)
    assert found is not None
    _require_no_secret(found[1])
    system, root = _system(found[1])
    return _Stored(system, found[1], root, found[2])


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

    with _reaching(start):
        system, root = fs.FileSystem.from_uri(f"{start}/")
    return system, root


@contextlib.contextmanager
def _written(system: Any, folder: str, path: str) -> Iterator[Any]:
    try:
        stream = system.open_output_stream(path)
    except FileNotFoundError:  # Where folders are not part of names alone.
        system.create_dir(folder, recursive=True)
        stream = system.open_output_stream(path)
    with stream:
        yield stream


def _names(folder: _Stored, *, deep: bool) -> Iterator[str]:
    """The files below a folder, by their names there."""
    from pyarrow import fs

    base = folder.path.rstrip("/")
    selector = fs.FileSelector(base or "/", recursive=deep, allow_not_found=True)
    with _reaching(folder.url("")):
        found = folder.system.get_file_info(selector)
    for info in found:
        if info.is_file:
            yield info.path[len(base) :].lstrip("/")


def _matches(parts: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether the parts of a name are those of a pattern, of which ** is any number of folders."""
    if not wanted:
        return not parts
    first, rest = wanted[0], wanted[1:]
    if first == "**":
        if not rest:
            return bool(parts) and not any(part[0] in "._" for part in parts)
        return _matches(parts, rest) or (
            bool(parts) and parts[0][0] not in "._" and _matches(parts[1:], wanted)
        )
    if not parts or (parts[0][0] in "._" and parts[0] != first):
        return False
    return fnmatch.fnmatchcase(parts[0], first) and _matches(parts[1:], rest)


@contextlib.contextmanager
def _reaching(place: StrPath, *, shared: bool = False) -> Iterator[None]:
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
