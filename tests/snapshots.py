"""What `kill -9` would leave of a folder, at each moment at which it could leave something else."""

import os
import shutil
import sys
from contextlib import contextmanager

_CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate"}
_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_told = []  # Who is told; Python has no way to take a hook away again.


def _hook(event, arguments):
    if not _told:
        return
    opens_to_write = event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITE
    if event in _CHANGES or opens_to_write:
        tell = _told.pop()  # What it does is no change.
        try:
            tell()
        finally:
            _told.append(tell)


sys.addaudithook(_hook)


@contextmanager
def changes_of_files(tell):
    """Calls `tell()` before each change of a file system that Python makes within the block."""
    _told.append(tell)
    try:
        yield
    finally:
        _told.remove(tell)


@contextmanager
def snapshots(folder, to):
    """Yields a list that gets a copy of `folder`, in `to`, before each change of a file system.

    Whatever was written up to then is on the disk whether the process lives on or not, so that a
    copy is what a kill at that moment leaves; no clean-up of Python's has a say in it.
    """
    taken = []

    def copy():
        shutil.copytree(folder, to / str(len(taken)))
        taken.append(to / str(len(taken)))

    with changes_of_files(copy):
        yield taken
