"""Attention as a latent alignment: soft, summed out, and guessed by a network.

The captioner of `dgm caption train` with one expert and `attention` as named; the same encoder,
decoder and sizes for all, and for `enumerated` and `sampled` a network that guesses alignments in
training beside them. Every model is chosen by its own bound on validation pairs, and the figures
are of test pairs.

  made      sources of 4 to 8 of 24 words; the target translates each of them once, by one of two
            words that may translate another word too, in an order in which the next is always one
            of the first three that are left. Which source a target word translates is kept.
  captions  Flickr8k: a caption, and another one of the same image. Nobody has aligned them.

  nll      nats a token of the test targets, END counted: log p(target | source), the alignments
           summed out (of soft attention: as it is)
  gap      by how much the bound that was trained on is below that, nats a token
  before   share of the words whose source is the likeliest by p(z_t | words before), which is what
           soft attention weighs, %
  after    the same by p(z_t | all words), Bayes' rule, %; soft attention has none
  guessed  the same by the network's q(z_t | all words), %

    export TFP_DGM_DATA=FOLDER  # Holds flickr8k/; without it the captions are left out.
    python benchmarks/latent_alignments.py --json benchmarks/results/latent_alignments.json

A run that is stopped goes on where it was.
"""

import gzip
import itertools
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from recorded.benchmark_options import parser_of
from recorded.resumed_rows import measure, rows_so_far
from rich.console import Console
from rich.table import Table

from tfp_dgm import layers
from tfp_dgm.captioning import (
    CaptionBatches,
    CaptionSettings,
    build_captioner,
    make_objective,
    make_text_encoder,
    make_vocabulary,
)
from tfp_dgm.captioning.sources import token_rows
from tfp_dgm.models import MixtureOfExpertsCaptioner, VariationalAttentionCaptioner
from tfp_dgm.settings import read_settings
from tfp_dgm.token_ids import PAD
from tfp_dgm.training import FusedAdam

KINDS = ("soft", "exact", "enumerated", "sampled")
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Pairs:
    """Texts and their answers; where it is known, the place of the source of each target word."""

    sources: list[str]
    targets: list[str]
    alignments: list[list[int]] | None = None

    def first(self, count: int) -> "Pairs":
        known = None if self.alignments is None else self.alignments[:count]
        return Pairs(self.sources[:count], self.targets[:count], known)


@dataclass(frozen=True)
class Task:
    """Pairs in three parts, and what is trained on them."""

    name: str
    parts: dict[str, Pairs]
    settings: dict[str, Any]
    seeds: int


def made_pairs(count: int, seed: int, words: int = 24) -> Pairs:
    """Translated and put in another order; the lexicon is the same for every seed."""
    lexicon = np.random.default_rng(0)
    translations = lexicon.integers(words, size=(words, 2))
    random = np.random.default_rng(seed)
    sources, targets, alignments = [], [], []
    for _ in range(count):
        source = random.integers(words, size=random.integers(4, 9))
        left, order = list(range(len(source))), []
        while left:
            order.append(left.pop(int(random.integers(min(3, len(left))))))
        which = (random.random(len(source)) < 0.3).astype(int)
        target = translations[source, which][order]
        sources.append(" ".join(f"s{word}" for word in source))
        targets.append(" ".join(f"t{word}" for word in target))
        alignments.append(order)
    return Pairs(sources, targets, alignments)


