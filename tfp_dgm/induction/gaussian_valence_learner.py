"""Parsers of words as vectors: first tags, then rules over these, then both together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import keras
import numpy as np
from numpy.typing import NDArray

from tfp_dgm import layers, models, training
from tfp_dgm.data import DataError
from tfp_dgm.induction.batches import batches_by_length, padded, places_within
from tfp_dgm.induction.building import build_embedding, build_tagger, with_flow
from tfp_dgm.induction.dependency_learner import DependencyLearner
from tfp_dgm.induction.dependency_parses import Parses, parse_with_tags
from tfp_dgm.induction.dependency_settings import DependencySettings, GaussianValence
from tfp_dgm.induction.gradient_steps import train_by_gradients
from tfp_dgm.induction.sentences import Sentences
from tfp_dgm.induction.settings import GaussianHiddenMarkov, TagSettings
from tfp_dgm.induction.starts import train_start
from tfp_dgm.induction.training import fit_vocabulary, tag, tag_names, token_rows
from tfp_dgm.text import BucketedBatches, WordVocabulary
from tfp_dgm.token_ids import UNKNOWN

_WORDS = 50_000  # Of a vocabulary, by default.
_CELLS_AT_ONCE = 6_000_000  # Words times words times tags times tags that are learned from at once.


class GaussianValenceLearner(DependencyLearner):
    """A hidden Markov model's tags, a dependency model over them, and one of vectors from both.

    He, Neubig and Berg-Kirkpatrick, "Unsupervised learning of syntactic structure with invertible
    neural projections" (2018). Vectors and first tags are learned from all sentences, marks
    included; trees from the words of those that are learned from.
    """

    def __init__(
        self,
        model: GaussianValence,
        settings: DependencySettings,
        sentences: Sentences,
        kept: Sequence[Sequence[bool]],
    ) -> None:
        self._model = model
        self._tags = TagSettings(
            model=GaussianHiddenMarkov(
                units=model.units,
                contexts=model.contexts,
                spelling=model.spelling,
                iterations=model.tag_iterations,
                smoothing=model.smoothing,
                min_scale=model.min_scale,
            ),
            num_tags=model.num_tags,
            vocabulary_size=settings.vocabulary_size or _WORDS,
            lower=settings.lower,
            seed=settings.seed,
        )
        super().__init__(settings, sentences, kept)
        if model.num_tags > sentences.num_words:
            raise DataError(
                "settings: model.num_tags must be at most the number of words, "
                f"{sentences.num_words}; received {model.num_tags}"
            )
        self._kept = [np.array(row, bool) for row in kept]
        self._with_marks = token_rows(self.vocabulary, sentences)
        self._embedding = build_embedding(self._tags, self.vocabulary, self._with_marks)

    def untrained(self) -> models.StructuredLanguageModel:
        likelihood = self._likelihood(self._settings.seed)
        flow = self._model.flow
        return self._parser(likelihood if flow is None else with_flow(likelihood, flow))

    def train(
        self, seed: int, progress: training.Progress
    ) -> tuple[models.StructuredLanguageModel, list[float]]:
        tagger = train_start(
            self._tags, self.vocabulary, self._embedding, self._with_marks, seed, progress=progress
        ).tagger
        rules = self._rules(tag(tagger, self._with_marks), seed, progress)
        likelihood = self._likelihood(seed)
        _begin(likelihood, tagger.likelihood, rules)
        parser = self._parser(likelihood)
        places = places_within([len(row) for row in self._learned], self._cells)
        fitted = training.fit_em(
            models.ExactLikelihoodModel(likelihood),
            [parser.events(padded([self._learned[i] for i in chosen])) for chosen in places],
            iterations=self._model.iterations,
            smoothing=self._model.smoothing,
            progress=lambda _, done, total: progress(f"EM, seed {seed}", done, total),
        )
        curve = fitted.history["log_likelihood"]
        flow = self._model.flow
        if flow is None:
            return parser, curve
        parser = self._parser(with_flow(likelihood, flow))
        parser.compile(keras.optimizers.Adam(flow.learning_rate, clipnorm=5.0))
        curve += train_by_gradients(
            parser,
            BucketedBatches(self._learned, flow.batch_size, seed=seed),
            epochs=flow.epochs,
            step=f"Epochs, seed {seed}",
            progress=progress,
        )
        return parser, curve

    def parse(self, parser: models.StructuredLanguageModel) -> Parses:
        return parse_with_tags(
            parser,
            self.rows,
            tag_names(self._model.num_tags),
            max_length=self._settings.max_length,
            cells=self._cells,
        )

    @property
    def _cells(self) -> int:
        """Words times words of the sentences that are read at once."""
        return _CELLS_AT_ONCE // self._model.num_tags**2

    def _column(self, sentences: Sentences) -> Literal["words"]:
        return "words"

    def _fit_vocabulary(self, settings: DependencySettings, sentences: Sentences) -> WordVocabulary:
        return fit_vocabulary(self._tags, sentences)

    def _likelihood(self, seed: int) -> layers.GaussianDependencyModelWithValence:
        model = self._model
        likelihood = layers.GaussianDependencyModelWithValence(
            model.units,
            model.num_tags,
            self._settings.max_length,
            min_scale=model.min_scale,
            seed=seed,
        )
        likelihood.build()
        return likelihood

    def _parser(self, likelihood: layers.DistributionLayer) -> models.StructuredLanguageModel:
        return build_tagger(self._tags, self.vocabulary, likelihood, self._embedding)

    def _rules(
        self, tags: Sequence[NDArray[np.int32]], seed: int, progress: training.Progress
    ) -> layers.DependencyModelWithValence:
        """Learned from tags of the words, which are tokens from UNKNOWN on."""
        model = self._model
        rules = layers.DependencyModelWithValence(
            UNKNOWN + model.num_tags, self._settings.max_length, seed=seed
        )
        training.fit_em(
            models.ExactLikelihoodModel(rules),
            batches_by_length([UNKNOWN + tags[i][self._kept[i]] for i in self.read.learned]),
            guess=training.harmonic,
            iterations=model.rule_iterations,
            smoothing=model.smoothing,
            progress=lambda _, done, total: progress(f"Rules, seed {seed}", done, total),
        )
        return rules


def _begin(
    likelihood: layers.GaussianDependencyModelWithValence,
    normals: layers.GaussianHiddenMarkov,
    rules: layers.DependencyModelWithValence,
) -> None:
    """Sets the weights to the Normals of a model and the rules of another."""
    for name in ("loc", "scale_weights"):
        getattr(likelihood, name).assign(getattr(normals, name))
    root, attachments, decisions = (
        np.asarray(weight)[UNKNOWN:]
        for weight in (rules.root_logits, rules.attachment_logits, rules.decision_logits)
    )
    likelihood.root_logits.assign(root)
    likelihood.attachment_logits.assign(attachments[..., UNKNOWN:])
    likelihood.decision_logits.assign(decisions)
