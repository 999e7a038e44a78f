"""Rendered scenes with captions by authors of known styles: a ground truth for mixtures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COLOURS = {
    "red": (208, 52, 44),
    "green": (58, 150, 70),
    "blue": (52, 92, 200),
    "yellow": (232, 196, 50),
}
SHAPES = ("circle", "square", "triangle", "cross")
PLACES = ("top left", "top right", "bottom left", "bottom right")

# One author each: what is said, in which words and in which order.
STYLES = (
    "{colour} {shape}",
    "there is a {colour} {shape} at the {place} of the picture",
    "look at the {place} , where someone drew a {shape} in {colour}",
    "what a lovely {shape} , all {colour} , on a grey ground",
)


@dataclass(frozen=True)
class RenderedScenes:
    """N pictures of one coloured shape each, with C captions each.

    Attributes:
      images: uint8 [N, H, W, 3].
      captions: [N] lists of C.
      styles: int64 [N, C]; which of `STYLES` wrote each caption.
    """

    images: NDArray[np.uint8]
    captions: list[list[str]]
    styles: NDArray[np.int64]


def render_scenes(
    num_images: int,
    *,
    captions_per_image: int = 3,
    num_styles: int = len(STYLES),
    size: int = 32,
    seed: int = 0,
) -> RenderedScenes:
    """Draws scenes: colour, shape, place and styles uniformly, position and size with noise.

    Args:
      num_images: N.
      captions_per_image: C; each by a style drawn on its own.
      num_styles: how many of `STYLES` write.
      size: height and width in pixels, at least 16.
      seed: of everything.
    Raises:
      ValueError: if an argument is out of its range.
    """
    if size < 16:
        raise ValueError(f"render_scenes: `size` must be >= 16; received {size}")
    if not 1 <= num_styles <= len(STYLES):
        raise ValueError(
            f"render_scenes: `num_styles` must be in 1..{len(STYLES)}; received {num_styles}"
        )
    random = np.random.default_rng(seed)
    colours, shapes, places = random.integers(4, size=(3, num_images))
    styles = random.integers(num_styles, size=(num_images, captions_per_image))
    images, captions = [], []
    for n in range(num_images):
        words = {
            "colour": list(COLOURS)[colours[n]],
            "shape": SHAPES[shapes[n]],
            "place": PLACES[places[n]],
        }
        images.append(_render(words["colour"], words["shape"], places[n], size, random))
        captions.append([STYLES[style].format(**words) for style in styles[n]])
    return RenderedScenes(np.stack(images), captions, styles)


def _render(
    colour: str, shape: str, place: int, size: int, random: np.random.Generator
) -> NDArray[np.uint8]:
    radius = size * random.uniform(0.14, 0.2)
    bottom, right = divmod(int(place), 2)
    centre = size * (np.array([0.27, 0.27]) + 0.46 * np.array([bottom, right]))
    centre += random.uniform(-0.05, 0.05, size=2) * size
    y, x = np.mgrid[:size, :size] + 0.5 - centre[:, None, None]  # [H, W] each
    inside = {
        "circle": x**2 + y**2 < radius**2,
        "square": np.maximum(abs(x), abs(y)) < 0.9 * radius,
        "triangle": (y < 0.8 * radius) & (2 * abs(x) < y + 1.1 * radius),
        "cross": (np.minimum(abs(x), abs(y)) < 0.35 * radius)
        & (np.maximum(abs(x), abs(y)) < 1.1 * radius),
    }[shape]
    image = np.full((size, size, 3), 200.0) + random.normal(scale=6.0, size=(size, size, 3))
    image[inside] = COLOURS[colour] + random.normal(scale=6.0, size=(int(inside.sum()), 3))
    return np.clip(image, 0, 255).astype(np.uint8)
