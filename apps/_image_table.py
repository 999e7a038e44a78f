"""The table of `dgm iwae evaluate`."""

from collections.abc import Iterator
from typing import Any

from ._tables import print_table


def show_report(report: dict[str, Any]) -> None:
    """Prints what `evaluate_image_model` found."""
    print_table(
        ("what", "value", "standard error"),
        _rows(report),
        title=f"{report['num_examples']:,} images, K = {report['num_samples']:,}; nats",
    )


def _rows(report: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name in ("log_likelihood", "elbo", "reconstruction", "kl", "mutual_information"):
        yield _row(report, name)
    limit = report["mutual_information_upper_limit"]
    yield "  at most (log of the images)", f"{limit:.2f}", ""
    yield "active units", f"{report['active_units']} of {report['units']}", ""
    yield "effective sample size", f"{report['effective_sample_size']:.1f}", ""
    if report["pareto_k"] is not None:
        yield "Pareto k, median", f"{report['pareto_k']:.2f}", ""
        yield "  share above 0.7", f"{report['pareto_k_above_0.7']:.2f}", ""
    if "gaps" in report:
        for name in ("approximation_gap", "amortisation_gap"):
            yield _row(report["gaps"], name)
    annealing = report.get("annealing", {})
    for name in annealing:
        if f"{name}_standard_error" in annealing:
            yield _row(annealing, name, "annealing: ")


def _row(figures: dict[str, Any], name: str, head: str = "") -> tuple[str, str, str]:
    error = figures[f"{name}_standard_error"]
    return head + name.replace("_", " "), f"{figures[name]:.2f}", f"{error:.2f}"
