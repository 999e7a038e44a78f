"""The report's figures, as SVG elements to be put into an HTML page.

Colours are the page's CSS variables, so that figures follow its light and dark scheme. No figure
holds a text or a class name: those come from outside, and HTML shows them better.
"""

import io
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import ArrayLike, NDArray

# Matplotlib knows no CSS variables: it draws in these colours, which are then replaced.
_INK, _MUTED, _GRID, _ACCENT, _SECOND = "#010203", "#020304", "#030405", "#040506", "#050607"
_VARIABLES = {_INK: "ink", _MUTED: "muted", _GRID: "line", _ACCENT: "accent", _SECOND: "second"}
_HEAT = (0.23, 0.49, 0.85)  # Blue that is readable on white and on black.
_MAX_POINTS = 300
_FIRST_POINT = 9  # The shares of fewer than ten labels are noise.
_STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": _INK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "axes.labelcolor": _INK,
    "axes.edgecolor": _MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": _MUTED,
    "ytick.color": _MUTED,
    "grid.color": _GRID,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
}


def reliability_figure(
    bins: Sequence[Mapping[str, float]], confidence: NDArray[np.floating], *, alt: str
) -> str:
    """How often predictions were right, against how sure they were.

    Args:
      bins: as `evaluation.reliability_bins` gives them.
      confidence: float [N]; of the rows without observed label, drawn as a histogram below.
      alt: says in words what is to be seen.
    """
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(6.4, 5.2), layout="constrained")
        axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        axes.plot([0, 1], [0, 1], "--", color=_MUTED, linewidth=1, label="as sure as right")
        center = np.array([row["confidence"] for row in bins])
        share = np.array([row["accuracy"] for row in bins])
        ends = np.array([[row["low"] for row in bins], [row["high"] for row in bins]])
        axes.errorbar(
            center,
            share,
            yerr=np.maximum(np.abs(ends - share), 0),
            fmt="o",
            color=_ACCENT,
            markersize=7,
            capsize=3,
            linewidth=1.5,
            label="your labels, with 95% interval",
        )
        axes.set(ylabel="how often it was right", ylim=(0, 1.02))
        figure.legend(loc="outside upper left", ncols=2)
        below.hist(confidence, bins=np.linspace(0, 1, 21).tolist(), color=_SECOND, rwidth=0.9)
        below.yaxis.set_major_locator(MaxNLocator(2, integer=True))
        below.set(xlabel="how sure the model was", ylabel="rows", xlim=(0, 1.02))
        _percent(axes, "y")
        _percent(below, "x")
        axes.grid()
        return _svg(figure, "reliability", alt)


def coverage_figure(
    confidence: NDArray[np.floating],
    expected: Mapping[str, Sequence[float]],
    measured: Mapping[str, Sequence[float]],
    *,
    asked: float,
    coverage: float | None,
    alt: str,
    rows: str = "rows without label",
    labels: str = "labels",
    name: str = "coverage",
) -> str:
    """How many of the accepted rows are right, against how many are accepted.

    Args:
      confidence: float [N]; of the rows without observed label.
      expected: curve of these rows, as `evaluation.coverage_precision_curve` gives it.
      measured: curve of the cross-fitted labels. It is drawn where its thresholds lead to among
        the rows without observed label, so that both curves speak of the same decision.
      asked: the precision asked for.
      coverage: the share that was accepted, None where nothing was decided.
      alt: says in words what is to be seen.
      rows: what the axis calls what is accepted.
      labels: what the person gave.
      name: stands before identifiers, which a page of several figures must not have twice.
    """
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(6.4, 4.4), layout="constrained")
        axes = figure.subplots()
        few = _thinned(len(expected["coverage"]))
        x, y = np.array(expected["coverage"])[few], np.array(expected["precision"])[few]
        axes.plot(x, y, color=_ACCENT, linewidth=2, label="expected from the confidences")
        least = min(asked, float(y.min()))
        if len(measured["threshold"]) > _FIRST_POINT:
            few = _thinned(len(measured["threshold"]), _FIRST_POINT)
            below = np.searchsorted(np.sort(confidence), np.array(measured["threshold"])[few])
            x, y = 1 - below / len(confidence), np.array(measured["precision"])[few]
            low, high = np.array(measured["low"])[few], np.array(measured["high"])[few]
            axes.fill_between(x, low, high, color=_SECOND, alpha=0.2, linewidth=0)
            axes.plot(x, y, color=_SECOND, label=f"measured on your {labels}, with 95% band")
            least = min(least, float(y.min()))
        axes.axhline(asked, color=_INK, linestyle="--", linewidth=1, label="precision asked for")
        if coverage is not None:
            axes.axvline(coverage, color=_INK, linestyle=":", linewidth=1.5, label="accepted")
        axes.set(
            xlabel=f"share of the {rows} that is accepted",
            ylabel="share of them that is right",
            xlim=(0, 1.005),
            ylim=(max(0, least - 0.1), 1.005),
        )
        figure.legend(loc="outside upper left", ncols=2)
        _percent(axes, "x")
        _percent(axes, "y")
        axes.grid()
        return _svg(figure, name, alt)


