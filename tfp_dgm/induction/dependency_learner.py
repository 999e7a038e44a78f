"""What the trainings of all parsers of dependencies have in common."""

import abc
from collections.abc import Sequence
from typing import Literal

from tfp_dgm import models, training
from tfp_dgm.induction.dependency_parses import Parses
from tfp_dgm.induction.dependency_settings import DependencySettings
from tfp_dgm.induction.sentences import Sentences
from tfp_dgm.induction.symbols import read_symbols
from tfp_dgm.text import WordVocabulary


class DependencyLearner(abc.ABC):
    """What a parser reads, and how one is made and trained.

    Args:
      settings: of the induction.
      sentences: the text.
      kept: of each word, whether it is more than a mark.
    Attributes:
      read: the symbols of each sentence, and which are learned from.
      vocabulary: of the parser.
      rows: token ids of these symbols, without END.
      num_starts: first weights that are tried.
    Raises:
      DataError: if the settings do not fit the text.
    """

    num_starts = 1

    def __init__(
        self, settings: DependencySettings, sentences: Sentences, kept: Sequence[Sequence[bool]]
    ) -> None:
        column = settings.reads or self._column(sentences)
        self.read = read_symbols(column, sentences, kept, shortest=1, longest=settings.max_length)
        self.vocabulary = self._fit_vocabulary(settings, sentences)
        self.rows = [row[:-1] for row in self.vocabulary.encode_all(self.read.lines)]
        self._settings = settings
        self._learned = [self.rows[i] for i in self.read.learned]

    @property
    def num_learned_words(self) -> int:
        """Of the sentences that are learned from."""
        return sum(map(len, self._learned))

    @abc.abstractmethod
    def untrained(self) -> models.StructuredLanguageModel:
        """A parser that is to be given its weights."""

    @abc.abstractmethod
    def train(
        self, seed: int, progress: training.Progress
    ) -> tuple[models.StructuredLanguageModel, list[float]]:
        """A trained parser, and nats of what was learned from after each iteration.

        Args:
          seed: of first weights.
          progress: told of iterations and epochs.
        Raises:
          NonFiniteLossError: if a loss of gradient steps is no number any more.
        """

    @abc.abstractmethod
    def parse(self, parser: models.StructuredLanguageModel) -> Parses:
        """The best trees of all sentences, of a parser of this kind."""

    @abc.abstractmethod
    def _column(self, sentences: Sentences) -> Literal["words", "xpos"]:
        """What is read where the settings do not say."""

    @abc.abstractmethod
    def _fit_vocabulary(
        self, settings: DependencySettings, sentences: Sentences
    ) -> WordVocabulary: ...
