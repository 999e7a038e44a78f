"""The table that `dgm text-vae evaluate` prints."""

from collections.abc import Iterator
from typing import Any

import typer

from ._tables import print_table

_NAMES = {
    "log_likelihood": "log-likelihood",
    "log_likelihood_of_all": "log-likelihood of all",
    "elbo": "ELBO",
    "reconstruction": "reconstruction",
    "kl": "rate",
    "mutual_information": "mutual information",
    "discrepancy": "discrepancy of latents and prior",
    "active_units": "active units",
    "perplexity": "perplexity",
    "elbo_perplexity": "perplexity of the ELBO",
}


def show(report: dict[str, Any]) -> None:
    """Prints the report as a table."""
    beside = report.get("language_model")
    print_table(
        ("", "model", *(("language model",) if beside else ())),
        _rows(report, beside),
        title=f"{report['num_sentences']:,} sentences, nats each",
    )
    if report.get("refinement_steps"):
        typer.echo(
            f"Posteriors refined for each sentence by {report['refinement_steps']} steps, those of "
            f"{report['refinement_by']}."
        )
    if report.get("without_density"):
        typer.echo("Posterior or prior has no density: there is no log-likelihood, and no rate.")
    typer.echo(report["convention"])


def _rows(report: dict[str, Any], beside: dict[str, Any] | None) -> Iterator[tuple[str, ...]]:
    count = report["num_sentences"]
    some = report.get("log_likelihood_num_examples", count)
    for key, name in _NAMES.items():
        if key == "log_likelihood_of_all" and some == count:
            continue
        if key == "log_likelihood" and some < count:
            name = f"log-likelihood of {some:,}"
        if report.get(key) is not None:
            other = () if beside is None else (_number(beside, key) if key in beside else "",)
            yield name, _number(report, key), *other
    for key, value in report.get("gaps", {}).items():
        if isinstance(value, float):
            yield key.replace("_", " "), f"{value:.2f}"


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
