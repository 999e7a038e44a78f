"""What benchmarks on data of a folder are asked on the command line."""

import argparse
import os
from pathlib import Path

from exits.missing import end_for_want_of


def parser_of(description: str, holds: str, *, quick: str) -> argparse.ArgumentParser:
    """A parser of `--data`, `--quick` and `--json`.

    Args:
      description: the docstring of the benchmark, whose first line is told.
      holds: what the folder of the data has to hold.
      quick: what `--quick` is.
    """
    parser = argparse.ArgumentParser(description=description.split("\n")[0])
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("TFP_DGM_DATA"),
        metavar="FOLDER",
        help=f"holds {holds} (default: $TFP_DGM_DATA)",
    )
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--json", type=Path, metavar="FILE", help="results")
    return parser


def folder_within(data: Path | None, name: str) -> Path:
    """A folder of the data; without it the benchmark ends."""
    if data is None or not (data / name).is_dir():
        end_for_want_of(f"{name}/ in the folder that TFP_DGM_DATA names")
    return data / name
