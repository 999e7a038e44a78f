"""Images as Pillow shows them: turned as cameras noted, transparent ones on white."""

import io
import struct

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from tfp_dgm.networks import decode_image

HEIGHT, WIDTH = 16, 24
_BLOCKS = np.random.default_rng(3).integers(256, size=(2, 3, 3), dtype=np.uint8)
PIXELS = np.kron(_BLOCKS, np.ones((8, 8, 1), np.uint8))


def encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def exif(orientation, order):
    """A maker's name and the orientation, in a directory of TIFF's as cameras write it."""
    entries = struct.pack(f"{order}HHI4s", 0x010F, 2, 4, b"abc\0")
    entries += struct.pack(f"{order}HHIHH", 0x0112, 3, 1, orientation, 0)
    head = {"<": b"II*\0", ">": b"MM\0*"}[order]
    return b"Exif\0\0" + head + struct.pack(f"{order}IH", 8, 2) + entries + b"\0\0\0\0"


@pytest.fixture(scope="module")
def decode():
    def of_size(height, width):
        return tf.function(
            lambda content: decode_image(content, height, width),
            input_signature=[tf.TensorSpec([], tf.string)],
        )

    upright, turned = of_size(HEIGHT, WIDTH), of_size(WIDTH, HEIGHT)
    return lambda content, size: (upright if size == (WIDTH, HEIGHT) else turned)(content).numpy()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_photographs_stand_upright(decode, order, orientation):
    content = encoded(Image.fromarray(PIXELS), "JPEG", quality=95, exif=exif(orientation, order))
    seen = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    assert seen.size == ((WIDTH, HEIGHT) if orientation < 5 else (HEIGHT, WIDTH))
    found = decode(content, seen.size).astype(int)
    # Decoders differ by a few steps; the blocks, by 80 in the mean.
    assert np.abs(found - np.asarray(seen)).mean() < 2


DAMAGE = {
    "no EXIF": (b"Exif\0\0", b"Exit\0\0"),
    "no orientation": (struct.pack(">HH", 0x0112, 3), struct.pack(">HH", 0x0113, 3)),
    "no such orientation": (struct.pack(">HHIH", 0x0112, 3, 1, 6), b"\1\x12\0\3\0\0\0\1\0\x09"),
    "directory before all": (b"MM\0*\0\0\0\x08", b"MM\0*\xff\xff\xff\xff"),
    "directory behind all": (b"MM\0*\0\0\0\x08", b"MM\0*\x7f\xff\xff\xff"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damaged_notes_turn_nothing(decode, case):
    content = encoded(Image.fromarray(PIXELS), "JPEG", quality=95, exif=exif(6, ">"))
    assert DAMAGE[case][0] in content
    found = decode(content.replace(*DAMAGE[case]), (WIDTH, HEIGHT))
    assert np.abs(found.astype(int) - PIXELS).mean() < 15


def with_alpha(mode):
    alpha = np.linspace(0, 255, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH, 1).astype(np.uint8)
    return Image.fromarray(np.concatenate([PIXELS, alpha], axis=-1)).convert(mode)


TWO = Image.fromarray(PIXELS[..., 0] > 127)  # Black and white, a bit each.
FEW = Image.fromarray(PIXELS).quantize(6)  # Of a palette, four bits each.
PNG = {
    "colours": (with_alpha("RGBA"), {}),
    "grey": (with_alpha("LA"), {}),
    "palette, one transparent": (FEW, {"transparency": 1}),
    "palette, of all shades": (FEW, {"transparency": bytes([0, 40, 80, 120, 200, 255])}),
    "one grey transparent": (
        Image.fromarray(PIXELS[..., 0]),
        {"transparency": int(PIXELS[0, 0, 0])},
    ),
    "one colour transparent": (
        Image.fromarray(PIXELS),
        {"transparency": tuple(map(int, PIXELS[0, 0]))},
    ),
    "white transparent": (TWO, {"transparency": 255}),
    "opaque colours": (Image.fromarray(PIXELS), {}),
    "opaque palette": (FEW, {}),
    "opaque bits": (TWO, {}),
}


@pytest.mark.parametrize("case", PNG)
def test_what_is_transparent_is_white(decode, case):
    image, options = PNG[case]
    content = encoded(image, "PNG", **options)
    seen = np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"), float)
    assert (seen[..., 3].min() == 255) == (not options and "A" not in image.mode)
    opacity = seen[..., 3:] / 255
    wanted = seen[..., :3] * opacity + 255 * (1 - opacity)
    np.testing.assert_allclose(decode(content, (WIDTH, HEIGHT)), wanted, atol=0.51)


@pytest.mark.parametrize(("mode", "kind"), [("RGBA", "BMP"), ("L", "BMP"), ("CMYK", "JPEG")])
def test_other_kinds_stay_as_they_are(decode, mode, kind):
    """A bitmap's fourth byte is mostly no opacity, whatever it holds."""
    image = Image.fromarray(np.full((HEIGHT, WIDTH, 3), (90, 140, 200), np.uint8)).convert(mode)
    if mode == "RGBA":
        image.putalpha(0)
    wanted = np.asarray(image.convert("RGB"), int)
    found = decode(encoded(image, kind), (WIDTH, HEIGHT))
    assert np.abs(found.astype(int) - wanted).max() < 5
