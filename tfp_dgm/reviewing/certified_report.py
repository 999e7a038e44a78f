"""A certificate in the report and the metrics of the labelling, or tagging, that it is about."""

from __future__ import annotations

import os
import re
from html import escape
from pathlib import Path
from typing import Any

from tfp_dgm.data import (
    DataError,
    atomic_write,
    column_folders,
    read_json,
    read_label_settings,
    read_tag_settings,
    write_json,
)
from tfp_dgm.reviewing.certificates import Certificate
from tfp_dgm.reviewing.check_plan import CheckPlan

# The place that the report leaves for it.
_PLACE = re.compile(r"<!-- certificate -->.*?<!-- /certificate -->", re.DOTALL)
_PRECISION = 0.95


def asked_precision(table: str | os.PathLike[str]) -> float:
    """The precision that the labelling beside a table was asked for; 0.95 where there is none."""
    folder = _folder_beside(table)
    asked = None if folder is None else _settings(folder).get("min_precision")
    return asked if isinstance(asked, float) and 0 < asked < 1 else _PRECISION


def report_certificate(
    table: str | os.PathLike[str], plan: CheckPlan, certificate: Certificate
) -> Path | None:
    """Writes a certificate into metrics.json and report.html of the labelling beside a table.

    Where nothing has been judged, one that stands there is taken away.

    Returns:
      The report; None where no labelling's folder lies there, or its report has no place for it.
    """
    folder = _folder_beside(table)
    if folder is None:
        return None
    if plan.column is not None:
        columns = read_label_settings(folder).get("label_columns") or []
        if plan.column not in columns:
            return None
        folder = folder / "columns" / column_folders(columns)[plan.column]
    metrics, report = folder / "metrics.json", folder / "report.html"
    if not metrics.is_file() or not report.is_file():
        return None
    page = report.read_text(encoding="utf-8")
    judged = certificate.all_rows.judged > 0
    said = (
        f'<p id="certificate"><strong>Checked by a person.</strong> '
        f"{escape(certificate.sentence())}</p>"
        if judged
        else ""
    )
    filled, places = _PLACE.subn(
        lambda _: f"<!-- certificate -->{said}<!-- /certificate -->", page, count=1
    )
    if not places:
        return None
    found = read_json(metrics, "the metrics of a labelling")
    found.pop("certificate", None)
    write_json(metrics, {**found, **({"certificate": certificate.as_dict()} if judged else {})})
    with atomic_write(report) as file:
        file.write(filled.encode())
    return report


def _settings(folder: Path) -> dict[str, Any]:
    """Of what `dgm label` or `dgm tag` wrote.

    Raises:
      DataError: if neither wrote it.
    """
    try:
        return read_label_settings(folder)
    except DataError:
        return read_tag_settings(folder)


def _folder_beside(table: str | os.PathLike[str]) -> Path | None:
    """The folder that was written with a table, where it lies in its usual place."""
    path = Path(table)
    folder = path.with_name(path.name.removesuffix(".gz")).with_suffix(".model")
    try:
        settings = _settings(folder)
    except DataError:
        return None
    return folder if settings.get("output") == path.name else None
