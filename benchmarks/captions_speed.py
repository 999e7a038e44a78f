"""What K experts cost in training, relative to one; captions a CPU second from the SavedModel.

    python benchmarks/captions_speed.py --json benchmarks/results/captions_speed.json

An LSTM of 256 units that attends to a grid of 6 x 6 features of 128 numbers, 5,000 words, batches
of 64 captions of 8 to 16 words; random data, since the words do not change the time. Each model
trains in turn on the same batch, `--repeats` times; the table gives medians. `cost` is the time of
a step relative to K = 1 with the exact marginal in the same turn. All times are CPU seconds, which
other work on the machine disturbs least, on `--threads` threads.
"""

import argparse
import io
import json
import shlex
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image
from rich.console import Console
from rich.table import Table

from tfp_dgm import serving
from tfp_dgm.captioning import (
    CaptionSettings,
    build_captioner,
    make_encoder,
    make_objective,
)
from tfp_dgm.data import atomic_write
from tfp_dgm.models import MixtureOfExpertsCaptioner
from tfp_dgm.settings import read_settings
from tfp_dgm.text import WordVocabulary
from tfp_dgm.training import FusedAdam

WORDS, GRID, FEATURES, IMAGE_SIZE = 5_000, 6, 128, 96
EXPERTS = (1, 3, 5, 10)
OBJECTIVES = {"marginal": "exact marginal", "hard-em": "hard EM", "stochastic-em": "stochastic EM"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="K = 1 and 3, few steps, 500 words")
    parser.add_argument("--steps", type=int, default=20, help="in each measurement")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="where the results go")
    options = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    experts, words = EXPERTS, WORDS
    if options.quick:
        experts, words, options.steps, options.repeats = (1, 3), 500, 3, 2
    vocabulary = WordVocabulary([f"w{n}" for n in range(words)], max_length=24)
    rows = training_rows(experts, vocabulary, options)
    rows += serving_rows(experts[:3], vocabulary, options)
    show(rows)
    if options.json:
        command = shlex.join(["python", *sys.argv])
        result = {"command": command, "threads": options.threads, "rows": rows}
        with atomic_write(options.json) as file:
            file.write(json.dumps(result, indent=1).encode())


def training_rows(
    experts: tuple[int, ...], vocabulary: WordVocabulary, options: argparse.Namespace
) -> list[dict[str, Any]]:
    batch = random_batch(vocabulary.size, CaptionSettings().batch_size)
    steps: dict[tuple[str, int], Callable[[], None]] = {}
    for objective in OBJECTIVES:
        for count in experts:
            if count == 1 and objective == "stochastic-em":
                continue  # Of one expert it is hard EM.
            chosen = [f"num_experts={count}", f"objective.kind={objective}"]
            settings = read_settings(CaptionSettings, None, chosen)
            steps[objective, count] = training_step(settings, vocabulary, batch)
    for step in steps.values():
        step()  # Traces and compiles.
    seconds: dict[tuple[str, int], list[float]] = {key: [] for key in steps}
    for _ in range(options.repeats):  # In turn, so that what else runs disturbs all alike.
        for key, step in steps.items():
            start = time.process_time()
            for _ in range(options.steps):
                step()
            seconds[key].append((time.process_time() - start) / options.steps)
    rows = []
    for (objective, count), times in seconds.items():
        of_one = seconds["marginal", 1]
        cost = statistics.median(of_k / one for of_k, one in zip(times, of_one, strict=True))
        rows.append(
            {
                "name": f"training, {OBJECTIVES[objective]}, K = {count}",
                "examples_per_cpu_second": len(batch["token_ids"]) / statistics.median(times),
                "cost": cost,
                "cost_per_expert": cost / count,
            }
        )
    return rows


def random_batch(vocabulary_size: int, rows: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    token_ids = np.zeros((rows, 17), np.int32)
    for row in range(rows):
        length = random.integers(8, 17)
        token_ids[row, :length] = random.integers(4, vocabulary_size, size=length)
        token_ids[row, length] = 2
    source = random.normal(size=(rows, GRID, GRID, FEATURES)).astype(np.float32)
    return {"source": source, "token_ids": token_ids}


def training_step(
    settings: CaptionSettings, vocabulary: WordVocabulary, batch: dict[str, np.ndarray]
) -> Callable[[], None]:
    model = build_captioner(settings, vocabulary, FEATURES, None)
    optimizer = FusedAdam(settings.learning_rate, clipnorm=settings.clip_norm)
    model.compile(optimizer, make_objective(settings))
    tensors = {name: tf.constant(value) for name, value in batch.items()}

    def step() -> None:
        model.train_on_batch(tensors)

    return step


def serving_rows(
    experts: tuple[int, ...], vocabulary: WordVocabulary, options: argparse.Namespace
) -> list[dict[str, Any]]:
    rows = []
    for count in experts:
        settings = CaptionSettings(num_experts=count, image_size=IMAGE_SIZE)
        encoder = make_encoder(settings)
        shape = (None, IMAGE_SIZE, IMAGE_SIZE, 3)
        units = encoder.compute_output_shape(shape)[-1]
        model = build_captioner(settings, vocabulary, units, encoder)
        model.build({"source": shape, "token_ids": (None, None)})
        with tempfile.TemporaryDirectory() as folder:
            served = export(model, Path(folder) / "captioner")
            signature = tf.saved_model.load(served).signatures["serving_default"]
            for size in (1, 32):
                images = tf.constant(encoded_images(size))
                signature(image=images)
                seconds = []
                for _ in range(max(2, options.repeats)):
                    start = time.process_time()
                    signature(image=images)
                    seconds.append(time.process_time() - start)
                rows.append(
                    {
                        "name": f"SavedModel, K = {count}, batch of {size}",
                        "captions_per_cpu_second": size * count / statistics.median(seconds),
                        "images_per_cpu_second": size / statistics.median(seconds),
                    }
                )
    return rows


def export(model: MixtureOfExpertsCaptioner, folder: Path) -> str:
    signatures = serving.captioner_signatures(model, encoded_images(2), beam_size=1)
    only = {"serving_default": signatures["serving_default"]}
    return str(serving.export(model, folder, signatures=only, batch_sizes=[1, 32]))


def encoded_images(count: int) -> list[bytes]:
    random = np.random.default_rng(1)
    encoded = []
    for _ in range(count):
        file = io.BytesIO()
        pixels = random.integers(256, size=(IMAGE_SIZE, IMAGE_SIZE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(file, "JPEG")
        encoded.append(file.getvalue())
    return encoded


def show(rows: list[dict[str, Any]]) -> None:
    columns = (
        "examples_per_cpu_second",
        "cost",
        "cost_per_expert",
        "captions_per_cpu_second",
        "images_per_cpu_second",
    )
    table = Table()
    for title in ("", *columns):
        table.add_column(title.replace("_", " "), justify="right" if title else "left")
    for row in rows:
        cells = [f"{row[name]:,.3g}" if name in row else "" for name in columns]
        table.add_row(row["name"], *cells)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
