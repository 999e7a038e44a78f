"""Captions compressed by a model whose latent is a shorter sentence, and by simple rules.

Of the five captions of each image of Flickr8k, the one with the most words is the sentence x, the
one with the fewest is the reference that compressions of x are compared with (ROUGE-1, 2 and L).
The language model of compressions has seen the two shortest captions of each image of the training
part, beside no sentence. A known compression, for training with some, is a longest common
subsequence of both. Models without known compressions keep as many words as the rules. Of the
rules' words it is told, too, what the same decoder reads from them that was trained on them.
All figures are of the test part; the epoch is the best on the development part: by the loss, and of
models trained with known compressions by their probability.

    python benchmarks/sentence_compression.py --json benchmarks/results/sentence_compression.json

A run that is stopped goes on where it was. The data are flickr8k/ in the folder that TFP_DGM_DATA
names.
"""

import operator
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from compressions.long_captions import RANDOM, SHARE, LongCaptions, Rule, token_ids
from compressions.trained_compressors import (
    BATCH,
    Networks,
    begin_with_frequencies,
    fit,
    reading,
)
from recorded.benchmark_options import folder_within, parser_of
from recorded.resumed_rows import measure, rows_so_far
from rich.console import Console
from rich.table import Table

from tfp_dgm import models
from tfp_dgm.evaluation import importance_weighted_log_likelihood
from tfp_dgm.objectives import ScoreFunctionELBO
from tfp_dgm.token_ids import PAD
from tfp_dgm.training import KLWeightSchedule, Linear

LEAST_SHARE = 0.15


@dataclass(frozen=True)
class Settings:
    """How much is trained; `rows` are those of a short run."""

    images: int | None = None
    words: int = 1000
    prior_epochs: int = 4
    decoder_epochs: int = 6
    epochs: int = 6
    seeds: int = 3
    units: int = 64
    draws: int = 4
    learning_rate: float = 3e-3
    importance_samples: int = 20
    rows: tuple[str, ...] | None = None


QUICK = Settings(
    images=120,
    words=300,
    prior_epochs=1,
    decoder_epochs=1,
    epochs=1,
    seeds=1,
    units=8,
    draws=2,
    importance_samples=10,
    rows=("semi-supervised, 300 pairs", "random words"),
)


@dataclass(frozen=True)
class Row:
    """A model, by what it is trained with.

    Attributes:
      kl_weight: of the divergence in the loss.
      pairs: how many known compressions; None for as many as there are.
      others: whether sentences without one are trained on, too.
      min_share: of the words, that a compression has at least.
    """

    kl_weight: float
    pairs: int | None = 0
    others: bool = True
    min_share: float = SHARE


ROWS = {
    "unsupervised, kl_weight 0.1": Row(0.1),
    "unsupervised, kl_weight 1": Row(1.0),
    "supervised, 300 pairs": Row(0.3, 300, others=False, min_share=LEAST_SHARE),
    "semi-supervised, 300 pairs": Row(0.3, 300, min_share=LEAST_SHARE),
    "supervised, all pairs": Row(0.3, None, others=False, min_share=LEAST_SHARE),
}
REFERENCE = "words of the reference"
NO_LATENT = "language model of sentences, no latent"


def main() -> None:
    parser = parser_of(__doc__, "flickr8k/", quick="the same code in a minute or so")
    options = parser.parse_args()
    settings = QUICK if options.quick else Settings()
    bench = Bench(folder_within(options.data, "flickr8k"), settings)
    rows = rows_so_far(options.json)
    for seed in range(settings.seeds):
        for name, run in bench.runs().items():
            if settings.rows is not None and name not in settings.rows:
                continue
            measure(rows, f"{name}: {seed}", partial(run, seed), options.json)
    show(rows)


def minutes_since(start: float) -> float:
    """Of the CPU."""
    return round((time.process_time() - start) / 60, 2)


