"""`dgm --version`."""

import importlib.metadata

import typer

_PACKAGES = {
    "tfp_dgm": "tfp-dgm",
    "TensorFlow": "tensorflow",
    "Keras": "keras",
    "TensorFlow Probability": "tensorflow-probability",
}


def print_versions(asked: bool) -> None:
    """A callback that prints the versions of what decides a run, and ends the command."""
    if asked:
        for name, package in _PACKAGES.items():
            typer.echo(f"{name} {importlib.metadata.version(package)}")
        raise typer.Exit
