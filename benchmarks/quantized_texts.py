"""Sentences as a few codes: how the codebook learns, beside models without a latent.

5,000 captions of Multi30k; 8 codes of 64 values, vectors of 32 numbers; LSTMs of 64 units, of which
the decoder reads no words: what it writes comes from the codes alone, as of the decoders of the
papers. Everything but the codebook's way of learning is the same in all rows. Figures are of
captions of the test file, in nats a caption, END included.

  reconstruction  E_q log p(x | c)
  rate            KL(q || p), p a neural autoregressive prior that followed the codes beside the
                  training; `rate_after` once it was fitted to the codes of the trained model alone
  bound           reconstruction - rate_after, a lower bound on log p(x); models without a latent
                  have their log-likelihood there, which is exact: an LSTM that reads the words
                  before, and words by their place alone, counted
  usage           perplexity of the codes, 64 at most
  words           share of a caption's words that the likeliest text from its codes has, too (F1 of
                  the two bags of words), %

    python benchmarks/quantized_texts.py --json benchmarks/results/quantized_texts.json

A run that is stopped goes on where it was. The captions are multi30k_captions/ in the folder that
TFP_DGM_DATA names.
"""

import os
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from recorded.benchmark_options import folder_within, parser_of
from recorded.resumed_rows import measure, rows_so_far
from rich.console import Console
from rich.table import Table

from tfp_dgm import inference, layers, models, networks
from tfp_dgm.data import read_sentences
from tfp_dgm.text import BucketedBatches, WordVocabulary
from tfp_dgm.training import FusedAdam

LANGUAGE_MODEL, BY_PLACE = "language model", "words by their place"
# Name -> how the codebook learns.
KINDS: dict[str, dict[str, Any]] = {
    "hard, moving averages": {},
    "hard, gradients": {"decay": None},
    "soft EM": {"temperature": 0.01},
    "soft EM, 10 draws": {"temperature": 0.01, "em_samples": 10},
}


@dataclass(frozen=True)
class Settings:
    """How much is trained."""

    texts: int = 5_000
    judged: int = 1_000
    epochs: int = 6
    prior_epochs: int = 5
    seeds: tuple[int, ...] = (0, 1, 2)
    kinds: tuple[str, ...] = tuple(KINDS)
    words: int = 1_500
    units: int = 64
    codes: int = 8
    values: int = 64
    code_units: int = 32
    prior_units: int = 64
    batch: int = 64
    learning_rate: float = 5e-3


QUICK = Settings(
    texts=300,
    judged=50,
    epochs=1,
    prior_epochs=1,
    seeds=(0,),
    kinds=("hard, moving averages", "soft EM, 10 draws"),
    words=300,
    units=16,
    values=16,
)


def main() -> None:
    parser = parser_of(
        __doc__,
        "multi30k_captions/train.en.txt.gz and its kin",
        quick="the same code in under a minute",
    )
    options = parser.parse_args()
    settings = QUICK if options.quick else Settings()
    bench = Bench(folder_within(options.data, "multi30k_captions"), settings)
    rows = rows_so_far(options.json)
    for seed in settings.seeds:
        for name in (BY_PLACE, LANGUAGE_MODEL, *settings.kinds):
            run = partial(bench.run, name, seed)
            measure(rows, f"{name}: {seed}", run, options.json)
    show(rows)


