"""The option `--seed`."""

from typing import Annotated

import typer

LARGEST_SEED = 2**31 - 1  # Of NumPy, Keras and an int32 in the graph, the least.
Seed = Annotated[
    int, typer.Option(min=0, max=LARGEST_SEED, help="The same seed gives the same result.")
]
