"""Bytes of memory that a training on shards keeps for each sentence, and for each pair of texts.

    python benchmarks/shard_memory.py --json benchmarks/results/shard_memory.json

Writes made rows of token ids to the disk as a training does, and counts by `tracemalloc` what
batches of 32 of them keep in memory (`bytes`), and the most while an epoch is put in order
(`peak_bytes`); each by the number of rows. Nothing is timed.
"""

import argparse
import json
import shlex
import sys
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from tfp_dgm.captioning import CaptionBatches
from tfp_dgm.data import atomic_write
from tfp_dgm.text import BucketedBatches, StoredRows

SEED = 0
BATCH_SIZE = 32
LONGEST = 30


def write_rows(folder: Path, count: int, seed: int) -> Path:
    """So many rows of 1 to LONGEST token ids."""
    random = np.random.default_rng([SEED, seed])
    folder.mkdir()
    lengths = random.integers(1, LONGEST + 1, count)
    StoredRows.write(folder, (np.ones(length, np.int32) for length in lengths))
    return folder


def sentences(folders: list[Path]) -> BucketedBatches:
    """Of `dgm text-vae train`."""
    return BucketedBatches(StoredRows(folders[0]), BATCH_SIZE, seed=SEED)


def pairs(folders: list[Path]) -> BucketedBatches:
    """Of `dgm caption train` on texts."""
    sources, targets = map(StoredRows, folders)
    return CaptionBatches(sources, np.arange(len(sources)), targets, BATCH_SIZE, seed=SEED)


def measured(folder: Path, count: int) -> Iterator[dict[str, Any]]:
    """A row of the table for either job."""
    folders = [write_rows(folder / name, count, seed) for seed, name in enumerate("st")]
    stored = sum(path.stat().st_size for path in folders[0].iterdir())
    tokens = int(StoredRows(folders[0]).lengths.sum())
    jobs: dict[str, Callable[[list[Path]], BucketedBatches]] = {
        "sentences": sentences,
        "pairs of texts": pairs,
    }
    for name, job in jobs.items():
        tracemalloc.start()
        batches = job(folders)
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        batches.epoch = 1
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        yield {
            "name": name,
            "rows": count,
            "bytes": kept / count,
            "peak_bytes": peak / count,
            "stored_bytes_per_token": (stored - 8 * count) / tokens,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="50,000 rows")
    parser.add_argument("--json", type=Path, help="where the results go")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        rows = list(measured(Path(name), 50_000 if arguments.quick else 1_000_000))
    shown = ("rows", "bytes", "peak_bytes", "stored_bytes_per_token")
    table = Table("", *(name.replace("_", " ") for name in shown))
    for row in rows:
        table.add_row(row["name"], *(f"{row[name]:,.1f}" for name in shown))
    Console().print(table)
    if arguments.json:
        report = {"command": shlex.join(["python", *sys.argv]), "rows": rows}
        with atomic_write(arguments.json) as file:
            file.write((json.dumps(report, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
