"""Seconds and memory of the main job; those of `dgm predict` are in `prediction_speed.py`.

    python benchmarks/labelling_speed.py --json benchmarks/results/labelling_speed.json

Labels Reuters R8 from ten labels per class, in a process of its own, whose peak memory is
therefore its own. Beside it, what one would use instead: self-training on LSA. `ratio` is the
peer's time over ours: above 1, we are faster.

Then two large tables, composed of real texts:

- many classes: 20,000 rows, each a piece of an article of one of the 25 largest classes of Reuters
  R52 and a piece of a post of one of the 20 newsgroups, whose pair is the class: 500 of them, ten
  labels each;
- many rows: 100,000 pieces of posts of the 20 newsgroups, 25 labels each.

A piece is a run of words of a text that is drawn with replacement, a third of them to all, so that
few rows are equal. `accuracy` is that of the hidden labels. Seconds are of the wall clock, and
`cpu_seconds` of the processor, user and system, all threads together.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from exits.missing import wanting
from recorded.resumed_rows import measure, rows_so_far
from rich.console import Console
from rich.table import Table

from tfp_dgm.data import (
    DataError,
    load_text_classification,
    read_labelled_table,
    write_table,
)

SEED = 0


def write_table_of_news(folder: Path, most: int | None) -> None:
    """R8, its first rows or all, with ten labels per class."""
    from tfp_dgm_apps.datasets import hide_labels

    with wanting(DataError):
        data = load_text_classification("r8")
    kept = hide_labels(data.train_labels[:most], 10, SEED)
    write_table(pd.DataFrame({"text": data.train_texts[:most], "label": kept}), folder / "r8.csv")


def piece(text: str, rng: np.random.Generator) -> str:
    """A run of a text's words, a third of them to all."""
    words = text.split()
    length = int(np.ceil(len(words) * rng.uniform(1 / 3, 1)))
    start = rng.integers(len(words) - length + 1)
    return " ".join(words[start : start + length])


def pieces(texts: list[str], labels: list[str], wanted: list[str], seed: int) -> list[str]:
    """A piece of a text of each wanted class."""
    rng = np.random.default_rng(seed)
    of = {name: [t for t, k in zip(texts, labels, strict=True) if k == name] for name in {*wanted}}
    return [piece(of[name][rng.integers(len(of[name]))], rng) for name in wanted]


def write_large_table(folder: Path, name: str, texts: list[str], truth: list[str], n: int) -> None:
    """A table with n labels per class, and its truth beside it."""
    from tfp_dgm_apps.datasets import hide_labels

    kept = hide_labels(truth, n, SEED)
    frame = pd.DataFrame({"text": texts, "label": kept})
    write_table(frame, folder / f"{name}.csv")
    write_table(frame.assign(label=truth), folder / f"{name}_truth.csv")


