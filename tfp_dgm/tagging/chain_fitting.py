"""Training of a linear-chain conditional random field on partially annotated sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.optimize
import scipy.sparse

from tfp_dgm.tagging.chain_sums import PackedSentences, chain_sums
from tfp_dgm.tagging.word_windows import BLOCKS

Legal = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class ChainWeights:
    """A trained chain.

    Attributes:
      table: float32 [F + 2, BLOCKS, K]; what each feature of a word gives each tag.
      transitions: float32 [K, K], without what is illegal.
      bias: float32 [K].
    """

    table: np.ndarray
    transitions: np.ndarray
    bias: np.ndarray

    @classmethod
    def zero(cls, size: int, num_states: int) -> ChainWeights:
        """Of a chain that knows nothing: `size` features, K states."""
        shape = (num_states, num_states)
        return cls(
            np.zeros((size, BLOCKS, num_states), np.float32),
            np.zeros(shape, np.float32),
            np.zeros(num_states, np.float32),
        )

    def unary(self, forms: scipy.sparse.csr_matrix, windows: np.ndarray) -> np.ndarray:
        """Potentials [N, K] of words [N, BLOCKS] whose features are [U + 2, F + 2]."""
        unary = np.repeat(self.bias[np.newaxis], len(windows), axis=0)
        for block in range(BLOCKS):
            scores = forms @ self.table[:, block]
            ids = windows[:, block]
            unary += np.where((ids >= 0)[:, np.newaxis], scores[ids], 0)
        return unary


class ChainProblem:
    """The regularised negative log-likelihood of annotations, and its derivative.

        sum_s log Z_s - log Z_s(given) + l2 / 2 |weights|^2

    Args:
      forms: float32 sparse [U + 2, F + 2]; the features of words.
      scales: float32 [BLOCKS, F + 2]; what each weighs.
      windows: int [N, BLOCKS]; see `word_windows.windows`.
      lengths: int [S].
      allowed: bool [N, K].
      legal: bool [K], [K, K], [K].
    """

    def __init__(
        self,
        forms: scipy.sparse.csr_matrix,
        scales: np.ndarray,
        windows: np.ndarray,
        lengths: Sequence[int] | np.ndarray,
        allowed: np.ndarray,
        legal: Legal,
    ) -> None:
        self.packed = PackedSentences(lengths)
        order = self.packed.order
        self.num_states = allowed.shape[1]
        self.legal = legal_words(self.packed, legal)
        self.allowed = allowed[order] & self.legal
        self.moves = legal[1]
        self.size = forms.shape[1]
        self.kept: list[np.ndarray] = []
        self.forms: list[scipy.sparse.csr_matrix] = []
        self.places: list[np.ndarray] = []
        self.gather: list[scipy.sparse.csr_matrix] = []
        self.scale: list[np.ndarray] = []
        for block in range(BLOCKS):
            ids = windows[order, block]
            there = np.flatnonzero(ids >= 0)
            words, place = np.unique(ids[there], return_inverse=True)
            own = forms[words]
            kept = np.flatnonzero((np.diff(own.tocsc().indptr) > 0) & (scales[block] > 0))
            self.kept.append(kept)
            self.scale.append(scales[block, kept])
            self.forms.append((own[:, kept] @ scipy.sparse.diags(self.scale[-1])).tocsr())
            self.gather.append(
                scipy.sparse.csr_matrix(
                    (np.ones(len(place), np.float32), (there, place)),
                    shape=(len(ids), len(words)),
                )
            )
        self.back = [gather.T.tocsr() for gather in self.gather]
        self.forms_back = [own.T.tocsr() for own in self.forms]
        k = self.num_states
        self.sizes = [len(kept) * k for kept in self.kept]
        self.num_weights = sum(self.sizes) + k * k + k

    def split(self, weights: np.ndarray) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
        """A vector of all weights as those of blocks [F_b, K], of moves [K, K], the bias [K]."""
        k = self.num_states
        blocks, start = [], 0
        for size in self.sizes:
            blocks.append(weights[start : start + size].reshape(-1, k))
            start += size
        return blocks, weights[start : start + k * k].reshape(k, k), weights[start + k * k :]

    def value(self, weights: np.ndarray, l2: float) -> tuple[float, np.ndarray]:
        blocks, transitions, bias = self.split(weights.astype(np.float32))
        unary = np.where(self.legal, bias, -np.inf).astype(np.float32)
        for gather, forms, block in zip(self.gather, self.forms, blocks, strict=True):
            unary += gather @ (forms @ block)
        transitions = np.where(self.moves, transitions, -np.inf)
        free = chain_sums(self.packed, unary, transitions, None)
        given = chain_sums(self.packed, unary, transitions, self.allowed)
        loss = free.log_partition.sum() - given.log_partition.sum() + l2 / 2 * weights @ weights
        slope = (free.marginals - given.marginals).astype(np.float32)
        parts = [
            (forms @ (back @ slope)).ravel()
            for back, forms in zip(self.back, self.forms_back, strict=True)
        ]
        parts += [(free.moves - given.moves).ravel(), slope.sum(axis=0)]
        return float(loss), np.concatenate(parts) + l2 * weights

    def fit(self, l2: float, *, steps: int, start: np.ndarray | None = None) -> np.ndarray:
        """The weights where the loss is least, float64 [W]."""
        found = scipy.optimize.minimize(
            self.value,
            np.zeros(self.num_weights) if start is None else start,
            args=(l2,),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": steps, "maxfun": 2 * steps, "ftol": 1e-6, "maxcor": 6},
        )
        return found.x

    def weights(self, weights: np.ndarray) -> ChainWeights:
        blocks, transitions, bias = self.split(weights.astype(np.float32))
        table = np.zeros((self.size, BLOCKS, self.num_states), np.float32)
        for number, (kept, scale, block) in enumerate(
            zip(self.kept, self.scale, blocks, strict=True)
        ):
            table[kept, number] = block * scale[:, np.newaxis]
        return ChainWeights(table, transitions, bias)


def legal_words(packed: PackedSentences, legal: Legal) -> np.ndarray:
    """bool [N, K], packed; False where no sentence may begin or end so."""
    initial, _, final = legal
    allowed = np.ones((len(packed.order), len(initial)), bool)
    allowed[packed.first] &= initial
    allowed[packed.last] &= final
    return allowed
