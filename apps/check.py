"""`dgm check`: how many accepted rows are right, by a sample that a person judges."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ._errors import clean_errors
from ._json_output import show_figures
from ._shared_options import Json, Seed
from ._table_options import Quoting

if TYPE_CHECKING:
    from tfp_dgm.reviewing import CheckedTable


def check(
    context: typer.Context,
    table: Annotated[
        Path,
        typer.Argument(
            metavar="LABELLED",
            help="What `dgm label` or `dgm predict` wrote, or `dgm tag` or `dgm tag predict`.",
        ),
    ],
    samples: Annotated[
        list[Path],
        typer.Argument(
            metavar="SAMPLE...",
            help="Tables of rows to judge. The last one is written where it is not there yet; else "
            "the answers in all are read.",
        ),
    ],
    rows: Annotated[int, typer.Option(min=1, help="Rows of a new sample.")] = 200,
    min_precision: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="The share of accepted rows that should be right.",
            show_default="as the labelling was asked, else 0.95",
        ),
    ] = None,
    confidence: Annotated[
        float | None, typer.Option(min=0, max=1, help="Of what is said.", show_default="0.95")
    ] = None,
    once: Annotated[
        bool | None,
        typer.Option(
            "--once",
            help="Look at the answers once, when all are there: fewer are needed where all are "
            "right, and none may be looked at before.",
        ),
    ] = None,
    column: Annotated[
        str | None,
        typer.Option("--label-column", help="Which one's labels, where there are several."),
    ] = None,
    seed: Seed = 0,
    quoting: Quoting = True,
    json_file: Json = None,
) -> None:
    """Says how many of the accepted rows are right, by a random sample that a person judges.

    Of tagged sentences it is the accepted spans, or words where tags are plain.

    First writes the sample. Write yes, no or ? (unsure) into its column is_right, from the first
    row on, as many as you like, and give the same command again: it says what may be said, and
    whether the promise is kept, broken or open, which holds whenever you stop. A further file
    gets further rows. Options other than --rows are decided with the first sample.

    The certificate is also written beside the first sample (its name with .json) and, where the
    labelling's folder lies beside the table, into report.html and metrics.json there.
    """
    with clean_errors(
        "rows",
        "min_precision",
        "confidence",
        "once",
        "seed",
        column="--label-column",
        samples="SAMPLE",
    ):
        from tfp_dgm.reviewing import check_table

        given = context.get_parameter_source("seed")
        done = check_table(
            table,
            samples,
            min_precision=min_precision,
            confidence=confidence,
            once=once,
            rows=rows,
            column=column,
            seed=seed if given and given.name == "COMMANDLINE" else None,
            quoting=quoting,
        )
        figures = None if done.certificate is None else done.certificate.as_dict()
        show_figures(figures, json_file, lambda: _show(done))


def _show(done: "CheckedTable") -> None:
    found = done.certificate
    if found is not None:
        typer.echo(f"{found.verdict}: {found.sentence()}")
    if done.written is not None:
        what = f"{done.rows:,} {done.units} of {done.plan.accepted:,} accepted ones"
        typer.echo(f"{done.written}: {what}; write yes, no or ? into is_right, from the top")
        return
    if done.waits_for is not None:
        typer.echo(
            f"Not counted yet: {done.waiting:,} answers after that of {done.units[:-1]} "
            f"{done.waits_for:,}, "
            "which is missing."
        )
    if found is not None and found.more is not None:
        typer.echo(f"If the next {found.more:,} are right, too, the promise is kept.")
    typer.echo(f"record   {done.record}")
    if done.report is not None:
        typer.echo(f"report   {done.report}")
