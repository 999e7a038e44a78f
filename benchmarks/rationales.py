"""Rationales on the Stanford Sentiment Treebank: accuracy against the share of the words kept.

Five classes of sentences, official split; training, settings and the epoch are chosen on the
development part, and all figures are of the test part. Beside the models of rationales stand the
classifier alone on the full text (the same network and vectors), and the same classifier on words
kept at random. Words have vectors distilled from MiniLM, which training leaves as they are; the
networks are blind to the order of words, a hidden layer on each vector (selector) or on the mean of
what is kept (classifier); in the rows named so they are recurrent.

  accuracy           with the mask that stands for all, %
  kept               share of a text's words whose mask is not 0, mean over the texts, %
  changes            between kept and left out, a word
  sufficiency        p(c | text) - p(c | words kept), c the class of the full text: near 0 is good
  comprehensiveness  p(c | text) - p(c | words left out): high is good (both DeYoung et al. 2020,
                     ERASER), by the model itself, its mask set to 1 where the text is meant
  judged             accuracy of the full-text classifier, %, which never saw a mask, on the words
                     kept; `judged_random` on as many words of each text at random

    python benchmarks/rationales.py --json benchmarks/results/rationales.json

A run that is stopped goes on where it was. The treebank is sst/ in the folder that TFP_DGM_DATA
names.
"""

import functools
import gzip
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from exits.missing import wanting
from recorded.benchmark_options import folder_within, parser_of
from recorded.resumed_rows import measure, rows_so_far
from rich.console import Console
from rich.table import Table

from tfp_dgm import layers, networks
from tfp_dgm.data import DataError, fetch
from tfp_dgm.evaluation import rationale_scores
from tfp_dgm.models import RationaleClassifier
from tfp_dgm.objectives import (
    ELBO,
    SPIGOTELBO,
    AtMost,
    Constrained,
    Objective,
    ScoreFunctionELBO,
    StraightThroughELBO,
)
from tfp_dgm.text import WordVocabulary
from tfp_dgm.token_ids import NUM_SPECIAL, PAD

CLASSES = ["very negative", "negative", "neutral", "positive", "very positive"]
SHARE = 0.4
# By how much a text may keep more words than asked for, in the epoch that is chosen.
SLACK = 0.02
BATCH = 64
UNITS_OF_WORDS = 100


@dataclass(frozen=True)
class Settings:
    """How much is trained."""

    texts: int | None = None
    epochs: int = 8
    seeds: int = 3
    units: int = 100
    dropout: float = 0.5
    learning_rate: float = 3e-3


QUICK = Settings(texts=400, epochs=2, seeds=1, units=16)

# Name -> the layer of the masks and the objective of a model of rationales.
Row = Callable[[], tuple[layers.ProjectedDistributionLayer, Objective]]


def limits(share: float = SHARE, changes: float | None = None) -> list[AtMost]:
    found = [AtMost("kept", share)]
    return found if changes is None else [*found, AtMost("changes", changes)]


def gates(share: float, changes: float | None = None) -> Row:
    return lambda: (layers.HardKumaraswamy(1), Constrained(ELBO(), limits(share, changes)))


def binary(objective: Callable[[], Objective]) -> Row:
    return lambda: (layers.IndependentBernoulli(1), Constrained(objective(), limits()))


ROWS: dict[str, Row] = {
    "HardKumaraswamy, 40 %": gates(0.4),
    "HardKumaraswamy, 20 %": gates(0.2),
    "HardKumaraswamy, 40 %, few changes": gates(0.4, 0.1),
    "Bernoulli, score function": binary(ScoreFunctionELBO),
    "Bernoulli, straight-through": binary(StraightThroughELBO),
    "Bernoulli, SPIGOT": binary(SPIGOTELBO),
    "chain, score function": lambda: (
        layers.LinearChain(2),
        Constrained(ScoreFunctionELBO(), limits()),
    ),
}
SHARE_OF = {"HardKumaraswamy, 20 %": 0.2}
FULL, RANDOM = "full text", "random words, 40 %"
# Of a row whose networks read in both directions, in place of those that are blind to the order.
RECURRENT = ", recurrent"
RECURRENT_ROWS = [FULL + RECURRENT, "HardKumaraswamy, 40 %" + RECURRENT]
# Of masks that nothing learns.
ONE_DRAW = ScoreFunctionELBO(num_samples=1, control_variates=[])


