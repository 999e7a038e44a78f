"""What `kill -9` would leave of a folder, at each moment at which it could leave something else."""

import os
import shutil
import sys
from contextlib import contextmanager

_CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate"}
_watched = []  # The innermost is told; Python has no way to take a hook away again.


def _hook(event, arguments):
    if not _watched:
        return
    opens_to_write = event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITE
    if event in _CHANGES or opens_to_write:
        folder, to, taken = _watched.pop()  # What copying does is no change.
        try:
            shutil.copytree(folder, to / str(len(taken)))
            taken.append(to / str(len(taken)))
        finally:
            _watched.append((folder, to, taken))


_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT
sys.addaudithook(_hook)


@contextmanager
def snapshots(folder, to):
    """Yields a list that gets a copy of `folder`, in `to`, before each change of a file system.

    Whatever was written up to then is on the disk whether the process lives on or not, so that a
    copy is what a kill at that moment leaves; no clean-up of Python's has a say in it.
    """
    taken = []
    _watched.append((folder, to, taken))
    try:
        yield taken
    finally:
        _watched.pop()
