"""What was found in a table of texts: topics, and what each text has of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfp_dgm.topic_modelling.number_of_topics import NumberOfTopics
from tfp_dgm.topic_modelling.topic_evidence import TopicEvidence
from tfp_dgm.topic_modelling.topic_words import TopicWord


@dataclass(frozen=True)
class TopicOutcome:
    """Topics of N texts, the largest first.

    Attributes:
      kind: "topic", which a text mixes, or "cluster", of which it is in one.
      model: that found them: "lda", "prodlda", "etm", "ctm"; of clusters "mixture".
      texts: [N].
      known: bool [N]; whether the text has a word of the vocabulary.
      mixtures: float32 [N, K]; what each text has of each topic, rows that sum to one.
      names: [K], distinct.
      words: [K]; the words by which a person knows each.
      seeded: [K]; whether a person named the topic.
      coherence: float64 [K]; NPMI of its words in the texts themselves.
      diversity: the share of distinct words among 25 of each topic.
      distinctiveness: float64 [K]; KL of each topic's words from all texts' words, nats.
      stability: float64 [K]; how far another seed finds the same words.
      number: why there are K.
      common: words that were left out as common to all texts.
      vocabulary_size: V.
      evidence: how likely texts are under the topics; None of clusters.
      active_units: how many latents of an inference network vary with the text; None where there
        is no such network.
      labels: [N], classes that a person gave; None where there is no such column.
      dates: datetime64[s] [N]; None where there is no such column.
      warnings: what the person should know.
      seconds: what steps took.
    """

    kind: str
    model: str
    texts: Sequence[str]
    known: NDArray[np.bool_]
    mixtures: NDArray[np.floating]
    names: tuple[str, ...]
    words: Sequence[Sequence[TopicWord]]
    seeded: Sequence[bool]
    coherence: NDArray[np.float64]
    diversity: float
    distinctiveness: NDArray[np.float64]
    stability: NDArray[np.float64]
    number: NumberOfTopics
    common: Sequence[str]
    vocabulary_size: int
    evidence: TopicEvidence | None = None
    active_units: int | None = None
    labels: Sequence[str | None] | None = None
    dates: NDArray[np.datetime64] | None = None
    warnings: Sequence[str] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def best(self) -> NDArray[np.int64]:
        """int64 [N]: the topic that a text has most of, -1 where no word of it is known."""
        return np.where(self.known, self.mixtures.argmax(axis=1), -1)

    @property
    def probability(self) -> NDArray[np.floating]:
        """float32 [N]: how much of it."""
        return self.mixtures.max(axis=1)

    @property
    def sizes(self) -> NDArray[np.float64]:
        """float64 [K]: the share of all texts that is of each topic, by their mixtures."""
        known = self.mixtures[self.known]
        return known.mean(axis=0, dtype=np.float64)

    @property
    def surer_half(self) -> NDArray[np.bool_]:
        """bool [N]: the half of each topic's texts that have most of it."""
        best, probability = self.best, self.probability
        sure = np.zeros(len(best), np.bool_)
        for k in range(len(self.names)):
            rows = np.flatnonzero(best == k)
            order = rows[np.argsort(-probability[rows], kind="stable")]
            sure[order[: -(-len(order) // 2)]] = True
        return sure

    def columns(self, *, mixture: bool = False) -> dict[str, list[Any]]:
        """What is added to each row of the table; None where no word of a text is known.

        Args:
          mixture: whether the share of every topic is a column, too.
        """
        best, half = self.best, self.surer_half
        names = [None if k < 0 else self.names[k] for k in best]
        added: dict[str, list[Any]] = {
            self.kind: names,
            f"{self.kind}_probability": rounded(self.probability, self.known),
            f"sure_{self.kind}": [
                name if sure else None for name, sure in zip(names, half, strict=True)
            ],
        }
        if mixture:
            for name, share in zip(self.names, self.mixtures.T, strict=True):
                added[share_column(name)] = rounded(share, self.known)
        return added


def share_column(name: str) -> str:
    """The column that holds the share of a topic."""
    return f"share of {name}"


def rounded(values: NDArray[np.floating], known: NDArray[np.bool_]) -> list[float | None]:
    """Cells of a table, None where nothing is known."""
    return [
        round(float(value), 4) if there else None
        for value, there in zip(values, known, strict=True)
    ]
