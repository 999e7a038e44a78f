"""Latency and throughput of an exported text classifier, however it is served.

    python benchmarks/serving.py --json benchmarks/results/serving.json

Fits a classifier on Reuters R8 (quick: on a few made texts), exports it, and asks it for batches of
1 to 256 texts: the SavedModel in Python, plain and compiled (the twin takes token ids, so that its
time is without tokenising), the same in C++ with TF Serving's loader, and the embedded server over
REST and gRPC from this process. Then a second process loads the server with single texts, with and
without micro-batching: every answer is compared with the model's own, and the server's memory is
read after a tenth of the requests and at the end. Milliseconds, but where another unit is named.
"""

import argparse
import concurrent.futures
import json
import multiprocessing
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from exits.missing import wanting
from rich.console import Console
from rich.table import Table

from tfp_dgm.data import DataError, atomic_write, load_text_classification

Row = dict[str, Any]
SERVE = "from tfp_dgm_apps.cli import main; main()"
THREADS = 16


def texts_and_model(quick: bool, folder: Path, sizes: list[int]) -> list[str]:
    """Fits and exports; gives texts to ask for."""
    from tfp_dgm.labelling import fit_classifier
    from tfp_dgm.serving import export

    if quick:
        random = np.random.default_rng(0)
        words = np.array([f"word{i}" for i in range(60)])
        truth = random.integers(0, 3, 150)
        texts = [" ".join(random.choice(words[k * 20 : k * 20 + 30], 40)) for k in truth]
        classes, labels = ["a", "b", "c"], truth
        asked = texts
    else:
        with wanting(DataError):
            data = load_text_classification("r8")
        texts, asked = data.train_texts, data.test_texts
        classes = sorted(set(data.train_labels))
        labels = np.array([classes.index(label) for label in data.train_labels])
    allowed = np.ones((len(texts), len(classes)), bool)
    for k in range(len(classes)):
        rows = np.flatnonzero(labels == k)[:10]
        allowed[rows] = np.arange(len(classes)) == k
    model, _ = fit_classifier(texts, allowed, classes)
    export(model, folder, batch_sizes=sizes)
    return asked


def timed(function: Callable[[], Any], repeats: int) -> list[float]:
    """Milliseconds of each call after the first."""
    function()
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        found.append(1000 * (time.perf_counter() - start))
    return found


def row(path: str, size: int, milliseconds: Sequence[float]) -> Row:
    """A line of the table of latencies."""
    p50, p99 = np.percentile(milliseconds, [50, 99])
    return {
        "path": path,
        "batch": size,
        "p50": float(p50),
        "p99": float(p99),
        "rows_per_second": float(1000 * size / p50),
    }


