"""`dgm predict`: new files, labelled with a trained model, on one machine or many."""

from typing import Annotated

import typer

from tfp_dgm.data import DataError, check_labelled_table, is_url, read_label_settings

from ._bulk_prediction import predict_in_bulk
from ._errors import clean_errors
from ._progress import progress_bar
from ._quiet import quiet_start
from ._shared_options import Quiet, Resume
from ._table_options import GuardFormulas, Quoting, Reasons
from ._warnings import warn


def predict(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="The folder that `dgm label` wrote; with --runner any exported model, or a URL.",
        ),
    ],
    source: Annotated[
        str,
        typer.Argument(
            metavar="IN",
            help="CSV, TSV, JSONL (each also .gz) or Parquet; with --runner also plain text, a "
            "folder of files, or a pattern such as 'in/*.parquet' or 's3://bucket/in/*.csv'.",
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output",
            metavar="PATH",
            help="Where the results go; what this command did not make is never replaced.",
        ),
    ],
    text_column: Annotated[
        list[str] | None,
        typer.Option(help="Column that holds the text.", show_default="as in training"),
    ] = None,
    quoting: Quoting = True,
    guard_formulas: GuardFormulas = False,
    reasons: Reasons = False,
    runner: Annotated[
        str | None,
        typer.Option(
            help="Label many files on a runner of Apache Beam: DirectRunner (the cores of this "
            "machine), FlinkRunner, SparkRunner, DataflowRunner. Needs the extra `beam`.",
            show_default="one file, in a stream",
        ),
    ] = None,
    runner_option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="An option of the runner, as Beam names it; several times.",
        ),
    ] = None,
    signature: Annotated[
        str | None,
        typer.Option(
            help="Of an exported model with --runner: the signature to ask.",
            show_default="serving_default",
        ),
    ] = None,
    resume: Resume = False,
    quiet: Quiet = False,
) -> None:
    """Labels a new file, in a stream: memory does not grow with the file.

    Writes to --output, a table in the format of its ending, the same rows and the columns
    predicted_label, probability, accept, second_label, second_probability, none_probability and
    novelty, of a model with rationales also rationale, with --reasons also reasons; of a model of
    several label columns each one's begin with its name. Of a model of several labels a row:
    predicted_labels, probabilities, accepted_labels, row_probability, accept. Warns where the file
    as a whole is unlike the training's.

    With --runner, --output is a folder: shards/ has a file of the same name for each of IN (of a
    large one in parts), dead_letters.jsonl the rows and files that could not be labelled, and why.
    """
    if runner is not None:
        predict_in_bulk(
            model,
            source,
            output,
            text_columns=text_column,
            quoting=quoting,
            guard_formulas=guard_formulas,
            reasons=reasons,
            runner=runner,
            runner_option=runner_option or [],
            signature=signature,
            resume=resume,
            quiet=quiet,
        )
        return
    warnings: list[str] = []
    with clean_errors("reasons", text_columns="--text-column"):
        for place in (model, source, output):
            if is_url(place):
                raise DataError(f"{place}: a URL; expected a path, or --runner")
        for name, given in (
            ("runner-option", runner_option),
            ("signature", signature),
            ("resume", resume),
        ):
            if given:
                raise DataError(f"--{name}: expected with --runner")
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
