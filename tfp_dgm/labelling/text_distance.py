"""How far texts are from those of the training, and how far such texts are from each other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse
import tensorflow as tf
from sklearn.utils.extmath import randomized_svd

from tfp_dgm.labelling.class_distance import gaussian
from tfp_dgm.labelling.features import Features
from tfp_dgm.labelling.novelty_layers import TextNovelty
from tfp_dgm.text import WordCounts

# A text is of another world if it is farther than this share of the training's, by a part that is
# left unexplained: where texts are all alike, a shorter one is no other world.
_FAR, _MARGIN = 0.99, 0.1
_ALL = 1 - 1e-4  # Of a text that nothing explains: it is of another world, however many are alike.
_NO_LIMIT = 1e9
_LEAST_DEVIATION = 0.05  # Of a part unexplained; of squared distances, relative to their mean.
_FOLDS = 5
_ENOUGH = 1000  # Held out texts, from which on no further fold is looked at.
_MOST_AT_ONCE = 2000
_MIN_DOCUMENTS = 2  # As for the vocabulary.
_KNOTS = 101


@dataclass(frozen=True)
class TextDistance:
    """A distance of texts from those of the training, and that of texts held out from it.

        unexplained = 1 - (known words / words) |L' x|

    for TF-IDF x of length 1: the part of a text that neither the vocabulary nor the latent semantic
    dimensions L know. Where there is an encoder, the squared Mahalanobis distance of its vector
    from all others' is added. Each is divided by its deviation among the held out texts.

    Attributes:
      center: float32 [E]; of the encoder's vectors; E is 0 where there is none.
      precision: float32 [E, E].
      weights: float [2]; of the two distances.
      held_out: float [H], sorted; distances of training texts from others, that did not know them.
    """

    center: np.ndarray
    precision: np.ndarray
    weights: np.ndarray
    held_out: np.ndarray

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        features: Features,
        vectors: np.ndarray | None,
        *,
        seed: int = 0,
    ) -> "TextDistance":
        """Fits to the texts [N] whose features these are.

        Args:
          texts: N texts.
          features: of these texts.
          vectors: float32 [N, E]; the encoder's, or None.
          seed: of the folds.
        """
        fold = np.random.default_rng(seed).permutation(len(texts)) % _FOLDS
        found: list[np.ndarray] = []
        for number in range(_FOLDS):
            hidden = np.flatnonzero(fold == number)[:_MOST_AT_ONCE]
            others = np.flatnonzero(fold != number)
            if sum(map(len, found)) >= _ENOUGH or not len(hidden) or not len(others):
                continue
            lengths = word_numbers(features.word_counts, [texts[row] for row in hidden])
            counts = features.word_counts.count_matrix([texts[row] for row in hidden])
            columns = [_unexplained(features, counts, lengths, others, seed)]
            if vectors is None:
                columns.append(np.zeros(len(hidden)))
            else:
                center, precision = gaussian(vectors[others])
                columns.append(mahalanobis(vectors[hidden], center, precision))
            found.append(np.stack(columns, axis=1))
        measures = np.concatenate(found) if found else np.zeros((0, 2))
        weights = np.array([1 / _LEAST_DEVIATION, 0.0])
        center, precision = np.zeros(0, np.float32), np.zeros((0, 0), np.float32)
        if len(measures):
            least = _LEAST_DEVIATION * np.array([1, measures[:, 1].mean()])
            weights = 1 / np.maximum(np.maximum(measures.std(axis=0), least), 1e-6)
        if vectors is None:
            weights[1] = 0
        else:
            center, precision = (part.astype(np.float32) for part in gaussian(vectors))
        return cls(center, precision, weights, np.sort(measures @ weights))

    def layer(self) -> TextNovelty:
        """The share of held out texts that are at most as far as a text."""
        distances, shares = self.knots()
        units = len(self.center)
        layer = TextNovelty(
            distance_weights=self.weights,
            encoder_units=units,
            distances=distances,
            shares=shares,
            limit=self.limit(),
        )
        if units:
            layer.set_weights([self.center, self.precision])
        return layer

    def limit(self) -> float:
        """The distance beyond which a text is of another world."""
        if not len(self.held_out):
            return _NO_LIMIT
        unexplained = float(self.weights[0])
        limit = float(np.quantile(self.held_out, _FAR)) + _MARGIN * unexplained
        return limit if len(self.center) else min(limit, _ALL * unexplained)

    def far(
        self, texts: Sequence[str], features: Features, vectors: np.ndarray | None
    ) -> np.ndarray:
        """bool [N]; which of the texts that it was fitted to are beyond the limit.

        As `layer` finds them, so that a text gets the same answer when it comes again.

        Args:
          texts, features, vectors: as for `fit`.
        """
        distances = [np.zeros(0)]
        for start in range(0, len(texts), _MOST_AT_ONCE):
            part = slice(start, start + _MOST_AT_ONCE)
            length = np.linalg.norm(features.words[part] @ features.lsa, axis=1)
            distance = self.weights[0] * (
                1 - known_shares(features.word_counts, texts[part]) * length
            )
            if vectors is not None:
                distance += self.weights[1] * mahalanobis(
                    vectors[part], self.center, self.precision
                )
            distances.append(distance)
        return np.concatenate(distances) > self.limit()

    def knots(self) -> tuple[np.ndarray, np.ndarray]:
        """The share of the held out texts that are at most as far, as a piecewise linear function.

        Returns distances [P] and shares [P].
        """
        if not len(self.held_out):
            return np.array([0.0, 1.0]), np.array([0.0, 1.0])
        shares = np.linspace(0, 1, _KNOTS)
        distances = np.quantile(self.held_out, shares)
        # Knots must rise: of equal distances the last counts, which is as far as all of them.
        last = np.append(np.diff(distances) > 1e-6, True)
        distances, shares = distances[last], shares[last]
        start = distances[0] - max(1e-3, 0.01 * (distances[-1] - distances[0]))
        return np.append(start, distances), np.append(0.0, shares)


def word_numbers(word_counts: WordCounts, texts: Sequence[str]) -> np.ndarray:
    """How many words texts [N] have, those that the vocabulary lacks too: float [N]."""
    starts = range(0, len(texts), 256)
    parts = [word_counts.word_ids(texts[start : start + 256]).row_lengths() for start in starts]
    return np.concatenate([np.zeros(0), *(part.numpy() for part in parts)])


def known_shares(word_counts: WordCounts, texts: Sequence[str]) -> np.ndarray:
    """The shares [N] of the texts' words that the vocabulary has; 0 of a text without words."""
    ids = word_counts.word_ids(texts)
    known = tf.reduce_sum(tf.cast(ids > 0, tf.float32), axis=-1)
    return (known / tf.maximum(tf.cast(ids.row_lengths(), tf.float32), 1)).numpy()


