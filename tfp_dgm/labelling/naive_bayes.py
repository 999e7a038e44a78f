"""Naive Bayes on TF-IDF weights, with EM over the texts without labels."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse

from tfp_dgm.labelling.self_training import restrict, softmax
from tfp_dgm.labelling.soft_labels import told

_SCALE = 3.0  # TF-IDF vectors have length 1: this is how much evidence a text is.
_ITERATIONS = 15


@dataclass(frozen=True)
class NaiveBayes:
    """F multinomial naive Bayes models.

    Attributes:
      log_words: float32 [V, K, F]; log p(word | class).
      log_classes: float32 [K, F]; log p(class).
      temperature: what its logits are divided by.
    """

    log_words: np.ndarray
    log_classes: np.ndarray
    temperature: float

    @classmethod
    def fit(
        cls,
        words: scipy.sparse.csr_matrix,
        responsibilities: np.ndarray,
        *,
        prior_count: float = 0.03,
        temperature: float = 4.0,
    ) -> "NaiveBayes":
        """Fits to TF-IDF [N, V] and class responsibilities [N, K, F]."""
        rows, classes, models = responsibilities.shape
        counts = words.T @ responsibilities.reshape(rows, classes * models)
        counts = _SCALE * np.asarray(counts).reshape(-1, classes, models) + prior_count
        sizes = responsibilities.sum(axis=0) + 1
        return cls(
            (np.log(counts) - np.log(counts.sum(axis=0))).astype(np.float32),
            (np.log(sizes) - np.log(sizes.sum(axis=0))).astype(np.float32),
            temperature,
        )

    def coefficients(self) -> tuple[np.ndarray, np.ndarray]:
        """The weights [V, K, F] and biases [K, F] of its tempered linear logits."""
        return self.log_words * (_SCALE / self.temperature), self.log_classes / self.temperature

    def predict(self, words: scipy.sparse.csr_matrix) -> np.ndarray:
        """Class probabilities of TF-IDF rows [N, V]: float32 [N, K, F]."""
        weights, biases = self.coefficients()
        size, classes, models = weights.shape
        logits = np.asarray(words @ weights.reshape(size, classes * models))
        return softmax(logits.reshape(-1, classes, models) + biases)


def naive_bayes_em(
    words: scipy.sparse.csr_matrix,
    rows: np.ndarray,
    allowed: np.ndarray,
    visible: np.ndarray,
    counts: np.ndarray,
    *,
    prior_count: float,
    temperature: float,
) -> NaiveBayes:
    """Fits F models by EM; arguments as for `self_training.self_train`, and `clamp`."""
    masks = np.repeat(allowed[:, :, np.newaxis], visible.shape[1], axis=2).astype(np.float32)
    given = masks / masks.sum(axis=1, keepdims=True) * told(allowed)[:, np.newaxis, np.newaxis]
    smoothing = {"prior_count": prior_count, "temperature": temperature}
    model = NaiveBayes.fit(
        words[rows], given * visible[:, np.newaxis] * counts[:, np.newaxis, np.newaxis], **smoothing
    )
    for _ in range(_ITERATIONS):
        model = NaiveBayes.fit(
            words, clamp(model.predict(words), rows, masks, visible, counts), **smoothing
        )
    return model


def clamp(
    probabilities: np.ndarray,
    rows: np.ndarray,
    masks: np.ndarray,
    visible: np.ndarray,
    counts: np.ndarray,
) -> np.ndarray:
    """Responsibilities [N, K, F]: annotated rows that a model may see obey their annotation.

    They sum to 1 over the classes, in annotated rows to what each annotation counts [n].
    """
    result = probabilities.copy()
    known = restrict(probabilities[rows], masks)
    known = np.where(visible[:, np.newaxis], known, probabilities[rows])
    result[rows] = known * counts[:, np.newaxis, np.newaxis]
    return result
