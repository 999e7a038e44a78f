"""Pictures as a viewer shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # The commands that read no picture do not wait for it.
    from PIL import Image


def shown_image(image: Image.Image) -> Image.Image:
    """Turns a JPEG as the orientation in its EXIF data says, puts transparency on white: RGB.

    `networks.decode_image` does the same in the graph.
    """
    from PIL import Image, ImageOps

    if image.format in ("JPEG", "MPO"):  # The latter is Pillow's for those of several pictures.
        image = ImageOps.exif_transpose(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")
