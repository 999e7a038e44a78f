"""Rows per second of `dgm predict --runner DirectRunner`, its fixed costs, and what 10^9 rows cost.

    python benchmarks/scale.py --json benchmarks/results/scale.json

Labels Reuters R8 from ten labels per class without an encoder, and then shards of its texts
(over and over, each with its number, since equal texts would be answered once) with one and with
two worker processes, each beside a run of two shards of one row, which is what a run costs whatever
it is of. `seconds` are of the wall clock and mean little beside other
work; `cpu_seconds` are of the processors, all processes of the run together. A row's cost is what
the many rows took more than the few; where that is little, they were too few to tell.

The plan divides 10^9 rows among N workers of one core each, which cost what the one process here
does, and adds to each of them the fixed costs of its whole run: no worker waits for another, none
is lost, and storage gives and takes files as quickly as the disk here.
"""

import argparse
import json
import resource
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
from exits.missing import end_for_want_of, wanting
from rich.console import Console
from rich.table import Table

from tfp_dgm.data import DataError, atomic_write, load_text_classification, write_table

SEED = 0
SHOWN = ("rows", "seconds", "cpu_seconds", "fixed_cpu_seconds", "rows_per_cpu_second")
LEAST_SHARE = 0.5
PLANNED_ROWS = 10**9
PLANNED_WORKERS = (10, 100, 1000)


def train(folder: Path, quick: bool) -> list[str]:
    """A labelling of R8 in `r8.model`; gives the texts that it has not seen."""
    from tfp_dgm_apps.datasets import hide_labels

    from tfp_dgm.labelling import label_file

    with wanting(DataError):
        data = load_text_classification("r8")
    size = 400 if quick else len(data.train_texts)
    kept = hide_labels(data.train_labels[:size], 10, SEED)
    frame = pd.DataFrame({"text": data.train_texts[:size], "label": kept})
    write_table(frame, folder / "r8.csv")
    label_file(
        folder / "r8.csv",
        folder / "r8_out.csv",
        text_columns=["text"],
        label_column="label",
        model_directory=folder / "r8.model",
        encoder="none",
    )
    return list(data.test_texts)


def write_shards(folder: Path, texts: list[str], shards: int, rows: int) -> Path:
    """Shards of so many rows each, no two alike; gives their pattern."""
    folder.mkdir()
    for number in range(shards):
        places = range(number * rows, (number + 1) * rows)
        chosen = [f"{texts[place % len(texts)]} {place}" for place in places]
        write_table(pd.DataFrame({"text": chosen}), folder / f"{number}.parquet")
    return folder / "*.parquet"


def cpu_seconds() -> float:
    """Of this process and all that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(own.ru_utime + own.ru_stime for own in used)


def run(folder: Path, name: str, pattern: Path, workers: int) -> dict[str, float]:
    """Seconds of a run, once TensorFlow is imported here; a worker imports its own."""
    from tfp_dgm.labelling import label_shards
    from tfp_dgm.serving.beam import BulkRun

    start, before = time.perf_counter(), cpu_seconds()
    options = {"direct_num_workers": str(workers)}
    asked = BulkRun(pattern, folder / name, runner_options=options)
    totals = label_shards(folder / "r8.model", asked)
    assert not totals.dead
    return {
        "rows": totals.rows,
        "seconds": time.perf_counter() - start,
        "cpu_seconds": cpu_seconds() - before,
        "model_seconds": totals.model_seconds,
    }


def measured(
    folder: Path, texts: list[str], rows: int, processes: Sequence[int]
) -> Iterator[dict[str, Any]]:
    """Few rows and many, by so many processes."""
    few = write_shards(folder / "few", texts, 2, 1)
    many = write_shards(folder / "many", texts, 8, rows // 8)
    for workers in processes:
        fixed = run(folder, f"few_{workers}", few, workers)
        found = run(folder, f"many_{workers}", many, workers)
        yield {
            "name": f"{workers} process" + ("es" if workers > 1 else ""),
            "workers": workers,
            **found,
            "fixed_seconds": fixed["seconds"],
            "fixed_cpu_seconds": fixed["cpu_seconds"],
            "rows_per_second": rate(found, fixed, "seconds"),
            "rows_per_cpu_second": rate(found, fixed, "cpu_seconds"),
        }


def rate(found: dict[str, float], fixed: dict[str, float], unit: str) -> float | None:
    """Rows in a unit of time; None where they took no longer than fixed costs differ by chance."""
    more = found[unit] - fixed[unit]
    return (found["rows"] - fixed["rows"]) / more if more > LEAST_SHARE * fixed[unit] else None


def planned(one: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Hours and core hours of 10^9 rows, by what one process costs."""
    for workers in PLANNED_WORKERS:
        busy = PLANNED_ROWS / one["rows_per_cpu_second"]
        fixed = one["fixed_cpu_seconds"]
        yield {
            "name": f"10^9 rows, {workers} workers",
            "workers": workers,
            "hours": (busy / workers + fixed) / 3600,
            "core_hours": (busy + workers * fixed) / 3600,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="400 texts to learn from, 160,000 rows, one process"
    )
    parser.add_argument("--json", type=Path, help="where the results go")
    arguments = parser.parse_args()
    if find_spec("apache_beam") is None:
        end_for_want_of("apache_beam; pip install tfp-dgm[beam]")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        texts = train(folder, arguments.quick)
        size, processes = (160_000, (1,)) if arguments.quick else (400_000, (1, 2))
        rows = list(measured(folder, texts, size, processes))
    rows += planned(rows[0]) if rows[0]["rows_per_cpu_second"] else []
    for first, shown in (("rows", SHOWN), ("hours", ("hours", "core_hours"))):
        table = Table("", *(name.replace("_", " ") for name in shown))
        for row in rows:
            if first in row:
                cells = (row[name] for name in shown)
                shown_cells = ("too few" if cell is None else f"{cell:,.2f}" for cell in cells)
                table.add_row(row["name"], *shown_cells)
        if table.row_count:
            Console().print(table)
    if arguments.json:
        report = {"command": shlex.join(["python", *sys.argv]), "rows": rows}
        with atomic_write(arguments.json) as file:
            file.write((json.dumps(report, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