class Bench:
    """The captions, and models trained on them."""

    def __init__(self, folder: Path, settings: Settings, judged: str = "test") -> None:
        self.settings = settings
        train = drawn(folder / "train.en.txt.gz", settings.texts)
        self.vocabulary = WordVocabulary.fit(train, size=settings.words, lower=True)
        self.train = self.vocabulary.encode_all(train)
        self.test = self.vocabulary.encode_all(
            drawn(folder / f"{judged}.en.txt.gz", settings.judged)
        )
        self.max_length = max(map(len, [*self.train, *self.test]))

    def run(self, name: str, seed: int) -> dict[str, Any]:
        """One row: a model trained, and its figures on the test captions."""
        keras.utils.set_random_seed(100 + seed)
        start = time.process_time()
        if name == BY_PLACE:
            return {"bound": round(self.by_place(), 3), "cpu_minutes": 0.0}
        if name == LANGUAGE_MODEL:
            decoder = networks.LSTMDecoder(conditioning_units=0, **self.sizes(seed))
            model: Any = models.LanguageModel(decoder, **self.common(seed))
        else:
            model = self.quantized(KINDS[name], seed)
        self.fit(model, seed)
        found = model.evaluate(self.batches(self.test), verbose=0, return_dict=True)
        if name == LANGUAGE_MODEL:
            row = {"bound": found["bound"]}
        else:
            before = found["kl"]
            self.fit_prior(model)
            found = model.evaluate(self.batches(self.test), verbose=0, return_dict=True)
            row = {
                "reconstruction": found["reconstruction"],
                "rate": before,
                "rate_after": found["kl"],
                "bound": found["bound"],
                "usage": found["usage_perplexity"],
                "words": 100 * self.words_kept(model),
            }
        row = {key: round(value, 3) for key, value in row.items()}
        return {**row, "cpu_minutes": round((time.process_time() - start) / 60, 2)}

    def common(self, seed: int) -> dict[str, Any]:
        return {"vocabulary": self.vocabulary, "max_length": self.max_length, "seed": seed}

    def sizes(self, seed: int) -> dict[str, Any]:
        """Of a decoder."""
        return {
            "vocabulary_size": self.vocabulary.size,
            "units": self.settings.units,
            "embedding_units": self.settings.units,
            "tie_embeddings": True,
            "seed": seed,
        }

    def by_place(self) -> float:
        """Of words that depend on their place alone; ten words at each are beforehand."""
        counts = np.zeros((self.max_length, self.vocabulary.size))
        for row in self.train:
            np.add.at(counts, (np.arange(len(row)), row), 1)
        words = counts.sum(axis=0) + 1
        counts += 10 * words / words.sum()
        log_p = np.log(counts / counts.sum(axis=1, keepdims=True))
        return float(np.mean([log_p[np.arange(len(row)), row].sum() for row in self.test]))

    def quantized(self, kind: dict[str, Any], seed: int) -> models.QuantizedTextVAE:
        s = self.settings
        return models.QuantizedTextVAE(
            networks.LSTMEncoder(
                self.vocabulary.size, s.units, embedding_units=s.units, bidirectional=True
            ),
            networks.InputlessDecoder(
                conditioning_units=s.codes * s.code_units, **self.sizes(seed)
            ),
            posterior=layers.VectorQuantizer((s.codes, s.values), s.code_units, **kind),
            prior=layers.NeuralAutoregressivePrior(s.codes, s.values, hidden_units=s.prior_units),
            **self.common(seed),
        )

    def batches(self, rows: list[np.ndarray], seed: int | None = None) -> BucketedBatches:
        return BucketedBatches(rows, self.settings.batch, seed=seed)

    def fit(self, model: Any, seed: int) -> None:
        s = self.settings
        batches = self.batches(self.train, seed)
        rate = keras.optimizers.schedules.CosineDecay(s.learning_rate, s.epochs * len(batches))
        model.compile(FusedAdam(rate, clipnorm=5.0))
        model.fit(batches, epochs=s.epochs, shuffle=False, verbose=0)

    def fit_prior(self, model: models.QuantizedTextVAE) -> None:
        """To draws of the training captions' codes, by log-likelihood."""
        codes = np.concatenate(
            [
                model.posterior(batch).sample(seed=(number, 7)).numpy()
                for number, (batch, *_) in enumerate(self.batches(self.train))
            ]
        )
        prior = models.ExactLikelihoodModel(model.prior_layer, seed=0)
        prior.compile(keras.optimizers.Adam(1e-3))
        prior.fit(codes, batch_size=64, epochs=self.settings.prior_epochs, verbose=0)

    def words_kept(self, model: models.QuantizedTextVAE) -> float:
        """F1 of the words of captions and of what is written from their codes, mean over them."""
        write = tf.function(
            lambda rows: inference.greedy(model.decode(model.likeliest_codes(rows))),
            input_signature=[tf.TensorSpec([None, None], tf.int32)],
            autograph=False,
        )
        scores = []
        for batch, *_ in BucketedBatches(self.test, 128):
            for row, written in zip(batch, write(batch).numpy(), strict=True):
                bags = [Counter(token for token in text if token > 3) for text in (row, written)]
                common = sum((bags[0] & bags[1]).values())
                scores.append(2 * common / max(1, sum(map(Counter.total, bags))))
        return float(np.mean(scores))


def drawn(path: Path, count: int) -> list[str]:
    """So many captions of a file at random: the longest come first there."""
    texts = read_sentences(path).texts
    order = np.random.default_rng(0).permutation(len(texts))[:count]
    return [texts[place] for place in order]


def show(rows: list[dict[str, Any]]) -> None:
    """Means over the seeds."""
    columns = ["reconstruction", "rate", "rate_after", "bound", "usage", "words", "cpu_minutes"]
    table = Table("", "seeds", *columns, title="captions of Multi30k, test, nats a caption")
    for name in dict.fromkeys(row["name"].rpartition(": ")[0] for row in rows):
        own = [row for row in rows if row["name"].rpartition(": ")[0] == name]
        cells = []
        for column in columns:
            values = [row[column] for row in own if column in row]
            cell = f"{np.mean(values):.2f}" if values else ""
            if column == "bound" and len(values) > 1:
                cell += f" +- {np.std(values, ddof=1):.2f}"
            cells.append(cell)
        table.add_row(name, str(len(own)), *cells)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
