"""What the units of a latent do, drawn."""

import os
from pathlib import Path
from typing import Any

from tfp_dgm.data import atomic_write


def draw_units(report: dict[str, Any], path: str | os.PathLike[str]) -> bool:
    """Draws the divergence of each unit, or else the variance of its mean, largest first.

    Args:
      report: what `evaluate_text_model` found.
      path: of the PNG.
    Returns:
      Whether there was something to draw: a language model has no units.
    """
    from matplotlib.figure import Figure

    name, axis = "divergence", "nats"
    values = report.get("kl_per_dimension")
    if values is None:
        name, axis = "variance", "variance of the posterior's mean"
        values = report.get("variances_of_means")
    if values is None:
        return False
    figure = Figure(figsize=(6, 3), layout="constrained")
    axes = figure.subplots()
    axes.bar(range(len(values)), sorted(values, reverse=True))
    axes.set_xlabel(f"unit, by its {name}")
    axes.set_ylabel(axis)
    axes.set_title(f"{report['active_units']} of {report['units']} units active")
    with atomic_write(Path(path)) as file:
        figure.savefig(file, format="png", dpi=150)
    return True