def write_large_tables(folder: Path, counts: dict[str, int], num_classes: int) -> None:
    """`many_classes.csv`, `many_rows.csv` where its rows are counted, and their truths."""
    with wanting(DataError):
        news, posts = load_text_classification("r52"), load_text_classification("20ng")
    groups = sorted({*posts.train_labels})
    largest = [name for name, _ in Counter(news.train_labels).most_common(num_classes // 20)]
    rng, num_pairs = np.random.default_rng(SEED), counts["many_classes"]
    first = [largest[n // 20 % len(largest)] for n in range(num_pairs)]
    second = [groups[n % 20] for n in range(num_pairs)]
    order = rng.permutation(num_pairs)
    articles = pieces(news.train_texts, news.train_labels, first, SEED)
    replies = pieces(posts.train_texts, posts.train_labels, second, SEED + 1)
    pairs = [f"{articles[n]} {replies[n]}" for n in order]
    truth = [f"{first[n]} / {second[n]}" for n in order]
    write_large_table(folder, "many_classes", pairs, truth, 10)
    if "many_rows" not in counts:
        return
    truth = [groups[k] for k in rng.integers(20, size=counts["many_rows"])]
    rows = pieces(posts.train_texts, posts.train_labels, truth, SEED + 2)
    write_large_table(folder, "many_rows", rows, truth, 25)


def label(folder: Path, name: str = "r8") -> float:
    """Seconds of the job, once TensorFlow is imported."""
    from tfp_dgm.labelling import label_file

    start = time.perf_counter()
    output = folder / f"{name}_out.csv"
    label_file(
        folder / f"{name}.csv",
        output,
        text_columns=["text"],
        label_column="label",
        encoder="none",
    )
    return time.perf_counter() - start


def accuracy(folder: Path, name: str) -> float:
    """Of the labels that were hidden."""
    found, truth = (pd.read_csv(folder / f"{name}_{end}.csv") for end in ("out", "truth"))
    hidden = found["label"].isna()
    return float((found["predicted_label"] == truth["label"])[hidden].mean())


def self_train(folder: Path) -> float:
    """Seconds of self-training on the same table."""
    from tfp_dgm.labelling import BASELINES

    start = time.perf_counter()
    table = read_labelled_table(folder / "r8.csv", text_columns=["text"], label_column="label")
    texts = [text for text, k in zip(table.texts, table.observed, strict=True) if k < 0]
    BASELINES["self-training on LSA"](table.texts, table.observed, texts, SEED)
    return time.perf_counter() - start


def use_of(job: tuple[Callable[..., float], tuple[Any, ...]]) -> dict[str, float]:
    """Seconds, those of the processor, and this process's peak memory in MB."""
    function, arguments = job
    before = time.process_time()
    seconds = function(*arguments)
    return {
        "seconds": seconds,
        "cpu_seconds": time.process_time() - before,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="600 rows of R8, 600 of 20 classes")
    parser.add_argument("--json", type=Path, help="where the results go, and are resumed from")
    arguments = parser.parse_args()
    few, num_classes, counts = None, 500, {"many_classes": 20_000, "many_rows": 100_000}
    if arguments.quick:
        few, num_classes, counts = 600, 20, {"many_classes": 600}
    rows = rows_so_far(arguments.json)
    with (
        tempfile.TemporaryDirectory() as name,
        multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool,
    ):
        folder = Path(name)
        write_table_of_news(folder, few)
        write_large_tables(folder, counts, num_classes)

        def run(function: Callable[..., float], *more: Any) -> dict[str, float]:
            return pool.apply(use_of, ((function, (folder, *more)),))

        def keep(name: str, find: Callable[[], dict[str, Any]]) -> None:
            measure(rows, name, find, arguments.json)

        news = f"{few} rows of R8" if few else "R8"
        keep(f"dgm label, {news}, 10 per class", lambda: beside_peer(run(label), run(self_train)))
        for table, count in counts.items():
            classes = num_classes if table == "many_classes" else 20
            keep(
                f"dgm label, {count:,} rows, {classes} classes",
                lambda table=table: {**run(label, table), "accuracy": accuracy(folder, table)},
            )
    show(rows)


def beside_peer(ours: dict[str, float], theirs: dict[str, float]) -> dict[str, Any]:
    peer = {"peer": "self-training on LSA", "peer_seconds": theirs["seconds"]}
    return {**ours, **peer, "ratio": theirs["seconds"] / ours["seconds"]}


def show(rows: list[dict[str, Any]]) -> None:
    table = Table()
    for title in ("", "seconds", "CPU s", "peak MB", "peer", "its seconds", "ratio"):
        table.add_column(title, justify="right" if title not in ("", "peer") else "left")
    for row in rows:
        table.add_row(
            row["name"],
            f"{row['seconds']:.1f}",
            f"{row['cpu_seconds']:.1f}",
            f"{row['peak_memory_mb']:,.0f}",
            row.get("peer", ""),
            f"{row['peer_seconds']:.1f}" if "peer_seconds" in row else "",
            f"{row['ratio']:.2f}" if "ratio" in row else "",
        )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