class Bench:
    """What is trained on the captions."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.settings = settings
        self.captions = LongCaptions(folder, settings.images, settings.words)
        self.networks = Networks(self.captions.vocabulary, settings.units, settings.learning_rate)
        self.priors: dict[int, models.LanguageModel] = {}
        self.begun: dict[int, tuple[list[np.ndarray], float]] = {}

    def runs(self) -> dict[str, Callable[[int], dict[str, Any]]]:
        """Name -> seed -> figures."""
        return {
            REFERENCE: lambda seed: self.captions.oracle(),
            **{name: partial(self.model_row, name, row) for name, row in ROWS.items()},
            **{
                name: partial(self.rule_row, name, rule)
                for name, rule in self.captions.rules.items()
            },
            NO_LATENT: self.without_latent,
        }

    def prior(self, seed: int) -> models.LanguageModel:
        """Of short captions; trained once a seed."""
        if seed not in self.priors:
            short, dev = (
                token_ids(self.captions.vocabulary, self.captions.parts[name].short_captions)
                for name in ("train", "dev")
            )
            epochs = self.settings.prior_epochs
            self.priors[seed] = self.networks.language_model("prior", short, dev, seed, epochs)
        return self.priors[seed]

    def without_latent(self, seed: int) -> dict[str, float]:
        keras.utils.set_random_seed(100 + seed)
        start = time.process_time()
        model = self.networks.language_model(
            "sentences",
            self.captions.ids["train"],
            self.captions.ids["dev"],
            seed,
            self.settings.epochs,
        )
        found = model.evaluate(
            self.captions.ids["test"], batch_size=BATCH, verbose=0, return_dict=True
        )
        return {
            "nll_bound": round(-found["bound"], 2),
            "cpu_minutes": minutes_since(start),
        }

    def rule_row(self, name: str, rule: Rule, seed: int) -> dict[str, Any]:
        """The words of a rule, and what a decoder that was trained on them reads from them."""
        self.captions.random = np.random.default_rng(seed)
        model, start = self.begin(seed)

        def words_of(part: str) -> np.ndarray:
            return token_ids(self.captions.vocabulary, self.captions.chosen(part, rule))

        self.networks.compile(model, reading(), pointer=False)
        data = (self.captions.ids["train"], words_of("train"))
        epoch = fit(
            model,
            lambda: (data[0], words_of("train")) if name == RANDOM else data,
            (self.captions.ids["dev"], words_of("dev")),
            self.settings.epochs,
            f"{name}: {seed}",
            operator.itemgetter("reconstruction"),
        )
        compressions = self.captions.chosen("test", rule)
        return {
            **self.told(model, token_ids(self.captions.vocabulary, compressions)),
            **self.captions.scores(compressions),
            "epoch": epoch,
            "cpu_minutes": minutes_since(start),
        }

    def model_row(self, name: str, row: Row, seed: int) -> dict[str, Any]:
        self.captions.random = np.random.default_rng(seed)
        model, start = self.begin(seed, row.min_share)
        sentences, known = self.captions.ids["train"], self.captions.known["train"].copy()
        if row.pairs is not None:
            known[np.flatnonzero((known != PAD).any(axis=1))[row.pairs :]] = PAD
        if not row.others:
            kept = (known != PAD).any(axis=1)
            sentences, known = sentences[kept], known[kept]
        objective = ScoreFunctionELBO(num_samples=self.settings.draws, kl_weight=row.kl_weight)
        self.networks.compile(model, objective)
        # An epoch of few pairs has few steps.
        epochs = self.settings.epochs * (4 if row.pairs and not row.others else 1)
        dev = self.captions.ids["dev"], None if row.pairs == 0 else self.captions.known["dev"]
        rising = KLWeightSchedule(
            Linear(epochs * -(-len(sentences) // BATCH) // 2, 0.0, row.kl_weight)
        )

        def score(found: dict[str, float]) -> float:
            if row.pairs != 0:
                return found["annotation"]
            return found["reconstruction"] - row.kl_weight * found["kl"]

        data = sentences, None if row.pairs == 0 else known
        epoch = fit(model, lambda: data, dev, epochs, f"{name}: {seed}", score, [rising])
        return {
            **(self.annotation(model) if row.pairs != 0 else {}),
            **self.figures(model),
            "epoch": epoch,
            "pairs": int((known != PAD).any(axis=1).sum()),
            "cpu_minutes": minutes_since(start),
        }

    def begin(self, seed: int, min_share: float = SHARE) -> tuple[models.SentenceCompressor, float]:
        """A model whose decoder reads random words of sentences, and when that was begun.

        Words that nothing reads are noise, and cost: a pointer that learns first learns nothing
        but what the language model likes. Made once a seed; its CPU seconds count in each row.
        """
        prior = self.prior(seed)
        if seed not in self.begun:
            self.begun[seed] = self.reader(seed)
        weights, seconds = self.begun[seed]
        keras.utils.set_random_seed(100 + seed)
        start = time.process_time() - seconds
        model = self.networks.compressor(prior, seed, min_share)
        model.build((None, None))
        model.set_weights(weights)
        return model, start

    def reader(self, seed: int) -> tuple[list[np.ndarray], float]:
        """The weights that a model begins with, and the CPU seconds that they took."""
        keras.utils.set_random_seed(100 + seed)
        start = time.process_time()
        model = self.networks.compressor(self.prior(seed), seed, LEAST_SHARE)
        model.build((None, None))
        begin_with_frequencies(model.likelihood.decoder, self.captions.ids["train"])
        self.networks.compile(model, reading(), pointer=False)
        for epoch in range(1, self.settings.decoder_epochs + 1):
            words = self.captions.chosen("train", self.captions.rules[RANDOM], LEAST_SHARE)
            targets = token_ids(self.captions.vocabulary, words)
            logs = model.fit(
                self.captions.ids["train"], targets, batch_size=BATCH, verbose=0
            ).history
            told = f"reconstruction {logs['reconstruction'][0]:.2f} of random words"
            print(f"  reader: {seed}, epoch {epoch}: {told}", file=sys.stderr, flush=True)
        return model.get_weights(), time.process_time() - start

    def told(self, model: models.SentenceCompressor, compressions: np.ndarray) -> dict[str, float]:
        """What the language model and the decoder make of compressions of the test part, nats."""
        given = self.captions.ids["test"], compressions
        found = model.evaluate(*given, batch_size=BATCH, verbose=0, return_dict=True)
        return {
            "words_nll": round(found["kl"], 2),
            "words_reconstruction": round(found["reconstruction"], 2),
        }

    def annotation(self, model: models.SentenceCompressor) -> dict[str, float]:
        """How likely known compressions of the test part are, nats."""
        given = self.captions.ids["test"], self.captions.known["test"]
        found = model.evaluate(*given, batch_size=BATCH, verbose=0, return_dict=True)
        return {"annotation": round(found["annotation"], 2)}

    def figures(self, model: models.SentenceCompressor) -> dict[str, float]:
        test = self.captions.ids["test"]
        found = model.evaluate(test, batch_size=BATCH, verbose=0, return_dict=True)
        weighted = importance_weighted_log_likelihood(
            model,
            test,
            num_samples=self.settings.importance_samples,
            samples_per_step=10,
            batch_size=BATCH,
        )["log_likelihood"]
        compressions = model.predict(test, batch_size=BATCH, verbose=0)
        return {
            "nll_bound": round(-found["bound"], 2),
            "nll_weighted": round(-float(weighted.mean()), 2),
            "rate": round(found["kl"], 2),
            "reconstruction": round(found["reconstruction"], 2),
            **self.told(model, compressions),
            **self.captions.scores([self.captions.words_of(one) for one in compressions]),
        }


def show(rows: list[dict[str, Any]]) -> None:
    """Means over the seeds."""
    columns = [
        "nll_bound",
        "nll_weighted",
        "rate",
        "reconstruction",
        "annotation",
        "words_nll",
        "words_reconstruction",
        "kept",
        "rouge_1",
        "rouge_2",
        "rouge_l",
        "cpu_minutes",
    ]
    table = Table("", "seeds", *columns, title="Flickr8k, longest caption to shortest, test")
    for name in dict.fromkeys(row["name"].rpartition(": ")[0] for row in rows):
        own = [row for row in rows if row["name"].rpartition(": ")[0] == name]
        cells = [
            f"{np.mean([row[column] for row in own]):.4g}" if column in own[0] else ""
            for column in columns
        ]
        table.add_row(name, str(len(own)), *cells)
    Console().print(table)


if __name__ == "__main__":
    main()
