"""IDX files: values, shapes, and what is said of files that are not IDX."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfp_dgm.data import DataError, read_idx


def _idx(values: np.ndarray, type_code: int = 8) -> bytes:
    header = struct.pack(f">HBB{values.ndim}I", 0, type_code, values.ndim, *values.shape)
    return header + values.astype(np.uint8).tobytes()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shape=st.lists(st.integers(0, 4), min_size=1, max_size=3), zipped=st.booleans())
def test_values_and_shape(tmp_path: Path, shape: list[int], zipped: bool) -> None:
    values = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)[::-1]
    content = _idx(values)
    (tmp_path / "x").write_bytes(gzip.compress(content) if zipped else content)
    read = read_idx(tmp_path / "x")
    np.testing.assert_array_equal(read, values)
    assert read.dtype == np.uint8
    assert read.flags.writeable


IMAGES = _idx(np.arange(24).reshape(2, 3, 4))
BAD_FILES = {
    "empty": (b"", r"starts with two zero bytes; received b''"),
    "text": (b"hello world", r"expected an IDX file, .* received b'hell'"),
    "floats": (_idx(np.zeros(4), type_code=0x0D), r"\(type 0x08\); received IDX type 0x0d"),
    "no shape": (IMAGES[:9], "the header ends too early: expected 16 bytes"),
    "short": (IMAGES[:-1], r"expected 24 values for the shape \(2, 3, 4\); received 23; is the"),
    "long": (IMAGES + b"\0", "expected 24 values .* received 25"),
    "gzip": (gzip.compress(IMAGES, mtime=0)[:20], "the gzip file is damaged"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files(tmp_path: Path, case: str) -> None:
    content, message = BAD_FILES[case]
    (tmp_path / "x.gz").write_bytes(content)
    with pytest.raises(DataError, match=f"x.gz: .*{message}"):
        read_idx(tmp_path / "x.gz")


def test_bad_paths(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none: no such file"):
        read_idx(tmp_path / "none")
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        read_idx(tmp_path)
