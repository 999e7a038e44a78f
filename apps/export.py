"""`dgm export`: a trained model as a SavedModel that TF Serving loads."""

from pathlib import Path
from typing import Annotated, Any

import typer

from tfp_dgm.data import DataError, check_input_file, read_json

from ._errors import clean_errors
from ._exporting import exporting
from ._progress import status
from ._quiet import quiet_start
from ._shared_options import Output, Quiet


def export(
    model: Annotated[
        Path, typer.Argument(help="A .keras file, or a folder with model.keras, as the apps write.")
    ],
    output: Output,
    version: Annotated[
        int | None,
        typer.Option(min=1, help="Its number.", show_default="one after the largest there"),
    ] = None,
    batch_size: Annotated[
        list[int] | None,
        typer.Option(min=1, help="An allowed batch size; may be given several times."),
    ] = None,
    card: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="JSON with data, metrics and limits, for the model card.",
        ),
    ] = None,
    warm_up_xla: Annotated[
        bool,
        typer.Option(
            "--warm-up-xla", help="Warm the compiled twins up too: for servers with XLA on only."
        ),
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Exports a model for TF Serving, with warm-up, examples, model card and recorded answers.

    --output is the served model's folder, such as saved_models/reviews, which gets a new version.
    """
    from tfp_dgm.serving import next_version

    path = model / "model.keras" if model.is_dir() else model
    with clean_errors("version", batch_sizes="--batch-size"):
        if not path.exists() and (model / "captioner.keras").exists():
            raise DataError.at(model, "holds a captioner, which `dgm caption export` exports")
        check_input_file(path)
        next_version(output, version)
        described = _card(model, card)
        with quiet_start():
            from tfp_dgm import models, serving
        with status(f"Loading {path}", quiet=quiet):
            loaded = models.load_model(path)
        with exporting(path, quiet=quiet):
            written = serving.export(
                loaded,
                output,
                version=version,
                batch_sizes=sorted(set(batch_size or serving.BATCH_SIZES)),
                card=described,
                warm_up_xla=warm_up_xla,
            )
    typer.echo(written)


def _card(model: Path, card: Path | None) -> dict[str, Any]:
    """What the user says, else what `dgm label` said of the model, else its training's numbers."""
    if card is not None:
        return read_json(card, "data, metrics and limits")
    described = model / "saved_model" / "1" / "model_card.json"
    if described.is_file():
        found = read_json(described, "a model card")
        return {name: found[name] for name in ("data", "metrics", "limits") if name in found}
    metrics = model / "metrics.json"
    if not metrics.is_file():
        return {}
    return {"metrics": _numbers(read_json(metrics, "the metrics of a training"))}


def _numbers(metrics: dict[str, Any]) -> dict[str, Any]:
    """The numbers, and those of the last epoch; no list, since warnings quote texts."""
    numbers = {name: value for name, value in metrics.items() if isinstance(value, int | float)}
    match metrics.get("history"):
        case [*_, last]:
            numbers["last_epoch"] = last
    return numbers
