"""Images and what the experts say of them: one HTML page that needs nothing else."""

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tfp_dgm.captioning.descriptions import Description
from tfp_dgm.data import shown_image
from tfp_dgm.pages import page_templates

_TEMPLATE = "caption_page.html.jinja"
_PIXELS = 224


def render_caption_page(
    title: str,
    names: Sequence[str],
    images: Sequence[bytes | NDArray[np.uint8] | None],
    descriptions: Sequence[Description],
    *,
    references: Sequence[Sequence[str]] | None = None,
    metrics: Mapping[str, Any] | None = None,
) -> str:
    """Writes the page: each image, one caption of each expert with its probability, and people's.

    The page holds its style and images, runs no script and loads nothing. Texts and names are shown
    as they are, whatever they contain.

    Args:
      title: heading of the page.
      names: of the I images, or the texts that are answered.
      images: encoded, or pixels [H, W, 3]; None shows the name alone (features and texts have no
        picture).
      descriptions: what the captioner says of them.
      references: what people said.
      metrics: numbers by name, shown on top.
    Returns:
      HTML, to be written as UTF-8.
    """
    rows = [
        {
            "name": name,
            "image": _thumbnail(image),
            "captions": _captions(found),
            "references": list(references[i]) if references is not None else [],
        }
        for i, (name, image, found) in enumerate(zip(names, images, descriptions, strict=True))
    ]
    pictured = any(image is not None for image in images)
    return (
        page_templates(Path(__file__).parent)
        .get_template(_TEMPLATE)
        .render(
            title=title,
            rows=rows,
            metrics=_shown(metrics or {}),
            pictured=pictured,
            source="image" if pictured else "source",
        )
    )


def _captions(found: Description) -> list[dict[str, Any]]:
    of_experts = len(found.captions) == len(found.experts)
    return [
        {
            "text": caption,
            "label": f"Expert {n}" if of_experts else f"Caption {n + 1}",
            "expert": float(found.experts[n]) if of_experts else None,
            "responsibility": float(found.responsibilities[n][n]) if of_experts else None,
            "per_token": float(np.exp(found.log_prob[n] / found.num_tokens[n])),
            "log_prob": float(found.log_prob[n]),
            "best": n == found.best,
        }
        for n, caption in enumerate(found.captions)
    ]


def _thumbnail(image: bytes | NDArray[np.uint8] | None) -> str | None:
    """A data URL of a small JPEG; None where there is no picture, or none that can be read."""
    if image is None:
        return None
    try:
        opened = (
            Image.open(io.BytesIO(image)) if isinstance(image, bytes) else Image.fromarray(image)
        )
        opened = shown_image(opened)
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
    opened.thumbnail((_PIXELS, _PIXELS))
    file = io.BytesIO()
    opened.save(file, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def _shown(metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (name.replace("_", " "), f"{value:,.3g}" if isinstance(value, float) else f"{value:,}")
        for name, value in metrics.items()
        if isinstance(value, int | float)
    ]
