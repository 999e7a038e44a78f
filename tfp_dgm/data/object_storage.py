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
from typing import Any, cast

from tfp_dgm.data.data_error import DataError
from tfp_dgm.data.storage_urls import StoredPlace, StrPath, is_url, reaching, stored_place
from tfp_dgm.data.write_errors import writing

_MAGIC = re.compile(r"[*?\[]")
_PIECE = 2**20


def find_stored(pattern: str) -> list[str]:
    """The files that a URL with *, ?, [...] and ** (any folders) matches, by name.

    Of a folder those in it. What begins with a dot or an underscore is left out, unless the pattern
    has it.

    Raises:
      DataError: if the storage cannot be reached.
    """
    stored = stored_place(pattern)
    wanted = stored.key.strip("/").split("/") if stored.key.strip("/") else []
    with reaching(pattern):
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
    return sorted(_names(stored_place(folder), deep=True))


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
    stored = stored_place(str(place))
    with reaching(place):
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
    stored = stored_place(str(place))
    with reaching(place):
        raw = stored.system.open_input_file(stored.path)
    with io.BufferedReader(cast(Any, raw), _PIECE) as reader, reaching(place, shared=True):
        yield reader


def read_stored(url: str) -> bytes | None:
    """The bytes of a small file; None where there is none."""
    stored = stored_place(url)
    with reaching(url):
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
    stored = stored_place(url)
    folder, name = posixpath.split(stored.path)
    hidden = posixpath.join(folder, f".{name}.{secrets.token_hex(4)}.tmp")
    with reaching(url):
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
    stored = stored_place(url)
    with reaching(url), contextlib.suppress(FileNotFoundError):
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


@contextlib.contextmanager
def _written(system: Any, folder: str, path: str) -> Iterator[Any]:
    try:
        stream = system.open_output_stream(path)
    except FileNotFoundError:  # Where folders are not part of names alone.
        system.create_dir(folder, recursive=True)
        stream = system.open_output_stream(path)
    with stream:
        yield stream


def _names(folder: StoredPlace, *, deep: bool) -> Iterator[str]:
    """The files below a folder, by their names there."""
    from pyarrow import fs

    base = folder.path.rstrip("/")
    selector = fs.FileSelector(base or "/", recursive=deep, allow_not_found=True)
    with reaching(folder.url("")):
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
