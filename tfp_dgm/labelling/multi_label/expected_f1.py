"""From which probability on a class is given to a row, so that the F1 to be expected is highest."""

import numpy as np

LEAST, MOST = 0.2, 0.5


def f1_thresholds(probabilities: np.ndarray) -> np.ndarray:
    """The probability [K] from which on each class is predicted.

    Of rows of which the m most probable get the class, F1 is expected to be about

        2 sum_{i <= m} p[i] / (m + sum_i p[i]),

    and its best m leaves out the rows below half of that [1]. Never above 1/2, where an answer
    is likelier wrong than right; nor below 0.2, since of a class of which nothing is known every
    row would else be the best choice.

    Args:
      probabilities: float [N, K]; calibrated.
    References:
      [1] Lipton, Elkan and Naryanaswamy. Optimal Thresholding of Classifiers to Maximize F1
        Measure. ECML PKDD 2014. arXiv:1402.1892
    """
    ranked = -np.sort(-probabilities, axis=0)
    predicted = np.arange(1, len(ranked) + 1)[:, np.newaxis]
    expected = 2 * np.cumsum(ranked, axis=0) / (predicted + ranked.sum(axis=0))
    return np.clip(expected.max(axis=0) / 2, LEAST, MOST)
