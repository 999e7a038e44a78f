"""`dgm label`: the rest of a partially annotated file, labelled."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tfp_dgm.data import (
    AnnotationColumns,
    DataError,
    check_label_results,
    check_separator,
    read_class_definitions,
    read_json,
)

from ._errors import clean_errors
from ._json_output import show_figures
from ._progress import progress_bar
from ._quiet import quiet_start
from ._shared_options import Json, Output, Quiet, Seed
from ._table_options import GuardFormulas, Quoting, Rationales, Reasons
from ._warnings import warn

if TYPE_CHECKING:
    from tfp_dgm.labelling import LabelledFile, MultiLabelFile

ENCODER_HELP = (
    "auto, none, or a pretrained text encoder: a folder in KerasHub's or Hugging Face's layout, or "
    "a KerasHub preset. auto tries the registry's minilm where the cache has it, in full and as a "
    "light one, and takes what makes unseen labels likelier. Needs the extra `encoder` of tfp-dgm."
)


def label(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="CSV, TSV, JSONL (each also .gz) or Parquet.")
    ],
    text_column: Annotated[
        list[str], typer.Option(help="Column that holds the text; may be given several times.")
    ],
    output: Output,
    label_column: Annotated[
        list[str] | None,
        typer.Option(
            help="Column of labels: empty = none, a class, a set such as a|b, or !a = any but a. "
            "Given several times: questions of their own, with a report each; with --multi-label "
            "a class each."
        ),
    ] = None,
    answer_column: Annotated[
        list[str] | None,
        typer.Option(
            help="Column of one annotator's labels, in place of --label-column; one for each."
        ),
    ] = None,
    annotator_column: Annotated[
        str | None,
        typer.Option(
            help="Column that names who gave the label of a row; rows of one text are one."
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            help="Folder for model, report and metrics.", show_default="--output's name.model"
        ),
    ] = None,
    min_precision: Annotated[
        float,
        typer.Option(min=0, max=1, help="Accept labels of which at least this share is right."),
    ] = 0.95,
    classes: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            help="A class name; give all of them where some occur in no single label, or one "
            "begins with !. With several label columns: COLUMN=CLASS.",
        ),
    ] = None,
    multi_label: Annotated[
        bool,
        typer.Option(
            "--multi-label",
            help="Several classes may apply to a row: cells such as a;b, lists, or a "
            "--label-column of 0 and 1 for each class.",
        ),
    ] = False,
    definitions: Annotated[
        list[str] | None,
        typer.Option(
            "--classes",
            metavar="FILE",
            help="YAML list of the classes: name, description, examples, parent. Labels may then "
            "be few or none, and --label-column left out. With several label columns: COLUMN=FILE.",
        ),
    ] = None,
    separator: Annotated[
        str | None,
        typer.Option(
            help='Stands between the classes of a set; "" where there are no sets.',
            show_default="|, with --multi-label ;",
        ),
    ] = None,
    quoting: Quoting = True,
    guard_formulas: GuardFormulas = False,
    reasons: Reasons = False,
    rationales: Rationales = False,
    encoder: Annotated[str, typer.Option(help=ENCODER_HELP)] = "auto",
    tune_encoder: Annotated[
        bool,
        typer.Option(
            "--tune-encoder/--no-tune-encoder",
            help="Whether an encoder read in full is also tuned to the labels, where that pays; "
            "that takes minutes, of many rows more. Never of several label columns, nor with "
            "--multi-label.",
        ),
    ] = True,
    seed: Seed = 0,
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Labels the rest of a file of which some rows carry labels.

    Writes to --output, a table in the format of its ending, the same rows with every column kept,
    and the columns predicted_label, probability, accept, second_label, second_probability,
    none_probability, suspect_label and given_label_probability, with --rationales also rationale,
    with --reasons also reasons, of several annotators also inferred_label and inferred_probability,
    of classes in groups also safe_label and safe_probability; of several label columns each one's
    begin with its name, as topic_predicted_label. With --multi-label they are predicted_labels,
    probabilities, accepted_labels, row_probability, accept and suspect_labels. Beside it: a folder
    with the trained model, a SavedModel that takes strings, report.html and metrics.json.
    """
    with clean_errors(
        "min_precision",
        "encoder",
        "annotator_column",
        "label_column",
        "separator",
        answer_columns="--answer-column",
        classes="--class",
        definitions="--classes",
        model_directory="--model",
        text_columns="--text-column",
    ):
        if multi_label:
            by_several = bool(answer_column or annotator_column)
            _check_multi_label(
                label_column or definitions,
                separator,
                by_several=by_several,
                without={"reasons": reasons, "rationales": rationales},
            )
        elif separator:
            check_separator(separator)
        asked = AnnotationColumns.of(
            label_column, answer_column, annotator_column, defined=definitions is not None
        )
        several = len(asked.labels) > 1 and not multi_label
        named = _by_column("classes", "CLASS", classes, asked.labels) if several else classes
        files = _definition_files(definitions, asked.labels if several else ())
        check_label_results(source, output, model)
        for file in files.values():
            read_class_definitions(file)
        with quiet_start():
            from tfp_dgm.labelling import label_file, label_multi_label_file
        with progress_bar(quiet=quiet) as progress:
            common: dict[str, Any] = {
                "text_columns": text_column,
                "model_directory": model,
                "min_precision": min_precision,
                "quoting": quoting,
                "guard_formulas": guard_formulas,
                "encoder": encoder,
                "seed": seed,
                "progress": progress,
            }
            job: LabelledFile | MultiLabelFile
            if multi_label:
                job = label_multi_label_file(
                    source,
                    output,
                    label_columns=asked.labels,
                    classes=classes,
                    definitions=files.get(""),
                    separator=";" if separator is None else separator,
                    **common,
                )
            else:
                job = label_file(
                    source,
                    output,
                    label_column=asked.labels,
                    answer_columns=asked.answers,
                    annotator_column=annotator_column,
                    classes=named,
                    definitions=files if several and files else files.get(""),
                    separator="|" if separator is None else separator,
                    tune_encoder=tune_encoder,
                    reasons=reasons,
                    rationales=rationales,
                    **common,
                )
        warn(job.warnings)
        figures = read_json(job.model_directory / "metrics.json", "the metrics of a labelling")
        show_figures(figures, json_file, lambda: typer.echo(job.summary()))


