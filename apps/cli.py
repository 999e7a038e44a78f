"""`dgm`, the command line of tfp_dgm."""

import os
from typing import Annotated

import typer

from . import (
    caption,
    check,
    cluster,
    datasets,
    demo,
    export,
    induce,
    iwae,
    label,
    predict,
    review,
    serve,
    serve_check,
    tag,
    text_vae,
    topics,
)
from ._interrupts import prompt_interrupts
from ._versions import print_versions

app = typer.Typer(
    name="dgm",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def versions(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=print_versions,
            is_eager=True,
            help="The versions of tfp_dgm, TensorFlow, Keras and TFP.",
        ),
    ] = False,
) -> None:
    """Deep generative models of text: label, serve, explore."""


app.command("label")(label.label)
app.command("predict")(predict.predict)
app.command("check")(check.check)
app.command("review")(review.review)
app.add_typer(tag.app, name="tag")
app.add_typer(topics.app, name="topics")
app.command("cluster")(cluster.cluster)
app.command("demo")(demo.demo)
app.command("export")(export.export)
app.command("serve-check")(serve_check.serve_check)
app.command("serve")(serve.serve)
app.add_typer(text_vae.app, name="text-vae")
app.add_typer(
    caption.app, name="caption", help="Images described, texts answered, by a mixture of experts."
)
app.add_typer(iwae.app, name="iwae")
app.add_typer(induce.app, name="induce")
app.add_typer(datasets.app, name="datasets", help="Public data sets: list, fetch, export.")


def main() -> None:
    """The console script's entry point."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # Before anything loads TensorFlow.
    with prompt_interrupts():
        app()
