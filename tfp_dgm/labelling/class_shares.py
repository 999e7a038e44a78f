"""How often the classes occur among all rows, however unevenly labels were drawn."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import scipy.sparse
import scipy.stats

from tfp_dgm.confidence import counts_of

_DRAWS = 64
_ITERATIONS = 100
# Prior of a class's row of the confusion matrix: what it weighs, in labels, and the labels with
# which half of the recall is learned.
_CONFUSION_LABELS = 2.0
_HALF_LEARNED = 3.0
# What the prior of the shares weighs beside the rows, and how far it believes that labels were
# drawn as the classes occur; for the rest it holds the classes to be equal.
_SHARES_WEIGHT = 0.02
_DRAWN_AT_RANDOM = 0.5
# A class with fewer labels is unknown: its share is not read off its labels, and what may be all
# of its rows are not accepted.
FEWEST_LABELS = 3
# Redundancy of the labels' shares, 1 - entropy / log K, up to which their draw is taken for even,
# and from which on the estimate is believed in full. That of 4 : 2 : 2 : 1 is 0.08, of
# 60 : 25 : 10 : 5 it is 0.26.
_EVEN, _UNEVEN = 0.1, 0.2
_MOST_RAISED = 5.0


@dataclass(frozen=True)
class ClassShares:
    """Estimates the classes' shares from answers, corrected for what the answers confuse.

    A model that was given fewer labels of a class than of others predicts it too rarely, and its
    predicted shares would confirm that. The confusion matrix of the cross-fitted answers,
    C[k, j] = p(predicted j | class k), does not depend on how often a class was drawn, and the
    shares pi solve

        q[j] = sum_k pi[k] C[k, j]

    for the predicted shares q of the rows without annotation [1], here as a posterior: rows of C
    are drawn from their Dirichlet posteriors, and for each draw pi is found by EM [2] under a
    Dirichlet prior halfway between the labels' shares and equal ones. A class with fewer labels
    than the others is expected to be recalled less, and one that no other fold could learn says
    nothing about its recall: its share is unknown rather than small.

    Args:
      rows: int [n]; the annotated rows.
      allowed: bool [n, K]; their annotations. Only those with one class are counted here.
      fold: int [n]; the fold that each is hidden in.
      group: int [n]; copies of one text share a group, and count once together.
      seed: of the draws.
      guides: int [g]; rows beyond the data set whose class is known. They teach, and say nothing of
        how often a class occurs or is recognised.
      guide_counts: float [g]; what each of them counts in training.
    References:
      [1] Lipton, Wang and Smola. Detecting and Correcting for Label Shift with Black Box
        Predictors. ICML 2018. arXiv:1802.03916
      [2] Saerens, Latinne and Decaestecker. Adjusting the Outputs of a Classifier to New a Priori
        Probabilities. Neural Computation 14, 2002.
    """

    rows: np.ndarray
    allowed: np.ndarray
    fold: np.ndarray
    group: np.ndarray
    seed: int
    guides: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    guide_counts: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @cached_property
    def counts(self) -> np.ndarray:
        """float [n]; what each annotation counts."""
        return counts_of(self.group)

    @cached_property
    def teaching(self) -> np.ndarray:
        """float [n + g]; what each annotation and each guide counts in training."""
        return np.concatenate([self.counts, self.guide_counts])

    @cached_property
    def drawn(self) -> np.ndarray:
        """float [K]; the classes' shares among the labels; equal ones without annotations.

        Sets tell of it only where there is nothing else: a thousand rows known not to be of a
        class are no draw of the others.
        """
        if not len(self.rows):
            return np.full(self.allowed.shape[1], 1 / self.allowed.shape[1])
        if self._single.any():
            return self._labels / self._labels.sum()
        return self.counts @ self._given / self.counts.sum()

    @cached_property
    def unevenness(self) -> float:
        """How unevenly labels were drawn, from 0 (about equally many of each class) to 1."""
        redundancy = 1 - float(scipy.stats.entropy(self.drawn)) / np.log(len(self.drawn))
        return float(np.clip((redundancy - _EVEN) / (_UNEVEN - _EVEN), 0, 1))

    @cached_property
    def unknown(self) -> np.ndarray:
        """bool [K]; classes with too few labels to know anything about them."""
        return self._labels < FEWEST_LABELS - 1e-6  # Copies' parts may sum to a little less.

    def draws(
        self, answers: np.ndarray, num_draws: int = _DRAWS, judged: np.ndarray | None = None
    ) -> np.ndarray:
        """Draws [S, K] of the shares among the rows without annotation.

        From the posterior where labels were drawn unevenly. Where they were drawn evenly, the
        answers' own mean is the better estimate: no class was made rare, and a posterior from few
        labels is wide. Between the two, their geometric mean.

        Args:
          answers: [N, K, F] of all rows: by the model of all annotations first, then by those that
            did not see a fold.
          num_draws: S.
          judged: int [m]; the rows that the models of the folds answer, if not all.
        """
        labels_share = (self._labels + 1e-9) / (self._labels + 1e-9).sum()
        open_rows = np.delete(np.arange(len(answers)), [*self.rows, *self.guides])
        if not len(open_rows):
            return np.tile(labels_share, (num_draws, 1))
        own = np.tile(answers[open_rows, :, 0].mean(axis=0, dtype=float), (num_draws, 1))
        if not self.unevenness:
            return own
        if judged is not None:
            open_rows = np.intersect1d(open_rows, judged)
        predicted = answers[:, :, 1:].argmax(axis=1)[open_rows]
        estimated = self._posterior(answers, predicted, labels_share, num_draws)
        shares = own ** (1 - self.unevenness) * estimated**self.unevenness
        return shares / shares.sum(axis=1, keepdims=True)

    def weights(self, shares: np.ndarray, power: float = 1.0) -> np.ndarray:
        """What each annotation counts in estimates for all rows, [..., n].

        An annotation counts as its class's share [..., K] over its share of the annotations, to a
        power (1 corrects in full, 0 not at all), and copies count once together. The weights sum
        to the effective number of texts, (sum w)^2 / sum w^2, so that estimates are not surer than
        the labels allow.
        """
        if not len(self.rows):
            return np.zeros((*shares.shape[:-1], 0))
        ratio = self._over_drawn(shares) ** power
        weights = ratio @ self._given.T * self.counts  # [..., n]
        rows = np.arange(len(self.group))
        members = scipy.sparse.csr_matrix((np.ones(len(rows)), (rows, self.group)))
        texts = weights @ members  # [..., groups]
        total = weights.sum(axis=-1, keepdims=True)
        return weights * (total / np.square(texts).sum(axis=-1, keepdims=True))

    def target(self, answers: np.ndarray) -> np.ndarray:
        """The shares float32 [K, F] that answers [N, K, F] should have in self-training.

        Those of a model know nothing of the annotations that it does not see.
        """
        shares: list[np.ndarray] = []
        for fold in range(-1, answers.shape[2] - 1):  # None is hidden from the first model.
            seen = self.fold != fold
            if not seen.any():
                shares.append(shares[0])
                continue
            known = replace(
                self,
                rows=self.rows[seen],
                allowed=self.allowed[seen],
                fold=self.fold[seen],
                group=np.unique(self.group[seen], return_inverse=True)[1],
            )
            shares.append(known.draws(answers, _DRAWS // 4).mean(axis=0))
        return np.stack(shares, axis=1).astype(np.float32)

    def raised(self, shares: np.ndarray) -> np.ndarray:
        """How much more annotations of a class that has too few for its share [K, F] count.

        Returns float32 [n + g, F]; none counts less than before, so that no class is silenced, and
        guides count as they are.
        """
        factors = np.clip(self._over_drawn(shares.T).T, 1, _MOST_RAISED)
        guides = np.ones((len(self.guides), shares.shape[1]))
        return np.concatenate([self._given @ factors, guides]).astype(np.float32)

    def _over_drawn(self, shares: np.ndarray) -> np.ndarray:
        """Shares [..., K] over those of the labels; 1 where a class has none, but is in sets."""
        return np.where(self.drawn > 0, shares / np.maximum(self.drawn, 1e-9), 1)

    @cached_property
    def _given(self) -> np.ndarray:
        return self.allowed / self.allowed.sum(axis=1, keepdims=True)

    @cached_property
    def _single(self) -> np.ndarray:
        return self.allowed.sum(axis=1) == 1

    @cached_property
    def _labels(self) -> np.ndarray:
        """float [K]; labels of each class."""
        return self.counts[self._single] @ self.allowed[self._single]

    def _posterior(
        self,
        answers: np.ndarray,
        predicted: np.ndarray,
        labels_share: np.ndarray,
        num_draws: int,
    ) -> np.ndarray:
        """Draws [S, K] from the posterior, by the classes predicted by the models of folds."""
        num_classes = len(labels_share)
        shares = np.bincount(predicted.ravel(), minlength=num_classes) / predicted.size  # [K]
        concentration = self._confusions(answers, shares)
        rng = np.random.default_rng(self.seed)
        matrix = rng.standard_gamma(np.tile(concentration, (num_draws, 1, 1))) + 1e-9
        matrix /= matrix.sum(axis=2, keepdims=True)  # [S, K, K]

        believed = np.where(self.unknown, 0, _DRAWN_AT_RANDOM)
        expected = believed * labels_share + (1 - believed) / num_classes
        expected /= expected.sum()
        found = np.tile(expected, (num_draws, 1))
        for _ in range(_ITERATIONS):
            mixed = np.einsum("sk,skj->sj", found, matrix)
            found = found * np.einsum("skj,sj->sk", matrix, shares / mixed)
            found = (found + _SHARES_WEIGHT * expected) / (1 + _SHARES_WEIGHT)
        return found

    def _confusions(self, answers: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """Dirichlet parameters [K, K] of the rows of the confusion matrix."""
        label, fold = self.allowed[self._single].argmax(axis=1), self.fold[self._single]
        counts, num_classes = self.counts[self._single], len(shares)
        hidden = np.zeros((num_classes, answers.shape[2]))  # Labels of a class in a fold.
        np.add.at(hidden, (label, fold), counts)
        learned = self._labels[label] > hidden[label, fold] + 1e-9
        answer = answers[self.rows[self._single], :, 1 + fold].argmax(axis=1)
        confused = np.zeros((num_classes, num_classes))
        np.add.at(confused, (label, answer), counts * learned)

        recall = (np.trace(confused) + 1) / (confused.sum() + 2)
        learning = self._labels / (self._labels + _HALF_LEARNED)
        usual = self._labels @ learning / max(self._labels.sum(), 1e-9)
        recalled = recall * np.minimum(1, learning / max(usual, 1e-9))  # [K]
        others = np.tile(shares + 1e-6, (num_classes, 1))
        np.fill_diagonal(others, 0)
        others /= others.sum(axis=1, keepdims=True)
        prior = np.diag(recalled) + (1 - recalled)[:, np.newaxis] * others
        return _CONFUSION_LABELS * prior + confused + 1e-3