def _check_multi_label(
    labels: Sequence[str] | None,
    separator: str | None,
    *,
    by_several: bool,
    without: Mapping[str, bool],
) -> None:
    """Refuses what --multi-label does not go with."""
    if by_several:
        raise DataError("--multi-label: expected labels of one hand, not of several annotators")
    for name, given in without.items():
        if given:
            raise DataError(f"--{name}: labels with --multi-label come without {name}")
    if not labels:
        raise DataError(
            "--label-column: expected a column of labels, one of 0 and 1 for each class, or "
            "--classes; received none"
        )
    if separator is not None:
        check_separator(separator)


def _definition_files(given: Sequence[str] | None, columns: Sequence[str]) -> dict[str, str]:
    """The files that `--classes` names, by label column where there are several, else under ""."""
    if len(columns) > 1:
        found = _by_column("definitions", "FILE", given, columns) or {}
    else:
        found = {"": list(given)} if given else {}
    for column, files in found.items():
        if len(files) > 1:
            raise DataError(
                f"definitions: expected one file{f' of {column!r}' if column else ''}; received "
                + " and ".join(map(repr, files))
            )
    return {column: files[0] for column, files in found.items()}


def _by_column(
    argument: str, value: str, given: Sequence[str] | None, columns: Sequence[str]
) -> dict[str, list[str]] | None:
    """What an option names, COLUMN=VALUE each; a name of either may hold the sign itself."""
    if given is None:
        return None
    found: dict[str, list[str]] = {}
    for word in given:
        named = [column for column in columns if word.startswith(f"{column}=")]
        if len(named) != 1:
            raise DataError(
                f"{argument}: expected COLUMN={value}, of one of the label columns "
                f"{', '.join(map(repr, columns))}; received {word!r}"
                + (f", which may be of {' or '.join(map(repr, named))}" if named else "")
            )
        found.setdefault(named[0], []).append(word.removeprefix(f"{named[0]}="))
    return found
