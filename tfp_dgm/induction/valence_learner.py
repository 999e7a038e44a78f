"""Dependency models with valence over symbols, of free rules or of networks."""

from typing import Any, Literal

import keras

from tfp_dgm import layers, models, training
from tfp_dgm.induction.batches import batches_by_length
from tfp_dgm.induction.dependency_learner import DependencyLearner
from tfp_dgm.induction.dependency_parses import Parses, parse
from tfp_dgm.induction.dependency_settings import DependencySettings, NeuralValence, Valence
from tfp_dgm.induction.sentences import Sentences
from tfp_dgm.text import WordVocabulary

_SYMBOLS = 1000  # Of a vocabulary, by default.


class ValenceLearner(DependencyLearner):
    """By expectation maximisation from the harmonic start."""

    def __init__(self, model: Valence | NeuralValence, *args: Any) -> None:
        super().__init__(*args)
        self._model = model
        if isinstance(model, NeuralValence):  # Where rules are free, nothing is left of a start.
            self.num_starts = model.starts

    def untrained(self) -> models.StructuredLanguageModel:
        return self._untrained(self._settings.seed)

    def train(
        self, seed: int, progress: training.Progress
    ) -> tuple[models.StructuredLanguageModel, list[float]]:
        keras.utils.set_random_seed(seed)
        model = self._model
        steps: dict[str, Any] = {}
        if isinstance(model, NeuralValence):
            steps = {"gradient_steps": model.gradient_steps, "learning_rate": model.learning_rate}
        parser = self._untrained(seed)
        fitted = training.fit_em(
            parser,
            batches_by_length(self._learned),
            guess=training.harmonic,
            iterations=model.iterations,
            smoothing=model.smoothing,
            hard=model.hard,
            progress=lambda _, done, total: progress(f"EM, seed {seed}", done, total),
            **steps,
        )
        return parser, fitted.history["log_likelihood"]

    def parse(self, parser: models.StructuredLanguageModel) -> Parses:
        return parse(parser, self.rows)

    def _column(self, sentences: Sentences) -> Literal["words", "xpos"]:
        return "words" if sentences.annotations is None else "xpos"

    def _fit_vocabulary(self, settings: DependencySettings, sentences: Sentences) -> WordVocabulary:
        size = settings.vocabulary_size or _SYMBOLS
        return self.read.vocabulary(size, lower=settings.lower)

    def _untrained(self, seed: int) -> models.StructuredLanguageModel:
        sizes = (self.vocabulary.size, self._settings.max_length)
        likelihood: layers.DistributionLayer
        if isinstance(self._model, NeuralValence):
            likelihood = layers.NeuralDependencyModelWithValence(
                *sizes, embedding_units=self._model.units, seed=seed
            )
        else:
            likelihood = layers.DependencyModelWithValence(*sizes, seed=seed)
        parser = models.StructuredLanguageModel(likelihood, self.vocabulary, seed=seed)
        parser.build((None, None))
        return parser
