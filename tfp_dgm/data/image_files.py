"""Encoded images by name, in a folder or in a zip file."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable
from os import PathLike
from pathlib import Path, PurePosixPath

from tfp_dgm.data.data_error import DataError, listing
from tfp_dgm.data.image_names import name_key

_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif")
# What macOS and Windows put beside pictures; "._a.jpg" is no picture, whatever its name.
_OF_SYSTEMS = ("__macosx", "thumbs.db", "desktop.ini")


class ImageFiles:
    """The JPEG, PNG, BMP and GIF files of a folder (with its sub-folders) or of a zip file.

    An image has the name of its path within, with slashes, and, where no other image shares it, of
    the file alone: caption files mostly leave the folders out. Names are compared by `name_key`.
    Hidden files, and what systems put beside pictures (`__MACOSX/`, `Thumbs.db`), are left out.

    Args:
      path: the folder or the zip file.
    Attributes:
      warnings: which files were left out, a sentence each.
    Raises:
      DataError: if there is no such folder or zip file, no image in it, or two of one name.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = Path(path)
        self._zip: zipfile.ZipFile | None = None
        if self.path.is_dir():
            files = (file for file in self.path.rglob("*") if file.is_file())
            members = [file.relative_to(self.path).as_posix() for file in files]
        else:
            members = self._open_zip()
        shown = [name for name in members if not _is_hidden(name)]
        self._all = sorted(name for name in shown if name.lower().endswith(_SUFFIXES))
        others = sorted(set(shown) - set(self._all))
        hidden = sorted(set(members) - set(shown))
        self.warnings = [
            *_left_out(others, f"of other endings than {', '.join(_SUFFIXES)}"),
            *_left_out(hidden, "hidden or a system's own"),
        ]
        if not self._all:
            problem = "; ".join(["found none", *self.warnings])
            raise DataError.at(self.path, f"expected images ({', '.join(_SUFFIXES)}), {problem}")
        self._members = self._by_name()

    def _by_name(self) -> dict[str, str]:
        """The paths within by the keys of their names."""
        whole = {name_key(name): name for name in self._all}
        if len(whole) < len(self._all):
            counts = Counter(map(name_key, self._all))
            twice = listing([name for name, count in counts.items() if count > 1])
            raise DataError.at(
                self.path, f"expected distinct names; received more than one {twice}"
            )
        counts = Counter(PurePosixPath(name).name for name in whole)
        alone = {PurePosixPath(name).name: path for name, path in whole.items()}
        return {name: path for name, path in alone.items() if counts[name] == 1} | whole

    def _open_zip(self) -> list[str]:
        try:
            self._zip = zipfile.ZipFile(self.path)
        except FileNotFoundError as error:
            raise DataError.at(self.path, "no such folder or zip file") from error
        except zipfile.BadZipFile as error:
            raise DataError.at(self.path, f"expected a folder or a zip file; {error}") from error
        except OSError as error:
            raise DataError.at(self.path, f"cannot be read: {error.strerror}") from error
        return [member for member in self._zip.namelist() if not member.endswith("/")]

    def __contains__(self, name: str) -> bool:
        return name_key(name) in self._members

    def __len__(self) -> int:
        return len(self._all)

    def read(self, name: str) -> bytes:
        """The encoded image; b"" where the zip file is damaged at its place.

        Raises:
          KeyError: if there is no image of that name.
          DataError: if the file cannot be read.
        """
        member = self._members[name_key(name)]
        try:
            if self._zip is None:
                return (self.path / member).read_bytes()
            return self._zip.read(member)
        except (zipfile.BadZipFile, zlib.error, EOFError):
            return b""
        except (RuntimeError, NotImplementedError) as error:  # A password, an unusual compression.
            raise DataError.at(self.path, f"cannot be unpacked: {error}", place=member) from error
        except OSError as error:
            raise DataError.at(self.path / member, f"cannot be read: {error.strerror}") from error

    def others(self, names: Iterable[str]) -> list[str]:
        """The images that none of `names` means, by their paths within."""
        meant = {self._members.get(name_key(name)) for name in names}
        return [name for name in self._all if name not in meant]

    def fingerprint(self, names: Iterable[str]) -> str:
        """A hash that changes with the images: of names and checksums (zip) or sizes and times."""
        digest = hashlib.sha256()
        for name in names:
            member = self._members[name_key(name)]
            if self._zip is None:
                status = (self.path / member).stat()
                state = f"{status.st_size} {status.st_mtime_ns}"
            else:
                state = str(self._zip.getinfo(member).CRC)
            digest.update(f"{name}\0{state}\0".encode())
        return digest.hexdigest()


def _is_hidden(name: str) -> bool:
    parts = name.lower().split("/")
    return any(part.startswith(".") or part in _OF_SYSTEMS for part in parts)


def _left_out(names: list[str], what: str) -> list[str]:
    if not names:
        return []
    count = "1 file" if len(names) == 1 else f"{len(names)} files"
    return [f"{count} left out, {what}: {listing(names)}"]
