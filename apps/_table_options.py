"""Options of the commands that read tables and write them."""

from pathlib import Path
from typing import Annotated

import typer

TableFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="CSV, TSV, JSONL (each also .gz) or Parquet.")
]

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
Rationales = Annotated[
    bool,
    typer.Option(
        "--rationales",
        help="Add the column rationale: the words from which alone each label can be read. The "
        "model gives them, too.",
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
ComparedColumn = Annotated[
    str | None,
    typer.Option(
        "--label-column", help="Column of classes, which the report compares with what was found."
    ),
]
# Of the number of topics, or of clusters.
NUMBER_IS_CHOSEN = "chosen: unseen words predicted, and found again by another seed"
Mixture = Annotated[
    bool, typer.Option("--mixture", help="Add what a text has of each of them, a column each.")
]
