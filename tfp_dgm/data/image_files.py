"""Encoded images by name, in a folder or in a zip file."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable
from os import PathLike
from pathlib import Path, PurePosixPath

from tfp_dgm.data.data_error import DataError

_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif")


class ImageFiles:
    """The JPEG, PNG, BMP and GIF files of a folder (with its sub-folders) or of a zip file.

    An image has the name of its path within, with slashes, and, where no other image shares it, of
    the file alone: caption files mostly leave the folders out.

    Args:
      path: the folder or the zip file.
    Raises:
      DataError: if there is no such folder or zip file, or no image in it.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = Path(path)
        self._zip: zipfile.ZipFile | None = None
        if self.path.is_dir():
            files = (file for file in self.path.rglob("*") if file.is_file())
            members = [file.relative_to(self.path).as_posix() for file in files]
        else:
            members = self._open_zip()
        members = sorted(name for name in members if name.lower().endswith(_SUFFIXES))
        if not members:
            raise DataError.at(self.path, f"expected images ({', '.join(_SUFFIXES)}), found none")
        counts = Counter(PurePosixPath(name).name for name in members)
        self._members = {
            PurePosixPath(name).name: name
            for name in members
            if counts[PurePosixPath(name).name] == 1
        }
        self._members.update({name: name for name in members})
        self._all = members

    def _open_zip(self) -> list[str]:
        try:
            self._zip = zipfile.ZipFile(self.path)
        except FileNotFoundError as error:
            raise DataError.at(self.path, "no such folder or zip file") from error
        except zipfile.BadZipFile as error:
            raise DataError.at(self.path, f"expected a folder or a zip file; {error}") from error
        except OSError as error:
            raise DataError.at(self.path, f"cannot be read: {error.strerror}") from error
        return self._zip.namelist()

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def __len__(self) -> int:
        return len(self._all)

    def read(self, name: str) -> bytes:
        """The encoded image; b"" where the zip file is damaged at its place.

        Raises:
          KeyError: if there is no image of that name.
          DataError: if the file cannot be read.
        """
        member = self._members[name]
        try:
            if self._zip is None:
                return (self.path / member).read_bytes()
            return self._zip.read(member)
        except (zipfile.BadZipFile, zlib.error, EOFError):
            return b""
        except OSError as error:
            raise DataError.at(self.path / member, f"cannot be read: {error.strerror}") from error

    def others(self, names: Iterable[str]) -> list[str]:
        """The images that none of `names` means, by their paths within."""
        meant = {self._members.get(name) for name in names}
        return [name for name in self._all if name not in meant]

    def fingerprint(self, names: Iterable[str]) -> str:
        """A hash that changes with the images: of names and checksums (zip) or sizes and times."""
        digest = hashlib.sha256()
        for name in names:
            member = self._members[name]
            if self._zip is None:
                status = (self.path / member).stat()
                state = f"{status.st_size} {status.st_mtime_ns}"
            else:
                state = str(self._zip.getinfo(member).CRC)
            digest.update(f"{name}\0{state}\0".encode())
        return digest.hexdigest()
