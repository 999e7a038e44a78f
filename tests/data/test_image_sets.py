"""Images from every kind of file, and what is said of bad ones."""

import gzip
import struct
import zipfile

import numpy as np
import pytest
from PIL import Image

from tfp_dgm.data import DataError, binarise, load_digits, read_images

BYTES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4) * 10


def idx(values):
    return struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape) + values.tobytes()


def write_png(path, values):
    Image.fromarray(values).save(path)


def folder_of(path, images):
    path.mkdir()
    for number, image in enumerate(images):
        write_png(path / f"{number}.png", image)
    return path


@pytest.mark.parametrize("kind", ["idx", "idx.gz", "npz", "named npz", "floats", "folder", "zip"])
def test_every_kind_of_file(tmp_path, kind):
    path = tmp_path / "images"
    if kind.startswith("idx"):
        path.write_bytes(gzip.compress(idx(BYTES)) if kind == "idx.gz" else idx(BYTES))
    elif kind == "folder":
        folder_of(path, BYTES)
    elif kind == "zip":
        folder_of(tmp_path / "f", BYTES)
        with zipfile.ZipFile(path, "w") as archive:
            for file in sorted((tmp_path / "f").iterdir()):
                archive.write(file, file.name)
    else:
        arrays = {"npz": {"anything": BYTES}, "floats": {"a": BYTES / 255}}
        arrays["named npz"] = {"labels": np.arange(2), "x_train": BYTES.astype(np.int64)}
        with path.open("wb") as file:
            np.savez(file, **arrays[kind])
    images = read_images(path)
    assert images.dtype == np.float32
    np.testing.assert_allclose(images, BYTES / 255, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool, np.float64])
def test_binary_images_are_black_and_white_in_every_type(tmp_path, dtype):
    images = np.random.default_rng(0).integers(0, 2, (3, 4, 4))
    np.savez(tmp_path / "f.npz", images.astype(dtype))
    np.testing.assert_array_equal(read_images(tmp_path / "f.npz"), images)


def test_colours_become_grey(tmp_path):
    colour = np.zeros((2, 2, 3), np.uint8)
    colour[..., 1] = 200
    grey = read_images(folder_of(tmp_path / "f", [colour]))
    assert grey.shape == (1, 2, 2)
    np.testing.assert_allclose(grey, 0.587 * 200 / 255, atol=0.01)  # ITU-R 601's weight of green.


def test_photographs_stand_upright_and_the_transparent_is_white(tmp_path):
    """A camera's orientation 6: what is stored left is shown above."""
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = np.zeros((8, 16), np.uint8)
    stored[:, :8] = 255
    folder = tmp_path / "f"
    folder.mkdir()
    Image.fromarray(stored).save(folder / "a.jpg", quality=95, exif=exif)
    drawn = Image.new("LA", (8, 16), (0, 0))
    drawn.paste((0, 255), (0, 0, 8, 8))
    drawn.save(folder / "b.png")
    halves = np.repeat([1.0, 0.0], 8)[:, np.newaxis] * np.ones(8)
    np.testing.assert_allclose(read_images(folder), [halves, 1 - halves], atol=0.02)


def test_files_that_are_no_images_are_told(tmp_path):
    folder = folder_of(tmp_path / "f", BYTES)
    (folder / "._0.png").write_bytes(b"no image")
    told = []
    assert len(read_images(folder, warn=told.append)) == 2
    assert told == ["1 file left out, hidden or a system's own: ._0.png"]


def test_what_is_no_image_is_told_by_what_it_holds(tmp_path):
    """And not by where it lay in memory."""
    with zipfile.ZipFile(tmp_path / "f.zip", "w") as archive:
        archive.writestr("sub/a.png", b"<html>\n")
    with pytest.raises(DataError) as caught:
        read_images(tmp_path / "f.zip")
    assert str(caught.value) == (
        f"{tmp_path / 'f.zip'}, sub/a.png: cannot be decoded as an image: expected JPEG, PNG, BMP "
        "or GIF; received 7 bytes that start with b'<html>\\n'"
    )


