"""`dgm predict`: new files, labelled with a trained model."""

from pathlib import Path
from typing import Annotated

import typer

from tfp_dgm.data import check_labelled_table, read_label_settings

from ._errors import clean_errors
from ._progress import progress_bar
from ._quiet import quiet_start
from ._shared_options import Output, Quiet
from ._table_options import GuardFormulas, Quoting, Reasons
from ._warnings import warn


def predict(
    model: Annotated[Path, typer.Argument(help="The folder that `dgm label` wrote.")],
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="CSV, TSV, JSONL (each also .gz) or Parquet.")
    ],
    output: Output,
    text_column: Annotated[
        list[str] | None,
        typer.Option(help="Column that holds the text.", show_default="as in training"),
    ] = None,
    quoting: Quoting = True,
    guard_formulas: GuardFormulas = False,
    reasons: Reasons = False,
    quiet: Quiet = False,
) -> None:
    """Labels a new file, in a stream: memory does not grow with the file.

    Writes to --output, a table in the format of its ending, the same rows and the columns
    predicted_label, probability, accept, second_label, second_probability, none_probability and
    novelty, with --reasons also reasons; of a model of several label columns each one's begin with
    its name. Of a model of several labels a row: predicted_labels, probabilities, accepted_labels,
    row_probability, accept. Warns where the file as a whole is unlike the training's.
    """
    warnings: list[str] = []
    with clean_errors("reasons", text_columns="--text-column"):
        check_labelled_table(output, [source])
        read_label_settings(model)
        with quiet_start():
            from tfp_dgm.labelling import predict_file
        with progress_bar(quiet=quiet) as progress:
            rows = predict_file(
                model,
                source,
                output,
                text_columns=text_column,
                quoting=quoting,
                guard_formulas=guard_formulas,
                reasons=reasons,
                progress=progress,
                warn=warnings.append,
            )
    warn(warnings)
    typer.echo(f"{output}: {rows:,} rows labelled")
