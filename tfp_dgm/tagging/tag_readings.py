"""What chains said of sentences, and of their words one behind the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tfp_dgm.tagging.chain_readings import TagSpace
from tfp_dgm.tagging.judged_rows import AnnotatedRows
from tfp_dgm.tagging.sentence_readings import SentenceReading


@dataclass(frozen=True)
class TagReadings:
    """What chains said of S sentences, of which n are annotated.

    Attributes:
      tokens: S lists of words.
      given: S lists of tuples of tags, as the file has them.
      allowed: S arrays bool [T, K], the labels that the tags leave open; None where all.
      annotated: int [n]; the numbers of annotated sentences.
      group: int [n]; those of one number are copies of each other, or nearly.
      all_sentences: S readings by the model, with the given tags as evidence; but spans whose words
        all have one given tag are judged by models that were trained without the sentence.
      cross_fitted: n readings by models that were trained without the sentence.
      fitted: n readings by the model, without evidence.
    """

    tokens: Sequence[Sequence[str]]
    given: Sequence[Sequence[tuple[str, ...]]]
    allowed: Sequence[np.ndarray | None]
    annotated: np.ndarray
    group: np.ndarray
    all_sentences: Sequence[SentenceReading]
    cross_fitted: Sequence[SentenceReading]
    fitted: Sequence[SentenceReading]


@dataclass(frozen=True)
class FlatWords:
    """The words of all sentences, one behind the other.

    Attributes:
      starts: int [S + 1].
      texts: int [W]; the group of copies that the sentence of each is in; -1 where it has no tag.
      raw: float32 [W, G]; uncalibrated, with the given tags as evidence.
      unseen_all, fitted: float32 [n, G]; of the words that have one given tag or a choice, by
        models that did not see it, and by the one that did.
      annotated: int [n]; these words.
      allowed: bool [n, G]; what is given of them.
      observed: int [W]; the one given tag, or -1.
      predicted: int [W]; see `TagOutcome`.
    """

    starts: np.ndarray
    texts: np.ndarray
    raw: np.ndarray
    unseen_all: np.ndarray
    fitted: np.ndarray
    annotated: np.ndarray
    allowed: np.ndarray
    observed: np.ndarray
    predicted: np.ndarray

    @classmethod
    def of(cls, readings: TagReadings, space: TagSpace) -> FlatWords:
        """Those of readings."""
        lengths = [len(words) for words in readings.tokens]
        starts = np.cumsum([0, *lengths])
        group = np.full(len(lengths), -1)
        group[readings.annotated] = readings.group
        texts = np.repeat(group, lengths)
        groups = np.array(space.groups)
        raw = np.concatenate([reading.tags for reading in readings.all_sentences])
        predicted = groups[np.concatenate([reading.labels for reading in readings.all_sentences])]
        number = {tag: place for place, tag in enumerate(space.tags)}
        member = np.eye(len(space.tags), dtype=bool)[groups]  # [K, G]
        observed = np.full(len(texts), -1)
        rows, allowed, unseen, fitted = [], [], [], []
        for place, sentence in enumerate(readings.annotated):
            known = readings.allowed[sentence]
            assert known is not None
            cross, own = readings.cross_fitted[place], readings.fitted[place]
            left = known @ member  # bool [T, G]
            for word, options in enumerate(readings.given[sentence]):
                if not options:
                    continue
                row = starts[sentence] + word
                if len(options) == 1:
                    tags = np.flatnonzero(left[word])
                    # An illegal tag is read as another one.
                    observed[row] = tags[0] if len(tags) == 1 else number.get(options[0], -1)
                    predicted[row] = groups[cross.labels[word]]
                rows.append(row)
                allowed.append(left[word])
                unseen.append(cross.tags[word])
                fitted.append(own.tags[word])
        return cls(
            starts,
            texts,
            raw,
            np.array(unseen),
            np.array(fitted),
            np.array(rows),
            np.array(allowed),
            observed,
            predicted,
        )

    @property
    def open(self) -> np.ndarray:
        """bool [W]; words without one given tag."""
        return self.observed < 0

    @property
    def unseen_rows(self) -> np.ndarray:
        """int [m]; the words with one given tag."""
        return self.annotated[self.observed[self.annotated] >= 0]

    @property
    def unseen(self) -> np.ndarray:
        """float32 [m, G]; of these, what models said that did not see it."""
        return self.unseen_all[self.observed[self.annotated] >= 0]

    def annotated_rows(self) -> AnnotatedRows:
        """The words of which something is given."""
        texts = self.texts[self.annotated]
        return AnnotatedRows(self.unseen_all, self.allowed, texts, self.fitted)
