"""What the pages of all jobs share: HTML that needs nothing else, and figures in it."""

from tfp_dgm.pages.confusions import confused
from tfp_dgm.pages.figures import choice_figure, coverage_figure, reliability_figure
from tfp_dgm.pages.small_figures import group_colour, scatter_map, spark_line
from tfp_dgm.pages.templates import excerpt, page_templates, percent

__all__ = [
    "choice_figure",
    "confused",
    "coverage_figure",
    "excerpt",
    "group_colour",
    "page_templates",
    "percent",
    "reliability_figure",
    "scatter_map",
    "spark_line",
]
