"""Rows a second of `dgm predict`, beside scikit-learn's pipeline on the same file.

    python benchmarks/prediction_speed.py --json benchmarks/results/prediction_speed.json

The model is that of Reuters R8 with ten labels per class, without an encoder. The tables are its
test texts over and over, each time with another word left out and another put in, so that no two
rows are equal; in the short ones each row has the first twelve words. Beside it, what one would use
instead: pandas reads the same file in chunks of as many rows, TF-IDF + logistic regression of
scikit-learn, trained on the same rows, tells class and probability, and pandas writes them behind
the row. Both write whole tables.

Each run is a process of its own, on one core and on all that there are, ours and the peer's in
turn; of `--repeats` runs the one of the fewest CPU seconds counts. Seconds are those from the open
model folder to the written file, loading of the model included (`loading_seconds`), import and
training left out; `cpu_seconds` are those of all threads together, and hardly change with what else
the machine does. Peak memory is the process's, TensorFlow's about 500 MB included. `ratio` is the
peer's CPU seconds over ours, `wall_ratio` the same of the clock: above 1, we are faster.
"""

import argparse
import json
import multiprocessing
import os
import resource
import shlex
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from exits.missing import wanting
from rich.console import Console
from rich.table import Table

from tfp_dgm.data import (
    DataError,
    atomic_write,
    load_text_classification,
    read_labelled_table,
    write_table,
)

SEED = 0
CHUNK = 8192
SHORT = 12


def write_training(folder: Path, most: int | None) -> None:
    """R8 with ten labels per class; of its texts the first ones."""
    from tfp_dgm_apps.datasets import hide_labels

    with wanting(DataError):
        data = load_text_classification("r8")
    texts, labels = data.train_texts[:most], data.train_labels[:most]
    frame = pd.DataFrame({"text": texts, "label": hide_labels(labels, 10, SEED)})
    write_table(frame, folder / "r8.csv")


def write_rows(folder: Path, name: str, count: int, words: int | None) -> None:
    """A table of rows that are like the test texts of R8, and no two alike."""
    data = load_text_classification("r8")
    texts = [text.split() for text in data.test_texts]
    others = [word for text in texts for word in text]
    rng = np.random.default_rng(SEED)
    with (folder / f"{name}.csv").open("w", encoding="utf-8") as file:
        file.write("text\n")
        for row in range(count):
            text = list(texts[row % len(texts)])
            text.insert(int(rng.integers(len(text) + 1)), others[rng.integers(len(others))])
            del text[int(rng.integers(len(text)))]
            cell = " ".join([*text[:words], str(row)]).replace('"', '""')
            file.write(f'"{cell}"\n')


def train(folder: Path) -> None:
    from tfp_dgm.labelling import label_file

    label_file(
        folder / "r8.csv",
        folder / "r8_out.csv",
        text_columns=["text"],
        label_column="label",
        encoder="none",
    )


def predict(folder: Path, name: str) -> Callable[[], None]:
    """What is measured of ours."""
    from tfp_dgm.labelling import predict_file

    return lambda: _none(
        predict_file(folder / "r8_out.model", folder / f"{name}.csv", folder / f"{name}_out.csv")
    )


