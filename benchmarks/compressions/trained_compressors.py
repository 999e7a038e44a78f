"""Language models and compressors of captions: how they are made, begun and trained."""

import operator
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from compressions.long_captions import MOST_WORDS, SHARE, most_words
from tfp_dgm import models, networks
from tfp_dgm.objectives import ScoreFunctionELBO
from tfp_dgm.text import WordVocabulary
from tfp_dgm.token_ids import PAD

BATCH = 64


@dataclass(frozen=True)
class Networks:
    """The sizes that all models share.

    Attributes:
      vocabulary: of sentences and compressions.
      units: of every network.
      learning_rate: of Adam.
    """

    vocabulary: WordVocabulary
    units: int
    learning_rate: float

    def language_model(
        self, name: str, texts: np.ndarray, dev: np.ndarray, seed: int, epochs: int
    ) -> models.LanguageModel:
        decoder = networks.LSTMDecoder(
            self.vocabulary.size,
            self.units,
            embedding_units=self.units,
            tie_embeddings=True,
            dropout=0.3,
            seed=seed,
        )
        begin_with_frequencies(decoder, texts)
        most = most_words(MOST_WORDS) + 1
        model = models.LanguageModel(
            decoder, vocabulary=self.vocabulary, max_length=most, seed=seed, name=name
        )
        model.compile(keras.optimizers.Adam(self.learning_rate))
        label = f"{name}: {seed}"
        fit(model, lambda: (texts, None), (dev, None), epochs, label, operator.itemgetter("bound"))
        return model

    def compile(
        self, model: models.SentenceCompressor, objective: ScoreFunctionELBO, pointer: bool = True
    ) -> None:
        """Anew; the pointer learns, or stays as it is."""
        for part in (model.pointer, model.encoder):
            part.trainable = pointer
        model.compile(keras.optimizers.Adam(self.learning_rate), objective)

    def compressor(
        self, prior: models.LanguageModel, seed: int, min_share: float
    ) -> models.SentenceCompressor:
        size, units = self.vocabulary.size, self.units
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
