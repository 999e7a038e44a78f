"""What models that did not see a sentence say of it: cross-fitting of chains of tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.optimize

from tfp_dgm.tagging.chain_fitting import ChainProblem, ChainWeights, Legal, legal_words
from tfp_dgm.tagging.encoded_words import EncodedWords
from tfp_dgm.tagging.form_vectors import FormVectors
from tfp_dgm.tagging.packed_chains import PackedSentences, chain_sums
from tfp_dgm.tagging.training_pieces import piece_lengths
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


class UnseenChains(NamedTuple):
    """Chains of the sentences of a fold, by the model that was trained without them.

    Attributes:
      rows: int [m]; their numbers.
      unary: m arrays [T, K]; potentials, tempered, without what is illegal.
      transitions: [K, K]; likewise.
    """

    rows: np.ndarray
    unary: list[np.ndarray]
    transitions: np.ndarray


class Strength(NamedTuple):
    """How strong the penalty on weights is.

    Attributes:
      l2: its weight.
      weights: what some sentences teach with it.
      losses: float64 [m]; the negative log-probability of the annotations of each of the others.
    """

    l2: float
    weights: ChainWeights
    losses: np.ndarray


@dataclass(frozen=True)
class AnnotatedSentences:
    """The annotated sentences, and models that are trained on some of them.

    Attributes:
      table: their words.
      seen: int [N, BLOCKS]; see `word_windows.windows`.
      encoded: what an encoder says of each word.
      lengths: int [n].
      known: of each, bool [T, K]; what its annotation leaves open.
      legal: bool [K], [K, K], [K].
    """

    table: WordTable
    seen: np.ndarray
    encoded: EncodedWords
    lengths: np.ndarray
    known: list[np.ndarray]
    legal: Legal

    @classmethod
    def of(
        cls,
        taught: list[Sequence[str]],
        known: list[np.ndarray],
        of_forms: FormVectors,
        encoded: EncodedWords,
        legal: Legal,
    ) -> AnnotatedSentences:
        table = WordTable.of(taught, of_forms)
        lengths = np.array([len(sentence) for sentence in taught])
        return cls(table, windows(taught, table.words), encoded, lengths, known, legal)

    def strength(self, some: np.ndarray) -> Strength:
        """The weight of the penalty under which the other annotations are most probable."""
        others = np.flatnonzero(~some)
        problem, vector = self._problem(some), None
        least, best = np.inf, None
        for l2 in _L2:
            vector = problem.fit(l2, steps=_STEPS, start=vector)
            weights = problem.weights(vector)
            chain = self.held(weights, others).chain
            temperature, loss = fit_temperature([chain], self.legal)
            if best is not None and not loss < least:
                break
            least, best = loss, Strength(l2, weights, unseen_losses(chain, self.legal, temperature))
        assert best is not None
        return best

    def trained(self, some: np.ndarray, l2: float) -> ChainWeights:
        """What some [n] of the sentences teach."""
        problem = self._problem(some)
        return problem.weights(problem.fit(l2, steps=_STEPS))

    def held(self, weights: ChainWeights, rows: np.ndarray) -> Held:
        """What a chain says of sentences, whose numbers [m] ascend."""
        some = np.isin(np.arange(len(self.lengths)), rows)
        words = np.repeat(some, self.lengths)
        flat = weights.unary(self.table, self.seen[words], self.encoded.vectors[words])
        unary = np.split(flat, np.cumsum(self.lengths[rows])[:-1])
        return Held(rows, (unary, weights.transitions, [self.known[row] for row in rows]))

    def _problem(self, some: np.ndarray) -> ChainProblem:
        known = [self.known[row] for row in np.flatnonzero(some)]
        words = np.repeat(some, self.lengths)
        no_rows = np.zeros((0, len(self.legal[0])), bool)
        return ChainProblem(
            self.table,
            self.seen[words],
            self.encoded.vectors[words],
            piece_lengths(known, self.legal),
            np.concatenate([no_rows, *known]),
            self.legal,
        )


def folds(group: np.ndarray, seed: int) -> np.ndarray:
    """The fold int [n] of each sentence, from 0 on; those of a group, from 0 on, are in one."""
    size = int(group.max()) + 1
    order = np.random.default_rng(seed).permutation(size)
    return (order % min(FOLDS, size))[group]


def fit_temperature(chains: Sequence[Chain], legal: Legal) -> tuple[float, float]:
    """The number that potentials are divided by for annotations to be the most probable.

    The most probable one under a log-normal prior around 1; very long sentences in pieces.

    Returns:
      the number, and the negative log-probability of it and the annotations, nats.
    """
    problems = [_packed(chain, legal) for chain in chains]

    def loss(log_temperature: float) -> float:
        total = log_temperature**2 / (2 * _TEMPERATURE_SPREAD**2)
        return total + sum(_losses(own, np.exp(log_temperature)).sum() for own in problems)

    found = scipy.optimize.minimize_scalar(loss, bounds=(-1.5, 1.5), method="bounded")
    return float(np.exp(found.x)), float(found.fun)


def unseen_losses(chain: Chain, legal: Legal, temperature: float) -> np.ndarray:
    """The negative log-probability of the annotations of each sentence, nats, float64 [m]."""
    problem = _packed(chain, legal)
    pieces = piece_lengths(chain[2], legal)
    ends = np.cumsum([len(potential) for potential in chain[0]])
    sentence = np.searchsorted(ends, np.cumsum(pieces))  # Of each piece.
    losses = np.zeros(len(chain[0]))
    np.add.at(losses, sentence[problem[0].sentences], _losses(problem, temperature))
    return losses


_Packed = tuple[PackedSentences, np.ndarray, np.ndarray, np.ndarray]


def _packed(chain: Chain, legal: Legal) -> _Packed:
    """The potentials [N, K] and [K, K] of a chain, -inf where illegal, and what is allowed."""
    unary, transitions, known = chain
    packed = PackedSentences(piece_lengths(known, legal))
    may = legal_words(packed, legal)
    potentials = np.where(may, np.concatenate(unary)[packed.order], -np.inf)
    moves = np.where(legal[1], transitions, -np.inf)
    return packed, potentials, moves, np.concatenate(known)[packed.order]


def _losses(problem: _Packed, temperature: float) -> np.ndarray:
    """log Z - log Z(given), by rank."""
    packed, unary, moves, known = problem
    cooled = unary / temperature, moves / temperature
    free = chain_sums(packed, *cooled, None).log_partition
    return free - chain_sums(packed, *cooled, known).log_partition
