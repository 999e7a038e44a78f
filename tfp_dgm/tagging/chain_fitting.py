"""Training of a linear-chain conditional random field on partially annotated sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse

from tfp_dgm.tagging.limited_memory_descent import descend
from tfp_dgm.tagging.packed_chains import PackedSentences, chain_sums
from tfp_dgm.tagging.word_windows import BLOCKS, VECTOR_SCALES, WordTable

_MOST_WEIGHTS = 10_000_000
# How many distinct words must have a feature, or how often a word must be there: more where there
# were too many weights.
_TOLERANCE = 1e-4  # Of the loss; closer to its least, unseen annotations get no likelier.
_LEAST_WORDS = (1, 2, 3, 5, 10)

Legal = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class ChainWeights:
    """A trained chain.

    Attributes:
      table: float32 [F + 2, BLOCKS, K]; what each feature of a word gives each tag.
      projection: float32 [D, BLOCKS, K]; the same of a word's vector.
      contextual: float32 [E, K]; the same of what an encoder says of a word in its sentence.
      transitions: float32 [K, K]; those of illegal moves mean nothing.
      bias: float32 [K].
    """

    table: np.ndarray
    projection: np.ndarray
    contextual: np.ndarray
    transitions: np.ndarray
    bias: np.ndarray

    @classmethod
    def zero(cls, words: WordTable, units: int, num_states: int) -> ChainWeights:
        """Of a chain that knows nothing, with an encoder of E units."""
        of_words = (words.forms.shape[1], BLOCKS), (words.vectors.shape[1], BLOCKS)
        shapes = *of_words, (units,), (num_states,), ()
        return cls(*(np.zeros((*shape, num_states), np.float32) for shape in shapes))

    def unary(self, words: WordTable, windows: np.ndarray, encoded: np.ndarray) -> np.ndarray:
        """Potentials [N, K] of words [N, BLOCKS] that an encoder says [N, E] of."""
        unary = encoded @ self.contextual + self.bias
        for block in range(BLOCKS):
            scores = words.forms @ self.table[:, block] + words.vectors @ self.projection[:, block]
            ids = windows[:, block]
            unary += np.where((ids >= 0)[:, np.newaxis], scores[ids], 0)
        return unary


class ChainProblem:
    """The regularised negative log-likelihood of annotations, and its derivative.

        sum_s log Z_s - log Z_s(given) + l2 / 2 |weights|^2

    Args:
      words: those of the sentences.
      windows: int [N, BLOCKS]; see `word_windows.windows`.
      encoded: float32 [N, E]; what an encoder says of them; E is 0 without one.
      lengths: int [S].
      allowed: bool [N, K].
      legal: bool [K], [K, K], [K].
    """

    def __init__(
        self,
        words: WordTable,
        windows: np.ndarray,
        encoded: np.ndarray,
        lengths: Sequence[int] | np.ndarray,
        allowed: np.ndarray,
        legal: Legal,
    ) -> None:
        self.packed = PackedSentences(lengths)
        order = self.packed.order
        self.num_states = allowed.shape[1]
        self.legal = legal_words(self.packed, legal)
        self.moves = legal[1]
        self.given = _Given(self.packed, allowed[order] & self.legal)
        self.words = words
        self.encoded = encoded[order]
        k = self.num_states
        for least in _LEAST_WORDS:
            self.blocks = self._blocks(windows[order], least)
            if sum(sum(block.sizes) for block in self.blocks) * k <= _MOST_WEIGHTS:
                break
        sizes = [size * k for block in self.blocks for size in block.sizes]
        self.bounds = np.cumsum([*sizes, encoded.shape[1] * k, k * k])
        self.num_weights = int(self.bounds[-1]) + k

    def _blocks(self, windows: np.ndarray, least: int) -> list[_Block]:
        scales = self.words.scales()
        return [
            _Block(self.words, windows[:, block], scales[block], VECTOR_SCALES[block], least)
            for block in range(BLOCKS)
        ]

    def split(self, weights: np.ndarray) -> list[np.ndarray]:
        """All weights: of features and vectors block by block, contextual [E, K], moves, bias."""
        *parts, moves, bias = np.split(weights, self.bounds)
        k = self.num_states
        return [*(part.reshape(-1, k) for part in parts), moves.reshape(k, k), bias]

    def value(self, weights: np.ndarray, l2: float) -> tuple[float, np.ndarray]:
        """The loss, nats, and its derivative [W]."""
        *parts, contextual, transitions, bias = self.split(weights)
        unary = np.where(self.legal, self.encoded @ contextual + bias, -np.inf)
        for number, block in enumerate(self.blocks):
            unary += block.scores(parts[2 * number], parts[2 * number + 1])
        transitions = np.where(self.moves, transitions, -np.inf)
        free = chain_sums(self.packed, unary, transitions, None)
        given, slope, moved = self.given.of(unary, transitions)
        loss = free.log_partition.sum() - given + l2 / 2 * weights @ weights
        slope = free.marginals - slope
        slopes = [part.ravel() for block in self.blocks for part in block.slopes(slope)]
        slopes.append((self.encoded.T @ slope).ravel())
        slopes += [(free.moves - moved).ravel(), slope.sum(axis=0)]
        whole = np.concatenate(slopes, dtype=np.float32)
        whole += np.float32(l2) * weights
        return float(loss), whole

    def fit(self, l2: float, *, steps: int, start: np.ndarray | None = None) -> np.ndarray:
        """The weights [W] where the loss is least, by L-BFGS."""
        start = np.zeros(self.num_weights, np.float32) if start is None else start
        return descend(lambda w: self.value(w, l2), start, steps=steps, tolerance=_TOLERANCE)

    def weights(self, weights: np.ndarray) -> ChainWeights:
        """A vector of all weights [W] as a chain."""
        *parts, contextual, transitions, bias = self.split(weights)
        zero = ChainWeights.zero(self.words, len(contextual), self.num_states)
        table, projection = zero.table, zero.projection
        for number, block in enumerate(self.blocks):
            table[block.kept, number] = parts[2 * number] * block.scale[:, np.newaxis]
            projection[:, number] = parts[2 * number + 1] * block.vector_scale
        return ChainWeights(table, projection, contextual, transitions, bias)


class _Given:
    """The log-partition under what is annotated, [N, K], and its derivatives.

    Of sentences that are annotated whole it is the score of one path.
    """

    def __init__(self, packed: PackedSentences, allowed: np.ndarray) -> None:
        one = allowed.sum(axis=1) == 1
        whole = np.bincount(packed.rank, ~one, minlength=len(packed.last)) == 0  # By rank.
        self._known = np.flatnonzero(whole[packed.rank])
        self._states = allowed[self._known].argmax(axis=1)
        state = np.zeros(len(allowed), np.int64)
        state[self._known] = self._states
        pairs = whole[packed.rank[packed.after]]
        self._pairs = state[packed.before[pairs]], state[packed.after[pairs]]
        self._path = np.zeros(allowed.shape, np.float32)
        self._path[self._known, self._states] = 1
        self._moved = np.zeros((allowed.shape[1],) * 2)
        np.add.at(self._moved, self._pairs, 1)
        # Of the others the ranks stay in order, so that they are packed as they stand.
        self._open = np.flatnonzero(~whole[packed.rank])
        lengths = np.bincount(packed.rank, minlength=len(packed.last))
        self._packed = PackedSentences(lengths[~whole]) if len(self._open) else None
        self._allowed = allowed[self._open]

    def of(
        self, unary: np.ndarray, transitions: np.ndarray
    ) -> tuple[float, np.ndarray, np.ndarray]:
        """log Z(given) of all sentences together, nats; its derivatives [N, K] and [K, K]."""
        total = unary[self._known, self._states].sum(dtype=np.float64)
        total += transitions[self._pairs].sum(dtype=np.float64)
        if self._packed is None:
            return total, self._path, self._moved
        sums = chain_sums(self._packed, unary[self._open], transitions, self._allowed)
        marginals = self._path.copy()
        marginals[self._open] = sums.marginals
        return total + sums.log_partition.sum(), marginals, self._moved + sums.moves


class _Block:
    """The words at one offset from each of N words; [V] of them are distinct.

    Attributes:
      kept: int [F_b]; the features that the block sees: of `least` distinct words, or places.
      scale: float32 [F_b].
    """

    def __init__(
        self,
        words: WordTable,
        ids: np.ndarray,
        scales: np.ndarray,
        vector_scale: float,
        least: int,
    ) -> None:
        there = np.flatnonzero(ids >= 0)
        distinct, place = np.unique(ids[there], return_inverse=True)
        own = words.forms[distinct]
        # Of a whole word, and of the ends of sentences, how often they are there counts instead.
        times = own.T @ np.bincount(place)
        often = np.where(words.spelled, own.getnnz(axis=0), times) >= least
        self.kept = np.flatnonzero(often & (scales > 0))
        self.scale = scales[self.kept]
        self.vector_scale = vector_scale
        self._forms = (own[:, self.kept] @ scipy.sparse.diags(self.scale)).tocsr()
        self._forms_back = self._forms.T.tocsr()
        self._vectors = words.vectors[distinct] * np.float32(vector_scale)
        shape = (len(ids), len(distinct))
        ones = np.ones(len(place), np.float32)
        self._gather = scipy.sparse.csr_matrix((ones, (there, place)), shape=shape)
        self._back = self._gather.T.tocsr()
        self.sizes = len(self.kept), words.vectors.shape[1]

    def scores(self, table: np.ndarray, projection: np.ndarray) -> np.ndarray:
        """What features [F_b, K] and vectors [D, K] give each tag, [N, K]."""
        return self._gather @ (self._forms @ table + self._vectors @ projection)

    def slopes(self, slope: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The derivative in both, of that in the scores [N, K]."""
        of_words = self._back @ slope
        return self._forms_back @ of_words, self._vectors.T @ of_words


def legal_words(packed: PackedSentences, legal: Legal) -> np.ndarray:
    """bool [N, K], packed; False where no sentence may begin or end so."""
    initial, _, final = legal
    allowed = np.ones((len(packed.order), len(initial)), bool)
    allowed[packed.first] &= initial
    allowed[packed.last] &= final
    return allowed
