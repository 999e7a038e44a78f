"""Options of the commands that read tables and write them."""

from typing import Annotated

import typer

Quoting = Annotated[
    bool,
    typer.Option(
        "--quoting/--no-quoting",
        help="Of CSV and TSV: whether cells may be quoted; if not, a quote is a letter.",
    ),
]
Reasons = Annotated[
    bool,
    typer.Option(
        "--reasons",
        help="Add the column reasons: the words that spoke for each label, and against it.",
    ),
]
GuardFormulas = Annotated[
    bool,
    typer.Option(
        "--guard-formulas",
        help="Of CSV and TSV: an apostrophe before what a spreadsheet would calculate.",
    ),
]
TextColumns = Annotated[
    list[str], typer.Option(help="Column that holds the text; may be given several times.")
]
DateColumn = Annotated[
    str | None,
    typer.Option(help="Column of dates, such as 2024-05-31, over which the report shows trends."),
]
Mixture = Annotated[
    bool, typer.Option("--mixture", help="Add what a text has of each of them, a column each.")
]