def main() -> None:
    parser = parser_of(
        __doc__, "sst/train.txt.gz and its kin", quick="the same code in a minute or so"
    )
    options = parser.parse_args()
    settings = QUICK if options.quick else Settings()
    bench = Bench(folder_within(options.data, "sst"), settings)
    rows = rows_so_far(options.json)
    for seed in range(settings.seeds):
        for name in (FULL, RANDOM, *ROWS, *RECURRENT_ROWS):
            run = functools.partial(bench.run, name, seed)
            measure(rows, f"{name}: {seed}", run, options.json)
    show(rows)


@dataclass(frozen=True)
class Part:
    """Texts as token ids without END, padded, and their classes."""

    token_ids: np.ndarray
    classes: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        return (self.token_ids != PAD).sum(axis=1)


def read(path: Path, count: int | None) -> tuple[list[str], np.ndarray]:
    """Texts, lower case, and classes of a file with a tree a line."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        lines = [line for line in file if line.strip()][:count]
    texts = [" ".join(re.findall(r"\(\d ([^()]+)\)", line)).lower() for line in lines]
    return texts, np.array([int(line[1]) for line in lines])


class Bench:
    """The data, vectors of words, and the models trained on them."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.settings = settings
        read_parts = {
            name: read(folder / f"{name}.txt.gz", settings.texts)
            for name in ("train", "dev", "test")
        }
        # Of all parts: a word's vector comes from elsewhere, and needs no training text.
        every_text = [text for texts, _ in read_parts.values() for text in texts]
        self.vocabulary = WordVocabulary.fit(every_text, size=30_000, split_punctuation=False)
        self.parts = {
            name: Part(self._ids(texts), classes) for name, (texts, classes) in read_parts.items()
        }
        self.vectors = self._word_vectors()
        self.full: dict[int, keras.Model] = {}

    def _ids(self, texts: list[str]) -> np.ndarray:
        ids = self.vocabulary(tf.constant(texts)).numpy()
        ids = np.where(ids == 2, PAD, ids)  # Without END.
        return ids[:, :-1]

    def _word_vectors(self) -> np.ndarray:
        """Principal components [V, E] of `TokenVectors`, of unit variance in the mean."""
        from tfp_dgm.labelling.vectors_of_tokens import token_vectors

        with wanting(DataError, ImportError, OSError):
            encoder = networks.SentenceEncoder.from_preset(str(fetch("minilm")))
            light = token_vectors(encoder, [])
        found = light.encode(list(self.vocabulary.tokens), batch_size=1024)
        found -= found.mean(axis=0)
        _, _, components = np.linalg.svd(found[::5], full_matrices=False)
        found = found @ components[:UNITS_OF_WORDS].T
        return np.concatenate([np.zeros((NUM_SPECIAL, UNITS_OF_WORDS)), found / found.std()])

    def batches(self, seed: int) -> tf.data.Dataset:
        """Of one epoch: texts of like length together, the batches in random order."""
        part, random = self.parts["train"], np.random.default_rng(seed)
        order = random.permutation(len(part.classes))
        order = order[np.argsort(part.lengths[order], kind="stable")]
        batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]

        def padded() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            for which in random.permutation(len(batches)):
                rows = batches[which]
                yield part.token_ids[rows, : part.lengths[rows].max()], part.classes[rows]

        signature = (tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.int64))
        data = tf.data.Dataset.from_generator(padded, output_signature=signature)
        return data.apply(tf.data.experimental.assert_cardinality(len(batches))).prefetch(2)

    def encoder(self, seed: int, *, recurrent: bool, **kwargs: Any) -> networks.SequenceEncoder:
        """A hidden layer on the mean vector of a text, or on each word's, or units that read in
        both directions, half of them in each; the vectors stay.
        """
        kwargs |= {
            "embedding_units": self.vectors.shape[1],
            "dropout": self.settings.dropout,
            "seed": seed,
        }
        size, units = self.vocabulary.size, self.settings.units
        encoder: networks.SequenceEncoder
        if recurrent:
            encoder = networks.GRUEncoder(size, units // 2, bidirectional=True, **kwargs)
        else:
            encoder = networks.BagOfWordsEncoder(size, units, **kwargs)
        encoder.build((None, None))
        encoder.embedding.assign(self.vectors)
        encoder.embedding.trainable = False
        return encoder

    def rationale_classifier(
        self, masks: layers.ProjectedDistributionLayer, seed: int, *, recurrent: bool
    ) -> RationaleClassifier:
        return RationaleClassifier(
            CLASSES,
            self.vocabulary,
            self.encoder(seed, recurrent=recurrent, return_sequences=True, name="selector"),
            self.encoder(seed + 1, recurrent=recurrent, name="classifier"),
            masks=masks,
            seed=seed,
        )

    def fixed_masks(self, logit: float) -> layers.IndependentBernoulli:
        """Each word kept with one probability, whatever the text; nothing to learn."""
        masks = layers.IndependentBernoulli(1, kernel_initializer="zeros")
        masks.build((None, None, self.settings.units))
        masks.projection.bias.assign([logit])
        masks.trainable = False
        return masks

    def run(self, name: str, seed: int) -> dict[str, Any]:
        """One row: a model trained, and its figures on the test part."""
        keras.utils.set_random_seed(100 + seed)
        start = time.process_time()
        kind = name.removesuffix(RECURRENT)
        if kind == FULL:
            masks, objective = self.fixed_masks(30.0), ONE_DRAW
        elif kind == RANDOM:
            masks, objective = self.fixed_masks(np.log(SHARE / (1 - SHARE))), ONE_DRAW
        else:
            masks, objective = ROWS[kind]()
        model = self.rationale_classifier(masks, seed, recurrent=name != kind)
        model.compile(keras.optimizers.Adam(self.settings.learning_rate), objective)
        epoch = self.fit(model, name, seed)
        found = self.figures(model, "test", name, seed)
        return {**found, "epoch": epoch, "cpu_seconds": round(time.process_time() - start)}

    def fit(self, model: RationaleClassifier, name: str, seed: int) -> int:
        """Trains, and brings back the epoch that was best on the development part."""
        limit = SHARE_OF.get(name, SHARE) + SLACK
        best: tuple[Any, ...] = (False, -np.inf, 0, [])
        for epoch in range(1, self.settings.epochs + 1):
            model.fit(self.batches(100 * seed + epoch), verbose=0, shuffle=False)
            found = self.figures(model, "dev", name, seed)
            within = name.startswith(FULL) or found["kept"] <= 100 * limit
            score = found["accuracy"] if within else -found["kept"]
            shown = f"{found['accuracy']:.1f} at {found['kept']:.0f} %"
            print(f"  {name}: {seed}, epoch {epoch}: {shown}", file=sys.stderr, flush=True)
            if (within, score) > best[:2]:
                best = within, score, epoch, model.get_weights()
        model.set_weights(best[3])
        if name == FULL:
            self.full[seed] = model
        return best[2]

    def full_text_model(self, seed: int) -> RationaleClassifier:
        if seed not in self.full:  # The run was resumed.
            self.run(FULL, seed)
        return self.full[seed]

    def figures(
        self, model: RationaleClassifier, part: str, name: str, seed: int
    ) -> dict[str, float]:
        """Of a part; all but accuracy, kept and changes of the test part alone."""
        texts = self.parts[part]
        random = np.random.default_rng([seed, 7])
        masks = None
        if name == RANDOM:
            kept = np.maximum(1, np.round(SHARE * texts.lengths)).astype(int)
            masks = random_choice(texts, kept, random)
        masks, given = classified(model, texts, masks)
        kept = masks > 0
        words = texts.token_ids != PAD
        changed = (kept[:, 1:] != kept[:, :-1]) & words[:, 1:]
        found = {
            "accuracy": accuracy(given, texts),
            "kept": 100 * float(np.mean(kept.sum(1) / texts.lengths)),
            "changes": float(np.mean(changed.sum(1) / texts.lengths)),
        }
        if part == "test" and not name.startswith(FULL):
            _, whole = classified(model, texts, words)
            _, rest = classified(model, texts, words & ~kept)
            found |= rationale_scores(whole, given, rest)
            judge = self.full_text_model(seed)
            at_random = random_choice(texts, kept.sum(1), random)
            for column, chosen in (("judged", kept), ("judged_random", at_random)):
                found[column] = accuracy(classified(judge, texts, chosen)[1], texts)
        return {column: round(value, 4) for column, value in found.items()}


def random_choice(texts: Part, counts: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """So many words of each text at random: bool [N, T]."""
    order = np.where(texts.token_ids != PAD, random.random(texts.token_ids.shape), 2.0)
    return np.argsort(np.argsort(order, axis=1), axis=1) < counts[:, np.newaxis]


@functools.lru_cache(maxsize=8)
def compiled(model: RationaleClassifier) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Token ids [B, T] -> masks; these two -> probabilities."""
    ids, mask = tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None, None])

    def probabilities(token_ids: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        return tf.exp(model.class_logits(token_ids, mask[tf.newaxis])[0])

    return (
        tf.function(lambda token_ids: model.selection(token_ids).mask, [ids], autograph=False),
        tf.function(probabilities, [ids, mask], autograph=False),
    )


def classified(
    model: RationaleClassifier, texts: Part, masks: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Masks [N, T], the model's own where none are given, and probabilities [N, K] with them."""

    own, probabilities = compiled(model)
    found = np.zeros(texts.token_ids.shape, np.float32)
    given = np.zeros((len(texts.classes), len(CLASSES)), np.float32)
    order = np.argsort(texts.lengths)
    for start in range(0, len(order), 256):
        rows = order[start : start + 256]
        width = max(1, texts.lengths[rows].max())
        token_ids = tf.constant(texts.token_ids[rows, :width], tf.int32)
        mask = own(token_ids) if masks is None else tf.constant(masks[rows, :width], tf.float32)
        found[rows, :width] = mask
        given[rows] = probabilities(token_ids, mask)
    return found, given


def accuracy(probabilities: np.ndarray, texts: Part) -> float:
    return 100 * float(np.mean(probabilities.argmax(axis=1) == texts.classes))


def show(rows: list[dict[str, Any]]) -> None:
    """Means over the seeds, and the standard deviation of the accuracy."""
    columns = [
        "accuracy",
        "kept",
        "changes",
        "sufficiency",
        "comprehensiveness",
        "judged",
        "judged_random",
        "cpu_seconds",
    ]
    table = Table("model", "seeds", *columns, title="SST, five classes, test")
    for name in dict.fromkeys(row["name"].rpartition(": ")[0] for row in rows):
        own = [row for row in rows if row["name"].rpartition(": ")[0] == name]
        cells = []
        for column in columns:
            values = [row[column] for row in own if column in row]
            cell = f"{np.mean(values):.3g}" if values else ""
            if column == "accuracy" and len(values) > 1:
                cell += f" +- {np.std(values, ddof=1):.2g}"
            cells.append(cell)
        table.add_row(name, str(len(own)), *cells)
    Console().print(table)


if __name__ == "__main__":
    main()