def in_python_and_cpp(
    folder: Path, texts: list[str], sizes: list[int], repeats: int
) -> Iterator[Row]:
    """The SavedModel itself."""
    import tensorflow as tf

    from tfp_dgm.serving import build_runner, run_in_cpp

    signatures = tf.saved_model.load(str(folder / "1")).signatures
    plain, twin = signatures["serving_default"], signatures["serving_default_xla"]
    runner = build_runner() if shutil.which("g++") else None
    for size in sizes:
        batch = tf.constant((texts * (size // len(texts) + 1))[:size])
        ids = signatures["serving_default_prepare"](text=batch)
        yield row("Python, plain", size, timed(lambda b=batch: plain(text=b), repeats))
        yield row("Python, XLA on token ids", size, timed(lambda i=ids: twin(**i), repeats))
        if runner is not None:
            asked = [("serving_default", {"text": batch.numpy()})]
            (answer,) = run_in_cpp(runner, folder / "1", asked, xla=False, repeat=repeats + 1)
            yield row("C++, plain", size, answer.milliseconds[1:])
            asked = [("serving_default_xla", {k: v.numpy() for k, v in ids.items()})]
            (answer,) = run_in_cpp(runner, folder / "1", asked, xla=True, repeat=repeats + 1)
            yield row("C++, XLA on token ids", size, answer.milliseconds[1:])
    for words in (10, 100, 1000, 10_000):
        batch = tf.constant([" ".join((" ".join(texts).split() * words)[:words])])
        spent = timed(lambda b=batch: plain(text=b), repeats)
        yield row(f"Python, plain, {words:,} words", 1, spent)


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen, dict[str, str]]]:
    """`dgm serve` in a process of its own; its addresses."""
    command = [sys.executable, "-c", SERVE, "serve", str(folder), "--embedded"]
    command += ["--rest-port", "0", "--grpc-port", "0", *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as p:
        try:
            line = p.stdout.readline()
            rest, grpc = re.search(r"http://(\S+?)/.*gRPC (\S+)", line).groups()
            yield p, {"rest": rest, "grpc": grpc}
        finally:
            p.terminate()


def resident_mib(pid: int) -> float:
    """Memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


def load(address: str, name: str, protocol: str, texts: list[str], count: int) -> Row:
    """Runs in the second process: single texts, many at once; every answer is compared."""
    from tfp_dgm.serving import Client

    with Client(address, name, protocol=protocol, timeout=60) as client:
        whole = client.predict({"text": texts})
        labels, probabilities = whole["label"], whole["probabilities"]

        def ask(number: int) -> tuple[float, bool]:
            i = number % len(texts)
            start = time.perf_counter()
            answer = client.predict({"text": [texts[i]]})
            seconds = time.perf_counter() - start
            same = np.allclose(answer["probabilities"][0], probabilities[i], rtol=0, atol=1e-5)
            return seconds, same and answer["label"][0] == labels[i]

        start = time.perf_counter()
        seconds, wrong, lost = [], 0, 0
        with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
            for future in [pool.submit(ask, number) for number in range(count)]:
                try:
                    passed, right = future.result()
                    seconds.append(1000 * passed)
                    wrong += not right
                except Exception:
                    lost += 1
        whole_time = time.perf_counter() - start
    p50, p99 = np.percentile(seconds, [50, 99])
    return {
        "requests": count,
        "lost": lost,
        "wrong": wrong,
        "p50": float(p50),
        "p99": float(p99),
        "requests_per_second": count / whole_time,
    }


def through_server(
    folder: Path,
    texts: list[str],
    sizes: list[int],
    repeats: int,
    loads: Sequence[tuple[str, bool]],
    requests: int,
) -> Iterator[tuple[str, Row]]:
    """Latencies of the embedded server, then load from a second process."""
    from tfp_dgm.serving import Client

    name = folder.name
    with (
        serving(folder) as (_, addresses),
        Client(addresses["rest"], name) as rest,
        Client(addresses["grpc"], name, protocol="grpc") as grpc,
    ):
        for size in sizes:
            batch = (texts * (size // len(texts) + 1))[:size]
            for title, client in (("REST", rest), ("gRPC", grpc)):
                ask = lambda c=client, b=batch: c.predict({"text": b})  # noqa: E731
                yield "latency", row(f"embedded server, {title}", size, timed(ask, repeats))
    for protocol, batching in loads:
        with (
            serving(folder, "--batching" if batching else "--no-batching") as (process, at),
            multiprocessing.get_context("spawn").Pool(1) as pool,
        ):
            arguments = (at[protocol], name, protocol, texts[:200])
            pool.apply(load, (*arguments, requests // 10))
            early = resident_mib(process.pid)
            found = pool.apply(load, (*arguments, requests))
            found |= {"memory_mib": early, "memory_mib_at_end": resident_mib(process.pid)}
        title = f"{protocol}, micro-batching {'on' if batching else 'off'}"
        yield "load", {"path": title, **found}


def print_rows(rows: list[Row]) -> None:
    """One table."""
    table = Table()
    for title in rows[0]:
        table.add_column(title.replace("_", " "), justify="left" if title == "path" else "right")
    for found in rows:
        table.add_row(*(f"{v:,.2f}" if isinstance(v, float) else str(v) for v in found.values()))
    Console(width=140).print(table)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--quick",
        action="store_true",
        help="made texts, one size of batches, one load of few requests",
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument("--requests", type=int, help="of each load; 10,000, quick 400")
    arguments = parser.parse_args()
    sizes = [16] if arguments.quick else [1, 4, 16, 64, 256]
    loads = [("grpc", True)]
    if not arguments.quick:
        loads += [("rest", True), ("rest", False), ("grpc", False)]
    repeats = 20 if arguments.quick else 200
    requests = arguments.requests or (400 if arguments.quick else 10_000)
    tables: dict[str, list[Row]] = {"latency": [], "load": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "classifier"
        texts = texts_and_model(arguments.quick, folder, sizes)
        tables["latency"] += in_python_and_cpp(folder, texts, sizes, repeats)
        for kind, found in through_server(folder, texts, sizes, repeats, loads, requests):
            tables[kind].append(found)
    for rows in tables.values():
        print_rows(rows)
    if arguments.json:
        rows = [
            {"name": f"{kind}: {found['path']}, batch of {found.get('batch', 1)}", **found}
            for kind, lines in tables.items()
            for found in lines
        ]
        result = {"command": shlex.join(["python", *sys.argv]), "rows": rows}
        with atomic_write(arguments.json) as file:
            file.write(json.dumps(result, indent=1).encode())


if __name__ == "__main__":
    main()
