"""The option `--seed`."""

from typing import Annotated

import typer

# What NumPy, Keras and TensorFlow's int32 seeds all take.
Seed = Annotated[
    int, typer.Option(min=0, max=2**31 - 1, help="The same seed gives the same result.")
]
