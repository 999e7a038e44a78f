"""Small figures drawn as SVG by hand: many points with titles, lines in the cells of tables."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from tfp_dgm.pages.templates import excerpt

_WIDTH, _HEIGHT = 640, 480
_EDGE = 14
_TITLE_CHARACTERS = 100
_LINE = (120, 28)
# Hues of the colour wheel that are told from their neighbours; more groups share one.
_HUES = 11
_GOLDEN = 0.381966
# Of the page's style.
_INK, _CARD, _ACCENT = (f"var(--{name})" for name in ("ink", "card", "accent"))


def group_colour(number: int) -> str:
    """The CSS colour of a group: neighbours in number are far from each other in hue."""
    hue = round(360 * ((number * _GOLDEN) % 1))
    lightness = (45, 60, 35)[number // _HUES % 3]
    return f"hsl({hue} 65% {lightness}%)"


def scatter_map(
    points: NDArray[np.floating],
    groups: NDArray[np.integer],
    titles: Sequence[str],
    *,
    alt: str,
) -> Markup:
    """Points of a plane, coloured by group, each with a title that a pointer shows.

    The number of each group from 1 stands at the median of its points.

    Args:
      points: [n, 2], from 0 to 1.
      groups: int [n].
      titles: [n]; any texts, which are cut.
      alt: says in words what is to be seen.
    """
    x = _EDGE + points[:, 0] * (_WIDTH - 2 * _EDGE)
    y = _EDGE + (1 - points[:, 1]) * (_HEIGHT - 2 * _EDGE)
    drawn = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(alt)}">',
    ]
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        drawn.append(f'<g fill="{group_colour(int(group))}" fill-opacity=".65">')
        drawn += [
            f'<circle cx="{x[row]:.1f}" cy="{y[row]:.1f}" r="3">'
            f"<title>{escape(excerpt(titles[row], _TITLE_CHARACTERS))}</title></circle>"
            for row in rows.tolist()
        ]
        drawn.append("</g>")
    for group in np.unique(groups):
        rows = groups == group
        drawn.append(
            f'<text x="{np.median(x[rows]):.1f}" y="{np.median(y[rows]):.1f}" font-size="15" '
            f'font-weight="700" fill="{_INK}" stroke="{_CARD}" stroke-width="3" '
            f'paint-order="stroke" text-anchor="middle">{int(group) + 1}</text>'
        )
    return Markup("".join([*drawn, "</svg>"]))


def spark_line(values: Sequence[float], *, alt: str) -> Markup:
    """A line of values from 0 to their largest; gaps where one is NaN.

    Args:
      values: two or more.
      alt: says in words what is to be seen.
    """
    width, height = _LINE
    found = np.asarray(values, np.float64)
    top = max(float(np.nanmax(found, initial=0)), 1e-12)
    x = np.linspace(2, width - 2, len(found))
    y = height - 2 - found / top * (height - 4)
    path, pen_down = [], False
    for across, up in zip(x, y, strict=True):
        if np.isnan(up):
            pen_down = False
            continue
        path.append(f"{'L' if pen_down else 'M'}{across:.1f} {up:.1f}")
        pen_down = True
    return Markup(
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{escape(alt)}"><path d="{" ".join(path)}" fill="none" '
        f'stroke="{_ACCENT}" stroke-width="2" stroke-linejoin="round"/></svg>'
    )
