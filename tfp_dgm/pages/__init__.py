"""What the pages of all jobs share: HTML that needs nothing else, and figures in it."""

from tfp_dgm.pages.confusions import confused
from tfp_dgm.pages.figures import coverage_figure, reliability_figure
from tfp_dgm.pages.templates import excerpt, page_templates, percent

__all__ = [
    "confused",
    "coverage_figure",
    "excerpt",
    "page_templates",
    "percent",
    "reliability_figure",
]
