"""A disk that takes no more, told by whatever library found it so."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from tfp_dgm.data.data_error import DataError

_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)


@contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turns what a block raises because the disk takes no more into a sentence with the file.

    Python, h5py, Arrow and NumPy raise an OSError of their own each, TensorFlow an OpError; what
    they share is what the system says. Whatever else the block raises passes.

    Args:
      path: what the block writes.
    Raises:
      DataError: in the stead of such an error.
    """
    try:
        yield
    except Exception as error:
        reason = None if isinstance(error, DataError) else _reason(error)
        if reason is None:
            raise
        raise DataError.at(path, f"cannot be written: {reason}") from error


def _reason(error: Exception) -> str | None:
    for number in _OF_THE_DISK:
        words = os.strerror(number)
        if getattr(error, "errno", None) == number or words in str(error):
            return words
    # What NumPy says of it: "4096 requested and 496 written".
    if isinstance(error, OSError) and error.errno is None and "written" in str(error):
        return f"{error}; is the disk full?"
    return None
