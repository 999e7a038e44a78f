"""The table that `dgm text-vae evaluate` prints."""

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table


def show(report: dict[str, Any]) -> None:
    """Prints the report as a table."""
    console = Console()
    table = Table(box=box.SIMPLE, title=f"{report['num_sentences']:,} sentences, nats each")
    beside = report.get("language_model")
    for title in ("", "model", *(("language model",) if beside else ())):
        table.add_column(title, justify="right" if title else "left")
    names = (
        ("log_likelihood", "log-likelihood"),
        ("elbo", "ELBO"),
        ("reconstruction", "reconstruction"),
        ("kl", "rate"),
        ("mutual_information", "mutual information"),
        ("active_units", "active units"),
        ("perplexity", "perplexity"),
        ("elbo_perplexity", "perplexity of the ELBO"),
    )
    for key, name in names:
        if report.get(key) is not None:
            cells = [_number(report, key)]
            if beside:
                cells.append(_number(beside, key) if key in beside else "")
            table.add_row(name, *cells)
    for key, value in report.get("gaps", {}).items():
        if isinstance(value, float):
            table.add_row(key.replace("_", " "), f"{value:.2f}")
    console.print(table)
    if report.get("refinement_steps"):
        console.print(
            f"Posteriors refined for each sentence by {report['refinement_steps']} steps, those of "
            f"{report['refinement_by']}."
        )
    console.print(report["convention"])


def _number(report: dict[str, Any], key: str) -> str:
    value = report[key]
    if key == "active_units":
        return f"{value} of {report['units']}"
    error = report.get(f"{key}_standard_error")
    limit = report.get(f"{key}_upper_limit")
    return (
        f"{value:.2f}"
        + (f" ± {error:.2f}" if error is not None else "")
        + (f" of at most {limit:.2f}" if limit is not None else "")
    )
