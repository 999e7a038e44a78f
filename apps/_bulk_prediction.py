"""`dgm predict --runner`: many files, labelled by the workers of a runner of Apache Beam."""

import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from tfp_dgm.data import DataError, local_folder, read_json, read_label_settings, shorten
from tfp_dgm.serving.beam import shards_of

from ._errors import clean_errors
from ._progress import progress_bar
from ._quiet import quiet_start
from ._warnings import warn


def predict_in_bulk(
    model: str,
    pattern: str,
    output: str,
    *,
    runner_option: Sequence[str],
    signature: str | None,
    reasons: bool,
    quiet: bool,
    **asked: Any,
) -> None:
    """Labels the files of a pattern, and tells what became of them.

    Args:
      model: a folder of `dgm label`, or an exported model; like the others a path or a URL.
      pattern: see `serving.beam.shards_of`.
      output: the folder of the run.
      runner_option: NAME=VALUE, or a name alone.
      signature: of an exported model.
      reasons: of a folder of `dgm label`.
      quiet: whether no progress is told.
      **asked: the other options, as `serving.beam.BulkRun` names them.
    """
    warnings: list[str] = []
    with clean_errors(
        "runner",
        "signature",
        "reasons",
        text_columns="--text-column",
        runner_options="--runner-option",
    ):
        asked["runner_options"] = dict(map(_name_and_value, runner_option))
        shards_of(pattern, output=output)
        of_labelling = _is_of_labelling(local_folder(model))
        if of_labelling and signature is not None:
            raise DataError("--signature: expected with an exported model, as MODEL/saved_model is")
        if reasons and not of_labelling:
            raise DataError("--reasons: expected with a folder of `dgm label`")
        if importlib.util.find_spec("apache_beam") is None:
            raise DataError("--runner needs Apache Beam; `pip install tfp-dgm[beam]` brings it")
        # Workers are processes, each with a share of the cores for its model.
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
        os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
        with quiet_start():
            from tfp_dgm.labelling import label_shards
            from tfp_dgm.serving.beam import BulkRun, predict_shards
        with progress_bar(quiet=quiet) as progress:
            run = BulkRun(pattern, output, **asked, progress=progress, warn=warnings.append)
            if of_labelling:
                totals = label_shards(model, run, reasons=reasons)
            else:
                totals = predict_shards(model, run, signature=signature or "serving_default")
    warn(warnings)
    output = output.rstrip("/")
    typer.echo(
        f"{output}/shards: {totals.rows:,} rows of {totals.shards:,} files, in "
        f"{totals.batches:,} batches and {totals.model_seconds:,.1f} s of the model"
    )
    for source, failure in totals.failures.items():
        typer.echo(f"Error: {failure if source in failure else f'{source}: {failure}'}", err=True)
    if totals.dead:
        typer.echo(
            f"Error: {output}/dead_letters.jsonl: {totals.dead:,} rows or files without an "
            f"answer{'; mend the files, then --resume' if totals.failures else ''}",
            err=True,
        )
        raise typer.Exit(code=2)


def _name_and_value(given: str) -> tuple[str, str]:
    name, _, value = given.partition("=")
    if not name or name.startswith("-"):
        raise DataError(f"--runner-option: expected NAME=VALUE; received {given!r}")
    return name, value


def _is_of_labelling(model: Path) -> bool:
    """Whether `dgm label` wrote a folder; else it is an export.

    Raises:
      DataError: if it is neither.
    """
    try:
        read_label_settings(model)
    except DataError:
        if not any(model.glob("**/saved_model.pb")):
            raise
        settings = model / "settings.json"
        if settings.exists() and not (model / "run.json").exists():
            _require_of_a_job(settings)  # One that is damaged makes no other model of a labelling.
        return False
    return True


def _require_of_a_job(settings: Path) -> None:
    """Raises a DataError where settings are not those of topics, clusters or tags."""
    known = read_json(settings, "the settings of a model")
    if {"kind", "scheme"} & known.keys():
        return
    beside = settings.with_name("saved_model")
    raise DataError.at(
        settings,
        "expected the settings of a labelling, of topics or of tags; received "
        f"{shorten(known)}; to ask the model beside them, give {beside}",
    )
