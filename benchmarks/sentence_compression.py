"""Captions compressed by a model whose latent is a shorter sentence, and by simple rules.

Of the five captions of each image of Flickr8k, the one with the most words is the sentence x, the
one with the fewest is the reference that compressions of x are compared with (ROUGE-1, 2 and L).
The language model of compressions has seen the two shortest captions of each image of the training
part, beside no sentence. A known compression, for training with some, is a longest common
subsequence of both. Models without known compressions keep as many words as the rules. Of the
rules' words it is told, too, what the same decoder reads from them that was trained on them.
All figures are of the test part; the epoch is the best on the development part: by the loss, and of
models trained with known compressions by their probability.

Its data are read from flickr8k/ in the folder that TFP_DGM_DATA names.
"""

import operator
import os
import sys
import time
from collections.abc import Callable, Sequence
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

from tfp_dgm import models, networks
from tfp_dgm.data import read_captions, read_image_list
from tfp_dgm.evaluation import (
    importance_weighted_log_likelihood,
    longest_common_subsequence,
    rouge_scores,
)
from tfp_dgm.evaluation.captions import caption_words
from tfp_dgm.objectives import ScoreFunctionELBO
from tfp_dgm.text import WordVocabulary
from tfp_dgm.token_ids import END, NUM_SPECIAL, PAD, UNKNOWN
from tfp_dgm.training import KLWeightSchedule, Linear

SHARE = 0.4
LEAST_SHARE = 0.15
BATCH = 64
MOST_WORDS = 20
LEAST_KNOWN = 3


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
RANDOM = "random words"
REFERENCE = "words of the reference"
NO_LATENT = "language model of sentences, no latent"
# Words and how many of them -> their places.
Rule = Callable[[list[str], int], Any]


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


class Part:
    """Sentences, the captions that compressions are compared with, and what is in both."""

    def __init__(self, captions: list[list[str]]) -> None:
        ordered = [sorted(map(caption_words, own), key=len) for own in captions]
        self.short_captions = [words for own in ordered for words in own[:2]]
        self.references = [own[0] for own in ordered]
        self.sentences = [own[-1][:MOST_WORDS] for own in ordered]

    def ids(self, vocabulary: WordVocabulary) -> np.ndarray:
        return token_ids(vocabulary, self.sentences)

    def known(self, vocabulary: WordVocabulary) -> np.ndarray:
        """Known compressions [N, L]; rows of PAD where these say too little, or too much."""
        found = []
        for sentence, reference in zip(self.sentences, self.references, strict=True):
            words = longest_common_subsequence(sentence, reference)
            fits = LEAST_KNOWN <= len(words) <= most_words(len(sentence))
            found.append(words if fits else None)
        ids = token_ids(vocabulary, [words or [] for words in found])
        ids[[words is None for words in found]] = PAD
        return ids


def token_ids(vocabulary: WordVocabulary, texts: list[list[str]]) -> np.ndarray:
    return vocabulary(tf.constant([" ".join(words) for words in texts])).numpy()


def most_words(count: int) -> int:
    """Of a compression of so many words."""
    return max(1, int(np.floor(SHARE * count + 1e-4)))


def least_words(count: int, share: float) -> int:
    """Of a compression of so many words, of which it has at least a share."""
    return min(most_words(count), int(np.ceil(share * count - 1e-4)))


def begin_with_frequencies(decoder: networks.SequenceDecoder, ids: np.ndarray) -> None:
    """Words are as likely as they are frequent from the start.

    Else a decoder first learns this, by vectors that are nearly the same everywhere, and one that
    attends stays there for hundreds of steps.
    """
    if not decoder.built:
        decoder.build()
    counts = np.bincount(ids[ids != PAD], minlength=decoder.vocabulary_size) + 0.5
    decoder.output_bias.assign(np.log(counts / counts.sum()))


def reading() -> ScoreFunctionELBO:
    """Where all compressions are given, the log-likelihood."""
    return ScoreFunctionELBO(num_samples=1, control_variates=[], kl_weight=0.0)


def minutes_since(start: float) -> float:
    """Of the CPU."""
    return round((time.process_time() - start) / 60, 2)


