"""Texts per second of the encoders, beside KerasHub's own `predict`.

    TFP_DGM_DATA=DIR python benchmarks/encoding_speed.py \
        --json benchmarks/results/encoding_speed.json

SMS messages of DIR (`sms_spam/SMSSpamCollection`), whole and cut to their first 12 words, are
encoded by MiniLM: by `SentenceEncoder.encode`, by its graph as it is served (float32, batches of 64
texts sorted by length), by the light encoder made of it, and by `predict` of the same backbone on
the same texts, padded to the longest of them in batches of 64, whose states are pooled in NumPy.
What `encode` multiplies is bfloat16 where the processor is faster at it; `precision` says what it
was here, and `least_cosine` how near its vectors come to those of `predict`. Each is warm, and
takes its turn `--repeats` times; the table gives medians. `ratio` is the peer's CPU seconds over
ours, which other work on the machine disturbs less than the clock: above 1, we are faster.
"""

import argparse
import json
import os
import shlex
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from exits.missing import end_for_want_of, wanting
from rich.console import Console
from rich.table import Table

from tfp_dgm.data import DataError, atomic_write, fetch

FIRST_WORDS = 12


def read_texts(data: Path | None, count: int) -> dict[str, list[str]]:
    """The messages, and their beginnings."""
    path = None if data is None else Path(data) / "sms_spam/SMSSpamCollection"
    if path is None or not path.exists():
        end_for_want_of("sms_spam/SMSSpamCollection in the folder of TFP_DGM_DATA")
    lines = path.read_text("utf-8").splitlines()[:count]
    texts = [line.split("\t", 1)[1] for line in lines]
    return {
        f"messages, first {FIRST_WORDS} words": [
            " ".join(text.split()[:FIRST_WORDS]) for text in texts
        ],
        "messages": texts,
    }


def predict(encoder: Any, texts: list[str]) -> np.ndarray:
    """Sentence vectors, float32 [N, E], by the backbone's `predict`."""
    inputs = {name: np.asarray(part) for name, part in encoder.tokens(texts).items()}
    states = encoder.backbone.predict(inputs, batch_size=64, verbose=0)["sequence_output"]
    sums = (states * inputs["padding_mask"][..., np.newaxis]).sum(axis=1)
    return sums / np.linalg.norm(sums, axis=1, keepdims=True)


def measured(works: dict[str, Callable[[], Any]], repeats: int) -> dict[str, dict[str, float]]:
    """Median seconds, of the clock and of the CPU, of each piece of work; they take turns."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for work in works.values():
        work()
    for _ in range(repeats):
        for name, work in works.items():
            start = time.perf_counter(), time.process_time()
            work()
            taken[name].append((time.perf_counter() - start[0], time.process_time() - start[1]))
    return {
        name: {
            "seconds": statistics.median(clock for clock, _ in runs),
            "cpu_seconds": statistics.median(cpu for _, cpu in runs),
        }
        for name, runs in taken.items()
    }


def rows_of(data: Path | None, count: int, repeats: int) -> list[dict[str, Any]]:
    from tfp_dgm.labelling.vectors_of_tokens import token_vectors
    from tfp_dgm.networks import SentenceEncoder, TextEncoder
    from tfp_dgm.networks.packed_transformer import PackedTransformer

    texts_by_kind = read_texts(data, count)
    with wanting(DataError, ImportError):
        full = SentenceEncoder.from_preset(str(fetch("minilm")))
    packed = PackedTransformer.of(full.backbone)
    if packed is None:
        raise SystemExit("MiniLM is no chain of Transformer layers any more")
    rows = []
    for kind, texts in texts_by_kind.items():
        light = token_vectors(full, texts)
        tokens = float(np.mean(np.asarray(full.tokens(texts)["padding_mask"]).sum(axis=1)))
        works = {
            "full": lambda texts=texts: full.encode(texts),
            "full, as served": lambda texts=texts: TextEncoder.encode(full, texts),
            "light": lambda texts=texts, light=light: light.encode(texts),
            "KerasHub predict": lambda texts=texts: predict(full, texts),
        }
        cosine = float((works["full"]() * works["KerasHub predict"]()).sum(axis=1).min())
        if cosine < 0.999:
            raise SystemExit(f"{kind}: a vector is at a cosine of {cosine} to KerasHub's")
        found = measured(works, repeats)
        for name, figures in found.items():
            rows.append(
                {
                    "name": f"{kind}, {name}",
                    "texts": len(texts),
                    "tokens_per_text": tokens,
                    **(
                        {"precision": packed.dtype, "least_cosine": cosine}
                        if name == "full"
                        else {}
                    ),
                    **figures,
                    "texts_per_second": len(texts) / figures["seconds"],
                    "texts_per_cpu_second": len(texts) / figures["cpu_seconds"],
                    "ratio": found["KerasHub predict"]["cpu_seconds"] / figures["cpu_seconds"],
                }
            )
    return rows


def show(rows: list[dict[str, Any]]) -> None:
    table = Table("", "texts a second", "a CPU second", "ratio")
    for row in rows:
        figures = (row["texts_per_second"], row["texts_per_cpu_second"])
        table.add_row(row["name"], *(f"{f:,.0f}" for f in figures), f"{row['ratio']:.2f}")
    Console(width=100).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="256 texts, once")
    parser.add_argument("--json", type=Path, help="where the results go")
    parser.add_argument("--data", type=Path, default=os.environ.get("TFP_DGM_DATA"))
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    size = (256, 1) if arguments.quick else (2048, arguments.repeats)
    rows = rows_of(arguments.data, *size)
    show(rows)
    if arguments.json:
        threads = os.environ.get("TF_NUM_INTRAOP_THREADS", "all")
        result = {
            "command": shlex.join(["python", *sys.argv]),
            "quick": arguments.quick,
            "threads": threads,
            "load_average": os.getloadavg()[0],
            "rows": rows,
        }
        with atomic_write(arguments.json) as file:
            file.write((json.dumps(result, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