def damaged(tmp_path):
    (tmp_path / "f").mkdir()
    (tmp_path / "f/broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    return tmp_path / "f"


def sixteen_bits(tmp_path):
    return folder_of(tmp_path / "f", [np.full((2, 2), 40_000, np.uint16)])


def mixed(tmp_path):
    return folder_of(tmp_path / "f", [np.zeros((2, 3), np.uint8), np.zeros((3, 3), np.uint8)])


def empty(tmp_path):
    (tmp_path / "f").mkdir()
    return tmp_path / "f"


def npz(**arrays):
    def make(tmp_path):
        np.savez(tmp_path / "f.npz", **arrays)
        return tmp_path / "f.npz"

    return make


def cut(tmp_path):
    content = npz(a=BYTES)(tmp_path).read_bytes()
    (tmp_path / "cut.npz").write_bytes(content[: len(content) // 2])
    return tmp_path / "cut.npz"


def damaged_array(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (9, 20, 20), np.uint8)
    with (tmp_path / "f.npz").open("wb") as file:
        np.savez_compressed(file, a=noise)
    content = bytearray((tmp_path / "f.npz").read_bytes())
    content[300:340] = b"\xff" * 40
    (tmp_path / "f.npz").write_bytes(content)
    return tmp_path / "f.npz"


def second(value, dtype=np.float64):
    images = np.zeros((3, 2, 2), dtype)
    images[1, 0, 1] = value
    return npz(a=images)


BAD = {
    "none": (lambda tmp_path: tmp_path / "none", "no such file or folder"),
    "empty folder": (empty, r"expected images \(.*\.png.*\), found none"),
    "mixed sizes": (mixed, r"of one size; received 3 x 2 in 0.png and 3 x 3 in 1.png"),
    "damaged image": (damaged, "broken.png: cannot be decoded as an image"),
    "16 bits": (sixteen_bits, "0.png: expected 8 bits a channel; received mode I;16"),
    "NaN": (second(np.nan), "image 1: expected numbers; received NaN"),
    "above 1": (second(1.5), "image 1: expected floats from 0 to 1; received 1.5"),
    "infinite": (second(np.inf), "image 1: expected floats from 0 to 1; received inf"),
    "below 0": (second(-0.25), "image 1: expected floats from 0 to 1; received -0.25"),
    "above 255": (second(256, np.int32), "image 1: expected integers from 0 to 255; received 256"),
    "below the bytes": (second(-1, np.int16), "expected integers from 0 to 255; received -1"),
    "vectors": (npz(a=np.zeros((3, 4))), r"expected images \[N, H, W\] .* received \(3, 4\)"),
    "no image": (npz(a=np.zeros((0, 2, 2))), r"at least one image and pixel; received \(0, 2, 2\)"),
    "texts": (npz(a=np.full((1, 1, 1), "a")), "expected numbers; received an array of <U1"),
    "objects": (npz(a=np.full((1, 1, 1), None)), "cannot be read as .npz: Object arrays"),
    "two channels": (npz(a=np.zeros((2, 3, 3, 2))), r"1 or 3 channels, on the last axis"),
    "channels first": (
        npz(a=np.zeros((2, 3, 8, 8))),
        r"on the last axis; received images \(3, 8, 8\)",
    ),
    "damaged array": (damaged_array, "cannot be read as .npz"),
    "several": (
        npz(a=BYTES, b=BYTES),
        r"one array, or one of images, x, x_train; received \['a', 'b",
    ),
    "damaged file": (cut, "the file is damaged"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files(tmp_path, case):
    make, message = BAD[case]
    path = make(tmp_path)
    with pytest.raises(DataError, match=message) as caught:
        read_images(path)
    assert str(path) in str(caught.value)


def test_binarising_by_seed():
    """20,000 draws within 5 standard errors."""
    images = np.tile(np.array([0.0, 0.3, 1.0], np.float32), (20_000, 1))
    drawn = binarise(images, 4)
    np.testing.assert_allclose(drawn.mean(axis=0), [0, 0.3, 1], atol=5 * 0.0033)
    np.testing.assert_array_equal(drawn, binarise(images, 4))
    assert (drawn != binarise(images, 5)).any()


def test_digits_are_split_the_same_everywhere(tmp_path, monkeypatch):
    rows = np.zeros((5000, 785), int)
    rows[:, 0], rows[:, 784] = np.arange(5000) % 256, 9
    rows[:, 1] = np.arange(5000) // 256
    with gzip.open(tmp_path / "mnist_5k.csv.gz", "wt") as file:
        np.savetxt(file, rows, fmt="%d", delimiter=",")
    monkeypatch.setattr("tfp_dgm.data.image_sets.fetch", lambda name: tmp_path)
    train, test = (np.round(load_digits(split) * 255).astype(int) for split in ("train", "test"))
    assert (train.shape, test.shape) == ((4500, 28, 28), (500, 28, 28))
    numbers = [split[:, 0, 0] + 256 * split[:, 0, 1] for split in (train, test)]
    np.testing.assert_array_equal(np.sort(np.concatenate(numbers)), np.arange(5000))
    # Of every tenth of the file, which is sorted by digit, some are tested.
    assert len(set(numbers[1] // 500)) == 10