def predict_scikit_learn(folder: Path, name: str) -> Callable[[], None]:
    """The same of the peer, whose training is left out."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    table = read_labelled_table(folder / "r8.csv", text_columns=["text"], label_column="label")
    given = table.observed >= 0
    texts = [text for text, here in zip(table.texts, given, strict=True) if here]
    classes = np.array(table.classes)[table.observed[given]]
    vectorizer = TfidfVectorizer(sublinear_tf=True, min_df=2).fit(table.texts)
    model = make_pipeline(vectorizer, LogisticRegression(max_iter=1000))
    model.named_steps["logisticregression"].fit(vectorizer.transform(texts), classes)

    def run() -> None:
        chunks = pd.read_csv(
            folder / f"{name}.csv", chunksize=CHUNK, dtype=str, keep_default_na=False
        )
        with (folder / f"{name}_peer.csv").open("w", encoding="utf-8") as file:
            for number, chunk in enumerate(chunks):
                found = model.predict_proba(chunk["text"])
                chunk["predicted_label"] = model.classes_[found.argmax(axis=1)]
                chunk["probability"] = found.max(axis=1).round(6)
                chunk.to_csv(file, header=not number, index=False)

    return run


def load(folder: Path, name: str) -> Callable[[], None]:
    """What loading the model takes of ours: a table of one row."""
    write_table(pd.DataFrame({"text": ["profit"]}), folder / "one.csv")
    return predict(folder, "one")


def measure(
    job: tuple[Callable[[Path, str], Callable[[], None]], Path, str, int],
) -> dict[str, float]:
    """Seconds, those of the processor, and this process's peak memory in MB."""
    function, folder, name, cores = job
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    run = function(folder, name)
    start, before = time.perf_counter(), time.process_time()
    run()
    return {
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - before,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def best(measured: list[dict[str, float]]) -> dict[str, float]:
    """The run that cost the fewest CPU seconds."""
    return min(measured, key=lambda run: run["cpu_seconds"])


def _none(_: object) -> None:
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="600 texts to learn, 2,000 rows")
    parser.add_argument("--repeats", type=int, default=3, help="so many runs of each")
    parser.add_argument("--json", type=Path, help="where the results go")
    arguments = parser.parse_args()
    repeats = 1 if arguments.quick else arguments.repeats
    cores = len(os.sched_getaffinity(0))
    count = 2000 if arguments.quick else 50_000
    tables: list[tuple[str, int, int | None, list[int]]] = [("long", count, None, [cores])]
    if not arguments.quick:
        tables = [
            ("long", count, None, sorted({1, cores})),
            ("short", count, SHORT, [cores]),
            ("many", 10 * count, None, [cores]),
        ]
    rows: list[dict[str, Any]] = []
    context = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as name,
        context.Pool(1, maxtasksperchild=1) as pool,
    ):
        folder = Path(name)
        write_training(folder, 600 if arguments.quick else None)
        pool.apply(train, (folder,))

        def run(function: Any, table: str, most: int) -> dict[str, float]:
            return pool.apply(measure, ((function, folder, table, most),))

        loading = run(load, "one", cores)
        for table, size, words, cores_of in tables:
            write_rows(folder, table, size, words)
            for most in cores_of:
                ours, theirs = [], []
                for _ in range(1 if table == "many" else repeats):
                    ours.append(run(predict, table, most))
                    theirs.append(run(predict_scikit_learn, table, most))
                rows.append(compared(table, size, most, best(ours), best(theirs), loading))
            (folder / f"{table}.csv").unlink()
    show(rows)
    if arguments.json:
        result = {"command": shlex.join(["python", *sys.argv]), "rows": rows}
        with atomic_write(arguments.json) as file:
            file.write(json.dumps(result, indent=1).encode())


def compared(
    table: str,
    size: int,
    cores: int,
    ours: dict[str, float],
    theirs: dict[str, float],
    loading: dict[str, float],
) -> dict[str, Any]:
    texts = "short texts" if table == "short" else "texts"
    on = "1 core" if cores == 1 else f"{cores} cores"
    return {
        "name": f"dgm predict, {size:,} {texts}, {on}",
        **ours,
        "rows_per_second": size / ours["seconds"],
        "rows_per_cpu_second": size / ours["cpu_seconds"],
        "loading_seconds": loading["seconds"],
        "loading_cpu_seconds": loading["cpu_seconds"],
        "peer": "TF-IDF + logistic regression",
        **{f"peer_{name}": value for name, value in theirs.items()},
        "peer_rows_per_second": size / theirs["seconds"],
        "peer_rows_per_cpu_second": size / theirs["cpu_seconds"],
        "ratio": theirs["cpu_seconds"] / ours["cpu_seconds"],
        "wall_ratio": theirs["seconds"] / ours["seconds"],
    }


def show(rows: list[dict[str, Any]]) -> None:
    table = Table()
    titles = ("", "s", "CPU s", "rows/s", "rows/CPU s", "peak MB", "peer s", "peer CPU s", "ratio")
    for title in titles:
        table.add_column(title, justify="right" if title else "left")
    for row in rows:
        table.add_row(
            row["name"],
            f"{row['seconds']:.1f}",
            f"{row['cpu_seconds']:.1f}",
            f"{row['rows_per_second']:,.0f}",
            f"{row['rows_per_cpu_second']:,.0f}",
            f"{row['peak_memory_mb']:,.0f}",
            f"{row['peer_seconds']:.1f}",
            f"{row['peer_cpu_seconds']:.1f}",
            f"{row['ratio']:.2f}",
        )
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