class Bench:
    """The data, and what is trained on them."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.settings = settings
        captions = read_captions(folder / "Flickr8k.token.txt.gz").captions
        self.parts = {}
        for name in ("train", "dev", "test"):
            names = read_image_list(folder / f"Flickr_8k.{name}Images.txt")[: settings.images]
            self.parts[name] = Part([captions[one] for one in names if one in captions])
        train = self.parts["train"]
        texts = [" ".join(words) for words in [*train.sentences, *train.short_captions]]
        self.vocabulary = WordVocabulary.fit(texts, size=settings.words)
        self.ids = {name: part.ids(self.vocabulary) for name, part in self.parts.items()}
        self.known = {name: self.parts[name].known(self.vocabulary) for name in self.parts}
        counts = np.bincount(self.ids["train"].ravel(), minlength=self.vocabulary.size)
        # A word that the vocabulary lacks is as frequent as all of them together.
        self.rarity = dict(zip(self.vocabulary.tokens, -counts[NUM_SPECIAL:], strict=True))
        self.rarity_of_others = -counts[UNKNOWN]
        self.priors: dict[int, models.LanguageModel] = {}
        self.begun: dict[int, tuple[list[np.ndarray], float]] = {}
        self.random = np.random.default_rng(0)
        self.rules: dict[str, Rule] = {
            "rarest words": lambda words, size: np.argsort(
                [-self.rarity.get(word, self.rarity_of_others) for word in words], kind="stable"
            )[:size],
            "first words": lambda words, size: range(size),
            RANDOM: lambda words, size: self.random.choice(len(words), size, replace=False),
        }

    def runs(self) -> dict[str, Callable[[int], dict[str, Any]]]:
        """Name -> seed -> figures."""
        return {
            REFERENCE: lambda seed: self.oracle(),
            **{name: partial(self.model_row, name, row) for name, row in ROWS.items()},
            **{name: partial(self.rule_row, name, rule) for name, rule in self.rules.items()},
            NO_LATENT: self.without_latent,
        }

    def chosen(self, part: str, rule: Rule, least: float = SHARE) -> list[list[str]]:
        """As many words of each sentence as a model may keep, by a rule, in their order."""
        found = []
        for words in self.parts[part].sentences:
            size = most_words(len(words))
            if least < SHARE:
                size = self.random.integers(least_words(len(words), least), size + 1)
            found.append([words[i] for i in sorted(rule(words, size))])
        return found

    def oracle(self) -> dict[str, float]:
        """What of the reference stands in the sentence, in its order: more is not to be had."""
        test = self.parts["test"]
        pairs = zip(test.sentences, test.references, strict=True)
        return self.scores([longest_common_subsequence(*pair) for pair in pairs])

    def scores(self, compressions: list[list[str]]) -> dict[str, float]:
        test = self.parts["test"]
        lengths = np.array([len(words) for words in test.sentences])
        kept = np.array([len(words) for words in compressions]) / lengths
        found = rouge_scores(compressions, test.references)
        found = {name: round(100 * value, 2) for name, value in found.items()}
        return {"kept": round(100 * float(kept.mean()), 2), **found}

    def language_model(
        self, name: str, texts: np.ndarray, dev: np.ndarray, seed: int, epochs: int
    ) -> models.LanguageModel:
        decoder = networks.LSTMDecoder(
            self.vocabulary.size,
            self.settings.units,
            embedding_units=self.settings.units,
            tie_embeddings=True,
            dropout=0.3,
            seed=seed,
        )
        begin_with_frequencies(decoder, texts)
        most = most_words(MOST_WORDS) + 1
        model = models.LanguageModel(
            decoder, vocabulary=self.vocabulary, max_length=most, seed=seed, name=name
        )
        model.compile(keras.optimizers.Adam(self.settings.learning_rate))
        label = f"{name}: {seed}"
        fit(model, lambda: (texts, None), (dev, None), epochs, label, operator.itemgetter("bound"))
        return model

    def prior(self, seed: int) -> models.LanguageModel:
        """Of short captions; trained once a seed."""
        if seed not in self.priors:
            short, dev = (
                token_ids(self.vocabulary, self.parts[name].short_captions)
                for name in ("train", "dev")
            )
            epochs = self.settings.prior_epochs
            self.priors[seed] = self.language_model("prior", short, dev, seed, epochs)
        return self.priors[seed]

    def without_latent(self, seed: int) -> dict[str, float]:
        keras.utils.set_random_seed(100 + seed)
        start = time.process_time()
        model = self.language_model(
            "sentences", self.ids["train"], self.ids["dev"], seed, self.settings.epochs
        )
        found = model.evaluate(self.ids["test"], batch_size=BATCH, verbose=0, return_dict=True)
        return {
            "nll_bound": round(-found["bound"], 2),
            "cpu_minutes": minutes_since(start),
        }

    def rule_row(self, name: str, rule: Rule, seed: int) -> dict[str, Any]:
        """The words of a rule, and what a decoder that was trained on them reads from them."""
        self.random = np.random.default_rng(seed)
        model, start = self.begin(seed)

        def words_of(part: str) -> np.ndarray:
            return token_ids(self.vocabulary, self.chosen(part, rule))

        self.compile(model, reading(), pointer=False)
        data = (self.ids["train"], words_of("train"))
        epoch = fit(
            model,
            lambda: (data[0], words_of("train")) if name == RANDOM else data,
            (self.ids["dev"], words_of("dev")),
            self.settings.epochs,
            f"{name}: {seed}",
            operator.itemgetter("reconstruction"),
        )
        compressions = self.chosen("test", rule)
        return {
            **self.told(model, token_ids(self.vocabulary, compressions)),
            **self.scores(compressions),
            "epoch": epoch,
            "cpu_minutes": minutes_since(start),
        }

    def model_row(self, name: str, row: Row, seed: int) -> dict[str, Any]:
        self.random = np.random.default_rng(seed)
        model, start = self.begin(seed, row.min_share)
        sentences, known = self.ids["train"], self.known["train"].copy()
        if row.pairs is not None:
            known[np.flatnonzero((known != PAD).any(axis=1))[row.pairs :]] = PAD
        if not row.others:
            kept = (known != PAD).any(axis=1)
            sentences, known = sentences[kept], known[kept]
        objective = ScoreFunctionELBO(num_samples=self.settings.draws, kl_weight=row.kl_weight)
        self.compile(model, objective)
        # An epoch of few pairs has few steps.
        epochs = self.settings.epochs * (4 if row.pairs and not row.others else 1)
        dev = self.ids["dev"], None if row.pairs == 0 else self.known["dev"]
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
        model = self.compressor(prior, seed, min_share)
        model.build((None, None))
        model.set_weights(weights)
        return model, start

    def reader(self, seed: int) -> tuple[list[np.ndarray], float]:
        """The weights that a model begins with, and the CPU seconds that they took."""
        keras.utils.set_random_seed(100 + seed)
        start = time.process_time()
        model = self.compressor(self.prior(seed), seed, LEAST_SHARE)
        model.build((None, None))
        begin_with_frequencies(model.likelihood.decoder, self.ids["train"])
        self.compile(model, reading(), pointer=False)
        for epoch in range(1, self.settings.decoder_epochs + 1):
            words = self.chosen("train", self.rules[RANDOM], LEAST_SHARE)
            targets = token_ids(self.vocabulary, words)
            logs = model.fit(self.ids["train"], targets, batch_size=BATCH, verbose=0).history
            told = f"reconstruction {logs['reconstruction'][0]:.2f} of random words"
            print(f"  reader: {seed}, epoch {epoch}: {told}", file=sys.stderr, flush=True)
        return model.get_weights(), time.process_time() - start

    def compile(
        self, model: models.SentenceCompressor, objective: ScoreFunctionELBO, pointer: bool = True
    ) -> None:
        """Anew; the pointer learns, or stays as it is."""
        for part in (model.pointer, model.encoder):
            part.trainable = pointer
        model.compile(keras.optimizers.Adam(self.settings.learning_rate), objective)

    def compressor(
        self, prior: models.LanguageModel, seed: int, min_share: float
    ) -> models.SentenceCompressor:
        size, units = self.vocabulary.size, self.settings.units
        common: dict[str, Any] = {"embedding_units": units, "seed": seed}
        encoder = networks.LSTMEncoder(
            size, units, bidirectional=True, return_sequences=True, dropout=0.3, **common
        )
        return models.SentenceCompressor(
            prior,
            encoder,
            networks.LSTMDecoder(
                size,
                units,
                conditioning_units=encoder.output_units,
                tie_embeddings=True,
                **common,
            ),
            networks.LSTMEncoder(size, units, return_sequences=True, bidirectional=True, **common),
            networks.LSTMDecoder(
                size,
                units,
                memory_units=2 * units,
                tie_embeddings=True,
                dropout=0.3,
                **common,
            ),
            max_share=SHARE,
            min_share=min_share,
            seed=seed,
        )

    def told(self, model: models.SentenceCompressor, compressions: np.ndarray) -> dict[str, float]:
        """What the language model and the decoder make of compressions of the test part, nats."""
        given = self.ids["test"], compressions
        found = model.evaluate(*given, batch_size=BATCH, verbose=0, return_dict=True)
        return {
            "words_nll": round(found["kl"], 2),
            "words_reconstruction": round(found["reconstruction"], 2),
        }

    def annotation(self, model: models.SentenceCompressor) -> dict[str, float]:
        """How likely known compressions of the test part are, nats."""
        given = self.ids["test"], self.known["test"]
        found = model.evaluate(*given, batch_size=BATCH, verbose=0, return_dict=True)
        return {"annotation": round(found["annotation"], 2)}

    def figures(self, model: models.SentenceCompressor) -> dict[str, float]:
        test = self.ids["test"]
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
            **self.scores([self.words_of(one) for one in compressions]),
        }

    def words_of(self, compression: np.ndarray) -> list[str]:
        tokens = self.vocabulary.tokens
        return [
            tokens[token - NUM_SPECIAL] if token >= NUM_SPECIAL else "<unk>"
            for token in compression
            if token not in (PAD, END)
        ]


def fit(
    model: keras.Model,
    data: Callable[[], tuple[np.ndarray, np.ndarray | None]],
    dev: tuple[np.ndarray, np.ndarray | None],
    epochs: int,
    name: str,
    score: Callable[[dict[str, float]], float],
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> int:
    """Trains on each epoch's data, and brings back the epoch that was best on the dev part."""
    best: tuple[float, int, list[np.ndarray]] = (-np.inf, 0, [])
    for epoch in range(1, epochs + 1):
        model.fit(*data(), batch_size=BATCH, verbose=0, callbacks=list(callbacks))
        found = model.evaluate(*dev, batch_size=BATCH, verbose=0, return_dict=True)
        shown = ", ".join(f"{key} {value:.2f}" for key, value in found.items() if key != "loss")
        print(f"  {name}, epoch {epoch}: {shown}", file=sys.stderr, flush=True)
        if score(found) > best[0]:
            best = score(found), epoch, model.get_weights()
    model.set_weights(best[2])
    return best[1]


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