def mahalanobis(rows: np.ndarray, center: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """(x - center)' precision (x - center), of rows [N, E]."""
    away = rows - center
    return ((away @ precision) * away).sum(axis=1)


def _unexplained(
    features: Features,
    counts: scipy.sparse.csr_matrix,
    lengths: np.ndarray,
    others: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Of texts [H] by their counts [H, V] and lengths [H]; `others` alone are known."""
    words = features.words[others]
    documents = np.asarray((words > 0).sum(axis=0)).ravel()
    known = documents >= _MIN_DOCUMENTS
    known = known if known.any() else documents > 0
    words = words[:, known]
    units = max(1, min(features.lsa.shape[1], min(words.shape) - 1))
    _, _, components = randomized_svd(_unit(words), units, n_iter=2, random_state=seed)
    hidden = _unit(features.tf_idf.transform(counts)[:, known])
    length = np.linalg.norm(hidden @ components.T, axis=1)
    share = np.asarray(counts[:, known].sum(axis=1)).ravel() / np.maximum(lengths, 1)
    return 1 - share * length


def _unit(rows: scipy.sparse.csr_matrix) -> scipy.sparse.csr_matrix:
    length = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    return (scipy.sparse.diags(1 / np.where(length > 0, length, 1)) @ rows).tocsr()