def caption_pairs(folder: Path, part: str) -> Pairs:
    """The first caption of each image of a part, and the second."""
    with gzip.open(folder / "Flickr8k.token.txt.gz", "rt", encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    captions = dict(rows)
    with open(folder / f"Flickr_8k.{part}Images.txt", encoding="utf-8") as file:
        names = [line.strip() for line in file if line.strip()]
    names = [name for name in names if f"{name}#0" in captions]
    return Pairs(
        [captions[f"{name}#0"] for name in names], [captions[f"{name}#1"] for name in names]
    )


SMALL = {"num_experts": 1, "objective.kind": "marginal", "dropout": 0.1, "clip_norm": 5.0}
MADE = {**SMALL, "units": 32, "embedding_units": 24, "context_units": 16, "batch_size": 50}
MADE |= {"learning_rate": 1e-2, "vocabulary.min_count": 1, "epochs": 12}
CAPTIONS = {**SMALL, "units": 64, "embedding_units": 48, "context_units": 32, "batch_size": 64}
CAPTIONS |= {"learning_rate": 4e-3, "vocabulary.size": 1000, "max_length": 16, "epochs": 10}
CAPTIONS |= {"source_max_length": 16}


def tasks(data: Path | None, quick: bool) -> Iterator[Task]:
    sizes = (300, 50, 100) if quick else (2000, 300, 500)
    parts = {
        part: made_pairs(size, seed)
        for seed, (part, size) in enumerate(zip(PARTS, sizes, strict=True))
    }
    yield Task("made", parts, {**MADE, "epochs": 3} if quick else MADE, 1 if quick else 3)
    if quick or data is None or not (data / "flickr8k").is_dir():
        return
    parts = {
        part: caption_pairs(data / "flickr8k", name).first(size)
        for part, name, size in zip(PARTS, ("train", "dev", "test"), (2000, 300, 1000), strict=True)
    }
    yield Task("captions", parts, CAPTIONS, 3)


def run(task: Task, attention: str, seed: int) -> dict[str, Any]:
    """One model, trained and measured."""
    start = time.process_time()
    keras.utils.set_random_seed(seed)
    chosen = {**task.settings, "attention": attention, "seed": seed}
    settings = read_settings(CaptionSettings, None, [f"{k}={v}" for k, v in chosen.items()])
    train = task.parts["train"]
    source_words = make_vocabulary(settings, train.sources, settings.source_max_length, "sources")
    words = make_vocabulary(settings, train.targets, settings.max_length, "targets")
    batches = {
        part: CaptionBatches(
            token_rows(source_words, pairs.sources),
            np.arange(len(pairs.sources)),
            words.encode_all(pairs.targets),
            settings.batch_size,
            seed=seed if part == "train" else None,
        )
        for part, pairs in task.parts.items()
    }
    encoder = make_text_encoder(settings, source_words)
    model = build_captioner(settings, words, encoder.output_units, encoder, source_words)
    model.compile(
        FusedAdam(settings.learning_rate, clipnorm=settings.clip_norm), make_objective(settings)
    )
    model.build({"source": (None, None), "token_ids": (None, None)})
    best = keras.callbacks.EarlyStopping(
        "val_bound", mode="max", patience=settings.patience, restore_best_weights=True
    )
    history = model.fit(
        batches["train"],
        validation_data=batches["validation"],
        epochs=settings.epochs,
        shuffle=False,
        verbose=0,
        callbacks=[best],
    ).history
    seconds = time.process_time() - start
    found = measured(model, batches["test"], task.parts["test"].alignments)
    epoch = int(np.argmax(history["val_bound"])) + 1
    weights = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    return {**found, "epoch": epoch, "weights": weights, "cpu_seconds": round(seconds, 1)}


def measured(
    model: MixtureOfExpertsCaptioner, batches: CaptionBatches, truth: list[list[int]] | None
) -> dict[str, float]:
    """Figures of a part."""
    head = model.experts.heads[0]
    # Soft attention's weights, read as the prior of an alignment.
    aligned = layers.AlignedTokenSequence(head.decoder, head.max_length)
    reader = layers.SharedExperts(aligned, 1, embedding_units=model.experts.embedding_units)
    reader.build()
    reader.embedding.assign(model.experts.embedding)
    guesses = isinstance(model, VariationalAttentionCaptioner)

    @tf.function(
        autograph=False,
        input_signature=[
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([None, None], tf.int32),
        ],
    )
    def step(source: tf.Tensor, token_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        encoded = model.encode(source)
        text = reader.expert(0, encoded.context, encoded.memory, encoded.mask).aligned(token_ids)
        inputs = {"source": source, "token_ids": token_ids}
        found = {
            "nll": -model.log_marginal(inputs),
            "before": tf.argmax(text.log_prior, axis=-1),
            "after": tf.argmax(text.posterior, axis=-1),
            "bound": model.bound(inputs, seed=tf.constant([3, 4])).value,
        }
        if guesses:
            q = model.alignment_posterior(token_ids, encoded.memory, memory_mask=encoded.mask)
            found["guessed"] = tf.argmax(q.logits_parameter(), axis=-1)
        return found

    totals = dict.fromkeys(("nll", "bound", "before", "after", "guessed"), 0.0)
    tokens = words = 0
    for i in range(len(batches)):
        (inputs,) = batches[i]
        found = {k: v.numpy() for k, v in step(*map(tf.constant, inputs.values())).items()}
        totals["nll"] += found["nll"].sum()
        totals["bound"] += found["bound"].sum()
        tokens += int((inputs["token_ids"] != PAD).sum())
        if truth is None:
            continue
        for row, place in enumerate(batches.index(i)):
            places = np.array(truth[place])
            words += len(places)
            for name in ("before", "after", "guessed"):
                if name in found:
                    totals[name] += (found[name][row, : len(places)] == places).sum()
    answer = {"nll": totals["nll"] / tokens, "gap": -(totals["bound"] + totals["nll"]) / tokens}
    if not guesses:
        del answer["gap"]  # The likelihood itself was trained on.
    if truth is not None:
        kept = ("before", *(("after",) if isinstance(head, type(aligned)) else ()))
        kept += ("guessed",) if guesses else ()
        answer |= {name: 100 * totals[name] / words for name in kept}
    return {name: round(float(value), 4) for name, value in answer.items()}


def main() -> None:
    parser = parser_of(__doc__, "flickr8k/", quick="few made pairs alone, in a minute")
    options = parser.parse_args()
    rows = rows_so_far(options.json)
    for task in tasks(options.data, options.quick):
        for seed, attention in itertools.product(range(task.seeds), KINDS):
            name = f"{task.name}, {attention}: {seed}"
            measure(rows, name, partial(run, task, attention, seed), options.json)
    show(rows)


def show(rows: list[dict[str, Any]]) -> None:
    """Means over the seeds, and the standard deviations."""
    columns = ("nll", "gap", "before", "after", "guessed", "epoch", "weights", "cpu_seconds")
    table = Table("pairs, attention", "seeds", *columns, title="Test pairs")
    for name in dict.fromkeys(row["name"].rpartition(": ")[0] for row in rows):
        own = [row for row in rows if row["name"].rpartition(": ")[0] == name]
        cells = []
        for column in columns:
            values = [row[column] for row in own if column in row]
            cell = f"{np.mean(values):.4g}" if values else ""
            if len(values) > 1 and column in columns[:5]:
                cell += f" +- {np.std(values, ddof=1):.2g}"
            cells.append(cell)
        table.add_row(name, str(len(own)), *cells)
    Console().print(table)


if __name__ == "__main__":
    main()
