"""What models that did not see a sentence say of it: cross-fitting of chains of tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.optimize

from tfp_dgm.tagging.chain_fitting import ChainProblem, ChainWeights, Legal, legal_words
from tfp_dgm.tagging.form_vectors import FormVectors
from tfp_dgm.tagging.packed_chains import PackedSentences, chain_sums
from tfp_dgm.tagging.word_windows import WordTable, windows

FOLDS = 5
_L2 = (0.3, 1.0, 3.0)  # Weights of the penalty on weights that are tried.
_STEPS = 100
_TEMPERATURE_SPREAD = 0.3  # Standard deviation of the prior of its logarithm.

# Potentials [T, K] of sentences, the transitions [K, K] of a model that was trained without them,
# and what is allowed, [T, K].
Chain = tuple[list[np.ndarray], np.ndarray, list[np.ndarray]]


class Held(NamedTuple):
    """What a model says of sentences that it did not see.

    Attributes:
      rows: their numbers.
      chain: what it says, and what is annotated.
    """

    rows: np.ndarray
    chain: Chain


@dataclass(frozen=True)
class AnnotatedSentences:
    """The annotated sentences, and models that are trained on some of them.

    Attributes:
      table: their words.
      seen: int [N, BLOCKS]; see `word_windows.windows`.
      lengths: int [n].
      known: of each, bool [T, K]; what its annotation leaves open.
      legal: bool [K], [K, K], [K].
    """

    table: WordTable
    seen: np.ndarray
    lengths: np.ndarray
    known: list[np.ndarray]
    legal: Legal

    @classmethod
    def of(
        cls,
        taught: list[Sequence[str]],
        known: list[np.ndarray],
        of_forms: FormVectors,
        legal: Legal,
    ) -> AnnotatedSentences:
        table = WordTable.of(taught, of_forms)
        lengths = np.array([len(sentence) for sentence in taught])
        return cls(table, windows(taught, table.words), lengths, known, legal)

    def strength(self, some: np.ndarray) -> tuple[float, ChainWeights]:
        """The weight of the penalty under which the other annotations are most probable.

        Returns:
          the weight, and what some [n] of the sentences teach with it.
        """
        others = np.flatnonzero(~some)
        problem, vector = self._problem(some), None
        least, best = np.inf, (_L2[0], ChainWeights.zero(self.table, 0, len(self.legal[0])))
        for l2 in _L2:
            vector = problem.fit(l2, steps=_STEPS, start=vector)
            weights = problem.weights(vector)
            _, loss = fit_temperature([self.held(weights, others).chain], self.legal)
            if loss >= least:
                break
            least, best = loss, (l2, weights)
        return best

    def trained(self, some: np.ndarray, l2: float) -> ChainWeights:
        """What some [n] of the sentences teach."""
        problem = self._problem(some)
        return problem.weights(problem.fit(l2, steps=_STEPS))

    def held(self, weights: ChainWeights, rows: np.ndarray) -> Held:
        """What a chain says of sentences, whose numbers [m] ascend."""
        some = np.isin(np.arange(len(self.lengths)), rows)
        flat = weights.unary(
            self.table,
            self.seen[np.repeat(some, self.lengths)],
            np.zeros((int(self.lengths[some].sum()), 0), np.float32),
        )
        unary = np.split(flat, np.cumsum(self.lengths[rows])[:-1])
        return Held(rows, (unary, weights.transitions, [self.known[row] for row in rows]))

    def _problem(self, some: np.ndarray) -> ChainProblem:
        known = [self.known[row] for row in np.flatnonzero(some)]
        no_rows = np.zeros((0, len(self.legal[0])), bool)
        return ChainProblem(
            self.table,
            self.seen[np.repeat(some, self.lengths)],
            np.zeros((int(self.lengths[some].sum()), 0), np.float32),
            self.lengths[some],
            np.concatenate([no_rows, *known]),
            self.legal,
        )


def folds(sentences: Sequence[Sequence[str]], seed: int) -> np.ndarray:
    """The fold int [n] of each sentence, from 0 on; copies, whatever their case, are in one."""
    numbers: dict[tuple[str, ...], int] = {}
    group = np.array(
        [
            numbers.setdefault(tuple(word.lower() for word in sentence), len(numbers))
            for sentence in sentences
        ]
    )
    order = np.random.default_rng(seed).permutation(len(numbers))
    return (order % min(FOLDS, len(numbers)))[group]


def fit_temperature(chains: Sequence[Chain], legal: Legal) -> tuple[float, float]:
    """The number that potentials are divided by for annotations to be the most probable.

    The most probable one under a log-normal prior around 1.

    Returns:
      the number, and the negative log-probability of it and the annotations, nats.
    """
    problems = []
    for unary, transitions, known in chains:
        packed = PackedSentences([len(potential) for potential in unary])
        may = legal_words(packed, legal)
        potentials = np.where(may, np.concatenate(unary)[packed.order], -np.inf)
        moves = np.where(legal[1], transitions, -np.inf)
        problems.append((packed, potentials, moves, np.concatenate(known)[packed.order]))

    def loss(log_temperature: float) -> float:
        total = log_temperature**2 / (2 * _TEMPERATURE_SPREAD**2)
        for packed, unary, moves, known in problems:
            cooled = unary / np.exp(log_temperature), moves / np.exp(log_temperature)
            free = chain_sums(packed, *cooled, None).log_partition
            given = chain_sums(packed, *cooled, known).log_partition
            total += (free - given).sum()
        return total

    found = scipy.optimize.minimize_scalar(loss, bounds=(-1.5, 1.5), method="bounded")
    return float(np.exp(found.x)), float(found.fun)
