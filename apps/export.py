"""`dgm export`: a trained model as a SavedModel that TF Serving loads."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ._errors import clean_errors
from ._quiet import quiet_start


def export(
    model: Annotated[
        Path, typer.Argument(help="A .keras file, or a folder with model.keras, as the apps write.")
    ],
    directory: Annotated[
        Path, typer.Argument(help="The model's folder, such as saved_models/reviews.")
    ],
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
        typer.Option(help="JSON with data, metrics and limits, for the model card."),
    ] = None,
    warm_up_xla: Annotated[
        bool,
        typer.Option(
            "--warm-up-xla", help="Warm the compiled twins up too: for servers with XLA on only."
        ),
    ] = False,
) -> None:
    """Exports a model for TF Serving, with warm-up, examples, model card and recorded answers."""
    with quiet_start():
        import keras

        from tfp_dgm import labelling, models, serving  # noqa: F401 - Registers their classes.
        from tfp_dgm.data import DataError
    path = model / "model.keras" if model.is_dir() else model
    with clean_errors():
        if not path.is_file():
            raise DataError(f"{path}: expected a model that Keras saved; found none")
        try:
            loaded = keras.saving.load_model(path)
        except (ValueError, TypeError, KeyError) as error:
            raise DataError(f"{path}: cannot be loaded: {error}") from error
        try:
            written = serving.export(
                loaded,
                directory,
                version=version,
                batch_sizes=sorted(set(batch_size or serving.BATCH_SIZES)),
                card=_card(model, card),
                warm_up_xla=warm_up_xla,
            )
        except ValueError as error:
            raise DataError(str(error)) from error
    typer.echo(written)


def _card(model: Path, card: Path | None) -> dict[str, Any]:
    """What the user says, or the metrics that the apps write beside a model."""
    from tfp_dgm.data import DataError

    if card is None:
        metrics = model / "metrics.json"
        if not metrics.is_file():
            return {}
        found = json.loads(metrics.read_text(encoding="utf-8"))
        return {"metrics": {key: value for key, value in found.items() if key != "classes"}}
    try:
        found = json.loads(card.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{card}: not JSON: {error}") from error
    if not isinstance(found, dict):
        raise DataError(f"{card}: expected an object with data, metrics and limits")
    return found
