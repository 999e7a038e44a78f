"""Seconds and memory of the main job, and rows per second of `dgm predict`.

    python benchmarks/labelling_speed.py --json benchmarks/results/labelling_speed.json

Labels Reuters R8 from ten labels per class, and then labels tables of 20,000 and 100,000 of its
texts (repeated) with the model; each in a process of its own, whose peak memory is therefore its
own. Beside them, what one would use instead: self-training on LSA, and TF-IDF + logistic regression
reading the same table in chunks. `ratio` is the peer's time over ours: above 1, we are faster.
"""

import argparse
import json
import multiprocessing
import resource
import shlex
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from exits.missing import wanting
from rich.console import Console
from rich.table import Table

from tfp_dgm.data import (
    DataError,
    atomic_write,
    iter_table_chunks,
    load_text_classification,
    read_labelled_table,
    write_table,
)

SEED = 0


def write_tables(folder: Path, rows: list[int]) -> None:
    """R8 with ten labels per class, and its texts repeated to tables without labels."""
    from tfp_dgm_apps.datasets import hide_labels

    with wanting(DataError):
        data = load_text_classification("r8")
    kept = hide_labels(data.train_labels, 10, SEED)
    write_table(pd.DataFrame({"text": data.train_texts, "label": kept}), folder / "r8.csv")
    for count in rows:
        texts = (data.test_texts * (count // len(data.test_texts) + 1))[:count]
        write_table(pd.DataFrame({"text": texts}), folder / f"{count}.csv")


def label(folder: Path) -> float:
    """Seconds of the job, once TensorFlow is imported."""
    from tfp_dgm.labelling import label_file

    start = time.perf_counter()
    label_file(
        folder / "r8.csv",
        folder / "out.csv",
        text_columns=["text"],
        label_column="label",
        encoder="none",
    )
    return time.perf_counter() - start


def self_train(folder: Path) -> float:
    """Seconds of self-training on the same table."""
    from tfp_dgm.labelling import BASELINES

    start = time.perf_counter()
    table = read_labelled_table(folder / "r8.csv", text_columns=["text"], label_column="label")
    texts = [text for text, k in zip(table.texts, table.observed, strict=True) if k < 0]
    BASELINES["self-training on LSA"](table.texts, table.observed, texts, SEED)
    return time.perf_counter() - start


def predict(folder: Path, rows: int) -> float:
    """Seconds of `dgm predict`, once TensorFlow is imported."""
    from tfp_dgm.labelling import predict_file

    start = time.perf_counter()
    predict_file(folder / "out.model", folder / f"{rows}.csv", folder / f"{rows}_out.csv")
    return time.perf_counter() - start


def predict_scikit_learn(folder: Path, rows: int) -> float:
    """Seconds of TF-IDF + logistic regression on the same table, training left out."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    table = read_labelled_table(folder / "r8.csv", text_columns=["text"], label_column="label")
    given = table.observed >= 0
    texts = [text for text, here in zip(table.texts, given, strict=True) if here]
    vectorizer = TfidfVectorizer(sublinear_tf=True, min_df=2).fit(table.texts)
    model = make_pipeline(vectorizer, LogisticRegression(max_iter=1000))
    model.named_steps["logisticregression"].fit(vectorizer.transform(texts), table.observed[given])
    start = time.perf_counter()
    for chunk in iter_table_chunks(folder / f"{rows}.csv", text_columns=["text"], chunk_rows=8192):
        model.predict_proba(chunk.texts)
    return time.perf_counter() - start


def measure(job: tuple[Callable[..., float], tuple[Any, ...]]) -> tuple[float, float]:
    """Seconds, and this process's peak memory in MB."""
    function, arguments = job
    seconds = function(*arguments)
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="2,000 and 5,000 rows")
    parser.add_argument("--json", type=Path, help="where the results go")
    arguments = parser.parse_args()
    counts = [2000, 5000] if arguments.quick else [20_000, 100_000]
    rows: list[dict[str, Any]] = []
    with (
        tempfile.TemporaryDirectory() as name,
        multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool,
    ):
        folder = Path(name)
        write_tables(folder, counts)

        def run(function: Callable[..., float], *more: Any) -> tuple[float, float]:
            return pool.apply(measure, ((function, (folder, *more)),))

        ours, memory = run(label)
        theirs, _ = run(self_train)
        rows.append(
            {
                "name": "dgm label, R8, 10 per class",
                "seconds": ours,
                "peak_memory_mb": memory,
                "peer": "self-training on LSA",
                "peer_seconds": theirs,
                "ratio": theirs / ours,
            }
        )
        for count in counts:
            ours, memory = run(predict, count)
            theirs, _ = run(predict_scikit_learn, count)
            rows.append(
                {
                    "name": f"dgm predict, {count:,} rows",
                    "seconds": ours,
                    "rows_per_second": count / ours,
                    "peak_memory_mb": memory,
                    "peer": "TF-IDF + logistic regression",
                    "peer_seconds": theirs,
                    "ratio": theirs / ours,
                }
            )
    table = Table()
    for title in ("", "seconds", "rows/s", "peak MB", "peer", "its seconds", "ratio"):
        table.add_column(title, justify="right" if title not in ("", "peer") else "left")
    for row in rows:
        table.add_row(
            row["name"],
            f"{row['seconds']:.1f}",
            f"{row['rows_per_second']:,.0f}" if "rows_per_second" in row else "",
            f"{row['peak_memory_mb']:,.0f}",
            row["peer"],
            f"{row['peer_seconds']:.1f}",
            f"{row['ratio']:.2f}",
        )
    Console(width=120).print(table)
    if arguments.json:
        result = {"command": shlex.join(["python", *sys.argv]), "rows": rows}
        with atomic_write(arguments.json) as file:
            file.write(json.dumps(result, indent=1).encode())


if __name__ == "__main__":
    main()