def confusion_figure(counts: ArrayLike, *, alt: str) -> str:
    """A heat map of the confusion matrix [K, K]: rows are the labels given; classes from 1 to K."""
    counts = np.asarray(counts, np.float64)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = np.empty((*share.shape, 4))
    image[..., :3] = _HEAT
    image[..., 3] = np.sqrt(share)  # So that a few per cent are seen.
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(6.4, 6.2), layout="constrained")
        axes = figure.subplots()
        ends = (0.5, len(counts) + 0.5)
        axes.imshow(image, extent=(*ends, *ends[::-1]), interpolation="nearest")
        axes.set(xlabel="number of the class predicted", ylabel="number of the class given")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(12, integer=True))
        axes.grid()
        return _svg(figure, "confusion", alt)


def choice_figure(
    numbers: Sequence[int],
    scores: Sequence[float],
    errors: Sequence[float],
    stabilities: Sequence[float],
    *,
    chosen: int,
    alt: str,
) -> str:
    """How good models of several sizes are, and how far another seed gives the same.

    Args:
      numbers: the sizes that were tried, ascending.
      scores: log-likelihood of a held-out word under each.
      errors: standard error of each score's distance from the best.
      stabilities: from 0 to 1.
      chosen: one of the sizes.
      alt: says in words what is to be seen.
    """
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(6.4, 4.6), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        above.errorbar(
            numbers, scores, yerr=errors, fmt="o-", color=_ACCENT, capsize=3, linewidth=1.5
        )
        above.set(ylabel="log-likelihood\nof an unseen word")
        below.plot(numbers, stabilities, "o-", color=_SECOND, linewidth=1.5)
        below.set(
            xlabel="number of topics", ylabel="words that two\nseeds agree on", ylim=(0, 1.02)
        )
        _percent(below, "y")
        for axes in (above, below):
            axes.axvline(chosen, color=_INK, linestyle=":", linewidth=1.5)
            axes.grid()
        below.set_xticks(list(numbers))
        return _svg(figure, "choice", alt)


def _thinned(length: int, first: int = 0) -> NDArray[np.int64]:
    points = min(length - first, _MAX_POINTS)
    return np.unique(np.linspace(first, length - 1, points).astype(np.int64))


def _percent(axes: Axes, which: str) -> None:
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(PercentFormatter(1, decimals=0))


def _svg(figure: Figure, name: str, alt: str) -> str:
    """Draws a figure; its size is left to the page, and its identifiers are unique in it."""
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :].strip()
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    head, body = text.split(">", 1)
    (box,) = re.findall(r'viewBox="[^"]*"', head)
    body = body.replace("xlink:href=", "href=")
    body = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", body)
    body = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", body)
    for colour, variable in _VARIABLES.items():
        body = body.replace(colour, f"var(--{variable})")
    return f'<svg {box} role="img" aria-label="{escape(alt)}">{body}'
