"""The page at the top of a labelling of several columns, which leads to the report of each."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tfp_dgm.labelling.scores import TOO_FEW_LABELS
from tfp_dgm.pages import page_templates

_TEMPLATE = "columns_report.html.jinja"


def render_columns_report(
    figures: Mapping[str, Mapping[str, Any]],
    folders: Mapping[str, str],
    *,
    title: str,
    warnings: Sequence[str] = (),
) -> str:
    """Writes the page: of each label column what was labelled and accepted, and where more stands.

    Args:
      figures: column -> its `metrics`.
      folders: column -> the folder of its report, beside each other in `columns/`.
      title: heading of the page.
      warnings: what the person should know of all columns.
    Returns:
      HTML, to be written as UTF-8.
    """
    columns = [
        {"name": column, "link": f"columns/{quote(folders[column])}/report.html", "numbers": found}
        for column, found in figures.items()
    ]
    return (
        page_templates(Path(__file__).parent)
        .get_template(_TEMPLATE)
        .render(title=title, columns=columns, warnings=warnings, too_few=TOO_FEW_LABELS)
    )
