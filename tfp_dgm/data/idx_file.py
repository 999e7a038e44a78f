"""Images and labels in the IDX format of MNIST."""

from __future__ import annotations

import gzip
import math
import zlib
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.data.data_error import DataError

_GZIP_MAGIC = b"\x1f\x8b"
_UNSIGNED_BYTE = 0x08


def read_idx(path: str | PathLike[str]) -> NDArray[np.uint8]:
    """Reads an IDX file of bytes, such as MNIST's images [N, 28, 28] or labels [N].

    The format: two zero bytes, the type's code, the rank, each size as a big-endian 32-bit
    number, then the values in C order.

    Args:
      path: the file, gzipped or not, whatever its name.
    Returns:
      uint8, in the shape that the file states.
    Raises:
      DataError: if the file is missing, is not IDX, holds something else than unsigned bytes,
        or is shorter or longer than its header says.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
        if content.startswith(_GZIP_MAGIC):
            content = gzip.decompress(content)
    except FileNotFoundError as error:
        raise DataError.at(path, "no such file") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError.at(path, f"the gzip file is damaged: {error}") from error
    except OSError as error:
        raise DataError.at(path, f"cannot be read: {error.strerror}") from error

    if len(content) < 4 or content[:2] != b"\0\0":
        raise DataError.at(
            path,
            f"expected an IDX file, which starts with two zero bytes; received {content[:4]!r}",
        )
    if content[2] != _UNSIGNED_BYTE:
        raise DataError.at(
            path, f"expected unsigned bytes (type 0x08); received IDX type 0x{content[2]:02x}"
        )
    rank = content[3]
    start = 4 + 4 * rank
    if len(content) < start:
        raise DataError.at(path, f"the header ends too early: expected {start} bytes")
    shape = tuple(int(size) for size in np.frombuffer(content[4:start], dtype=">u4"))
    if len(content) - start != math.prod(shape):
        raise DataError.at(
            path,
            f"expected {math.prod(shape)} values for the shape {shape}; "
            f"received {len(content) - start}; is the download complete?",
        )
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape).copy()
